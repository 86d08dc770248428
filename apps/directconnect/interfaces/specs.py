"""What somebody asks for of a virtual interface, checked before anything is written or sent. One set of rules for forms
and for REST."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from pydantic import SecretStr

from apps.directconnect.addressing import Ends, parse_asn, parse_vlan
from apps.directconnect.filters import parse_prefixes
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import NAME
from apps.netris.routing import NO_PASSWORD

#: What a switch takes by the documents; a newer release takes ten times as many (netris-api.md 2.10).
MOST_TAKEN = 1000
TAKEN = 100
#: TCP MD5 keys have at most 80 bytes on Linux (RFC 2385 asks for as many), and what routers of all vendors take without
#: quotes is printable and has no blank.
KEY = re.compile(r"[!-~]{8,80}")
_QUOTING = frozenset("\"'\\`<>?")
#: How long a fail-over test may last, in minutes.
LONGEST_TEST = 240
TEST = 15


def parse_limit(value: object, field: str) -> int:
    if value in (None, ""):
        return TAKEN
    number = _number(value, 5)
    if number is None or not 1 <= number <= MOST_TAKEN:
        raise Refused("limit-out-of-range", f"Give how many prefixes are taken at most, from 1 to {MOST_TAKEN}.", field)
    return number


def parse_key(value: object, field: str) -> SecretStr:
    """Blank is none. What it was is never repeated."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if text in (None, ""):
        return NO_PASSWORD
    if not isinstance(text, str) or not KEY.fullmatch(text) or _QUOTING & set(text):
        signs = "letters, digits and signs, but for blanks, quotes, backslashes, angle brackets and question marks"
        raise Refused("key-malformed", f"A key has 8 to 80 {signs}.", field)
    return SecretStr(text)


#: 24 of them are 142 bits. Longer ones some routers refuse when they keep keys obscured.
_SIGNS, _MADE_LENGTH = string.ascii_letters + string.digits, 24


def made_key() -> SecretStr:
    """A key that nobody has seen."""
    return SecretStr("".join(secrets.choice(_SIGNS) for _ in range(_MADE_LENGTH)))


def _key_of(values: Mapping[str, Any], given: SecretStr, problems: list[Refused]) -> SecretStr:
    """The one that was given, or a new one where `make_md5` asks for it."""
    if not collect(problems, parse_flag, values.get("make_md5", False), "make_md5"):
        return given
    if given.get_secret_value():
        problems.append(Refused("key-twice", "Give a key, or have one made: not both.", "make_md5"))
    return made_key()


def parse_flag(value: object, field: str) -> bool:
    if isinstance(value, bool):
        return value
    raise Refused("flag-malformed", "Say true or false.", field)


def parse_minutes(value: object, field: str) -> int:
    if value in (None, ""):
        return TEST
    number = _number(value, 4)
    if number is None or not 1 <= number <= LONGEST_TEST:
        raise Refused("minutes-out-of-range", f"A test lasts from 1 to {LONGEST_TEST} minutes.", field)
    return number


def _number(value: object, digits: int) -> int | None:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


@dataclass(frozen=True)
class InterfaceSpec:
    """`vlan` and `ends` are None, and `name` is blank, where Weft is to choose."""

    name: str
    vpc: str
    vlan: int | None
    peer_asn: int
    ends: Ends | None
    announce: tuple[IPv4Network, ...]
    accept: tuple[IPv4Network, ...]
    max_prefixes: int
    key: SecretStr
    bfd: bool

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> InterfaceSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        name = collect(problems, NAME.parse, values["name"], "name") if values.get("name") else ""
        vpc = values.get("vpc")
        if not isinstance(vpc, str) or not vpc.strip():
            problems.append(Refused("vpc-missing", "Choose a VPC.", "vpc"))
        vlan = None
        if values.get("vlan") not in (None, ""):
            vlan = collect(problems, parse_vlan, values["vlan"], "vlan")
        ends = None
        if values.get("addresses"):
            ends = collect(problems, _parse_ends, values["addresses"], "addresses")
        policy: dict[str, Any] = {key: collect(problems, parse, values.get(key), key) for key, parse in _POLICY.items()}
        key = _key_of(values, policy["md5"] or NO_PASSWORD, problems)
        if problems:
            raise Invalid(problems)
        assert name is not None
        return cls(
            name=name,
            vpc=str(vpc).strip(),
            vlan=vlan,
            ends=ends,
            peer_asn=policy["peer_asn"],
            announce=tuple(policy["announce"]),
            accept=tuple(policy["accept"]),
            max_prefixes=policy["max_prefixes"],
            key=key,
            bfd=policy["bfd"],
        )


def _parse_bfd(value: object, field: str) -> bool:
    return True if value is None else parse_flag(value, field)


def _parse_ends(value: object, field: str) -> Ends:
    if not isinstance(value, Mapping):
        text = 'Give both ends: {"local": "10.255.0.1/30", "remote": "10.255.0.2"}.'
        raise Refused("addresses-malformed", text, field)
    return Ends.parse(value, field)


#: What can be changed afterwards, by the names of the API.
_POLICY: Mapping[str, Any] = {
    "peer_asn": parse_asn,
    "announce": parse_prefixes,
    "accept": parse_prefixes,
    "max_prefixes": parse_limit,
    "md5": parse_key,
    "bfd": _parse_bfd,
}


def change_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `services.change_interface` is asked for: what is left out stays. Raises `Invalid`."""
    problems: list[Refused] = []
    wanted = {key: collect(problems, parse, values[key], key) for key, parse in _POLICY.items() if key in values}
    key = _key_of(values, wanted.get("md5") or NO_PASSWORD, problems)
    if problems:
        raise Invalid(problems)
    return wanted | {"md5": key} if values.get("make_md5") else wanted
