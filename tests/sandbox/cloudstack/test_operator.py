"""What the operator alone does: roles, physical networks, providers, ranges: cloudstack-api.md 3.0, 3.1, 3.10."""

import uuid

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import refusal, root_of

NAMES = {
    "account": "kim",
    "username": "kim",
    "password": "x",
    "firstname": "Kim",
    "lastname": "X",
    "email": "k@x.example",
}


# roles


def role(root, *rules, **more):
    """A role with rules such as `allow list*`, tried in that order."""
    made = root("createRole", **{"name": "own", "type": "User", **more})["role"]
    for each in rules:
        permission, rule = each.split()
        root("createRolePermission", roleid=made["id"], rule=rule, permission=permission)
    return made


def give(root, caller, made):
    root("updateAccount", id=caller.account_view["id"], roleid=made["id"])


def apis(caller):
    return {each["name"] for each in caller("listApis").get("api", [])}


def test_the_first_rule_that_fits_decides_3_0(root, acme, globex):
    vpc = acme.vpc()
    before = apis(acme)
    give(root, acme, role(root, "allow listVPCs", "deny LISTV*", "deny *VPC", "allow createVpcOffering"))

    assert acme.list("listVPCs")[0]["id"] == vpc["id"]
    for command in ("listVPCOfferings", "listVolumes", "createVPC", "updateVPC", "deleteVPC"):
        assert refusal(acme, command).status == 432
    assert acme.list("listNetworkOfferings")  # no rule fits: the role's type decides
    assert refusal(acme, "listRolePermissions").status == 432
    assert refusal(acme, "createVPCOffering").status == 431  # allowed, though its type is not
    assert before - apis(acme) == {each for each in before if each.startswith("listV") or each.endswith("VPC")} - {
        "listVPCs"
    }
    assert apis(acme) - before == {"createVPCOffering"}
    assert apis(globex) == before


def test_a_role_may_allow_nothing_at_all_3_1(root, acme):
    give(root, acme, role(root, "deny *"))

    assert refusal(acme, "listApis").status == 432
    assert acme.send("listZones").json().keys() == {"errorresponse"}


def test_a_role_of_the_type_admin_is_held_by_its_rules_3_0(root):
    made = role(root, "deny delete*", type="Admin")
    boss = root("createAccount", **NAMES, roleid=made["id"])["account"]
    assert (boss["accounttype"], boss["rolename"], boss["roletype"]) == (1, "own", "Admin")
    keys = root("registerUserKeys", id=boss["user"][0]["id"])["userkeys"]
    kim = type(root)(root.http, (keys["apikey"], keys["secretkey"]))

    assert "rolename" in kim.list("listAccounts")[0]
    assert kim.list("listRolePermissions", roleid=made["id"])[0]["rule"] == "delete*"
    assert refusal(kim, "deleteAccount").status == 432


def test_a_role_made_from_another_copies_its_rules_3_1(root, acme):
    first = role(root, "deny createVPC", "allow list*", description="no VPCs")
    second = root("createRole", name="copy", roleid=first["id"])["role"]
    root("createRolePermission", roleid=first["id"], rule="deleteVPC", permission="deny")

    def rules(made):
        return [(each["rule"], each["permission"]) for each in root.list("listRolePermissions", roleid=made["id"])]

    assert (second["type"], second["isdefault"], second["ispublic"]) == ("User", False, True)
    assert rules(second) == [("createVPC", "deny"), ("list*", "allow")]
    assert rules(first) == [*rules(second), ("deleteVPC", "deny")]
    give(root, acme, second)
    assert refusal(acme, "createVPC").status == 432
    assert refusal(acme, "deleteVPC").status == 431


def test_a_role_that_reads_reads_only_3_1(root, acme):
    reader = root.list("listRoles", name="Read-Only User")[0]
    vpc = acme.vpc()
    copy = root("createRole", name="guest", roleid=reader["id"])["role"]
    for made in (reader, copy):
        give(root, acme, made)

        assert acme.list("listVPCs")[0]["id"] == vpc["id"]
        assert refusal(acme, "updateVPC", id=vpc["id"]).status == 432
        assert refusal(acme, "listHosts").status == 432
        assert all(name.startswith(("list", "get", "query")) for name in apis(acme))


def test_roles_and_rules_outlive_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    root = root_of(world)
    made = role(root, "allow listZones", "deny *")
    acme = root.account("acme", root.domain("acme"))
    give(root, acme, made)
    world.close()

    again = World(state_dir=tmp_path)
    root, acme = root_of(again), type(root)(root_of(again).http, (acme.key, acme.secret))

    assert [each["rule"] for each in root.list("listRolePermissions", roleid=made["id"])] == ["listZones", "*"]
    assert acme.list("listZones")
    assert refusal(acme, "listVPCs").status == 432
    again.close()


