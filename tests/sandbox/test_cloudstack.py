"""Identity, jobs, VPCs, tiers, addresses, machines and limits: cloudstack-api.md sections 1.6, 2.2, 3 and 4."""

from datetime import timedelta

import httpx
import pytest

from sandbox.site import REFERENCE
from sandbox.world import World
from tests.sandbox.cloudstack_client import Refused, client_of, root_of


@pytest.fixture
def world():
    return World()


@pytest.fixture
def root(world):
    return root_of(world)


@pytest.fixture
def acme(root):
    return root.account("acme", root.domain("acme"))


def refusal(command, *given, **parameters):
    with pytest.raises(Refused) as found:
        command(*given, **parameters)
    return found.value


# discovery


def test_the_zone_and_the_menu_are_those_of_the_reference_site_5_2(root):
    zone = root.list("listZones")[0]

    assert (zone["name"], zone["provider"], zone["networktype"]) == ("zone1", "Netris", "Advanced")
    assert root("listCapabilities")["capability"]["cloudstackversion"] == "4.22.0.0"
    assert {each["name"]: each["networkmode"] for each in root.list("listVPCOfferings")} == {
        "VPC offering with Netris - NAT Mode": "NATTED",
        "VPC offering with Netris - Route Mode": "ROUTED",
    }
    tiers = root.list("listNetworkOfferings", forvpc="true", specifyvlan="false", state="Enabled")
    assert [each["name"] for each in tiers] == [
        "DefaultNATNetrisNetworkOfferingForVpc",
        "DefaultRoutedNetrisNetworkOfferingForVpc",
    ]
    services = {each["name"]: each["provider"][0]["name"] for each in tiers[1]["service"]}
    assert services == {
        "Dhcp": "VpcVirtualRouter",
        "Dns": "VpcVirtualRouter",
        "UserData": "VpcVirtualRouter",
        "NetworkACL": "Netris",
    }
    assert [each["vlan"] for each in root.list("listVlanIpRanges")] == ["vxlan://12", "vxlan://13", "vlan://untagged"]


def test_list_apis_shows_what_the_caller_may_run_3_1(root, acme):
    everything = {each["name"] for each in root.list("listApis")}
    allowed = {each["name"]: each for each in acme.list("listApis")}

    assert {"addNetrisProvider", "createVPC"} <= everything
    assert "addNetrisProvider" not in allowed
    assert allowed["createVPC"]["isasync"] is True
    names = {each["name"]: each["required"] for each in allowed["createVPC"]["params"]}
    assert names["zoneid"] is True
    assert "fordisplay" not in names  # for root only
    assert root("listApis", name="nonsense") == {}


def test_zone_addresses_are_shown_to_root_alone_3_1(root, acme):
    assert "dns1" in root.list("listZones")[0]
    assert "dns1" not in acme.list("listZones")[0]


# jobs


def test_a_job_is_pending_until_it_is_due_2_2():
    world = World(job_seconds=5)
    root = root_of(world)
    started = root("createVPC", name="prod", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))

    pending = root("queryAsyncJobResult", jobid=started["jobid"])
    at_once = root.list("listVPCs")[0]
    world.clock.advance(5)
    done = root("queryAsyncJobResult", jobid=started["jobid"])

    assert list(started) == ["id", "jobid"]
    assert (pending["jobstatus"], pending["jobresultcode"], "jobresult" in pending) == (0, 0, False)
    assert (pending["jobinstancetype"], pending["jobinstanceid"]) == ("Vpc", started["id"])
    assert pending["cmd"].endswith("vpc.CreateVPCCmdByAdmin")
    assert (at_once["state"], at_once["jobid"], at_once["jobstatus"]) == ("Enabled", started["jobid"], 0)
    assert (done["jobstatus"], done["jobresulttype"], done["jobresult"]["vpc"]["id"]) == (1, "object", started["id"])
    assert done["completed"].endswith("+0000")
    assert "jobid" not in root.list("listVPCs")[0]
    assert root.list("listAsyncJobs")[0]["jobid"] == started["jobid"]


