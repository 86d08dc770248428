"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.acls import applied, services
from apps.acls.models import Acl, TierAcl
from apps.kernel import clock
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.zones.models import Zone

#: Lists that are looked after in one go; the others are a few seconds later.
MOST_AT_ONCE = 200


@shared_task(name="acls.expire")
def expire() -> None:
    expire_due()


def expire_due() -> list[Operation]:
    """Rules leave their lists when their time is over, whoever's they are."""
    due = Acl.unscoped.filter(next_expiry_at__lte=clock.now(), status=Status.READY, vpc__status=Status.READY)
    # What waits for somebody, for as long as they like, may not stand before what can be done now.
    due = due.exclude(tiers__in=TierAcl.unscoped.filter(status=Status.STUCK))
    found = due.select_related("tenant").order_by("next_expiry_at", "pk")[:MOST_AT_ONCE]
    return [operation for acl in found if (operation := services.expire(acl))]


@shared_task(name="mirror.acls")
def compare() -> None:
    """In the sweeps' processes: it looks through what they have read."""
    compare_all()


def compare_all() -> int:
    zones = Zone.objects.filter(is_enabled=True)
    return sum(applied.compare(zone, TierAcl.unscoped.filter(tier__vpc__zone=zone)) for zone in zones)
