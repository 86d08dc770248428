"""What platform admins do to a zone."""

from __future__ import annotations

from django.db import transaction

from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones import turnstile
from apps.zones.models import Zone


@transaction.atomic(durable=True)
def reconnect_host(zone: Zone, *, by: Platform) -> Operation:
    """Have CloudStack reconnect its Netris host. Orders wait meanwhile. Raises `Busy` while it is being done."""
    operation = operations.start(
        "reconnect", zone, Goal.PRESENT, tenant=None, zone=zone, lock_key=f"zone:{zone.pk}", by=by.actor
    )
    turnstile.close(zone)
    audit(by.actor, "zone.reconnect-host", zone, tenant=None)
    return operation
