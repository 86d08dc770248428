"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.acls import services
from apps.acls.models import Acl
from apps.kernel import clock
from apps.operations.models import Operation
from apps.operations.provisioned import Status

#: Lists that are looked after in one go; the others are a few seconds later.
MOST_AT_ONCE = 200


@shared_task(name="acls.expire")
def expire() -> None:
    expire_due()


def expire_due() -> list[Operation]:
    """Rules leave their lists when their time is over, whoever's they are."""
    due = Acl.unscoped.filter(next_expiry_at__lte=clock.now(), status=Status.READY)
    found = due.select_related("tenant").order_by("next_expiry_at", "pk")[:MOST_AT_ONCE]
    return [operation for acl in found if (operation := services.expire(acl))]
