"""Which static NATs and port forwards Netris lacks: what the sweep has read, compared once for each reading.

Pages and the API look at the mirror themselves (`queries.nat`). What is found here only tells them where to look, so
that nobody has to look through everything to name the few that are missing.
"""

from __future__ import annotations

from django.core.cache import cache

from apps.addresses.models import PortForward, StaticNat
from apps.addresses.queries import nat
from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.operations.provisioned import ProvisionedQuerySet, Status
from apps.zones.models import Zone

BATCH = 500


def compare(zone: Zone, nats: ProvisionedQuerySet[StaticNat], forwards: ProvisionedQuerySet[PortForward]) -> int:
    """Compare those of the rows that are in this zone with what was read last. Gives how many these were: none when
    that was done already, or when the reading is too old to go by."""
    reading = mirror.reading(zone, nat.KIND)
    # A memory that is lost costs a comparison, and nothing else.
    if reading.read_at is None or reading.is_stale or not _is_news(zone, reading.read_at.isoformat()):
        return 0
    return _compare(nats.filter(vpc__zone=zone)) + _compare(forwards.filter(vpc__zone=zone))


def _is_news(zone: Zone, read_at: str) -> bool:
    key = f"nat-compared:{zone.pk}"
    is_news: bool = cache.get(key) != read_at
    cache.set(key, read_at, timeout=3600)
    return is_news


def _compare(rows: ProvisionedQuerySet[nat.R]) -> int:
    settled = rows.filter(status=Status.READY, settled_at__isnull=False).select_related("vpc", "tier").order_by("pk")
    count, last = 0, None
    while batch := list((settled if last is None else settled.filter(pk__gt=last))[:BATCH]):
        lines = nat.lines_of(batch, {}, None)
        missing = [line.row.pk for line in lines if line.is_missing]
        there = [line.row.pk for line in lines if line.applied.is_applied is not None and not line.is_missing]
        rows.filter(pk__in=missing, missing_since=None).update(missing_since=clock.now())
        rows.filter(pk__in=there, missing_since__isnull=False).update(missing_since=None)
        count, last = count + len(batch), batch[-1].pk
    return count
