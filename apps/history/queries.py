"""Reading events, for pages and for REST. Each function says how many queries it costs."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject

from apps.history import kinds
from apps.history.models import OPEN, Event, EventQuerySet
from apps.kernel.named import containing
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

#: So many of the tenants that an event touches are named with it; `touched_count` tells how many they are.
NAMED = 20

STATES = {"open": OPEN, "ended": ~OPEN}


def whole(rows: QuerySet[Event]) -> QuerySet[Event]:
    """The rows with all that is shown of them, in one query."""
    touched: QuerySet[Any] = Event.touched.through.objects.filter(event=OuterRef("pk")).order_by()
    count = touched.values("event").annotate(count=Count("pk")).values("count")
    tenant = JSONObject(id="tenant__pk", name="tenant__name", slug="tenant__slug")
    named = touched.order_by("tenant__name", "tenant")[:NAMED].values(each=tenant)
    return rows.select_related("zone", "source").annotate(
        touched_count=Coalesce(Subquery(count, output_field=IntegerField()), 0), named=ArraySubquery(named)
    )


def search(
    rows: EventQuerySet,
    *,
    words: str = "",
    zone: Zone | None = None,
    kind: str = "",
    severity: str = "",
    state: str = "",
) -> EventQuerySet:
    """Those that match all of it; what is blank or None matches everything."""
    wanted = Q()
    if words:
        wanted &= containing("search_key", words)
    if zone is not None:
        wanted &= Q(zone=zone)
    if kind:
        wanted &= Q(kind=kind)
    if severity:
        wanted &= Q(severity=severity)
    if state:
        wanted &= STATES[state]
    return rows.filter(wanted)


def of_subject(zone: Zone, kind: str, subject_id: object, *, most: int = 20) -> list[Event]:
    """What happened to one thing, the newest first. One query."""
    return list(whole(Event.objects.of(zone, kind, subject_id))[:most])


def open_findings() -> int:
    """How many there are. One query."""
    return Event.objects.findings().count()


def tenants_of(event: Event, *, most: int) -> list[Tenant]:
    """Whom it touches, by their names. One query."""
    return list(event.touched.order_by("name", "pk")[:most])


def name_of(zone: Zone, subject_kind: str, subject_id: str) -> str | None:
    """What a thing is called now, or else as its last event called it; None when neither knows it. Two queries at
    most."""
    if name := kinds.name_of(zone, subject_kind, subject_id):
        return name
    event = Event.objects.of(zone, subject_kind, subject_id).first()
    return event.subject_name if event else None
