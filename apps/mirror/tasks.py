"""What beat runs every few seconds: whichever lists are due."""

from __future__ import annotations

from celery import shared_task

from apps.mirror import services


@shared_task(name=services.TASK)
def refresh() -> None:
    services.refresh_due()
