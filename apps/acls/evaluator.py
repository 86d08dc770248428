"""Would this packet pass, and which rule decides: as written, and as the fabric sorts it.

A packet is the first one of a connection, into a tier or out of it: direction, protocol, destination port, and the
address at the other end. Replies are no question of it: TCP has them by `established`, for the rest see `fabric`.
Rules that are over are the caller's to leave out (`rules.in_force`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from apps.acls.fabric import Site
from apps.acls.packets import Packet
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
