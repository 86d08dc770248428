"""What somebody asks for, checked before anything is written or sent. One set of rules for forms and for REST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from apps.addresses.models import LABEL, NOTES
from apps.kernel.errors import Invalid, Refused, collect


def parse_address(value: object, field: str) -> IPv4Address | None:
    """None for nothing, where any will do."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        return None
    try:
        return IPv4Address(text)
    except AddressValueError:
        message = f"“{text[:50]}” is no IPv4 address. Write one such as 198.51.100.7."
        raise Refused("address-malformed", message, field) from None


@dataclass(frozen=True)
class PublicIpSpec:
    #: None: the next one that is free.
    address: IPv4Address | None = None
    name: str = ""
    notes: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> PublicIpSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        address = collect(problems, parse_address, values.get("address"), "address")
        name = collect(problems, LABEL.parse, values.get("name"), "name")
        notes = collect(problems, NOTES.parse, values.get("notes"), "notes")
        if problems:
            raise Invalid(problems)
        return cls(address, name or "", notes or "")
