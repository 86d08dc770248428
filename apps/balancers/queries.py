"""What pages and the API read about load balancers: whether they are configured, and whether they work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address
from typing import Any, NamedTuple
from uuid import UUID

from apps.acls.admission import known
from apps.acls.ports import FIRST, LAST
from apps.acls.rules import Action
from apps.balancers.models import Balancer, BalancerQuerySet, Member
from apps.balancers.verdicts import (
    OTHER_SOURCES,
    Check,
    Configured,
    Gate,
    Line,
    Meant,
    Reading,
    Seen,
    Verdict,
    configured,
    differences,
    has_failed,
    is_reset,
)
from apps.balancers.verdicts import Member as Judged
from apps.balancers.wanted import Wanted
from apps.kernel import clock
from apps.kernel.named import containing
from apps.mirror.models import Item, Kind
from apps.mirror.models import Reading as Listed
from apps.mirror.queries import Applied, Told
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import Balancer as OnNetris
from apps.networks import plans
from apps.networks import queries as networks
from apps.networks.admission import Ports
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

KIND = Kind.NETRIS_BALANCER
#: By which SoftGates' silence is told: agents report every 10 to 15 seconds.
GATES = Kind.NETRIS_DEVICE
INSTANCES = Kind.CLOUDSTACK_INSTANCE
#: Who may connect are rules of the System VPC.
RULES = Kind.NETRIS_ACL


@dataclass(frozen=True)
class Judgement:
    """All that is said of one balancer, and when."""

    configured: Verdict
    working: Verdict
    lines: Sequence[Line]
    #: The members in the order of the lines.
    members: Sequence[Member]
    #: What was meant, and what was read of it.
    meant: Meant
    reading: Reading
    #: Whether Netris has the rules of who may connect.
    sources: Applied


def judged(rows: Sequence[Balancer]) -> dict[UUID, Judgement]:
    """By the rows' ids; their VPCs, tiers and members come with them. Eight queries, however many; none for none."""
    if not rows:
        return {}
    now = clock.now()
    zones = {row.vpc.zone_id for row in rows}
    kinds = (KIND, GATES, INSTANCES)
    listed = {(each.zone_id, each.kind): each for each in Listed.objects.filter(zone__in=zones, kind__in=kinds)}
    readings = _readings(rows, listed)
    gates = _gates(zones, listed, now)
    states = _states(rows, listed)
    allowed = _allowed(rows)
    sources = sources_applied(rows)
    asleep = networks.asleep(row.tier for row in rows if readings[row.pk].row is None)
    judgements = {}
    for row in rows:
        members = _members(row, states, is_allowed=allowed[row.tier_id, _ports(row)])
        meant, reading = _meant(row, members), readings[row.pk]
        seen = Seen(reading, meant.check, gates.get(row.vpc.zone_id, ()), members)
        told = configured(
            row.status,
            differences(meant, reading.row),
            reading,
            now,
            are_sources_right=sources[row.pk].is_applied,
            is_asleep=row.tier_id in asleep,
        )
        lines = seen.lines(now)
        working = seen.working(now, lines)
        judgements[row.pk] = Judgement(told, working, lines, list(row.members.all()), meant, reading, sources[row.pk])
    return judgements


def sources_applied(rows: Sequence[Balancer]) -> dict[UUID, Applied]:
    """Whether Netris has the rules of who may connect just as they are meant, by the rows' ids; their VPCs come with
    them. Rules for wider ranges than one address are the platform's own. Two queries."""
    zones = {row.vpc.zone_id for row in rows}
    listed = dict(Listed.objects.filter(zone__in=zones, kind=RULES).values_list("zone_id", "read_at"))
    system = Item.objects.filter(zone__in=zones, kind=Kind.NETRIS_VPC, data__is_system=True).values("remote_id")
    items = Item.objects.filter(zone__in=zones, kind=RULES, key__in=system)
    there: dict[tuple[UUID, str], list[Any]] = {}
    for item in items.filter(data__destination__in={f"{row.address}/32" for row in rows}):
        rule = SWEEPS[RULES].row_of(item.data)
        there.setdefault((item.zone_id, str(rule.destination)), []).append(rule)
    applied = {}
    for row in rows:
        found = there.get((row.vpc.zone_id, f"{row.address}/32"), ())
        trouble = "" if _has_sources(row, found) else OTHER_SOURCES
        since = row.settled_at if row.status == Status.READY else None
        applied[row.pk] = Applied.by(Told(RULES, trouble, listed.get(row.vpc.zone_id), since))
    return applied