@pytest.mark.parametrize(
    ("command", "parameters"),
    [
        ("createRole", {}),
        ("createRole", {"name": "x"}),
        ("createRole", {"name": "x", "type": "Emperor"}),
        ("createRole", {"name": "x", "type": "User", "roleid": "own"}),
        ("createRolePermission", {"roleid": "own", "rule": "list*"}),
        ("createRolePermission", {"roleid": "own", "rule": "list*", "permission": "maybe"}),
        ("createRolePermission", {"roleid": "own", "rule": "list VPCs", "permission": "allow"}),
        ("createRolePermission", {"roleid": "own", "rule": "[a-z]*", "permission": "allow"}),
        ("createRolePermission", {"roleid": "own", "rule": "LISTZONES", "permission": "allow"}),
        ("listRolePermissions", {"roleid": str(uuid.uuid4())}),
    ],
)
def test_what_makes_no_role_is_refused_3_1(root, command, parameters):
    made = role(root, "deny listZones")
    if parameters.get("roleid") == "own":
        parameters = parameters | {"roleid": made["id"]}

    assert refusal(root, command, **parameters).status == 431


def test_the_default_roles_stay_as_they_are_3_1(root):
    user = root.list("listRoles", name="User")[0]

    assert user["isdefault"] is True
    assert refusal(root, "createRolePermission", roleid=user["id"], rule="list*", permission="deny").status == 531
    assert root("listRolePermissions", roleid=user["id"]) == {}


def test_tenants_see_no_rules_and_admins_below_root_no_private_roles_3_1(root, acme):
    secret = role(root, ispublic="false")
    boss = root.account("boss", root.domain("far"), accounttype=2)

    assert {each["name"] for each in boss.list("listRoles")} == {
        "Resource Admin",
        "Domain Admin",
        "User",
        "Read-Only User",
    }
    assert secret["id"] in {each["id"] for each in root.list("listRoles")}
    assert refusal(boss, "createAccount", **NAMES, roleid=secret["id"]).status == 431
    for caller in (acme, boss):
        for command in ("listRolePermissions", "createRole", "createRolePermission"):
            assert refusal(caller, command).status == 432
    assert refusal(acme, "listRoles").status == 432
    assert not [each for each in acme.list("listEvents") if each["type"].startswith("ROLE.")]
    made = root.list("listEvents", type="ROLE.CREATE")
    assert [(each["state"], each["resourceid"]) for each in made] == [("Completed", secret["id"])]


# physical networks


def second(root, **more):
    given = {"zoneid": root.zone, "name": "second", "vlan": "100-199", "isolationmethods": "VLAN", **more}
    return root.done("createPhysicalNetwork", **given)["physicalnetwork"]


def test_a_second_physical_network_carries_nothing_3_10(root, acme):
    first = root.list("listPhysicalNetworks")[0]
    made = second(root, networkspeed="10G", tags="slow,old", broadcastdomainrange="pod")

    shown = {name: made[name] for name in ("state", "vlan", "networkspeed", "tags", "broadcastdomainrange")}
    assert shown == {
        **{"state": "Disabled", "vlan": "100-199", "networkspeed": "10G", "tags": "slow,old"},
        "broadcastdomainrange": "POD",
    }
    changed = root.done("updatePhysicalNetwork", id=made["id"], state="enabled", vlan="200-299")["physicalnetwork"]
    assert (changed["state"], changed["vlan"]) == ("Enabled", "200-299")
    assert root("listTrafficTypes", physicalnetworkid=made["id"]) == {}
    assert acme.tier(acme.vpc())["physicalnetworkid"] == first["id"]
    assert {int(each["vlan"]) for each in root.list("listGuestVlans", allocatedonly="true")} < set(
        range(10**6, 2 * 10**6)
    )
    assert root.job("updatePhysicalNetwork", id=first["id"], vlan="250-2000000")["jobresultcode"] == 431


