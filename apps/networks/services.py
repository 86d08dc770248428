"""One verb per change of a VPC or a tier. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from apps.accounts.models import Account
from apps.kernel.errors import Invalid, Refused
from apps.kernel.locks import hold_rows
from apps.kernel.names import DESCRIPTION, NAME, key_of
from apps.networks import queries
from apps.networks.learned import need_apart
from apps.networks.models import Tier, Vpc
from apps.networks.specs import TierSpec, VpcSpec, outside, overlap, taken
from apps.operations import services as operations
from apps.operations.models import Operation, Priority
from apps.operations.state import Goal
from apps.quotas.resources import TIER, VPC
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit
from apps.zones.models import Zone

#: A row in a VPC, with a `vpc`, a `tenant`, a door and a `why_not`.
R = TypeVar("R", bound=Any)


@transaction.atomic(durable=True)
def create_vpc(tenant: Tenant, spec: VpcSpec, *, by: Actor, priority: Priority = Priority.PERSON) -> Operation:
    """Reserve the VPC and its first tiers, and start building. Raises `Refused`."""
    zone = find_zone(spec.zone)
    need_account(tenant, zone)
    quotas = hold_use(tenant)
    quotas.need(VPC)
    quotas.need(TIER, len(spec.tiers), field="tiers")
    if len(spec.tiers) > zone.max_tiers_per_vpc:
        raise too_many_tiers(zone, "tiers")
    with translated("VPC", spec.name):
        vpc = Vpc(tenant=tenant, zone=zone, name=spec.name, description=spec.description, cidr=spec.cidr)
        vpc.save(force_insert=True)
        for tier in spec.tiers:
            Tier(vpc=vpc, tenant=vpc.tenant, vpc_cidr=vpc.cidr, name=tier.name, cidr=tier.cidr).save(force_insert=True)
    audit(
        by,
        "vpc.create",
        vpc,
        tenant=tenant,
        new={"name": vpc.name, "zone": zone.name, "cidr": str(vpc.cidr)}
        | {"tiers": [f"{tier.name} {tier.cidr}" for tier in spec.tiers]},
    )
    return _start("vpc", vpc, Goal.PRESENT, by=by, priority=priority)


@transaction.atomic(durable=True)
def rename_vpc(vpc: Vpc, *, name: str, description: str, by: Actor) -> bool:
    """Give a VPC another name or description, at once: both live in Weft alone. False when they are what they were."""
    name, description = NAME.parse(name, "name"), DESCRIPTION.parse(description, "description")
    vpc = held_vpc(vpc, "rename")
    old = {"name": vpc.name, "description": vpc.description}
    new = {"name": name, "description": description}
    if old == new:
        return False
    with translated("VPC", name):
        vpc.name, vpc.description = name, description
        vpc.save(update_fields=["name", "name_key", "description", "search_key"])
    audit(by, "vpc.rename", vpc, tenant=vpc.tenant, old=old, new=new)
    return True


@transaction.atomic(durable=True)
def delete_vpc(vpc: Vpc, *, by: Actor) -> Operation:
    """Take a VPC away with all its tiers."""
    vpc = held_vpc(vpc, "delete")
    audit(by, "vpc.delete", vpc, tenant=vpc.tenant, old={"name": vpc.name, "cidr": str(vpc.cidr)})
    return _start("vpc", vpc, Goal.ABSENT, by=by)


@transaction.atomic(durable=True)
def create_tier(vpc: Vpc, spec: TierSpec, *, by: Actor, beside: Callable[[Tier], None] | None = None) -> Operation:
    """Add a tier to a VPC that is ready. `beside` makes rows of other apps that belong to it from its first moment."""
    quotas = hold_use(vpc.tenant)
    vpc = held_vpc(vpc, "add tier")
    quotas.need(TIER)
    tiers = list(Tier.objects.of(vpc.tenant).live().filter(vpc=vpc))
    if len(tiers) >= vpc.zone.max_tiers_per_vpc:
        raise too_many_tiers(vpc.zone, "vpc")
    problems: list[Refused] = []
    if not spec.cidr.subnet_of(vpc.cidr):
        problems.append(outside(spec.cidr, vpc.cidr, "cidr"))
    problems += [overlap(spec.cidr, tier.name, tier.cidr, "cidr") for tier in tiers if spec.cidr.overlaps(tier.cidr)]
    if any(tier.name_key == key_of(spec.name) for tier in tiers):
        problems.append(taken("tier", spec.name, "name"))
    if problems:
        raise Invalid(problems)
    need_apart(vpc, [spec.cidr], "cidr")
    with translated("tier", spec.name):
        tier = Tier(vpc=vpc, tenant=vpc.tenant, vpc_cidr=vpc.cidr, name=spec.name, cidr=spec.cidr)
        tier.save(force_insert=True)
    if beside is not None:
        beside(tier)
    audit(by, "tier.create", tier, tenant=vpc.tenant, new={"name": tier.name, "cidr": str(tier.cidr)})
    return _start("tier", tier, Goal.PRESENT, by=by)


@transaction.atomic(durable=True)
def rename_tier(tier: Tier, *, name: str, by: Actor) -> bool:
    """Give a tier another name, at once: it lives in Weft alone. False when it is what it was."""
    name = NAME.parse(name, "name")
    tier = _held_tier(tier, "rename")
    if name == tier.name:
        return False
    old = tier.name
    with translated("tier", name):
        tier.name = name
        tier.save(update_fields=["name", "name_key", "search_key"])
    audit(by, "tier.rename", tier, tenant=tier.vpc.tenant, old={"name": old}, new={"name": name})
    return True


@transaction.atomic(durable=True)
def delete_tier(tier: Tier, *, by: Actor) -> Operation:
    tier = _held_tier(tier, "delete")
    audit(by, "tier.delete", tier, tenant=tier.vpc.tenant, old={"name": tier.name, "cidr": str(tier.cidr)})
    return _start("tier", tier, Goal.ABSENT, by=by)


def find_zone(reference: str) -> Zone:
    """An enabled zone by its id or its name."""
    zone = Zone.objects.called(reference).filter(is_enabled=True).first()
    if zone is None:
        names = ", ".join(Zone.objects.filter(is_enabled=True).values_list("name", flat=True)) or "none yet"
        raise Refused("zone-unknown", f"There is no zone “{reference[:63]}”. Zones: {names}.", "zone")
    return zone


def need_account(tenant: Tenant, zone: Zone) -> None:
    if not Account.objects.of(tenant).ready().filter(zone=zone).exists():
        raise Refused(
            "account-not-ready",
            f"The account of {tenant} in {zone} is not ready yet. It is created once, when a tenant is new; try again "
            "in a minute, and tell your provider if it stays so.",
            "zone",
        )


def too_many_tiers(zone: Zone, field: str) -> Refused:
    return Refused("too-many-tiers", f"A VPC in {zone} has at most {zone.max_tiers_per_vpc} tiers.", field)


@contextmanager
def translated(noun: str, name: str) -> Iterator[None]:
    """Turns a broken constraint into a refusal that names the field: the database has the last word on races."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        text = str(error)
        if "name_is_unique" in text:
            raise taken(noun, name, "name") from error
        if "tier_ranges_do_not_overlap" in text:
            raise Refused("cidr-overlap", "The CIDR overlaps another tier. Take a free one.", "cidr") from error
        if "tier_lies_in_vpc" in text:
            raise Refused("cidr-outside-vpc", "The CIDR is not inside the VPC's CIDR.", "cidr") from error
        raise


