"""Rules in the order in which they decide, and what holds when none of them matches.

`written_table` and `fabric_table` make one of a list, in both orders; `netris_table` of rules that were read on Netris.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import NamedTuple

from apps.acls.fabric import Key, NetrisRule, Site, leader, specificity
from apps.acls.items import items_of
from apps.acls.packets import Packet
from apps.acls.ports import Range
from apps.acls.rules import ICMP_TYPES, Action, Direction, Protocol, Rule

_END = 1 << 32


class By(StrEnum):
    """What decided."""

    #: The written rule at `place`.
    RULE = "rule"
    #: The same, swapped: what Netris may make of `reverse`.
    MIRROR = "mirror"
    #: The deny-all that is part of the list.
    DENY_ALL = "deny_all"
    #: Nothing matches a written list that has no deny-all. CloudStack denies then.
    NO_MATCH = "no_match"
    #: Nothing matches on Netris: the site's ACL default policy.
    SITE = "site"


class Decision(NamedTuple):
    """What happens to a packet, and why. `place` is that of a written rule, or of a rule read on Netris, from 0."""

    action: Action
    by: By
    place: int | None = None


class Entry(NamedTuple):
    """One line of a table: what it matches and what it says. No ICMP types means each of them."""

    first: int
    last: int
    protocol: Protocol
    ports: Range | None
    icmp_types: tuple[int, ...]
    decision: Decision


@dataclass(frozen=True)
class Table:
    """Lines in the order in which they decide, and what holds when none matches."""

    lines: Mapping[Direction, Sequence[Entry]]
    otherwise: Decision

    def decide(self, packet: Packet) -> Decision:
        address, port, protocol = int(packet.address), packet.port or 0, packet.protocol
        for first, last, kind, ports, types, decision in self.lines[packet.direction]:
            if first <= address <= last and (kind is Protocol.ALL or kind is protocol):
                if ports is not None and not ports[0] <= port <= ports[1]:
                    continue
                if types and packet.icmp_type not in types:
                    continue
                return decision
        return self.otherwise


def written_table(rules: Sequence[Rule], *, denies_rest: bool = True) -> Table:
    """In written order: the first match decides, and what nothing matches is denied."""
    lines: dict[Direction, list[Entry]] = {direction: [] for direction in Direction}
    for index, rule in enumerate(rules):
        decision = Decision(rule.action, By.RULE, index)
        types = ICMP_TYPES if rule.protocol is Protocol.ICMP else ()
        spans: tuple[Range | None, ...] = rule.ports or (None,)
        for cidr in rule.cidrs:
            first, last = ends_of(cidr)
            lines[rule.direction].extend(Entry(first, last, rule.protocol, each, types, decision) for each in spans)
    return Table(lines, Decision(Action.DENY, By.DENY_ALL if denies_rest else By.NO_MATCH))


def fabric_table(
    rules: Sequence[Rule], tier: IPv4Network, site: Site, *, denies_rest: bool = True, ties: Action = Action.DENY
) -> Table:
    """The same list as Netris decides on the tier, by itself: other tiers' rules may match there too (`netris_table`).

    `ties` is what goes first among rules that are equally specific.
    """
    by_rule = [Decision(rule.action, By.RULE, index) for index, rule in enumerate(rules)]
    deny_all = Decision(Action.DENY, By.DENY_ALL)
    sent = [
        _Sent(
            NetrisRule.of_item(item, tier),
            (item.direction,),
            deny_all if item.rule is None else by_rule[item.rule],
        )
        for item in items_of(rules, denies_rest=denies_rest and site.wants_deny_all)
    ]
    return _sorted_table(sent, site, ties)


def netris_table(rules: Sequence[NetrisRule], tier: IPv4Network, site: Site, *, ties: Action = Action.DENY) -> Table:
    """What rules that were read on Netris do to the packets of a tier, whichever tier they were made for: `place` is
    that in `rules`. One that names a part of the tier alone is left out: a packet here may be any machine's."""
    sent = [
        _Sent(rule, _directions(rule, tier), Decision(rule.action, By.RULE, index)) for index, rule in enumerate(rules)
    ]
    return _sorted_table(sent, site, ties)


class _Sent(NamedTuple):
    """A rule on Netris, which way it stands on the tier, and what it stands for."""

    rule: NetrisRule
    directions: Sequence[Direction]
    decision: Decision


def _directions(rule: NetrisRule, tier: IPv4Network) -> list[Direction]:
    """Into the tier, out of it, or both. What stays inside a tier passes no list, so that way is none."""
    ways = [
        (Direction.INGRESS, rule.source, rule.destination),
        (Direction.EGRESS, rule.destination, rule.source),
    ]
    found = [(way, tier.supernet_of(far)) for way, far, near in ways if near.supernet_of(tier)]
    return [way for way, is_inside in found if not is_inside or len(found) == 1 or all(each for _, each in found)]


def _sorted_table(sent: Iterable[_Sent], site: Site, ties: Action) -> Table:
    lead = leader(site.order)
    keyed: dict[Direction, list[tuple[int, Key, bool, int, Entry]]] = {direction: [] for direction in Direction}
    for place, (rule, directions, decision) in enumerate(sent):
        first, loses = lead(rule.action), rule.action is not ties
        has_mirror = site.mirrors and rule.reverse and rule.ports is None
        for way in directions:
            far, back = (
                (rule.source, Direction.EGRESS) if way is Direction.INGRESS else (rule.destination, Direction.INGRESS)
            )
            line = _entry(rule, far, decision)
            keyed[way].append((first, specificity(rule), loses, place, line))
            if has_mirror:
                line = line._replace(decision=decision._replace(by=By.MIRROR))
                keyed[back].append((first, specificity(rule, is_mirror=True), loses, place, line))
    lines = {way: [line for *_, line in sorted(each)] for way, each in keyed.items()}
    return Table(lines, Decision(site.default, By.SITE))


def _entry(rule: NetrisRule, far: IPv4Network, decision: Decision) -> Entry:
    protocol = Protocol(rule.proto) if rule.proto in ("tcp", "udp", "icmp") else Protocol.ALL
    types = () if rule.icmp_type is None else (rule.icmp_type,)
    return Entry(*ends_of(far), protocol, rule.ports, types, decision)


def ends_of(network: IPv4Network) -> Range:
    first = int(network.network_address)
    return first, first + (_END >> network.prefixlen) - 1
