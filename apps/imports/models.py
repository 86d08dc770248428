"""Sheets that somebody has brought, checked row by row, and what became of each row."""

from __future__ import annotations

import uuid
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from apps.kernel import clock
from apps.operations.models import Operation
from apps.operations.state import RUNNING
from apps.tenancy.actors import Platform, platform_of
from apps.tenancy.models import ApiToken, User


class Standing(models.TextChoices):
    """Of a row. What came of one that was ordered, its operation tells."""

    READY = "ready", "To be sent"
    SAME = "same", "Nothing to do"
    FAULTY = "faulty", "Faulty"
    ORDERED = "ordered", "Sent"
    REFUSED = "refused", "Refused"


@dataclass(frozen=True)
class Counts:
    """How many rows of an import stand how; of those that were ordered, by their operations."""

    ready: int = 0
    at_work: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    faulty: int = 0
    same: int = 0

    @property
    def total(self) -> int:
        return sum(astuple(self))

    @property
    def words(self) -> str:
        """ "3 to be sent, 1 faulty" """
        names = ("to be sent", "at work", "done", "failed", "refused", "faulty", "with nothing to do")
        told = [f"{count:,} {name}" for name, count in zip(names, astuple(self), strict=True) if count]
        return ", ".join(told) or "No rows"


class ImportQuerySet(models.QuerySet["Import"]):
    def sending(self) -> ImportQuerySet:
        return self.exclude(sent_at=None).filter(stopped_at=None, over_at=None)

    def forgotten(self, *, now: datetime, gone: datetime) -> ImportQuerySet:
        """Those that nobody has sent for a while, and those that were over, or stopped, by `gone`: their reports tell
        what was done."""
        idle = Q(sent_at=None, created_at__lt=now - Import.KEPT)
        return self.filter(idle | Q(over_at__lt=gone) | Q(stopped_at__lt=gone))


class Import(models.Model):
    """`sender` is who has had it sent, `by` who has brought it. It is over when nothing of it is left to be sent and
    no operation of its is at work."""

    #: For how long one waits to be sent.
    KEPT = timedelta(days=7)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32)
    by = models.CharField(max_length=200)
    sender = models.CharField(max_length=200, blank=True)
    sender_user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    sender_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    #: Why it was stopped, when nobody did.
    stopped_for = models.TextField(blank=True)
    over_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=("-created_at", "-id"), name="import_newest"),
            models.Index(
                fields=("sent_at",),
                condition=models.Q(sent_at__isnull=False, stopped_at=None, over_at=None),
                name="import_sending",
            ),
        ]

    def __str__(self) -> str:
        return f"Import of {self.kind}"

    @property
    def standing(self) -> str:
        """`checked`, `sending`, `stopped` or `over`"""
        if self.sent_at is None:
            return "checked"
        if self.stopped_at is not None:
            return "stopped"
        return "over" if self.over_at is not None else "sending"

    @property
    def platform(self) -> Platform | None:
        """Whoever sends it, while they may."""
        identity = self.sender_user or self.sender_token
        found = platform_of(identity) if identity is not None else None
        return found if found is not None and found.may_write else None

    def why_not(self, action: str, counts: Counts) -> str | None:
        """Why `send` or `stop` is not offered now; None when it is."""
        match action:
            case "send" if self.standing == "sending":
                return "It is being sent."
            case "send" if not counts.ready:
                return "There is no row to be sent." if self.sent_at is None else "No row is left to be sent."
            case "stop" if self.standing != "sending":
                return "It is not being sent."
        return None


class RowQuerySet(models.QuerySet["Row"]):
    def at_work(self) -> RowQuerySet:
        """Those whose operation neither is over nor waits for somebody."""
        return self.filter(standing=Standing.ORDERED, operation__phase__in=RUNNING)


class Row(models.Model):
    id = models.UUIDField(primary_key=True)
    imported = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    #: In the sheet, from 1, the header's.
    line = models.PositiveIntegerField()
    rank = models.PositiveSmallIntegerField(default=0)
    standing = models.CharField(max_length=16, choices=Standing.choices)
    what = models.CharField(max_length=300, blank=True)
    cells: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    sends: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    order: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    #: [{"code", "message", "column"}]
    faults: models.JSONField[list[dict[str, str]]] = models.JSONField(default=list)
    operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    objects = RowQuerySet.as_manager()

    class Meta:
        ordering = ("line",)
        constraints = [models.UniqueConstraint(fields=("imported", "line"), name="import_row_is_unique")]
        indexes = [
            models.Index(fields=("imported", "standing", "rank", "line"), name="import_row_next"),
        ]

    def __str__(self) -> str:
        return self.what or f"Line {self.line}"

    @classmethod
    def id_of(cls, imported: Import, line: int) -> uuid.UUID:
        """So that the newest first, as lists over REST are, is the first line first."""
        return uuid.UUID(int=(imported.pk.int >> 32 << 32) | (0xFFFFFFFF - line))

    @property
    def outcome(self) -> str:
        """A word of the design language for where it stands: that of its operation, once it has one."""
        if self.standing == Standing.ORDERED:
            return self.operation.standing if self.operation else "unknown"
        return {Standing.READY: "planned", Standing.SAME: "unknown"}.get(Standing(self.standing), "failed")

    @property
    def outcome_label(self) -> str:
        """Its own word, where that of the operation would say nothing."""
        if self.standing == Standing.ORDERED:
            return "" if self.operation else "Forgotten"
        return str(Standing(self.standing).label)

    @property
    def error(self) -> str:
        """Why its operation has failed."""
        return self.operation.error if self.operation and self.operation.phase != "succeeded" else ""