def test_jobs_of_one_vpc_wait_for_each_other_2_2():
    world = World()
    root = root_of(world)
    vpc, other = root.vpc("one"), root.vpc("two")
    world.cloudstack.jobs.seconds = 10
    first = root("updateVPC", id=vpc["id"], name="uno")["jobid"]
    second = root("updateVPC", id=vpc["id"], name="eins")["jobid"]
    elsewhere = root("updateVPC", id=other["id"], name="due")["jobid"]

    world.clock.advance(5)

    assert [root("queryAsyncJobResult", jobid=job)["jobstatus"] for job in (first, second, elsewhere)] == [1, 0, 1]
    world.clock.advance(5)
    assert root("queryAsyncJobResult", jobid=second)["jobstatus"] == 1
    assert root.list("listVPCs", id=vpc["id"])[0]["name"] == "eins"


def test_a_failed_job_is_still_a_200_with_its_text_2_2(root, acme):
    vpc = acme.vpc()
    acme.tier(vpc)

    response = acme.send("queryAsyncJobResult", jobid=acme("deleteVPC", id=vpc["id"])["jobid"])

    job = response.json()["queryasyncjobresultresponse"]
    assert response.status_code == 200
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 431)
    assert job["jobresult"].keys() == {"errorcode", "errortext"}
    assert "used by 1 networks" in job["jobresult"]["errortext"]


def test_somebody_elses_job_is_a_531_2_2(root, acme):
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]

    assert refusal(acme, "queryAsyncJobResult", jobid=job).status == 531


def test_a_restart_fails_the_jobs_that_were_running_2_2(tmp_path):
    world = World(state_dir=tmp_path, job_seconds=60)
    root = root_of(world)
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]
    world.close()

    again = World(state_dir=tmp_path, job_seconds=60)
    found = root_of(again)("queryAsyncJobResult", jobid=job)
    again.close()

    assert (found["jobstatus"], found["jobresultcode"]) == (2, 530)
    assert not {"jobresult", "jobresulttype"} & found.keys()


def test_a_restart_can_be_told_to_go_on_with_jobs(tmp_path):
    world = World(state_dir=tmp_path, job_seconds=60)
    root = root_of(world)
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]
    world.close()

    again = World(state_dir=tmp_path, resume_jobs=True)
    found = root_of(again)("queryAsyncJobResult", jobid=job)
    again.close()

    assert found["jobstatus"] == 1


# VPCs


def test_a_vpc_has_two_source_nat_addresses_and_a_router_5_4(root):
    vpc = root.vpc("prod")

    addresses = root.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true")
    assert [each.get("forprovider") for each in addresses] == [None, True]
    assert [each["ipaddress"].rsplit(".", 1)[0] for each in addresses] == ["203.0.113", "198.51.100"]
    router = root.list("listRouters", vpcid=vpc["id"])[0]
    assert (router["state"], router["role"], router["publicip"]) == (
        "Running",
        "VIRTUAL_ROUTER",
        addresses[0]["ipaddress"],
    )
    assert vpc["networkdomain"] == "cs2.cloud.internal"
    assert all("capability" not in service for service in vpc["service"])


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"cidr": "8.8.8.0/24"}, 431),
        ({"cidr": "10.0.0.0"}, 431),
        ({"cidr": "ten"}, 431),
        ({"cidr": None}, 431),
        ({"cidrsize": "24"}, 431),
        ({"cidr": "10.0.0.0/16", "sourcenatipaddress": "192.0.2.1"}, 431),
        ({"cidr": "10.0.0.0/16", "account": "acme"}, 431),
        ({"cidr": "10.0.0.0/16", "projectid": "-1"}, 431),
    ],
)
def test_create_vpc_is_refused_while_the_caller_waits_3_3(world, root, parameters, status):
    given = {"cidr": "10.0.0.0/16", **parameters}

    found = refusal(root, "createVPC", name="x", zoneid=root.zone, vpcofferingid=nat_offering(root), **given)

    assert (found.status, found.body["cserrorcode"]) == (status, 4350)
    assert world.are_empty()


def test_names_and_ranges_of_vpcs_may_repeat_3_3(root):
    first, second = root.vpc("same"), root.vpc("same")

    assert {each["id"] for each in root.list("listVPCs", name="SAM")} == {first["id"], second["id"]}
    assert [each["id"] for each in root.list("listVPCs", cidr="10.10.0.0/16")] == [second["id"], first["id"]]


