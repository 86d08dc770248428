"""What beat runs in the sweeps' processes: asking for readings, and the partitions that they are kept in."""

from __future__ import annotations

from celery import shared_task

from apps.history import collecting, store
from apps.kernel import clock


@shared_task(name=collecting.TASK)
def collect() -> None:
    collecting.collect_due()


@shared_task(name="mirror.partitions")
def maintain() -> None:
    store.maintain(clock.now())