def test_the_provider_of_a_network_that_netris_isolates_is_enabled_5_1(world, root):
    made = second(root, isolationmethods="Netris")

    (provider,) = root.list("listNetworkServiceProviders", physicalnetworkid=made["id"])
    assert (provider["name"], provider["state"]) == ("Netris", "Enabled")
    world.cloudstack.faults.order("fail_job", "createPhysicalNetwork", times=1)
    before = root.list("listNetworkServiceProviders")
    given = {"zoneid": root.zone, "name": "third", "vlan": "300-399", "isolationmethods": "Netris"}
    assert root.job("createPhysicalNetwork", **given)["jobresultcode"] == 530
    assert root.list("listNetworkServiceProviders") == before


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"vlan": "9-1"}, {"vlan": "999999-1000000"}, {"broadcastdomainrange": "MOON"}]
)
def test_what_makes_no_physical_network_is_refused_3_10(root, wrong):
    given = {"zoneid": root.zone, "name": "second", **wrong}

    assert refusal(root, "createPhysicalNetwork", **given).status == 431
    assert len(root.list("listPhysicalNetworks")) == 1


# providers


def provider(root, name):
    return root.list("listNetworkServiceProviders", name=name)[0]


def test_a_provider_is_added_to_a_physical_network_and_enabled_3_10(root):
    network = second(root)
    given = {"physicalnetworkid": network["id"], "name": "netris", "servicelist": "lb,NetworkACL"}

    made = root.done("addNetworkServiceProvider", **given)["networkserviceprovider"]

    assert (made["name"], made["state"], made["servicelist"]) == ("Netris", "Disabled", ["Lb", "NetworkACL"])
    assert [each["id"] for each in root.list("listNetworkServiceProviders", physicalnetworkid=network["id"])] == [
        made["id"]
    ]
    for state in ("Enabled", "Shutdown", "Disabled"):
        changed = root.done("updateNetworkServiceProvider", id=made["id"], state=state)["networkserviceprovider"]
        assert changed["state"] == state
    changed = root.done("updateNetworkServiceProvider", id=made["id"], servicelist="StaticNat")
    assert changed["networkserviceprovider"]["servicelist"] == ["StaticNat"]
    for wrong in ({}, {"name": "Nsx"}, {"name": "Netris", "servicelist": "Dhcp"}):
        assert refusal(root, "addNetworkServiceProvider", **{**given, "name": "Netris", **wrong}).status == 431
    for wrong in ({"state": "Asleep"}, {"servicelist": "Vpn"}):
        assert root.job("updateNetworkServiceProvider", id=made["id"], **wrong)["jobresultcode"] == 431
    whole = provider(root, "InternalLbVm")
    assert whole["canenableindividualservice"] is False
    assert root.job("updateNetworkServiceProvider", id=whole["id"], servicelist="Lb")["jobresultcode"] == 431
    types = [each["state"] for each in root.list("listEvents", type="SERVICE.PROVIDER.CREATE")]
    assert types == ["Completed", "Started", "Scheduled"]


def test_nothing_new_is_built_by_a_provider_that_is_not_enabled_5_1(root, acme):
    vpc = acme.vpc()
    tier, netris = acme.tier(vpc), provider(root, "Netris")
    root.done("updateNetworkServiceProvider", id=netris["id"], state="Disabled")

    assert refusal(acme.vpc, "second").status == 431
    assert refusal(acme.tier, vpc, "db", gateway="10.10.2.1").status == 431
    vm = acme.machine(tier)
    assert vm["state"] == "Running"
    root.done("updateNetworkServiceProvider", id=netris["id"], state="Enabled", servicelist="Lb,SourceNat")
    assert refusal(acme.tier, vpc, "db", gateway="10.10.2.1").status == 431
    root.done("updateNetworkServiceProvider", id=netris["id"], servicelist=",".join(netris["servicelist"]))
    acme.tier(vpc, "db", gateway="10.10.2.1")


def test_the_job_of_a_creation_may_fail_and_leaves_nothing_2_2(world, root):
    network = root.list("listPhysicalNetworks")[0]["id"]
    given = {
        "createPhysicalNetwork": ("listPhysicalNetworks", {"name": "x", "zoneid": root.zone}),
        "addNetworkServiceProvider": (
            "listNetworkServiceProviders",
            {"name": "Netris", "physicalnetworkid": second(root)["id"]},
        ),
        "createVPCOffering": ("listVPCOfferings", {"name": "x", "provider": "Netris"}),
    }
    for command, (listing, sent) in given.items():
        before = root.list(listing)
        world.cloudstack.faults.order("fail_job", command, times=1)

        job = root.job(command, **sent)

        assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
        assert root.list(listing) == before
    assert network


