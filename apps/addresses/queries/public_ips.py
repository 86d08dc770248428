"""What pages and the API read about public IPs. Each function costs as many queries however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from apps.addresses.models import Holding, PortForward, PublicIp, PublicIpQuerySet, Purpose, StaticNat
from apps.addresses.pool import FREE, KIND
from apps.addresses.queries import nat
from apps.kernel import clock
from apps.kernel.named import containing
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.queries import Applied, Told
from apps.mirror.sweeps import SWEEPS
from apps.netris.names import PREFIX
from apps.netris.wire import NatRule
from apps.networks import plans
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.quotas.queries import Quotas
from apps.quotas.resources import LOAD_BALANCER, NAT_RULE
from apps.tenancy.actors import Platform
from apps.tenancy.door import Door
from apps.tenancy.models import Tenant

SNAT = "SNAT"
LISTS = (KIND, Kind.NETRIS_ADDRESS, Kind.NETRIS_NAT)
NOT_GIVEN = "CloudStack does not give it to this VPC: somebody has released it there, or given it to another. "
NOT_GIVEN += "Release it here, and take another one."
LACKS_SOURCE_NAT = "Netris does not let the VPC's traffic leave with it. Tell your provider if it stays so."
LACKS_SUBNET = "Netris does not have it for this VPC, so nothing that leads from it arrives. Apply that again."
ANOTHERS_SUBNET = "Netris still has it for another VPC, so nothing can be led from it. Tell your provider."
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


def search(tenant: Tenant, *, words: str = "", purpose: str = "", vpc: Vpc | None = None) -> PublicIpQuerySet:
    return narrowed(PublicIp.objects.of(tenant).live(), words=words, purpose=purpose, vpc=vpc)


def narrowed(rows: PublicIpQuerySet, *, words: str = "", purpose: str = "", vpc: Vpc | None = None) -> PublicIpQuerySet:
    if words:
        rows = rows.filter(containing("search_key", words))
    if purpose:
        rows = rows.filter(purpose=purpose)
    return rows if vpc is None else rows.filter(vpc=vpc)


def applied_of(rows: Sequence[PublicIp], through: Callable[[Door[Any]], QuerySet[Any]]) -> dict[UUID, Applied]:
    """By the rows' ids; their VPCs come with them. `through` leads to what else who asks may see (`Caller.through`).
    Three queries, none for no row."""
    ready = [row for row in rows if row.status == Status.READY and row.acquired_at is not None]
    if not ready:
        return {}
    zones, vpcs = {row.zone_id for row in ready}, [row.vpc for row in ready]
    readings = Reading.objects.filter(zone__in=zones, kind__in=LISTS)
    listed = {(each.zone_id, each.kind): each.read_at for each in readings}
    ours = {str(vpc.cloudstack_id) for vpc in vpcs if vpc.cloudstack_id is not None}
    theirs = {str(vpc.netris_id) for vpc in vpcs if vpc.netris_id is not None}
    ids = {str(row.cloudstack_id) for row in ready if row.cloudstack_id is not None}
    which = Q(kind=Kind.CLOUDSTACK_ADDRESS, remote_id__in=ids) | Q(kind=Kind.CLOUDSTACK_ADDRESS, key__in=ours)
    which |= Q(kind=Kind.NETRIS_VPC, remote_id__in=theirs) | Q(kind=Kind.NETRIS_NAT, key__in=theirs, data__action=SNAT)
    which |= Q(kind=Kind.NETRIS_ADDRESS, key__in={str(row.address) for row in ready})
    found: dict[tuple[UUID, str], list[Item]] = {}
    for item in Item.objects.filter(which, zone__in=zones):
        found.setdefault((item.zone_id, item.kind), []).append(item)
    used = _used_since(ready, through)
    return {row.pk: Applied.by(*_View(row, found, listed).told(used.get(row.pk))) for row in ready}


def _used_since(rows: Sequence[PublicIp], through: Callable[[Door[Any]], QuerySet[Any]]) -> dict[UUID, datetime]:
    """By the addresses' ids, since when Netris has to know them: something leads from there. One query."""
    ids = [row.pk for row in rows]
    nats, forwards = through(StaticNat.objects), through(PortForward.objects).filter(enabled=True)
    settled = {"public_ip": OuterRef("pk"), "status": Status.READY, "settled_at__isnull": False}
    there = (each.filter(**settled) for each in (nats, forwards))
    # The first of each by an index: thousands may lead from one address.
    first = [Subquery(each.order_by("settled_at").values("settled_at")[:1]) for each in there]
    found = through(PublicIp.objects).filter(pk__in=ids).order_by().annotate(since=Least(*first))
    return {pk: since for pk, since in found.values_list("pk", "since") if since is not None}


