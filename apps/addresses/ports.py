"""The ports of a forward, as people write them: "443", or "8000-8010", public and private ones alike.

One forward has one range: it is what one line shows. The plugin takes single ports alone, so CloudStack gets a rule for
each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from apps.addresses.models import LAST_PORT, Protocol
from apps.kernel.errors import Invalid, Refused, collect

#: Each port is an order of its own to CloudStack, which takes some seconds.
MOST_PORTS = 100
LONGEST = len("65535 - 65535")


@dataclass(frozen=True)
class Range:
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_range(value: object, field: str) -> Range:
    """Raises `Refused`."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise Refused("ports-missing", "Give a port, such as 443, or a range, such as 8000-8010.", field)
    if len(text) > 2 * LONGEST:
        raise Refused("ports-malformed", "This is too long for a port or a range of ports.", field)
    if "," in text:
        message = "A forward has one port or one range. Make a forward of its own for each, or write 8000-8010."
        raise Refused("ports-several", message, field)
    first, dash, last = (part.strip() for part in text.replace("\N{EN DASH}", "-").partition("-"))
    found = Range(_port(first, text, field), _port(last if dash else first, text, field))
    if found.first > found.last:
        message = f"{text.strip()} ends before it begins. Did you mean {found.last}-{found.first}?"
        raise Refused("ports-reversed", message, field)
    if len(found) > MOST_PORTS:
        message = f"A forward has at most {MOST_PORTS} ports, and these are {len(found)}: each is a rule of its own. "
        raise Refused("too-many-ports", f"{message}Use static NAT, which leads all ports to an instance.", field)
    return found


def _port(text: str, whole: str, field: str) -> int:
    if not text.isascii() or not text.isdecimal():
        message = f"“{whole[:30]}” is no port and no range of ports. Write 443, or 8000-8010."
        raise Refused("ports-malformed", message, field)
    if len(text) > 5 or text[0] == "0" or not 1 <= int(text) <= LAST_PORT:
        raise Refused("port-out-of-range", f"{text[:10]} is no port: ports are 1 to {LAST_PORT}.", field)
    return int(text)


def parse_guest(value: object, field: str) -> IPv4Address | None:
    """An instance's address; None for nothing, which means its first."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        return IPv4Address(text) if text else None
    except AddressValueError:
        message = f"“{text[:50]}” is no IPv4 address. Leave it out for the instance's first one."
        raise Refused("address-malformed", message, field) from None


def parse_protocol(value: object, field: str) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in Protocol.values:
        raise Refused("protocol-unknown", "A forward is for tcp or udp. Static NAT leads everything.", field)
    return word


@dataclass(frozen=True)
class ForwardSpec:
    protocol: str
    public: Range
    private: Range
    enabled: bool = True
    #: The sources that the tier's access list is to let in, as they were written; None to leave it as it is.
    allowed_cidrs: Sequence[object] | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> ForwardSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong. Private ports that are
        left out are the public ones."""
        problems: list[Refused] = []
        protocol = collect(problems, parse_protocol, values.get("protocol"), "protocol")
        public = collect(problems, parse_range, values.get("public_ports"), "public_ports")
        private = public
        if values.get("private_ports") not in (None, ""):
            private = collect(problems, parse_range, values.get("private_ports"), "private_ports")
        if public and private and len(public) != len(private):
            message = f"{public} are {len(public)} ports and {private} are {len(private)}: each leads to one. "
            first = min(private.first, LAST_PORT + 1 - len(public))
            message += f"Write {Range(first, first + len(public) - 1)}."
            problems.append(Refused("ports-differ", message, "private_ports"))
        if problems:
            raise Invalid(problems)
        assert protocol
        assert public
        assert private
        return cls(protocol, public, private, bool(values.get("enabled", True)), values.get("allowed_cidrs"))
