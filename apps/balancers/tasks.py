"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.balancers.models import Balancer
from apps.balancers.queries import taken_back
from apps.balancers.services import put_back
from apps.operations.models import Operation
from apps.operations.provisioned import Status

#: Looked at in one go.
BATCH = 200


@shared_task(name="balancers.keep")
def keep() -> None:
    keep_all()


def keep_all() -> list[Operation]:
    """Put back what CloudStack took away with a change of its own, whoever's balancers they are."""
    rows = Balancer.unscoped.filter(status=Status.READY, vpc__status=Status.READY, vpc__zone__is_enabled=True)
    rows = rows.select_related("tenant", "vpc", "tier").prefetch_related("members").order_by("pk")
    started: list[Operation] = []
    some = list(rows[:BATCH])
    while some:
        started += [operation for row in taken_back(some) if (operation := put_back(row))]
        some = list(rows.filter(pk__gt=some[-1].pk)[:BATCH])
    return started
