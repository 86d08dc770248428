"""What the forms of load balancers offer: tiers, instances and public IPs that one can have now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from apps.addresses.models import PublicIp, Purpose
from apps.instances import queries as instances
from apps.instances.queries import GONE, Instance
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

#: Public IPs, instances, and half of the tiers. Instances beyond are found by words, tiers by way of their VPC.
OFFERED = 100


def tiers_of(tenant: Tenant, vpc: Vpc | None = None) -> list[Tier]:
    """Those that members can be in, of ready VPCs. One query."""
    rows = Tier.objects.of(tenant).live().filter(status=Status.READY, vpc__status=Status.READY)
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return list(rows.select_related("vpc__tenant", "vpc__zone").order_by("vpc__name", "cidr", "id")[: 2 * OFFERED])


def inhabited_first(tenant: Tenant, tiers: Sequence[Tier], vpc: Vpc | None = None) -> list[Tier]:
    """With one that has instances before all others, where there is one. Four queries."""
    known = {each.pk for each in tiers}
    found = instances.choices(tenant, vpc=vpc)
    first = next((each.tier.pk for each in found if each.tier and each.tier.pk in known), None)
    return sorted(tiers, key=lambda tier: tier.pk != first)


def public_ips_of(vpc: Vpc) -> list[PublicIp]:
    """Those at which one more load balancer can answer. One query."""
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc, status=Status.READY)
    free = rows.filter(purpose__in=(Purpose.UNUSED, Purpose.LOAD_BALANCER))
    return list(free.select_related("vpc", "tenant").order_by("address", "id")[:OFFERED])


def instances_in(
    tier: Tier, *, words: str = "", chosen: Collection[UUID] = (), without: Collection[UUID] = ()
) -> list[Instance]:
    """Instances of the tier that can be members: those that are chosen, and then the first that match the words. What
    leads to an instance leads to its first address in the VPC, so that has to be in the tier. Five queries."""
    there = instances.of(tier.vpc.tenant, tier=tier).exclude(data__state__in=GONE)
    there = there.exclude(remote_id__in=[str(each) for each in without]).order_by("name", "remote_id")
    ids = [str(each) for each in chosen]
    matching = instances.narrowed(there, words=words).exclude(remote_id__in=ids)
    rows = [*there.filter(remote_id__in=ids), *matching[:OFFERED]]
    return [
        each for each in instances.shown(rows, Tier.objects.of(tier.vpc.tenant)) if _first_in(each, tier.vpc) == tier
    ]


def _first_in(instance: Instance, vpc: Vpc) -> Tier | None:
    return next((each.tier for each in instance.addresses if each.tier and each.tier.vpc_id == vpc.pk), None)
