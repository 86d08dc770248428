"""What a hypervisor carries: its instances, and by their NICs the tiers, with their VNIs and whose they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind
from apps.mirror.sweeps import SWEEPS
from apps.networks.models import Tier
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

#: More than a hypervisor runs.
MOST = 500


@dataclass(frozen=True)
class Segment:
    """A network of CloudStack's that the hypervisor ends, and Weft's tier where it is one."""

    name: str
    vni: int | None
    tier: Tier | None
    instances: int


@dataclass(frozen=True)
class Carried:
    segments: Sequence[Segment]
    instances: int
    has_more: bool
    read_at: datetime | None
    fresh_for: int

    @property
    def is_stale(self) -> bool:
        return self.read_at is None or clock.now() - self.read_at > timedelta(seconds=self.fresh_for)

    @property
    def tenants(self) -> int:
        return len({segment.tier.tenant_id for segment in self.segments if segment.tier})


def carried_by(by: Platform, zone: Zone, host_id: str) -> Carried:
    """By the instances that run there, as CloudStack listed them. Four queries."""
    kind = Kind.CLOUDSTACK_INSTANCE
    here = Item.objects.filter(zone=zone, kind=kind, data__contains={"hostid": host_id}).order_by("remote_id")
    found = [SWEEPS[kind].row_of(data) for data in here.values_list("data", flat=True)[: MOST + 1]]
    count = Counter(nic.networkid for instance in found[:MOST] for nic in instance.nic if nic.networkid)
    listed = mirror.rows_by_id(Kind.CLOUDSTACK_NETWORK, [(zone.pk, network) for network in count])
    networks = {remote_id: network for (_, remote_id), network in listed.items()}
    held = Tier.objects.across(by).live().filter(cloudstack_id__in=count, vpc__zone=zone)
    tiers = {str(tier.cloudstack_id): tier for tier in held.select_related("tenant", "vpc")}
    segments = [
        Segment(
            tiers[each].name if each in tiers else networks[each].name if each in networks else each,
            networks[each].vni if each in networks else None,
            tiers.get(each),
            instances,
        )
        for each, instances in count.items()
    ]
    segments.sort(key=lambda each: (each.tier is None, each.tier.tenant.name if each.tier else "", each.name))
    read_at = mirror.reading(zone, kind).read_at
    return Carried(segments, min(len(found), MOST), len(found) > MOST, read_at, int(kind.fresh_for.total_seconds()))
