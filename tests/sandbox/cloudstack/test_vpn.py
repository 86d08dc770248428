"""Site-to-site VPN: cloudstack-api.md 3.8, 5.2 (which VPCs have it), 3.3 and 3.6 (what takes a gateway along)."""

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import refusal, root_of
from tests.sandbox.cloudstack.scenarios import FAR_END

SECRET = FAR_END["ipsecpsk"]


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def gateway(acme, vpc):
    return made(acme, vpc)


@pytest.fixture
def far_end(acme):
    return customer(acme)


def made(caller, vpc, **more):
    return caller.done("createVpnGateway", vpcid=vpc["id"], **more)["vpngateway"]


def customer(caller, **more):
    return caller.done("createVpnCustomerGateway", **(FAR_END | more))["vpncustomergateway"]


def joined(caller, gateway, far_end, **more):
    return caller.done("createVpnConnection", **ends(gateway, far_end), **more)["vpnconnection"]


def ends(gateway, far_end):
    return {"s2svpngatewayid": gateway["id"], "s2scustomergatewayid": far_end["id"]}


def owner(caller):
    account = caller.account_view
    return {"account": account["name"], "domainid": account["domainid"], "domain": "acme", "domainpath": "ROOT/acme"}


def without_job(row):
    return {name: value for name, value in row.items() if name not in ("jobid", "jobstatus")}


# the VPC's gateway


def test_a_vpc_has_one_gateway_on_its_routers_address_3_8(acme, vpc, gateway):
    sources = acme.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true")
    (router,) = [each["ipaddress"] for each in sources if not each.get("forprovider")]

    assert without_job(gateway) == {
        **{"id": gateway["id"], "publicip": router, "vpcid": vpc["id"], "vpcname": "prod"},
        **owner(acme),
    }
    assert refusal(acme, "createVpnGateway", vpcid=vpc["id"]).status == 431
    second = made(acme, acme.vpc("second"))
    assert [each["id"] for each in acme.list("listVpnGateways")] == [second["id"], gateway["id"]]
    assert [each["id"] for each in acme.list("listVpnGateways", vpcid=vpc["id"])] == [gateway["id"]]
    assert [each["id"] for each in acme.list("listVpnGateways", id=gateway["id"])] == [gateway["id"]]


def test_a_gateway_may_have_an_address_of_its_own_3_8(acme, vpc):
    address, foreign = acme.public_ip(vpc["id"]), acme.public_ip(acme.vpc("second")["id"])
    assert refusal(acme, "createVpnGateway", vpcid=vpc["id"], ipaddressid=foreign["id"]).status == 431

    assert made(acme, vpc, ipaddressid=address["id"])["publicip"] == address["ipaddress"]

    tier = acme.tier(vpc)
    given = {"virtualmachineid": acme.machine(tier)["id"], "networkid": tier["id"], "ipaddressid": address["id"]}
    ports = {"publicport": 1, "privateport": 1, "protocol": "tcp"}
    assert refusal(acme, "createPortForwardingRule", **given, **ports).status == 537
    assert refusal(acme, "enableStaticNat", **given).status == 537
    acme.done("disassociateIpAddress", id=address["id"])
    assert acme("listVpnGateways") == {}


def test_an_address_with_a_rule_is_no_gateways_3_6(acme, vpc):
    address, tier = acme.public_ip(vpc["id"]), acme.tier(vpc)
    given = {"virtualmachineid": acme.machine(tier)["id"], "networkid": tier["id"], "ipaddressid": address["id"]}
    acme("enableStaticNat", **given)

    assert refusal(acme, "createVpnGateway", vpcid=vpc["id"], ipaddressid=address["id"]).status == 537


def test_a_vpc_that_is_not_started_has_the_address_it_has_3_8(acme):
    offering = acme.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"name": "later", "cidr": "10.1.0.0/16", "zoneid": acme.zone, "vpcofferingid": offering, "start": "false"}
    vpc = acme.done("createVPC", **given)["vpc"]
    (address,) = acme.list("listPublicIpAddresses", vpcid=vpc["id"])

    assert made(acme, vpc)["publicip"] == address["ipaddress"]


def test_a_routed_vpc_has_no_vpn_5_2(root):
    found = refusal(root, "createVpnGateway", vpcid=root.vpc(mode="Route")["id"])

    assert (found.status, "Vpn" in found.text) == (431, True)


