"""How the fabric is, in one look: what is wrong and since when, whom that touches, what went before, what runs out.

The word for the whole is that of the worst that is open. It is "ok" only while every list of every zone was read, and
surveyed where that is done, and both is fresh: what nobody can see is not known to be well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Min, Q, Value, When

from apps.fabric.models import Survey
from apps.fabric.zones.queries import ZoneRow, zone_rows
from apps.history.models import Event, EventQuerySet, Severity
from apps.history.queries import whole
from apps.history.timeline import Timeline, before
from apps.kernel import clock
from apps.mirror.models import Kind, Reading
from apps.operations.models import Operation
from apps.overview.pools import Pool, pools_of
from apps.softgates.queries import Fleet, fleets
from apps.strays.models import Stray
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

#: Troubles, lines of the hour before, and lists named of a zone.
MOST, MOST_LINES, NAMED = 12, 8, 3


@dataclass(frozen=True)
class Blind:
    """A zone of which something is not known now: how many lists are too old, failed or were never read; the first."""

    zone: Zone
    lists: int
    named: Sequence[str]
    #: Of the oldest of them; None where one was never read.
    read_at: datetime | None

    @property
    def what(self) -> str:
        return f"{self.lists} list{'s'[: self.lists != 1]} of {self.zone}"

    @property
    def words(self) -> str:
        others = " and others" if self.lists > len(self.named) else ""
        return f"{', '.join(self.named)}{others}: too old, or not read."


@dataclass(frozen=True)
class Place:
    """A zone with what can run out there."""

    zone: Zone
    pools: Sequence[Pool]
    fleet: Fleet | None


@dataclass(frozen=True)
class Overview:
    troubles: Sequence[Event]
    #: How many are open, by their severity.
    critical: int
    warnings: int
    #: Since when the first of the worst is so.
    since: datetime | None
    #: Tenants that the open ones touch, and of how many of these nobody knows whom.
    tenants: int
    untold: int
    blind: Sequence[Blind]
    #: Zones one of whose systems does not answer, or whose plugin orders nothing.
    zones: Sequence[ZoneRow]
    stuck: int
    strays: int
    timeline: Timeline
    #: What the timeline leads up to; None while nothing is wrong.
    cause: Event | None
    places: Sequence[Place]

    @property
    def status(self) -> str:
        if self.critical or any(_is_down(row) for row in self.zones):
            return "critical"
        if self.warnings or self.zones or self.stuck:
            return "warning"
        return "stale" if self.blind or not self.places else "ok"

    @property
    def more(self) -> int:
        return max(self.critical + self.warnings - len(self.troubles), 0)

    @property
    def headline(self) -> str:
        parts = []
        if self.critical:
            parts.append(f"{self.critical:,} critical")
        if self.warnings:
            parts.append(f"{self.warnings:,} to look at")
        if self.zones:
            parts.append(f"{len(self.zones)} zone{'s'[: len(self.zones) != 1]} held up")
        if self.stuck:
            parts.append(f"{self.stuck:,} operation{'s'[: self.stuck != 1]} stuck")
        if parts:
            return ", ".join(parts)
        if not self.places:
            return "No zone is enabled"
        return "Not all is known" if self.blind else "Nothing is wrong"


def _is_down(row: ZoneRow) -> bool:
    return row.plugin_status == "down" or any(each.status == "down" for each in row.systems)


def open_troubles() -> EventQuerySet:
    """But those of zones that are switched off: nobody reads there, so none of them ends."""
    return Event.objects.open().exclude(severity=Severity.INFO).exclude(zone__is_enabled=False)


def overview_of(by: Platform) -> Overview:
    """Twenty-four queries and two for each zone with SoftGates, whatever their size."""
    zones = list(Zone.objects.filter(is_enabled=True).select_related("survey"))
    gates = fleets(zones)
    critical, warnings = _counted()
    troubles = _worst_first()
    # What began last of the worst is what somebody comes for; what made it do so also came before the others.
    cause = troubles[0] if troubles else None
    pools, fleet = pools_of(zones, gates), {each.zone.pk: each for each in gates}
    touched = Event.touched.through.objects.filter(event__in=open_troubles())
    return Overview(
        troubles=troubles,
        critical=critical.total,
        warnings=warnings.total,
        since=critical.first or warnings.first,
        tenants=touched.aggregate(count=Count("tenant", distinct=True))["count"],
        untold=critical.untold + warnings.untold,
        blind=_blind(zones),
        zones=[row for row in zone_rows(by, zones) if row.needs_attention],
        stuck=Operation.objects.across(by).stuck().count(),
        strays=Stray.objects.there().count(),
        timeline=before(
            cause.began_at if cause else clock.now(), by, zone=cause.zone if cause else None, but=cause, most=MOST_LINES
        ),
        cause=cause,
        places=[Place(zone, pools[zone.pk], fleet.get(zone.pk)) for zone in zones],
    )


class _Count(NamedTuple):
    total: int = 0
    first: datetime | None = None
    untold: int = 0


def _counted() -> tuple[_Count, _Count]:
    """Of what is critical, and of what is a warning. One query."""
    told = open_troubles().order_by().values("severity")
    figures = told.annotate(
        count=Count("pk"), first=Min("began_at"), untold=Count("pk", filter=Q(is_touch_known=False))
    )
    found = {row["severity"]: _Count(row["count"], row["first"], row["untold"]) for row in figures}
    return found.get(Severity.CRITICAL, _Count()), found.get(Severity.WARNING, _Count())


def _worst_first() -> list[Event]:
    rank = Case(When(severity=Severity.CRITICAL, then=Value(0)), default=Value(1), output_field=IntegerField())
    return list(whole(open_troubles().annotate(rank=rank).order_by("rank", "-began_at", "-id"))[:MOST])


def _blind(zones: Sequence[Zone]) -> list[Blind]:
    """One query."""
    known: defaultdict[UUID, dict[str, Reading]] = defaultdict(dict)
    for reading in Reading.objects.filter(zone__in=zones):
        known[reading.zone_id][reading.kind] = reading
    found = []
    for zone in zones:
        lists = [known[zone.pk].get(kind) or Reading(zone=zone, kind=kind) for kind in Kind]
        # What is wrong is told by surveys: what none has judged since nobody knows, however often it was read.
        judged = (getattr(zone, "survey", None) or Survey(zone=zone)).read
        for each in lists:
            surveyed_at = judged.get(Kind(each.kind), each.read_at)
            each.read_at = min(each.read_at, surveyed_at) if each.read_at and surveyed_at else None
        unknown = [each for each in lists if each.is_stale or each.has_failed]
        if unknown:
            moments = [each.read_at for each in unknown]
            oldest = min((each for each in moments if each), default=None) if all(moments) else None
            found.append(Blind(zone, len(unknown), [Kind(each.kind).label for each in unknown[:NAMED]], oldest))
    return found
