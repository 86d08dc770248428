"""Events: what was, or is, so in a zone, from when until when, and which tenants it touched.

A `Source` is whatever looks for events of a zone, such as the comparison of the fabric's devices. It tells all that is
so, each time; `services.keep` makes of that what began, goes on and ended.

    an event is    when
    open           its source saw it when it looked last
    stale          it is open, and its source has not been able to look for too long: it may be over
    ended          its source has looked and it was not so any more
    a change       it happened at a moment, which is its beginning and its end (`services.note`)
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from apps.history.kinds import KEY, EventKind, Subject, kind_of, page_of
from apps.history.metrics import KEY as METRIC_KEY
from apps.history.metrics import Metric, metric_of
from apps.kernel import clock
from apps.kernel.named import Key
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

#: The longest text of an event.
WORDS = 500
OPEN = Q(ended_at=None)


class Severity(models.TextChoices):
    """From worst to best."""

    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Note"


class Source(models.Model):
    """Whatever looks for events of a zone. Its row is locked while what it found is written down."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=KEY)
    #: When each list that it went by last had been read, by the list's name.
    basis: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    #: When the oldest of them was; None before the first look.
    read_at = models.DateTimeField(null=True)
    fresh_until = models.DateTimeField(null=True)

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("zone", "name"), name="source_is_unique")]

    def __str__(self) -> str:
        return f"{self.name} of {self.zone}"

    @property
    def is_stale(self) -> bool:
        return self.fresh_until is None or clock.now() > self.fresh_until


class EventQuerySet(models.QuerySet["Event"]):
    def open(self) -> EventQuerySet:
        return self.filter(OPEN)

    def findings(self) -> EventQuerySet:
        return self.open().filter(is_finding=True)

    def of(self, zone: Zone, subject_kind: str, subject_id: object) -> EventQuerySet:
        return self.filter(zone=zone, subject_kind=subject_kind, subject_id=str(subject_id))


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=KEY)
    #: As its kind was when it began: it does not go by itself.
    is_finding = models.BooleanField(default=False)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    subject_kind = models.CharField(max_length=KEY)
    subject_id = models.CharField(max_length=255)
    subject_name = models.CharField(max_length=255)
    words = models.CharField(max_length=WORDS)
    search_key = Key("subject_name", "words")
    began_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    #: Whether somebody has found out which tenants it touches. `touched` alone cannot tell nobody from not known.
    is_touch_known = models.BooleanField(default=False)
    touched = models.ManyToManyField(Tenant, related_name="+")
    #: Of a change: [{"field", "before", "after"}], in words.
    differences: models.JSONField[list[dict[str, str]]] = models.JSONField(default=list, db_default=[])
    #: The operation of Weft's that made the change; None where it was made elsewhere.
    operation_id = models.UUIDField(null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-began_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("source", "kind", "subject_kind", "subject_id"), condition=OPEN, name="open_event_is_unique"
            ),
            models.CheckConstraint(condition=OPEN | Q(ended_at__gte=F("began_at")), name="event_ends_after_it_began"),
        ]
        indexes = [
            models.Index(fields=("-began_at", "-id"), name="event_newest"),
            models.Index(fields=("zone", "-began_at", "-id"), name="event_of_zone"),
            models.Index(fields=("kind", "-began_at", "-id"), name="event_of_kind"),
            models.Index(fields=("-began_at", "-id"), condition=OPEN, name="event_open"),
            models.Index(fields=("-began_at", "-id"), condition=OPEN & Q(is_finding=True), name="event_findings"),
            models.Index(fields=("zone", "subject_kind", "subject_id", "-began_at", "-id"), name="event_of_subject"),
            models.Index(fields=("ended_at",), condition=~OPEN, name="event_by_end"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="event_by_words"),
        ]

    def __str__(self) -> str:
        return f"{self.what.label}: {self.subject_name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Two open events of one source never share it."""
        return self.kind, self.subject_kind, self.subject_id

    @property
    def what(self) -> EventKind:
        return kind_of(self.kind)

    @property
    def subject(self) -> Subject:
        return Subject(self.subject_kind, self.subject_id, self.subject_name)

    @property
    def subject_url(self) -> str:
        return page_of(self.zone, self.subject)

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def is_stale(self) -> bool:
        """It was so, and nobody has been able to look since. Needs its source."""
        if not self.is_open:
            return False
        read_at = self.source.read_at
        return self.source.is_stale or (read_at is not None and self.last_seen_at < read_at)

    @property
    def status(self) -> str:
        """How it is shown: what is over alarms nobody."""
        return self.severity if self.is_open or self.what.is_change else "ended"

    @property
    def touched_beyond(self) -> int:
        """How many tenants it touches beside the two that lists name. Of a row of `queries.whole`."""
        count: int = self.touched_count  # type: ignore[attr-defined]
        return count - 2

    @property
    def fresh_seconds(self) -> int | None:
        """How long after its source's reading it may be believed."""
        source: Any = self.source
        if source.fresh_until is None or source.read_at is None:
            return None
        return int((source.fresh_until - source.read_at).total_seconds())


class Series(models.Model):
    """One thing that is measured again and again. Its readings stand in `store`, by its id."""

    #: By which readings know it; programs know it by the other, as they know all there is.
    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, db_default=RandomUUID(), editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    subject_kind = models.CharField(max_length=KEY)
    subject_id = models.CharField(max_length=255)
    #: What of it: the port of a device; blank for the whole.
    part = models.CharField(max_length=64, blank=True)
    metric = models.CharField(max_length=METRIC_KEY)
    #: How many seconds lie between two readings when all goes well.
    seconds = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("zone", "subject_kind", "subject_id", "part", "metric"), name="series_is_unique"
            )
        ]
        indexes = [
            models.Index(fields=("-created_at", "-uuid"), name="series_newest"),
            models.Index(fields=("metric", "-created_at", "-uuid"), name="series_of_metric"),
            models.Index(fields=("subject_id", "-created_at", "-uuid"), name="series_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.subject_kind} {self.subject_id} {self.part}".strip()

    @property
    def what(self) -> Metric:
        return metric_of(self.metric)


class Collection(models.Model):
    """Whoever asks a zone's collector for readings: when next, and how it went last."""

    zone = models.OneToOneField(Zone, on_delete=models.CASCADE, primary_key=True, related_name="+")
    due_at = models.DateTimeField(default=clock.now)
    #: Somebody asks now, and until then nobody else does. Two who did would write the same readings.
    lease_until = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    readings = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"Collection of {self.zone}"
