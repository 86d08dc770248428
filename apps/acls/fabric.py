"""What items become on Netris, and in which order Netris decides.

The plugin writes one Netris rule for each item on each tier, with `established` for TCP and `reverse` for the rest
(netris-api.md 4.3). There is no number on Netris: the fabric sorts what it has.

    site default   order                                               source
    permit         the more specific rule first, whatever it does      acls.rst (4.13 and later), "ACL Processing Order"
    deny           denies first, in each half the more specific        netris-api.md 2.6 [JSDK:GetSiteBody.acl_policy]

The two sources disagree: acls.rst knows one order for both defaults, the SDK says that on a permitting site permits go
first. Which of them a real controller follows is (unverified), for either default. More specific is, in this order:
longer source prefix, longer destination prefix, protocol (icmp, udp, tcp, the rest), fewer source ports, fewer
destination ports. Where "all" stands among the protocols, and what decides between rules that are equal in all of it,
is (unverified): here "all" comes last, and answers that hang on such a tie are said to be unsure.

A rule with `reverse` also makes one with source and destination swapped (acls.rst). If that holds for what the plugin
sends (unverified), "allow all to X" lets X in, and a deny-all of one direction is one of the other. `Site.mirrors` says
whether to count on it. Replies do not need it: a rule swapped with its ports lets through what comes *from* the port,
and an established one what does not begin a connection; neither begins anything, so neither is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import NamedTuple

from apps.acls.items import Item
from apps.acls.ports import FIRST, LAST, Range
from apps.acls.rules import Action, Direction

_VERBS = {Action.ALLOW: "permit", Action.DENY: "deny"}
_ACTIONS = {verb: action for action, verb in _VERBS.items()}
#: `ip` is one protocol by its number; sent without a number, as the plugin does, it is taken for all (unverified).
_RANKS = {"icmp": 0, "udp": 1, "tcp": 2}
_REST_RANK = 3
_NAME = re.compile(r"(?P<vpc>D\d+-A\d+-Z\d+-V\d+)-N(?P<network>\d+)-ACL(?P<item>\d+)(?:-(?P<part>\d+))?")


class Ranking(StrEnum):
    SPECIFICITY = "specificity"
    DENIES_FIRST = "denies_first"
    PERMITS_FIRST = "permits_first"


@dataclass(frozen=True)
class Site:
    """What a Netris site does with rules. `default` is its ACL policy; `ranking` follows from it unless it is given."""

    default: Action
    mirrors: bool = False
    ranking: Ranking | None = None

    @property
    def order(self) -> Ranking:
        if self.ranking is not None:
            return self.ranking
        return Ranking.SPECIFICITY if self.default is Action.ALLOW else Ranking.DENIES_FIRST

    @property
    def wants_deny_all(self) -> bool:
        """Whether a list that denies the rest says so itself. Where denies come first it would deny everything, and
        where the site denies by itself nothing is gained by it."""
        return self.default is Action.ALLOW


class RuleName(NamedTuple):
    """The parts of "D1-A2-Z1-V3-N7-ACL33". `part` is set when the item had several CIDRs: never one of Weft's."""

    vpc: str
    network: int
    item: int
    part: int | None

    @classmethod
    def parse(cls, name: str) -> RuleName | None:
        if not (found := _NAME.fullmatch(name)):
            return None
        part = found["part"]
        return cls(found["vpc"], int(found["network"]), int(found["item"]), None if part is None else int(part))

    def __str__(self) -> str:
        part = "" if self.part is None else f"-{self.part}"
        return f"{self.vpc}-N{self.network}-ACL{self.item}{part}"


