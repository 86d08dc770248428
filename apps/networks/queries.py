"""What pages read about VPCs. Each function costs the same number of queries however many rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, ip_network
from typing import Any, cast
from uuid import UUID

from django.core.paginator import Page
from django.db import connection
from django.db.models import Count, F, Func, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast, Coalesce

from apps.accounts.models import Account
from apps.kernel import clock
from apps.mirror.models import Kind, Reading
from apps.mirror.queries import network_states
from apps.networks import attention
from apps.networks.addressing import SUGGESTED, Span, first_gap, span_of
from apps.networks.agreement import ALLOCATED
from apps.networks.filters import VpcFilter
from apps.networks.models import StaticRoute, Tier, TierQuerySet, Vpc, VpcQuerySet, lane_of
from apps.operations.models import Operation, OperationQuerySet
from apps.operations.provisioned import Status
from apps.operations.state import ENDED_BADLY, Phase
from apps.quotas.queries import Quotas
from apps.quotas.resources import TIER
from apps.tenancy.models import Tenant
from apps.zones.models import Remote, Zone

#: How each sorting reads in SQL. Names and ages follow an index; `id` makes every order a total one.
SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
    "cidr": ("cidr", "id"),
    "-cidr": ("-cidr", "-id"),
}
DEFAULT_SORT = "name"
#: The columns of a VPC that a line of the list shows.
COLUMNS = ("pk", "name", "description", "status", "created_at", "zone_id")
#: Addresses as they are written: to read them as numbers, only to write them again, takes longer than their query.
WRITTEN = {"range": Cast("cidr", TextField()), "egress": Func("egress_ip", function="host", output_field=TextField())}
#: How many different ranges are looked through for a gap.
LOOKED_THROUGH = 200
#: How many overlapping VPCs are named before the others are only counted.
NAMED = 5
#: How far they are counted.
MOST_OVERLAPS = 1000
RECENTLY = timedelta(days=1)
#: What leads into a tier, its `tier`, and goes with it. Other apps add theirs in `AppConfig.ready`.
LEADING: list[type[Any]] = [StaticRoute]
#: How many operations and audit entries the page of a VPC shows.
SHOWN = 25


def readings_of(tenant: Tenant, kind: Kind) -> list[Reading]:
    """How old a list is in each zone that the tenant has a VPC in. One query."""
    zones = Vpc.objects.of(tenant).live().order_by().values("zone")
    return list(Reading.objects.filter(kind=kind, zone__in=zones).select_related("zone").order_by("zone__name"))


def asleep(tiers: Iterable[Tier]) -> set[UUID]:
    """The ids of those in which no instance runs, as CloudStack said lately. One query, none for no tier."""
    wanted = {str(tier.cloudstack_id): tier.pk for tier in tiers if tier.cloudstack_id is not None}
    states = network_states(wanted) if wanted else {}
    since = clock.now() - Kind.CLOUDSTACK_NETWORK.fresh_for
    return {wanted[key] for key, (state, at) in states.items() if state == ALLOCATED and at is not None and at >= since}


# --- for the form -----------------------------------------------------------------------------------------------------


def zones_of(tenant: Tenant) -> list[Zone]:
    """Enabled zones in which the tenant's account is ready: where it can build now."""
    accounts = Account.objects.of(tenant).ready().order_by()
    zones = Zone.objects.filter(is_enabled=True, pk__in=accounts.values("zone"))
    return list(zones.only("name", "slug", "max_tiers_per_vpc").order_by("name"))


# Each step finds the next range in the index, however many VPCs share one.
USED_SPANS = """
WITH RECURSIVE used AS (
    (SELECT cidr FROM networks_vpc WHERE tenant_id = %(tenant)s AND status <> 'deleted' ORDER BY cidr LIMIT 1)
    UNION ALL
    SELECT (
        SELECT vpc.cidr FROM networks_vpc vpc
        WHERE vpc.tenant_id = %(tenant)s AND vpc.status <> 'deleted' AND vpc.cidr > used.cidr
        ORDER BY vpc.cidr LIMIT 1
    ) FROM used WHERE used.cidr IS NOT NULL
)
SELECT cidr - inet '0.0.0.0', broadcast(cidr) - inet '0.0.0.0' FROM used WHERE cidr IS NOT NULL LIMIT %(most)s
"""


def used_spans(tenant: Tenant, *, most: int | None = None) -> list[Span]:
    """The lowest of the different ranges of the tenant's VPCs, or all of them, in order."""
    with connection.cursor() as cursor:
        cursor.execute(USED_SPANS, {"tenant": tenant.pk, "most": most})
        return [(first, last) for first, last in cursor.fetchall()]


