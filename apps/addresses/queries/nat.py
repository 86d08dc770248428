"""What pages and the API read about static NAT and port forwards: above all, whether Netris has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from apps.addresses.models import PortForward, StaticNat
from apps.addresses.ways import is_as_meant
from apps.kernel.named import containing
from apps.mirror.models import Kind
from apps.mirror.queries import Applied, Told, places
from apps.netris.wire import NatRule
from apps.networks import queries as networks
from apps.networks.admission import Admission, Ports, gate
from apps.networks.models import Vpc
from apps.networks.plans import Item
from apps.operations.models import Operation
from apps.operations.provisioned import ProvisionedQuerySet, Status
from apps.tenancy.door import Door

R = TypeVar("R", StaticNat, PortForward)

KIND = Kind.NETRIS_NAT
LACKING = "Netris does not have it as it is meant."
_SORTS: dict[str, tuple[str, ...]] = {
    "address": ("address", "id"),
    "-address": ("-address", "-id"),
    "instance": ("instance_name", "id"),
    "-instance": ("-instance_name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
_BY_PORT: dict[str, tuple[str, ...]] = {
    "address": ("address", "protocol", "public_first", "id"),
    "-address": ("-address", "-protocol", "-public_first", "-id"),
}
#: How each sorting reads in SQL: all follow an index.
SORTS: dict[type[StaticNat | PortForward], dict[str, tuple[str, ...]]] = {
    StaticNat: _SORTS,
    PortForward: {**_SORTS, **_BY_PORT},
}
DEFAULT_SORT = "address"


def applied_of(rows: Sequence[StaticNat | PortForward]) -> dict[UUID, Applied]:
    """By the rows' ids; their VPCs come with them. Three queries, however many rows. What was read before a row came to
    rest says nothing of it."""
    # Every VPC has its source NAT rule, which tells when its rules were read by their ids.
    there = places(
        KIND,
        {row.vpc.zone_id for row in rows},
        {row.vpc.netris_id for row in rows},
        data__destination_address__in={f"{row.address}/32" for row in rows},
    )
    applied = {}
    for row in rows:
        place = (row.vpc.zone_id, row.vpc.netris_id)
        applied[row.pk] = _applied(row, there.rows(*place), there.read_at(*place))
    return applied


def _applied(row: StaticNat | PortForward, rules: Sequence[NatRule], read_at: datetime | None) -> Applied:
    trouble = "" if is_as_meant(row, rules) else LACKING
    return Applied.by(Told(KIND, trouble, read_at, row.settled_at if row.status == Status.READY else None))


def about(rows: ProvisionedQuerySet[R], words: str) -> ProvisionedQuerySet[R]:
    """A whole address finds what leads from it, or else what leads to it; whatever else is part of a row's words."""
    try:
        address = IPv4Address(words.strip())
    except ValueError:
        return rows.filter(containing("search_key", words))
    leading_from = rows.filter(address=address)
    # Asked for in the order of an index, by which the first is found; `exists` may read all rows there are.
    first = leading_from.order_by(*rows.model._meta.ordering or ()).values_list("pk")[:1]
    return leading_from if list(first) else rows.filter(guest_address=address)


def search(rows: ProvisionedQuerySet[R], *, words: str = "", vpc: Vpc | None = None) -> ProvisionedQuerySet[R]:
    if words:
        rows = about(rows, words)
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return rows.select_related("vpc", "tier")


def item_of(row: StaticNat | PortForward, also: str = "") -> Item:
    """As a preview names it, and what else is to be said of it there."""
    kind, name, end = "Static NAT", f"{row.address} to {row.guest_address}", f"of {row.instance_name}"
    if isinstance(row, PortForward):
        ports = f"{row.get_protocol_display()} {row.public_ports}"
        kind, name, end = "Port forward", f"{ports} of {row.address}", f"to {row.instance_name}"
    return Item(kind, name, f"{end}, {also}" if also else end)


def lines_of(
    rows: Sequence[StaticNat | PortForward], work: Mapping[UUID, Sequence[Operation]], may_write: str | None
) -> list[Line]:
    """Their VPCs and tiers come with them. `work` is all that is under way or stuck, by VPC. Four queries at most, none
    for no row."""
    applied = applied_of(rows) if rows else {}
    asleep = networks.asleep(row.tier for row in rows if applied[row.pk].is_missing)
    return [
        Line.of(row, applied[row.pk], work.get(row.vpc_id, ()), may_write, is_asleep=row.tier_id in asleep)
        for row in rows
    ]


def ports_of(row: PortForward) -> Ports:
    """Where it ends, which is what the tier's access list is about."""
    return Ports(row.protocol, row.private_first, row.private_last)


def sources_of(
    rows: Iterable[StaticNat | PortForward], through: Callable[[Door[Any]], QuerySet[Any]]
) -> dict[UUID, Admission]:
    """From where what is forwarded may come, by the rows' ids; their tiers come with them. One query."""
    asked = {row.pk: (row.tier, ports_of(row)) for row in rows if isinstance(row, PortForward)}
    known = gate().known(list(asked.values()), through)
    return {pk: known[each] for pk, each in asked.items()}


def rules_that_stay(row: StaticNat | PortForward) -> list[Item]:
    """What its tier's list has let in for a forward stays there: other things may be reached by it. One query."""
    for known in sources_of([row], lambda door: door.of(row.tenant)).values():
        if known.acl and known.cidrs:
            return [
                Item("Rules", f"of the list {known.acl}", f"go on letting in {known.words}; edit the list for that")
            ]
    return []


@dataclass(frozen=True)
class Line:
    """What a line of a list shows."""

    row: StaticNat | PortForward
    applied: Applied
    operation: Operation | None
    why_not_apply: str | None
    why_not_change: str | None
    why_not_delete: str | None
    #: Of a forward, from where it may be used; None where nobody has asked.
    sources: Admission | None = field(default=None, kw_only=True)
    #: No instance runs in its tier. CloudStack has taken its rules off Netris, and puts them back when one starts.
    is_asleep: bool

    @classmethod
    def of(
        cls,
        row: StaticNat | PortForward,
        applied: Applied,
        work: Sequence[Operation],
        may_write: str | None,
        *,
        is_asleep: bool,
    ) -> Line:
        operation = next((each for each in work if each.resource_id == row.pk), None)
        apply, change, delete = (may_write or row.why_not(action, work) for action in ("apply", "change", "delete"))
        return cls(row, applied, operation, apply, change, delete, is_asleep)

    @property
    def is_missing(self) -> bool:
        return self.applied.is_missing and not self.is_asleep

    @property
    def status(self) -> str:
        """Ready is only said of what Netris was seen to have lately."""
        if self.row.status != Status.READY:
            return self.row.status
        if self.is_missing:
            return "differs"
        return {True: "ready", False: "dormant", None: "stale"}[self.applied.is_applied]

    @property
    def is_off(self) -> bool:
        return self.status == "ready" and isinstance(self.row, PortForward) and not self.row.enabled

    @property
    def wanted(self) -> str:
        """What it is being changed to; blank where nothing is."""
        wanted = self.operation.wanted if self.operation else {}
        return "" if "enabled" not in wanted else "being switched on" if wanted["enabled"] else "being switched off"
