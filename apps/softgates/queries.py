"""A zone's SoftGates as a fleet: who is well, what they carry, and what is left when one of them goes.

What Netris' API tells is gone by, and nothing else (netris-api.md 3.7): every DNAT rule and every load balancer is on
every General node, each SNAT rule on one SNAT node. On which one it does not tell, nor how rules are spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import BigIntegerField, Count, Q
from django.db.models.functions import Cast

from apps.fabric import roles, verdicts
from apps.fabric.inventory.queries import DeviceLine, SessionLine, Surveys, device_lines, session_lines
from apps.fabric.models import Part, Survey, SurveyedDevice, SurveyedSession
from apps.history.metrics import CONNTRACK, CONNTRACK_USED, RX
from apps.history.series import Latest, latest
from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.queries import Check
from apps.networks.models import Vpc
from apps.softgates.capacity import INTEL, Cost, Place, Profile, cost_of, place_of
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

GENERAL, SNAT, OTHER = ROLES = "general", "snat", "other"
#: The node's own checks, and from where Netris warns and calls it critical unless somebody has changed that (3.3).
GAUGES = {
    "check_load": ("Load", "3", "4"),
    "check_memory": ("Memory", "80 %", "90 %"),
    "check_disk": ("Disk", "70 %", "80 %"),
}
#: A node with more than this share of what each should have is told; below so many sessions nobody is.
UNLIKE, MOST_IDLE = 1.5, 1_000
#: So many rules more are reckoned with.
MORE = 100


@dataclass(frozen=True)
class Gauge:
    """One of the node's checks in Netris' words. `check` is None where the agent has not sent it."""

    label: str
    warns_at: str
    critical_at: str
    check: Check | None


@dataclass(frozen=True)
class Load:
    """What a node was last measured to carry. None where nobody has measured it lately."""

    conntrack: Latest | None = None
    conntrack_used: Latest | None = None
    #: Bits a second that its ports received together, and when the oldest of them was read.
    received: float | None = None
    received_at: datetime | None = None

    @property
    def most_mpps(self) -> float | None:
        """What was received in Mpps at most: no packet is smaller than the 64 bytes of the curve."""
        return None if self.received is None else self.received / (64 * 8) / 1e6


@dataclass(frozen=True)
class Node:
    line: DeviceLine
    sessions: Sequence[SessionLine]
    load: Load = Load()

    @property
    def role(self) -> str:
        word = self.line.said.gate.lower() if self.line.said else ""
        return word if word in (GENERAL, SNAT) else OTHER

    @property
    def role_label(self) -> str:
        return {GENERAL: "General", SNAT: "SNAT"}.get(self.role, "Unknown role")

    @property
    def is_well(self) -> bool:
        """It does its work, by a fresh reading: a warning does not keep it from that."""
        return self.line.status in (verdicts.OK, verdicts.WARNING)

    @property
    def is_in_maintenance(self) -> bool:
        return bool(self.line.sent and self.line.sent.maintenance_mode)

    @property
    def gauges(self) -> list[Gauge]:
        checks = {check.name: check for check in self.line.said.device.checks} if self.line.said else {}
        return [Gauge(label, warns, critical, checks.get(name)) for name, (label, warns, critical) in GAUGES.items()]

    @property
    def sessions_up(self) -> int:
        return sum(each.status == verdicts.UP for each in self.sessions)


@dataclass(frozen=True)
class Rules:
    """What is enabled on Netris, and since when that is known."""

    dnat: int = 0
    #: VPCs that the DNAT rules are of, and VPCs with a rule for SNAT.
    dnat_vpcs: int = 0
    snat_vpcs: int = 0
    balancers: int = 0
    read_at: datetime | None = None
    is_stale: bool = True
    fresh_for: int = 0


@dataclass(frozen=True)
class Fleet:
    zone: Zone
    survey: Survey
    nodes: Sequence[Node]
    rules: Rules
    profile: Profile = INTEL

    def of(self, role: str) -> list[Node]:
        return [node for node in self.nodes if node.role == role]

    @property
    def is_stale(self) -> bool:
        return self.survey.is_stale(Part.DEVICE)

    @property
    def read_at(self) -> datetime | None:
        return self.survey.read_at(Part.DEVICE)

    @property
    def fresh_for(self) -> int:
        return int(self.survey.fresh_for(Part.DEVICE).total_seconds())

    @cached_property
    def place(self) -> Place:
        return place_of(self.rules.dnat, self.rules.dnat_vpcs, self.profile)

    @property
    def cost(self) -> Cost:
        return cost_of(MORE, self.rules.dnat, self.rules.dnat_vpcs, self.profile)

    @property
    def general(self) -> Spare:
        return Spare(GENERAL, self)

    @property
    def snat(self) -> Spare:
        return Spare(SNAT, self)


@dataclass(frozen=True)
class Spare:
    """What is left of one kind of nodes when one of them goes."""

    role: str
    fleet: Fleet

    @property
    def all(self) -> list[Node]:
        return self.fleet.of(self.role)

    @property
    def well(self) -> int:
        return sum(node.is_well for node in self.all)

    @property
    def status(self) -> str:
        """ok: one may go; warning: the next one that goes takes all with it; critical: none is left; stale: unknown."""
        if self.fleet.is_stale:
            return verdicts.STALE
        return verdicts.CRITICAL if not self.well else verdicts.WARNING if self.well == 1 else verdicts.OK

    @property
    def mpps(self) -> float | None:
        """What those that are well carry together."""
        mpps = self.fleet.place.mpps
        return None if mpps is None else mpps * self.well

    @property
    def mpps_left(self) -> float | None:
        mpps = self.fleet.place.mpps
        return None if mpps is None else mpps * max(self.well - 1, 0)

    @property
    def words(self) -> str:
        """What happens when one of them goes, of what is known now."""
        if self.fleet.is_stale:
            return "What is left when one goes cannot be said: the last reading is too old."
        if not self.all:
            return "There is none."
        if not self.well:
            return "None is well: nothing is carried."
        return self._of_general() if self.role == GENERAL else self._of_snat()

    @property
    def received(self) -> float | None:
        """Bits a second that those that are well receive together; None unless all of them were measured."""
        found = [node.load.received for node in self.all if node.is_well]
        return sum(each for each in found if each is not None) if found and None not in found else None

    @property
    def factor(self) -> float | None:
        """How many times what they carry now is left when one goes, at least: with packets as small as they can be."""
        if not self.received or self.mpps_left is None or self.role != GENERAL:
            return None
        return self.mpps_left / (self.received / (64 * 8) / 1e6)

    @property
    def unlike(self) -> str:
        """Which node carries clearly more than its share, when that is known of all."""
        well = [node for node in self.all if node.is_well]
        counts = [
            node.load.conntrack.value for node in well if node.load.conntrack and not node.load.conntrack.is_stale
        ]
        if len(well) < 2 or len(counts) < len(well) or sum(counts) < MOST_IDLE * len(well):
            return ""
        most, mean = max(counts), sum(counts) / len(counts)
        if most <= UNLIKE * mean:
            return ""
        return f"{well[counts.index(most)].line.name} has {most / mean:.1f} times its share of the NAT sessions."

    def _of_general(self) -> str:
        rules = self.fleet.rules
        served = f"{rules.dnat:,} DNAT rules and {rules.balancers:,} load balancers"
        if self.well == 1:
            return f"When the last one goes, {served} carry nothing any more."
        if self.mpps is None or self.mpps_left is None:
            return f"When one goes, {self.well - 1} carry {served}. {self.fleet.place.reason}"
        least = "at least " if self.fleet.place.is_at_least else ""
        left = f"{least}{self.mpps_left:.0f} of {self.mpps:.0f} Mpps are left{self._times}"
        return f"When one goes, {left}. No session is lost."

    @property
    def _times(self) -> str:
        return "" if self.factor is None else f", at least {self.factor:.1f} times what they carry now"

    def _of_snat(self) -> str:
        vpcs = self.fleet.rules.snat_vpcs
        if self.well == 1:
            return f"When the last one goes, {vpcs:,} VPCs reach nothing outside any more."
        share = -(-vpcs // self.well)
        return (
            f"When one goes, the sessions of about {share:,} of {vpcs:,} VPCs are reset: Netris spreads them over the "
            "others, and does not tell which VPC is on which node."
        )


def fleets(zones: Iterable[Zone] | None = None, profile: Profile = INTEL, *, is_counted: bool = True) -> list[Fleet]:
    """Of the zones that were surveyed and have a SoftGate. Six queries and two for each zone, however many nodes; three
    where what they carry `is_counted` by nobody."""
    surveys = Surveys.read()
    wanted = [zone.pk for zone in (surveys.zones if zones is None else zones) if zone.pk in surveys.of_zone]
    gates = SurveyedDevice.objects.filter(zone__in=wanted, role=roles.SOFTGATE).order_by("sort_key", "id")
    lines = device_lines(gates, surveys)
    ends = Q(zone__in=wanted, device_id__in={line.remote_id for line in lines})
    sessions = session_lines(SurveyedSession.objects.filter(ends).order_by("badness", "sort_key"), surveys)
    rules = _rules(wanted) if is_counted else {}
    found = []
    for zone_id in dict.fromkeys(line.zone_id for line in lines):
        survey = surveys.of_zone[zone_id]
        here = [line for line in lines if line.zone_id == zone_id]
        loads = _loads(survey.zone, [line.remote_id for line in here]) if is_counted else {}
        nodes = [
            Node(
                line,
                [each for each in sessions if (each.zone_id, each.device_id) == (zone_id, line.remote_id)],
                loads.get(line.remote_id, Load()),
            )
            for line in here
        ]
        found.append(Fleet(survey.zone, survey, nodes, rules.get(zone_id, Rules()), profile))
    return sorted(found, key=lambda fleet: fleet.zone.name)


@dataclass(frozen=True)
class Member:
    """A node with the fleet that it is of."""

    node: Node
    fleet: Fleet

    @property
    def spare(self) -> Spare | None:
        return None if self.node.role == OTHER else Spare(self.node.role, self.fleet)


def members(rows: Iterable[SurveyedDevice]) -> list[Member]:
    """Of these SoftGates. As many queries as `fleets`."""
    if not (listed := list(rows)):
        return []
    zones = {row.zone_id: row.zone for row in listed}
    found = {node.line.row.pk: Member(node, fleet) for fleet in fleets(zones.values()) for node in fleet.nodes}
    return [found[row.pk] for row in listed]


def _loads(zone: Zone, gates: Sequence[str]) -> dict[str, Load]:
    """Two queries."""
    wanted = (CONNTRACK.key, CONNTRACK_USED.key, RX.key)
    found = latest(zone, "device", gates, wanted)
    loads = {}
    for gate in gates:
        ports = [each for (device, _, metric), each in found.items() if (device, metric) == (gate, RX.key)]
        is_known = bool(ports) and not any(each.is_stale for each in ports)
        loads[gate] = Load(
            found.get((gate, "", CONNTRACK.key)),
            found.get((gate, "", CONNTRACK_USED.key)),
            sum(each.value for each in ports) if is_known else None,
            min((each.at for each in ports), default=None),
        )
    return loads


NAT_LISTS = (Kind.NETRIS_NAT, Kind.NETRIS_BALANCER)


def _rules(zones: Sequence[UUID]) -> Mapping[UUID, Rules]:
    """Three queries."""
    of_zone: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    # Out of the index alone: there are tens of thousands of them.
    enabled = Item.objects.filter(zone__in=zones, kind=Kind.NETRIS_NAT, nat_action__in=("DNAT", "SNAT")).order_by()
    counts = enabled.values("zone", "nat_action").annotate(rules=Count("*"), vpcs=Count("key", distinct=True))
    for zone, action, rules, vpcs in counts.values_list("zone", "nat_action", "rules", "vpcs"):
        of_zone[zone] |= {"dnat": rules, "dnat_vpcs": vpcs} if action == "DNAT" else {"snat_vpcs": vpcs}
    is_on = ~Q(data__status__iregex="^disabled?$")
    balancers = Item.objects.filter(is_on, zone__in=zones, kind=Kind.NETRIS_BALANCER).order_by()
    balanced = dict(balancers.values_list("zone").annotate(Count("pk")))
    lists = {(row.zone_id, row.kind): row for row in Reading.objects.filter(zone__in=zones, kind__in=NAT_LISTS)}
    return {zone: _rules_of(of_zone.get(zone, {}), balanced.get(zone, 0), zone, lists) for zone in zones}


def _rules_of(
    counts: Mapping[str, int], balancers: int, zone: UUID, lists: Mapping[tuple[UUID, str], Reading]
) -> Rules:
    readings = [lists.get((zone, kind)) for kind in NAT_LISTS]
    read = [each for each in readings if each is not None and each.read_at]
    # What is told is as old as the list that is too old first.
    first = min(read, key=lambda each: each.read_at + each.fresh_for if each.read_at else clock.now(), default=None)
    return Rules(
        **counts,
        balancers=balancers,
        read_at=first.read_at if first and len(read) == len(readings) else None,
        is_stale=any(each is None or each.is_stale for each in readings),
        fresh_for=int(first.fresh_for.total_seconds()) if first else 0,
    )


def tenants_behind(zone: Zone, action: str, by: Platform) -> int:
    """How many tenants have a VPC with an enabled rule of this action, DNAT or SNAT. One query."""
    rules = Item.objects.filter(zone=zone, kind=Kind.NETRIS_NAT, nat_action=action.upper())
    vpcs = rules.filter(key__regex=r"^\d{1,18}$")
    ids = vpcs.annotate(vpc=Cast("key", BigIntegerField())).values("vpc")
    rows = Vpc.objects.across(by).live().filter(zone=zone, netris_id__in=ids)
    return int(rows.aggregate(n=Count("tenant", distinct=True))["n"])