class NetrisRule(NamedTuple):
    """One rule on Netris, as far as it decides anything. `ports` are destination ports, None for every port.

    The name is not part of what is compared: it holds CloudStack's internal numbers, which no API tells.
    """

    action: Action
    proto: str
    source: IPv4Network
    destination: IPv4Network
    ports: Range | None = None
    icmp_type: int | None = None
    established: bool = False
    reverse: bool = False

    @classmethod
    def of_item(cls, item: Item, tier: IPv4Network) -> NetrisRule:
        """What the plugin sends for an item on the tier with this CIDR (netris-api.md 4.3, cloudstack-api.md 5.4)."""
        source, destination = (item.cidr, tier) if item.direction is Direction.INGRESS else (tier, item.cidr)
        is_tcp = item.protocol == "tcp"
        proto = item.protocol.value
        return cls(item.action, proto, source, destination, item.ports, item.icmp_type, is_tcp, not is_tcp)

    @classmethod
    def of_row(cls, row: Mapping[str, object]) -> NetrisRule | None:
        """From a row of `GET /api/acl` (netris-api.md 2.6). None for IPv6, for what no rule of CloudStack has (groups
        of ports, source ports), and for a rule that is switched off (the word `disabled` is unverified)."""
        proto = str(row.get("proto") or row.get("protocol"))
        has_ports = proto in _RANKS and proto != "icmp"
        if row.get("src_port_group") or row.get("dst_port_group") or row.get("status") == "disabled":
            return None
        if has_ports and _ports(row, "src") is not None:
            return None
        try:
            source, destination = _network(row, "src"), _network(row, "dst")
            action = _ACTIONS[str(row["action"])]
        except (KeyError, ValueError):
            return None
        icmp_type = row.get("icmp_type") if proto == "icmp" else None
        return cls(
            action,
            proto,
            source,
            destination,
            _ports(row, "dst") if has_ports else None,
            None if icmp_type is None else int(str(icmp_type)),
            str(row.get("established") or 0) == "1",
            row.get("reverse") == "yes",
        )

    @property
    def body(self) -> dict[str, object]:
        """As `POST /api/acl` takes it, all but name, comment and VPC: for a guard of Weft's own."""
        first, last = self.ports or (FIRST, LAST)
        body: dict[str, object] = {
            "action": _VERBS[self.action],
            "proto": self.proto,
            "src_prefix": str(self.source),
            "dst_prefix": str(self.destination),
            "src_port_from": FIRST,
            "src_port_to": LAST,
            "dst_port_from": first,
            "dst_port_to": last,
            "established": int(self.established),
            "reverse": "yes" if self.reverse else "no",
        }
        return body if self.icmp_type is None else body | {"icmp_type": self.icmp_type}


def guard_of(tier: IPv4Network) -> tuple[NetrisRule, NetrisRule]:
    """What denies everything on a tier while its list is replaced, into it and out of it (flows.md 1).

    `ip` and not `all`: the list's own deny would be refused as a duplicate. That it comes after what the list allows is
    (unverified).
    """
    everywhere = IPv4Network("0.0.0.0/0")
    return NetrisRule(Action.DENY, "ip", everywhere, tier), NetrisRule(Action.DENY, "ip", tier, everywhere)


@dataclass(frozen=True)
class ReadBack:
    """What Netris has of a list on one tier. `extra` are places in the rows that were given."""

    missing: tuple[Item, ...]
    extra: tuple[int, ...]

    @property
    def is_applied(self) -> bool:
        return not self.missing and not self.extra


def read_back(items: Iterable[Item], tier: IPv4Network, rows: Sequence[Mapping[str, object]]) -> ReadBack:
    """Compares items with the rows that belong to the tier (by name: `RuleName.network`), the guard not among them."""
    found: dict[NetrisRule | None, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(NetrisRule.of_row(row), []).append(place)
    missing = []
    for item in items:
        places = found.get(NetrisRule.of_item(item, tier))
        if places:
            places.pop(0)
        else:
            missing.append(item)
    return ReadBack(tuple(missing), tuple(sorted(place for places in found.values() for place in places)))


Key = tuple[int, ...]


def specificity(rule: NetrisRule, *, is_mirror: bool = False) -> Key:
    """Smaller decides first. Prefix lengths in bits, ports by how many there are; the module's text has the source."""
    first, last = rule.ports or (FIRST, LAST)
    near, far = (rule.destination, rule.source) if is_mirror else (rule.source, rule.destination)
    sizes = (last - first, LAST - FIRST) if is_mirror else (LAST - FIRST, last - first)
    return (-near.prefixlen, -far.prefixlen, _RANKS.get(rule.proto, _REST_RANK), *sizes)


def leader(ranking: Ranking) -> Callable[[Action], int]:
    """What is compared before specificity: 0 for the action that goes first."""
    if ranking is Ranking.SPECIFICITY:
        return lambda action: 0
    first = Action.DENY if ranking is Ranking.DENIES_FIRST else Action.ALLOW
    return lambda action: int(action is not first)


def _network(row: Mapping[str, object], side: str) -> IPv4Network:
    """Rows have the prefix without its length, which stands beside it; bodies have both in one."""
    prefix = str(row[f"{side}_prefix"])
    return IPv4Network(prefix if "/" in prefix else f"{prefix}/{row[f'{side}_length']}")


def _ports(row: Mapping[str, object], side: str) -> Range | None:
    """0 and null are what is written where ports mean nothing."""
    first, last = (int(str(row.get(f"{side}_port_{end}") or 0)) for end in ("from", "to"))
    return None if (first, last) in ((0, 0), (FIRST, LAST)) else (first, last)
