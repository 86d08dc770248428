"""What beat and those who send an import ring for."""

from __future__ import annotations

from celery import shared_task

from apps.imports import services


@shared_task(name=services.TASK)
def go_on() -> None:
    services.go_on()
