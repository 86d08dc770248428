"""What beat rings for."""

from __future__ import annotations

from collections.abc import Mapping

from celery import shared_task

from apps.balancers.models import Balancer
from apps.balancers.queries import compared
from apps.balancers.services import put_back
from apps.kernel import clock
from apps.operations.models import Operation
from apps.operations.provisioned import Status

#: Looked at in one go.
BATCH = 200


@shared_task(name="balancers.keep")
def keep() -> None:
    keep_all()


def keep_all() -> list[Operation]:
    """Note what needs somebody, and put back what CloudStack took away with a change of its own, whoever's balancers
    they are."""
    rows = Balancer.unscoped.filter(status=Status.READY, vpc__status=Status.READY, vpc__zone__is_enabled=True)
    whole = rows.select_related("tenant", "vpc", "tier").prefetch_related("members").order_by("pk")
    started: list[Operation] = []
    some = list(whole[:BATCH])
    while some:
        found = compared(some)
        _note("down_since", {each.row: each.is_down for each in found})
        _note("differs_since", {each.row: each.is_different for each in found})
        started += [operation for each in found if each.is_taken_back and (operation := put_back(each.row))]
        some = list(whole.filter(pk__gt=some[-1].pk)[:BATCH])
    return started


def _note(column: str, found: Mapping[Balancer, bool]) -> None:
    """Since when it is so of each, where that is news."""
    for since in (clock.now(), None):
        is_so = since is not None
        news = [row.pk for row in found if found[row] is is_so and (getattr(row, column) is None) is is_so]
        if news:
            Balancer.unscoped.filter(pk__in=news).update(**{column: since})
