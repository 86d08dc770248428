"""Making, changing and deleting sites of Netris. Each is an operation of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.fabric.inventory.queries import SiteLine
from apps.fabric.models import SurveyedSite
from apps.fabric.naming import claim_name
from apps.kernel.errors import Invalid, Refused
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.sites.models import FACTS, Site
from apps.sites.queries import facts_of, line_of, subnets_of, why_it_stays, why_not_change, why_not_delete, why_not_make
from apps.sites.specs import SiteChange, SiteSpec
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone


@transaction.atomic(durable=True)
def create_site(zone: Zone, spec: SiteSpec, *, by: Platform) -> Operation:
    """Raises `Refused` where Netris has one of this name, and `Busy` while the same one is being made."""
    if reason := why_not_make(zone):
        raise Refused("zone-disabled", reason, "zone")
    if faults := _name_faults(zone, spec.name):
        raise Invalid(faults)
    facts = {name: getattr(spec, name) for name in FACTS}
    pk = Site.id_of(zone, spec.name)
    defaults = {**facts, "zone": zone, "netris_id": None}
    site, _ = Site.objects.update_or_create(pk=pk, defaults=defaults)  # undone where it is `Busy`
    audit(by.actor, "site.create", site, tenant=None, new=facts)
    return _start(site, Goal.PRESENT, by)


@transaction.atomic(durable=True)
def change_site(row: SurveyedSite, change: SiteChange, *, by: Platform) -> Operation:
    """Raises `Refused` where nothing would differ, or what would does not fit what is in it."""
    if reason := why_not_change(row):
        raise Refused("not-changeable", reason)
    now = facts_of(row)
    wanted = {name: value for name, value in change.values.items() if now[name] != value}
    if not wanted:
        raise Refused("nothing-to-change", "Everything is so already.")
    if faults := change_faults(line_of(row), wanted):
        raise Invalid(faults)
    site = Site.of(row)
    audit(by.actor, "site.change", site, tenant=None, old={name: now[name] for name in wanted}, new=wanted)
    return _start(site, Goal.CHANGED, by, wanted)


@transaction.atomic(durable=True)
def delete_site(row: SurveyedSite, *, by: Platform) -> Operation:
    """Raises `Refused` while something is in it, as far as the inventory shows: Netris refuses what it does not."""
    if reason := why_not_delete(line_of(row), subnets_of(row).count()):
        raise Refused("not-deletable", reason)
    site = Site.of(row)
    audit(by.actor, "site.delete", site, tenant=None, old=dict(facts_of(row)))
    return _start(site, Goal.ABSENT, by)


def change_faults(line: SiteLine, wanted: Mapping[str, Any]) -> list[Refused]:
    """One query where it is called otherwise."""
    faults = _name_faults(line.zone, wanted["name"]) if "name" in wanted else []
    for name in wanted:
        if reason := why_it_stays(line, name):
            faults.append(Refused(f"{name.replace('_', '-')}-in-use", reason, name))
    return faults


def _name_faults(zone: Zone, name: str) -> list[Refused]:
    if SurveyedSite.objects.filter(zone=zone, name=name).exists():
        return [Refused("name-taken", "Netris has a site of this name already.", "name")]
    return []


def _start(site: Site, goal: Goal, by: Platform, wanted: Mapping[str, Any] | None = None) -> Operation:
    if goal == Goal.PRESENT or (wanted and "name" in wanted):
        claim_name(["site"], wanted["name"] if wanted else site.name, site.zone)
    return operations.start(
        "site",
        site,
        goal,
        tenant=None,
        zone=site.zone,
        lock_key=site.lock_key,
        is_alone=True,
        wanted=dict(wanted) if wanted else None,
        by=by.actor,
    )
