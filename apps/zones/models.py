"""A zone: one CloudStack zone with the Netris site that carries its networks, and how to reach both.

`Remote` says whether one of the two answers at present, and answers quickly. It changes only when that changes: a first
failure sets `down_since`, later ones push `retry_at` further away, the first success clears it.

`Plugin` says whether CloudStack's own line to Netris works, as far as its orders tell (see `turnstile`).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.named import Key
from apps.kernel.names import NAME, key_of
from apps.kernel.seal import SealedField


class System(models.TextChoices):
    CLOUDSTACK = "cloudstack", "CloudStack"
    NETRIS = "netris", "Netris"


class Zones(models.Manager["Zone"]):
    def called(self, reference: str) -> models.QuerySet[Zone]:
        """Those with this id, name or short name, as people and scripts refer to them."""
        meant = models.Q(name_key=key_of(reference)) | models.Q(slug=reference)
        with suppress(ValueError):  # not an id, so a name
            meant |= models.Q(pk=uuid.UUID(reference))
        return self.filter(meant)

    def the_one_called(self, reference: str) -> Zone:
        """Raises `Refused` where there is none."""
        if zone := self.called(reference).first():
            return zone
        raise Refused("zone-unknown", f"There is no zone “{reference[:63]}”.", "zone")


class Zone(models.Model):
    """A place where tenants can build. Credentials: a CloudStack root admin's keys and a Netris user of Weft's own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: As its CloudStack calls it.
    name = models.CharField(max_length=NAME.most, unique=True)
    name_key = Key("name")
    slug = models.CharField(max_length=32, unique=True, validators=[RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z")])
    description = models.CharField(max_length=255, blank=True)
    is_enabled = models.BooleanField(default=True)

    cloudstack_url = models.URLField()
    cloudstack_api_key = SealedField()
    cloudstack_secret_key = SealedField()
    cloudstack_zone_id = models.UUIDField()
    vpc_offering_id = models.UUIDField()
    tier_offering_id = models.UUIDField()
    max_tiers_per_vpc = models.PositiveSmallIntegerField(
        default=3, help_text="CloudStack's setting vpc.max.networks; it refuses more."
    )

    netris_url = models.URLField()
    netris_user = models.CharField(max_length=100)
    netris_password = SealedField()
    netris_site = models.CharField(max_length=100)
    #: The public ranges as CloudStack listed them when the zone was registered last: see `lint`.
    public_ranges: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    ranges_read_at = models.DateTimeField(null=True)

    calls_per_second = models.PositiveSmallIntegerField(
        default=25,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="The most calls a second that Weft makes to either system, all processes together.",
    )
    quarantine_hours = models.PositiveSmallIntegerField(
        default=24,
        validators=[MaxValueValidator(8760)],
        help_text="How long a public IP rests after its release before another tenant is given it.",
    )
    names_devices = models.BooleanField(
        default=False, help_text="Whether tenants are told by name which device it is that something is wrong with."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = Zones()

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=("name_key",), name="zone_name_is_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def controller_id(self) -> uuid.UUID:
        """The same for all zones that have their networks from one Netris, whose sites and IPAM these share."""
        return uuid.uuid5(uuid.NAMESPACE_URL, self.netris_url)

    @property
    def known_plugin(self) -> Plugin:
        """What is known of its plugin; unsaved while that is nothing."""
        return getattr(self, "plugin", None) or Plugin(zone=self)


class TrialQuerySet(models.QuerySet["Trial"]):
    def due(self, now: datetime | None = None) -> TrialQuerySet:
        """To be looked at, and nobody does."""
        free = models.Q(lease_until=None) | models.Q(lease_until__lte=now or clock.now())
        return self.filter(free, finished_at=None)


class Trial(models.Model):
    """A way to reach a zone that somebody has entered, and what both systems said to it. Nothing is saved of it in a
    zone before that has gone well; until then, and for `KEPT`, its secrets lie here, sealed.

    column         says
    zone           whose connection it is to become; None for a zone that is to be registered
    checks, found  what came of the questions so far (`access.Check`), and what there is to choose from (`access.Found`)
    fence          raised by each worker that begins: who finds another value has been overtaken and writes nothing
    taken_at       when a zone was registered or changed by it; that happens once
    """

    #: For how long what was found may be gone by, and for how long a trial is kept at all.
    GOOD_FOR = timedelta(minutes=30)
    KEPT = timedelta(hours=1)
    #: Workers that begin it before it is given up.
    TRIES = 3

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, null=True, related_name="trials")
    asked_by = models.CharField(max_length=150)
    cloudstack_url = models.URLField()
    cloudstack_api_key = SealedField()
    cloudstack_secret_key = SealedField()
    netris_url = models.URLField()
    netris_user = models.CharField(max_length=100)
    netris_password = SealedField()
    checks: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    found: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"Connection to {self.zone or self.cloudstack_url}"

    @property
    def status(self) -> str:
        """`waiting`, `looking`, `failed`, `good`, `expired` or `taken`"""
        if self.taken_at is not None:
            return "taken"
        if self.finished_at is None:
            return "looking" if self.fence else "waiting"
        if any(check["verdict"] == "failed" for check in self.checks):
            return "failed"
        return "good" if clock.now() - self.finished_at <= self.GOOD_FOR else "expired"


class Remote(models.Model):
    """Whether one system of a zone answers. No row means that it never failed."""

    FIRST_PAUSE = timedelta(seconds=2)
    #: What waits for a remote goes on within seconds once it is back, so it is tried every few seconds, by one caller.
    LONGEST_PAUSE = timedelta(seconds=10)

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="remotes")
    system = models.CharField(max_length=16, choices=System.choices)
    down_since = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    slow_since = models.DateTimeField(null=True)
    #: The call that was last found slow, and how long it took.
    slow_call = models.CharField(max_length=64, blank=True)
    slow_milliseconds = models.PositiveIntegerField(default=0)

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("zone", "system"), name="remote_is_unique")]

    def __str__(self) -> str:
        return f"{self.get_system_display()} of {self.zone}"

    @classmethod
    def pause_after(cls, failures: int, *, longest: timedelta = LONGEST_PAUSE) -> timedelta:
        """2 s, 4 s, 8 s ..."""
        doublings = min(max(failures - 1, 0), 10)
        return min(cls.FIRST_PAUSE * (1 << doublings), longest)

    def is_closed(self, now: datetime | None = None) -> bool:
        """True while it is not worth asking again."""
        return self.retry_at is not None and self.retry_at > (now or clock.now())


