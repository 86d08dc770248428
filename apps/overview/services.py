"""Looking for what fills up, zone by zone."""

from __future__ import annotations

from functools import partial

from apps.kernel.locks import try_again
from apps.overview import filling
from apps.zones.models import Zone

TASK = "mirror.pools"


def look_everywhere() -> int:
    """Gives in how many zones was looked."""
    zones = list(Zone.objects.filter(is_enabled=True))
    for zone in zones:
        try_again(partial(filling.tell, zone))
    return len(zones)
