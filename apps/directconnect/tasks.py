"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.directconnect.services import keeping


@shared_task(name="directconnect.keep")
def keep() -> None:
    keeping.expire()
    keeping.close()
    keeping.release_vlans()
