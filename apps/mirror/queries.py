"""Reading the mirror. Each function says how many queries it costs; none of them calls a remote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, NullIf

from apps.cloudstack.wire import PhysicalNetwork
from apps.kernel.remote import Wire
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import Device, EBgp, Link
from apps.zones.models import Zone

__all__ = ["Device", "EBgp", "Link", "NetworkState", "Presence", "items", "network_states", "presence", "readings"]


def items(zone: Zone, kind: Kind) -> list[Wire]:
    """The rows of a list as the client's types, by name. One query."""
    return SWEEPS[kind].rows_of(Item.objects.filter(zone=zone, kind=kind).order_by("name", "remote_id"))


def devices(zone: Zone) -> list[Device]:
    return [row for row in items(zone, Kind.NETRIS_DEVICE) if isinstance(row, Device)]


def links(zone: Zone) -> list[Link]:
    return [row for row in items(zone, Kind.NETRIS_LINK) if isinstance(row, Link)]


def bgp_sessions(zone: Zone) -> list[EBgp]:
    return [row for row in items(zone, Kind.NETRIS_BGP) if isinstance(row, EBgp)]


def readings(zone: Zone) -> dict[Kind, Reading]:
    """How old each list is and whether it could be read; one that was never tried is there too, unsaved. One query."""
    known = {Kind(reading.kind): reading for reading in Reading.objects.filter(zone=zone)}
    return {kind: known.get(kind) or Reading(zone=zone, kind=kind) for kind in Kind}


def reading(zone: Zone, kind: Kind) -> Reading:
    """One query."""
    return Reading.objects.filter(zone=zone, kind=kind).first() or Reading(zone=zone, kind=kind)


class NetworkState(NamedTuple):
    """What CloudStack said of a network: "Implemented" works, "Allocated" sleeps until a machine starts in it."""

    state: str
    read_at: datetime | None


def network_states(cloudstack_ids: Iterable[UUID | str]) -> dict[str, NetworkState]:
    """The states of these networks, whatever their zones. One that CloudStack does not list is left out. One query."""
    wanted = {str(network_id) for network_id in cloudstack_ids}
    read_at = Reading.objects.filter(zone=OuterRef("zone"), kind=OuterRef("kind")).values("read_at")
    rows = (
        Item.objects.filter(kind=Kind.CLOUDSTACK_NETWORK, remote_id__in=wanted)
        .annotate(read_at=Subquery(read_at))
        .values_list("remote_id", "data__state", "read_at")
    )
    return {remote_id: NetworkState(state or "", at) for remote_id, state, at in rows}


@dataclass(frozen=True)
class Presence:
    """Which of the objects asked about the remote listed last, and how far that may be believed."""

    present: frozenset[str]
    read_at: datetime | None
    is_stale: bool
    error: str

    def __contains__(self, remote_id: object) -> bool:
        return str(remote_id) in self.present


def presence(zone: Zone, kind: Kind, remote_ids: Iterable[object]) -> Presence:
    """`7 in presence(zone, Kind.NETRIS_VNET, [7, 8])`. Absent means nothing while the list was never read. 1 query."""
    wanted = {str(remote_id) for remote_id in remote_ids} or {""}  # no id: nothing is found, the age still is
    listed = Item.objects.filter(zone=OuterRef("zone"), kind=OuterRef("kind"), remote_id__in=wanted)
    with_present = Reading.objects.annotate(present=ArraySubquery(listed.values("remote_id")))
    found = with_present.filter(zone=zone, kind=kind).first()
    if found is None:
        return Presence(frozenset(), None, is_stale=True, error="")
    present: list[str] = found.present  # type: ignore[attr-defined]  # the annotation above
    return Presence(frozenset(present), found.read_at, found.is_stale, found.error)


@dataclass(frozen=True)
class VniPool:
    """How many VNIs of a zone's pools are what. `read_at` is the age of the oldest of the three lists that tell it.

    CloudStack never gives a number back: one that no network has any more is lost for good, and no new tier will get it
    (CloudStack 4.22 with its Netris plugin).
    """

    size: int
    in_use: int
    lost: int
    read_at: datetime | None
    is_stale: bool

    @property
    def free(self) -> int:
        return max(self.size - self.in_use - self.lost, 0)


EVER = datetime.min.replace(tzinfo=UTC)
VNI_LISTS = (Kind.CLOUDSTACK_POOL, Kind.CLOUDSTACK_VNI, Kind.CLOUDSTACK_NETWORK)


def vni_pool(zone: Zone) -> VniPool:
    """How far the zone's VNIs reach. A number that was first seen after the networks were read counts as in use, as its
    network may be new. Three queries."""
    known = readings(zone)
    lists = [known[kind] for kind in VNI_LISTS]
    ages = [each.read_at or EVER for each in lists]
    pools = [row.vnis for row in items(zone, Kind.CLOUDSTACK_POOL) if isinstance(row, PhysicalNetwork)]
    settled = Q(changed_at__lte=known[Kind.CLOUDSTACK_NETWORK].read_at or EVER)
    found = Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_VNI).aggregate(
        taken=Count("pk"),
        settled=Count("pk", filter=settled),
        held=Count("pk", filter=settled & Q(key__in=_held_numbers(zone))),
    )
    lost = found["settled"] - found["held"]
    return VniPool(
        size=sum(len(numbers) for pool in pools for numbers in pool),
        in_use=found["taken"] - lost,
        lost=lost,
        read_at=None if EVER in ages else min(ages),
        is_stale=any(each.is_stale for each in lists),
    )


def _held_numbers(zone: Zone) -> QuerySet[Any, Any]:
    """The number that each network holds, as text. Tiers keep theirs in a detail while they sleep; what is no network
    of Netris has it in its URI alone."""
    detail = Cast(KeyTextTransform("netrisvxlanid", KeyTransform("details", "data")), TextField())
    uri = KeyTextTransform("broadcasturi", "data")
    in_uri = Func(uri, Value("://"), Value(2), function="split_part", output_field=TextField())
    networks = Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_NETWORK)
    return networks.annotate(number=Coalesce(NullIf(detail, Value("")), in_uri, output_field=TextField())).values(
        "number"
    )