def free_range(tenant: Tenant, prefixlen: int) -> IPv4Network | None:
    """A range for a new VPC that overlaps none of the tenant's: the first there is between the lowest of them. Among
    very many without a gap it is one behind the others, before all of them are looked through."""
    lowest = used_spans(tenant, most=LOOKED_THROUGH)
    found = first_gap(SUGGESTED, lowest, prefixlen)
    if len(lowest) < LOOKED_THROUGH or (found is not None and span_of(found) < lowest[-1]):
        return found
    behind = (_free_behind(tenant, block, prefixlen) for block in SUGGESTED)
    return next(filter(None, behind), None) or first_gap(SUGGESTED, used_spans(tenant), prefixlen)


def _free_behind(tenant: Tenant, block: IPv4Network, prefixlen: int) -> IPv4Network | None:
    """The first range in the block behind the tenant's last one there."""
    ranges = Vpc.objects.of(tenant).live().order_by("-cidr").values_list("cidr", flat=True)
    met = ranges.filter(cidr__net_contained_or_equal=block).first()
    found: IPv4Network | None = block if met is None else None
    while met is not None:
        # Whatever lies here contains the last one, and goes on behind it.
        found = first_gap([block], [(0, span_of(met)[1])], prefixlen)
        met = next(iter(ranges.order_by().filter(cidr__net_overlaps=found)[:1]), None) if found else None
    return next(found.subnets(new_prefix=prefixlen)) if found and found.prefixlen <= prefixlen else None


def why_not_add_tier(vpc: Vpc, tiers: int, quotas: Quotas, work: Sequence[Operation]) -> str | None:
    """Why no tier can be added to a VPC that has this many; what somebody can do something about comes first."""
    most = vpc.zone.max_tiers_per_vpc
    full = f"{tiers} of {most} tiers: a VPC in {vpc.zone} has no more." if tiers >= most else None
    return vpc.why_not("add tier", work) or full or quotas.of(TIER).why_not()


@dataclass(frozen=True)
class Overlap:
    """The tenant's VPCs that share addresses with a range. They may exist side by side, but never be peered."""

    vpcs: Sequence[Vpc]
    more: int

    @property
    def is_bounded(self) -> bool:
        """There are more than were counted."""
        return self.more + len(self.vpcs) == MOST_OVERLAPS


def overlap_of(tenant: Tenant, block: IPv4Network | None, *, besides: Vpc | None = None) -> Overlap:
    if block is None:
        return Overlap((), 0)
    rows = Vpc.objects.of(tenant).live().filter(cidr__net_overlaps=block).order_by()
    if besides is not None:
        rows = rows.exclude(pk=besides.pk)
    # However many there are, no more than this are looked at.
    found = rows.values("pk")[:MOST_OVERLAPS]
    named = list(Vpc.objects.of(tenant).filter(pk__in=found).order_by("cidr", "id")[:NAMED])
    return Overlap(named, found.count() - NAMED if len(named) == NAMED else 0)


# --- for the list -----------------------------------------------------------------------------------------------------


def search_vpcs(tenant: Tenant, *, words: str, status: str, zone: str, sort: str) -> VpcQuerySet:
    """As in the API; but an address, or a whole range, finds the VPCs that hold it or send from it."""
    rows = Vpc.objects.of(tenant).live()
    if (block := _network(words)) is not None:
        rows = rows.filter(Q(cidr__net_contains_or_equals=block) | Q(egress_ip=block.network_address))
        words = ""
    if wanted := {name: value for name, value in (("q", words), ("status", status), ("zone", zone)) if value}:
        rows = VpcFilter(wanted, queryset=rows).qs
    return rows.order_by(*SORTS.get(sort, SORTS[DEFAULT_SORT]))


def _network(words: str) -> IPv4Network | None:
    try:
        block = ip_network(words, strict=False)
    except ValueError:
        return None
    return block if isinstance(block, IPv4Network) else None


def rows_of(tenant: Tenant, page: Page[Vpc]) -> list[dict[str, Any]]:
    """What the lines of the list show, as plain values: models, and all that is no dict, cost a template far more.

    Two queries, and a third when something on the page is not at rest. What only lines show is read for those of the
    page alone, and not to count the others."""
    tiers = Tier.objects.of(tenant).live().filter(vpc=OuterRef("pk")).order_by().values("vpc")
    counted = Coalesce(Subquery(tiers.annotate(count=Count("*")).values("count")), 0)
    found = cast(VpcQuerySet, page.object_list)
    rows = list(found.values(*COLUMNS, **WRITTEN, zone_name=F("zone__name"), tier_count=counted))
    moving = [row["pk"] for row in rows if row["status"] != Status.READY]
    operations = {pk: work[0] for pk, work in work_in(Operation.objects.of(tenant), moving).items()}
    fresh = {zone: until.isoformat() for zone, until in fresh_zones({row["zone_id"] for row in rows}).items()}
    return [
        row
        | {
            "operation": operations.get(row["pk"]) if operations else None,
            "is_stale": row["status"] == Status.READY and row["zone_id"] not in fresh,
            #: When it will be, unless it is read again.
            "fresh_until": fresh.get(row["zone_id"]),
            "is_moving": row["status"] in (Status.BUILDING, Status.REMOVING),
        }
        for row in rows
    ]


