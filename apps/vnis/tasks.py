"""What beat runs in the sweeps' processes: writing down whose numbers are whose."""

from __future__ import annotations

from celery import shared_task

from apps.vnis import services


@shared_task(name=services.TASK)
def look() -> None:
    services.look_everywhere()
