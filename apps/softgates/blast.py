"""What would be touched if a SoftGate carried nothing any more: told before somebody puts it into maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.softgates.models import Maintenance
from apps.softgates.queries import GENERAL, SNAT, Fleet, Member, tenants_behind
from apps.tenancy.actors import Platform


@dataclass(frozen=True)
class Effect:
    """As the confirmation lists it."""

    kind: str
    name: str
    detail: str


@dataclass(frozen=True)
class BlastRadius:
    """`others` of its kind are well and stay; `is_last`: there is none, so what it carries stops. `tenants` have
    something on its kind of nodes; which of them on this very node Netris does not tell."""

    member: Member
    others: int
    tenants: int
    goes: Sequence[Effect]
    stays: Sequence[Effect]

    @property
    def is_last(self) -> bool:
        return self.member.node.role in (GENERAL, SNAT) and self.others == 0

    @property
    def warning(self) -> str:
        """Why its name is asked for; "" where it is not."""
        if not self.is_last:
            return ""
        if self.is_stale:
            return "Whether another one of its kind is well is not known: the last reading is too old."
        return "It is the last of its kind that is well: what it carries stops."

    @property
    def is_stale(self) -> bool:
        return self.member.fleet.is_stale


def _nodes(count: int) -> str:
    return f"{count} other node{'s' * (count != 1)}"


def _tenants(count: int) -> str:
    return f"{count:,} tenant{'s are' if count != 1 else ' is'}"


def _going(fleet: Fleet) -> set[str]:
    """Netris' ids of the nodes that are being put into maintenance from any zone of it, or were so lately that the
    inventory does not tell it yet."""
    rows = Operation.unscoped.filter(zone__netris_url=fleet.zone.netris_url, kind=Maintenance.KIND, goal=Goal.PRESENT)
    is_new = Q(finished_at=None) | Q(finished_at__gte=fleet.read_at) if fleet.read_at else Q(finished_at=None)
    going = Maintenance.objects.filter(pk__in=rows.filter(is_new).values("resource_id"))
    return set(going.values_list("remote_id", flat=True))


def blast_radius(member: Member, by: Platform) -> BlastRadius:
    """Three queries at most."""
    node, fleet = member.node, member.fleet
    going = {node.line.row.remote_id, *_going(fleet)}
    others = sum(each.is_well for each in fleet.of(node.role) if each.line.row.remote_id not in going)
    sessions = Effect("BGP", f"{node.sessions_up} sessions", "stay up; routers prefer the other nodes")
    if node.role == GENERAL:
        tenants = tenants_behind(fleet.zone, "DNAT", by)
        rules = f"{fleet.rules.dnat:,} DNAT rules, {fleet.rules.balancers:,} load balancers"
        if not others:
            goes = [Effect("Inbound", rules, f"carry nothing any more: {_tenants(tenants)} cut off from outside")]
            return BlastRadius(member, others, tenants, goes, [sessions])
        left = "" if fleet.place.mpps is None else f", {others * fleet.place.mpps:.0f} Mpps together"
        stays = [Effect("Inbound", rules, f"are on {_nodes(others)}{left}; no session is lost"), sessions]
        return BlastRadius(member, others, tenants, [], stays)
    if node.role == SNAT:
        tenants, vpcs = tenants_behind(fleet.zone, "SNAT", by), fleet.rules.snat_vpcs
        if not others:
            detail = f"reach nothing outside any more: {_tenants(tenants)} cut off"
            return BlastRadius(member, others, tenants, [Effect("Outbound", f"{vpcs:,} VPCs", detail)], [sessions])
        share = -(-vpcs // (others + 1))
        detail = f"of {vpcs:,}: their sessions are reset, and begin anew on {_nodes(others)}"
        goes = [Effect("Outbound", f"About {share:,} VPCs", detail)]
        return BlastRadius(member, others, tenants, goes, [sessions])
    return BlastRadius(member, others, 0, [], [sessions])
