"""What an allocation or a subnet is to be, read from whatever a form, a script or a sheet says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.fabric.inventory.queries import PURPOSES
from apps.ipam.models import Block
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.inet import Network, address_of, network_of
from apps.kernel.names import DESCRIPTION, NAME

TYPES = (Block.ALLOCATION, Block.SUBNET)
#: Its gateway is told to the devices that have an address of it (netris-api.md 2.3).
WITH_GATEWAY = "management"
CHANGES = ("name", "description", "purpose", "sites", "gateway")


@dataclass(frozen=True)
class BlockSpec:
    """`sites` are names. An allocation has no purpose, no sites and no gateway."""

    type: str
    prefix: Network
    name: str
    description: str = ""
    purpose: str = ""
    sites: tuple[str, ...] = ()
    gateway: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, site: str = "") -> BlockSpec:
        """`site` is taken where a subnet names none. Raises `Invalid` with all that is wrong."""
        problems: list[Refused] = []
        type_ = str(values.get("type") or "")
        if type_ not in TYPES:
            raise Refused("type-unknown", f"Say {' or '.join(TYPES)}.", "type")
        prefix = collect(problems, parse_prefix, values.get("prefix"), "prefix")
        name = collect(problems, NAME.parse, values.get("name"), "name")
        description = collect(problems, DESCRIPTION.parse, values.get("description") or "", "description")
        facts: dict[str, Any] = {}
        if type_ == Block.SUBNET:
            facts["purpose"] = collect(problems, parse_purpose, values.get("purpose"), "purpose")
            facts["sites"] = parse_sites(values.get("sites")) or ((site,) if site else ())
            facts["gateway"] = collect(problems, parse_gateway, values.get("gateway") or "", "gateway")
        else:
            problems += [
                Refused(f"{name}-not-here", "An allocation has none. Leave it empty.", name)
                for name in ("purpose", "sites", "gateway")
                if values.get(name)
            ]
        if problems:
            raise Invalid(problems)
        return cls(type_, prefix, name or "", description or "", **facts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class BlockChange:
    """What is to be different: only what somebody has named."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> BlockChange:
        """What says what is so `now` is left out as it stands, whatever Netris calls it."""
        values = {name: value for name, value in values.items() if not _is_so(name, value, now or {})}
        problems: list[Refused] = []
        parsers = {
            "name": NAME.parse,
            "description": DESCRIPTION.parse,
            "purpose": parse_purpose,
            "gateway": parse_gateway,
        }
        found = {
            name: collect(problems, parse, values[name], name) for name, parse in parsers.items() if name in values
        }
        if "sites" in values:
            found["sites"] = parse_sites(values["sites"])  # type: ignore[assignment]
        if problems:
            raise Invalid(problems)
        return cls(found)


def _is_so(name: str, value: object, now: Mapping[str, Any]) -> bool:
    if name not in now:
        return False
    stands = ", ".join(now[name]) if name == "sites" and isinstance(value, str) else now[name]
    return str(value).strip() == stands.strip() if isinstance(stands, str) else value == list(stands)


def parse_prefix(value: object, field: str) -> Network:
    text = str(value or "").strip()
    if not text:
        raise Refused("prefix-missing", "Give a prefix such as 10.20.0.0/16.", field)
    try:
        network = network_of(text)
    except ValueError:
        raise Refused(
            "prefix-malformed", f"“{text[:50]}” is no prefix. Write one such as 10.20.0.0/16.", field
        ) from None
    if "/" not in text or str(network) != text.lower():
        raise Refused("prefix-malformed", f"Did you mean {network}?", field)
    if network.num_addresses == 1:
        message = (
            "A single address is made by CloudStack, for a tenant's VPC. Give a longer prefix of several addresses."
        )
        raise Refused("prefix-single", message, field)
    return network


def parse_purpose(value: object, field: str) -> str:
    text = str(value or "").strip().lower()
    if text not in PURPOSES:
        raise Refused("purpose-unknown", f"Say what it is for: {', '.join(PURPOSES)}.", field)
    return text


def parse_gateway(value: object, field: str) -> str:
    text = str(value or "").strip()
    try:
        return str(address_of(text)) if text else ""
    except ValueError:
        raise Refused("gateway-malformed", f"“{text[:50]}” is no address.", field) from None


def parse_sites(value: object) -> tuple[str, ...]:
    """Names, or one text with commas between them. Each once."""
    names = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    return tuple(dict.fromkeys(name.strip() for name in map(str, names) if name.strip()))
