"""Tenants come to be here: a row in Weft, and an account in every zone, each made by an operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from unicodedata import combining, normalize

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Account
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row
from apps.kernel.names import NAME, key_of
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.quotas.services import Limits, set_limits
from apps.tenancy.actors import Platform
from apps.tenancy.models import Membership, Role, Tenant, User
from apps.tenancy.services import audit, tell_of_rights
from apps.zones.access import Access, Found, look_up
from apps.zones.models import Trial, Zone
from apps.zones.services import ZoneSpec, save_zone, set_enabled
from apps.zones.trials import SECRETS, why_not_take

#: Words that stand where a slug would, in the addresses of the portal.
RESERVED = frozenset({"new"})
NONE: Limits = {}


@transaction.atomic(durable=True)
def create_tenant(
    *, name: str, slug: str = "", limits: Limits = NONE, owner: User | None = None, by: Platform
) -> tuple[Tenant, list[Operation]]:
    """Make a tenant and start its accounts in all enabled zones. Raises `Refused` with the field at fault."""
    name = NAME.parse(name, "name")
    if not (slug := slug or slug_of(name)):
        text = f"Give a short name: none can be made from {name}, which has no letter from a to z."
        raise Refused("slug-missing", text, "slug")
    tenant = Tenant(name=name, slug=slug)
    if tenant.slug in RESERVED:
        raise Refused("slug-reserved", f"“{tenant.slug}” is a word of the portal's own addresses.", "slug")
    try:
        tenant.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(f"{field}-invalid", " ".join(messages), field) from error
    try:
        with transaction.atomic():
            tenant.save(force_insert=True)
    except IntegrityError as error:
        if Tenant.objects.filter(name_key=key_of(name)).exists():
            text = "Another tenant has this name, or one that looks the same. Choose another one."
            raise Refused("name-taken", text, "name") from error
        text = f"Another tenant has the short name {slug}. Give another one."
        raise Refused("slug-taken", text, "slug") from error
    set_limits(tenant, limits)
    if owner is not None:
        Membership.objects.create(user=owner, tenant=tenant, role=Role.OWNER)
    new = {"name": tenant.name, "slug": tenant.slug} | {resource.field: most for resource, most in limits.items()}
    audit(by.actor, "tenant.create", tenant, tenant=tenant, new=new)
    return tenant, [open_account(tenant, zone, by=by) for zone in Zone.objects.filter(is_enabled=True)]


def open_account(tenant: Tenant, zone: Zone, *, by: Platform) -> Operation:
    """Start making the tenant's account in one zone, within the caller's transaction."""
    account = Account(tenant=tenant, zone=zone)
    account.save(force_insert=True)
    return operations.start(
        "account",
        account,
        Goal.PRESENT,
        tenant=tenant,
        zone=zone,
        lock_key=f"account:{account.pk}",
        by=by.actor,
    )


class Registered(NamedTuple):
    zone: Zone
    #: One for each tenant that gets its account there now.
    operations: list[Operation]


def register_zone(spec: ZoneSpec, *, by: Platform) -> Registered:
    """Look a zone up in both systems, and save it or bring a saved one up to date; tenants that have no account there
    get one. For the command line, which can wait: pages and the API try a connection first, and then `take` it.

    Raises `Refused` for what is no address or does not exist there, `Unavailable` for what does not answer.
    """
    NAME.parse(spec.name, "name")
    found = look_up(Access.of(spec))
    with transaction.atomic(durable=True):
        return _with_accounts(save_zone(spec, found, by=by), by)


@transaction.atomic(durable=True)
def take(trial: Trial, chosen: Mapping[str, Any], *, by: Platform) -> Registered:
    """Register a zone by a connection that was tried, or let an existing one have it. `chosen` has the fields of
    `ZoneSpec` that are no part of a connection; `name` is that of the trial's zone where it has one.

    Raises `Refused` while the trial is not good, any more or again.
    """
    if trial.zone is not None:
        hold_row(trial.zone)
    hold_row(trial)
    trial.refresh_from_db()
    if (reason := why_not_take(trial)) is not None:
        raise Refused("trial-" + trial.status, reason, "trial")
    found = Found.model_validate(trial.found)
    values = dict(chosen)
    if trial.zone is not None:
        there = found.zone_of(trial.zone.cloudstack_zone_id)
        if there is None:
            text = f"This CloudStack does not have {trial.zone}; what was built there would be lost sight of."
            raise Refused("zone-other", text, "trial")
        values["name"] = there.name
    elif Zone.objects.called(str(values["name"])).exists():
        raise Refused("zone-taken", f"{values['name']} is registered already. Change its connection instead.", "name")
    spec = ZoneSpec(**vars(Access.of(trial)), **values)
    zone = save_zone(spec, found, zone=trial.zone, by=by)
    trial.taken_at, trial.zone = clock.now(), zone
    for name in SECRETS:
        setattr(trial, name, "")
    trial.save(update_fields=["taken_at", "zone", *SECRETS])
    return _with_accounts(zone, by)


def offerings_of(zone: Zone, trial: Trial) -> dict[str, str]:
    """The names of the zone's offerings, as far as the trial found them: whoever chooses no others keeps them."""
    found = Found.model_validate(trial.found)
    rows = (("vpc_offering", found.vpc_offerings), ("tier_offering", found.tier_offerings))
    return {
        field: offering.name
        for field, offerings in rows
        for offering in offerings
        if offering.id == str(getattr(zone, f"{field}_id"))
    }


@transaction.atomic(durable=True)
def enable_zone(zone: Zone, *, by: Platform) -> Registered:
    """Let new things be built there again; tenants that came meanwhile get their accounts."""
    return _with_accounts(set_enabled(zone, True, by=by), by)


@transaction.atomic(durable=True)
def disable_zone(zone: Zone, *, by: Platform) -> Zone:
    return set_enabled(zone, False, by=by)


def _with_accounts(zone: Zone, by: Platform) -> Registered:
    held = Account.objects.across(by).live().filter(zone=zone).values("tenant")
    tenants = Tenant.objects.exclude(pk__in=held) if zone.is_enabled else Tenant.objects.none()
    return Registered(zone, [open_account(tenant, zone, by=by) for tenant in tenants])


def slug_of(name: str) -> str:
    """`Acme Hosting B.V.` -> `acme-hosting-b-v`, `Zürich` -> `zurich`, `東京` -> nothing"""
    plain = "".join(letter for letter in normalize("NFKD", name.casefold()) if not combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].rstrip("-")


@transaction.atomic(durable=True)
def disable_tenant(tenant: Tenant, *, by: Platform) -> Tenant:
    """Nobody but the platform sees it or acts in it until it is enabled again. What is under way comes to its end."""
    return _set_disabled(tenant, clock.now(), "tenant.disable", by)


@transaction.atomic(durable=True)
def enable_tenant(tenant: Tenant, *, by: Platform) -> Tenant:
    return _set_disabled(tenant, None, "tenant.enable", by)


def _set_disabled(tenant: Tenant, at: datetime | None, action: str, by: Platform) -> Tenant:
    hold_row(tenant)
    tenant.refresh_from_db()
    if tenant.is_disabled != (at is not None):
        tenant.disabled_at = at
        tenant.save(update_fields=["disabled_at"])
        audit(by.actor, action, tenant, tenant=tenant)
        for membership in tenant.memberships.select_related("user"):
            tell_of_rights(membership.user)
    return tenant
