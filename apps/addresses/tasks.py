"""What beat rings for."""

from __future__ import annotations

from celery import shared_task

from apps.addresses import applied
from apps.addresses.models import PortForward, StaticNat
from apps.zones.models import Zone


@shared_task(name="mirror.nat")
def compare() -> None:
    """In the sweeps' processes: it looks through what they have read."""
    compare_all()


def compare_all() -> int:
    zones = Zone.objects.filter(is_enabled=True)
    return sum(applied.compare(zone, StaticNat.unscoped.live(), PortForward.unscoped.live()) for zone in zones)
