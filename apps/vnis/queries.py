"""What the ledger says, for pages and the API. Each function says how many queries it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.mirror.models import Reading
from apps.vnis.feed import LISTS
from apps.vnis.models import VniRange
from apps.zones.models import System, Zone


@dataclass(frozen=True)
class Freshness:
    """`read_at` is that of the oldest of the lists that the ledger is written from; None while one was never read."""

    read_at: datetime | None = None
    is_stale: bool = True

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Freshness:
        read = list(readings)
        ages = [each.read_at for each in read if each.read_at is not None]
        if len(ages) < len(LISTS):
            return cls()
        return cls(min(ages), any(each.is_stale for each in read))


def freshness(zones: Iterable[Zone]) -> dict[UUID, Freshness]:
    """By the zone's id. One query."""
    wanted = [zone.pk for zone in zones]
    found: defaultdict[UUID, list[Reading]] = defaultdict(list)
    for reading in Reading.objects.filter(zone__in=wanted, kind__in=LISTS):
        found[reading.zone_id].append(reading)
    return {zone: Freshness.of(found[zone]) for zone in wanted}


@dataclass(frozen=True)
class VniPool:
    """How many VNIs of what CloudStack hands out in a zone are what."""

    size: int
    in_use: int
    lost: int
    free: int
    read_at: datetime | None
    is_stale: bool


def pools(zones: Iterable[Zone]) -> dict[UUID, VniPool]:
    """By the zone's id. Two queries, however many zones."""
    wanted = list(zones)
    fresh = freshness(wanted)
    found: defaultdict[UUID, list[VniRange]] = defaultdict(list)
    for each in VniRange.objects.filter(zone__in=wanted, system=System.CLOUDSTACK):
        found[each.zone_id].append(each)
    return {
        zone.pk: VniPool(
            size=sum(each.size for each in found[zone.pk]),
            in_use=sum(each.used for each in found[zone.pk]),
            lost=sum(each.lost for each in found[zone.pk]),
            free=sum(each.free for each in found[zone.pk]),
            read_at=fresh[zone.pk].read_at,
            is_stale=fresh[zone.pk].is_stale,
        )
        for zone in wanted
    }
