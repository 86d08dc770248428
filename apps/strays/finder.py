"""Looking for strays in what the sweeps have read: nothing is asked of a remote here, and nothing is taken away.

A thing is claimed by the row that has its id. What carries the name of a row and not its id is judged only by a reading
that began after all work on that row had ended: until then it may be what is just being made or removed. What belongs
to another stray (the tiers of a VPC, the Netris side of what CloudStack still has) goes with that one, and is no stray
of its own. A list that is stale says nothing, neither that a stray is new nor that it is gone.

Rows that are deleted serve too, until they are forgotten. VPCs and tiers are then still known by the pattern of their
names, as nobody's; domains and accounts are not, so `portal.retention` keeps their rows while they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from apps.accounts.models import Account
from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind, Reading
from apps.netris.names import PREFIX, name_in_cloudstack
from apps.networks.models import Tier, Vpc, lane_of
from apps.operations.models import Operation
from apps.strays import attached
from apps.strays.models import NOUNS, Stray
from apps.zones.models import Zone

OURS = re.compile(r"(vpc|tier)-([0-9a-f]{12})")


@dataclass(frozen=True)
class Row:
    """A row of Weft's, as far as it claims something in a remote."""

    pk: UUID
    lane: str
    is_live: bool
    ids: Mapping[Kind, str | None]
    #: What must be the same for a thing to be taken on.
    cidr: str = ""
    #: A second lane that it stands in.
    beside: str = ""


@dataclass
class Sight:
    """One zone, as it is looked at."""

    zone: Zone
    readings: Mapping[Kind, Reading]
    #: What carries a name like ours and is claimed by no row, with that name.
    unclaimed: dict[Kind, list[tuple[Item, str]]] = field(default_factory=dict)
    #: The rows of these names, deleted ones too.
    rows: dict[str, Row] = field(default_factory=dict)
    #: What Weft attaches to VPCs by itself and no row has, one thing for each name.
    attached: list[Item] = field(default_factory=list)

    def sees(self, kind: Kind) -> bool:
        return not self.readings[kind].is_stale

    @property
    def can_judge_addresses(self) -> bool:
        """The VPC of a new address may be younger than an older list of VPCs."""
        lists = (Kind.NETRIS_ADDRESS, Kind.NETRIS_VPC, Kind.CLOUDSTACK_ADDRESS)
        times = [self.readings[kind].read_at for kind in lists if self.sees(kind)]
        return len(times) == len(lists) and times[0] == min(filter(None, times))

    def read_at(self, item: Item) -> datetime | None:
        return max(filter(None, (item.read_at, self.readings[Kind(item.kind)].read_at)), default=None)


def look(zone: Zone) -> int:
    """Bring the strays of a zone up to date. Gives how many are there."""
    sight = Sight(zone, mirror.readings(zone))
    _gather(sight)
    suspects = _suspects(sight)
    moot = _still_moving(sight, suspects)
    found = [(item, name) for item, name in suspects if item.pk not in moot]
    _note(sight, found)
    _close(sight, {(item.kind, item.remote_id) for item, _ in suspects})
    return Stray.objects.there().filter(zone=zone).count()


def _gather(sight: Sight) -> None:
    """What the mirror has under names like ours and no row claims, and the rows of these names."""
    vpcs = Vpc.unscoped.live().filter(zone=sight.zone)
    tiers = Tier.unscoped.live().filter(vpc__zone=sight.zone)
    for kind, lookup, claims, name_of in (
        (Kind.CLOUDSTACK_VPC, {"name__startswith": "vpc-"}, (vpcs, "cloudstack_id"), lambda item: item.name),
        (Kind.CLOUDSTACK_NETWORK, {"name__startswith": "tier-"}, (tiers, "cloudstack_id"), lambda item: item.name),
        (Kind.NETRIS_VPC, {"key__startswith": "vpc-"}, (vpcs, "netris_id"), lambda item: item.key),
        (Kind.NETRIS_VNET, {"name__contains": "-tier-"}, (tiers, "netris_id"), _name_of_vnet),
    ):
        found = ((item, name_of(item)) for item in _not_of(sight, kind, *claims).filter(**lookup))
        sight.unclaimed[kind] = [(item, name) for item, name in found if OURS.fullmatch(name)]
    sight.rows |= _networks_called({name for found in sight.unclaimed.values() for _, name in found})
    accounts = {account.remote_name: account for account in Account.unscoped.select_related("tenant")}
    live = Account.unscoped.live()
    for kind, column in (
        (Kind.CLOUDSTACK_DOMAIN, "cloudstack_domain_id"),
        (Kind.CLOUDSTACK_ACCOUNT, "cloudstack_account_id"),
    ):
        owners = _not_of(sight, kind, live, column)
        sight.unclaimed[kind] = [(item, item.key) for item in owners if item.key in accounts]
        sight.rows |= {name: _account_row(accounts[name]) for _, name in sight.unclaimed[kind]}
    sight.attached = attached.unclaimed(sight.zone)
    rows = attached.rows_called({item.name for item in sight.attached})
    sight.rows |= {name: _attached_row(row) for name, row in rows.items()}


