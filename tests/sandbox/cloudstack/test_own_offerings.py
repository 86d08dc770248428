"""Offerings that the operator makes, and what is built with them: cloudstack-api.md 3.2, 3.3, 3.4, 5.2, 5.4."""

import json
import re

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import refusal, root_of
from tests.sandbox.controller import operator_of

NAT = "NetworkACL,PortForwarding,Lb,SourceNat,StaticNat"
ROUTER = "UserData,Dhcp,Dns,Vpn"
TIER = {"traffictype": "Guest", "guestiptype": "Isolated", "forvpc": "true"}
WHERE = {"gateway": "10.10.1.1", "netmask": "255.255.255.0"}


def providers(*pairs):
    """`Lb=Netris` as entries of serviceproviderlist."""
    entries: dict[str, str] = {}
    for index, (service, provider) in enumerate(pair.split("=") for pair in pairs):
        entries |= {f"serviceproviderlist[{index}].service": service}
        entries |= {f"serviceproviderlist[{index}].provider": provider}
    return entries


def chosen(service, capability, value):
    names = {"service": service, "capabilitytype": capability, "capabilityvalue": value}
    return {f"servicecapabilitylist[0].{name}": each for name, each in names.items()}


def vpc_offering(root, name="own", **more):
    given = {"name": name, "provider": "Netris", "networkmode": "NATTED", "enable": "true", **more}
    made = root.done("createVPCOffering", **given)["vpcoffering"]
    return root.list("listVPCOfferings", id=made["id"])[0]


def tier_offering(root, name="own", **more):
    given = {"name": name, "provider": "Netris", "networkmode": "NATTED", "enable": "true", **TIER, **more}
    return root("createNetworkOffering", **given)["networkoffering"]


def build(caller, offering, name="prod", **more):
    given = {"name": name, "zoneid": caller.zone, "vpcofferingid": offering["id"], "cidr": "10.10.0.0/16", **more}
    return caller.done("createVPC", **given)["vpc"]


def tier(caller, vpc, offering, name="web", **more):
    given = {"name": name, "zoneid": caller.zone, "vpcid": vpc["id"], "networkofferingid": offering["id"], **WHERE}
    return caller("createNetwork", **given, **more)["network"]


def services(shown):
    return {each["name"]: each["provider"][0]["name"] for each in shown["service"]}


# made


def test_an_offering_equal_to_the_stock_one_is_built_alike_5_2_5_4():
    """A VPC, a tier with an ACL, a machine, a port, a balancer: the same on Netris, object by object."""
    stock, own = World(), World()

    def of_stock(root):
        of_vpc = root.list("listVPCOfferings", name="NAT Mode")[0]
        return of_vpc, root.list("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")[0]

    def of_own(root):
        by = providers(
            *(f"{name}=VpcVirtualRouter" for name in ROUTER.split(",")), *(f"{name}=Netris" for name in NAT.split(","))
        )
        given = {"supportedservices": f"{ROUTER},{NAT}", **by}
        return vpc_offering(root, **given), tier_offering(root, conservemode="false", **given)

    assert [services(each) for each in of_stock(root_of(stock))] == [services(each) for each in of_own(root_of(own))]
    assert made_on_netris(stock, *of_stock(root_of(stock))) == made_on_netris(own, *of_own(root_of(own)))


