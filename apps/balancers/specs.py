"""What somebody asks for, checked before anything is written or sent. One set of rules for forms and for REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from apps.addresses.models import LAST_PORT, Protocol
from apps.balancers.models import PATH_LENGTH, Balancer, Kind
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import NAME
from apps.networks.specs import MOST_CIDRS

#: CloudStack and Netris name no limit; each is a line of what the plugin writes with every change.
MOST_MEMBERS = 50
LONGEST_TIMEOUT = 60
TIMEOUT = 2


def parse_protocol(value: object, field: str) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in Protocol.values:
        text = "A load balancer is for tcp or udp. TLS is for its members: Netris passes on what comes."
        raise Refused("protocol-unknown", text, field)
    return word


def parse_port(value: object, field: str) -> int:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= LAST_PORT):
        raise Refused("port-out-of-range", f"Give one port, from 1 to {LAST_PORT}, such as 443.", field)
    return int(text)


def parse_sources(value: object, field: str) -> list[str]:
    """Ranges as they are kept: sorted, each once. Nothing is everybody."""
    if value in (None, ""):
        return []
    given = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(given, Sequence):
        raise Refused("sources-malformed", "Give a list of ranges, such as 192.0.2.0/24.", field)
    if len(given) > MOST_CIDRS:
        raise Refused("too-many-sources", f"At most {MOST_CIDRS} ranges can be given: take wider ones.", field)
    found = set()
    for each in given:
        try:
            found.add(IPv4Network(str(each).strip()))
        except ValueError:
            text = f"“{str(each)[:50]}” is no IPv4 range. Write it with its network address, such as 192.0.2.0/24."
            raise Refused("range-malformed", text, field) from None
    return [str(each) for each in sorted(found)]


@dataclass(frozen=True)
class CheckSpec:
    kind: str = Kind.NONE
    path: str = ""
    #: In seconds.
    timeout: int = 0

    @classmethod
    def parse(cls, value: object, protocol: str | None) -> CheckSpec:
        """Raises `Refused`."""
        field = "health_check"
        values = value if isinstance(value, Mapping) else {}
        kind = str(values.get("type", Kind.NONE)).strip().lower()
        if kind not in Kind.values:
            raise Refused("check-unknown", "A health check is none, tcp or http.", field)
        if kind == Kind.NONE and (values.get("path") or values.get("timeout_seconds")):
            text = "Without a health check nothing has a path or is waited for. Choose tcp or http, or leave both out."
            raise Refused("check-none", text, field)
        if kind == Kind.NONE:
            return cls()
        if protocol == Protocol.UDP:
            text = "Members behind UDP cannot be checked: SoftGates have no check for it. Choose none."
            raise Refused("check-needs-tcp", text, field)
        return cls(kind, _path(values.get("path"), kind, field), _timeout(values.get("timeout_seconds"), field))

    @property
    def columns(self) -> dict[str, Any]:
        return {"check_kind": str(self.kind), "check_path": self.path, "check_timeout": self.timeout}


def _path(value: object, kind: str, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if kind == Kind.TCP and text:
        raise Refused("check-path", "A TCP check has no path. Choose http, or leave the path out.", field)
    if kind == Kind.TCP:
        return ""
    if not text:
        return "/"
    if (
        not text.startswith("/")
        or len(text) > PATH_LENGTH
        or not text.isascii()
        or not text.isprintable()
        or " " in text
    ):
        message = f"A path begins with /, and has at most {PATH_LENGTH} letters, digits and signs without blanks."
        raise Refused("check-path", message, field)
    return text


def _timeout(value: object, field: str) -> int:
    if value in (None, ""):
        return TIMEOUT
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= LONGEST_TIMEOUT):
        raise Refused("check-timeout", f"A check waits between 1 and {LONGEST_TIMEOUT} seconds.", field)
    return int(text)


def parse_members(value: object, field: str) -> list[UUID]:
    """The ids of the instances, each once."""
    given = value if isinstance(value, list) else []
    if not given:
        raise Refused("members-missing", "Give at least one instance to balance to.", field)
    if len(given) > MOST_MEMBERS:
        raise Refused("too-many-members", f"A load balancer has at most {MOST_MEMBERS} members.", field)
    found = []
    for each in given:
        try:
            found.append(UUID(str(each.get("instance") if isinstance(each, Mapping) else each)))
        except ValueError:
            raise Refused("instance-unknown", "There is no such instance.", field) from None
    if len(set(found)) < len(found):
        raise Refused("member-twice", "An instance can be a member once.", field)
    return found


@dataclass(frozen=True)
class BalancerSpec:
    name: str
    protocol: str
    port: int
    member_port: int
    members: tuple[UUID, ...]
    allowed: tuple[str, ...] = ()
    check: CheckSpec = CheckSpec()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> BalancerSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        name = collect(problems, NAME.parse, values.get("name"), "name")
        protocol = collect(problems, parse_protocol, values.get("protocol"), "protocol")
        port = collect(problems, parse_port, values.get("port"), "port")
        member_port = port
        if "member_port" in values:
            member_port = collect(problems, parse_port, values["member_port"], "member_port")
        members = collect(problems, parse_members, values.get("members"), "members")
        allowed = collect(problems, parse_sources, values.get("allowed_cidrs"), "allowed_cidrs")
        try:
            check = CheckSpec.parse(values.get("health_check"), protocol)
        except Refused as refusal:
            problems.append(refusal)
        if problems:
            raise Invalid(problems)
        assert name
        assert protocol
        assert port
        assert member_port
        assert members
        return cls(name, protocol, port, member_port, tuple(members), tuple(allowed or ()), check)


def change_of(values: Mapping[str, Any], row: Balancer) -> dict[str, Any]:
    """What `services.change_balancer` is asked for: what is left out stays. Raises `Invalid`."""
    problems: list[Refused] = []
    wanted: dict[str, Any] = {}
    if "protocol" in values:
        wanted["protocol"] = collect(problems, parse_protocol, values["protocol"], "protocol")
    for name in ("port", "member_port"):
        if name in values:
            wanted[name] = collect(problems, parse_port, values[name], name)
    if "allowed_cidrs" in values:
        wanted["allowed"] = collect(problems, parse_sources, values["allowed_cidrs"], "allowed_cidrs")
    if "health_check" in values:
        try:
            wanted["check"] = CheckSpec.parse(values["health_check"], wanted.get("protocol", row.protocol))
        except Refused as refusal:
            problems.append(refusal)
    if problems:
        raise Invalid(problems)
    return wanted