def fresh_zones(zone_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """The zones of which both systems' VPCs have been read lately, and until when that will do: in any other nothing is
    called ready in green."""
    readings = Reading.objects.filter(zone__in=set(zone_ids), kind__in=(Kind.CLOUDSTACK_VPC, Kind.NETRIS_VPC))
    until: dict[UUID, list[datetime]] = {}
    for reading in readings.only("zone", "kind", "read_at"):
        if reading.read_at and not reading.is_stale:
            until.setdefault(reading.zone_id, []).append(reading.read_at + reading.fresh_for)
    return {zone_id: min(times) for zone_id, times in until.items() if len(times) == 2}


# --- for the page of a VPC --------------------------------------------------------------------------------------------


def tiers_of(vpc: Vpc) -> TierQuerySet:
    return Tier.objects.of(vpc.tenant).filter(vpc=vpc).live().order_by("cidr", "id")


def all_tiers_of(vpc: Vpc) -> TierQuerySet:
    """Those that are gone too."""
    return Tier.objects.of(vpc.tenant).filter(vpc=vpc).order_by("cidr", "id")


def work_on(vpc: Vpc) -> list[Operation]:
    """What is under way or stuck in the VPC, on itself or on what lies in it: what is at work first, the stuck last."""
    return work_in(Operation.objects.of(vpc.tenant), [vpc.pk]).get(vpc.pk, [])


def work_in(operations: OperationQuerySet, vpc_ids: Iterable[UUID]) -> dict[UUID, list[Operation]]:
    """The same of several VPCs, among the operations that the caller may see. One query, none for no VPC; one more for
    each sort of what leads into tiers of which something is stuck."""
    ids = {lane_of(pk): pk for pk in vpc_ids}
    found = list(operations.live().in_lanes(ids)) if ids else []
    _look_up_tiers([each for each in found if each.phase == Phase.STUCK])
    work: dict[UUID, list[Operation]] = {}
    for operation in sorted(found, key=lambda each: (each.phase == Phase.STUCK, each.place, each.created_at)):
        for lane in operation.lanes:
            if lane in ids:
                work.setdefault(ids[lane], []).append(operation)
    return work


def _look_up_tiers(stuck: Sequence[Operation]) -> None:
    for model in LEADING:
        theirs = {each.resource_id: each for each in stuck if each.resource_type == model._meta.model_name}
        if theirs:
            for pk, tier_id in model.unscoped.filter(pk__in=theirs).values_list("pk", "tier_id"):
                theirs[pk].leads_into = tier_id


def latest_operations_of(vpc: Vpc) -> list[Operation]:
    """Those of its tiers too, also of tiers that are gone; but not of what lies in them."""
    operations = Operation.objects.of(vpc.tenant).filter(resource_id__in=_ids_of(vpc), kind__in=("vpc", "tier"))
    return list(operations.order_by("-created_at", "-id")[:SHOWN])


def settled_at(operations: Iterable[Operation]) -> datetime | None:
    """When the last of these ended. An operation that still runs has not."""
    return max((operation.finished_at for operation in operations if operation.finished_at), default=None)


def _ids_of(vpc: Vpc) -> list[UUID]:
    return [vpc.pk, *Tier.objects.of(vpc.tenant).filter(vpc=vpc).order_by().values_list("pk", flat=True)]


# --- for the overview -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attention:
    """What somebody should look at, the worst first."""

    stuck: Sequence[Operation]
    refused: Sequence[Operation]
    silent: Sequence[Remote]
    accounts: Sequence[Account]
    full: Sequence[str]
    found: attention.Found

    @property
    def is_empty(self) -> bool:
        return not (self.stuck or self.refused or self.silent or self.accounts or self.full or self.found)


def attention_of(tenant: Tenant, quotas: Quotas, *, now: datetime | None = None) -> Attention:
    """Four queries, and those of what other apps find (`attention`)."""
    since = (now or clock.now()) - RECENTLY
    operations = Operation.objects.of(tenant)
    accounts = list(Account.objects.of(tenant).live().select_related("zone"))
    zones = [account.zone for account in accounts]
    silent = Remote.objects.filter(zone__in=zones).exclude(down_since=None).select_related("zone")
    return Attention(
        stuck=list(operations.stuck()[:10]),
        refused=list(operations.filter(phase__in=ENDED_BADLY, created_at__gte=since, dismissed_at=None)[:5]),
        silent=list(silent),
        accounts=[account for account in accounts if account.status != Status.READY],
        full=quotas.full,
        found=attention.found_of(tenant),
    )