def test_an_unstarted_vpc_touches_nothing_3_3(world, root):
    vpc = root.vpc("later", start="false")
    assert not any(left.startswith("netris") for left in world.what_is_left())

    root.done("restartVPC", id=vpc["id"])
    assert any(left.startswith("netris vpc") for left in world.what_is_left())


def test_a_routed_vpc_shows_its_routes_3_3(root, acme):
    vpc = root.vpc("routed", mode="Route")

    assert vpc["ip4routing"] == "Static"
    assert {route["subnet"] for route in vpc["ip4routes"]} == {"10.10.0.0/16"}
    tier = root.tier(vpc, mode="Routed")
    assert tier["ip4routing"] == "Static"
    offering = acme.list("listVPCOfferings", name="Route")[0]["id"]
    given = {"name": "x", "zoneid": acme.zone, "vpcofferingid": offering}
    assert refusal(acme, "createVPC", cidr="10.0.0.0/16", **given).status == 431
    assert refusal(acme, "createVPC", cidrsize="24", **given).status == 533


def test_an_update_changes_what_is_sent_3_3(root):
    vpc = root.vpc()
    free = root.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
    root.done("associateIpAddress", vpcid=vpc["id"], ipaddress=free)

    changed = root.done(
        "updateVPC", id=vpc["id"], name="prod", displaytext="new", publicmtu="9000", sourcenatipaddress=free
    )["vpc"]

    assert (changed["name"], changed["displaytext"], changed["publicmtu"]) == ("prod", "new", 1500)
    sources = root.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true", forprovider="true")
    assert [each["ipaddress"] for each in sources] == [free]


def test_deleting_gives_everything_back_3_3(world, root):
    vpc = root.vpc()
    tier = root.tier(vpc)
    assert root.job("deleteVPC", id=vpc["id"])["jobresultcode"] == 431

    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])

    assert world.what_is_left() == []


# tiers


def test_a_tier_shows_its_vni_to_root_alone_5_3(root, acme):
    tier = acme.tier(acme.vpc())

    seen = root.list("listNetworks", id=tier["id"])[0]
    vni = int(seen["details"]["netrisvxlanid"])
    assert seen["broadcasturi"] == f"netris://{vni}"
    assert 1000000 <= vni <= 2000000
    assert not {"broadcasturi", "vlan", "details", "displaynetwork"} & tier.keys()
    assert (tier["state"], tier["broadcastdomaintype"], tier["type"]) == ("Allocated", "Netris", "Isolated")
    (entry,) = root.list("listGuestVlans", allocatedonly="true")
    assert (entry["vlan"], entry["account"], entry["network"][0]["id"]) == (str(vni), "acme", tier["id"])


@pytest.mark.parametrize(
    ("parameters", "status", "text"),
    [
        ({"gateway": "10.11.1.1"}, 431, "is not within vpc"),
        ({"gateway": "10.10.0.1", "netmask": "255.255.252.0"}, 431, "crosses other network cidr"),
        ({"gateway": "10.10.1.0"}, 431, "network nor the broadcast"),
        ({"gateway": "10.10.5.255"}, 431, "network nor the broadcast"),
        ({"gateway": "ten"}, 431, "Invalid gateway"),
        ({"gateway": "10.10.5.1", "netmask": "255.0.255.0"}, 431, "Invalid netmask"),
        ({"gateway": None}, 431, "required"),
        ({"gateway": "10.10.8.1", "netmask": "255.255.248.0"}, 431, "larger than /22"),
        ({"gateway": "10.10.5.1", "networkdomain": "other.example"}, 431, "Networkdomain"),
        ({"gateway": "10.10.5.1", "vpcid": None}, 431, "VPC networks only"),
    ],
)
def test_create_network_is_refused_as_documented_3_4(acme, parameters, status, text):
    vpc = acme.vpc()
    acme.tier(vpc)
    offering = acme.list("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")[0]["id"]
    given = {"gateway": "10.10.2.1", "netmask": "255.255.255.0", "vpcid": vpc["id"], **parameters}

    found = refusal(acme, "createNetwork", name="x", zoneid=acme.zone, networkofferingid=offering, **given)

    assert found.status == status
    assert text in found.text
    assert len(acme.list("listNetworks")) == 1


