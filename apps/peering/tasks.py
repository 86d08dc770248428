"""What beat rings for."""

from __future__ import annotations

from collections.abc import Mapping

from celery import shared_task
from django.db.models import Q

from apps.kernel import clock
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.peering.models import ACCEPTED, REQUESTED, Peering
from apps.peering.queries import WITH, applied_of
from apps.peering.services import expire

#: Looked at in one go.
BATCH = 200


@shared_task(name="peering.keep")
def keep() -> None:
    keep_all()


def keep_all() -> list[Operation]:
    """End what is over by its time, and note what Netris has otherwise than it is meant, whoever's they are. After a
    day without workers it does the same, once."""
    now = clock.now()
    over = REQUESTED & Q(answer_by__lte=now) | ACCEPTED & (Q(expires_at__lte=now) | ~Q(ends_as=""))
    due = Peering.unscoped.live().filter(over).select_related(*WITH).order_by("pk")
    started = [operation for row in due if (operation := expire(row))]
    rows = Peering.unscoped.filter(status=Status.READY).filter(ACCEPTED, vpc__zone__is_enabled=True)
    whole = rows.select_related(*WITH).order_by("pk")
    some = list(whole[:BATCH])
    while some:
        applied = applied_of(some)
        _note({row: applied[row.pk].is_missing for row in some if applied[row.pk].is_applied is not None})
        some = list(whole.filter(pk__gt=some[-1].pk)[:BATCH])
    return started


def _note(found: Mapping[Peering, bool]) -> None:
    """Since when it is so of each, where that is news."""
    for since in (clock.now(), None):
        differs = since is not None
        news = [row.pk for row in found if found[row] is differs and (row.differs_since is None) is differs]
        if news:
            Peering.unscoped.filter(pk__in=news).update(differs_since=since)
