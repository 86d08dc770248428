"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.directconnect.interfaces import tending
from apps.directconnect.services import keeping


@shared_task(name="directconnect.keep")
def keep() -> None:
    keeping.expire()
    tending.note_taken()
    tending.tend()
    tending.bring_on()
    keeping.close()
    keeping.reserve_ports()
    keeping.release_vlans()
