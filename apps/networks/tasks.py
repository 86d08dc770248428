"""What the sweeps' processes run beside the sweeps."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.networks import readings
from apps.networks.models import Vpc
from apps.tenancy.models import Tenant
from apps.zones.clouds import open_clouds


@shared_task(name=readings.TASK)
def read_again(tenant_id: str, vpc_id: str) -> None:
    tenant = Tenant.objects.get(pk=UUID(tenant_id))
    vpc = Vpc.objects.of(tenant).select_related("zone").filter(pk=UUID(vpc_id)).first()
    if vpc is not None:
        readings.read_again(vpc, open_clouds(vpc.zone))
