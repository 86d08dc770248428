"""What the services of the inventory share."""

from __future__ import annotations

from apps.kernel.errors import Refused
from apps.kernel.locks import hold_name
from apps.zones.models import Zone


def hold_inventory(zone: Zone) -> None:
    """Until the transaction ends nobody else takes a name, an address, a number or a port of the zone's Netris, nor
    takes away what joins its devices."""
    hold_name(f"inventory of {zone.controller_id}")


def need_enabled(zone: Zone) -> None:
    if not zone.is_enabled:
        raise Refused("zone-disabled", f"{zone} is disabled. Nothing is made or changed there.", "zone")
