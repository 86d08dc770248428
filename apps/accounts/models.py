"""A tenant's account in a zone: the CloudStack domain and account that own everything the tenant builds there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant
from apps.zones.models import Zone


class AccountQuerySet(ProvisionedQuerySet["Account"]):
    def ready(self) -> AccountQuerySet:
        return self.filter(status=Status.READY)


class Account(Provisioned):
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="accounts")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="accounts")
    cloudstack_domain_id = models.UUIDField(null=True)
    cloudstack_account_id = models.UUIDField(null=True)

    unscoped: ClassVar[models.Manager[Account]] = AccountQuerySet.as_manager()
    objects = TenantDoor[AccountQuerySet]("tenant")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("tenant", "zone"),
                condition=~models.Q(status=Status.DELETED),
                name="account_one_per_tenant_and_zone",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant} in {self.zone}"

    @property
    def remote_name(self) -> str:
        """The name of the domain and of the account in CloudStack. Our id in it finds them again after a lost reply."""
        return f"{self.tenant.slug}-{self.pk.hex[:8]}"
