"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.directconnect.interfaces import tending
from apps.directconnect.services import keeping

STEPS = (
    keeping.expire,
    tending.note_taken,
    tending.tend,
    tending.bring_on,
    keeping.close,
    keeping.reserve_ports,
    keeping.release_vlans,
)


@shared_task(name="directconnect.keep")
def keep() -> None:
    """Each step has its turn, whatever another one met. What they met is raised in the end."""
    met = []
    for step in STEPS:
        try:
            step()
        except Exception as error:
            met.append(error)
    if met:
        raise ExceptionGroup("the keeping of Direct Connect", met)
