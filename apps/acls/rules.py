"""The rules of an access list as people write them. Knows no database and no remote system.

A rule says what happens to packets that enter a tier (ingress) or leave it (egress), by protocol, by destination port,
and by the address at the other end. Rules stand in an order, and the first that matches decides.

    part         may be
    action       allow, deny
    direction    ingress, egress: seen from the tier, as in CloudStack
    protocol     tcp, udp, icmp, all
    ports        with tcp and udp alone: "80,443,8000-8010"; none is every port
    cidrs        1 to 50 IPv4 CIDRs without host bits, none twice: sources of ingress, destinations of egress
    note         one line for people
    expires_at   a time with its zone, after which the rule is not in force

What is refused here is what the plugin would send on as something else (flows.md 1): a protocol number (it becomes
"every protocol"), host bits, IPv6 and a CIDR given twice (the job fails with 530), an ICMP code (dropped), and one
match written twice (Netris takes it once, and CloudStack believes in both).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from apps.acls.ports import FIRST, LAST, Range, merged, parse_ports, ports_text, range_text
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import Line
from apps.networks.specs import CIDR_LENGTH, MOST_CIDRS, parse_cidr

#: What one list holds. Netris rewrites all of a tier's rules at each change, about four calls for each (flows.md 1).
MOST_RULES = 500
#: Of the single rules that a list becomes on each tier: one for each CIDR and range of ports.
MOST_ITEMS = 1000

NOTE = Line("note", 120, may_be_empty=True)
FIELDS = ("action", "direction", "protocol", "ports", "cidrs", "note", "expires_at")

#: What "icmp" stands for: echo reply, unreachable, echo request, time exceeded. Every type goes to Netris as a rule of
#: its own: without a type the plugin sends -1, and the controller knows 0 to 40 or none (flows.md 1, acls.rst).
ICMP_TYPES = (0, 3, 8, 11)
EVERYWHERE = IPv4Network("0.0.0.0/0")

#: Times that the database and all zones of the world have: what is later than its years could be kept and never read.
YEARS = range(2000, 9999)
MINUTE, FARTHEST_ZONE = timedelta(minutes=1), timedelta(hours=14)

_NUMBER = re.compile(r"[0-9]+")
_ICMP = {"icmp_type", "icmptype", "icmp_code", "icmpcode"}


class Action(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


class Direction(StrEnum):
    INGRESS = "ingress"
    EGRESS = "egress"


class Protocol(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ALL = "all"


PORTED = (Protocol.TCP, Protocol.UDP)


@dataclass(frozen=True)
class Rule:
    """One written rule. `ports` are ranges in order and apart, `()` for every port; `cidrs` stand in written order.

    Made in code it is checked as one that is read: nonsense raises `Invalid`.
    """

    action: Action
    direction: Direction
    protocol: Protocol
    cidrs: tuple[IPv4Network, ...]
    ports: tuple[Range, ...] = ()
    note: str = ""
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if problems := _problems_of(self):
            raise Invalid(problems)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, prefix: str = "") -> Rule:
        """From parsed JSON, a form or a sheet. Raises `Invalid` with everything that is wrong.

        `prefix` stands before the names of the fields: "rules.3." makes it "rules.3.ports".
        """
        problems = [_unknown(name, f"{prefix}{str(name)[:63]}") for name in values if name not in FIELDS]
        action = collect(problems, _choice(Action), values.get("action"), f"{prefix}action")
        direction = collect(problems, _choice(Direction), values.get("direction"), f"{prefix}direction")
        protocol = collect(problems, _protocol, values.get("protocol"), f"{prefix}protocol")
        ports = collect(problems, parse_ports, values.get("ports"), f"{prefix}ports")
        cidrs = collect(problems, parse_cidrs, values.get("cidrs"), f"{prefix}cidrs")
        note = collect(problems, NOTE.parse, values.get("note"), f"{prefix}note")
        expires_at = collect(problems, _moment, values.get("expires_at"), f"{prefix}expires_at")
        if protocol is not None and protocol not in PORTED and ports is not None and _is_given(values.get("ports")):
            problems.append(_portless(protocol, f"{prefix}ports"))
        if problems or action is None or direction is None or protocol is None or ports is None or cidrs is None:
            raise Invalid(problems)
        return cls(action, direction, protocol, cidrs, ports, note or "", expires_at)

    def as_json(self) -> dict[str, Any]:
        """The way that `parse` reads and REST shows."""
        return {
            "action": self.action.value,
            "direction": self.direction.value,
            "protocol": self.protocol.value,
            "ports": ports_text(self.ports),
            "cidrs": [str(cidr) for cidr in self.cidrs],
            "note": self.note,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }

    def is_in_force(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at

    @property
    def match(self) -> tuple[Direction, Protocol, tuple[Range, ...], tuple[IPv4Network, ...]]:
        """What it matches, whatever it then does."""
        return self.direction, self.protocol, self.ports, self.cidrs

    @property
    def title(self) -> str:
        """In words: "allow tcp 80,443 from 10.0.0.0/8"."""
        ports = f" {ports_text(self.ports)}" if self.ports else ""
        way = "from" if self.direction is Direction.INGRESS else "to"
        return f"{self.action} {self.protocol}{ports} {way} {', '.join(str(cidr) for cidr in self.cidrs)}"


def parse_rules(values: object, *, field: str = "rules") -> tuple[Rule, ...]:
    """A whole list in written order. Raises `Invalid` with everything that is wrong, each at "rules.3.ports"."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        raise Refused("rules-malformed", "Give the rules as a list.", field)
    if len(values) > MOST_RULES:
        raise Refused("too-many-rules", f"A list has at most {MOST_RULES} rules; these are {len(values):,}.", field)
    rules: list[Rule] = []
    problems: list[Refused] = []
    for number, row in enumerate(values):
        if not isinstance(row, Mapping):
            problems.append(Refused("rule-malformed", "A rule is an object with its fields.", f"{field}.{number}"))
            continue
        try:
            rules.append(Rule.parse(row, prefix=f"{field}.{number}."))
        except Refused as refusal:
            problems.extend(refusal.all)
    # Numbers of rules would be wrong where some could not be read.
    problems = problems or list(clashes(rules, field=field))
    if problems:
        raise Invalid(problems)
    return tuple(rules)