def test_a_vpc_has_three_tiers_and_tenants_do_not_read_why_3_4(root, acme):
    vpc = acme.vpc()
    for number in (1, 2, 3):
        acme.tier(vpc, gateway=f"10.10.{number}.1")

    hidden, shown = refusal(acme.tier, vpc, gateway="10.10.4.1"), refusal(root.tier, vpc, gateway="10.10.4.1")

    assert (hidden.status, shown.status) == (530, 530)
    assert hidden.text.startswith("Internal error executing command")
    assert shown.text == "Number of networks per VPC cannot surpass [3]."


def test_a_tier_offering_must_fit_the_vpc_offering_3_4(root):
    found = refusal(root.tier, root.vpc(mode="Route"), mode="NAT")

    assert found.status == 431
    assert "Service/provider combination" in found.text


def test_the_default_acl_lists_can_be_attached_3_5(root):
    lists = {each["name"]: each for each in root.list("listNetworkACLLists")}
    tier = root.tier(root.vpc(), aclid=lists["default_allow"]["id"])

    assert (tier["aclid"], tier["aclname"]) == (lists["default_allow"]["id"], "default_allow")
    rules = root.list("listNetworkACLs", networkid=tier["id"])
    assert [(rule["number"], rule["traffictype"], rule["action"]) for rule in rules] == [
        (2, "Egress", "Allow"),
        (1, "Ingress", "Allow"),
    ]
    assert "vpcid" not in lists["default_deny"]
    assert "aclid" not in root.tier(root.vpc(), "plain")


def test_network_names_are_matched_exactly_and_keywords_anywhere_quirk_11(root):
    vpc = root.vpc()
    root.tier(vpc, "web-1")

    assert root("listNetworks", name="web") == {}
    assert len(root.list("listNetworks", name="WEB-1")) == len(root.list("listNetworks", keyword="web")) == 1
    assert root.list("listNetworks", issystem="true", listall="true")[0]["name"] == "Public"


def test_a_tier_cannot_be_restarted_with_cleanup_3_4(root):
    job = root.job("restartNetwork", id=root.tier(root.vpc())["id"], cleanup="true")

    assert job["jobresult"]["errortext"].startswith("Cannot restart a VPC tier with cleanup")


def test_no_vni_left_is_a_530_and_leaves_no_tier_5_5():
    world = World(site=REFERENCE.sized(vnis=(100, 101)))
    root = root_of(world)
    vpc = root.vpc()
    for number in (1, 2):
        root.tier(vpc, gateway=f"10.10.{number}.1")

    found = refusal(root.tier, vpc, gateway="10.10.3.1")

    assert found.status == 530
    assert found.text.startswith("Failed to allocate VXLAN for Netris guest Network")
    assert len(root.list("listNetworks")) == 2


# machines keep tiers alive


def test_a_tier_is_implemented_while_a_machine_runs_4_2(world, root):
    tier = root.tier(root.vpc())
    machine = root.machine(tier)

    def state():
        return root.list("listNetworks", id=tier["id"])[0]

    assert (machine["state"], machine["nic"][0]["networkid"], machine["ipaddress"]) == (
        "Running",
        tier["id"],
        "10.10.1.3",
    )
    assert state()["state"] == "Implemented"
    root.done("stopVirtualMachine", id=machine["id"])
    world.clock.advance(timedelta(minutes=5))
    assert state()["state"] == "Implemented"
    world.clock.advance(timedelta(minutes=10))
    assert state()["state"] == "Allocated"
    assert "broadcasturi" not in state()
    assert state()["details"]["netrisvxlanid"]
    root.done("startVirtualMachine", id=machine["id"])
    assert state()["state"] == "Implemented"
    assert "broadcasturi" in state()


def test_destroyed_machines_hold_their_tier_until_they_are_expunged_4_5(world, root, acme):
    tier = acme.tier(acme.vpc())
    machine = acme.machine(tier)

    acme.done("destroyVirtualMachine", id=machine["id"])
    assert acme("listVirtualMachines") == {}
    assert root.list("listVirtualMachines", id=machine["id"])[0]["state"] == "Destroyed"
    assert acme.job("deleteNetwork", id=tier["id"])["jobresult"]["errortext"] == "Failed to delete network"
    world.clock.advance(timedelta(days=1, minutes=1))
    assert root("listVirtualMachines", id=machine["id"]) == {}
    acme.done("deleteNetwork", id=tier["id"])


