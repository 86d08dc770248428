"""How much of each range is in use, written down over time (`apps.history`): every five minutes, as the lists tell it.

metric       of what                       counts
vni-used     every range                   numbers that something has
vni-lost     ranges of CloudStack's        numbers that no network has any more, and that never come back
vni-free     ranges of CloudStack's        numbers that nothing has; of Netris' own nobody knows how far they reach

A list that is stale tells nothing: then there is a gap, and no figure of before is written down as one of now.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.history.metrics import Metric
from apps.history.series import Point, record
from apps.mirror.models import Kind, Reading
from apps.vnis.feed import LISTS
from apps.vnis.models import Ledger, VniRange
from apps.zones.models import Zone

USED = Metric("vni-used", "VNIs in use", "")
LOST = Metric("vni-lost", "VNIs lost", "")
FREE = Metric("vni-free", "VNIs free", "")
METRICS = (USED, LOST, FREE)
SUBJECT = "vni-range"
EVERY = timedelta(minutes=5)


def note(zone: Zone) -> int:
    """Gives how many readings are new: none where these five minutes are told already. Two queries then."""
    lists = list(Reading.objects.filter(zone=zone, kind__in=LISTS))
    # Where ranges begin and end is read less often than what is taken of them.
    moments = [each.read_at for each in lists if each.read_at and each.kind != Kind.CLOUDSTACK_POOL]
    if len(lists) < len(LISTS) or any(each.is_stale for each in lists):
        return 0
    at, ledger = _slot(min(moments)), Ledger.objects.filter(zone=zone)
    if ledger.filter(noted_at=at).exists():
        return 0
    rows = VniRange.objects.filter(zone=zone)
    count = record(zone, (point for row in rows for point in _points(row, at)), seconds=EVERY.seconds)
    ledger.update(noted_at=at)
    return count


def _slot(at: datetime) -> datetime:
    """The five minutes that it is in, so that they are told once."""
    return datetime.fromtimestamp(at.timestamp() // EVERY.seconds * EVERY.seconds, at.tzinfo)


def _points(row: VniRange, at: datetime) -> Iterator[Point]:
    def point(metric: Metric, value: int) -> Point:
        return Point(SUBJECT, str(row.pk), metric.key, value, at)

    yield point(USED, row.used)
    if row.is_configured:
        yield point(LOST, row.lost)
        yield point(FREE, row.free)