class _View:
    """What the mirror has of one address."""

    def __init__(
        self,
        row: PublicIp,
        found: Mapping[tuple[UUID, str], Sequence[Item]],
        listed: Mapping[tuple[UUID, str], datetime | None],
    ) -> None:
        self._row, self._found, self._listed = row, found, listed

    def told(self, used_since: datetime | None) -> Iterator[Told]:
        """By CloudStack, and by Netris where it has to know the address: that of source NAT, and those that something
        leads from. Of an address that is given and not used yet it hears nothing (cloudstack-api.md 5.5)."""
        row = self._row
        yield self._given()
        if row.is_source_nat:
            yield self._source_nat()
        elif used_since is not None:
            yield self._subnet(LACKS_SUBNET, used_since, is_needed=True)
        elif self._subnets and self._prefix:
            yield self._subnet(ANOTHERS_SUBNET, row.acquired_at, is_needed=False)

    def _given(self) -> Told:
        item = next(
            (each for each in self._items(Kind.CLOUDSTACK_ADDRESS) if each.name == str(self._row.address)), None
        )
        place = str(self._row.vpc.cloudstack_id)
        is_given = item is not None and item.data.get("state") != FREE and item.key == place
        return self._told(Kind.CLOUDSTACK_ADDRESS, "" if is_given else NOT_GIVEN, self._row.acquired_at, item)

    def _source_nat(self) -> Told:
        items = [each for each in self._items(Kind.NETRIS_NAT) if each.key == str(self._row.vpc.netris_id)]
        rules: list[NatRule] = SWEEPS[Kind.NETRIS_NAT].rows_of(items)
        vpc, address = self._row.vpc, self._row.address
        is_led = any(
            rule.is_enabled and rule.source_address == vpc.cidr and rule.snat_to_ip == address for rule in rules
        )
        since = self._row.acquired_at if vpc.status == Status.READY else None
        return self._told(Kind.NETRIS_NAT, "" if is_led else LACKS_SOURCE_NAT, since, *items)

    def _subnet(self, trouble: str, since: datetime | None, *, is_needed: bool) -> Told:
        is_right = self._prefix in self._subnets if is_needed else self._subnets == {self._prefix}
        return self._told(Kind.NETRIS_ADDRESS, "" if is_right else trouble, since if self._prefix else None)

    @cached_property
    def _subnets(self) -> set[str]:
        """Whose the /32 of this address is, by the plugin's names."""
        here = [each for each in self._items(Kind.NETRIS_ADDRESS) if each.key == str(self._row.address)]
        return {match[0] if (match := PREFIX.match(each.name)) else "" for each in here}

    @cached_property
    def _prefix(self) -> str:
        """What the plugin names things of this VPC; blank when that is not known."""
        twin = str(self._row.vpc.netris_id)
        names = (each.name for each in self._items(Kind.NETRIS_VPC) if each.remote_id == twin)
        return next((match[0] for name in names if (match := PREFIX.match(name))), "")

    def _items(self, kind: Kind) -> Sequence[Item]:
        return self._found.get((self._row.zone_id, kind), ())

    def _told(self, kind: Kind, trouble: str, since: datetime | None, *items: Item | None) -> Told:
        """Read with its list, or by its id after that."""
        times = [self._listed.get((self._row.zone_id, kind)), *(each.read_at for each in items if each is not None)]
        return Told(kind, trouble, max(filter(None, times), default=None), since)


def status_of(row: PublicIp, applied: Applied) -> str:
    return applied.status if row.status == Status.READY else str(row.status)


def led_from(row: PublicIp) -> list[StaticNat | PortForward]:
    """What leads from it to instances. Two queries."""
    nats = StaticNat.objects.of(row.tenant).live().filter(public_ip=row)
    forwards = PortForward.objects.of(row.tenant).live().filter(public_ip=row)
    return [*nats.select_related("tier", "vpc"), *forwards.select_related("tier", "vpc")[:500]]


def latest_operations_of(row: PublicIp, led: Sequence[StaticNat | PortForward]) -> list[Operation]:
    """Of the address, and of what leads from it. One query."""
    found = Operation.objects.of(row.tenant).filter(resource_id__in=[row.pk, *(each.pk for each in led)])
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


def goes_with(vpc: Vpc, tier: Tier | None) -> list[plans.Item]:
    """What of a VPC's addresses goes with it, but for its own, which is named already: one query. With a tier goes
    what leads into it, and the addresses stay: two."""
    if tier is not None:
        leading = (model.objects.of(vpc.tenant).live().filter(tier=tier)[:NAMED] for model in (StaticNat, PortForward))
        return [nat.item_of(row) for rows in leading for row in rows]
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc).exclude(purpose=Purpose.SOURCE_NAT)
    named = ((row, f", called {row.name}" if row.name else "") for row in rows[:NAMED])
    return [plans.Item("Public IP", f"{row}{name}", _use_of(row)) for row, name in named]


def ways_on(
    row: PublicIp, quotas: Quotas, work: Sequence[Operation], may_write: str | None
) -> list[tuple[Purpose, str | None]]:
    """What can be made of it, each with the reason why not now. `work` is all that is under way or stuck in its VPC."""
    reason = may_write or row.vpc.why_not("add tier", work) or row.why_not("use", work)
    return [
        (each, reason or quotas.of(resource).why_not() or row.why_not_serve(each))
        for each, resource in _COUNTED_AS.items()
    ]


_COUNTED_AS = {
    Purpose.STATIC_NAT: NAT_RULE,
    Purpose.PORT_FORWARD: NAT_RULE,
    Purpose.LOAD_BALANCER: LOAD_BALANCER,
}


def _use_of(row: PublicIp) -> str:
    return "unused" if row.purpose == Purpose.UNUSED else f"with what leads from it: {row.get_purpose_display()}"