def clashes(rules: Sequence[Rule], *, field: str = "rules") -> list[Refused]:
    """Matches that stand in the list twice, and more single rules than a list may become."""
    problems: list[Refused] = []
    if (count := sum(size_of(rule) for rule in rules)) > MOST_ITEMS:
        message = (
            f"These rules become {count:,} on each tier, one for each CIDR and range of ports; a list has room for "
            f"{MOST_ITEMS:,}. Write wider CIDRs or ranges."
        )
        return [Refused("list-too-large", message, field)]
    seen: dict[tuple[Direction, Protocol, Range | None, IPv4Network], int] = {}
    for number, rule in enumerate(rules):
        for ports in rule.ports or (None,):
            for place, cidr in enumerate(rule.cidrs):
                first = seen.setdefault((rule.direction, rule.protocol, ports, cidr), number)
                if first != number:
                    where = f"{field}.{number}.cidrs.{place}"
                    problems.append(_twice(rule, ports, cidr, first, rules[first].action, where))
    return problems


def size_of(rule: Rule) -> int:
    """How many single rules it becomes on each tier."""
    kinds = len(ICMP_TYPES) if rule.protocol is Protocol.ICMP else len(rule.ports) or 1
    return kinds * len(rule.cidrs)


def in_force(rules: Sequence[Rule], now: datetime) -> tuple[Rule, ...]:
    """Those whose time is not over, in the same order."""
    return tuple(rule for rule in rules if rule.is_in_force(now))


def places_in_force(rules: Sequence[Rule], now: datetime) -> list[int]:
    """Where these stand among all."""
    return [place for place, rule in enumerate(rules) if rule.is_in_force(now)]


def next_expiry(rules: Sequence[Rule]) -> datetime | None:
    """When the first of them ends."""
    return min((rule.expires_at for rule in rules if rule.expires_at), default=None)


