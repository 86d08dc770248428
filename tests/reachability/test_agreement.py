"""The walk agrees with packets in the sandbox's own model of the fabric, which knows nothing of Weft.

Each world is drawn at random, made by Weft's recipes, partly broken behind its back, and read by the sweeps. Then
packets are sent at random: nothing is reachable that does not arrive at a machine, and nothing is blocked that somebody
takes. What is not known is asked of neither. The site permits by default: in which order one that denies decides is
told in two ways, and Weft goes by another than the sandbox.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from uuid import UUID

import pytest

from apps.acls.rules import PORTED, Protocol, parse_rules
from apps.acls.services import assign, create_acl
from apps.acls.specs import AclSpec
from apps.acls.tasks import compare_all
from apps.addresses.models import PublicIp
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import create_port_forward
from apps.addresses.services.static_nats import create_static_nat
from apps.balancers.models import Balancer
from apps.balancers.services import create_balancer, drain_member
from apps.balancers.specs import BalancerSpec
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier
from apps.networks.services import create_tier
from apps.networks.specs import TierSpec
from apps.reachability.facts import Answer, Outside, Traffic, Verdict
from apps.reachability.queries import answer_of
from apps.reachability.questions import Question
from sandbox.cloudstack.inhabitants import Order
from sandbox.packets import Outcome, Packet
from tests.addresses.place import Place
from tests.builders import BY
from tests.sandbox.cloudstack.client import client_of, root_of
from tests.sandbox.control import order

WORLDS, PACKETS = 4, 30
OFFICE, TIERS = "203.0.113.0/24", ("10.20.0.0/24", "10.20.1.0/24")
#: In the office, elsewhere; the internet as a whole, of which each rule but those for everybody says nothing.
OUTSIDE = {"203.0.113.9": "203.0.113.9", "198.18.7.7": "198.18.7.7", "": "192.0.2.200"}
PORTS = (22, 443, 8443)
#: What a member listens at, and what a balancer, or a forward, does.
BEHIND, FRONTS = 8443, (443, 8000)
READ = (
    *(Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK, Kind.CLOUDSTACK_ADDRESS, Kind.CLOUDSTACK_INSTANCE),
    *(Kind.CLOUDSTACK_ACL, Kind.NETRIS_VPC, Kind.NETRIS_VNET, Kind.NETRIS_RANGE, Kind.NETRIS_NAT, Kind.NETRIS_ACL),
    *(Kind.NETRIS_ROUTE, Kind.NETRIS_ADDRESS, Kind.NETRIS_DEVICE, Kind.NETRIS_BALANCER),
)


class World(Place):
    """Two tiers with lists, an address with a static NAT, one with a forward, one with two load balancers."""

    draw: random.Random
    public: list[PublicIp]
    stopped: set[UUID]

    def fill(self, seed: int) -> None:
        self.draw, self.stopped = random.Random(seed), set()
        self.done(create_tier(self.vpc, TierSpec("db", IPv4Network(TIERS[1])), by=BY))
        for tier in self.vpc.tiers.order_by("cidr"):
            self.move_in(Order(tier.remote_name, count=2, name=tier.name))
            if self.draw.random() < 0.85:
                self._lists(tier)
        self.public = [self.public_ip() for _ in range(3)]
        self.done(create_static_nat(self.public[0], self.instance(self.draw.randrange(4)), by=BY))
        ports = {"protocol": "tcp", "public_ports": "8000-8001", "private_ports": "443-444"}
        self.done(
            create_port_forward(self.public[1], self.instance(self.draw.randrange(4)), ForwardSpec.parse(ports), by=BY)
        )
        first = self.draw.choice((0, 2))
        for port in FRONTS:
            self._balances(port, [first, first + 1][: self.draw.randint(1, 2)])

    def _lists(self, tier: Tier) -> None:
        rules = [self._rule() for _ in range(self.draw.randint(3, 9))]
        known: dict[str, dict[str, Any]] = {}
        for rule in rules:  # of two for the same, nobody says which decides
            known.setdefault(f"{rule['direction']} {rule['protocol']} {rule.get('ports')} {rule['cidrs']}", rule)
        made = create_acl(
            self.acme, AclSpec(str(self.vpc.pk), f"of {tier.name}", parse_rules(list(known.values()))), by=BY
        )
        self.done(made)
        self.done(assign(Tier.unscoped.get(pk=tier.pk), str(made.resource_id), by=BY))

    def _rule(self) -> dict[str, Any]:
        protocol = self.draw.choice(("tcp", "tcp", "tcp", "udp", "icmp"))
        direction = self.draw.choice(("ingress", "ingress", "egress"))
        # What leaves for a tier and what that one lets in would be one rule on Netris, which refuses the second.
        tiers = TIERS if direction == "ingress" else ()
        rule = {
            "action": self.draw.choice(("allow", "allow", "allow", "deny")),
            "direction": direction,
            "protocol": protocol,
            "cidrs": [self.draw.choice(("0.0.0.0/0", "0.0.0.0/0", OFFICE, *tiers))],
        }
        return rule | (
            {} if protocol == "icmp" else {"ports": self.draw.choice(("22", "443", "8443", "1-65535", "1-65535"))}
        )

    def _balances(self, port: int, chosen: list[int]) -> None:
        values: dict[str, Any] = {"name": f"shop {port}", "protocol": "tcp", "port": port, "member_port": BEHIND}
        values["members"] = [{"instance": str(self.ids[number])} for number in chosen]
        values["allowed_cidrs"] = self.draw.choice(([], [OFFICE]))
        values["health_check"] = {"type": self.draw.choice(("none", "tcp"))}
        self.done(create_balancer(self.public[2], BalancerSpec.parse(values), by=BY))

    def breaks(self) -> None:
        """Something that Weft has not done, and one thing that it has."""
        root, net = root_of(self.world), self.world.netris.net
        match self.draw.choice(("stop", "refuse", "nat", "balancer", "rule", "drain", "nothing")):
            case "stop":
                running = [each for each in self.ids if each not in self.stopped]
                machine = self.draw.choice(running)
                self.stopped.add(machine)
                root("stopVirtualMachine", id=str(machine))
                for _ in range(4):
                    self.clock.shift(timedelta(seconds=30))
                    self.world.cloudstack.run_due_jobs()
            case "refuse":
                does, whom = self.draw.choice(("refuse", "time_out")), str(self.draw.choice(self.ids))
                order(client_of(self.world), "manners", instance=whom, does=does, port=BEHIND)
            case "nat":
                net.nats.drop(self.draw.choice([row["id"] for row in net.nats if row["action"] == "DNAT"]))
            case "balancer":
                net.lbs.drop(self.draw.choice([row["id"] for row in net.lbs]))
            case "rule":
                net.acls.drop(self.draw.choice([row["id"] for row in net.acls] or [0]))
            case "drain":
                row = self.draw.choice(list(Balancer.unscoped.select_related("vpc__zone", "tenant", "public_ip")))
                member = self.draw.choice(list(row.members.all()))
                operation = drain_member(row, member, is_drained=True, by=BY)
                if operation:
                    self.done(operation)

    def reads(self) -> None:
        self.clock.shift(timedelta(minutes=2))
        for kind in READ:
            assert refresh(self.zone, kind, self.watch.clouds_of(self.zone))
        compare_all()

    # --- packets

    def packets(self) -> Iterator[tuple[str, Question, list[Packet], str]]:
        """What is asked, what is sent for it, and at which machine it has to arrive: blank for whichever."""
        for _ in range(PACKETS):
            protocol = self.draw.choice((Protocol.TCP,) * 6 + (Protocol.UDP, Protocol.ICMP))
            port = self.draw.choice((*PORTS, *FRONTS)) if protocol in PORTED else None
            traffic = Traffic(protocol, port)
            way = self.draw.choice(("to a public IP", "to an instance", "inside", "inside"))
            if way == "inside":
                one, other = (self.draw.randrange(4) for _ in range(2))
                question = Question(self.instance(one), self.instance(other), traffic)
                packet = self._packet(self._address(other), traffic, instance=str(self.ids[one]))
                if one != other:
                    yield way, question, [packet], str(self.ids[other])
                continue
            sender, source = self.draw.choice(list(OUTSIDE.items()))
            outside = Outside(IPv4Address(sender) if sender else None)
            if way == "to a public IP":
                ip = self.draw.choice(self.public)
                packet = self._packet(str(ip.address), traffic, source=source)
                yield way, Question(outside, self._again(ip), traffic), [packet], ""
                continue
            number = self.draw.randrange(4)
            # By whichever address and port it comes, it has to arrive at that port of the instance.
            ports = {port, *FRONTS, 8001} if port else {None}
            sent = [
                self._packet(str(ip.address), Traffic(protocol, each), source=source)
                for ip in self.public
                for each in ports
            ]
            yield way, Question(outside, self.instance(number), traffic), sent, str(self.ids[number])

    def _again(self, ip: PublicIp) -> PublicIp:
        return PublicIp.unscoped.select_related("vpc__zone", "vpc__tenant", "tenant").get(pk=ip.pk)

    def _address(self, number: int) -> str:
        return str(self.instance(number).addresses[0].address)

    def _packet(self, to: str, traffic: Traffic, **more: Any) -> Packet:
        return Packet(to, traffic.protocol.value, traffic.port or 0, **more)


@pytest.fixture
def world_of(acme: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Any, clock: Any) -> World:
    return World(acme, zone, run, world, watch, clock)


def disagreement(answer: Answer, sent: list[Outcome], machine: str, port: int | None) -> str:
    """Blank where both say the same, or one of them nothing."""
    whole = [end for each in sent for end in each.ends]
    ends = [end for end in whole if (end.machine, end.port) == (machine, port or 0)] if machine else whole
    if answer.verdict is Verdict.REACHABLE and not any(end.is_delivered for end in ends):
        return "called reachable, and it is not delivered"
    if answer.verdict is Verdict.BLOCKED and any(end.stop is None for end in ends):
        return "called blocked, and it arrives"
    return ""


def told(answer: Answer, packets: list[Packet], sent: list[Outcome]) -> Iterator[str]:
    yield from (f"{hop.what}: {hop.verdict}, {hop.sentence}" for hop in answer.hops)
    for packet, outcome in zip(packets, sent, strict=True):
        to = f"{packet.source or packet.instance} to {packet.to} {packet.protocol} {packet.port}"
        yield f"{to}: {', '.join(outcome.via)}, {outcome.stopped_by or outcome.ends}"


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_walk_and_the_fabric_agree(world_of: World, seed: int) -> None:
    world = world_of
    world.fill(seed)
    verdicts: Counter[str] = Counter()
    for _ in range(3):
        world.reads()
        for way, question, packets, machine in world.packets():
            sent = [world.world.would_pass(packet) for packet in packets]
            answer = answer_of(question)
            verdicts[f"{way} {answer.verdict}"] += 1
            if all(each.is_sure for each in sent):
                wrong = disagreement(answer, sent, machine, question.traffic.port)
                assert not wrong, "\n".join([wrong, *told(answer, packets, sent)])
        world.breaks()
    assert {each.split()[-1] for each in verdicts} >= {"reachable", "blocked"}, verdicts
