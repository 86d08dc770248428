"""What is told of orders beside their rows. Each function says what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from apps.directconnect.models import Connection, ConnectionQuerySet, Location, Offering, StageEntry
from apps.directconnect.stages import Stage
from apps.directconnect.standing import Standing, standings
from apps.directconnect.timeline import next_of, turn_of
from apps.kernel import clock
from apps.kernel.named import containing
from apps.tenancy.models import Tenant


def places_of(rows: Sequence[Connection]) -> dict[UUID, int]:
    """Which place each has in the queue of its location, from 1; those that wait for no port have none. Of the others
    in the queue nothing is told. One query if any waits."""
    waiting = [row for row in rows if row.stage == Stage.APPROVED]
    if not waiting:
        return {}
    queues: dict[UUID, list[UUID]] = defaultdict(list)
    queued = Connection.unscoped.filter(location__in={row.location_id for row in waiting}, stage=Stage.APPROVED)
    for location, pk in queued.order_by("place").values_list("location", "pk"):
        queues[location].append(pk)
    return {row.pk: queues[row.location_id].index(row.pk) + 1 for row in waiting if row.pk in queues[row.location_id]}


# --- what pages show ------------------------------------------------------------------------------------------------

#: How each sorting reads in SQL.
SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
DEFAULT_SORT = "-created"
WITH = ("tenant", "location__zone", "port", "apart_from")
#: Of a long history the latest moves are told.
MOST_MOVES = 60
#: Own connections that a form offers to be apart from.
OFFERED = 200


def search(
    tenant: Tenant, *, words: str = "", stage: str = "", location: str = "", kind: str = ""
) -> ConnectionQuerySet:
    rows = Connection.objects.of(tenant).select_related(*WITH)
    if words:
        rows = rows.filter(containing("search_key", words))
    said = {"stage": stage, "location": location, "kind": kind}
    return rows.filter(**{name: value for name, value in said.items() if value})


def own_locations(tenant: Tenant) -> QuerySet[Location]:
    """Those that it has ordered at."""
    return Location.objects.filter(pk__in=Connection.objects.of(tenant).values("location")).order_by("name", "id")


def open_locations() -> list[Location]:
    """Those that take orders, each with `offered`: what it offers now. Two queries."""
    offered = Prefetch("offerings", Offering.objects.filter(is_open=True), to_attr="offered")
    rows = Location.objects.filter(is_open=True, zone__is_enabled=True).select_related("zone")
    return [row for row in rows.prefetch_related(offered) if row.offered]


def has_open_location() -> bool:
    return Offering.objects.filter(is_open=True, location__is_open=True, location__zone__is_enabled=True).exists()


def others_of(tenant: Tenant, row: Connection | None = None) -> list[Connection]:
    """What an order can be apart from. One query."""
    rows = Connection.objects.of(tenant).live().select_related("location", "port")
    return list((rows.exclude(pk=row.pk) if row else rows).order_by("name", "id")[:OFFERED])


def history_of(row: Connection) -> list[StageEntry]:
    """Its latest moves, in their order. One query."""
    rows = StageEntry.objects.of(row.tenant).filter(connection=row)
    return list(rows.order_by("-id")[:MOST_MOVES])[::-1]


def partner_of(row: Connection) -> Connection | None:
    """The live connection that is on another leaf than this one, by the wish of either. One query."""
    pair = Q(apart_from=row) | Q(pk=row.apart_from_id) if row.apart_from_id else Q(apart_from=row)
    rows = Connection.objects.of(row.tenant).live().filter(pair).select_related("location", "port")
    return rows.order_by("created_at", "id").first()


@dataclass(frozen=True)
class Line:
    """An order with what is said of it in a list."""

    row: Connection
    place: int | None
    now: datetime
    #: Another one, on another leaf, would carry on where this one falls.
    is_alone: bool
    #: Of those in service.
    standing: Standing | None

    @property
    def turn(self) -> str:
        return turn_of(self.row)

    @property
    def next(self) -> str:
        return next_of(self.row, self.place)

    @property
    def is_overdue(self) -> bool:
        return self.row.is_overdue(self.now)


def lines_of(rows: Sequence[Connection]) -> list[Line]:
    """Of one tenant. Seven queries if any is in service, and one if any waits for a port."""
    places, now, alone, how = places_of(rows), clock.now(), _alone(rows), standings(rows)
    return [Line(row, places.get(row.pk), now, row.pk in alone, how.get(row.pk)) for row in rows]


def _alone(rows: Sequence[Connection]) -> set[UUID]:
    """Those in service that no other live one is kept apart from."""
    found = {row.pk: row for row in rows if row.stage == Stage.IN_SERVICE}
    if not found:
        return set()
    tenant = next(iter(found.values())).tenant
    paired = Connection.objects.of(tenant).live().filter(apart_from__in=found).values_list("apart_from", flat=True)
    by_own_wish = {pk for pk, row in found.items() if row.apart_from and row.apart_from.is_live}
    return found.keys() - set(paired) - by_own_wish
