"""Making, changing and deleting allocations and subnets of the System VPC. Each is an operation of the platform."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.fabric.models import SurveyedSubnet
from apps.fabric.naming import claim_name
from apps.ipam.estate import Estate, carried_by, why_not_delete, why_not_touch
from apps.ipam.models import Block
from apps.ipam.specs import BlockChange, BlockSpec
from apps.kernel.errors import Invalid, Refused
from apps.kernel.locks import hold_name
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone


@transaction.atomic(durable=True)
def create_block(zone: Zone, spec: BlockSpec, *, by: Platform) -> Operation:
    """Raises `Refused` for what does not fit into what was last read, and `Busy` while the same one is being made."""
    estate = Estate.of(zone)
    if faults := list(estate.faults(spec)):
        raise Invalid(faults)
    assert estate.vpc is not None, "a fault said so"
    facts = {
        "zone": zone,
        "type": spec.type,
        "prefix": spec.prefix,
        "name": spec.name,
        "description": spec.description,
        "purpose": spec.purpose,
        "gateway": spec.gateway,
        "sites": estate.site_refs(spec.sites),
        "vpc": estate.vpc,
        "netris_tenant": estate.netris_tenant,
        "netris_id": None,
    }
    pk = Block.id_of(zone, spec.type, spec.prefix)
    block, _ = Block.objects.update_or_create(pk=pk, defaults=facts)  # undone where it is `Busy`
    audit(by.actor, f"{spec.type}.create", block, tenant=None, new=_told(facts))
    return _start(block, Goal.PRESENT, by)


@transaction.atomic(durable=True)
def change_block(row: SurveyedSubnet, change: BlockChange, *, by: Platform) -> Operation:
    """Raises `Refused` where nothing would differ, or what would does not fit."""
    if reason := why_not_touch(row):
        raise Refused("not-changeable", reason)
    estate = Estate.of(row.zone)
    wanted = differences(row, change)
    if not wanted:
        raise Refused("nothing-to-change", "Everything is so already.")
    if faults := list(change_faults(estate, row, wanted)):
        raise Invalid(faults)
    if "sites" in wanted:
        wanted["sites"] = estate.site_refs(wanted["sites"])
    block = Block.of(row, _system(estate))
    old = {name: getattr(block, name) for name in wanted}
    audit(by.actor, f"{row.type}.change", block, tenant=None, old=_told(old), new=_told(wanted))
    return _start(block, Goal.CHANGED, by, wanted)


@transaction.atomic(durable=True)
def delete_block(row: SurveyedSubnet, *, by: Platform) -> Operation:
    """Raises `Refused` while something lies in it. Netris is asked again before it is deleted there."""
    if reason := why_not_delete(row, carried_by(row)):
        raise Refused("not-deletable", reason)
    estate = Estate.of(row.zone)
    block = Block.of(row, _system(estate))
    audit(by.actor, f"{row.type}.delete", block, tenant=None, old={"prefix": str(block.prefix)})
    return _start(block, Goal.ABSENT, by)


def differences(row: SurveyedSubnet, change: BlockChange) -> dict[str, Any]:
    """What of a change is not so yet; sites by their names."""
    now = values_of(row)
    return {name: value for name, value in change.values.items() if now[name] != value}


def values_of(row: SurveyedSubnet) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in ("name", "description", "purpose", "gateway")}
    return {**facts, "sites": tuple(row.site_names)}


def change_faults(estate: Estate, row: SurveyedSubnet, wanted: dict[str, Any]) -> list[Refused]:
    if row.type == Block.ALLOCATION and (alien := [name for name in wanted if name not in ("name", "description")]):
        return [Refused(f"{name}-not-here", "An allocation has none.", name) for name in alien]
    faults = list(estate.faults_of(row.type, row.prefix, {**values_of(row), **wanted}, row))
    if "purpose" in wanted:
        carried = estate.carried_by(row)
        if carried.is_used:
            words = f"It still has {carried.words}: what it is for stays."
            faults.append(Refused("purpose-in-use", words, "purpose"))
        elif carried.unknown:
            faults.append(Refused("purpose-in-use", carried.unknown, "purpose"))
    return faults


def _system(estate: Estate) -> dict[str, Any]:
    if estate.vpc is None:
        raise Refused("not-read", f"Netris of {estate.zone} was not read yet. Try again in a minute.", "zone")
    return estate.vpc


def _start(block: Block, goal: Goal, by: Platform, wanted: dict[str, Any] | None = None) -> Operation:
    if goal != Goal.CHANGED:
        _need_apart(block, goal)
    if goal == Goal.PRESENT or (wanted and "name" in wanted):
        claim_name([block.type], wanted["name"] if wanted else block.name, block.zone)
    return operations.start(
        block.type,
        block,
        goal,
        tenant=None,
        zone=block.zone,
        lock_key=block.lock_key,
        is_alone=True,
        wanted=wanted,
        by=by.actor,
    )


def _need_apart(block: Block, goal: Goal) -> None:
    """What lies in an allocation goes with it. Raises `Busy` while something is being made in one that is to go, or
    while one goes in which this is to be made."""
    hold_name(f"ranges of {block.zone.controller_id}")
    work = Operation.unscoped.live().filter(zone__netris_url=block.zone.netris_url)
    if goal == Goal.PRESENT:
        near = Block.objects.filter(prefix__net_contains_or_equals=str(block.prefix))
        work = work.filter(kind=Block.ALLOCATION, goal=Goal.ABSENT)
    elif block.type == Block.ALLOCATION:
        near = Block.objects.filter(prefix__net_contained_or_equal=str(block.prefix))
        work = work.filter(kind__in=(Block.ALLOCATION, Block.SUBNET), goal=Goal.PRESENT)
    else:
        return
    if holder := work.filter(resource_id__in=near.values("pk")).first():
        raise operations.busy(None, holder)


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """For the audit log: what people have said."""
    named = {name: value for name, value in facts.items() if name not in ("zone", "vpc", "netris_tenant", "netris_id")}
    return {name: value if isinstance(value, list) else str(value) for name, value in named.items()}
