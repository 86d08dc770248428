"""Who gets which port. A location decides for one order at a time, under its lock: those that wait for a port stand in
the order of their approval, and whoever is first of those that a free port fits has it.

An order that is to be apart from another gets no port of the leaf that the other one's is of, whichever came first;
while no other leaf has one, those behind it go before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.directconnect.models import Connection, FabricPort, Location, PortKind
from apps.directconnect.services.moves import held, move
from apps.directconnect.stages import Party, Stage
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row
from apps.tenancy.actors import Actor

RESERVER = Actor.system("Weft")


@dataclass
class Room:
    """What a port has left, in Mbit/s: a dedicated one all of it or nothing."""

    port: FabricPort
    left: int

    def fits(self, row: Connection) -> bool:
        if row.kind != self.port.kind:
            return False
        return self.left == row.speed if row.kind == PortKind.DEDICATED else self.left >= row.speed


def rooms_of(location: Location) -> list[Room]:
    """Two queries."""
    taken: dict[UUID, int] = {}
    live = Connection.unscoped.filter(location=location, port__isnull=False)
    for port_id, speed in live.values_list("port_id", "speed"):
        taken[port_id] = taken.get(port_id, 0) + speed
    return [
        Room(port, port.speed - taken[port.pk] if port.kind == PortKind.HOSTED else 0)
        if port.pk in taken
        else Room(port, port.speed)
        for port in FabricPort.objects.filter(location=location).order_by("device", "name", "pk")
    ]


def leaves_to_avoid(row: Connection) -> set[str]:
    """Netris' ids of the devices that it must not have a port of. One query."""
    pair = Q(pk__in=()) if row._state.adding else Q(apart_from=row)
    if row.apart_from_id:
        pair |= Q(pk=row.apart_from_id)
    others = Connection.objects.of(row.tenant).filter(pair, port__isnull=False, location__zone=row.location.zone)
    return set(others.values_list("port__device_id", flat=True))


def own_leaves(row: Connection) -> set[str]:
    """Those that the tenant has ports of already. One query."""
    others = Connection.objects.of(row.tenant).live().filter(port__isnull=False, location__zone=row.location.zone)
    return set(others.exclude(pk=row.pk).values_list("port__device_id", flat=True))


def choose(row: Connection, rooms: Iterable[Room]) -> Room | None:
    """Where the tenant has no port yet, if it can be, then where least is left over. Two queries if anything fits."""
    fitting = [room for room in rooms if room.fits(row)]
    if not fitting:
        return None
    avoid, own = leaves_to_avoid(row), own_leaves(row)
    apart = [room for room in fitting if room.port.device_id not in avoid]
    return min(apart, key=lambda room: (room.port.device_id in own, room.left), default=None)


def reserve(location: Location) -> list[Connection]:
    """Give ports to those that wait, until none fits. Within the caller's transaction, which holds the location or is
    about to."""
    hold_row(location)
    waiting = list(Connection.unscoped.filter(location=location).queued().select_related("tenant", "location__zone"))
    rooms = rooms_of(location) if waiting else []
    found = []
    for row in waiting:
        if not any(room.left for room in rooms):
            break
        if room := choose(row, rooms):
            give(held(row), room.port, party=Party.WEFT, by=RESERVER)
            room.left = room.left - row.speed if row.kind == PortKind.HOSTED else 0
            found.append(row)
    return found


def give(row: Connection, port: FabricPort, *, party: Party, by: Actor, told: dict[str, Any] | None = None) -> None:
    evidence = {"port": port.name, **(told or {})}
    move(row, Stage.PORT_RESERVED, party=party, by=by, evidence=evidence, port=port)


def picked(row: Connection, reference: str) -> FabricPort:
    """The port of its location that an admin names by id or name. Raises `Refused`."""
    rooms: Sequence[Room] = rooms_of(row.location)
    room = next((each for each in rooms if reference in (str(each.port.pk), each.port.name)), None)
    if room is None:
        text = f"{row.location} has no such port. Add it to the location first, or take one of its ports."
        raise Refused("port-unknown", text, "port")
    if not room.fits(row):
        if room.port.kind != row.kind:
            text = f"{room.port} is for {room.port.get_kind_display().lower()}, and this order is not."
        elif room.left <= 0:
            text = f"{room.port} is taken. Choose another, or let the order wait."
        else:
            text = f"{room.port} has {room.port.rate}, of which the order's {row.rate} cannot be had."
        raise Refused("port-unfit", text, "port")
    if room.port.device_id in leaves_to_avoid(row):
        text = f"{room.port} is on the leaf that this order is to be apart from. Choose one of another leaf."
        raise Refused("port-not-apart", text, "port")
    return room.port
