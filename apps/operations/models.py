"""One durable attempt to make something real, or to take it away, in the remote systems; and the events people read.

The row is the whole truth of an attempt: phase, cursor, memos, lease. Redis holds only a doorbell. The columns that
decide who may work on it are written by compare-and-swap on `fence` alone (see `engine`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from apps.kernel import clock
from apps.kernel.named import Key
from apps.operations.parts import BoundPart, Recipe, recipe_of
from apps.operations.state import AT_REST, ENDED_BADLY, LIVE, RUNNING, Goal, Phase, State
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant, User
from apps.zones.models import Zone
from apps.zones.turnstile import Hold


class Priority(models.IntegerChoices):
    """Smaller goes first."""

    PERSON = 10, "Somebody is waiting"
    BULK = 20, "Bulk work"


class OperationQuerySet(models.QuerySet["Operation"]):
    def live(self) -> OperationQuerySet:
        return self.filter(phase__in=LIVE)

    def running(self) -> OperationQuerySet:
        return self.filter(phase__in=RUNNING)

    def stuck(self) -> OperationQuerySet:
        return self.filter(phase=Phase.STUCK)

    def due(self, now: datetime | None = None) -> OperationQuerySet:
        """Ready to be worked on, its turn in its lane, and nobody does."""
        now = now or clock.now()
        free = models.Q(lease_until=None) | models.Q(lease_until__lte=now)
        return self.filter(free, phase__in=RUNNING, waits=False, due_at__lte=now)

    def in_lanes(self, lanes: Iterable[str]) -> OperationQuerySet:
        """Those that stand in one of these lanes, or in one of them beside another."""
        names = list(lanes)
        return self.filter(models.Q(lane__in=names) | models.Q(beside__in=names) & ~models.Q(beside=""))

    def about(self, resource: models.Model) -> OperationQuerySet:
        return self.filter(resource_id=resource.pk)


class Operation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: None for what the platform does to a zone.
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=32)
    goal = models.CharField(max_length=8, choices=[(goal, goal) for goal in Goal])
    resource_type = models.CharField(max_length=16)
    resource_id = models.UUIDField()
    resource_name = models.CharField(max_length=200)
    #: What nothing else may be done to until it is over: the resource itself.
    lock_key = models.CharField(max_length=64)
    #: Where one operation is at work at a time, in the order of `place`: a VPC with all that lies in it. What has
    #: nobody beside it is alone in a lane called like its lock. One that is stuck keeps nobody waiting.
    lane = models.CharField(max_length=64)
    #: A second lane that it stands in at the same place, or blank: what joins two VPCs is done while nothing else is
    #: done in either.
    beside = models.CharField(max_length=64, blank=True, default="", db_default="")
    place = models.PositiveIntegerField(default=0)
    #: Somebody is before it in its lane. Written by whoever holds the lane.
    waits = models.BooleanField(default=False)
    requested_by = models.CharField(max_length=200)
    search_key = Key("resource_name", "requested_by")
    requested_by_user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    phase = models.CharField(max_length=16, choices=[(phase, phase) for phase in Phase], default=Phase.QUEUED)
    size = models.PositiveSmallIntegerField()
    cursor = models.PositiveSmallIntegerField(default=0)
    ending = models.CharField(max_length=16, default=Phase.SUCCEEDED)
    unwinds = models.BooleanField(default=True)
    stopped_in = models.CharField(max_length=16, blank=True)
    is_cancel_requested = models.BooleanField(default=False)

    #: Of a change: {"<field>": <value>}. The row takes them when it succeeds, and has its old ones until then.
    wanted: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    #: {"<part index>:<phase>": {...}}
    memo: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    #: One line per part: {"title", "state", "started_at", "finished_at", "detail"}
    steps: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    #: Why it is stuck, or was undone, for everybody.
    error = models.TextField(blank=True)
    #: What the remote said, where `error` says it in other words. For the platform alone.
    own_words = models.TextField(blank=True)
    #: {"error", "own_words"} of the refusal that turned a creation round, while its undoing may fail in other ways.
    turned_by: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    #: {"error", "own_words"} of what it was stuck for when it was last retried.
    stuck_by: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    #: {"by", "left": [{"system", "what"}]} when somebody gave it up.
    given_up: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)

    #: The tier into which that leads to which it is done, where somebody has looked it up. No column.
    leads_into: uuid.UUID | None = None

    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.PERSON)
    due_at = models.DateTimeField(default=clock.now)
    deadline_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    #: Why its orders are held back (`turnstile.Hold`); blank while they are not.
    hold = models.CharField(max_length=8, blank=True)

    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: When somebody had seen enough of how it ended: the overview no longer shows it.
    dismissed_at = models.DateTimeField(null=True)

    LASTING = timedelta(hours=1)

    unscoped = OperationQuerySet.as_manager()
    objects = TenantDoor[OperationQuerySet]("tenant")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("lock_key",), condition=models.Q(phase__in=sorted(LIVE)), name="operation_one_live_per_lock"
            ),
            models.CheckConstraint(condition=~models.Q(lane=""), name="operation_has_a_lane"),
        ]
        indexes = [
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="operation_by_words"),
            models.Index(
                fields=("tenant", "priority", "due_at"),
                condition=models.Q(phase__in=sorted(RUNNING)),
                name="operation_running",
            ),
            models.Index(fields=("tenant", "-created_at", "-id"), name="operation_by_tenant"),
            models.Index(
                fields=("tenant", "-created_at", "-id"),
                condition=models.Q(phase__in=sorted(ENDED_BADLY)),
                name="operation_ended_badly",
            ),
            models.Index(fields=("-created_at", "-id"), name="operation_newest"),
            models.Index(fields=("resource_id", "-created_at"), name="operation_by_resource"),
            models.Index(fields=("lane", "-created_at", "-id"), name="operation_by_lane"),
            models.Index(
                fields=("beside", "place"),
                condition=models.Q(phase__in=sorted(LIVE)) & ~models.Q(beside=""),
                name="operation_beside",
            ),
            models.Index(
                fields=("lane", "place"), condition=models.Q(phase__in=sorted(RUNNING)), name="operation_line"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.resource_name}"

    def save(self, *args: Any, **options: Any) -> None:
        self.lane = self.lane or self.lock_key
        super().save(*args, **options)

    @property
    def lanes(self) -> tuple[str, ...]:
        """In the order in which they are locked."""
        return tuple(sorted(filter(None, (self.lane, self.beside))))

    @property
    def stream(self) -> str:
        """Where its open page hears that it should look again (`portal.events`)."""
        return f"/events/operations/{self.pk}"

    @property
    def recipe(self) -> Recipe[Any]:
        return recipe_of(self.kind)

    def parts(self, resource: models.Model) -> Sequence[BoundPart]:
        recipe = self.recipe
        if self.goal != Goal.CHANGED:
            return recipe.parts(resource)
        assert recipe.changes is not None, f"nothing of {self.kind} can be changed"
        return recipe.changes(resource, self.wanted)

    @property
    def title(self) -> str:
        """What it does, for people: "Create VPC"."""
        return self.recipe.titles[self.goal]

    @property
    def state(self) -> State:
        return State(
            goal=Goal(self.goal),
            phase=Phase(self.phase),
            size=self.size,
            cursor=self.cursor,
            ending=Phase(self.ending),
            unwinds=self.unwinds,
            stopped_in=Phase(self.stopped_in) if self.stopped_in else None,
        )

    @property
    def is_at_rest(self) -> bool:
        return self.phase in AT_REST

    @property
    def is_settled(self) -> bool:
        """Nothing moves by itself any more: at rest, or stuck until somebody decides."""
        return self.phase in AT_REST or self.phase == Phase.STUCK

    @property
    def progress(self) -> int:
        """Percent of the way to where it is going. They never fall: an undoing goes on from where it turned round."""
        if self.phase == Phase.QUEUED:
            return 0
        if self.is_at_rest:
            return 100
        if not self.is_removing:
            return round(100 * self.cursor / self.size)
        begun, ahead = self.size, 0.0
        if self.goal != Goal.ABSENT:
            begun = max(self.cursor + 1, sum(bool(line["started_at"]) for line in self.steps))
            ahead = (begun - 1) / self.size
        back = (begun - 1 - self.cursor) / begun
        return round(100 * (ahead + (1 - ahead) * back))

    @property
    def hold_words(self) -> str:
        """Why its orders are held back, in words that everybody may read; empty while they are not."""
        return str(Hold(self.hold).label) if self.hold else ""

    @property
    def visible_steps(self) -> list[dict[str, Any]]:
        """The lines that people see: a part that only looks has none in a removal."""
        return [line for line in self.steps if line["title"]]

    @property
    def is_removing(self) -> bool:
        """Something is taken away, or was until it got stuck: as was asked, or because what was made is undone."""
        return Phase.REMOVING in (self.phase, self.stopped_in)

    @property
    def again(self) -> str:
        """What was to be made and is not there, by its id: the forms take its values over. Empty for all others."""
        is_undone = self.goal == Goal.PRESENT and self.phase in (Phase.ROLLED_BACK, Phase.CANCELLED)
        return str(self.resource_id) if is_undone else ""

    @property
    def is_rolling_back(self) -> bool:
        return self.goal != Goal.ABSENT and self.is_removing

    @property
    def standing(self) -> str:
        """The word for its badge: its phase, but what is taken away is called by why that is so."""
        is_cancelling = self.phase == Phase.REMOVING and self.is_rolling_back and self.ending == Phase.CANCELLED
        if is_cancelling or (self.is_cancel_requested and self.phase in RUNNING):
            return "cancelling"
        return "undoing" if self.phase == Phase.REMOVING and self.is_rolling_back else self.phase

    @property
    def is_lasting(self) -> bool:
        """At work for so long that nobody need wait for its end any more."""
        return self.started_at is not None and clock.now() - self.started_at > self.LASTING

    @property
    def in_the_way(self) -> str:
        """Why nothing else can be done to what it holds, and the way out."""
        if self.phase != Phase.STUCK:
            return f"“{self}” is still under way. Wait until it is over, then try again."
        if self.why_not("cancel") is None:
            return f"“{self}” is stuck. Retry or cancel it first."
        return f"“{self}” is stuck. Retry it first; if it stays stuck, your provider can give it up."

    def why_not(self, action: str) -> str | None:
        """Why `cancel`, `retry`, `apply`, `give up` or `dismiss` is not offered now; None when it is."""
        match action:
            case "give up" if self.is_at_rest:
                return "It is over."
            case "give up" if not self.is_removing:
                return "Only what is being taken away can be given up. Cancel it instead."
            case "give up" if self.phase == Phase.REMOVING and not self.is_lasting:
                return "It is at work. It can be given up when it is stuck, or when it has not ended after an hour."
            case "cancel" if self.phase == Phase.SUCCEEDED and self.goal != Goal.ABSENT:
                return f"It is too late: it was already {'built' if self.goal == Goal.PRESENT else 'done'}."
            case "cancel" if self.is_at_rest:
                return "It is over."
            case "cancel" if self.is_cancel_requested or self.is_rolling_back:
                return "It is already being undone."
            case "cancel" if self.goal == Goal.ABSENT and self.phase != Phase.QUEUED:
                return "A removal that has begun is not taken back."
            case "dismiss" if self.phase not in ENDED_BADLY:
                return "Only what has failed can be dismissed."
            case "dismiss" if self.dismissed_at is not None:
                return "It is dismissed already."
            case "retry" if self.phase != Phase.STUCK:
                return "Only a stuck operation can be retried."
            case "apply" if self.goal != Goal.CHANGED or self.stopped_in != Phase.REMOVING:
                return "Only a change whose undoing is stuck can be tried anew."
        return None


class LineQuerySet(models.QuerySet["Event"]):
    pass


class Event(models.Model):
    """One line of an operation's history, for people. The engine never reads them."""

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=clock.now)
    text = models.TextField()

    unscoped = LineQuerySet.as_manager()
    objects = TenantDoor[LineQuerySet]("operation__tenant")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.text


class Turn(models.Model):
    """When a tenant's work was last taken up: whoever waited longest goes next, however much the others have queued."""

    tenant = models.OneToOneField(Tenant, primary_key=True, on_delete=models.CASCADE, related_name="+")
    served_at = models.DateTimeField()

    objects = models.Manager()

    def __str__(self) -> str:
        return f"{self.tenant} at {self.served_at}"