def test_machine_names_and_addresses_are_checked_3_9(root):
    tier = root.tier(root.vpc(), netmask="255.255.255.252")
    root.list("listNetworks")

    assert refusal(root.machine, tier, "1-web").status == 431
    assert refusal(root.machine, tier, "web", ipaddress="10.10.9.9").status == 431
    assert refusal(root.machine, tier, "web").status == 533  # a /30 holds the gateway and the router
    assert root("listVirtualMachines") == {}


# addresses


def test_addresses_are_taken_and_given_back_3_6(world, root):
    vpc = root.vpc()
    free = root.list("listPublicIpAddresses", state="Free", forprovider="true", zoneid=root.zone)
    wanted = free[0]["ipaddress"]
    assert not {"account", "allocated", "vpcid"} & free[0].keys()

    taken = root.done("associateIpAddress", vpcid=vpc["id"], ipaddress=wanted)["ipaddress"]
    assert (taken["ipaddress"], taken["state"], taken["issourcenat"]) == (wanted, "Allocated", False)
    assert refusal(root, "associateIpAddress", vpcid=vpc["id"], ipaddress=wanted).status == 431
    assert root.done("disassociateIpAddress", id=taken["id"]) == {"success": True}
    assert root("listPublicIpAddresses", id=taken["id"]) == {}
    assert root.list("listPublicIpAddresses", id=taken["id"], allocatedonly="false")[0]["state"] == "Free"


def test_the_source_nat_address_stays_3_6(root):
    vpc = root.vpc()
    source = root.list("listPublicIpAddresses", vpcid=vpc["id"], forprovider="true")[0]

    job = root.job("disassociateIpAddress", id=source["id"])

    assert job["jobresult"] == {
        "errorcode": 431,
        "errortext": "ip address is used for source nat purposes and can not be disassociated.",
    }


def test_without_an_address_one_of_the_wrong_range_is_handed_out_5_5(root):
    taken = root.done("associateIpAddress", vpcid=root.vpc()["id"])["ipaddress"]

    assert taken["ipaddress"].startswith("203.0.113.")
    assert "forprovider" not in taken
    router_range = root.list("listPublicIpAddresses", state="Free", keyword="203.0.113.")[0]["ipaddress"]
    found = refusal(root, "associateIpAddress", vpcid=taken["vpcid"], ipaddress=router_range)
    assert (found.status, "not from the reserved pool" in found.text) == (530, True)


def test_an_empty_pool_is_a_533_5_5():
    world = World(site=REFERENCE.sized(public_pool=("198.51.100.0/29",)))
    root = root_of(world)
    for _ in range(5):
        root.vpc()

    found = refusal(root.vpc)

    assert (found.status, found.body["cserrorcode"]) == (533, 4320)


# owners and limits


def test_tenants_see_their_own_things_and_nothing_else_1_6(root, acme):
    globex = root.account("globex", root.domain("globex"))
    vpc, tier = (mine := acme.vpc()), acme.tier(mine)

    for listed in ("listVPCs", "listNetworks", "listPublicIpAddresses", "listAsyncJobs"):
        assert globex(listed, listall="true") == {}
        assert acme(listed)["count"] > 0
    assert refusal(globex, "listVPCs", id=vpc["id"]).status == 531
    assert refusal(globex, "deleteVPC", id=vpc["id"]).status == 531
    assert refusal(globex, "deleteNetwork", id=tier["id"]).status == 531
    assert refusal(globex, "listVPCs", account="acme", domainid=vpc["domainid"]).status == 531
    assert refusal(globex.tier, vpc, "mine").status == 531


def test_admins_see_only_their_own_unless_they_ask_for_all_1_6(root, acme):
    vpc = acme.vpc()

    assert root("listVPCs") == {}
    assert root.list("listVPCs", listall="true")[0]["domainpath"] == "ROOT/acme"
    assert len(root.list("listVPCs", domainid=vpc["domainid"])) == 1
    assert len(root.list("listVPCs", account="acme", domainid=vpc["domainid"])) == 1
    assert root("listVPCs", listall="true", projectid="-1")["count"] == 1
    assert root("listVPCs", projectid="-1") == {}
    assert refusal(root, "listVPCs", account="acme", projectid="-1", domainid=vpc["domainid"]).status == 431


