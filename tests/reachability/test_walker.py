"""Golden ways: what is known, who is to reach whom, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.acls.fabric import Site
from apps.acls.rules import Action, Direction, Protocol, Rule
from apps.reachability.facts import (
    Answer,
    Balanced,
    Beyond,
    Door,
    End,
    Lead,
    ListOfTier,
    Machine,
    Mate,
    Network,
    Outside,
    Peered,
    Place,
    Seen,
    Start,
    Traffic,
    Verdict,
    Way,
)
from apps.reachability.walker import walk

ALL, OFFICE = "0.0.0.0/0", "203.0.113.7"
YES, NO = Seen("NAT rules", True, 0), Seen("NAT rules", False, 0)
OLD, NEVER = Seen("NAT rules", None, 12), Seen("NAT rules", None)
HTTPS, SSH, PING = Traffic(Protocol.TCP, 443), Traffic(Protocol.TCP, 22), Traffic(Protocol.ICMP)


def allow(way: Direction, cidr: str = ALL, port: int = 443, action: Action = Action.ALLOW) -> Rule:
    return Rule(action, way, Protocol.TCP, (IPv4Network(cidr),), ((port, port),))


IN, OUT = Direction.INGRESS, Direction.EGRESS


def a_list(*rules: Rule, name: str = "web", seen: Seen = YES, site: Action = Action.DENY, **more: Any) -> ListOfTier:
    whole = {"rules": rules, "in_force": range(len(rules)), "denies_rest": True} | more
    return ListOfTier(name, f"/acls/{name}/", site=Site(site), seen=seen, **whole)


def a_tier(name: str = "web", cidr: str = "10.20.0.0/24", acl: ListOfTier | None = None, **more: Any) -> Network:
    return Network(name, "prod", IPv4Network(cidr), f"/tiers/{name}/", **({"trouble": "", "acl": acl} | more))


PINGS = Rule(Action.ALLOW, OUT, Protocol.ICMP, (IPv4Network(ALL),))
PINGS_TO_WEB = replace(PINGS, cidrs=(IPv4Network("10.20.0.0/24"),))
WEB = a_tier(acl=a_list(allow(IN), allow(OUT, port=5432)))
DB = a_tier("db", "10.20.1.0/24", a_list(allow(IN, "10.20.0.0/24", 5432), name="db"))


def a_machine(network: Network = WEB, number: int = 11, **more: Any) -> Machine:
    name = f"{network.name}-1"
    known = {"state": "Running", "seen": YES} | more
    return Machine(name, f"/instances/{name}/", network.cidr[number], network=network, **known)


def ways(*more: Way, egress: Seen = YES) -> list[Way]:
    connected = [Way(each.cidr, "tier", "directly connected", YES) for each in (WEB, DB)]
    return [*connected, *more, Way(IPv4Network(ALL), "source_nat", "source NAT as 198.51.100.3", egress)]


TO_OFFICE = Way(IPv4Network("192.168.50.0/24"), "static", "10.20.0.9", YES)
PROD = Place("prod", "/vpcs/prod/routes/", IPv4Network("10.20.0.0/20"), (WEB, DB), ways(), "/vpcs/prod/addresses/")
LAB = Place("lab", "/vpcs/lab/routes/", IPv4Network("10.30.0.0/20"), (), ways(), "/vpcs/lab/addresses/")
ADDRESS = IPv4Address("198.51.100.20")


def a_lead(protocol: Protocol | None = None, first: int = 443, private: int = 0, **more: Any) -> Lead:
    what = f"Port forward tcp {first}" if protocol else "Static NAT"
    known = {"machine": a_machine(), "seen": YES} | more
    ports: dict[str, Any] = {"public": (first, first), "private_first": private or first} if protocol else {}
    return Lead(what, "/nat/", ADDRESS, machine_name="web-1", protocol=protocol, **ports, **known)


def a_door(*leads: Lead, **more: Any) -> Door:
    return Door(ADDRESS, "/public-ips/20/", **({"vpc": "prod", "seen": YES, "trouble": "", "leads": leads} | more))


NAT, FORWARD = a_lead(), a_lead(Protocol.TCP, 8443, 443)


def on(acl: ListOfTier | None, **more: Any) -> Machine:
    return a_machine(replace(WEB, acl=acl), **more)


def start(machine: Machine | None = None, place: Place = PROD, **more: Any) -> Start:
    return Start(machine or a_machine(), place, **({"egress": IPv4Address("198.51.100.3")} | more))


def a_mate(number: int = 11, **more: Any) -> Mate:
    """The member web-1 is at .11, web-2 at .12; `state` and `seen` are its instance's."""
    of_machine = {name: more.pop(name) for name in ("state", "seen") if name in more}
    name = f"web-{number - 10}"
    machine = replace(a_machine(number=number, **of_machine), name=name)
    return Mate(**({"name": name, "machine": machine} | more))


