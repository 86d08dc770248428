"""What pages read about operations and the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.kernel import clock
from apps.kernel.named import containing
from apps.operations.models import Operation, OperationQuerySet
from apps.operations.state import RUNNING, Goal, Phase
from apps.tenancy.models import AuditEntry, AuditEntryQuerySet, Tenant

#: How many tenants a word finds at most.
MOST_TENANTS = 100
#: After this long past its time, an operation that nobody has taken up means that no worker is alive.
OVERDUE = timedelta(minutes=1)

#: What a filter offers: each choice stands for one phase or several.
PHASES: dict[str, tuple[str, frozenset[Phase]]] = {
    "running": ("Running", RUNNING),
    "stuck": ("Stuck", frozenset({Phase.STUCK})),
    "succeeded": ("Succeeded", frozenset({Phase.SUCCEEDED})),
    "rolled_back": ("Rolled back", frozenset({Phase.ROLLED_BACK})),
    "cancelled": ("Cancelled", frozenset({Phase.CANCELLED})),
    "given_up": ("Given up", frozenset({Phase.GIVEN_UP})),
}


def search(rows: OperationQuerySet, *, words: str, phase: str = "", vpc: UUID | None = None) -> OperationQuerySet:
    if vpc is not None:
        rows = rows.in_lanes([_lane_of(vpc)])
    if phase in PHASES:
        rows = rows.filter(phase__in=PHASES[phase][1])
    if words:
        rows = rows.filter(containing("search_key", words))
    return rows


def search_across(
    rows: OperationQuerySet, *, words: str, phase: str = "", vpc: UUID | None = None
) -> OperationQuerySet:
    """The same over all tenants, where the words may also name the tenant."""
    found = search(rows, words="", phase=phase, vpc=vpc)
    if words:
        # The tenants first, of whom there are few: an index serves each half of the condition, but no join of both.
        named = Tenant.objects.filter(containing("name_key", words)).values_list("pk", flat=True)[:MOST_TENANTS]
        found = found.filter(containing("search_key", words) | Q(tenant__in=list(named)))
    return found


def search_audit(
    rows: AuditEntryQuerySet, operations: OperationQuerySet, *, words: str, vpc: UUID | None = None
) -> AuditEntryQuerySet:
    """Of a VPC: what was done to it and to its tiers, which are known from the operations on them."""
    if vpc is not None:
        worked_on = operations.in_lanes([_lane_of(vpc)]).order_by().values_list("resource_id", flat=True).distinct()
        rows = rows.filter(object_id__in=[str(pk) for pk in worked_on])
    if words:
        rows = rows.filter(containing("search_key", words))
    return rows


def steps_of(operation: Operation) -> list[dict[str, Any]]:
    """The visible steps, in the words of the design language."""
    return [line | {"state": "now"} if line["state"] == "running" else line for line in operation.visible_steps]


def is_overdue(operation: Operation) -> bool:
    """Due for longer than any pause between two looks, and nobody holds it."""
    latest = max(filter(None, (operation.due_at, operation.lease_until)))
    return operation.phase in RUNNING and not operation.waits and latest < clock.now() - OVERDUE


@dataclass(frozen=True)
class Ahead:
    """What is before an operation in its lane: the one at work, unless it is the platform's, and how many wait between
    the two."""

    first: Operation | None
    more: int

    def __str__(self) -> str:
        first = f"“{self.first}”" if self.first else "work of your provider"
        return f"{first} and {self.more} other{'s'[: self.more != 1]}" if self.more else first


def ahead_of(rows: OperationQuerySet, operations: Iterable[Operation]) -> dict[UUID, Ahead]:
    """What each of these waits for, by its id; those whose turn it is are left out. `rows` are those that the caller
    may see: of others in the lane, which are the platform's, nothing is said. One query, none where nobody waits."""
    waiting = [each for each in operations if each.phase in RUNNING and each.waits]
    seen = rows.running().in_lanes({lane for each in waiting for lane in each.lanes}) if waiting else ()
    lanes: dict[str, list[Operation]] = {}
    for row in seen:
        for lane in row.lanes:
            lanes.setdefault(lane, []).append(row)
    found = {}
    for each in waiting:
        there = {row.pk: row for lane in each.lanes for row in lanes.get(lane, ())}
        before = sorted((row for row in there.values() if row.place < each.place), key=lambda row: row.place)
        found[each.pk] = Ahead(before[0], len(before) - 1) if before else Ahead(None, 0)
    return found


def _lane_of(vpc: UUID) -> str:
    """Operations on a VPC and on what lies in it are in one lane."""
    return f"vpc:{vpc}"


def vpc_id_of(operation: Operation) -> UUID | None:
    """The VPC that an operation on a VPC, or on something that lies in it, belongs to."""
    noun, _, pk = operation.lane.partition(":")
    return UUID(pk) if noun == "vpc" else None


def typical_seconds(tenant: Tenant, kind: str, goal: Goal) -> int | None:
    """The median of the tenant's last twenty that succeeded; None when there is nothing to go by."""
    newest = Operation.objects.of(tenant).filter(kind=kind, goal=goal, phase=Phase.SUCCEEDED).order_by("-created_at")
    times = newest.values_list("started_at", "finished_at")[:20]
    seconds = [(end - start).total_seconds() for start, end in times if start and end]
    return round(median(seconds)) if seconds else None


@dataclass(frozen=True)
class Change:
    """One field of an audit entry."""

    field: str
    old: str
    new: str


def changes_of(entry: AuditEntry) -> list[Change]:
    fields = [*entry.new, *(name for name in entry.old if name not in entry.new)]
    changes = [
        Change(name.replace("_", " "), _words(entry.old.get(name)), _words(entry.new.get(name))) for name in fields
    ]
    return [change for change in changes if change.old or change.new]


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
