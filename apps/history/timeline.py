"""What went on in a span of time, one line after the other: events, changes, and what Weft itself was asked to do.

It answers what changed before something broke, so what began, ended and was ordered stands together. A change was made
before it was first seen: one that was seen a little later than the span may have been made within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from apps.history.kinds import kinds
from apps.history.models import Event
from apps.operations.models import Operation
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

BEFORE = timedelta(hours=1)
MOST = 50
#: An operation that is over was begun no longer ago than this before the span.
LONGEST = timedelta(hours=6)
#: A change is seen no later than this, when all goes well.
SEEN_LATER = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """`status` is a word of the table of statuses; `kind` one of event, change and operation."""

    at: datetime
    kind: str
    id: str
    status: str
    text: str
    detail: str
    zone: str
    url: str


@dataclass(frozen=True)
class Timeline:
    lines: list[Line]
    has_more: bool
    since: datetime
    until: datetime


def before(
    moment: datetime, by: Platform, *, zone: Zone | None = None, but: Event | None = None, most: int = MOST
) -> Timeline:
    """What went on in the hour until then, the last first: in one zone, or in all. Two queries."""
    since = moment - BEFORE
    lines = [*_events(since, moment, zone, but, most), *_operations(since, moment, zone, by, most)]
    lines.sort(key=lambda line: (line.at, line.id), reverse=True)
    return Timeline(lines[:most], len(lines) > most, since, moment)


def _events(since: datetime, until: datetime, zone: Zone | None, but: Event | None, most: int) -> Iterator[Line]:
    began, ended = (Q(**{f"{name}__gt": since, f"{name}__lte": until}) for name in ("began_at", "ended_at"))
    made = Q(kind__in=[kind.key for kind in kinds() if kind.is_change], began_at__gt=until)
    made &= Q(began_at__lte=until + SEEN_LATER)
    rows = Event.objects.filter(began | ended | made).select_related("zone", "source")
    if zone is not None:
        rows = rows.filter(zone=zone)
    if but is not None:
        rows = rows.exclude(pk=but.pk)
    for event in rows.order_by("-began_at", "-id")[: most + 1]:
        is_end = event.ended_at is not None and event.ended_at <= until and not event.what.is_change
        yield Line(
            event.ended_at if is_end and event.ended_at else event.began_at,
            "change" if event.what.is_change else "event",
            str(event.pk),
            "ended" if is_end else event.severity,
            str(event),
            event.words,
            event.zone.name,
            reverse("history:event", args=[event.pk]),
        )


def _operations(since: datetime, until: datetime, zone: Zone | None, by: Platform, most: int) -> Iterator[Line]:
    """Each once: when it was over, or else when it was asked for."""
    asked = Q(created_at__gt=since, created_at__lte=until)
    over = Q(finished_at__gt=since, finished_at__lte=until, created_at__gt=since - LONGEST)
    rows = Operation.objects.across(by).filter(asked | over).select_related("zone", "tenant")
    rows = rows.filter(created_at__gt=since - LONGEST)  # along the index
    if zone is not None:
        rows = rows.filter(zone=zone)
    for operation in rows.order_by("-created_at", "-id")[: most + 1]:
        is_over = operation.finished_at is not None and operation.finished_at <= until
        whose = operation.tenant.name if operation.tenant else "the platform"
        yield Line(
            operation.finished_at if is_over and operation.finished_at else operation.created_at,
            "operation",
            str(operation.pk),
            operation.standing if is_over or operation.finished_at is None else "building",
            str(operation),
            f"Requested by {operation.requested_by} of {whose}.",
            operation.zone.name,
            reverse("operations:platform_detail", args=[operation.pk]),
        )