def test_a_vpc_takes_gateway_and_connections_along_3_3(world, root, acme, vpc, gateway, far_end):
    joined(acme, gateway, far_end)

    acme.done("deleteVPC", id=vpc["id"])

    assert (acme("listVpnGateways"), acme("listVpnConnections")) == ({}, {})
    assert [each["id"] for each in acme.list("listVpnCustomerGateways")] == [far_end["id"]]
    root.done("deleteAccount", id=acme.account_view["id"])
    assert world.are_empty()


# the customer's gateway


def test_a_customer_gateway_shows_all_but_the_key_3_8(acme, far_end):
    assert without_job(far_end) == {
        **{name: value for name, value in FAR_END.items() if name != "ipsecpsk"},
        **{"id": far_end["id"], "ikelifetime": 86400, "esplifetime": 3600},
        **{"dpd": False, "forceencap": False, "splitconnections": False},
        **owner(acme),
    }
    assert [each["id"] for each in acme.list("listVpnCustomerGateways", keyword="fa")] == [far_end["id"]]
    assert acme("listVpnCustomerGateways", keyword="near") == {}


def test_the_key_is_nowhere_to_be_read_3_8(root, acme, gateway):
    job = acme.job("createVpnCustomerGateway", **FAR_END)
    far_end = acme.list("listVpnCustomerGateways")[0]
    connection = joined(acme, gateway, far_end)
    found = [job, connection, far_end]
    for command in ("listVpnCustomerGateways", "listVpnConnections", "listEvents", "listAsyncJobs"):
        found += root.list(command, listall="true")

    assert len(found) > 5
    assert SECRET not in str(found)


def test_names_are_the_accounts_own_3_8(acme, globex, far_end):
    assert refusal(acme, "createVpnCustomerGateway", **FAR_END).status == 431
    assert customer(acme, name="", gateway="far.example.net")["name"] == "VPN-far.example.net"
    assert customer(globex)["name"] == FAR_END["name"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"gateway": "nonsense"},
        {"gateway": "300.1.1.1"},
        {"gateway": "fd00::1"},
        {"cidrlist": "10.0.0.0"},
        {"cidrlist": "10.0.0.1/8"},
        {"cidrlist": "10.0.0.0/8,"},
        {"cidrlist": "10.0.0.0/8,10.1.0.0/16"},
        {"ikelifetime": 86401},
        {"esplifetime": 0},
        {"ikeversion": "ikev3"},
        {"ipsecpsk": ""},
        {"esppolicy": ""},
    ],
)
def test_a_customer_gateway_that_is_refused_is_not_made_3_8(acme, wrong):
    found = refusal(acme, "createVpnCustomerGateway", **(FAR_END | wrong))

    assert found.status == 431
    assert SECRET not in found.text
    assert acme("listVpnCustomerGateways") == {}


def test_a_project_may_own_one_1_6(root, acme):
    project = acme.done("createProject", name="shop")["project"]

    made = customer(acme, projectid=project["id"])

    assert (made["projectid"], "account" in made) == (project["id"], False)
    assert acme("listVpnCustomerGateways") == {}
    assert [each["id"] for each in acme.list("listVpnCustomerGateways", projectid=project["id"])] == [made["id"]]
    acme.done("deleteProject", id=project["id"], cleanup="true")
    assert root("listVpnCustomerGateways", listall="true", projectid="-1") == {}


# what joins them


def test_a_connection_joins_both_ends_3_8(acme, vpc, gateway, far_end):
    made = joined(acme, gateway, far_end)

    assert made == {
        **{"id": made["id"], "created": made["created"], **ends(gateway, far_end)},
        **{"passive": False, "state": "Connected", "publicip": gateway["publicip"]},
        **{name: value for name, value in without_job(far_end).items() if name not in ("id", "name")},
    } | {name: made[name] for name in ("jobid", "jobstatus") if name in made}
    assert [each["state"] for each in acme.list("listVpnConnections", vpcid=vpc["id"])] == ["Connected"]
    assert acme("listVpnConnections", vpcid=acme.vpc("second")["id"]) == {}


def test_a_passive_connection_waits_for_the_other_end_3_8(acme, gateway, far_end):
    assert joined(acme, gateway, far_end, passive="true")["state"] == "Disconnected"


