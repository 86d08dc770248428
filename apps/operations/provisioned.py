"""What every row has that is made real by operations: a status that only the engine and the services write."""

from __future__ import annotations

import uuid
from typing import Any, Self, TypeVar

from django.db import models

from apps.kernel import clock
from apps.operations.state import AT_REST, Goal, Phase

M = TypeVar("M", bound=models.Model)


class Status(models.TextChoices):
    """`deleted` rows stay for the history, until `portal.retention` forgets them; names and addresses of theirs are
    free again."""

    BUILDING = "building", "Building"
    READY = "ready", "Ready"
    CHANGING = "changing", "Changing"
    REMOVING = "removing", "Removing"
    STUCK = "stuck", "Stuck"
    DELETED = "deleted", "Deleted"


class ProvisionedQuerySet(models.QuerySet[M]):
    def live(self) -> Self:
        """Everything that is there, is becoming, or is on its way out."""
        return self.exclude(status=Status.DELETED)


class Provisioned(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.BUILDING)
    created_at = models.DateTimeField(default=clock.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_live(self) -> bool:
        return self.status != Status.DELETED


def status_after(goal: str, phase: str) -> Status:
    """What the status of a row is while, or after, an operation with this goal is in this phase."""
    match phase, goal:
        case Phase.STUCK, _:
            return Status.STUCK
        case _, Goal.CHANGED:
            return Status.READY if phase in AT_REST else Status.CHANGING
        case (Phase.SUCCEEDED, Goal.PRESENT) | (Phase.CANCELLED, Goal.ABSENT):
            return Status.READY
        case ((Phase.SUCCEEDED | Phase.ROLLED_BACK | Phase.CANCELLED | Phase.GIVEN_UP), _):
            return Status.DELETED
        case Phase.REMOVING, _:
            return Status.REMOVING
        case _, Goal.ABSENT:
            return Status.REMOVING
    return Status.BUILDING


def settle(rows: models.QuerySet[Any], goal: str, phase: str) -> None:
    """Set the status of live rows accordingly."""
    status = status_after(goal, phase)
    deleted_at = clock.now() if status == Status.DELETED else None
    rows.exclude(status=Status.DELETED).update(status=status, deleted_at=deleted_at)