class Plugin(models.Model):
    """The Netris plugin of a zone's CloudStack, judged by what became of its orders. No row: nothing was ever wrong.

    state       columns                         means
    well        -                               orders go through
    suspected   `suspected_at`                  an order failed as it would without a session; others still go through
    down        `suspected_at`, `down_since`    the pattern is complete: one order goes through at a time
    """

    zone = models.OneToOneField(Zone, on_delete=models.CASCADE, related_name="plugin")
    suspected_at = models.DateTimeField(null=True)
    down_since = models.DateTimeField(null=True)
    #: While down: when the next order may go through, and whose order it is that did so last.
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    probe = models.UUIDField(null=True)
    #: When an order last went through after something had been suspected, and when one last went through at all.
    proven_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    reconnected_at = models.DateTimeField(null=True)
    #: The orders that failed, the newest of each operation: {"operation", "tenant", "call", "text", "at"}
    evidence: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)

    #: An order that went through longer ago than this says nothing about now.
    PROOF_LASTS = timedelta(hours=1)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"Netris plugin of {self.zone}"

    @property
    def status(self) -> str:
        """`down`, `suspected`, `up` by a proof that is fresh, or `unknown`."""
        if self.down_since is not None:
            return "down"
        if self.suspected_at is not None:
            return "suspected"
        is_proven = self.worked_at is not None and clock.now() - self.worked_at < self.PROOF_LASTS
        return "up" if is_proven else "unknown"
