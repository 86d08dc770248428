"""Would this packet pass, and which rule decides: as written, and as the fabric sorts it.

A packet is the first one of a connection, into a tier or out of it: direction, protocol, destination port, and the
address at the other end. Replies are no question of it: TCP has them by `established`, for the rest see `fabric`.
Rules that are over are the caller's to leave out (`rules.in_force`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from apps.acls.fabric import NetrisRule, Site, leader, specificity
from apps.acls.items import items_of
from apps.acls.packets import ECHO_REQUEST, Packet
from apps.acls.ports import LAST
from apps.acls.rules import Action, Protocol, Rule
from apps.acls.spaces import places_of
from apps.acls.tables import Decision, Table, fabric_table, written_table


@dataclass(frozen=True)
class Answer:
    """One packet in both orders. Not sure: on Netris two rules that are equally specific say different things."""

    written: Decision
    effective: Decision
    is_sure: bool

    @property
    def differs(self) -> bool:
        return self.written.action is not self.effective.action


@dataclass(frozen=True)
class Difference:
    """A pair that says different things: what decides as written, what decides on Netris, and a packet to show it."""

    written: Decision
    effective: Decision
    packet: Packet
    is_sure: bool


def evaluate(
    rules: Sequence[Rule], tier: IPv4Network, site: Site, packet: Packet, *, denies_rest: bool = True
) -> Answer:
    """What happens to one packet in both orders."""
    # Rules that do not match decide nothing in any order, so tables are made of the others alone.
    near = [index for index, rule in enumerate(rules) if _may_match(rule, packet)]
    matching = [rules[index] for index in near]

    def among_all(decision: Decision) -> Decision:
        return decision if decision.place is None else decision._replace(place=near[decision.place])

    written = among_all(written_table(matching, denies_rest=denies_rest).decide(packet))
    likely, other = (
        among_all(fabric_table(matching, tier, site, denies_rest=denies_rest, ties=ties).decide(packet))
        for ties in Action
    )
    if likely.action is other.action:
        return Answer(written, likely, is_sure=True)
    # Unsure, the answer is the one that people would not expect.
    return Answer(written, other if likely.action is written.action else likely, is_sure=False)


def between(
    lists: Iterable[tuple[Sequence[Rule], IPv4Network, bool]],
    site: Site,
    ends: tuple[IPv4Address, IPv4Address],
    traffic: tuple[Protocol, int | None],
) -> set[Action]:
    """What happens to a packet from one tier to another if Netris sorts the rules of both as one table: both actions
    where equally specific ones differ. `lists` are rules, tier, and whether the list denies the rest.

    A rule goes to the interface nearest the source (netris-api.md 2.6), and that it stands on others too is not said.
    What Netris may turn round, and lets through then, counts.
    """
    lead = leader(site.order)
    source, destination = ends
    found = [
        (lead(rule.action), specificity(rule), rule.action)
        for rules, tier, denies_rest in lists
        for item in items_of(rules, denies_rest=denies_rest and site.wants_deny_all)
        for rule in _and_turned(NetrisRule.of_item(item, tier))
        if source in rule.source and destination in rule.destination and _is_about(rule, *traffic)
    ]
    first = min((each[:2] for each in found), default=None)
    return {action for *key, action in found if tuple(key) == first} or {site.default}


def _and_turned(rule: NetrisRule) -> list[NetrisRule]:
    is_turned = rule.reverse and rule.ports is None and rule.action is Action.ALLOW
    return [rule, rule._replace(source=rule.destination, destination=rule.source)] if is_turned else [rule]


def _is_about(rule: NetrisRule, protocol: Protocol, port: int | None) -> bool:
    if rule.proto in ("all", "ip"):
        return True
    first, last = rule.ports or (0, LAST)
    is_type = protocol is not Protocol.ICMP or rule.icmp_type in (None, ECHO_REQUEST)
    return rule.proto == protocol.value and first <= (port or 0) <= last and is_type


def _may_match(rule: Rule, packet: Packet) -> bool:
    """Whether it matches in either direction: Netris may turn it round."""
    if rule.protocol is not Protocol.ALL and rule.protocol is not packet.protocol:
        return False
    if rule.ports and not any(first <= (packet.port or 0) <= last for first, last in rule.ports):
        return False
    return any(packet.address in cidr for cidr in rule.cidrs)


def differences(
    rules: Sequence[Rule], tier: IPv4Network, site: Site, *, denies_rest: bool = True
) -> tuple[Difference, ...]:
    """Every pair of deciders, one as written and one on Netris, that say different things about some packet."""
    written = written_table(rules, denies_rest=denies_rest)
    tables = [fabric_table(rules, tier, site, denies_rest=denies_rest, ties=ties) for ties in Action]
    found: dict[tuple[Decision, Decision], Difference] = {}
    has_ties = tables[0] != tables[1]
    for effective, other in (tables, tables[::-1]) if has_ties else (tables,):
        for ours, theirs, packet in compared(written, effective):
            is_sure = not has_ties or other.decide(packet).action is theirs.action
            found.setdefault((ours, theirs), Difference(ours, theirs, packet, is_sure))
    return tuple(sorted(found.values(), key=lambda each: (_place(each.written), _place(each.effective))))


def _place(decision: Decision) -> tuple[int, str]:
    return (LAST if decision.place is None else decision.place, decision.by)


def compared(one: Table, other: Table) -> Iterator[tuple[Decision, Decision, Packet]]:
    """Each pair of deciders that disagree on some packet, once, with such a packet."""
    seen: set[tuple[Decision, Decision]] = set()
    for place in places_of((one, other)):
        mine, theirs = place.masks
        if not (apart := mine.allowed ^ theirs.allowed):
            continue
        rivals = [(hit & apart, decision) for hit, decision in theirs.hits if hit & apart]
        for hit, decision in mine.hits:
            left = hit & apart
            for rival, their_decision in rivals:
                if not left:
                    break
                if (both := left & rival) and (decision, their_decision) not in seen:
                    seen.add((decision, their_decision))
                    yield decision, their_decision, place.packet(both)
                left &= ~rival


def opens_more(before: Table, after: Table) -> Packet | None:
    """A packet that `after` lets through and `before` does not; None when there is none."""
    return opens_beyond(after, before)


def opens_beyond(now: Table, *allowed: Table) -> Packet | None:
    """A packet that `now` lets through and none of `allowed` does; None when there is none."""
    for place in places_of((now, *allowed)):
        mine, *others = place.masks
        left = mine.allowed
        for other in others:
            left &= ~other.allowed
        if left:
            return place.packet(left)
    return None
