"""What the platform's pages tell of locations and their ports. Each function says what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.directconnect.inventory import Port, inventory
from apps.directconnect.models import Connection, FabricPort, Interface, Location, PortKind, StageEntry, rate_of
from apps.directconnect.queries import MOST_MOVES
from apps.directconnect.services.reservations import Room, leaves_to_avoid, rooms_of
from apps.kernel.named import containing
from apps.operations.provisioned import Status
from apps.tenancy.actors import Platform

SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
#: Of those that wait for a port so many are told.
MOST_WAITING = 50


def locations(*, words: str = "", zone: str = "", orders: str = "") -> QuerySet[Location]:
    rows = Location.objects.select_related("zone")
    if words:
        rows = rows.filter(containing("search_key", words))
    if zone:
        rows = rows.filter(zone__slug=zone)
    return rows.filter(is_open=orders == "open") if orders else rows


@dataclass(frozen=True)
class LocationLine:
    row: Location
    ports: int
    #: Ports that no connection has.
    unused: int
    waiting: int


def lines_of(rows: Sequence[Location], by: Platform) -> list[LocationLine]:
    """Three queries."""
    ports = dict(_counted(FabricPort.objects.filter(location__in=rows), Count("pk")))
    live = Connection.objects.across(by).live().filter(location__in=rows)
    used = dict(_counted(live.filter(port__isnull=False), Count("port", distinct=True)))
    waiting = dict(_counted(live.queued().filter(location__in=rows), Count("pk")))
    return [
        LocationLine(row, ports.get(row.pk, 0), ports.get(row.pk, 0) - used.get(row.pk, 0), waiting.get(row.pk, 0))
        for row in rows
    ]


def _counted(rows: QuerySet[FabricPort] | QuerySet[Connection], what: Count) -> list[tuple[UUID, int]]:
    return list(rows.order_by().values("location").annotate(n=what).values_list("location", "n"))


@dataclass(frozen=True)
class PortLine:
    """A port, who has it, and what may be said of it now: None where the inventory does not list it any more."""

    port: FabricPort
    state: Port | None
    users: Sequence[Connection]
    #: VLANs of live interfaces, and those that rest after one.
    vlans: int
    resting: Sequence[Interface]

    @property
    def is_shared(self) -> bool:
        return self.port.kind == PortKind.HOSTED

    @property
    def given(self) -> str:
        """ "4 Gbit/s of 10 Gbit/s" """
        return f"{rate_of(sum(each.speed for each in self.users))} of {self.port.rate}"


def ports_of(location: Location, by: Platform) -> list[PortLine]:
    """Five queries."""
    ports = list(FabricPort.objects.filter(location=location).order_by("device", "name", "id"))
    users, vlans = defaultdict(list), defaultdict(list)
    live = Connection.objects.across(by).live().filter(port__in=ports)
    for each in live.select_related("tenant").order_by("name", "id"):
        users[each.port_id].append(each)
    for held in Interface.objects.across(by).filter(port__in=ports, holds_vlan=True).order_by("vlan"):
        vlans[held.port_id].append(held)
    states = inventory().states([location.zone], [port.remote_id for port in ports])
    return [
        PortLine(
            port,
            states.get((port.zone_id, port.remote_id)),
            users[port.pk],
            sum(each.status != Status.DELETED for each in vlans[port.pk]),
            [each for each in vlans[port.pk] if each.status == Status.DELETED],
        )
        for port in ports
    ]


def connections(
    by: Platform, *, words: str = "", stage: str = "", location: str = "", tenant: str = ""
) -> QuerySet[Connection]:
    rows = Connection.objects.across(by).select_related("tenant", "location__zone", "port", "apart_from")
    if words:
        rows = rows.filter(containing("search_key", words))
    said = {"stage": stage, "location": location, "tenant__slug": tenant}
    return rows.filter(**{name: value for name, value in said.items() if value})


def history_of(row: Connection, by: Platform) -> list[StageEntry]:
    """Its latest moves, in their order. One query."""
    rows = StageEntry.objects.across(by).filter(connection=row)
    return list(rows.order_by("-id")[:MOST_MOVES])[::-1]


def fitting(row: Connection) -> list[Room]:
    """Ports of its location that it can have. Four queries."""
    avoid = leaves_to_avoid(row)
    return [room for room in rooms_of(row.location) if room.fits(row) and room.port.device_id not in avoid]


def queue_of(location: Location, by: Platform) -> list[Connection]:
    """Who waits for a port, in the order in which they get one. One query."""
    rows = Connection.objects.across(by).filter(Q(location=location)).queued()
    return list(rows.select_related("tenant", "apart_from")[: MOST_WAITING + 1])
