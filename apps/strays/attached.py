"""What Weft itself makes on Netris and attaches to VPCs: virtual interfaces of Direct Connect, and peerings.

It is called `weft-dc-...` or `weft-peering-...` after the row that it is of, with all of the row's id. CloudStack knows
nothing of it, and no stray of the plugin's is ever called like this.

What is made for one row has one name, and goes together: the session, the V-Net, the subnet and its allocation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from apps.directconnect.models import Interface
from apps.mirror.models import Item, Kind
from apps.networks.models import lane_of
from apps.peering.models import Peering
from apps.zones.models import Zone

NAMED = re.compile(r"weft-(dc|peering)-([0-9a-f]{32})")


@dataclass(frozen=True)
class Owner:
    """Whose rows a name is of, and by which columns they claim what is listed; what goes first is what a stray is
    known by."""

    model: Any
    columns: Mapping[Kind, str]


OWNERS = {
    "dc": Owner(
        Interface,
        {Kind.NETRIS_SESSION: "ebgp_id", Kind.NETRIS_VNET: "vnet_id", Kind.NETRIS_RANGE: "allocation_id"},
    ),
    "peering": Owner(Peering, {Kind.NETRIS_PEERING: "netris_id"}),
}


def is_attached(name: str) -> bool:
    return NAMED.fullmatch(name) is not None


def unclaimed(zone: Zone) -> list[Item]:
    """What no row has by its id: of each name what goes first."""
    return list({item.name: item for item in reversed([*_unclaimed(zone)])}.values())


def _unclaimed(zone: Zone) -> Iterator[Item]:
    for word, owner in OWNERS.items():
        rows = owner.model.unscoped.live().filter(vpc__zone=zone)
        for kind, column in owner.columns.items():
            claims = rows.annotate(claimed=Cast(column, TextField())).filter(claimed=OuterRef("remote_id"))
            found = Item.objects.filter(~Exists(claims), zone=zone, kind=kind, name__startswith=f"weft-{word}-")
            yield from (item for item in found.order_by("remote_id") if is_attached(item.name))


def rows_called(names: Collection[str]) -> dict[str, Any]:
    """The rows of these names, deleted ones too."""
    wanted: dict[str, list[UUID]] = {}
    for match in filter(None, map(NAMED.fullmatch, names)):
        wanted.setdefault(match[1], []).append(UUID(match[2]))
    found = [row for word, ids in wanted.items() for row in OWNERS[word].model.unscoped.filter(pk__in=ids)]
    return {row.remote_name: row for row in found}


def lanes_of(row: Any) -> Sequence[str]:
    """What joins two VPCs stands in the lanes of both."""
    vpcs = (row.vpc_id, row.peer_vpc_id) if isinstance(row, Peering) else (row.vpc_id,)
    return [lane_of(vpc_id) for vpc_id in vpcs if vpc_id is not None]


def ids_of(row: Any) -> dict[Kind, str | None]:
    owner = next(each for each in OWNERS.values() if isinstance(row, each.model))
    values = {kind: getattr(row, column) for kind, column in owner.columns.items()}
    return {kind: None if value is None else str(value) for kind, value in values.items()}
