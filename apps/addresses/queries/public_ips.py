"""What pages and the API read about public IPs. Each function costs as many queries however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Network
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.addresses.models import Holding, PortForward, PublicIp, PublicIpQuerySet, Purpose, StaticNat
from apps.addresses.pool import FREE, KIND
from apps.kernel import clock
from apps.kernel.named import containing
from apps.mirror.models import Item, Reading
from apps.networks import plans
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant

FRESH_FOR = KIND.fresh_for
#: How each sorting reads in SQL: all follow an index.
SORTS = {
    "address": ("address", "id"),
    "-address": ("-address", "-id"),
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
DEFAULT_SORT = "address"
#: How many addresses the preview of a VPC's end names.
NAMED = 50
#: How many operations the page of one shows.
SHOWN = 8


class Applied(NamedTuple):
    """Whether CloudStack gives the address to the VPC; None while no fresh reading tells."""

    is_applied: bool | None
    read_at: datetime | None

    @property
    def fresh_until(self) -> datetime | None:
        return self.read_at and self.read_at + FRESH_FOR

    @property
    def is_missing(self) -> bool:
        return self.is_applied is False


UNREAD = Applied(None, None)


def search(tenant: Tenant, *, words: str = "", purpose: str = "", vpc: Vpc | None = None) -> PublicIpQuerySet:
    return narrowed(PublicIp.objects.of(tenant).live(), words=words, purpose=purpose, vpc=vpc)


def narrowed(rows: PublicIpQuerySet, *, words: str = "", purpose: str = "", vpc: Vpc | None = None) -> PublicIpQuerySet:
    if words:
        rows = rows.filter(containing("search_key", words))
    if purpose:
        rows = rows.filter(purpose=purpose)
    return rows if vpc is None else rows.filter(vpc=vpc)


def applied_of(rows: Sequence[PublicIp]) -> dict[UUID, Applied]:
    """By the rows' ids; their VPCs come with them. Two queries, none for no row. What was read before an address was
    given says nothing of it."""
    ready = [row for row in rows if row.status == Status.READY and row.acquired_at is not None]
    if not ready:
        return {}
    zones = {row.zone_id for row in ready}
    listed = {each.zone_id: each.read_at for each in Reading.objects.filter(zone__in=zones, kind=KIND)}
    ids = {str(row.cloudstack_id) for row in ready if row.cloudstack_id is not None}
    places = {str(row.vpc.cloudstack_id) for row in ready if row.vpc.cloudstack_id is not None}
    items = Item.objects.filter(Q(remote_id__in=ids) | Q(key__in=places), zone__in=zones, kind=KIND)
    found = {(item.zone_id, item.name): item for item in items}
    return {row.pk: _applied(row, found.get((row.zone_id, str(row.address))), listed.get(row.zone_id)) for row in ready}


def _applied(row: PublicIp, item: Item | None, listed_at: datetime | None) -> Applied:
    read_at = max(filter(None, (listed_at, item.read_at if item else None)), default=None)
    assert row.acquired_at is not None, "of rows that are ready"
    if read_at is None or read_at <= row.acquired_at or clock.now() - read_at > FRESH_FOR:
        return Applied(None, read_at)
    is_given = item is not None and item.data.get("state") != FREE and item.key == str(row.vpc.cloudstack_id)
    return Applied(is_given, read_at)


def readings_of(tenant: Tenant) -> list[Reading]:
    """How old the list is in each zone that the tenant has a VPC in. One query."""
    zones = Vpc.objects.of(tenant).live().order_by().values("zone")
    return list(Reading.objects.filter(kind=KIND, zone__in=zones).select_related("zone").order_by("zone__name"))


def led_from(row: PublicIp) -> list[StaticNat | PortForward]:
    """What leads from it to instances. Two queries."""
    nats = list(StaticNat.objects.of(row.tenant).live().filter(public_ip=row).select_related("tier", "vpc"))
    forwards = PortForward.objects.of(row.tenant).live().filter(public_ip=row)
    return [*nats, *forwards.select_related("tier", "vpc")[:500]]


def latest_operations_of(row: PublicIp, led: Iterable[StaticNat | PortForward]) -> list[Operation]:
    """Those of what leads from it too."""
    ids = [each.pk for each in led]
    found = Operation.objects.of(row.tenant).filter(resource_id__in=[row.pk, *ids])
    return list(found.order_by("-created_at", "-id")[:SHOWN])


def holders(platform: Platform, words: str) -> QuerySet[Holding]:
    """Who has the addresses of which this is a part, and who had them before. Without words: those that rest."""
    rows = Holding.objects.across(platform).select_related("tenant", "zone")
    if not words:
        return rows.filter(rests_until__gt=clock.now()).order_by("-rests_until", "-id")
    return rows.filter(_has(words)).order_by("-held_from", "-id")


def _has(words: str) -> Q:
    """An address, or a whole range of them."""
    try:
        block = IPv4Network(words, strict=False)
    except ValueError:
        return Q(pk__in=())
    if block.prefixlen == block.max_prefixlen:
        return Q(address=block.network_address)
    return Q(address__gte=block.network_address, address__lte=block.broadcast_address)


def goes_with(vpc: Vpc) -> list[plans.Item]:
    """What of a VPC's addresses goes with it, but for its own, which is named already. One query."""
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc).exclude(purpose=Purpose.SOURCE_NAT)
    named = ((row, f", called {row.name}" if row.name else "") for row in rows[:NAMED])
    return [plans.Item("Public IP", f"{row}{name}", _use_of(row)) for row, name in named]


def _use_of(row: PublicIp) -> str:
    return "unused" if row.purpose == Purpose.UNUSED else f"with what leads from it: {row.get_purpose_display()}"