def _has_sources(row: Balancer, rules: Sequence[Any]) -> bool:
    there = {
        (rule.action, rule.source)
        for rule in rules
        if rule.is_enabled
        and rule.protocol in (row.protocol, "all", "ip")
        and (rule.port_from or FIRST) <= row.port <= (rule.port_to or LAST)
    }
    wanted = Wanted.of(row, ())
    return any(
        {(rule.action, rule.source) for rule in wanted.source_rules(default) if rule.protocol == row.protocol} == there
        for default in ([row.site_default] if row.site_default else map(str, Action))
    )


class Compared(NamedTuple):
    """What the list of Netris' balancers says of one, while that says anything."""

    row: Balancer
    #: A SoftGate finds a member in rotation down.
    is_down: bool
    is_different: bool
    #: CloudStack took back what Weft had written on Netris.
    is_taken_back: bool


def compared(rows: Sequence[Balancer]) -> list[Compared]:
    """Those of which a fresh reading tells; their VPCs and members come with them. Four queries, however many rows."""
    now = clock.now()
    found = Listed.objects.filter(zone__in={row.vpc.zone_id for row in rows}, kind=KIND)
    readings = _readings(rows, {(each.zone_id, each.kind): each for each in found})
    sources = sources_applied(rows)
    return [
        _compared(row, readings[row.pk], sources[row.pk], now) for row in rows if not readings[row.pk].why_silent(now)
    ]


def _compared(row: Balancer, reading: Reading, sources: Applied, now: datetime) -> Compared:
    meant = _meant(row, _members(row))
    troubles = differences(meant, reading.row)
    told = configured(row.status, troubles, reading, now, are_sources_right=sources.is_applied)
    is_different = told.verdict == Configured.DIFFERS
    is_taken_back = is_different and is_reset(meant, reading.row)
    return Compared(row, has_failed(meant, reading.row), is_different, is_taken_back)


