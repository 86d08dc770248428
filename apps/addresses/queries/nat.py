"""What pages and the API read about static NAT and port forwards: above all, whether Netris has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Max

from apps.addresses.models import PortForward, StaticNat
from apps.addresses.ways import is_as_meant
from apps.kernel import clock
from apps.kernel.named import containing
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import NatRule
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import ProvisionedQuerySet, Status
from apps.tenancy.models import Tenant

R = TypeVar("R", StaticNat, PortForward)

KIND = Kind.NETRIS_NAT
FRESH_FOR = KIND.fresh_for
#: How each sorting reads in SQL: all follow an index.
SORTS = {
    "address": ("address", "id"),
    "-address": ("-address", "-id"),
    "instance": ("instance_name", "id"),
    "-instance": ("-instance_name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
DEFAULT_SORT = "address"
NOUNS: dict[type[StaticNat | PortForward], str] = {StaticNat: "static NAT", PortForward: "port forward"}


class Applied(NamedTuple):
    """Whether Netris has it as it is meant; None while no fresh reading tells."""

    is_applied: bool | None
    read_at: datetime | None

    @property
    def fresh_until(self) -> datetime | None:
        return self.read_at and self.read_at + FRESH_FOR

    @property
    def is_missing(self) -> bool:
        return self.is_applied is False


UNKNOWN = Applied(None, None)


def applied_of(rows: Sequence[StaticNat | PortForward]) -> dict[UUID, Applied]:
    """By the rows' ids; their VPCs come with them. Three queries, however many rows. What was read before a row came to
    rest says nothing of it."""
    zones = {row.vpc.zone_id for row in rows}
    places = {str(row.vpc.netris_id) for row in rows if row.vpc.netris_id is not None}
    listed = {each.zone_id: each.read_at for each in Reading.objects.filter(zone__in=zones, kind=KIND)}
    of_vpcs = Item.objects.filter(zone__in=zones, kind=KIND, key__in=places)
    # Every VPC has its source NAT rule, which tells when its rules were read by their ids.
    read = of_vpcs.order_by().values("zone", "key").annotate(at=Max("read_at"))
    moments = {(each["zone"], each["key"]): each["at"] for each in read}
    found: dict[tuple[UUID, str], list[NatRule]] = {}
    here = {f"{row.address}/32" for row in rows}
    for item in of_vpcs.filter(data__destination_address__in=here):
        found.setdefault((item.zone_id, item.key), []).append(SWEEPS[KIND].row_of(item.data))
    applied = {}
    for row in rows:
        place = (row.vpc.zone_id, str(row.vpc.netris_id))
        at = max(filter(None, (listed.get(row.vpc.zone_id), moments.get(place))), default=None)
        applied[row.pk] = _applied(row, found.get(place, []), at)
    return applied


def _applied(row: StaticNat | PortForward, rules: Sequence[NatRule], read_at: datetime | None) -> Applied:
    settled_at = row.settled_at if row.status == Status.READY else None
    if read_at is None or settled_at is None or read_at <= settled_at or clock.now() - read_at > FRESH_FOR:
        return Applied(None, read_at)
    return Applied(is_as_meant(row, rules), read_at)


def why_not(row: StaticNat | PortForward, action: str, work: Iterable[Operation]) -> str | None:
    """Why `delete`, `change` or `apply` is not offered now; None when it is. `work` is all that is under way or stuck
    in its VPC."""
    noun = NOUNS[type(row)]
    match row.status:
        case Status.DELETED:
            return f"The {noun} is gone."
        case Status.REMOVING:
            return f"The {noun} is being removed."
        case Status.BUILDING:
            return f"The {noun} is still being built."
    if about := next((each for each in work if each.resource_id in (row.pk, row.vpc_id)), None):
        return about.in_the_way
    if row.status != Status.READY:
        return f"An operation on the {noun} is stuck. Retry it first."
    if action == "apply" and isinstance(row, PortForward) and not row.enabled:
        return "The port forward is switched off. Switch it on instead."
    return None


def search(rows: ProvisionedQuerySet[R], *, words: str = "", vpc: Vpc | None = None) -> ProvisionedQuerySet[R]:
    if words:
        rows = rows.filter(containing("search_key", words))
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return rows.select_related("vpc", "tier")


def readings_of(tenant: Tenant) -> list[Reading]:
    """How old the list of rules is in each zone that the tenant has a VPC in. One query."""
    zones = Vpc.objects.of(tenant).live().order_by().values("zone")
    return list(Reading.objects.filter(kind=KIND, zone__in=zones).select_related("zone").order_by("zone__name"))


@dataclass(frozen=True)
class Line:
    """What a line of a list shows."""

    row: StaticNat | PortForward
    applied: Applied
    operation: Operation | None
    why_not_apply: str | None
    why_not_change: str | None
    why_not_delete: str | None

    @classmethod
    def of(
        cls, row: StaticNat | PortForward, applied: Applied, work: Sequence[Operation], may_write: str | None
    ) -> Line:
        reasons = (may_write or why_not(row, action, work) for action in ("apply", "change", "delete"))
        operation = next((each for each in work if each.resource_id == row.pk), None)
        return cls(row, applied, operation, *reasons)

    @property
    def is_forward(self) -> bool:
        return isinstance(self.row, PortForward)

    @property
    def status(self) -> str:
        """Ready is only said of what Netris was seen to have lately."""
        if self.row.status != Status.READY:
            return self.row.status
        return {True: "ready", False: "differs", None: "stale"}[self.applied.is_applied]

    @property
    def wanted(self) -> str:
        """What it is being changed to; blank where nothing is."""
        wanted = self.operation.wanted if self.operation else {}
        return "" if "enabled" not in wanted else "being switched on" if wanted["enabled"] else "being switched off"


def lines_of(
    rows: Sequence[StaticNat | PortForward], work: Mapping[UUID, Sequence[Operation]], may_write: str | None
) -> list[Line]:
    """`work` is what is under way or stuck, by VPC. Three queries, however many rows."""
    applied = applied_of(rows)
    return [Line.of(row, applied.get(row.pk, UNKNOWN), work.get(row.vpc_id, []), may_write) for row in rows]
