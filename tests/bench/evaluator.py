"""How long the evaluator of access lists takes: over one packet, and over all of both orders."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from ipaddress import IPv4Network

from apps.acls.evaluator import differences, evaluate
from apps.acls.fabric import Site
from apps.acls.packets import Packet
from apps.acls.ports import Range
from apps.acls.rules import PORTED, Action, Direction, Protocol, Rule

TIER = IPv4Network("10.20.0.0/24")
RULES = 500
PACKET = Packet.parse({"direction": "ingress", "protocol": "tcp", "port": 443, "address": "10.1.1.1"})
#: Seconds that one packet and both orders may take.
MOST_FOR_PACKET, MOST_FOR_ORDERS = 0.005, 0.5
SHAPES = ("random", "wide", "nested")


def many_rules(shape: str) -> tuple[Rule, ...]:
    draw = random.Random(shape)
    found = []
    for number in range(RULES):
        start = draw.randint(1, 60_000)
        ports: tuple[Range, ...] = ((start, start + draw.choice((0, 0, 10, 5_000))),)
        length = draw.choice((8, 16, 24, 32)) if shape == "random" else 0 if number % 2 else 24
        address = draw.getrandbits(32) if shape == "random" else number << 8
        cidr = IPv4Network((address, length), strict=False) if length else IPv4Network("0.0.0.0/0")
        protocol = draw.choice(list(Protocol)) if shape == "random" else Protocol.TCP
        if shape == "nested" and length:
            ports = ()
        direction = draw.choice(list(Direction)) if shape == "random" else Direction.INGRESS
        action = draw.choice(list(Action))
        found.append(Rule(action, direction, protocol, (cidr,), ports if protocol in PORTED else ()))
    return tuple(found)


def measure(shape: str, site: Site) -> tuple[float, float]:
    """Seconds for one packet and for both orders: of this process alone, the best of three, as the machine has other
    work."""
    rules = many_rules(shape)
    one = min(seconds(lambda: evaluate(rules, TIER, site, PACKET)) for _ in range(3))
    both = min(seconds(lambda: differences(rules, TIER, site)) for _ in range(3))
    return one, both


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def report(*, say: Callable[[str], None] = print) -> None:
    say(f"the evaluator, {RULES} rules")
    for shape in SHAPES:
        one, both = measure(shape, Site(Action.ALLOW))
        say(f"  {shape:24} one packet {one * 1000:6.2f} ms   both orders {both * 1000:6.0f} ms")
    say(f"  (aims: {MOST_FOR_PACKET * 1000:.0f} and {MOST_FOR_ORDERS * 1000:.0f})")