def a_balancer(*mates: Mate, acl: ListOfTier | None = WEB.acl, **more: Any) -> Balanced:
    ports = {"protocol": Protocol.TCP, "port": 80, "member_port": 443}
    what = {"name": "shop", "url": "/load-balancers/shop/", "address": ADDRESS, "network": replace(WEB, acl=acl)}
    known = {"mates": mates or (a_mate(),), "sources": (), "sources_seen": YES}
    return Balanced(**(what | ports | known | more))


def a_front(*mates: Mate, **more: Any) -> Door:
    return a_door(balancers=[a_balancer(*mates, **more)], answering=["shop at tcp 80"])


def behind(*mates: Mate, machine: Machine | None = None, **more: Any) -> End:
    """web-1, as a member."""
    return End(machine or a_mate().machine or a_machine(), PROD, balancers=[a_balancer(*mates, **more)])


HTTP = Traffic(Protocol.TCP, 80)
REFUSES = "SoftGate-2 gets “connection refused” from web-1; the instance runs, the list allows it: look at the service."
HEALTHY, DOWN = {"probe": Verdict.REACHABLE}, {"probe": Verdict.BLOCKED, "words": REFUSES}
SILENT = {"probe": Verdict.UNKNOWN, "words": "Not every probe is known: SoftGate-1 is silent."}
OFFICES = (IPv4Network("203.0.113.0/24"),)