def _not_of(sight: Sight, kind: Kind, rows: QuerySet[Any], column: str) -> QuerySet[Item]:
    """The items of a list that none of these rows has by its id."""
    claims = rows.annotate(claimed=Cast(column, TextField())).filter(claimed=OuterRef("remote_id"))
    return Item.objects.filter(~Exists(claims), zone=sight.zone, kind=kind)


def _name_of_vnet(item: Item) -> str:
    return name_in_cloudstack(item.name)


def _networks_called(names: Collection[str]) -> dict[str, Row]:
    """The rows of these names, deleted ones too. A name holds the first half of an id."""
    rows: dict[str, Row] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), 500):
        vpcs, tiers = Q(pk__in=()), Q(pk__in=())
        for name in wanted[start : start + 500]:
            kind, _, half = name.partition("-")
            span = Q(pk__range=(UUID(half + "0" * 20), UUID(half + "f" * 20)))
            vpcs, tiers = (vpcs | span, tiers) if kind == "vpc" else (vpcs, tiers | span)
        for vpc in Vpc.unscoped.filter(vpcs):
            ids = {Kind.CLOUDSTACK_VPC: _text(vpc.cloudstack_id), Kind.NETRIS_VPC: _text(vpc.netris_id)}
            rows[vpc.remote_name] = Row(vpc.pk, vpc.lane, vpc.is_live, ids, str(vpc.cidr))
        for tier in Tier.unscoped.filter(tiers):
            ids = {Kind.CLOUDSTACK_NETWORK: _text(tier.cloudstack_id), Kind.NETRIS_VNET: _text(tier.netris_id)}
            rows[tier.remote_name] = Row(tier.pk, lane_of(tier.vpc_id), tier.is_live, ids, str(tier.cidr))
    return rows


def _account_row(account: Account) -> Row:
    ids = {
        Kind.CLOUDSTACK_DOMAIN: _text(account.cloudstack_domain_id),
        Kind.CLOUDSTACK_ACCOUNT: _text(account.cloudstack_account_id),
    }
    return Row(account.pk, f"account:{account.pk}", account.is_live, ids)


def _attached_row(row: Any) -> Row:
    lane, *beside = attached.lanes_of(row)
    return Row(row.pk, lane, row.is_live, attached.ids_of(row), beside="".join(beside))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _suspects(sight: Sight) -> list[tuple[Item, str]]:
    """What no row claims, without what goes with another of them."""
    vpcs, tiers = sight.unclaimed[Kind.CLOUDSTACK_VPC], sight.unclaimed[Kind.CLOUDSTACK_NETWORK]
    twins, vnets = sight.unclaimed[Kind.NETRIS_VPC], sight.unclaimed[Kind.NETRIS_VNET]
    domains, accounts = sight.unclaimed[Kind.CLOUDSTACK_DOMAIN], sight.unclaimed[Kind.CLOUDSTACK_ACCOUNT]
    here, named = {item.remote_id for item, _ in vpcs}, {name for _, name in vpcs}
    there, tier_names = {item.remote_id for item, _ in twins}, {name for _, name in tiers}
    owners = {item.remote_id for item, _ in domains}
    found = [
        *vpcs,
        *((item, name) for item, name in tiers if item.key not in here),
        *((item, name) for item, name in twins if name not in named),
        *((item, name) for item, name in vnets if name not in tier_names and _vpc_of(item) not in there),
        *domains,
        *((item, name) for item, name in accounts if item.data.get("domainid") not in owners),
        *((item, "") for item in _addresses(sight)),
        *((item, item.name) for item in sight.attached),
    ]
    return [(item, name) for item, name in found if sight.sees(Kind(item.kind))]


def _vpc_of(item: Item) -> str:
    return str((item.data.get("vpc") or {}).get("id", ""))


def _addresses(sight: Sight) -> list[Item]:
    """The plugin's /32 in the System VPC whose VPC is gone from Netris, of addresses that nothing in CloudStack has.
    Their names tell no more: whether Weft made that VPC is not known."""
    if not sight.can_judge_addresses:
        return []
    items = Item.objects.filter(zone=sight.zone)
    names = items.filter(kind=Kind.NETRIS_VPC).values_list("name", flat=True)
    prefixes = {match[0] for name in names if (match := PREFIX.match(name))}
    taken = items.filter(kind=Kind.CLOUDSTACK_ADDRESS).exclude(data__state="Free")
    held = set(taken.values_list("name", flat=True))
    addresses = items.filter(kind=Kind.NETRIS_ADDRESS)
    return [
        item
        for item in addresses
        if (match := PREFIX.match(item.name)) and match[0] not in prefixes and item.key not in held
    ]