#: How many the preview of a VPC's end names.
NAMED = 100
#: How many the tab of a VPC shows; the list has all.
SHOWN = 50
#: How many operations the page of one shows.
OPERATIONS = 8
#: How each sorting reads in SQL: all follow an index.
SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "address": ("address", "port", "id"),
    "-address": ("-address", "-port", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
DEFAULT_SORT = "name"


def search(tenant: Tenant, *, words: str = "", vpc: Vpc | None = None) -> BalancerQuerySet:
    rows = Balancer.objects.of(tenant).live()
    if words:
        rows = rows.filter(containing("search_key", words))
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return rows.select_related("tenant", "vpc", "tier").prefetch_related("members")


#: How far those of a VPC are counted.
COUNTED = 1000


def count_in(vpc: Vpc) -> int:
    return Balancer.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by()[:COUNTED].count()


def latest_operations_of(row: Balancer) -> list[Operation]:
    """One query."""
    found = Operation.objects.of(row.tenant).filter(resource_id=row.pk)
    return list(found.order_by("-created_at", "-id")[:OPERATIONS])


def item_of(row: Balancer) -> plans.Item:
    """As a preview names it."""
    return plans.Item("Load balancer", row.name, f"{row.get_protocol_display()} {row.port} of {row.address}")


def goes_with(vpc: Vpc, tier: Tier | None) -> list[plans.Item]:
    """What of a VPC's load balancers goes with it, or with one of its tiers. One query."""
    rows = Balancer.objects.of(vpc.tenant).live().filter(vpc=vpc)
    return [item_of(row) for row in (rows if tier is None else rows.filter(tier=tier))[:NAMED]]


def _members(row: Balancer, states: Mapping[str, str] = {}, *, is_allowed: bool | None = None) -> list[Judged]:
    return [
        Judged(
            each.instance_name,
            IPv4Address(str(each.guest_address)),
            row.member_port,
            each.drained,
            states.get(str(each.instance_id), ""),
            is_allowed,
        )
        for each in row.members.all()
    ]


def _meant(row: Balancer, members: Sequence[Judged]) -> Meant:
    check = Check(row.check_kind, row.check_timeout * 1000, row.check_path)
    return Meant(row.protocol, IPv4Address(str(row.address)), row.port, check, members)


def _readings(rows: Sequence[Balancer], listed: Mapping[Any, Listed]) -> dict[UUID, Reading]:
    """What the list of Netris' balancers has of each, and how far that may be believed. One query."""
    there = _on_netris(rows)
    found = {}
    for row in rows:
        zone_id, reading = row.vpc.zone_id, listed.get((row.vpc.zone_id, KIND))
        found[row.pk] = Reading(
            row=there.get((zone_id, str(row.vpc.netris_id), str(row.address), row.port)),
            read_at=reading.read_at if reading else None,
            fresh_for=KIND.fresh_for,
            settled_at=row.settled_at if row.status == Status.READY else None,
        )
    return found


def _on_netris(rows: Sequence[Balancer]) -> dict[tuple[UUID, str, str, int], OnNetris]:
    zones = {row.vpc.zone_id for row in rows}
    places = {str(row.vpc.netris_id) for row in rows if row.vpc.netris_id is not None}
    items = Item.objects.filter(zone__in=zones, kind=KIND, key__in=places)
    # Others may be very many, and each is a long row.
    items = items.filter(data__ip__in={str(row.address) for row in rows}, data__port__in={row.port for row in rows})
    found = {}
    for item in items:
        balancer: OnNetris = SWEEPS[KIND].row_of(item.data)
        if balancer.ip is not None and balancer.port is not None:
            found[item.zone_id, item.key, str(balancer.ip), balancer.port] = balancer
    return found


def _gates(zones: Iterable[UUID], listed: dict[Any, Listed], now: datetime) -> dict[UUID, list[Gate]]:
    """The SoftGates that balance: every General node carries every balancer (netris-api.md 3.7). One that does not say
    its role is taken for one."""
    items = Item.objects.filter(zone__in=zones, kind=GATES, data__type="softgate").order_by("name", "remote_id")
    found: dict[UUID, list[Gate]] = {}
    for item in items:
        device = SWEEPS[GATES].row_of(item.data)
        if device.sg_role.lower() in ("", "general"):
            reading = listed.get((item.zone_id, GATES))
            found.setdefault(item.zone_id, []).append(Gate(device.name, _is_alive(device, reading, now)))
    return found


def _is_alive(device: Any, reading: Listed | None, now: datetime) -> bool | None:
    if reading is None or reading.read_at is None or now - reading.read_at > GATES.fresh_for:
        return None
    return device.last_seen is not None and now - device.last_seen <= SILENCE


#: The page of the fabric waits longer (`fabric.verdicts`).
SILENCE = 3 * GATES.interval


def _states(rows: Sequence[Balancer], listed: dict[Any, Listed]) -> dict[str, str]:
    """CloudStack's word for each instance that a fresh reading has."""
    zones = [row.vpc.zone_id for row in rows]
    fresh = {zone for zone in zones if (each := listed.get((zone, INSTANCES))) and not each.is_stale}
    ids = {str(member.instance_id) for row in rows for member in row.members.all()}
    items = Item.objects.filter(zone__in=fresh, kind=INSTANCES, remote_id__in=ids)
    return dict(items.values_list("remote_id", "data__state"))


def _allowed(rows: Sequence[Balancer]) -> dict[tuple[UUID, Ports], bool | None]:
    """Whether the list of the members' tier lets everybody reach their port, or nobody; None where it is some, and
    where no list of Weft's decides or it is not known to be applied. From which address a SoftGate probes is
    (unverified)."""
    allowed: dict[tuple[UUID, Ports], bool | None] = {}
    for tenant in {row.tenant for row in rows}:
        asked = {(row.tier, _ports(row)) for row in rows if row.tenant_id == tenant.pk}
        for (tier, ports), found in known(list(asked), partial(_of, tenant)).items():
            allowed[tier.pk, ports] = found.admits if found.is_applied else None
    return allowed


def _of(tenant: Tenant, door: Any) -> Any:
    return door.of(tenant)


def _ports(row: Balancer) -> Ports:
    return Ports(row.protocol, row.member_port, row.member_port)
