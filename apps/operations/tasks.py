"""What workers and beat run: take one turn, and ring for whatever is due but was not heard."""

from __future__ import annotations

from celery import shared_task

from apps.operations import doorbell, engine
from apps.operations.models import Operation

SWEEP_RINGS = 200


@shared_task(name="operations.work")
def work() -> None:
    engine.turn()


@shared_task(name="operations.sweep")
def sweep() -> None:
    due = Operation.unscoped.due()[:SWEEP_RINGS].count()
    doorbell.ring(times=due)
