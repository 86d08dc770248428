"""What pages and the API read about access lists. Each function costs the same number of queries however many rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any, cast
from uuid import UUID

from django.core.paginator import Page

from apps.acls.evaluator import Answer, evaluate
from apps.acls.filters import AclFilter
from apps.acls.models import Acl, AclQuerySet, PastRules, TierAcl, TierAclQuerySet
from apps.acls.packets import Packet
from apps.acls.rules import Rule, places_in_force
from apps.acls.tables import Decision
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.mirror.queries import Applied
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.tenancy.models import Tenant

#: Of a VPC. CloudStack has no limit of its own.
MOST_LISTS = 100
#: Instances of a tier that its page leads to.
MOST_MACHINES = 50
#: VPCs that a form offers.
MOST_OFFERED = 500


def tiers_of(acl: Acl) -> list[TierAcl]:
    """The tiers that have a list, by their names."""
    return in_use([acl.pk], TierAcl.objects.of(acl.tenant)).get(acl.pk, [])


def in_use(acls: Iterable[UUID], rows: TierAclQuerySet) -> dict[UUID, list[TierAcl]]:
    """By the list's id, among the rows that the caller may see. One query, none for no list."""
    ids = list(acls)
    found: dict[UUID, list[TierAcl]] = {}
    theirs = rows.live().filter(acl__in=ids).select_related("acl", "tier").defer("acl__rules")
    for row in theirs.order_by("tier__name", "id") if ids else ():
        found.setdefault(row.acl_id, []).append(row)
    return found


def seen_of(rows: Sequence[TierAcl]) -> Applied:
    """Whether both systems have a list wherever it is in use, by the oldest of the readings. Not known of one tier is
    not known of the list, but for what is missing."""
    seen = [row.seen for row in rows]
    times = [(each.read_at, each.fresh_until) for each in seen if each.read_at and each.fresh_until]
    read_at, fresh_until = min(times) if times and len(times) == len(seen) else (None, None)
    is_there = all(each.is_applied for each in seen)
    is_applied = False if any(each.is_missing for each in seen) else (is_there and bool(rows)) or None
    return Applied(is_applied, read_at, fresh_until)


def network_of(acl: Acl, rows: Sequence[TierAcl]) -> IPv4Network:
    """The addresses that its rules stand on: those of a tier that has it, or of the VPC while none has."""
    return rows[0].tier.cidr if rows else acl.vpc.cidr


def with_vpcs(rows: AclQuerySet) -> AclQuerySet:
    return rows.live().select_related("tenant", "vpc")


def lists_of(tiers: Iterable[Tier], rows: TierAclQuerySet) -> dict[UUID, TierAcl]:
    """By the tier's id. One query, none for no tier."""
    ids = [tier.pk for tier in tiers]
    return {row.pk: row for row in rows.live().filter(pk__in=ids).select_related("acl")} if ids else {}


def past_of(acl: Acl) -> list[PastRules]:
    """What it was before its latest changes, the latest first. One query."""
    return list(PastRules.objects.of(acl.tenant).filter(acl=acl))


def authors_since(acl: Acl, version: int) -> list[str]:
    """Who has changed the rules since that version, each once, the latest first. One query."""
    changes = Operation.objects.of(acl.tenant).filter(
        resource_type="acl", resource_id=acl.pk, goal=Goal.CHANGED, phase=Phase.SUCCEEDED
    )
    latest = changes.order_by("-finished_at").values_list("requested_by", flat=True)[: max(acl.version - version, 0)]
    return list(dict.fromkeys(latest))


def change_of(acl: Acl, work: Sequence[Operation]) -> Any:
    """The values that a change under way brings, or None."""
    return next((each.wanted for each in work if each.resource_id == acl.pk and each.wanted), None)


def answer_of(acl: Acl, packet: Packet) -> tuple[Answer, tuple[Rule, ...]]:
    """What the rules in force do to a packet, and these rules; places are those in the whole list."""
    rules = acl.written
    places = places_in_force(rules, clock.now())
    tier = network_of(acl, tiers_of(acl))
    answer = evaluate([rules[place] for place in places], tier, acl.site, packet, denies_rest=acl.denies_rest)

    def among_all(decision: Decision) -> Decision:
        return decision if decision.place is None else decision._replace(place=places[decision.place])

    return replace(answer, written=among_all(answer.written), effective=among_all(answer.effective)), rules


# --- for pages --------------------------------------------------------------------------------------------------------


def search(tenant: Tenant, *, words: str, status: str, vpc: Vpc | None = None) -> AclQuerySet:
    wanted = {name: value for name, value in (("q", words), ("status", status)) if value}
    rows = Acl.objects.of(tenant).live()
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return (AclFilter(wanted, queryset=rows).qs if wanted else rows).order_by("name", "id")


def rows_of(tenant: Tenant, page: Page[Acl]) -> list[dict[str, Any]]:
    """What the lines of the list show. Two queries."""
    return lines_of(tenant, list(cast(AclQuerySet, page.object_list).select_related("vpc")))


def lines_of(tenant: Tenant, acls: Sequence[Acl]) -> list[dict[str, Any]]:
    """One query."""
    used = in_use([acl.pk for acl in acls], TierAcl.objects.of(tenant))
    return [
        {
            "acl": acl,
            "count": len(acl.rules),
            "tiers": used.get(acl.pk, []),
            "seen": seen_of(used.get(acl.pk, [])),
        }
        for acl in acls
    ]


def vpcs_for(tenant: Tenant) -> list[Vpc]:
    """Those in which a list can be made, by their names."""
    return list(Vpc.objects.of(tenant).filter(status=Status.READY).order_by("name", "id")[:MOST_OFFERED])


def lists_in(vpc: Vpc) -> list[Acl]:
    return list(Acl.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by("name", "id"))


def count_in(vpc: Vpc) -> int:
    return Acl.objects.of(vpc.tenant).live().filter(vpc=vpc).count()


def list_of(tier: Tier) -> TierAcl | None:
    return TierAcl.objects.of(tier.tenant).live().select_related("acl").filter(pk=tier.pk).first()


def lists_around(tier: Tier) -> list[TierAcl]:
    """Of all tiers in its VPC."""
    rows = TierAcl.objects.of(tier.tenant).live().filter(tier__vpc=tier.vpc_id)
    return list(rows.select_related("acl", "tier"))


def address_in(tier: Tier, text: str) -> IPv4Address:
    """That of a machine of the tier. Raises `Refused`."""
    try:
        address = IPv4Address(text.strip())
    except ValueError:
        raise Refused("address-malformed", "Give one IPv4 address, such as 10.20.0.11.", "address") from None
    if address not in tier.cidr:
        raise Refused("address-outside", f"{address} is not in {tier.cidr}, the CIDR of {tier.name}.", "address")
    return address


def machines_in(tier: Tier) -> list[Instance]:
    """The first of its instances, by their names."""
    rows = instances.of(tier.tenant, tier=tier).order_by(*instances.SORTS["name"])[:MOST_MACHINES]
    return instances.shown(rows, Tier.objects.of(tier.tenant))
