"""Keeping the ledger, zone by zone."""

from __future__ import annotations

from apps.kernel.locks import try_again
from apps.vnis import feed, findings, usage
from apps.zones.models import Zone

TASK = "mirror.vnis"


def look_everywhere() -> int:
    """Bring the ledgers of all zones up to date. Gives how many had something new."""
    return sum(look(zone) for zone in Zone.objects.filter(is_enabled=True))


def look(zone: Zone) -> bool:
    """Whether there was something new. While no list is read again this costs half a dozen queries, and while all are
    as they were nothing is looked through."""
    is_new = try_again(lambda: feed.write(zone))
    try_again(lambda: findings.tell(zone))
    usage.note(zone)
    return is_new
