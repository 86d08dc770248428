"""Keeping the ledger, zone by zone."""

from __future__ import annotations

from apps.kernel.locks import try_again
from apps.vnis import feed, findings
from apps.zones.models import Zone

TASK = "mirror.vnis"


def look_everywhere() -> int:
    """Bring the ledgers of all zones up to date. Gives how many had something new."""
    return sum(look(zone) for zone in Zone.objects.filter(is_enabled=True))


def look(zone: Zone) -> bool:
    """Whether there was something new. What is wrong is told each time: it is known for as long as the lists are."""
    is_new = try_again(lambda: feed.write(zone))
    try_again(lambda: findings.tell(zone))
    return is_new
