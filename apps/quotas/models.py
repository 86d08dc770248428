"""What each tenant may have, and what it has: a row per tenant and resource (`resources`)."""

from __future__ import annotations

from django.db import models

from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant


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
