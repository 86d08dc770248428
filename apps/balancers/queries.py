"""What pages and the API read about load balancers: whether they are configured, and whether they work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from apps.acls.evaluator import evaluate
from apps.acls.models import TierAcl
from apps.acls.packets import Packet
from apps.acls.rules import Action, Direction, Protocol
from apps.balancers.models import Balancer, Member
from apps.balancers.verdicts import (
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
    is_reset,
)
from apps.balancers.verdicts import Member as Judged
from apps.kernel import clock
from apps.mirror.models import Item, Kind
from apps.mirror.models import Reading as Listed
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import Balancer as OnNetris
from apps.networks import plans
from apps.networks.models import Vpc
from apps.operations.provisioned import Status

KIND = Kind.NETRIS_BALANCER
#: By which SoftGates' silence is told: agents report every 10 to 15 seconds.
GATES = Kind.NETRIS_DEVICE
INSTANCES = Kind.CLOUDSTACK_INSTANCE
#: Nobody's address: it stands for everybody that no rule names.
ANYBODY = IPv4Address("203.0.113.199")


@dataclass(frozen=True)
class Judgement:
    """All that is said of one balancer, and when."""

    configured: Verdict
    working: Verdict
    lines: Sequence[Line]
    #: The members in the order of the lines.
    members: Sequence[Member]
    #: CloudStack took back what Weft had written on Netris.
    is_reset: bool


def judged(rows: Sequence[Balancer]) -> dict[UUID, Judgement]:
    """By the rows' ids; their VPCs and members come with them. Five queries, however many rows; none for none."""
    if not rows:
        return {}
    now = clock.now()
    zones = {row.vpc.zone_id for row in rows}
    kinds = (KIND, GATES, INSTANCES)
    listed = {(each.zone_id, each.kind): each for each in Listed.objects.filter(zone__in=zones, kind__in=kinds)}
    there = _on_netris(rows)
    gates = _gates(zones, listed, now)
    states = _states(rows, listed)
    allowed = _allowed(rows)
    found = {}
    for row in rows:
        reading = listed.get((row.vpc.zone_id, KIND))
        is_settled = row.status == Status.READY
        seen_there = Reading(
            row=there.get((row.vpc.zone_id, str(row.vpc.netris_id), str(row.address), row.port)),
            read_at=reading.read_at if reading else None,
            fresh_for=KIND.fresh_for,
            settled_at=row.settled_at if is_settled else None,
        )
        found[row.pk] = _judgement(row, seen_there, gates.get(row.vpc.zone_id, ()), states, allowed, now)
    return found


#: How many the preview of a VPC's end names.
NAMED = 100


def goes_with(vpc: Vpc) -> list[plans.Item]:
    """What of a VPC's load balancers goes with it. One query."""
    rows = Balancer.objects.of(vpc.tenant).live().filter(vpc=vpc)[:NAMED]
    return [
        plans.Item("Load balancer", row.name, f"{row.get_protocol_display()} {row.port} of {row.address}")
        for row in rows
    ]


def _judgement(
    row: Balancer,
    reading: Reading,
    gates: Sequence[Gate],
    states: dict[str, str],
    allowed: dict[tuple[UUID, str, int], bool | None],
    now: datetime,
) -> Judgement:
    members = list(row.members.all())
    is_allowed = allowed.get((row.tier_id, row.protocol, row.member_port))
    judged_members = [
        Judged(
            each.instance_name,
            IPv4Address(str(each.guest_address)),
            row.member_port,
            each.drained,
            states.get(str(each.instance_id), ""),
            is_allowed,
        )
        for each in members
    ]
    check = Check(row.check_kind, row.check_timeout * 1000, row.check_path)
    meant = Meant(row.protocol, IPv4Address(str(row.address)), row.port, check, judged_members)
    seen = Seen(reading, check, gates, judged_members)
    troubles = differences(meant, reading.row)
    told = configured(row.status, troubles, reading, now)
    has_lost = told.verdict == Configured.DIFFERS and is_reset(meant, reading.row)
    return Judgement(told, seen.working(now), seen.lines(now), members, has_lost)


def _on_netris(rows: Sequence[Balancer]) -> dict[tuple[UUID, str, str, int], OnNetris]:
    zones = {row.vpc.zone_id for row in rows}
    places = {str(row.vpc.netris_id) for row in rows if row.vpc.netris_id is not None}
    items = Item.objects.filter(zone__in=zones, kind=KIND, key__in=places)
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


#: As the page of the fabric has it.
SILENCE = 3 * GATES.interval


def _states(rows: Sequence[Balancer], listed: dict[Any, Listed]) -> dict[str, str]:
    """CloudStack's word for each instance that a fresh reading has."""
    zones = [row.vpc.zone_id for row in rows]
    fresh = {zone for zone in zones if (each := listed.get((zone, INSTANCES))) and not each.is_stale}
    ids = {str(member.instance_id) for row in rows for member in row.members.all()}
    items = Item.objects.filter(zone__in=fresh, kind=INSTANCES, remote_id__in=ids)
    return dict(items.values_list("remote_id", "data__state"))


def _allowed(rows: Sequence[Balancer]) -> dict[tuple[UUID, str, int], bool | None]:
    """Whether the list of the members' tier lets everybody reach their port, or nobody; None where it is some, and
    where no list of Weft's decides or it is not known to be applied. From which address a SoftGate probes is
    (unverified). By tier, protocol and port."""
    tiers = {row.tier_id: row.tier.cidr for row in rows}
    of_tiers: dict[UUID, TierAcl] = {}
    for tenant in {row.tenant for row in rows}:
        lists = TierAcl.objects.of(tenant).live().filter(pk__in=tiers).select_related("acl")
        of_tiers |= {each.pk: each for each in lists}
    wanted = {(row.tier_id, row.protocol, row.member_port) for row in rows}
    return {key: _is_allowed(of_tiers[key[0]], tiers[key[0]], *key[1:]) for key in wanted if key[0] in of_tiers}


def _is_allowed(row: TierAcl, cidr: Any, protocol: str, port: int) -> bool | None:
    if not row.seen.is_applied or not row.acl.site_default:
        return None
    rules = row.acl.in_force(clock.now())
    ranges = [each for rule in rules if rule.direction is Direction.INGRESS for each in rule.cidrs]
    sources = {ANYBODY, *(each.network_address for each in ranges if each.prefixlen)}
    told = set()
    for source in sources:
        packet = Packet(Direction.INGRESS, Protocol(protocol), source, port)
        answer = evaluate(rules, cidr, row.acl.site, packet, denies_rest=row.acl.denies_rest)
        told.add(answer.effective.action is Action.ALLOW if answer.is_sure else None)
    return told.pop() if len(told) == 1 else None
