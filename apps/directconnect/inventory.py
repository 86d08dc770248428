"""What the inventory of the fabric knows of ports, which lies above this app: it registers who answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from apps.kernel.errors import Refused
from apps.zones.models import Zone


@dataclass(frozen=True)
class Port:
    """A port as it was surveyed. `name` is the full one (swp7@Leaf-1); `speed` is in Mbit/s, None where Netris tells no
    number; `status` is what may be said of it now."""

    id: UUID
    remote_id: str
    name: str
    device: str
    device_id: str
    speed: int | None
    status: str
    is_free: bool
    read_at: datetime | None


class Inventory(Protocol):
    def free(self, zone: Zone, words: str, most: int) -> Sequence[Port]:
        """Ports of leaves that nothing uses and no cable ends at, by name."""

    def called(self, zone: Zone, reference: str) -> Port | None:
        """The one with this id, or with this full name."""

    def states(self, zones: Iterable[Zone], remote_ids: Iterable[str]) -> Mapping[tuple[UUID, str], Port]:
        """By zone and Netris' id, where they are listed."""


_registered: list[Inventory] = []


def register(inventory: Inventory) -> None:
    """Its owner calls this from `AppConfig.ready`."""
    _registered[:] = [inventory]


def inventory() -> Inventory:
    return _registered[0]


def free_port(zone: Zone, reference: str) -> Port:
    """Raises `Refused` for what the inventory does not have, and for what is in use there."""
    port = inventory().called(zone, reference)
    if port is None:
        raise Refused(
            "port-unknown", f"The inventory of {zone} has no such port. Choose one of its free ports.", "port"
        )
    if not port.is_free:
        text = f"{port.name} is in use: a cable, a V-Net or another service has it. Choose one that is free."
        raise Refused("port-in-use", text, "port")
    return port