#: name: (from, to, traffic, verdict, what decides, a part of its sentence)
GOLDEN: dict[str, tuple[Any, Any, Traffic, str, str, str]] = {
    # --- from outside to a public IP
    "static NAT and an open list": (Outside(), a_door(NAT), HTTPS, "reachable", "", ""),
    "an address of its own": (Outside(IPv4Address(OFFICE)), a_door(NAT), HTTPS, "reachable", "", ""),
    "a port that the list lacks": (Outside(), a_door(NAT), SSH, "blocked", "Access list web", "denies tcp 22"),
    "a ping that the list lacks": (Outside(), a_door(NAT), PING, "blocked", "Access list web", "denies icmp"),
    "nothing leads from it": (Outside(), a_door(), HTTPS, "blocked", "Public IP 198.51.100.20", "Nothing leads"),
    "source NAT alone": (
        Outside(),
        a_door(trouble="It serves what goes out."),
        HTTPS,
        "blocked",
        "Public IP 198.51.100.20",
        "what goes out",
    ),
    "another port is forwarded": (
        Outside(),
        a_door(FORWARD),
        HTTPS,
        "blocked",
        "Public IP 198.51.100.20",
        "No port forward of 198.51.100.20 takes tcp 443",
    ),
    "the other protocol is forwarded": (
        Outside(),
        a_door(FORWARD),
        Traffic(Protocol.UDP, 8443),
        "blocked",
        "Public IP 198.51.100.20",
        "takes udp 8443",
    ),
    "a ping is never forwarded": (Outside(), a_door(FORWARD), PING, "blocked", "Public IP 198.51.100.20", "icmp"),
    "the list sees the private port": (Outside(), a_door(FORWARD), Traffic(Protocol.TCP, 8443), "reachable", "", ""),
    "and denies it though the public one is allowed": (
        Outside(),
        a_door(a_lead(Protocol.TCP, 443, 22)),
        HTTPS,
        "blocked",
        "Access list web",
        "denies tcp 22",
    ),
    "a forward that is switched off": (
        Outside(),
        a_door(replace(FORWARD, is_on=False)),
        Traffic(Protocol.TCP, 8443),
        "blocked",
        "Port forward tcp 8443",
        "switched off",
    ),
    "a forward of a tier that sleeps": (
        Outside(),
        a_door(replace(NAT, is_asleep=True, seen=NO)),
        HTTPS,
        "blocked",
        "Static NAT",
        "Start the instance",
    ),
    "a static NAT that Netris lacks": (
        Outside(),
        a_door(replace(NAT, seen=NO)),
        HTTPS,
        "blocked",
        "Static NAT",
        "Apply it again",
    ),
    "a forward of a range of which Netris lacks a port": (
        Outside(),
        a_door(replace(FORWARD, public=(8443, 8444), seen=NO)),
        Traffic(Protocol.TCP, 8443),
        "unknown",
        "Port forward tcp 8443",
        "does not have each of its ports",
    ),
    "NAT rules that were read too long ago": (
        Outside(),
        a_door(replace(NAT, seen=OLD)),
        HTTPS,
        "unknown",
        "Static NAT",
        "The reading of NAT rules is 12 minutes old",
    ),
    "NAT rules that were never read": (
        Outside(),
        a_door(replace(NAT, seen=NEVER)),
        HTTPS,
        "unknown",
        "Static NAT",
        "not read since the last change",
    ),
    "a public IP that was read too long ago": (
        Outside(),
        a_door(NAT, seen=OLD),
        HTTPS,
        "unknown",
        "Public IP 198.51.100.20",
        "12 minutes old",
    ),
    "a public IP that the systems do not give": (
        Outside(),
        a_door(NAT, seen=NO),
        HTTPS,
        "blocked",
        "Public IP 198.51.100.20",
        "Apply it again",
    ),
    "an instance that is gone": (
        Outside(),
        a_door(replace(NAT, machine=None)),
        HTTPS,
        "blocked",
        "Static NAT",
        "web-1 is gone",
    ),
    "an instance that is stopped": (
        Outside(),
        a_door(a_lead(machine=a_machine(state="Stopped"))),
        HTTPS,
        "blocked",
        "Instance web-1",
        "web-1 is stopped. Start it",
    ),
    "instances that were read too long ago": (
        Outside(),
        a_door(a_lead(machine=a_machine(seen=OLD))),
        HTTPS,
        "unknown",
        "Instance web-1",
        "12 minutes old",
    ),
    "a list that was read too long ago": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN), seen=OLD)))),
        HTTPS,
        "unknown",
        "Access list web",
        "12 minutes old",
    ),
    "a list that the systems have otherwise": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN), seen=NO)))),
        HTTPS,
        "unknown",
        "Access list web",
        "Apply the list again",
    ),
    "a list that denies is named, however old": (
        Outside(),
        a_door(a_lead(machine=on(a_list(seen=OLD)))),
        HTTPS,
        "blocked",
        "Access list web",
        "denies tcp 443",
    ),
    "a tier without a list": (
        Outside(),
        a_door(a_lead(machine=on(None))),
        HTTPS,
        "unknown",
        "Access list",
        "the site's default decides",
    ),
    "a tier that is stuck": (
        Outside(),
        a_door(a_lead(machine=a_machine(replace(WEB, trouble="The tier web is stuck.")))),
        HTTPS,
        "blocked",
        "Tier web",
        "is stuck",
    ),
    "a list for one office alone, from the internet": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN, "203.0.113.0/24"))))),
        HTTPS,
        "blocked",
        "Access list web",
        "from the internet",
    ),
    "the same, from that office": (
        Outside(IPv4Address(OFFICE)),
        a_door(a_lead(machine=on(a_list(allow(IN, "203.0.113.0/24"))))),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "one office is kept out, not the internet": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN, "192.0.2.0/24", action=Action.DENY), allow(IN))))),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "Netris decides in another order": (
        Outside(IPv4Address(OFFICE)),
        a_door(a_lead(machine=on(a_list(allow(IN), allow(IN, "203.0.113.0/24", action=Action.DENY))))),
        HTTPS,
        "blocked",
        "Access list web",
        "Rule 2 denies tcp 443 from 203.0.113.7 on Netris, which decides in another order",
    ),
    "two rules that Netris may put either way round": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN), allow(IN, action=Action.DENY), site=Action.ALLOW)))),
        HTTPS,
        "unknown",
        "Access list web",
        "equally specific",
    ),
    "a rule whose time is over": (
        Outside(),
        a_door(a_lead(machine=on(a_list(allow(IN), in_force=())))),
        HTTPS,
        "blocked",
        "Access list web",
        "denies tcp 443",
    ),
    # --- from outside to an instance
    "an instance by its static NAT": (Outside(), End(a_machine(), PROD, (NAT,)), HTTPS, "reachable", "", ""),
    "an instance that nothing leads to": (
        Outside(),
        End(a_machine(), PROD),
        HTTPS,
        "blocked",
        "Public IP",
        "No public IP leads tcp 443 to web-1",
    ),
    "an instance by a forward to that port": (
        Outside(),
        End(a_machine(), PROD, (FORWARD,)),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "an instance by a forward to another": (
        Outside(),
        End(a_machine(), PROD, (FORWARD,)),
        SSH,
        "blocked",
        "Public IP",
        "leads tcp 22",
    ),
    "one way that works is enough": (
        Outside(),
        End(a_machine(), PROD, (replace(FORWARD, is_on=False), NAT)),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "a private address without a route": (
        Outside(IPv4Address("192.168.50.7")),
        End(a_machine(), PROD, (NAT,)),
        HTTPS,
        "blocked",
        "Route",
        "has no route to it. Add a static route",
    ),
    "an office behind a static route": (
        Outside(IPv4Address("192.168.50.7")),
        End(a_machine(), replace(PROD, ways=ways(TO_OFFICE))),
        HTTPS,
        "unknown",
        "Behind 10.20.0.9",
        "Weft does not see",
    ),
    "a static route that Netris lacks": (
        Outside(IPv4Address("192.168.50.7")),
        End(a_machine(), replace(PROD, ways=ways(replace(TO_OFFICE, seen=NO)))),
        HTTPS,
        "blocked",
        "Route to 192.168.50.0/24",
        "Apply it again",
    ),
    "an address of the VPC in no tier": (
        Outside(IPv4Address("10.20.9.9")),
        End(a_machine(), PROD),
        HTTPS,
        "blocked",
        "Tier",
        "in none of its tiers",
    ),
    # --- through a load balancer
    "a load balancer whose member runs": (Outside(), a_front(), HTTP, "reachable", "", ""),
    "one whose member answers": (Outside(), a_front(a_mate(**HEALTHY)), HTTP, "reachable", "", ""),
    "an instance that is behind one": (Outside(), behind(), HTTPS, "reachable", "", ""),
    "another port than the balancer's": (
        Outside(),
        a_front(),
        HTTPS,
        "blocked",
        "Public IP 198.51.100.20",
        "No load balancer of 198.51.100.20 takes tcp 443. There is shop at tcp 80.",
    ),
    "the other protocol than the balancer's": (
        Outside(),
        a_front(),
        Traffic(Protocol.UDP, 80),
        "blocked",
        "Public IP 198.51.100.20",
        "takes udp 80",
    ),
    "a ping of a load balancer": (Outside(), a_front(), PING, "blocked", "Public IP 198.51.100.20", "takes icmp"),
    "another port of an instance behind one": (Outside(), behind(), SSH, "blocked", "Public IP", "leads tcp 22"),
    "a balancer that was read too long ago": (
        Outside(),
        a_front(unknown="The reading of Netris' load balancers is 12 minutes old."),
        HTTP,
        "unknown",
        "Load balancer shop",
        "12 minutes old",
    ),
    "a balancer that Netris lacks": (
        Outside(),
        a_front(trouble="Netris does not have it. Apply it again."),
        HTTP,
        "blocked",
        "Load balancer shop",
        "does not have it",
    ),
    "sources that the internet is not among": (
        Outside(),
        a_front(sources=OFFICES),
        HTTP,
        "blocked",
        "Allowed sources of shop",
        "Only 203.0.113.0/24 may connect, and not the internet",
    ),
    "sources that another is not among": (
        Outside(IPv4Address("198.18.0.1")),
        a_front(sources=OFFICES),
        HTTP,
        "blocked",
        "Allowed sources of shop",
        "and not 198.18.0.1",
    ),
    "one of its sources": (Outside(IPv4Address(OFFICE)), a_front(sources=OFFICES), HTTP, "reachable", "", ""),
    "sources that Netris has otherwise": (
        Outside(),
        a_front(sources=OFFICES, sources_seen=NO),
        HTTP,
        "unknown",
        "Allowed sources of shop",
        "other rules of who may connect",
    ),
    "sources that were read too long ago": (
        Outside(),
        a_front(sources_seen=OLD),
        HTTP,
        "unknown",
        "Allowed sources of shop",
        "12 minutes old",
    ),
    "the members' list sees their port": (
        Outside(),
        a_front(member_port=8443),
        HTTP,
        "blocked",
        "Access list web",
        "denies tcp 8443",
    ),
    "the members' tier without a list": (Outside(), a_front(acl=None), HTTP, "unknown", "Access list", "default"),
    "nobody is in rotation": (
        Outside(),
        a_front(a_mate(is_drained=True), a_mate(12, is_drained=True)),
        HTTP,
        "blocked",
        "Load balancer shop",
        "Every member is drained",
    ),
    "a balancer without members": (Outside(), a_front(mates=()), HTTP, "blocked", "Load balancer shop", "no member"),
    "drained, and Netris sends there still": (
        Outside(),
        a_front(a_mate(is_drained=True), foreign="10.20.0.11:443"),
        HTTP,
        "unknown",
        "Load balancer shop",
        "also sends to 10.20.0.11:443",
    ),
    "the member is stopped": (
        Outside(),
        a_front(a_mate(state="Stopped")),
        HTTP,
        "blocked",
        "Instance web-1",
        "web-1 is stopped. Start it",
    ),
    "the member is gone": (Outside(), a_front(a_mate(machine=None)), HTTP, "blocked", "Member web-1", "is gone"),
    "one of two is stopped": (Outside(), a_front(a_mate(state="Stopped"), a_mate(12)), HTTP, "reachable", "", ""),
    "both are stopped": (
        Outside(),
        a_front(a_mate(state="Stopped"), a_mate(12, state="Stopped")),
        HTTP,
        "blocked",
        "Instance web-1",
        "web-1 is stopped. Start it in CloudStack. None can be reached of the 2 members in rotation.",
    ),
    "one is stopped and nothing is known of the other": (
        Outside(),
        a_front(a_mate(state="Stopped"), a_mate(12, seen=OLD)),
        HTTP,
        "unknown",
        "Instance web-2",
        "12 minutes old. None is known to be reached of the 2 members in rotation.",
    ),
    "no SoftGate reaches the member": (Outside(), a_front(a_mate(**DOWN)), HTTP, "blocked", "Member web-1", REFUSES),
    "one of two does not answer": (
        Outside(),
        a_front(a_mate(**DOWN), a_mate(12, **HEALTHY)),
        HTTP,
        "reachable",
        "",
        "",
    ),
    "an instance that does not answer, though another does": (
        Outside(),
        behind(a_mate(**DOWN), a_mate(12, **HEALTHY)),
        HTTPS,
        "blocked",
        "Member web-1",
        REFUSES,
    ),
    "a probe that nobody tells of": (
        Outside(),
        a_front(a_mate(**SILENT)),
        HTTP,
        "unknown",
        "Member web-1",
        "SoftGate-1 is silent",
    ),
    "stopped, whatever a probe says": (
        Outside(),
        a_front(a_mate(state="Stopped", **SILENT)),
        HTTP,
        "blocked",
        "Instance web-1",
        "is stopped",
    ),
    "a member that Netris lacks": (
        Outside(),
        a_front(a_mate(is_sent=False)),
        HTTP,
        "blocked",
        "Member web-1",
        "sends nothing to web-1",
    ),
    "an instance that is drained": (
        Outside(),
        behind(a_mate(is_drained=True), a_mate(12)),
        HTTPS,
        "blocked",
        "Load balancer shop",
        "web-1 is drained. Put it back",
    ),
    "drained, and reached by its static NAT": (
        Outside(),
        replace(behind(a_mate(is_drained=True)), leads=(NAT,)),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "an instance of another VPC to a load balancer": (
        start(),
        replace(a_front(sources=(IPv4Network("198.51.100.3/32"),)), vpc="lab"),
        HTTP,
        "blocked",
        "Access list web",
        "to 198.51.100.20",
    ),
    "one that its list lets out": (
        start(on(a_list(allow(OUT, port=80)))),
        replace(a_front(sources=(IPv4Network("198.51.100.3/32"),)), vpc="lab"),
        HTTP,
        "reachable",
        "",
        "",
    ),
    "a load balancer of its own VPC": (
        start(on(a_list(allow(OUT, port=80)))),
        a_front(),
        HTTP,
        "unknown",
        "Way back in",
        "not known",
    ),
    # --- from an instance to another
    "web to db": (start(), End(a_machine(DB), PROD), Traffic(Protocol.TCP, 5432), "reachable", "", ""),
    "an address of web to db": (
        Outside(IPv4Address("10.20.0.11")),
        End(a_machine(DB), PROD),
        Traffic(Protocol.TCP, 5432),
        "reachable",
        "",
        "",
    ),
    "web to db at another port": (
        start(),
        End(a_machine(DB), PROD),
        SSH,
        "blocked",
        "Access list web",
        "to 10.20.1.11",
    ),
    "db to web": (
        start(a_machine(replace(DB, acl=a_list(name="db", site=Action.ALLOW)))),
        End(on(a_list(allow(IN), site=Action.ALLOW)), PROD),
        HTTPS,
        "blocked",
        "Access list db",
        "to 10.20.0.11",
    ),
    "the same where the site denies, and a list need not": (
        start(a_machine(DB)),
        End(a_machine(), PROD),
        HTTPS,
        "unknown",
        "Access list db",
        "as a rule of the other tier's list is as specific or more",
    ),
    "what web may send and db may not take": (
        start(on(a_list(allow(OUT, port=5432), site=Action.ALLOW))),
        End(a_machine(replace(DB, acl=a_list(name="db", site=Action.ALLOW))), PROD),
        Traffic(Protocol.TCP, 5432),
        "unknown",
        "Access list db",
        "Netris may let it through all the same",
    ),
    "what neither of two lists lets through": (
        start(on(a_list(site=Action.ALLOW))),
        End(a_machine(replace(DB, acl=a_list(name="db", site=Action.ALLOW))), PROD),
        Traffic(Protocol.TCP, 5432),
        "blocked",
        "Access list web",
        "to 10.20.1.11",
    ),
    "a ping between tiers whose answer alone is allowed": (
        start(on(a_list(site=Action.ALLOW))),
        End(a_machine(replace(DB, acl=a_list(PINGS_TO_WEB, name="db", site=Action.ALLOW))), PROD),
        PING,
        "unknown",
        "Access list web",
        "may let it through all the same",
    ),
    "a ping into a tier that may ping": (
        Outside(),
        a_door(a_lead(machine=on(a_list(PINGS)))),
        PING,
        "unknown",
        "Access list web",
        "unless Netris turns a rule of web round",
    ),
    "an address that is set aside for examples": (
        Outside(IPv4Address("198.18.7.7")),
        End(a_machine(), PROD, (NAT,)),
        HTTPS,
        "reachable",
        "",
        "",
    ),
    "two of one tier": (start(), End(a_machine(number=12), PROD), SSH, "reachable", "", ""),
    "one that is stopped sends nothing": (
        start(a_machine(state="Stopped")),
        End(a_machine(DB), PROD),
        HTTPS,
        "blocked",
        "Instance web-1",
        "is stopped",
    ),
    "another VPC": (
        start(),
        End(a_machine(a_tier("lab", "10.30.0.0/24", a_list(allow(IN)))), LAB),
        Traffic(Protocol.TCP, 5432),
        "blocked",
        "Route",
        "has no route to 10.30.0.11. Peer the two VPCs, or reach it at a public IP",
    ),
    # --- from an instance to a public IP
    "another VPC's public IP": (
        start(),
        a_door(a_lead(machine=on(a_list(allow(IN, "198.51.100.3/32", 5432)))), vpc="lab"),
        Traffic(Protocol.TCP, 5432),
        "reachable",
        "",
        "",
    ),
    "it leaves with its static NAT": (
        start(static_nat=replace(NAT, address=IPv4Address("198.51.100.30"))),
        a_door(a_lead(machine=on(a_list(allow(IN, "198.51.100.3/32", 5432)))), vpc="lab"),
        Traffic(Protocol.TCP, 5432),
        "blocked",
        "Access list web",
        "from 198.51.100.30",
    ),
    "its own list lets nothing out": (
        start(),
        a_door(NAT, vpc="lab"),
        HTTPS,
        "blocked",
        "Access list web",
        "to 198.51.100.20",
    ),
    "no way out": (
        start(place=replace(PROD, ways=ways()[:-1])),
        a_door(NAT, vpc="lab"),
        Traffic(Protocol.TCP, 5432),
        "blocked",
        "Route",
        "no way out",
    ),
    "source NAT that was read too long ago": (
        start(place=replace(PROD, ways=ways(egress=OLD))),
        a_door(a_lead(machine=on(a_list(allow(IN, port=5432)))), vpc="lab"),
        Traffic(Protocol.TCP, 5432),
        "unknown",
        "Everything else",
        "12 minutes old",
    ),
    "the public IP of its own VPC": (
        start(),
        a_door(a_lead(machine=on(a_list(allow(IN, port=5432))))),
        Traffic(Protocol.TCP, 5432),
        "unknown",
        "Way back in",
        "not known",
    ),
}


def decider(answer: Answer) -> Any:
    return answer.blocked_by or answer.unknown


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_way(name: str) -> None:
    source, target, traffic, verdict, what, words = GOLDEN[name]
    answer = walk(source, target, traffic)
    assert answer.verdict == verdict, answer.hops
    if what:
        assert decider(answer).what == what
        assert words in decider(answer).sentence
        assert (answer.blocked_by is not None) == (verdict == "blocked")
    else:
        assert decider(answer) is None


def test_there_are_eighty_golden_ways() -> None:
    assert len(GOLDEN) >= 80
    assert {verdict for _, _, _, verdict, _, _ in GOLDEN.values()} == set(Verdict)


def test_whatever_blocks_says_where_to_look() -> None:
    for source, target, traffic, *_ in GOLDEN.values():
        blocked = walk(source, target, traffic).blocked_by
        assert blocked is None or blocked.url, blocked


def members_said(*mates: Mate, **more: Any) -> str:
    return walk(Outside(), a_front(*mates, **more), HTTP).hops[-1].sentence


def test_how_many_members_can_be_reached_is_said_and_the_first_that_cannot() -> None:
    stopped, drained = a_mate(state="Stopped"), a_mate(13, is_drained=True)
    assert members_said(a_mate(), a_mate(12)) == "All 2 members in rotation can be reached."
    assert members_said(stopped, a_mate(12), drained) == (
        "1 of 2 members in rotation can be reached. web-1 is stopped. Start it in CloudStack. Nobody checks the "
        "members, so some connections go there. Set a health check. Drained: web-3."
    )
    assert members_said(a_mate(**DOWN), a_mate(12, **HEALTHY)) == (
        f"1 of 2 members in rotation can be reached. {REFUSES}"
    )
    assert members_said(a_mate(), drained) == "web-1 runs. Drained: web-3."


seen = st.sampled_from([YES, NO, OLD, NEVER])


@given(seen, seen, seen, seen)
def test_nothing_is_reachable_that_was_not_seen_lately(door: Seen, nat: Seen, acl: Seen, machine: Seen) -> None:
    there = on(a_list(allow(IN), seen=acl), seen=machine if machine is not NO else OLD)
    answer = walk(Outside(), a_door(a_lead(machine=there, seen=nat), seen=door), HTTPS)
    assert (answer.verdict is Verdict.REACHABLE) == (door is nat is acl is machine is YES)


@given(seen, seen, seen, seen, st.sampled_from([*Verdict, None]), st.booleans())
def test_nothing_behind_a_load_balancer_is_either(
    door: Seen, sources: Seen, acl: Seen, machine: Seen, probe: Verdict | None, is_read: bool
) -> None:
    mate = a_mate(seen=machine if machine is not NO else OLD, probe=probe, words="x")
    more: dict[str, Any] = {"sources_seen": sources, "acl": a_list(allow(IN), seen=acl)}
    front = replace(a_front(mate, unknown="" if is_read else "It was read too long ago.", **more), seen=door)
    verdict = walk(Outside(), front, HTTP).verdict
    is_there = machine is YES if probe is None else probe is Verdict.REACHABLE
    assert (verdict is Verdict.REACHABLE) == (door is sources is acl is YES and is_read and is_there)


# --- over a peering ---------------------------------------------------------------------------------------------------

PRODS, LABS = IPv4Network("10.20.0.0/20"), IPv4Network("10.30.0.0/20")
THERE = IPv4Address("10.30.0.11")
POSTGRES = Traffic(Protocol.TCP, 5432)


def peered(**more: Any) -> Peered:
    known = {"name": "prod and lab", "url": "/peerings/1/", "state": "ready", "peer_url": LAB.url}
    passes = {"offered": [LABS], "learned": [LABS], "shown": [PRODS], "told": [PRODS]}
    return Peered(**(known | passes | more))


def with_peering(*peerings: Peered, seen: Seen = YES) -> Place:
    """The VPC in which a packet begins, or ends, with the routes that its peerings give it."""
    to_peers = [Way(each, "peering", "the other VPC", seen) for one in peerings for each in one.learned]
    return replace(PROD, ways=ways(*to_peers), peerings=peerings)


PEERED = {
    "it passes": (with_peering(peered()), "reachable", "", ""),
    "no peering": (with_peering(), "blocked", "Route", "Peer the two VPCs"),
    "asked for": (
        with_peering(peered(state="requested", learned=[])),
        "blocked",
        "Peering prod and lab",
        "not accepted yet",
    ),
    "expired": (with_peering(peered(state="expired", learned=[])), "blocked", "Peering prod and lab", "is over"),
    "revoked": (with_peering(peered(state="revoked", learned=[])), "blocked", "Peering prod and lab", "was revoked"),
    "not offered": (
        with_peering(peered(offered=[], learned=[])),
        "blocked",
        "Peering prod and lab",
        "10.30.0.11 is not offered over it",
    ),
    "not chosen": (with_peering(peered(learned=[])), "blocked", "Peering prod and lab", "not chosen here"),
    "no way back, not offered": (
        with_peering(peered(shown=[], told=[])),
        "blocked",
        "Peering prod and lab",
        "10.20.0.11 is not offered over it: nothing finds back",
    ),
    "no way back, not chosen": (
        with_peering(peered(told=[])),
        "blocked",
        "Peering prod and lab",
        "the other side has not chosen it",
    ),
    "another VPC": (
        with_peering(peered(peer_url="/vpcs/elsewhere/")),
        "blocked",
        "Peering prod and lab",
        "leads into another VPC than lab",
    ),
    "netris has it otherwise": (with_peering(peered(), seen=NO), "blocked", "Peering prod and lab", "Apply it again"),
    "not read lately": (with_peering(peered(), seen=OLD), "unknown", "", ""),
}


@pytest.mark.parametrize("name", PEERED)
def test_a_peering_is_walked_and_what_is_wrong_with_it_is_named(name: str) -> None:
    place, verdict, what, words = PEERED[name]
    far = a_tier("lab", "10.30.0.0/24", a_list(allow(IN, port=5432), name="lab"))
    answer = walk(Start(a_machine(), place), End(a_machine(far), LAB), POSTGRES)
    assert answer.verdict == verdict, answer
    if what:
        assert answer.blocked_by is not None
        assert answer.blocked_by.what == what
        assert words in answer.blocked_by.sentence


def test_the_other_vpcs_list_decides_behind_a_peering() -> None:
    far = a_tier("lab", "10.30.0.0/24", a_list(allow(IN, port=443), name="lab"))
    answer = walk(Start(a_machine(), with_peering(peered())), End(a_machine(far), LAB), POSTGRES)
    assert answer.blocked_by is not None
    assert answer.blocked_by.what == "Access list lab"


@pytest.mark.parametrize(
    ("place", "verdict", "words"),
    [
        (with_peering(peered(peer_url="")), "unknown", "Ask the other side"),
        (with_peering(peered(peer_url="", learned=[])), "blocked", "not chosen here"),
        (with_peering(peered(peer_url="", state="requested", offered=[], learned=[])), "blocked", "not accepted yet"),
        (with_peering(), "blocked", "is a private address"),
    ],
)
def test_of_another_tenants_vpc_the_way_is_known_up_to_its_lists(place: Place, verdict: str, words: str) -> None:
    answer = walk(Start(a_machine(), place), Beyond(THERE), POSTGRES)
    assert answer.verdict == verdict
    assert words in answer.hops[-1].sentence


def test_who_comes_over_a_peering_needs_what_was_offered() -> None:
    target = End(a_machine(a_tier(acl=a_list(allow(IN)))), with_peering(peered(peer_url="")))
    assert walk(Outside(THERE), target, HTTPS).verdict == "reachable"
    hidden = replace(target, place=with_peering(peered(peer_url="", told=[])))
    answer = walk(Outside(THERE), hidden, HTTPS)
    assert answer.blocked_by is not None
    assert "has not chosen it" in answer.blocked_by.sentence