def parse_cidrs(value: object, field: str) -> tuple[IPv4Network, ...]:
    """IPv4 CIDRs in written order, none twice. Raises `Invalid`, each fault at "cidrs.2"."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise Refused("cidrs-malformed", "Give the CIDRs as a list, such as 10.0.0.0/8.", field)
    if not value:
        # CloudStack would take none for everything, IPv6 included (W8).
        raise Refused("cidrs-missing", "Give at least one CIDR; 0.0.0.0/0 is everywhere.", field)
    if len(value) > MOST_CIDRS:
        message = f"A rule has at most {MOST_CIDRS} CIDRs; these are {len(value):,}. Make it two rules."
        raise Refused("too-many-cidrs", message, field)
    cidrs: dict[IPv4Network, int] = {}
    problems: list[Refused] = []
    for place, each in enumerate(value):
        if (cidr := collect(problems, _cidr, each, f"{field}.{place}")) is not None:
            if cidr in cidrs:
                problems.append(Refused("cidr-twice", f"{cidr} is given twice. Delete one.", f"{field}.{place}"))
            cidrs.setdefault(cidr, place)
    if problems:
        raise Invalid(problems)
    return tuple(cidrs)


def _cidr(value: object, field: str) -> IPv4Network:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) <= CIDR_LENGTH:
        try:
            address = IPv4Address(text)
        except AddressValueError:
            pass
        else:
            raise Refused("cidr-malformed", f"For this one address write {address}/32.", field)
    return parse_cidr(value, field)


def _choice(kind: type[Action] | type[Direction]) -> Callable[[object, str], Any]:
    def parse(value: object, field: str) -> Action | Direction:
        text = value.strip().lower() if isinstance(value, str) else ""
        words = [each.value for each in kind]
        if text in words:
            return kind(text)
        noun = kind.__name__.lower()
        raise Refused(f"{noun}-unknown", f"Choose the {noun}: {words[0]} or {words[1]}.", field)

    return parse


def _protocol(value: object, field: str) -> Protocol:
    text = str(value).strip().lower() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if text in list(Protocol):
        return Protocol(text)
    if _NUMBER.fullmatch(text) and len(text) < 4:
        message = f"Protocol numbers are not offered: Netris would match every protocol, not {text}. Take all instead."
        raise Refused("protocol-number", message, field)
    if text.startswith("icmpv6"):
        raise Refused("protocol-unknown", "IPv6 is not offered here, so neither is ICMPv6. Take icmp.", field)
    raise Refused("protocol-unknown", "Choose the protocol: tcp, udp, icmp or all.", field)


def _moment(value: object, field: str) -> datetime | None:
    if value is None or value == "":
        return None
    moment = value if isinstance(value, datetime) else None
    if isinstance(value, str) and len(value) <= 40:
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    if moment is None:
        raise Refused("time-malformed", "Write the time as 2027-01-31T18:00:00+01:00.", field)
    if (offset := moment.utcoffset()) is None:
        raise Refused("time-without-zone", f"Write the zone too, such as {moment.isoformat()}Z.", field)
    if offset % MINUTE or abs(offset) > FARTHEST_ZONE:
        raise Refused("time-malformed", "There is no such zone. Write the time as 2027-01-31T18:00:00+01:00.", field)
    if moment.year not in YEARS:
        raise Refused("time-out-of-range", f"Give a time in the years {YEARS[0]} to {YEARS[-1]}.", field)
    return moment


def _problems_of(rule: Rule) -> list[Refused]:
    """Of a rule that is made in code: what types alone do not say."""
    problems: list[Refused] = []
    if rule.ports and rule.protocol not in PORTED:
        problems.append(_portless(rule.protocol, "ports"))
    if rule.ports != merged(rule.ports) or not all(FIRST <= first <= last <= LAST for first, last in rule.ports):
        problems.append(Refused("ports-malformed", "Give ranges of ports in order, with a gap between them.", "ports"))
    if rule.ports == ((FIRST, LAST),):
        problems.append(Refused("ports-malformed", "Every port is given by no port.", "ports"))
    if not rule.cidrs or len(set(rule.cidrs)) < len(rule.cidrs):
        problems.append(Refused("cidrs-malformed", "Give one CIDR or more, each once.", "cidrs"))
    if rule.expires_at is not None and rule.expires_at.tzinfo is None:
        problems.append(Refused("time-without-zone", "Give the time with its zone.", "expires_at"))
    return problems


def _is_given(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _portless(protocol: Protocol, field: str) -> Refused:
    if protocol is Protocol.ICMP:
        types = ", ".join(map(str, ICMP_TYPES))
        message = f"ICMP has no ports. Leave them empty: a rule covers the ICMP types {types} together."
    else:
        message = "Every protocol at once has no ports. Leave them empty, or choose tcp or udp."
    return Refused("ports-not-taken", message, field)


def _unknown(name: object, field: str) -> Refused:
    if str(name).lower() in _ICMP:
        types = ", ".join(map(str, ICMP_TYPES))
        return Refused("icmp-type", f"Single ICMP types are not offered: icmp covers {types} together.", field)
    return Refused("unknown-field", f"A rule has no such field. It has {', '.join(FIELDS)}.", field)


def _twice(rule: Rule, ports: Range | None, cidr: IPv4Network, first: int, action: Action, field: str) -> Refused:
    what = f"{rule.direction} {rule.protocol}{f' {range_text(ports)}' if ports else ''} and {cidr}"
    if action is rule.action:
        message = f"Rule {first + 1} has {what} already. Take it out of one of them."
    else:
        message = f"Rule {first + 1} decides {what} already, the other way round. Take it out of one of them."
    return Refused("match-twice", message, field)