def test_domain_admins_reign_below_their_domain_1_6(root):
    top = root.domain("msp")
    admin = root.account("msp-admin", top, accounttype=2)
    tenant = admin.account("tenant", admin.domain("tenant"))
    stranger = root.account("stranger", root.domain("elsewhere"))
    vpc, other = tenant.vpc(), stranger.vpc()

    assert [each["id"] for each in admin.list("listVPCs", listall="true")] == [vpc["id"]]
    assert [each["id"] for each in admin.list("listVPCs", domainid=top["id"], isrecursive="true")] == [vpc["id"]]
    assert admin("listVPCs", domainid=top["id"]) == {}
    assert refusal(admin, "listVPCs", id=other["id"]).status == 531
    assert {each["name"] for each in admin.list("listDomains")} == {"msp", "tenant"}
    admin.done("deleteVPC", id=vpc["id"])


def test_things_can_be_made_for_another_account_1_6(root, acme):
    domain = acme.account_view["domainid"]

    vpc = root.vpc(account="acme", domainid=domain)

    assert (vpc["account"], vpc["domain"]) == ("acme", "acme")
    given = {"name": "x", "cidr": "10.0.0.0/16", "zoneid": root.zone, "vpcofferingid": nat_offering(root)}
    assert refusal(root, "createVPC", domainid=domain, **given).status == 431
    assert refusal(acme, "createVPC", account="admin", domainid=domain, **given).status == 531


def test_limits_are_checked_before_anything_is_made_2_1(root, acme):
    domain = acme.account_view["domainid"]
    changed = root("updateResourceLimit", resourcetype=7, max=1, account="acme", domainid=domain)["resourcelimit"]
    assert (changed["resourcetype"], changed["resourcetypename"], changed["max"]) == ("7", "vpc", 1)
    acme.vpc()

    found = refusal(acme.vpc)

    assert (found.status, found.body["cserrorcode"]) == (535, 4370)
    assert "Type = 'vpc'" in found.text
    assert "Account Resource Limit = 1" in found.text
    account = acme.list("listAccounts")[0]
    assert (account["vpclimit"], account["vpctotal"], account["vpcavailable"]) == ("1", 1, "0")
    root("updateResourceLimit", resourcetype=7, max=-1, account="acme", domainid=domain)
    assert acme.list("listAccounts")[0]["vpclimit"] == "Unlimited"


def test_a_domain_has_limits_of_its_own_3_1(root, acme):
    root("updateResourceLimit", resourcetype=7, max=0, domainid=acme.account_view["domainid"])

    assert "Domain Resource Limit = 0" in refusal(acme.vpc).text
    assert root.list("listAccounts")[0]["vpclimit"] == "Unlimited"


def test_every_account_starts_with_twenty_of_everything_3_1(acme):
    limits = {each["resourcetypename"]: each["max"] for each in acme.list("listResourceLimits")}

    assert (limits["vpc"], limits["network"], limits["public_ip"], limits["cpu"]) == (20, 20, 20, 40)
    assert len(limits) == 17


def test_accounts_domains_and_users_live_and_die_3_1(world, root):
    domain = root.domain("acme")
    acme = root.account("acme", domain)
    acme.machine(acme.tier(acme.vpc()))
    assert refusal(root, "createDomain", name="ACME").status == 431
    assert refusal(root.account, "acme", domain).status == 431
    assert root.job("deleteDomain", id=domain["id"])["jobstatus"] == 2

    root.done("deleteDomain", id=domain["id"], cleanup="true")

    assert world.what_is_left() == []
    assert refusal(acme, "listZones").status == 401


def test_keys_are_the_users_own_3_1(root, acme):
    user = acme.account_view["user"][0]["id"]
    keys = acme("getUserKeys", id=user)["userkeys"]

    assert (keys["apikey"], len(keys["secretkey"])) == (acme.key, 86)
    other = root.account("globex", root.domain("globex"))
    assert refusal(other, "getUserKeys", id=user).status == 531
    acme("registerUserKeys", id=user)
    assert refusal(acme, "listZones").status == 401
    assert "apikey" not in root.list("listUsers", listall="true")[0]


