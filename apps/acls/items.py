"""What a list of rules becomes in CloudStack: single items, each with one range of ports and one CIDR.

One CIDR each, because an item whose CIDRs change leaves rules behind on Netris (W7), and one whose CIDRs never change
has one name there. So items are created and deleted and never updated or moved (flows.md 1), and two lists differ by
items to add and items to remove. The key of an item is all that it matches and does: the same in every list, on every
tier and at any time. Its number is no part of it, for Netris ignores numbers.

    number           item
    1, 2             deny what no rule allows: ingress, egress
    10, 20, 30 ...   the other denies
    100010 ...       what is allowed

CloudStack posts items in ascending number (flows.md 0.6, 1), so while a list is written, what denies stands before
anything that allows. In CloudStack's own page the first two look as if they shadowed everything; nothing goes by that
order in a zone with Netris.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from itertools import count
from typing import NamedTuple

from apps.acls.ports import Range
from apps.acls.rules import EVERYWHERE, ICMP_TYPES, Action, Direction, Protocol, Rule

REST = {Direction.INGRESS: 1, Direction.EGRESS: 2}
STEP = 10
#: Below the first that allows there is room for the denies of two lists, of which one replaces the other.
FIRST_NUMBERS = {Action.DENY: STEP, Action.ALLOW: 100_000 + STEP}


class Item(NamedTuple):
    """One item of a CloudStack list. `ports` is None for every port; `icmp_type` is set with ICMP alone.

    `rule` is the place of the written rule in its list, from 0; None for what denies the rest.
    """

    action: Action
    direction: Direction
    protocol: Protocol
    ports: Range | None
    icmp_type: int | None
    cidr: IPv4Network
    number: int = 0
    rule: int | None = None

    @property
    def key(self) -> str:
        """ "ingress allow tcp 8000-8010 10.0.0.0/8"."""
        detail = "{}-{}".format(*self.ports) if self.ports else "-" if self.icmp_type is None else str(self.icmp_type)
        return f"{self.direction} {self.action} {self.protocol} {detail} {self.cidr}"

    def parameters(self) -> dict[str, str]:
        """Those of createNetworkACL, all but `aclid` (cloudstack-api.md 3.5).

        The reason is the key: the item is found by it when the reply is lost. `icmpcode` -1 is any, and the plugin
        drops it.
        """
        parameters = {
            "protocol": self.protocol.value,
            "traffictype": self.direction.value.capitalize(),
            "action": self.action.value.capitalize(),
            "cidrlist": str(self.cidr),
            "number": str(self.number),
            "reason": self.key,
        }
        if self.ports is not None:
            parameters |= {"startport": str(self.ports[0]), "endport": str(self.ports[1])}
        if self.icmp_type is not None:
            parameters |= {"icmptype": str(self.icmp_type), "icmpcode": "-1"}
        return parameters


def item_of(row: Mapping[str, object]) -> Item | None:
    """From a row of listNetworkACLs. None when Weft never makes one like it: several CIDRs, IPv6, a protocol number."""
    try:
        start, end, icmp_type = row.get("startport"), row.get("endport"), row.get("icmptype")
        protocol = Protocol(str(row["protocol"]).lower())
        return Item(
            Action(str(row["action"]).lower()),
            Direction(str(row["traffictype"]).lower()),
            protocol,
            None if start is None or end is None else (int(str(start)), int(str(end))),
            int(str(icmp_type)) if icmp_type is not None and protocol is Protocol.ICMP else None,
            IPv4Network(str(row["cidrlist"])),
            int(str(row["number"])),
        )
    except (KeyError, ValueError):
        return None


def items_of(rules: Sequence[Rule], *, denies_rest: bool, numbers: Mapping[str, int] | None = None) -> list[Item]:
    """The items of a list in written order, what denies the rest first.

    `numbers` are those that keys have already, in the list that this one follows; they keep them. A direction whose
    rules decide everything in one of them is left without the deny of the rest: it would be the same match again.
    """
    written = list(_written(rules))
    whole = {item.direction for item in written if item.protocol is Protocol.ALL and item.cidr == EVERYWHERE}
    rest = [
        Item(Action.DENY, direction, Protocol.ALL, None, None, EVERYWHERE)
        for direction in Direction
        if denies_rest and direction not in whole
    ]
    return _numbered([*rest, *written], numbers or {})


def _written(rules: Sequence[Rule]) -> Iterator[Item]:
    for place, rule in enumerate(rules):
        ports: tuple[Range | None, ...] = rule.ports or (None,)
        types: tuple[int | None, ...] = ICMP_TYPES if rule.protocol is Protocol.ICMP else (None,)
        for cidr in rule.cidrs:
            for span in ports:
                for icmp_type in types:
                    yield Item(rule.action, rule.direction, rule.protocol, span, icmp_type, cidr, 0, place)


def _numbered(items: Iterable[Item], numbers: Mapping[str, int]) -> list[Item]:
    taken = set(numbers.values()) | set(REST.values())
    free = {
        action: (number for number in count(first, STEP) if number not in taken)
        for action, first in FIRST_NUMBERS.items()
    }
    found = []
    for item in items:
        number = numbers.get(item.key) if numbers else None
        if number is None and is_rest(item):
            number = REST[item.direction]
        found.append(item._replace(number=next(free[item.action]) if number is None else number))
    return found


def is_rest(item: Item) -> bool:
    """Whether it denies all that is left of a direction, whoever wrote it."""
    return item.action is Action.DENY and item.protocol is Protocol.ALL and item.cidr == EVERYWHERE


class Step(StrEnum):
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    """From one set of items to another: what to add, what to remove, what both have (as in the new one)."""

    add: tuple[Item, ...]
    remove: tuple[Item, ...]
    keep: tuple[Item, ...]

    @property
    def steps(self) -> tuple[tuple[Step, Item], ...]:
        """In the order that lets through, at no moment, what neither the old nor the new list does.

        Denies come first and go last. Then whatever is allowed half-way is allowed by the item of one list, and
        everything that this list puts before that item is still, or already, there.
        """
        added = sorted(self.add, key=lambda item: (item.action is Action.ALLOW, item.number))
        removed = sorted(self.remove, key=lambda item: (item.action is Action.DENY, item.number))
        return (*((Step.ADD, item) for item in added), *((Step.REMOVE, item) for item in removed))


def change(before: Iterable[Item], after: Iterable[Item]) -> Change:
    old, new = {item.key: item for item in before}, {item.key: item for item in after}
    return Change(
        tuple(item for key, item in new.items() if key not in old),
        tuple(item for key, item in old.items() if key not in new),
        tuple(item for key, item in new.items() if key in old),
    )
