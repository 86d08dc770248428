"""What beat runs in the sweeps' processes: looking for pools that fill up."""

from __future__ import annotations

from celery import shared_task

from apps.overview import services


@shared_task(name=services.TASK)
def look() -> None:
    services.look_everywhere()
