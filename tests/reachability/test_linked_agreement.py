"""The walk over Direct Connect agrees with packets in the sandbox's own model of the fabric.

Each world is drawn at random: two tiers, two interfaces, routers that announce what is accepted or something else. Then
it is partly broken, behind Weft's back or by its tenant, and read by the sweeps. Packets go out to what may be behind a
router, and come in from there: nothing is blocked that passes, and nothing beyond is called reachable.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from apps.acls.rules import Protocol, parse_rules
from apps.acls.services import assign, create_acl
from apps.acls.specs import AclSpec
from apps.acls.tasks import compare_all
from apps.directconnect.interfaces.services import create_interface
from apps.directconnect.interfaces.specs import InterfaceSpec
from apps.directconnect.interfaces.tending import tend
from apps.directconnect.models import Connection, Interface
from apps.directconnect.services.orders import transition
from apps.directconnect.stages import Party, Stage
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier
from apps.networks.services import create_tier
from apps.networks.specs import TierSpec
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.reachability.facts import Answer, Beyond, Outside, Traffic, Verdict
from apps.reachability.queries import answer_of
from apps.reachability.questions import Question
from sandbox.cloudstack.inhabitants import Order
from sandbox.netris.routing import routers
from sandbox.packets import Outcome, Packet
from tests.addresses.place import Place
from tests.builders import BY
from tests.directconnect.test_interface_recipe import a_connection
from tests.reachability.test_agreement import READ as OF_THE_REST

ROUNDS, PACKETS = 4, 16
TIERS = ("10.20.0.0/24", "10.20.1.0/24")
#: What can be accepted, and who is in it; and somebody who is in none of it but the default route.
ACCEPTS = {"192.168.0.0/16": "192.168.7.9", "203.0.113.0/24": "203.0.113.9", "0.0.0.0/0": "198.18.7.7"}
FAR = (*ACCEPTS.values(), "172.20.1.9")
ANNOUNCES = ("192.168.7.0/24", "203.0.113.0/24", "0.0.0.0/0", "172.20.0.0/16")
READ = (*OF_THE_REST, Kind.NETRIS_PORT, Kind.NETRIS_SESSION)
HTTPS = Traffic(Protocol.TCP, 443)
RULES = [
    {"action": "allow", "direction": way, "protocol": "tcp", "cidrs": ["0.0.0.0/0"], "ports": "443"}
    for way in ("ingress", "egress")
]


class World(Place):
    draw: random.Random
    connection: Connection

    def fill(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.done(create_tier(self.vpc, TierSpec("db", IPv4Network(TIERS[1])), by=BY))
        for tier in self.vpc.tiers.order_by("cidr"):
            self.move_in(Order(tier.remote_name, count=1, name=tier.name))
            made = create_acl(self.acme, AclSpec(str(self.vpc.pk), f"of {tier.name}", parse_rules(RULES)), by=BY)
            self.done(made)
            self.done(assign(Tier.unscoped.get(pk=tier.pk), str(made.resource_id), by=BY))
        self.connection = a_connection(self)
        self._moves(Stage.LOA_ISSUED, Party.PLATFORM)
        Connection.unscoped.filter(pk=self.connection.pk).update(stage=Stage.IN_SERVICE)
        for name in ("main", "spare"):
            self._link(name)

    def _link(self, name: str) -> None:
        accepted = self.draw.sample(sorted(ACCEPTS), self.draw.randint(1, 2))
        announced = self.draw.choice(([str(self.vpc.cidr)], [str(self.vpc.cidr)], [TIERS[0]], [*TIERS], []))
        values = {"name": name, "vpc": "prod", "peer_asn": 65010, "accept": accepted, "announce": announced}
        self.done(create_interface(self.connection, self.vpc, InterfaceSpec.parse(values), by=BY))
        self.router(Interface.unscoped.select_related("port").get(name=name))

    def router(self, row: Interface, **facts: Any) -> None:
        """It announces some of what it may, and something else."""
        net, chosen = self.world.netris.net, self.draw.sample(ANNOUNCES, self.draw.randint(1, 4))
        side = {"vlan": row.vlan, "address": f"{row.remote_address}/{row.prefix_length}", "asn": row.peer_asn}
        side |= {"announces": chosen, "communities": self.draw.choice((["0:7"], ["0:7"], ["0:7"], [])), "silent": False}
        assert row.port is not None
        routers.set_up(net, net.ports.one("name", row.port.name), side | facts)

    def breaks(self) -> None:
        """At the far end, on Netris, or by its tenant."""
        net, row = self.world.netris.net, self.draw.choice(self.rows())
        session = next(each for each in net.sessions if each["name"] == row.remote_name)
        match self.draw.choice(("silent", "asn", "announces", "dark", "disable", "filter", "outward", "suspend")):
            case "silent":
                self.router(row, silent=True)
            case "asn":
                self.router(row, asn=65011)
            case "announces":
                self.router(row)
            case "dark":
                assert row.port is not None
                routers.light(net, net.ports.one("name", row.port.name), is_on=False)
            case "disable":
                net.sessions.change(session, state="disabled")
            case "filter":
                net.sessions.change(session, prefixListInbound="permit any le 32")
            case "outward":
                net.sessions.change(session, prefixListOutbound="permit any le 32")
            case "suspend":
                self._moves(Stage.SUSPENDED)
                self.follows()

    def heals(self) -> None:
        """What was ended by order, or at the far end, goes on."""
        for row in self.rows():
            assert row.port is not None
            routers.light(self.world.netris.net, self.world.netris.net.ports.one("name", row.port.name), is_on=True)
            self.router(row)
        if Connection.unscoped.get(pk=self.connection.pk).stage == Stage.SUSPENDED:
            self._moves(Stage.IN_SERVICE)
            self.follows()

    def _moves(self, to: Stage, party: Party = Party.TENANT) -> None:
        row = Connection.unscoped.select_related("tenant", "location__zone", "port").get(pk=self.connection.pk)
        transition(row, to, {}, party=party, by=BY)

    def follows(self) -> None:
        tend()
        while work := Operation.unscoped.live().exclude(phase=Phase.QUEUED).first():
            self.done(work)

    def rows(self) -> list[Interface]:
        return list(Interface.unscoped.live().select_related("port").order_by("name"))

    def reads(self) -> None:
        self.clock.shift(timedelta(minutes=3))
        for kind in READ:
            assert refresh(self.zone, kind, self.watch.clouds_of(self.zone))
        compare_all()

    def packets(self) -> Iterator[tuple[Question, list[Packet]]]:
        """What is asked, and what is sent for it: what comes in comes from either router."""
        for _ in range(PACKETS):
            number, far = self.draw.randrange(2), self.draw.choice(FAR)
            instance = self.instance(number)
            if self.draw.random() < 0.5:
                packet = Packet(far, "tcp", 443, instance=str(self.ids[number]))
                yield Question(instance, Beyond(IPv4Address(far)), HTTPS), [packet]
                continue
            to = str(instance.addresses[0].address)
            places = [f"{row.port.name}/{row.vlan}" for row in self.rows() if row.port]
            sent = [Packet(to, "tcp", 443, far, router=each) for each in places]
            yield Question(Outside(IPv4Address(far)), instance, HTTPS), sent


@pytest.fixture
def world_of(acme: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Any, clock: Any) -> World:
    return World(acme, zone, run, world, watch, clock)


def goes_over(outcome: Outcome, packet: Packet) -> bool:
    """By a router, and not by source NAT: where a private address ends there, the sandbox does not ask."""
    return outcome.arrives and (bool(packet.router) or any(each.startswith("bgp ") for each in outcome.via))


def told(answer: Answer, packets: list[Packet], sent: list[Outcome]) -> str:
    lines = [f"{hop.what}: {hop.verdict}, {hop.sentence}" for hop in answer.hops]
    for packet, outcome in zip(packets, sent, strict=True):
        to = f"{packet.source or packet.instance} to {packet.to} by {packet.router}"
        lines.append(f"{to}: {', '.join(outcome.via)}, {outcome.stopped_by or outcome.ends}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_the_walk_and_the_fabric_agree_over_direct_connect(world_of: World, seed: int) -> None:
    world = world_of
    world.fill(seed)
    verdicts: Counter[str] = Counter()
    for _ in range(ROUNDS):
        world.reads()
        for question, packets in world.packets():
            sent = [world.world.would_pass(packet) for packet in packets]
            answer = answer_of(question)
            passes = any(goes_over(outcome, packet) for outcome, packet in zip(sent, packets, strict=True))
            verdicts[f"{answer.verdict} {'passes' if passes else 'stops'}"] += 1
            assert answer.verdict is not Verdict.REACHABLE, told(answer, packets, sent)
            assert not (answer.verdict is Verdict.BLOCKED and passes), told(answer, packets, sent)
        world.heals()
        world.breaks()
    assert {"blocked stops", "unknown passes"} <= set(verdicts), verdicts
