"""What a site is to be, read from whatever a form, a script or a sheet says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import NAME
from apps.sites.models import FACTS

MOST_ASN = 2**32 - 1
POLICIES = ("permit", "deny")
#: Those that need no login to a provider of machines.
FABRICS = ("netris", "dot1q_trunk")
ALL_VLANS = "2-4094"
Parse = Callable[[object, str], Any]


def parse_asn(value: object, field: str) -> int:
    text = str("" if value is None else value).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or not 1 <= int(text) <= MOST_ASN:
        raise Refused("asn-malformed", f"Give a number from 1 to {MOST_ASN:,}, such as 65001.", field)
    return int(text)


def parse_policy(value: object, field: str) -> str:
    text = str(value or "").strip().lower()
    if text not in POLICIES:
        raise Refused("policy-unknown", f"Say {' or '.join(POLICIES)}.", field)
    return text


def parse_fabric(value: object, field: str) -> str:
    text = str(value or "").strip().lower()
    if text not in FABRICS:
        words = f"Say {' or '.join(FABRICS)}. One of a provider of machines is made in Netris, which needs its login."
        raise Refused("fabric-unknown", words, field)
    return text


def parse_vlans(value: object, field: str) -> str:
    """All of them, if it is blank."""
    text = re.sub(r"\s", "", str(value or "")) or ALL_VLANS
    found = re.fullmatch(r"(\d{1,4})-(\d{1,4})", text, re.ASCII)
    if not found or not 2 <= int(found[1]) <= int(found[2]) <= 4094:
        raise Refused("vlans-malformed", f"Give a range between 2 and 4094, such as {ALL_VLANS}.", field)
    return f"{int(found[1])}-{int(found[2])}"


PARSERS: Mapping[str, Parse] = {
    "name": NAME.parse,
    "public_asn": parse_asn,
    "acl_policy": parse_policy,
    "switch_fabric": parse_fabric,
    "vlan_range": parse_vlans,
}


@dataclass(frozen=True)
class SiteSpec:
    name: str
    public_asn: int
    acl_policy: str
    switch_fabric: str
    vlan_range: str

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> SiteSpec:
        """Where nothing is said of it, a site is of Netris' own fabric and permits. Raises `Invalid` with all that is
        wrong."""
        usual = {"acl_policy": POLICIES[0], "switch_fabric": FABRICS[0]}
        said = {name: usual.get(name) if values.get(name) in (None, "") else values[name] for name in FACTS}
        return cls(**_parsed(said))


@dataclass(frozen=True)
class SiteChange:
    """What is to be different: only what somebody has named."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: Mapping[str, Any], now: Mapping[str, Any]) -> SiteChange:
        """What says what is so `now` is left out as it stands, whatever Netris calls it."""
        said = {name: values[name] for name in FACTS if name in values and str(values[name]) != str(now[name] or "")}
        return cls({name: value for name, value in _parsed(said).items() if value != now[name]})


def _parsed(said: Mapping[str, Any]) -> dict[str, Any]:
    problems: list[Refused] = []
    found = {name: collect(problems, PARSERS[name], value, name) for name, value in said.items()}
    if problems:
        raise Invalid(problems)
    return found