def test_an_account_can_be_renamed_locked_and_removed_3_1(world, root, acme):
    identifier = acme.account_view["id"]
    assert root("updateAccount", id=identifier, newname="acme-2")["account"]["name"] == "acme-2"
    assert root.done("disableAccount", id=identifier, lock="true")["account"]["state"] == "locked"
    assert root("enableAccount", id=identifier)["account"]["state"] == "enabled"
    acme.vpc()

    root.done("deleteAccount", id=identifier)

    assert root("listAccounts", id=identifier) == {}
    assert world.are_empty()


# the past, tags, infrastructure


def test_an_asynchronous_command_leaves_three_events_3_11(root):
    vpc = root.vpc("prod")

    events = root.list("listEvents", type="VPC.CREATE")

    assert [event["state"] for event in events] == ["Completed", "Started", "Scheduled"]
    assert {event.get("parentid") for event in events[:2]} == {events[2]["id"]}
    assert {event["resourceid"] for event in events} == {vpc["id"]}
    assert len(root.list("listEvents", startid=events[2]["id"])) == 3


def test_tags_are_set_found_and_removed_3_11(root):
    vpc = root.vpc()
    pair = {"tags[0].key": "env", "tags[0].value": "Prod"}
    given = {"resourcetype": "vpc", "resourceids": vpc["id"]}

    root.done("createTags", **given, **pair)

    assert root.list("listVPCs", **pair)[0]["tags"][0]["value"] == "Prod"
    assert root("listVPCs", **{"tags[0].key": "env", "tags[0].value": "test"}) == {}
    assert root.job("createTags", **given, **pair)["jobresultcode"] == 431
    assert root.list("listTags", key="env")[0]["resourcetype"] == "Vpc"
    root.done("deleteTags", **given)
    assert root.list("listVPCs")[0]["tags"] == []


def test_the_vni_pool_can_be_changed_around_what_is_taken_3_10(root):
    root.tier(root.vpc())
    network = root.list("listPhysicalNetworks")[0]
    assert (network["vlan"], network["isolationmethods"]) == ("1000000-2000000", "Netris")

    assert root.job("updatePhysicalNetwork", id=network["id"], vlan="1-2")["jobresultcode"] == 431
    changed = root.done("updatePhysicalNetwork", id=network["id"], vlan="1000000-2000000,3000000-3000009")

    assert changed["physicalnetwork"]["vlan"].endswith("3000009")
    assert root("listGuestVlans", page=1, pagesize=1)["count"] == 1000011


def test_the_controller_is_a_host_of_its_own_kind_3_10(world, root):
    hosts = root.list("listHosts")

    assert [host["type"] for host in hosts] == ["Routing"] * 3 + ["L2Networking"]
    assert hosts[-1]["state"] == "Up"
    world.netris.faults.order("down")
    world.clock.advance(120)
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Alert"


# faults


def test_faults_are_ordered_over_the_control_endpoint(world, root):
    root.http.post("/_sandbox/faults", json={"kind": "refuse", "call": "listVPCs", "times": 1, "text": "no"})

    found = refusal(root, "listVPCs")

    assert (found.status, found.text) == (530, "no")
    assert root("listVPCs") == {}
    assert root.http.get("/_sandbox/calls").json()["listVPCs"] == 2
    assert root.http.get("/_sandbox/health").json()["service"] == "cloudstack"


def test_a_lost_reply_has_taken_effect(world, root):
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)

    with pytest.raises(httpx.ReadError):
        root.vpc()

    assert len(root.list("listVPCs")) == 1


def test_a_service_that_is_down_changes_nothing(world, root):
    offering = nat_offering(root)
    world.cloudstack.faults.order("down")

    with pytest.raises(httpx.ConnectError):
        root("createVPC", name="x", cidr="10.0.0.0/16", zoneid="1", vpcofferingid=offering)

    root.http.delete("/_sandbox/faults")
    assert world.are_empty()


def test_a_job_that_is_ordered_to_fail_leaves_no_vpc(world, root):
    offering = nat_offering(root)
    world.cloudstack.faults.order("fail_job", "createVPC", times=1)

    job = root.job("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create VPC"}
    assert world.are_empty()


def nat_offering(root):
    return root.list("listVPCOfferings", name="NAT")[0]["id"]


def test_two_clients_see_the_same_world(world, root):
    root.vpc()

    assert client_of(world).get("/_sandbox/calls").json()["createVPC"] == 1
