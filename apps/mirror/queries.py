"""Reading the mirror. Each function says how many queries it costs; none of them calls a remote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, Func, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Greatest, NullIf

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


class Hint(NamedTuple):
    """Under which ids the remote listed something last. Whoever acts on it asks about these ids first."""

    remote_ids: tuple[str, ...]
    read_at: datetime | None

    def is_later_than(self, moment: datetime) -> bool:
        """The list was asked for after that: what is not in it was not there then."""
        return self.read_at is not None and self.read_at > moment


def hint(zone: Zone, kind: Kind, key: object) -> Hint:
    """Two queries."""
    read_at = Reading.objects.filter(zone=zone, kind=kind).values_list("read_at", flat=True).first()
    found = Item.objects.filter(zone=zone, kind=kind, key=str(key)).order_by("remote_id")
    return Hint(tuple(found.values_list("remote_id", flat=True)), read_at)


class NetworkState(NamedTuple):
    """What CloudStack said of a network: "Implemented" works, "Allocated" sleeps until a machine starts in it."""

    state: str
    read_at: datetime | None


def network_states(cloudstack_ids: Iterable[UUID | str]) -> dict[str, NetworkState]:
    """The states of these networks, whatever their zones. One that CloudStack does not list is left out. One query."""
    wanted = {str(network_id) for network_id in cloudstack_ids}
    listed_at = Reading.objects.filter(zone=OuterRef("zone"), kind=OuterRef("kind")).values("read_at")
    rows = (
        Item.objects.filter(kind=Kind.CLOUDSTACK_NETWORK, remote_id__in=wanted)
        .annotate(seen_at=Greatest("read_at", Subquery(listed_at)))  # PostgreSQL's passes over NULL
        .values_list("remote_id", "data__state", "seen_at")
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


VNI_LISTS = (Kind.CLOUDSTACK_POOL, Kind.CLOUDSTACK_VNI, Kind.CLOUDSTACK_NETWORK)


def vni_pools(zones: Iterable[Zone]) -> dict[UUID, VniPool]:
    """How far the VNIs of each zone reach, by the zone's id. A number that was first seen after the networks were read
    counts as in use, as its network may be new. Five queries, however many zones."""
    wanted = [zone.pk for zone in zones]
    lists = {(row.zone_id, row.kind): row for row in Reading.objects.filter(zone__in=wanted, kind__in=VNI_LISTS)}
    sizes: Counter[UUID] = Counter()
    for item in Item.objects.filter(zone__in=wanted, kind=Kind.CLOUDSTACK_POOL):
        sizes[item.zone_id] += sum(map(len, SWEEPS[Kind.CLOUDSTACK_POOL].row_of(item.data).vnis))
    networks_read_at = Reading.objects.filter(zone=OuterRef("zone"), kind=Kind.CLOUDSTACK_NETWORK).values("read_at")
    taken = Item.objects.filter(zone__in=wanted, kind=Kind.CLOUDSTACK_VNI)
    settled = taken.filter(changed_at__lte=Subquery(networks_read_at))
    # Two counts: as a condition of rows PostgreSQL joins both lists, as one of a count it compares each with each.
    lost = Counter(_by_zone(settled))
    lost.subtract(_by_zone(settled.filter(_is_held())))
    all_taken = _by_zone(taken)
    return {
        zone: _pool([lists.get((zone, kind)) for kind in VNI_LISTS], sizes[zone], all_taken.get(zone, 0), lost[zone])
        for zone in wanted
    }


def _pool(lists: Sequence[Reading | None], size: int, taken: int, lost: int) -> VniPool:
    ages = [each.read_at for each in lists if each is not None and each.read_at is not None]
    return VniPool(
        size=size,
        in_use=taken - lost,
        lost=lost,
        read_at=min(ages) if len(ages) == len(lists) else None,
        is_stale=any(each is None or each.is_stale for each in lists),
    )


def _by_zone(rows: QuerySet[Item]) -> dict[UUID, int]:
    return dict(rows.order_by().values_list("zone").annotate(Count("pk")))


def _is_held() -> Exists:
    """That a network of the zone holds the number. Tiers keep theirs in a detail while they sleep; what is no network
    of Netris has it in its URI alone."""
    detail = Cast(KeyTextTransform("netrisvxlanid", KeyTransform("details", "data")), TextField())
    uri = KeyTextTransform("broadcasturi", "data")
    in_uri = Func(uri, Value("://"), Value(2), function="split_part", output_field=TextField())
    number = Coalesce(NullIf(detail, Value("")), in_uri, output_field=TextField())
    networks = Item.objects.filter(zone=OuterRef("zone"), kind=Kind.CLOUDSTACK_NETWORK)
    return Exists(networks.annotate(number=number).filter(number=OuterRef("key")))
