"""What VPCs of tenants have of their own in Netris' IPAM, for the survey of subnets: an allocation for each, and in it
a subnet for each of its tiers. CloudStack's plugin makes and removes them.

Of tens of thousands of VPCs those alone are looked at of which something was written since, or that are called
differently now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apps.fabric.models import Owner, SurveyedSubnet
from apps.mirror import queries as mirror
from apps.netris.wire import Block
from apps.networks.models import Vpc
from apps.zones.models import Zone


class Named(NamedTuple):
    """Weft's VPC, and what it and its tenant are called."""

    vpc_id: UUID | None
    whose: str


NOBODY = Named(None, "")


@dataclass
class _Held:
    """A VPC of Netris': its allocations by what stands for their ids, and when the last of them was written."""

    allocations: set[str] = field(default_factory=set)
    changed_at: datetime | None = None


def owners(zone: Zone) -> Mapping[int, Named | None]:
    """Whose VPCs are, by their ids in Netris; None for what another zone of the same Netris tells. One query."""
    rows = Vpc.unscoped.live().filter(zone__netris_url=zone.netris_url)
    found: dict[int, Named | None] = {}
    for pk, zone_id, netris_id, name, tenant in rows.values_list("pk", "zone_id", "netris_id", "name", "tenant__name"):
        if netris_id is not None:
            found[netris_id] = Named(pk, f"{name} of {tenant}"[:255]) if zone_id == zone.pk else None
    return found


def differing(zone: Zone, owned: Mapping[int, Named | None], since: datetime | None) -> list[int]:
    """The VPCs of Netris' whose rows are to be written anew. Two queries."""
    listed: defaultdict[int, _Held] = defaultdict(_Held)
    for remote_id, vpc_id, changed_at in mirror.range_keys(zone):
        if owned.get(vpc_id, NOBODY) is not None:
            held = listed[vpc_id]
            held.allocations.add(f"allocation-{remote_id}")
            held.changed_at = max(held.changed_at or changed_at, changed_at)
    known: defaultdict[int, set[str]] = defaultdict(set)
    called: dict[int, Named] = {}
    ours = SurveyedSubnet.objects.of_vpcs().filter(zone=zone, type="allocation")
    for name, netris_vpc, vpc, whose in ours.values_list("remote_id", "netris_vpc_id", "vpc_id", "whose"):
        if netris_vpc is not None:
            known[netris_vpc].add(name)
            called[netris_vpc] = Named(vpc, whose)
    return [
        vpc_id
        for vpc_id in listed.keys() | known.keys()
        if since is None
        or known.get(vpc_id) != listed[vpc_id].allocations
        or called[vpc_id] != owned.get(vpc_id, NOBODY)
        or (listed[vpc_id].changed_at or since) >= since
    ]


def blocks(
    zone: Zone, owned: Mapping[int, Named | None], vpc_ids: Iterable[int]
) -> Iterator[tuple[Block, dict[str, object]]]:
    """What these have, and what their rows say of whose they are. One query."""
    for allocation in mirror.ranges(zone, vpc_ids):
        vpc_id = allocation.vpc.id
        named = NOBODY if vpc_id is None else owned.get(vpc_id, NOBODY)
        if named is not None:
            facts = {
                "owner": Owner.TENANT if named.vpc_id else Owner.NOBODY,
                "netris_vpc_id": vpc_id,
                "netris_vpc": allocation.vpc.name[:255],
                **named._asdict(),
            }
            for block in Block.of(allocation):
                yield block, facts