def test_a_custom_id_replaces_the_uuid_3_0(root):
    wanted, pools = str(uuid.uuid4()), root.list("listVlanIpRanges")
    old = provider(root, "ConfigDrive")["id"]

    job = root.job("updateNetworkServiceProvider", id=old, customid=wanted)
    changed = root("updateVlanIpRange", id=pools[0]["id"], customid=wanted.upper())["vlan"]

    assert (job["jobinstanceid"], job["jobresult"]["networkserviceprovider"]["id"]) == (wanted, wanted)
    assert provider(root, "ConfigDrive")["id"] == wanted
    assert refusal(root, "updateNetworkServiceProvider", id=old).status == 431
    assert changed["id"] == wanted
    assert [each["id"] for each in root.list("listVlanIpRanges")] == [wanted, *(each["id"] for each in pools[1:])]
    assert {each["vlanid"] for each in free(root, forsystemvms="true")} == {wanted}
    for wrong in ("no uuid", pools[1]["id"]):
        assert refusal(root, "updateVlanIpRange", id=wanted, customid=wrong).status == 431


# ranges


def free(root, **more):
    return root.list("listPublicIpAddresses", state="Free", pagesize=-1, **more)


def last_octets(root):
    return sorted(int(each["ipaddress"].rpartition(".")[2]) for each in free(root, forprovider="true"))


@pytest.fixture
def pool(root):
    return root.list("listVlanIpRanges")[2]


def test_a_range_grows_and_shrinks_3_10(root, pool):
    assert last_octets(root) == list(range(2, 127))

    shown = root("updateVlanIpRange", id=pool["id"], startip="198.51.100.10", endip="198.51.100.20")["vlan"]

    assert (shown["startip"], shown["endip"], shown["id"]) == ("198.51.100.10", "198.51.100.20", pool["id"])
    assert last_octets(root) == list(range(10, 21))
    wider = {"gateway": "198.51.100.1", "netmask": "255.255.255.0", "endip": "198.51.100.200"}
    assert root("updateVlanIpRange", id=pool["id"], **wider)["vlan"]["cidr"] == "198.51.100.0/24"
    assert last_octets(root) == list(range(10, 201))
    assert root.list("listVlanIpRanges")[2]["endip"] == "198.51.100.200"
    assert root.list("listEvents", type="VLAN.IP.RANGE.UPDATE")[0]["resourceid"] == pool["id"]


def test_addresses_in_use_stay_in_their_range_3_10(root, acme, pool):
    vpc = acme.vpc()
    used = acme.list("listPublicIpAddresses", vpcid=vpc["id"], forprovider="true")[0]["ipaddress"]
    number = int(used.rpartition(".")[2])
    ends = {"startip": "198.51.100.2", "endip": f"198.51.100.{number - 1}"}
    if number == 2:
        ends = {"startip": "198.51.100.3"}

    assert refusal(root, "updateVlanIpRange", id=pool["id"], **ends).status == 431
    assert refusal(root, "updateVlanIpRange", id=pool["id"], forsystemvms="true").status == 431
    assert len(last_octets(root)) == 124
    root("updateVlanIpRange", id=pool["id"], startip=used, endip=used)
    assert last_octets(root) == []
    assert refusal(acme.vpc, "second").status == 530
    acme.done("deleteVPC", id=vpc["id"])
    assert last_octets(root) == [number]


@pytest.mark.parametrize(
    "wrong",
    [
        {"startip": "198.51.101.2"},
        {"startip": "198.51.100.20", "endip": "198.51.100.10"},
        {"gateway": "198.51.100.50"},
        {"netmask": "255.255.255.252"},
        {"startip": "x"},
        {"startipv6": "2001:db8::1"},
        {"gateway": "203.0.113.129", "startip": "203.0.113.131", "endip": "203.0.113.140"},
    ],
)
def test_what_makes_no_range_is_refused_3_10(root, pool, wrong):
    before = root.list("listVlanIpRanges")

    assert refusal(root, "updateVlanIpRange", id=pool["id"], **wrong).status == 431
    assert root.list("listVlanIpRanges") == before


def test_a_range_may_turn_to_system_vms_3_10(root):
    routers = root.list("listVlanIpRanges")[1]
    before = len(free(root, forsystemvms="true"))

    assert root("updateVlanIpRange", id=routers["id"], forsystemvms="true")["vlan"]["forsystemvms"] is True
    assert len(free(root, forsystemvms="true")) == before + 125


def test_a_tenant_runs_none_of_it_3_10(acme):
    for command in (
        *("createPhysicalNetwork", "addNetworkServiceProvider", "updateNetworkServiceProvider", "updateVlanIpRange"),
        *("createVPCOffering", "createNetworkOffering", "createASNRange", "createBgpPeer", "listBgpPeers"),
        *("changeBgpPeersForVpc", "createIpv4SubnetForZone"),
    ):
        found = refusal(acme, command)
        assert (found.status, found.body["cserrorcode"]) == (432, 9999)
