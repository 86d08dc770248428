"""Whoever makes something that is counted asks here first; the platform says here how much a tenant may have."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from apps.kernel.locks import hold_row
from apps.quotas.models import Limit, Usage
from apps.quotas.queries import Quotas, limits_of
from apps.quotas.resources import Resource, resources
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit

Limits = Mapping[Resource, int]


def hold_use(tenant: Tenant) -> Quotas:
    """What the tenant uses, of all resources, locked until the transaction ends: of two requests only one can take the
    last place. Comes before whatever changes it (`kernel.locks`)."""
    keys = sorted(resource.key for resource in resources())
    rows = Usage.objects.of(tenant)
    known = set(rows.values_list("resource", flat=True))
    if missing := [key for key in keys if key not in known]:
        # Before any is locked: who held those that there are, and then waited for the new ones, would meet somebody who
        # has locked all of them from the first on.
        rows.bulk_create([Usage(tenant=tenant, resource=key) for key in missing], ignore_conflicts=True)
    used = dict(rows.select_for_update(no_key=True).order_by("resource").values_list("resource", "used"))
    return Quotas(used, dict(Limit.objects.of(tenant).values_list("resource", "most")))


def need_quota(tenant: Tenant, resource: Resource, more: int = 1, *, field: str | None = None) -> None:
    """Raises `Refused` unless there is room for so many more. What the tenant uses is held from here on. Who needs
    several resources, or has rows to lock before it can tell how many, takes `hold_use(tenant)` and its `need`."""
    hold_use(tenant).need(resource, more, field=field)


@transaction.atomic(durable=True)
def change_quotas(tenant: Tenant, limits: Limits, *, by: Platform) -> bool:
    """From the next creation on. Less than there is takes nothing away; what is not among `limits` stays. False when
    they are what they were."""
    hold_row(tenant)
    before = limits_of(tenant)
    new = {resource: most for resource, most in limits.items() if most != before.of(resource).limit}
    if new:
        set_limits(tenant, new)
        old = {resource.field: before.of(resource).limit for resource in new}
        changes = {"old": old, "new": {resource.field: most for resource, most in new.items()}}
        audit(by.actor, "tenant.quotas", tenant, tenant=tenant, **changes)
    return bool(new)


def set_limits(tenant: Tenant, limits: Limits) -> None:
    """What is the default has no row, so that it follows the default."""
    rows = Limit.objects.of(tenant)
    rows.filter(resource__in=[resource.key for resource in limits]).delete()
    rows.bulk_create(
        Limit(tenant=tenant, resource=resource.key, most=most)
        for resource, most in limits.items()
        if most != resource.default
    )