def made_on_netris(world, of_vpc, of_tier):
    """What a tenant's things are on Netris, without what is random."""
    root = root_of(world)
    acme = root.account("acme", root.domain("acme"))
    vpc = build(acme, of_vpc)
    allow = acme.list("listNetworkACLLists", name="default_allow")[0]["id"]
    web = tier(acme, vpc, of_tier, aclid=allow)
    vm = acme.machine(web)
    for command in ("createPortForwardingRule", "createLoadBalancerRule"):
        address, ports = (
            acme.public_ip(vpc["id"])["id"],
            {"publicport": 80, "privateport": 8080, "networkid": web["id"]},
        )
        if command == "createPortForwardingRule":
            acme.done(command, ipaddressid=address, virtualmachineid=vm["id"], protocol="tcp", **ports)
        else:
            rule = acme.done(command, publicipid=address, name="lb", algorithm="leastconn", **ports)["loadbalancer"]
            acme.done("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=vm["id"])
    gate = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vlan": "vlan://99"}
    root.done("createPrivateGateway", vpcid=vpc["id"], **gate)  # by the hidden service Gateway
    netris = operator_of(world)
    (place,) = [each["id"] for each in netris.get("/api/v2/vpc").json()["data"] if each["name"].endswith("-prod")]
    found = {}
    for kind in ("v2/nat", "v2/vnet", "v2/l4lb", "v2/ipam/subnets", "v2/ipam", "acl"):
        rows = netris.get(f"/api/{kind}", params={"filterByVpc": place}).json()["data"]
        found[kind] = [_plain(row) for row in rows]
    assert all(found.values()), found
    return found


def _plain(row):
    """Without dates, VNIs and the public addresses that were drawn."""
    text = json.dumps(row, sort_keys=True)
    return re.sub(r'198\.51\.100\.\d+|(?<=[dD]ate": )"?[^,}]+|(?<=vxlanID": )\d+', "<any>", text)


def test_the_stock_services_are_those_of_the_network_mode_5_2(root):
    for mode, kind in (("NATTED", "NAT"), ("ROUTED", "Route")):
        stock = root.list("listVPCOfferings", name=f"{kind} Mode")[0]
        assert services(vpc_offering(root, networkmode=mode.lower())) == services(stock)
    for mode, kind in (("NATTED", "NAT"), ("ROUTED", "Routed")):
        stock = root.list("listNetworkOfferings", name=f"Default{kind}NetrisNetworkOfferingForVpc")[0]
        assert services(tier_offering(root, networkmode=mode)) == services(stock)


def test_an_offering_shows_what_it_was_made_with_3_2(root, acme):
    domain = root.list("listDomains", name="acme")[0]
    place = {"domainid": domain["id"], "zoneid": root.zone}
    made = vpc_offering(root, displaytext="For shops", internetprotocol="dualstack", **place)
    assert made == root.list("listVPCOfferings", id=made["id"])[0]
    assert {name: made[name] for name in ("displaytext", "internetprotocol", "domain", "zone", "isdefault")} == {
        **{"displaytext": "For shops", "internetprotocol": "DualStack", "domain": "acme", "zone": "zone1"},
        "isdefault": False,
    }
    more = {
        "tags": "fast,red",
        "availability": "required",
        "networkrate": 10,
        "details[0].note": "x",
        "maxconnections": 5,
    }
    made = tier_offering(root, **more, **place)
    assert made == root.list("listNetworkOfferings", id=made["id"])[0]
    assert {name: made[name] for name in ("tags", "availability", "networkrate", "details", "maxconnections")} == {
        **{"tags": "fast,red", "availability": "Required", "networkrate": 10, "details": {"note": "x"}},
        "maxconnections": 5,
    }
    assert (made["isdefault"], made["conservemode"], made["forvpc"]) == (False, False, True)


def test_the_filters_of_offerings_3_2(root):
    own = tier_offering(root, tags="fast,red", networkmode="ROUTED", routingmode="Dynamic", ispersistent="true")
    other = root(
        "createNetworkOffering", name="plain", traffictype="Guest", guestiptype="Shared", supportedservices="Dhcp"
    )
    names = {"forvpc": "false", "guestiptype": "shared"}

    def ids(**wanted):
        return [each["id"] for each in root.list("listNetworkOfferings", **wanted)]

    assert ids(**names) == [other["networkoffering"]["id"]]
    for wanted in ({"tags": "red"}, {"istagged": "true"}, {"routingmode": "dynamic"}):
        assert ids(**wanted) == [own["id"]]
    assert ids(tags="re") == []
    assert own["id"] in ids(isdefault="false", forvpc="true") and len(ids(isdefault="true")) == 2
    assert ids(state="Disabled") == ids(**names)


def test_an_offering_is_disabled_until_it_says_otherwise_3_2_4_6(root, acme):
    made = vpc_offering(root, enable="false")

    assert made["state"] == "Disabled"
    given = {"name": "x", "zoneid": acme.zone, "vpcofferingid": made["id"], "cidr": "10.10.0.0/16"}
    for caller in (acme, root):
        assert refusal(caller, "createVPC", **given).status == 431
    assert acme("listVPCOfferings", id=made["id"]) == {}
    assert root.list("listVPCOfferings", id=made["id"], state="disabled")
    of_tier = tier_offering(root, enable=None)
    found = refusal(tier, acme, acme.vpc(), of_tier)
    assert found.status == 431


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": None},
        {"provider": "NSX"},
        {"fornsx": "true"},
        {"networkmode": "BRIDGED"},
        {"internetprotocol": "IPv6"},
        {"routingmode": "Dynamic"},
        {"networkmode": "ROUTED", "routingmode": "Random"},
        {"networkmode": "ROUTED", "specifyasnumber": "true"},
        {"supportedservices": "Teleport"},
        {"supportedservices": "Firewall"},
        {"supportedservices": "SecurityGroup"},
        {"supportedservices": "Lb", **providers("Dhcp=VpcVirtualRouter")},
        {"supportedservices": "Lb", **providers("Lb=Nobody")},
        {"supportedservices": "Dhcp", **providers("Dhcp=Netris")},
        {"supportedservices": "Lb", **providers("Lb=Netris", "Lb=InternalLbVm")},
        {"supportedservices": "Lb", "serviceproviderlist[0].service": "Lb"},
        {"supportedservices": "Lb", **chosen("Dns", "AllowDnsSuffixModification", "false")},
        {"supportedservices": "Lb", **chosen("Lb", "Colour", "red")},
        {"supportedservices": "Lb", **chosen("Lb", "SupportedLbAlgorithms", "source")},
        {"supportedservices": "NetworkACL", **chosen("NetworkACL", "RedundantRouter", "true")},
        {"serviceofferingid": "none"},
        {"domainid": "none"},
    ],
)
def test_what_makes_no_offering_is_refused_3_2(root, wrong):
    before = root.list("listVPCOfferings"), root.list("listNetworkOfferings")

    for command, more in (("createVPCOffering", {}), ("createNetworkOffering", TIER)):
        given = {"name": "x", "provider": "Netris", **more, **wrong}
        assert refusal(root, command, **given).status == 431
    assert (root.list("listVPCOfferings"), root.list("listNetworkOfferings")) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"traffictype": "Public"},
        {"traffictype": None},
        {"guestiptype": "Shared"},
        {"guestiptype": "Round"},
        {"conservemode": "true"},
        {"availability": "Sometimes"},
        {"networkrate": -1},
        {"fortungsten": "true"},
    ],
)
def test_what_makes_no_tier_offering_is_refused_3_2(root, wrong):
    given = {"name": "x", "provider": "Netris", **TIER, **wrong}

    assert refusal(root, "createNetworkOffering", **given).status == 431


