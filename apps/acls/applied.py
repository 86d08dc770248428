"""Whether both systems still have the lists of the tiers: what the sweeps have read, compared where it is news.

    seen in the mirror                              the list of the tier is
    the tier has another list in CloudStack         not applied
    other items in its list than Weft's             not applied
    another set of rules on Netris, or a guard      not applied
    no machine of the tier has run                  not known: nothing is on Netris, and nothing need be

A row remembers in `mark` what it was compared with, so that only what has changed costs more than a date. Whatever an
operation on it ends empties that, and moves `compared_at`: what was read before says nothing of it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.db.models import Count, Max, Q

from apps.acls.fabric import RuleName, read_back
from apps.acls.items import items_of
from apps.acls.lists import as_row, guards_of, item_in, number_in
from apps.acls.models import TierAcl, TierAclQuerySet
from apps.acls.rules import in_force
from apps.cloudstack.wire import AclItem, Network
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import Acl as FabricRule
from apps.operations.provisioned import Status
from apps.zones.models import Zone

#: What is compared. The V-Nets tell the tiers' numbers, which never change.
KINDS = (Kind.CLOUDSTACK_NETWORK, Kind.CLOUDSTACK_ACL, Kind.NETRIS_ACL)
BATCH = 500


def compare(zone: Zone, rows: TierAclQuerySet) -> int:
    """Compare those of the rows, all of this zone, that were not since the lists were read. Gives how many these were.
    None while a list is too old to go by."""
    readings = [reading for kind, reading in mirror.readings(zone).items() if kind in KINDS]
    times = [reading.read_at for reading in readings if reading.read_at and not reading.is_stale]
    if len(times) < len(KINDS):
        return 0
    at = min(times)
    settled = rows.filter(status=Status.READY, acl__status=Status.READY, tier__status=Status.READY)
    # Rules whose time is over are about to leave their list.
    due = settled.filter(_is_older(at)).exclude(acl__next_expiry_at__lte=at)
    count, last = 0, None
    while batch := list(
        (due if last is None else due.filter(pk__gt=last)).select_related("acl", "tier__vpc").order_by("pk")[:BATCH]
    ):
        _compare(zone, rows, batch, at)
        count, last = count + len(batch), batch[-1].pk
    return count


def _is_older(at: datetime) -> Q:
    return Q(compared_at=None) | Q(compared_at__lt=at)


def _compare(zone: Zone, rows: TierAclQuerySet, batch: Sequence[TierAcl], at: datetime) -> None:
    marks = _marks(zone, batch)
    # Whoever has begun or ended an operation meanwhile knows better.
    ours = rows.filter(_is_older(at), status=Status.READY)
    same = [row.pk for row in batch if row.mark == marks[row.pk]]
    ours.filter(pk__in=same).update(read_at=at, compared_at=at)
    news = [row for row in batch if row.mark != marks[row.pk]]
    if news:
        picture = _Picture.of(zone, news)
        for row in news:
            values = {"is_applied": picture.is_applied(row, at), "mark": marks[row.pk]}
            ours.filter(pk=row.pk).update(read_at=at, compared_at=at, **values)


def _marks(zone: Zone, rows: Iterable[TierAcl]) -> dict[Any, str]:
    """By the rows' ids. What a list loses is seen by its count, what it gets by the time. Three queries."""
    rules = _told(zone, Kind.NETRIS_ACL, "key", (row.tier.vpc.netris_id for row in rows))
    items = _told(zone, Kind.CLOUDSTACK_ACL, "key", (row.cloudstack_id for row in rows))
    networks = _told(zone, Kind.CLOUDSTACK_NETWORK, "remote_id", (row.tier.cloudstack_id for row in rows))
    marks = {}
    for row in rows:
        said = (
            row.acl_id,
            row.acl.version,
            row.acl.site_default,
            row.cloudstack_id,
            rules.get(str(row.tier.vpc.netris_id)),
            items.get(str(row.cloudstack_id)),
            networks.get(str(row.tier.cloudstack_id)),
        )
        marks[row.pk] = blake2b(repr(said).encode(), digest_size=16).hexdigest()
    return marks


def _told(zone: Zone, kind: Kind, column: str, values: Iterable[object]) -> dict[str, tuple[int, str]]:
    wanted = {str(value) for value in values if value is not None}
    found = Item.objects.filter(zone=zone, kind=kind, **{f"{column}__in": wanted}).order_by().values(column)
    told = found.annotate(count=Count("pk"), at=Max("changed_at"))
    return {each[column]: (each["count"], each["at"].isoformat()) for each in told}


@dataclass(frozen=True)
class _Picture:
    """What the mirror has of some tiers."""

    networks: Mapping[str, Network]
    items: Mapping[str, Sequence[AclItem]]
    rules: Mapping[str, Sequence[FabricRule]]
    #: By the tiers' ids in Netris.
    vnets: Mapping[str, str]

    @classmethod
    def of(cls, zone: Zone, rows: Sequence[TierAcl]) -> _Picture:
        """Four queries."""
        listed = Item.objects.filter(zone=zone)
        networks = listed.filter(
            kind=Kind.CLOUDSTACK_NETWORK, remote_id__in=[str(row.tier.cloudstack_id) for row in rows]
        )
        vnets = listed.filter(kind=Kind.NETRIS_VNET, remote_id__in=[str(row.tier.netris_id) for row in rows])
        return cls(
            {item.remote_id: SWEEPS[Kind.CLOUDSTACK_NETWORK].row_of(item.data) for item in networks},
            _by_key(listed, Kind.CLOUDSTACK_ACL, (row.cloudstack_id for row in rows)),
            _by_key(listed, Kind.NETRIS_ACL, (row.tier.vpc.netris_id for row in rows)),
            dict(vnets.values_list("remote_id", "name")),
        )

    def is_applied(self, row: TierAcl, at: datetime) -> bool | None:
        network = self.networks.get(str(row.tier.cloudstack_id))
        number = number_in(self.vnets.get(str(row.tier.netris_id), ""), row.tier)
        if network is None:
            return None
        acl = row.acl
        wanted = items_of(in_force(acl.written, at), denies_rest=acl.denies_rest and acl.site.wants_deny_all)
        if row.cloudstack_id is not None and not self._is_in_cloudstack(row, network, {item.key for item in wanted}):
            return False
        if network.state != "Implemented" or number is None:
            return None
        rules = self.rules.get(str(row.tier.vpc.netris_id), ())
        if any(rule.name in guards_of(row) for rule in rules):
            return False
        named = [(rule, RuleName.parse(rule.name)) for rule in rules]
        theirs = [as_row(rule) for rule, name in named if name and name.network == number]
        return read_back(wanted, row.tier.cidr, theirs).is_applied

    def _is_in_cloudstack(self, row: TierAcl, network: Network, wanted: set[str]) -> bool:
        there = self.items.get(str(row.cloudstack_id), ())
        keys = {item.key for each in there if each.is_active and (item := item_in(each))}
        return network.aclid == str(row.cloudstack_id) and len(there) == len(wanted) and keys == wanted


def _by_key(listed: Any, kind: Kind, keys: Iterable[object]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in listed.filter(kind=kind, key__in={str(key) for key in keys if key is not None}):
        found.setdefault(item.key, []).append(SWEEPS[kind].row_of(item.data))
    return found
