"""What beat and those who ask ring for."""

from __future__ import annotations

from celery import shared_task

from apps.zones import trials


@shared_task(name=trials.TASK)
def try_connections() -> None:
    trials.run_due()
