"""What pages and the API read about static routes: above all, whether Netris has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.mirror.models import Kind
from apps.mirror.queries import Applied, Told, places
from apps.netris.wire import StaticRoute as OnNetris
from apps.networks.models import StaticRoute, Vpc
from apps.networks.routes.recipes import leads_as_meant
from apps.operations.models import Operation
from apps.operations.provisioned import Status

KIND = Kind.NETRIS_ROUTE


def routes_in(vpc: Vpc) -> list[StaticRoute]:
    rows = StaticRoute.objects.of(vpc.tenant).live().filter(vpc=vpc).select_related("tier", "vpc")
    return list(rows.order_by("destination", "id"))


def applied_of(rows: Sequence[StaticRoute]) -> dict[UUID, Applied]:
    """By the rows' ids; their VPCs come with them. Three queries, however many rows, none for no row. What was read
    before a row came to rest says nothing of it."""
    if not rows:
        return {}
    there = places(
        KIND,
        {row.vpc.zone_id for row in rows},
        {row.vpc.netris_id for row in rows},
        name__in={str(row.destination) for row in rows},
    )
    applied = {}
    for row in rows:
        place = (row.vpc.zone_id, row.vpc.netris_id)
        applied[row.pk] = _applied(row, there.rows(*place), there.read_at(*place))
    return applied


def _applied(row: StaticRoute, routes: Sequence[OnNetris], read_at: datetime | None) -> Applied:
    here = next((route for route in routes if route.destination == row.destination), None)
    trouble = ""
    if here is None:
        trouble = "Netris does not have it."
    elif not leads_as_meant(row, here):
        state = "has it disabled" if here.next_hop == row.next_hop else f"leads there via {here.next_hop}"
        trouble = f"Netris {state}."
    return Applied.by(Told(KIND, trouble, read_at, row.settled_at if row.status == Status.READY else None))


@dataclass(frozen=True)
class Line:
    """What a line of a list shows."""

    row: StaticRoute
    applied: Applied
    operation: Operation | None
    why_not_apply: str | None
    why_not_delete: str | None

    @classmethod
    def of(cls, row: StaticRoute, applied: Applied, work: Sequence[Operation], may_write: str | None) -> Line:
        operation = next((each for each in work if each.resource_id == row.pk), None)
        apply, delete = (may_write or row.why_not(action, work) for action in ("apply", "delete"))
        return cls(row, applied, operation, apply, delete)

    @property
    def is_missing(self) -> bool:
        return self.applied.is_missing

    @property
    def status(self) -> str:
        return self.applied.status if self.row.status == Status.READY else str(self.row.status)


def lines_of(rows: Sequence[StaticRoute], work: Sequence[Operation], may_write: str | None) -> list[Line]:
    """Of one VPC, with what is under way or stuck in it. Three queries, none for no row."""
    applied = applied_of(rows)
    return [Line.of(row, applied[row.pk], work, may_write) for row in rows]
