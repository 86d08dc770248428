"""What the CloudStack plugin calls things and says to the controller, row by row: netris-api.md 4.1, 4.2 and 4.3.

The plugin alone, without CloudStack, against a controller of its own. What CloudStack makes of a failure is in
test_plugin and the test_cloudstack files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from sandbox.cloudstack.plugin.controller import ControllerError, Provider
from sandbox.cloudstack.plugin.netris_plugin import NetrisPlugin
from sandbox.cloudstack.plugin.objects import AclRule, Balancer, PortForward, Route, StaticNat, Tier, VpcName, acl_name
from sandbox.kit.http import transport
from sandbox.site import PublicRange
from tests.sandbox.controller import LOGIN, SITE, TENANT, Controller
from tests.sandbox.netris.sheet import rows, section, words

VPC = VpcName(1, 2, 1, 3, "acme")
TIER = Tier(VPC, 7, "web", IPv4Network("10.1.1.0/24"), IPv4Address("10.1.1.1"), 1000007)
CIDR, ADDRESS, MACHINE = "10.1.0.0/16", "198.51.100.5", "10.1.1.5"
RULE = AclRule(33, "", True, True, "tcp", "0.0.0.0/0", 22, 22, None, "why")
FORWARD = PortForward(VPC, 21, "tcp", ADDRESS, (22, 25), MACHINE, (22, 22))
STATIC = StaticNat(VPC, 15, ADDRESS, MACHINE)
ROUTE = Route("10.9.0.0/16", "10.1.1.9", is_new=True)
BALANCER = Balancer(VPC, 9, "front", "198.51.100.9", 80, ((MACHINE, 8080),), ())
PREFIX = "D1-A2-Z1-V3"
OWNED = {"id": 2, "name": f"{PREFIX}-acme"}
DEFAULT = {"id": 1, "name": "vpc-1:Default"}


class Spied:
    """A plugin and the calls that it makes: `POST /api/v2/vpc`, ids in paths as `{id}`, queries as they are."""

    def __init__(self) -> None:
        self.netris = Controller()
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        client = httpx.Client(transport=transport(self.netris.app), base_url="http://netris.example")
        client.event_hooks["request"].append(self._note)
        self.plugin = NetrisPlugin(client, Provider("", LOGIN["user"], LOGIN["password"], "sv", "Admin", "CS-Tag"))

    def _note(self, request: httpx.Request) -> None:
        path = re.sub(r"/\d+(?=/|$)", "/{id}", request.url.path)
        query = unquote(request.url.query.decode())
        self.calls.append(f"{request.method} {path}{'?' if query else ''}{query}")
        self.bodies.append(json.loads(request.read() or b"null"))

    def after(self, *acts: Callable[[NetrisPlugin], Any]) -> Spied:
        for act in acts:
            act(self.plugin)
        self.calls.clear()
        self.bodies.clear()
        return self

    def wrote(self) -> list[Any]:
        return [body for body, call in zip(self.bodies, self.calls, strict=True) if call[:4] in ("POST", "PUT ")]

    def sent(self, call: str) -> Any:
        return self.bodies[self.calls.index(call)]


@pytest.fixture
def spied() -> Spied:
    found = Spied()
    return found.after(lambda plugin: plugin.connect())


def make_vpc(plugin: NetrisPlugin) -> None:
    plugin.create_vpc(VPC, CIDR, None)


def make_tier(plugin: NetrisPlugin) -> None:
    make_vpc(plugin)
    plugin.create_tier(TIER)


# 4.1


def test_the_provider_logs_in_once_and_finds_its_site_and_tenant_4_1():
    spied = Spied()

    spied.plugin.connect()

    assert spied.calls == ["POST /api/auth", "GET /api/sites", "GET /api/tenants", "GET /api/auth"]
    assert spied.bodies[0] == {**LOGIN, "authSchemeID": 1}
    assert "(scheme id 1)" in section("4.1")


@pytest.mark.parametrize("wrong", [{"site": "elsewhere"}, {"tenant": "Nobody"}, {"password": "no"}])
def test_a_provider_that_does_not_match_exactly_is_refused_4_1(spied, wrong):
    with pytest.raises(ControllerError):
        spied.plugin.connect(replace(spied.plugin.provider, **wrong))


def test_health_is_one_call_and_nobody_logs_in_again_4_1(spied):
    assert spied.plugin.is_healthy()
    spied.netris.order("sessions/end")
    assert not spied.plugin.is_healthy()
    with pytest.raises(ControllerError):
        make_vpc(spied.plugin)

    assert spied.calls == ["GET /api/auth", "GET /api/auth", "POST /api/v2/vpc"]


def test_every_failure_is_one_text_4_1(spied):
    with pytest.raises(ControllerError) as failure:
        spied.plugin.create_tier(TIER)

    assert failure.value.text in section("4.1")
    assert failure.value.text == "Failed API call to Netris controller"


# 4.2: each row of the table of names

NAMES = {
    "VPC for a CloudStack VPC": str(VPC),
    "IPAM allocation": f"{VPC.prefix}-{CIDR}",
    "IPAM subnet of a tier": TIER.subnet_name,
    "V-Net": TIER.vnet_name,
    "static NAT rule": STATIC.name,
    "port forwarding rule": FORWARD.name,
    "L4LB": BALANCER.name,
    "ACL rule": acl_name(TIER, RULE),
}
# Those that the plugin makes on the way: seen in what it sends, below.
_ON_THE_WAY = {"IPAM subnet of a public IP", "SNAT rule", "LB source ACLs", "static route"}
_NOT_EMULATED = {"VPC for an isolated network"}
_STANDS_FOR = {"<vpc name>": "acme", "<network name>": "web", "<ip>": ADDRESS, "<lb name>": "front"}


def _patterns(kind: str) -> list[str]:
    found = []
    for word in words(rows("4.2", "Netris object")[kind][1]):
        cidr = CIDR if kind == "IPAM allocation" else str(TIER.cidr)
        for name, value in {**_STANDS_FOR, "<cidr>": cidr}.items():
            word = word.replace(name, value)
        found.append(word)
    return found


def test_every_object_has_the_name_of_the_table_4_2():
    assert rows("4.2", "Netris object").keys() == NAMES.keys() | _ON_THE_WAY | _NOT_EMULATED
    for kind, name in NAMES.items():
        assert name == _patterns(kind)[0]
    assert acl_name(TIER, replace(RULE, suffix="-2")) == f"{PREFIX}-N7-ACL33-2"


def test_what_is_made_on_the_way_has_the_name_of_the_table_4_2(spied):
    spied.after(make_vpc)
    spied.plugin.set_source_nat(VPC, CIDR, ADDRESS)
    spied.plugin.apply_balancer(replace(BALANCER, sources=("192.0.2.0/24",)))
    spied.plugin.apply_routes(VPC, [ROUTE])

    sent = [body.get("name") for body in spied.wrote()]
    assert _patterns("IPAM subnet of a public IP")[0] in sent
    assert _patterns("SNAT rule")[0] in sent
    denies, permits, *_ = _patterns("LB source ACLs")
    assert denies in sent
    assert f"{PREFIX}{permits}front" in sent
    assert spied.sent("POST /api/routes")["description"] == _patterns("static route")[1]


# 4.3: each operation with its calls in order

V, S = "filterByVpc=2", "filterByVpc=1"
VPCS, SUBNETS, RULES = "GET /api/v2/vpc", "GET /api/v2/ipam/subnets", "GET /api/v2/nat"
TREE, VNETS = f"GET /api/v2/ipam?filterBySites=1&{S}", f"GET /api/v2/vnet?{V}"
BALANCERS, ROUTES = "GET /api/v2/l4lb", f"GET /api/routes?filterBySites=1&{V}"
ROUTED = [VPCS, ROUTES]
ACLS, SYSTEM_ACLS = (f"GET /api/acl?filterBySites[]=1&filterByVpc[]={vpc}" for vpc in (2, 1))
ACL, LB_ACL = [VPCS, VPCS, ACLS], [VPCS, VPCS, SYSTEM_ACLS]
NEW_SUBNET, NEW_ALLOCATION = "POST /api/v2/ipam/subnet", "POST /api/v2/ipam/allocation"
OLD_SUBNET, NEW_RULE, OLD_RULE = "DELETE /api/v2/ipam/subnet/{id}", "POST /api/v2/nat", "DELETE /api/v2/nat/{id}"
HOST = [VPCS, SUBNETS]  # the tenant's VPC, the /32
CHECKED = [VPCS, VPCS, SUBNETS, SUBNETS]  # with the check that is always passed in between
RANGE = PublicRange("192.0.2.1", 24, "192.0.2.130", "192.0.2.254", is_for_netris=True)
KNOWN = PublicRange("198.51.100.1", 25, "198.51.100.2", "198.51.100.126", is_for_netris=True)


def _source_nat(plugin: NetrisPlugin) -> None:
    plugin.set_source_nat(VPC, CIDR, ADDRESS)


def _forward(plugin: NetrisPlugin) -> None:
    plugin.add_port_forward(FORWARD)


def _route(plugin: NetrisPlugin) -> None:
    plugin.apply_routes(VPC, [ROUTE])


GONE = replace(ROUTE, is_new=False, is_revoked=True)
OF_ONE = replace(BALANCER, sources=("192.0.2.0/24",))
Act = Callable[[NetrisPlugin], Any]
# The paragraph of 4.3, what was there before, what is done, and the calls.
OPERATIONS: list[tuple[str, list[Act], Act, list[str]]] = [
    ("Zone public range", [], lambda p: p.push_ranges(1, [RANGE]),
     [VPCS, TREE, NEW_ALLOCATION, SUBNETS, NEW_SUBNET]),
    ("Zone public range", [], lambda p: p.push_ranges(1, [KNOWN]), [VPCS, TREE, SUBNETS]),
    ("VPC create", [], make_vpc, ["POST /api/v2/vpc", NEW_ALLOCATION]),
    ("VPC create", [], lambda p: p.create_vpc(VPC, CIDR, ADDRESS),
     ["POST /api/v2/vpc", NEW_ALLOCATION, *CHECKED, VPCS, NEW_SUBNET, RULES, VPCS, NEW_RULE]),
    ("VPC update", [make_vpc], lambda p: p.rename_vpc(VPC, "other"), [VPCS, "PUT /api/v2/vpc/{id}"]),
    ("VPC delete", [make_vpc, _source_nat], lambda p: p.delete_vpc(VPC, CIDR),
     [RULES, OLD_RULE, VPCS, "GET /api/v2/vpc/{id}/resources", "DELETE /api/v2/ipam/allocation/{id}",
      "DELETE /api/v2/vpc/{id}"]),
    ("VPC delete", [make_vpc], lambda p: p.delete_vpc(VPC, CIDR),
     [RULES, VPCS, "GET /api/v2/vpc/{id}/resources", "DELETE /api/v2/ipam/allocation/{id}", "DELETE /api/v2/vpc/{id}"]),
    ("VPC delete", [], lambda p: p.delete_vpc(VPC, CIDR), [RULES, VPCS]),
    ("Tier (network) create", [make_vpc], lambda p: p.create_tier(TIER), [VPCS, NEW_SUBNET, "POST /api/v2/vnet"]),
    ("Tier update", [make_tier], lambda p: p.update_tier(TIER, "db"), [VPCS, VNETS, "PUT /api/v2/vnet/{id}"]),
    ("Tier delete", [make_tier], lambda p: p.delete_tier(TIER),
     [VPCS, VNETS, "DELETE /api/v2/vnet/{id}", SUBNETS, OLD_SUBNET]),
    ("Tier delete", [make_vpc], lambda p: p.delete_tier(TIER), [VPCS, VNETS, SUBNETS]),
    ("Source NAT", [make_vpc], _source_nat, [*CHECKED, VPCS, NEW_SUBNET, RULES, VPCS, NEW_RULE]),
    ("Source NAT", [make_vpc, _source_nat], _source_nat, [*CHECKED, RULES, VPCS, "PUT /api/v2/nat/{id}"]),
    ("Port forwarding", [make_tier], _forward, [*CHECKED, VPCS, NEW_SUBNET, RULES, VPCS, NEW_RULE]),
    ("Port forwarding", [make_tier, _forward], _forward, [*CHECKED, RULES]),
    ("Port forwarding", [make_tier, _forward], lambda p: p.remove_port_forward(FORWARD), [VPCS, RULES, OLD_RULE]),
    ("Port forwarding", [make_tier], lambda p: p.remove_port_forward(FORWARD), [VPCS, RULES]),
    ("Static NAT", [make_tier], lambda p: p.add_static_nat(STATIC), [*HOST, VPCS, NEW_SUBNET, NEW_RULE]),
    ("Static NAT", [make_tier, lambda p: p.add_static_nat(STATIC)], lambda p: p.remove_static_nat(STATIC),
     [VPCS, RULES, OLD_RULE, SUBNETS]),
    ("Static NAT", [make_tier], lambda p: p.remove_static_nat(STATIC), [VPCS, RULES]),
    ("Release of a public IP", [make_vpc, _source_nat], lambda p: p.release_address(ADDRESS),
     [VPCS, SUBNETS, OLD_SUBNET]),
    ("Release of a public IP", [], lambda p: p.release_address(ADDRESS), [VPCS, SUBNETS]),
    ("Load balancer rule", [make_tier], lambda p: p.apply_balancer(BALANCER),
     [*HOST, VPCS, NEW_SUBNET, VPCS, BALANCERS, "POST /api/v2/l4lb"]),
    ("Load balancer rule", [make_tier, lambda p: p.apply_balancer(BALANCER)], lambda p: p.apply_balancer(OF_ONE),
     [*HOST, VPCS, VPCS, BALANCERS, "PUT /api/v2/l4lb/{id}", *([*LB_ACL, "POST /api/acl"] * 2)]),
    ("Load balancer rule", [make_tier, lambda p: p.apply_balancer(OF_ONE)], lambda p: p.apply_balancer(BALANCER),
     [*HOST, VPCS, VPCS, BALANCERS, "PUT /api/v2/l4lb/{id}"]),
    ("Load balancer rule", [make_tier, lambda p: p.apply_balancer(OF_ONE)], lambda p: p.remove_balancer(OF_ONE),
     [VPCS, BALANCERS, "DELETE /api/v2/l4lb/{id}", *([*LB_ACL, "DELETE /api/acl"] * 2)]),
    ("Load balancer rule", [make_tier], lambda p: p.remove_balancer(OF_ONE), [VPCS, BALANCERS]),
    ("Network ACL", [make_tier], lambda p: p.apply_acl(TIER, [RULE]), [*ACL, "POST /api/acl"]),
    ("Network ACL", [make_tier, lambda p: p.apply_acl(TIER, [RULE])],
     lambda p: p.apply_acl(TIER, [replace(RULE, is_allowed=False), replace(RULE, item=34, start_port=23)]),
     [*ACL, "PUT /api/acl", *ACL, "POST /api/acl"]),
    ("Network ACL", [make_tier, lambda p: p.apply_acl(TIER, [RULE])],
     lambda p: p.revoke_acl(TIER, [RULE, replace(RULE, suffix="-1")]), [*ACL[1:], "DELETE /api/acl"]),
    ("Network ACL", [make_tier], lambda p: p.revoke_acl(TIER, []), []),
    ("Static route", [make_vpc], _route, [*ROUTED, *ROUTED, "POST /api/routes"]),
    ("Static route", [make_vpc, _route], _route, [*ROUTED, *ROUTED]),
    ("Static route", [make_vpc, _route], lambda p: p.apply_routes(VPC, [replace(ROUTE, is_new=False)]), ROUTED),
    ("Static route", [make_vpc, _route], lambda p: p.apply_routes(VPC, [GONE]),
     [*ROUTED, *ROUTED, "DELETE /api/routes"]),
    ("Static route", [make_vpc, _route], lambda p: p.apply_routes(VPC, []), [*ROUTED, *ROUTED, "DELETE /api/routes"]),
]  # fmt: skip


def test_every_operation_of_the_section_is_replayed_4_3():
    titles = [title.strip() for title in re.findall(r"^\*\*(.*?)\*\*", section("4.3"), re.MULTILINE)]

    assert list(dict.fromkeys(title for title, *_ in OPERATIONS)) == titles


@pytest.mark.parametrize(
    ("before", "act", "calls"),
    [operation[1:] for operation in OPERATIONS],
    ids=[f"{number} {operation[0]}" for number, operation in enumerate(OPERATIONS)],
)
def test_an_operation_is_these_calls_in_this_order_4_3(spied, before, act, calls):
    spied.after(*before)

    act(spied.plugin)

    assert spied.calls == calls


def test_the_bodies_of_a_vpc_and_a_tier_4_3(spied):
    spied.plugin.create_vpc(VPC, CIDR, ADDRESS)
    spied.plugin.create_tier(TIER)

    vpc, allocation, public, snat, subnet, vnet = spied.wrote()
    assert vpc == {"name": f"{PREFIX}-acme", "adminTenant": TENANT}
    assert allocation == {"name": f"{PREFIX}-{CIDR}", "prefix": CIDR, "tenant": TENANT, "vpc": OWNED}
    common = {"sites": [SITE], "tenant": TENANT}
    host = f"{ADDRESS}/32"
    assert public == {"name": f"{PREFIX}-{host}", "prefix": host, "purpose": "nat", "vpc": DEFAULT, **common}
    assert snat.pop("comment") == f"NAT rule for {VPC} with action SNAT"
    assert snat == {
        "name": f"{PREFIX}-SNAT",
        **{"action": "SNAT", "protocol": "all", "state": "enabled", "sourceAddress": CIDR, "sourcePort": "1-65535"},
        **{"destinationAddress": "0.0.0.0/0", "snatToIP": host, "site": SITE, "vpc": OWNED},
    }
    name = f"{PREFIX}-{TIER.cidr}"
    assert subnet == {"name": name, "prefix": "10.1.1.0/24", "purpose": "common", "vpc": OWNED, **common}
    example = json.loads(section("4.3").split("```json\n")[1].split("```")[0])
    assert vnet.keys() == example.keys()
    assert vnet == example | {"name": TIER.vnet_name, "vpc": OWNED, "sites": [SITE], "tags": ["CS-Tag"]}


def test_a_routed_tier_is_told_to_the_world_4_3(spied):
    spied.after(make_vpc)

    spied.plugin.create_tier(replace(TIER, is_routed=True))

    assert spied.sent(NEW_SUBNET)["globalRouting"] is True


def test_source_nat_is_updated_without_state_and_ports_4_3(spied):
    spied.after(make_vpc, _source_nat)

    spied.plugin.set_source_nat(VPC, CIDR, "198.51.100.6")

    sent = spied.sent("PUT /api/v2/nat/{id}")
    assert sent.keys() == {
        *("name", "action", "protocol", "sourceAddress", "destinationAddress", "snatToIP", "site", "vpc"),
    }


def test_an_address_with_another_purpose_is_switched_4_3(spied):
    spied.after(make_tier, _source_nat)
    (rule,) = (row for row in spied.netris.get("/api/v2/nat") if row["name"].endswith("-SNAT"))
    spied.netris.delete(f"/api/v2/nat/{rule['id']}")

    spied.plugin.apply_balancer(replace(BALANCER, address=ADDRESS))

    assert spied.sent("PUT /api/v2/ipam/subnet/{id}")["purpose"] == "load-balancer"


def test_the_bodies_of_forwards_and_static_nat_4_3(spied):
    spied.after(make_tier)
    common: dict[str, Any] = {"action": "DNAT", "sourceAddress": "0.0.0.0/0", "destinationAddress": f"{ADDRESS}/32"}
    common |= {"dnatToIP": f"{MACHINE}/32", "site": SITE, "vpc": OWNED, "state": "enabled"}

    spied.plugin.add_port_forward(FORWARD)
    sent = spied.sent(NEW_RULE)
    assert sent.pop("comment") == f"NAT rule for {VPC} with action DNAT"
    ports = {"protocol": "tcp", "destinationPort": "22-25", "sourcePort": "1-65535", "dnatToPort": 22}
    assert sent == {"name": FORWARD.name, **common, **ports}
    spied.after(lambda plugin: plugin.remove_port_forward(FORWARD))
    spied.plugin.add_static_nat(STATIC)
    sent = spied.sent(NEW_RULE)
    assert sent.pop("comment") == f"Static NAT rule for {VPC}"
    assert sent == {"name": STATIC.name, "protocol": "all", **common}


def test_the_bodies_of_a_balancer_and_its_sources_4_3(spied):
    spied.after(make_tier)

    spied.plugin.apply_balancer(replace(BALANCER, sources=("192.0.2.0/24", "192.0.3.0/24")))

    assert spied.sent("POST /api/v2/l4lb") == {
        "name": f"{PREFIX}-LB9",
        "protocol": "TCP",
        "site": SITE,
        "siteID": 1,
        "tenant": TENANT,
        "vpc": {"id": 2},
        "automatic": False,
        "ipFamily": "ipv4",
        "ip": "198.51.100.9",
        "port": 80,
        "status": "enable",
        "healthCheck": "None",
        "backendIps": [{"ip": MACHINE, "port": 8080}],  # no `maintenance`: quirk 25
    }
    denied, *permitted = (body for body in spied.wrote() if "-LBACL" in body["name"])
    assert (denied["action"], denied["src_prefix"]) == ("deny", "0.0.0.0/0")
    assert [(body["action"], body["src_prefix"]) for body in permitted] == [
        ("permit", "192.0.2.0/24"),
        ("permit", "192.0.3.0/24"),
    ]
    for body in (denied, *permitted):
        assert (body["dst_prefix"], body["dst_port_from"], body["dst_port_to"]) == ("198.51.100.9/32", 80, 80)
        assert body["vpc"] == {"id": 1}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, {"proto": "tcp", "established": 1, "dst_port_from": 22, "dst_port_to": 22}),
        ({"is_ingress": False}, {"src_prefix": "10.1.1.0/24", "dst_prefix": "0.0.0.0/0"}),
        ({"protocol": "udp", "start_port": None, "end_port": None}, {"reverse": "yes", "dst_port_to": 65535}),
        ({"protocol": "icmp", "icmp_type": 8}, {"proto": "icmp", "icmp_type": 8, "reverse": "yes"}),
        ({"protocol": "all"}, {"proto": "all", "reverse": "yes"}),
        ({"reason": ""}, {"comment": f"ACL rule: {PREFIX}-N7-ACL33. null"}),
        ({"protocol": "47"}, {"proto": "ip"}),  # quirk 49
        ({"is_allowed": False}, {"action": "deny"}),
    ],
)
def test_the_body_of_an_acl_rule_4_3(spied, change, wanted):
    spied.after(make_tier)
    name = f"{PREFIX}-N7-ACL33"

    spied.plugin.apply_acl(TIER, [replace(RULE, **change)])

    sent = spied.sent("POST /api/acl")
    wanted = {"comment": f"ACL rule: {name}. why", **wanted}
    assert {key: sent.get(key) for key in wanted} == wanted
    assert (sent["name"], sent["vpc"]) == (name, {"id": 2})
    assert (sent["src_port_from"], sent["src_port_to"]) == (1, 65535)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [({"protocol": "icmp"}, {"icmp_type": -1}), ({"cidr": "::/0"}, {"src_prefix": "::/0", "dst_prefix": None})],
)
def test_acl_rules_that_the_controller_never_takes_4_3(spied, change, wanted):
    spied.after(make_tier)

    with pytest.raises(ControllerError):
        spied.plugin.apply_acl(TIER, [replace(RULE, **change)])

    sent = spied.sent("POST /api/acl")
    assert {key: sent.get(key) for key in wanted} == wanted


def test_a_deleted_acl_names_ids_and_the_tenant_4_3(spied):
    spied.after(make_tier, lambda plugin: plugin.apply_acl(TIER, [RULE]))

    spied.plugin.revoke_acl(TIER, [RULE])

    assert spied.sent("DELETE /api/acl") == {"id": [1], "tenantsID": "1"}


def test_the_body_of_a_route_4_3(spied):
    spied.after(make_vpc)

    spied.plugin.apply_routes(VPC, [ROUTE])

    assert spied.sent("POST /api/routes") == {
        **{"prefix": "10.9.0.0/16", "next_hop": "10.1.1.9", "site_id": 1, "stateStatus": "active", "switches": []},
        "vpc": {**OWNED, "isDefault": False, "isSystem": False},
        "description": PREFIX,
    }


# leniencies, and what is not undone


@pytest.mark.parametrize(
    ("act", "is_failure"),
    [
        (lambda p: p.delete_vpc(VPC, CIDR), False),
        (lambda p: p.rename_vpc(VPC, "other"), True),
        (lambda p: p.create_tier(TIER), True),
        (lambda p: p.update_tier(TIER, "db"), True),
        (lambda p: p.delete_tier(TIER), True),
        (lambda p: p.add_port_forward(FORWARD), True),
        (lambda p: p.add_static_nat(STATIC), True),
        (lambda p: p.apply_balancer(BALANCER), True),
        (lambda p: p.apply_acl(TIER, [RULE]), True),
        (lambda p: p.apply_routes(VPC, [ROUTE]), True),
        (lambda p: p.apply_routes(VPC, []), False),
        (lambda p: p.release_address(ADDRESS), False),
        (lambda p: p.remove_port_forward(FORWARD), True),
    ],
)
def test_what_a_missing_vpc_is_4_3(spied, act, is_failure):
    try:
        act(spied.plugin)
    except ControllerError:
        assert is_failure
    else:
        assert not is_failure


def test_a_missing_tier_can_not_be_renamed_4_3(spied):
    spied.after(make_vpc)

    with pytest.raises(ControllerError):
        spied.plugin.update_tier(TIER, "db")


def test_the_same_acl_twice_is_an_error_of_a_post_and_none_of_a_put_4_3(spied):
    other = replace(RULE, item=34)
    spied.after(make_tier, lambda plugin: plugin.apply_acl(TIER, [RULE, replace(other, start_port=80, end_port=80)]))

    spied.plugin.apply_acl(TIER, [other])  # now a match of the first rule's: the refusal counts as success

    assert spied.calls == [*ACL, "PUT /api/acl"]
    with pytest.raises(ControllerError):
        spied.plugin.apply_acl(TIER, [replace(RULE, item=35)])


def test_a_private_port_range_breaks_the_client_4_3(spied):
    spied.after(make_tier)

    with pytest.raises(ControllerError):
        spied.plugin.add_port_forward(replace(FORWARD, private=(22, 25)))


def test_another_next_hop_is_a_failure_4_3(spied):
    spied.after(make_vpc, _route)

    with pytest.raises(ControllerError):
        spied.plugin.apply_routes(VPC, [replace(ROUTE, hop="10.1.1.8")])


@pytest.mark.parametrize(
    ("refused", "left"), [("POST /api/v2/nat", {"vpc", "allocation", "subnet"}), (NEW_ALLOCATION, {"vpc"})]
)
def test_a_step_that_fails_leaves_those_before_it_4_4(spied, refused, left):
    spied.netris.order("faults", kind="refuse", call=refused, times=1)

    with pytest.raises(ControllerError):
        spied.plugin.create_vpc(VPC, CIDR, ADDRESS)

    shelves = {"vpc": "vpcs", "allocation": "allocations", "subnet": "subnets", "nat": "nats"}
    found = {
        kind
        for kind, shelf in shelves.items()
        if any(row["name"].startswith(PREFIX) for row in getattr(spied.netris.app.net, shelf))
    }
    assert found == left


def test_a_rename_keeps_gateway_vni_and_tags_and_wipes_the_rest_4_3(spied):
    spied.after(make_tier)
    (row,) = spied.netris.get("/api/v2/vnet", filterByVpc=2)
    port = [{"name": "swp20@Leaf-1", "vlan": "50"}]
    spied.netris.put(f"/api/v2/vnet/{row['id']}", ports=port, guestTenants=[TENANT], tags=["CS-Tag", "mine"])

    spied.plugin.update_tier(TIER, "db")

    (row,) = spied.netris.get("/api/v2/vnet", filterByVpc=2)
    assert (row["name"], row["vxlanID"], row["tags"]) == (f"{PREFIX}-N7-db", 1000007, ["CS-Tag", "mine"])
    assert [gateway["prefix"] for gateway in row["gateways"]] == ["10.1.1.1/24"]
    assert (row["portsCount"], row["guestTenants"]) == (0, [])


def test_routes_that_a_portal_added_are_removed_4_3(spied):
    spied.after(make_vpc)
    mine = {"prefix": "10.8.0.0/16", "next_hop": "10.1.1.8", "site_id": 1, "switches": [], "vpc": OWNED}
    spied.netris.post("/api/routes", **mine)

    spied.plugin.apply_routes(VPC, [])

    assert spied.netris.get("/api/routes", filterByVpc=2) == []