def test_both_creations_leave_their_events_3_11(root, acme):
    made = vpc_offering(root)
    tier_offering(root)

    events = root.list("listEvents", type="VPC.OFFERING.CREATE")
    assert [each["state"] for each in events] == ["Completed", "Started", "Scheduled"]
    assert {each["resourceid"] for each in events} == {made["id"]}
    assert [each["state"] for each in root.list("listEvents", type="NETWORK.OFFERING.CREATE")] == ["Completed"]
    assert not [each for each in acme.list("listEvents") if "OFFERING" in each["type"]]


def test_own_offerings_outlive_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    root = root_of(world)
    given = {"supportedservices": "Dhcp,SourceNat,Lb", **chosen("Lb", "SupportedLbAlgorithms", "leastconn")}
    of_vpc, of_tier = vpc_offering(root, **given), tier_offering(root, **given)
    vpc = build(root, of_vpc)
    world.close()

    again = World(state_dir=tmp_path)
    root = root_of(again)

    assert (root.list("listVPCOfferings")[-1], root.list("listNetworkOfferings")[-1]) == (of_vpc, of_tier)
    assert services(tier(root, vpc, of_tier)) == {"Dhcp": "VpcVirtualRouter", "SourceNat": "Netris", "Lb": "Netris"}
    again.close()


