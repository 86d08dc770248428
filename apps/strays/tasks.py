"""What beat runs in the sweeps' processes: looking through what they have read."""

from __future__ import annotations

from celery import shared_task

from apps.strays import services


@shared_task(name=services.TASK)
def look() -> None:
    services.look_everywhere()