def _still_moving(sight: Sight, suspects: Iterable[tuple[Item, str]]) -> set[int]:
    """Those whose row is being worked on, or was when their list was read. Without a row it is any in the zone."""
    rows = [row for _, name in suspects if (row := sight.rows.get(name))]
    mine = Operation.unscoped.all().in_lanes({lane for row in rows for lane in (row.lane, row.beside) if lane})
    live = {lane for lanes in mine.live().values_list("lane", "beside") for lane in lanes}
    ended: dict[str, datetime] = {}
    done = mine.exclude(finished_at=None).order_by()
    for *lanes, at in done.values_list("lane", "beside").annotate(Max("finished_at")):
        ended |= {lane: max(at, ended.get(lane, at)) for lane in lanes}
    everywhere = Operation.unscoped.filter(zone=sight.zone)
    is_busy = everywhere.live().exclude(kind__in=("removal", "adoption", "reconnect")).exists()
    last = everywhere.aggregate(last=Max("finished_at"))["last"]
    moving = set()
    for item, name in suspects:
        row, read_at = sight.rows.get(name), sight.read_at(item)
        if row:
            lanes = [lane for lane in (row.lane, row.beside) if lane]
            moves = any(lane in live for lane in lanes)
            since = max((ended[lane] for lane in lanes if lane in ended), default=None)
        else:
            moves, since = is_busy, last
        if moves or read_at is None or (since is not None and read_at <= since):
            moving.add(item.pk)
    return moving


def _note(sight: Sight, found: Iterable[tuple[Item, str]]) -> None:
    known = {(stray.kind, stray.remote_id): stray for stray in Stray.objects.filter(zone=sight.zone)}
    for item, name in found:
        row, now = sight.rows.get(name), clock.now()
        stray = known.get((item.kind, item.remote_id)) or Stray(
            zone=sight.zone, kind=item.kind, remote_id=item.remote_id, created_at=now
        )
        if stray.gone_at is not None:
            stray.created_at, stray.gone_at = now, None
        stray.name, stray.remote_name, stray.facts = item.name, name, _facts(item)
        stray.row_id, stray.row_lock = (row.pk, row.lane) if row else (None, "")
        stray.is_double = row is not None and row.is_live and _is_listed(sight, Kind(item.kind), row)
        stray.why_not_adopt = _why_not_adopt(item, row, is_double=stray.is_double)
        stray.last_seen = sight.read_at(item) or now
        stray.save()


def _is_listed(sight: Sight, kind: Kind, row: Row) -> bool:
    """The row's own thing is there as well."""
    own = row.ids.get(kind)
    return own is not None and Item.objects.filter(zone=sight.zone, kind=kind, remote_id=own).exists()


def _why_not_adopt(item: Item, row: Row | None, *, is_double: bool) -> str:
    adoptable = (Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VPC, Kind.NETRIS_VNET)
    if Kind(item.kind) not in adoptable or attached.is_attached(item.name):
        return "Only VPCs and tiers can be adopted."
    if row is None or not row.is_live:
        return "No row of Weft's is left that could take it."
    if is_double:
        return "Its row has its own, which is there."
    if item.data.get("cidr") not in (None, row.cidr):
        return f"Its CIDR is {item.data['cidr']}, and its row's is {row.cidr}."
    return ""


def _facts(item: Item) -> dict[str, Any]:
    """What people need to see of it."""
    told = {name: item.data.get(name) for name in ("cidr", "state", "account", "vxlan_id", "prefix", "path")}
    if attached.is_attached(item.name):
        told |= {side: (item.data.get(side) or {}).get("name") for side in ("vpc", "a", "b")}
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def _close(sight: Sight, suspected: Collection[tuple[str, str]]) -> None:
    """What is no longer listed, or has been claimed, is a stray no more."""
    kinds = [kind for kind in NOUNS if sight.sees(kind)]
    if Kind.NETRIS_ADDRESS in kinds and not sight.can_judge_addresses:
        kinds.remove(Kind.NETRIS_ADDRESS)
    for stray in Stray.objects.there().filter(zone=sight.zone, kind__in=kinds):
        if (stray.kind, stray.remote_id) not in suspected and not Operation.unscoped.live().about(stray).exists():
            Stray.objects.filter(pk=stray.pk).update(gone_at=clock.now())