# used


def test_a_vpc_has_exactly_the_services_of_its_offering_3_3(root, acme):
    given = {"supportedservices": "Dhcp,Dns,SourceNat"}
    of_vpc, of_tier = vpc_offering(root, **given), tier_offering(root, **given)
    vpc = build(acme, of_vpc)
    web = tier(acme, vpc, of_tier)

    assert (
        services(vpc) == services(web) == {"Dhcp": "VpcVirtualRouter", "Dns": "VpcVirtualRouter", "SourceNat": "Netris"}
    )
    vm, address = acme.machine(web), acme.public_ip(vpc["id"])["id"]
    ports = {"publicport": 80, "privateport": 80, "networkid": web["id"]}
    nat = {"ipaddressid": address, "virtualmachineid": vm["id"]}
    assert refusal(acme, "enableStaticNat", **nat, networkid=web["id"]).status == 431
    assert refusal(acme, "createPortForwardingRule", **nat, **ports, protocol="tcp").status == 431
    balancer = {"publicipid": address, "name": "lb", "algorithm": "roundrobin", **ports}
    found = refusal(acme, "createLoadBalancerRule", **balancer)
    assert (found.status, "does not support the service Lb" in found.text) == (431, True)
    assert root.list("listVPCs", listall="true", supportedservices="Dhcp,SourceNat")
    assert root("listVPCs", listall="true", supportedservices="Lb") == {}
    stock = root.list("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")[0]
    found = refusal(tier, acme, vpc, stock, "db", **{})
    assert (found.status, "is not supported by VPC" in found.text) == (431, True)


def test_a_tier_without_acls_takes_no_acl_list_3_4_3_5(root, acme):
    of_tier = tier_offering(root, supportedservices="Dhcp,SourceNat")
    vpc = acme.vpc()
    allow = acme.list("listNetworkACLLists", name="default_allow")[0]["id"]

    assert refusal(tier, acme, vpc, of_tier, aclid=allow).status == 431
    web = tier(acme, vpc, of_tier)
    assert acme.job("replaceNetworkACLList", aclid=allow, networkid=web["id"])["jobresultcode"] == 431
    assert refusal(acme, "createNetworkACL", networkid=web["id"], protocol="all").status == 431
    assert "aclid" not in acme.list("listNetworks", id=web["id"])[0]


def test_without_source_nat_nothing_leaves_from_a_netris_address_5_4(world, root, acme, netris):
    vpc = build(acme, vpc_offering(root, supportedservices="Dhcp,NetworkACL"))

    sources = acme.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true")
    assert [each.get("forprovider", False) for each in sources] == [False]
    assert [each for each in netris.get("/api/v2/nat").json()["data"] if each["name"].endswith("-SNAT")] == []
    address = acme.public_ip(vpc["id"])["ipaddress"]
    acme.done("updateVPC", id=vpc["id"], name="prod", sourcenatipaddress=address)
    assert not acme.list("listPublicIpAddresses", ipaddress=address)[0]["issourcenat"]
    acme.done("restartVPC", id=vpc["id"], cleanup="true")
    acme.done("deleteVPC", id=vpc["id"])
    assert {left.split()[1] for left in world.what_is_left()} == {"account", "domain"}


def test_a_balancer_may_ask_for_what_its_offering_does_not_have_3_7_5_2(root, acme):
    of_tier = tier_offering(root, **chosen("lb", "supportedlbalgorithms", "LeastConn"))
    vpc = acme.vpc()
    web = tier(acme, vpc, of_tier)

    (balancing,) = [each for each in web["service"] if each["name"] == "Lb"]
    assert {"SupportedLbAlgorithms": "LeastConn"}.items() <= {
        each["name"]: each["value"] for each in balancing["capability"]
    }.items()
    given = {"publicipid": acme.public_ip(vpc["id"])["id"], "networkid": web["id"], "name": "lb"}
    made = acme.done("createLoadBalancerRule", algorithm="roundrobin", publicport=80, privateport=80, **given)
    assert made["loadbalancer"]["algorithm"] == "roundrobin"


