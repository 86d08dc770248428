"""What each tenant may have, and what it has: a row per tenant and resource (`resources`)."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.db import models

from apps.kernel import clock
from apps.kernel.names import Line
from apps.quotas.resources import by_key
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant

#: Why more is needed, and why it is not given.
REASON = Line("reason", 500)


class Limit(models.Model):
    """How many of something a tenant may have, where that is not the default."""

    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.CASCADE, related_name="limits")
    resource = models.CharField(max_length=32)
    most = models.PositiveIntegerField()

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Limit"]]("tenant")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("tenant", "resource"), name="limit_one_per_resource")]

    def __str__(self) -> str:
        return f"{self.most} {self.resource} for {self.tenant}"


class Usage(models.Model):
    """How many of something a tenant has. Triggers of the database count as rows change, whatever changes them
    (`counting`), so that nothing is counted at every request. Whoever is about to change such rows holds all of the
    tenant's first (`services.hold_use`)."""

    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=32)
    used = models.PositiveIntegerField(default=0, db_default=0)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Usage"]]("tenant")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("tenant", "resource"), name="usage_one_per_resource")]

    def __str__(self) -> str:
        return f"{self.used} {self.resource} of {self.tenant}"


class Stage(models.TextChoices):
    """Where a request for a higher limit stands."""

    REQUESTED = "requested", "Requested"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class QuotaRequest(models.Model):
    """Asks the platform for a higher limit of one resource. One waits at a time; who asked stays in the audit log."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=32)
    #: What the limit was when it was asked, and what it is to be.
    limit = models.PositiveIntegerField()
    wanted = models.PositiveIntegerField()
    reason = models.CharField(max_length=REASON.most)
    stage = models.CharField(max_length=16, choices=Stage, default=Stage.REQUESTED)
    #: Why it was rejected.
    answer = models.CharField(max_length=REASON.most, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["QuotaRequest"]]("tenant")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("tenant", "resource"), condition=models.Q(stage="requested"), name="quota_is_asked_for_once"
            ),
            models.CheckConstraint(condition=models.Q(stage__in=Stage.values), name="quota_request_has_a_stage"),
            models.CheckConstraint(
                condition=models.Q(stage="requested", ended_at=None)
                | ~models.Q(stage="requested") & models.Q(ended_at__isnull=False),
                name="quota_request_that_waits_has_not_ended",
            ),
            models.CheckConstraint(condition=models.Q(wanted__gt=models.F("limit")), name="quota_request_is_for_more"),
        ]
        indexes = [
            models.Index(fields=("tenant", "-created_at"), name="quota_request_of_tenant"),
            models.Index(fields=("created_at",), condition=models.Q(stage="requested"), name="quota_request_waits"),
        ]

    def __str__(self) -> str:
        return f"{self.wanted} {self.noun}s"

    @property
    def noun(self) -> str:
        """What one of them is called; the key itself where this Weft has no such resource any more."""
        known = by_key().get(self.resource)
        return known.noun if known else self.resource

    @property
    def look(self) -> str:
        """The word by whose look it is shown: an approval is the end of it, and not the way to something."""
        return "succeeded" if self.stage == Stage.APPROVED else self.stage

    @property
    def since(self) -> datetime:
        return self.ended_at or self.created_at

    @property
    def waits(self) -> bool:
        return self.stage == Stage.REQUESTED

    @property
    def why_not_withdraw(self) -> str | None:
        return None if self.waits else f"It is {self.get_stage_display().lower()} already."
