"""What may be asked for of a device, a link or a port: one reading for forms, the API and sheets.

Addresses and numbers may be words:

    auto    Netris takes the next free one of the site's subnets, or of its numbers
    none    it has none; an empty text means the same
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from apps.fabric import roles
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.inet import address_of
from apps.kernel.names import DESCRIPTION

AUTO, NONE = "auto", "none"
GENERAL, SNAT = "general", "snat"


class Kind(NamedTuple):
    """How Netris calls a role (netris-api.md 2.13)."""

    kind: str
    field: str
    word: str


KINDS = {
    roles.SPINE: Kind("switch", "swRole", "spine"),
    roles.LEAF: Kind("switch", "swRole", "leaf"),
    roles.OOB: Kind("switch", "swRole", "generic"),
    roles.SOFTGATE: Kind("softgate", "sgRole", GENERAL),
    roles.HYPERVISOR: Kind("server", "srvRole", "hyperv_cs"),
    roles.SERVER: Kind("server", "srvRole", "generic"),
}
GATES = (GENERAL, SNAT)
#: Of switches.
SYSTEMS = {
    "cumulus_linux": "Cumulus Linux",
    "cumulus_nvue": "Cumulus Linux NVUE",
    "sonic": "SONiC",
    "arista_eos": "Arista EOS",
    "dell_sonic": "Dell Enterprise SONiC",
    "ec_sonic": "EdgeCore SONiC",
    "ubuntu_switch_dev": "Ubuntu SwitchDev",
}
PORT_COUNTS = (16, 32, 48, 54, 56, 64)
MOST_SERVER_PORTS = 64
MOST_LINKS = 64
MOST_TAGS = 50
LONGEST_TAG = 100
LONGEST_CUSTOM = 10_000
SPEEDS = ("auto", "1000", "10000", "25000", "40000", "50000", "100000", "200000", "400000")
MTU = (68, 9216)
#: What hosts are called (RFC 952, and RFC 1123 for digits in front).
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.-]{0,31}")
#: As the controller was seen to send them; which others it takes is unverified.
_TAG = re.compile(r"[A-Za-z0-9_=.\-]+")
MOST_ASN = 2**32 - 1


class Uplink(NamedTuple):
    """A cable of the new device: from a port of its own to one that is there, called in full (swp5@Leaf-1)."""

    port: str
    far_port: str


@dataclass(frozen=True)
class DeviceSpec:
    """A device as it is to be made. Addresses are `auto`, blank for none, or addresses; so is the ASN."""

    role: str
    name: str
    description: str
    loopback: str
    management_address: str
    asn: str
    port_count: int
    system: str
    profile: str
    softgate_role: str
    tags: Sequence[str]
    custom_data: str
    links: Sequence[Uplink]

    @property
    def kind(self) -> Kind:
        found = KINDS[self.role]
        return found._replace(word=self.softgate_role) if self.role == roles.SOFTGATE else found

    @property
    def values(self) -> dict[str, Any]:
        return asdict(self) | {"tags": list(self.tags), "links": [list(each) for each in self.links]}

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> DeviceSpec:
        """What is left out is as usual for its role. Raises `Invalid` with all that is wrong."""
        role = str(raw.get("role") or "")
        if role not in KINDS:
            raise Refused("role-unknown", f"Say what it is: {', '.join(KINDS)}.", "role")
        given = {name: value for name, value in (usual(role) | dict(raw)).items() if value is not None}
        problems: list[Refused] = []
        read: dict[str, Any] = {
            name: collect(problems, parse, given.get(name, ""), name) for name, parse in _READ.items()
        }
        problems += _wrong(role, read)
        if problems:
            raise Invalid(problems)
        return cls(role=role, **read)


def usual(role: str) -> dict[str, Any]:
    """What a device of this role has unless somebody says otherwise."""
    kind = KINDS[role].kind
    speaks_bgp = role not in (roles.SERVER, roles.OOB)
    return {
        "loopback": AUTO if speaks_bgp else "",
        "management_address": AUTO if kind != "server" else "",
        "asn": AUTO if speaks_bgp and kind != "softgate" else "",
        "port_count": {"switch": 32, "softgate": 0, "server": 4}[kind],
        "system": "cumulus_linux" if kind == "switch" else "",
        "softgate_role": GENERAL if kind == "softgate" else "",
        "tags": (),
        "links": (),
    }


def _wrong(role: str, read: Mapping[str, Any]) -> list[Refused]:
    """What does not go together."""
    kind, found = KINDS[role].kind, []
    count = read["port_count"]
    if kind == "switch" and count is not None and count not in PORT_COUNTS:
        words = ", ".join(map(str, PORT_COUNTS))
        found.append(Refused("port-count", f"A switch has one of {words} ports.", "port_count"))
    if kind == "server" and count is not None and not 0 <= count <= MOST_SERVER_PORTS:
        found.append(Refused("port-count", f"A server has 0 to {MOST_SERVER_PORTS} ports.", "port_count"))
    if role == roles.HYPERVISOR:
        for name, what in (("loopback", "a loopback address"), ("asn", "an ASN")):
            if read[name] == "":
                text = f"A hypervisor ends VXLAN tunnels and speaks BGP: it needs {what}. Give one, or auto."
                found.append(Refused(f"{name}-missing", text, name))
    if kind == "switch" and not read["system"] and read["system"] is not None:
        found.append(Refused("system-missing", "Say which operating system the switch runs.", "system"))
    for name, kinds in (("asn", ("switch", "server")), ("custom_data", ("server",)), ("system", ("switch",))):
        if kind not in kinds and read[name]:
            found.append(Refused("not-of-this-kind", f"Netris keeps no such thing of a {kind}. Leave it empty.", name))
    return found


# --- one value each -----------------------------------------------------------------------------------------------


def parse_name(value: object, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Refused("name-missing", "Give a name.", field)
    if not _HOST_NAME.fullmatch(text):
        message = "A device is called like a host: 1 to 63 letters, digits, dots and hyphens, neither at its ends."
        raise Refused("name-invalid", message, field)
    return text


def parse_address(value: object, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() in ("", NONE, "disabled"):
        return ""
    if text.lower() == AUTO:
        return AUTO
    try:
        return str(address_of(text))
    except ValueError as mistake:
        raise Refused("address-invalid", "Give an address such as 10.0.8.5, or auto, or none.", field) from mistake


def parse_asn(value: object, field: str) -> str:
    text = str(value).strip().lower() if isinstance(value, str | int) and not isinstance(value, bool) else "?"
    if text in ("", NONE, "0"):
        return ""
    if text == AUTO:
        return AUTO
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and 0 < int(text) <= MOST_ASN):
        raise Refused("asn-invalid", f"Give a number from 1 to {MOST_ASN:,}, or auto, or none.", field)
    return str(int(text))


def parse_count(value: object, field: str) -> int:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else "?"
    if text == "":
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise Refused("port-count", "Give the number of its ports.", field)
    return int(text)


def parse_tags(value: object, field: str) -> tuple[str, ...]:
    """A list, or words with blanks, commas or lines between them."""
    found = re.split(r"[\s,]+", value) if isinstance(value, str) else _listed(value)
    tags = tuple(tag for tag in found if tag != "")
    if len(tags) > MOST_TAGS:
        raise Refused("too-many-tags", f"A device has at most {MOST_TAGS} tags here; these are {len(tags)}.", field)
    for tag in tags:
        if not isinstance(tag, str) or len(tag) > LONGEST_TAG or not _TAG.fullmatch(tag):
            text = f"A tag has 1 to {LONGEST_TAG} letters, digits and the signs _ = - . only."
            raise Refused("tag-invalid", text, field)
    return tags


def parse_custom(value: object, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > LONGEST_CUSTOM:
        raise Refused("too-long", f"It has at most {LONGEST_CUSTOM:,} characters; these are {len(text):,}.", field)
    if "\0" in text:
        raise Refused("unprintable", "It holds a character that no text has. Delete it.", field)
    return text


def parse_links(value: object, field: str) -> tuple[Uplink, ...]:
    """Pairs, or mappings with `port` and `far_port`."""
    found = _listed(value)
    if len(found) > MOST_LINKS:
        raise Refused("too-many-links", f"At most {MOST_LINKS} links are made with a device.", field)
    links = []
    for number, each in enumerate(found):
        pair = (each.get("port"), each.get("far_port")) if isinstance(each, Mapping) else each
        port, far = (str(part or "").strip() for part in pair)
        if not _PORT.fullmatch(port):
            raise Refused("port-invalid", "Call its own port as in eth1.", f"{field}.{number}.port")
        links.append(Uplink(port, parse_port(far, f"{field}.{number}.far_port")))
    for at, part in ((0, "own port"), (1, "far port")):
        ports = [each[at].lower() for each in links]
        if twice := next((port for port in ports if ports.count(port) > 1), None):
            raise Refused("port-twice", f"A port has one link; this {part} is named twice: {twice}.", field)
    return tuple(links)


def parse_port(value: object, field: str) -> str:
    """A port in full: swp5@Leaf-1."""
    text = value.strip() if isinstance(value, str) else ""
    port, at, device = text.partition("@")
    if not (at and _PORT.fullmatch(port) and _HOST_NAME.fullmatch(device)):
        raise Refused("port-invalid", "Call a port in full, with its device: swp5@Leaf-1.", field)
    return text


def _among(noun: str, words: Sequence[str]) -> Callable[[object, str], str]:
    def parse(value: object, field: str) -> str:
        text = value.strip().lower() if isinstance(value, str) else ""
        if text and text not in words:
            raise Refused(f"{noun}-unknown", f"There is no such {noun}. Known: {', '.join(words)}.", field)
        return text

    return parse


def _profile(value: object, field: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > 255 or "\0" in text:
        raise Refused("profile-unknown", "There is no such profile.", field)
    return text


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


_READ: dict[str, Callable[[object, str], Any]] = {
    "name": parse_name,
    "description": DESCRIPTION.parse,
    "loopback": parse_address,
    "management_address": parse_address,
    "asn": parse_asn,
    "port_count": parse_count,
    "system": _among("system", tuple(SYSTEMS)),
    "profile": _profile,
    "softgate_role": _among("softgate-role", GATES),
    "tags": parse_tags,
    "custom_data": parse_custom,
    "links": parse_links,
}
#: What may be changed of a device, kind by kind.
CHANGEABLE = {
    "switch": ("name", "description", "loopback", "management_address", "asn", "tags"),
    "softgate": ("name", "description", "loopback", "management_address", "tags"),
    "server": ("name", "description", "loopback", "management_address", "asn", "tags", "custom_data"),
}


def parse_changes(kind: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are given, as JSON. Raises `Invalid` with all that is wrong."""
    problems: list[Refused] = []
    read: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in CHANGEABLE.get(kind, ()):
            problems.append(Refused("not-changeable", "This cannot be changed of such a device.", name))
            continue
        found = collect(problems, _READ[name], value, name)
        if found == AUTO:
            problems.append(Refused("auto-is-for-new", "Say which one: auto is for a new device.", name))
        read[name] = list(found) if isinstance(found, tuple) else found
    if problems:
        raise Invalid(problems)
    return read


def parse_port_changes(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of a port: `description`, `mtu`, `speed` and `is_enabled`, as far as they are given."""
    problems: list[Refused] = []
    read: dict[str, Any] = {}
    for name, value in raw.items():
        read[name] = collect(problems, _PORT_VALUES[name], value, name)
    if problems:
        raise Invalid(problems)
    return read


def _mtu(value: object, field: str) -> int:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else "?"
    low, high = MTU
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and low <= int(text) <= high):
        raise Refused("mtu-invalid", f"An MTU is a number from {low} to {high}.", field)
    return int(text)


def _speed(value: object, field: str) -> str:
    text = str(value).strip().lower()
    if text not in SPEEDS:
        raise Refused("speed-unknown", f"A speed is auto, or one of {', '.join(SPEEDS[1:])} Mbit/s.", field)
    return text


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise Refused("not-a-flag", "Expected true or false.", field)
    return value


_PORT_VALUES: dict[str, Callable[[object, str], Any]] = {
    "description": DESCRIPTION.parse,
    "mtu": _mtu,
    "speed": _speed,
    "is_enabled": _flag,
}