def test_connections_that_are_refused_3_8(root, acme, globex, gateway, far_end):
    joined(acme, gateway, far_end)
    inside = customer(acme, name="inside", cidrlist="10.10.5.0/24")
    same = customer(acme, name="same", cidrlist="172.16.9.0/24")
    others = customer(globex)

    for wrong in (far_end, inside, same):
        assert refusal(acme, "createVpnConnection", **ends(gateway, wrong)).status == 431
    assert refusal(acme, "createVpnConnection", **ends(gateway, others)).status == 531
    assert refusal(root, "createVpnConnection", **ends(gateway, others)).status == 431
    assert len(acme.list("listVpnConnections")) == 1


def test_a_connection_shows_as_pending_until_its_job_is_done_2_2():
    world = World(job_seconds=10)
    root = root_of(world)
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"name": "x", "cidr": "10.10.0.0/16", "zoneid": root.zone, "vpcofferingid": offering}
    vpc = root("createVPC", **given)
    world.clock.advance(10)
    found = {"s2svpngatewayid": root("createVpnGateway", vpcid=vpc["id"])["id"]}
    world.clock.advance(10)
    found["s2scustomergatewayid"] = root("createVpnCustomerGateway", **FAR_END)["id"]
    root("createVpnConnection", **found)

    assert [each["state"] for each in root.list("listVpnConnections")] == ["Pending"]
    world.clock.advance(10)
    assert [each["state"] for each in root.list("listVpnConnections")] == ["Connected"]


@pytest.mark.parametrize("command", ["createVpnGateway", "createVpnCustomerGateway"])
def test_a_failed_job_leaves_nothing_2_2(world, acme, vpc, command):
    world.cloudstack.faults.order("fail_job", command, times=1)

    sent = {"vpcid": vpc["id"]} if command == "createVpnGateway" else FAR_END
    assert acme.job(command, **sent)["jobresultcode"] == 530

    assert (acme("listVpnGateways"), acme("listVpnCustomerGateways")) == ({}, {})


def test_a_connection_whose_job_failed_says_so_2_2(world, acme, gateway, far_end):
    world.cloudstack.faults.order("fail_job", "createVpnConnection", times=1)

    assert acme.job("createVpnConnection", **ends(gateway, far_end))["jobresultcode"] == 530

    assert [each["state"] for each in acme.list("listVpnConnections")] == ["Error"]


def test_netris_hears_nothing_3_8(world, acme, vpc):
    world.netris.faults.order("down")  # whatever asks it for something fails

    joined(acme, made(acme, vpc), customer(acme))


def test_a_stranger_sees_and_touches_nothing_1_6(acme, globex, vpc, gateway, far_end):
    connection = joined(acme, gateway, far_end)

    for command, row in (
        ("listVpnGateways", gateway),
        ("listVpnCustomerGateways", far_end),
        ("listVpnConnections", connection),
    ):
        assert globex(command, listall="true") == {}
        assert refusal(globex, command, id=row["id"]).status == 531
    assert refusal(globex, "createVpnGateway", vpcid=vpc["id"]).status == 531
    assert refusal(globex, "createVpnConnection", **ends(gateway, customer(globex))).status == 531


def test_only_root_hides_things_1_4(root, acme, vpc):
    gateway = made(acme, vpc, fordisplay="false")
    assert "fordisplay" not in gateway
    assert [each["fordisplay"] for each in root.list("listVpnGateways", listall="true")] == [True]

    second = acme.vpc("second")
    hidden = made(root, second, fordisplay="false")

    assert [each["id"] for each in acme.list("listVpnGateways")] == [gateway["id"]]
    assert acme("listVpnGateways", id=hidden["id"]) == {}
    found = root.list("listVpnGateways", listall="true", fordisplay="false")
    assert [each["id"] for each in found] == [hidden["id"]]
    acme.done("deleteVPC", id=second["id"])
    assert [each["id"] for each in root.list("listVpnGateways", listall="true")] == [gateway["id"]]


def test_both_ends_and_what_joins_them_survive_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    root = root_of(world)
    joined(root, made(root, root.vpc()), customer(root))
    commands = ("listVpnGateways", "listVpnCustomerGateways", "listVpnConnections")
    before = [root.list(command) for command in commands]
    world.close()

    again = root_of(World(state_dir=tmp_path))

    assert [again.list(command) for command in commands] == before
    assert all(before)