def test_rules_by_the_virtual_router_are_not_built_here_5_2(root, acme):
    made = vpc_offering(root, supportedservices="Dhcp,Lb", **providers("Lb=VpcVirtualRouter"))

    assert services(made)["Lb"] == "VpcVirtualRouter"
    given = {"name": "x", "zoneid": acme.zone, "vpcofferingid": made["id"], "cidr": "10.10.0.0/16"}
    assert refusal(acme, "createVPC", **given).status == 431


def test_an_offering_of_some_domains_serves_them_and_those_below_3_2(root, acme, globex):
    upper = root.list("listDomains", name="acme")[0]
    lower = root.account("ann", root.domain("branch", parentdomainid=upper["id"]))
    of_vpc, of_tier = vpc_offering(root, domainid=upper["id"]), tier_offering(root, domainid=upper["id"])

    for caller in (acme, lower):
        assert [each["id"] for each in caller.list("listVPCOfferings", name="own")] == [of_vpc["id"]]
        tier(caller, build(caller, of_vpc), of_tier)
    assert globex("listVPCOfferings", name="own") == globex("listNetworkOfferings", name="own") == {}
    given = {"name": "x", "zoneid": globex.zone, "vpcofferingid": of_vpc["id"], "cidr": "10.10.0.0/16"}
    assert refusal(globex, "createVPC", **given).status == 531
    assert refusal(tier, globex, globex.vpc(), of_tier).status == 531
    far = root.list("listDomains", name="globex")[0]["id"]
    assert root("listVPCOfferings", name="own", domainid=far) == {}
    assert root.list("listVPCOfferings", name="own", domainid=upper["id"], zoneid=root.zone)


def test_tier_offerings_that_no_tier_can_have_3_4(root, acme):
    vpc = acme.vpc()
    shared = {"guestiptype": "Shared", "forvpc": "false", "supportedservices": "Dhcp"}

    assert refusal(tier, acme, vpc, tier_offering(root, **shared)).status == 431
    assert refusal(tier, acme, vpc, tier_offering(root, internetprotocol="DualStack")).status == 431
    of_vlan = tier_offering(root, specifyvlan="true")
    assert refusal(tier, acme, vpc, of_vlan).status == 531
    assert tier(root, vpc, of_vlan)["specifyvlan"] is True


def test_a_persistent_tier_is_there_before_its_first_machine_4_2(world, root, acme):
    vpc = acme.vpc()
    kept = tier(acme, vpc, tier_offering(root, ispersistent="true"))
    other = acme.tier(vpc, "db", gateway="10.10.2.1")
    assert (kept["state"], kept["ispersistent"], other["state"]) == ("Implemented", True, "Allocated")

    world.clock.advance(1300)

    assert {each["name"]: each["state"] for each in acme.list("listNetworks")} == {
        "web": "Implemented",
        "db": "Allocated",
    }
    acme.done("deleteNetwork", id=kept["id"])


def test_a_tier_changes_to_an_offering_that_its_vpc_supports_3_4(root, acme):
    vpc = acme.vpc()
    web = acme.tier(vpc)

    changed = acme.done(
        "updateNetwork", id=web["id"], networkofferingid=tier_offering(root, supportedservices="Dhcp")["id"]
    )
    assert services(changed["network"]) == {"Dhcp": "VpcVirtualRouter"}
    wrong = tier_offering(root, supportedservices="Dhcp", **providers("Dhcp=ConfigDrive"))
    assert acme.job("updateNetwork", id=web["id"], networkofferingid=wrong["id"])["jobresultcode"] == 431


def test_the_router_is_of_the_size_that_the_offering_names_3_2(root, acme):
    small, large = root.list("listServiceOfferings", name="Small Instance")[0], vpc_offering
    vpc = build(acme, large(root, serviceofferingid=small["id"]))

    assert root.list("listRouters", vpcid=vpc["id"], listall="true")[0]["serviceofferingname"] == "Small Instance"