def held_vpc(vpc: Vpc, action: str) -> Vpc:
    """The VPC as it is now, locked until the transaction ends. Raises `Refused` when the action is not offered."""
    rows = Vpc.objects.of(vpc.tenant).select_for_update(of=("self",), no_key=True).select_related("tenant", "zone")
    vpc = rows.get(pk=vpc.pk)
    _need_offer(vpc, action)
    return vpc


def held_in_vpc(row: R, action: str, *related: str) -> R:
    """Something in a VPC in the same way, with what its tenant uses and its VPC locked before it. Raises `Refused` also
    while the VPC itself is being built, removed, or stuck; a name can be changed then."""
    hold_use(row.tenant)
    hold_rows(Vpc.objects.of(row.tenant).filter(pk=row.vpc_id))
    rows = type(row).objects.of(row.tenant).select_for_update(of=("self",), no_key=True)
    row = rows.select_related("tenant", "vpc__tenant", "vpc__zone", *related).get(pk=row.pk)
    work = queries.work_on(row.vpc)
    if action != "rename":
        operations.need(row.vpc.why_not("add tier", work), work)
    operations.need(row.why_not(action, work), work)
    return row


def _held_tier(tier: Tier, action: str) -> Tier:
    """The same of a tier, and of its VPC before it."""
    tenant = tier.vpc.tenant
    hold_rows(Vpc.objects.of(tenant).filter(pk=tier.vpc_id))
    rows = (
        Tier.objects.of(tenant).select_for_update(of=("self",), no_key=True).select_related("vpc__tenant", "vpc__zone")
    )
    tier = rows.get(pk=tier.pk)
    _need_offer(tier, action)
    return tier


def _need_offer(row: Vpc | Tier, action: str) -> None:
    """Raises `Refused` when the action is not offered now, in the words that said so before."""
    vpc = row.vpc if isinstance(row, Tier) else row
    work = queries.work_on(vpc)
    operations.need(row.why_not(action, work), work)


def _start(kind: str, resource: Vpc | Tier, goal: Goal, *, by: Actor, **options: Any) -> Operation:
    """In the lane of the VPC, whose row is held. With the VPC itself its tiers go too, so nothing else is under way
    then."""
    if isinstance(resource, Tier):
        vpc, options = resource.vpc, options | {"lock_key": resource.lock_key}
    else:
        vpc, options = resource, options | {"lock_key": resource.lane, "is_alone": True}
    return operations.start(kind, resource, goal, tenant=vpc.tenant, zone=vpc.zone, lane=vpc.lane, by=by, **options)
