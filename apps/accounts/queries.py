"""What the platform's pages read about tenants."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import Account
from apps.kernel.named import containing
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant


def search_tenants(_by: Platform, *, words: str) -> QuerySet[Tenant]:
    """By name or short name, with the number of their members. The platform sees them all."""
    found = (
        Tenant.objects.filter(containing("name_key", words) | Q(slug__icontains=words))
        if words
        else Tenant.objects.all()
    )
    return found.annotate(member_count=Count("memberships")).order_by("name", "id")


def accounts_of(tenants: Iterable[Tenant], *, by: Platform) -> dict[Tenant, list[Account]]:
    """The live accounts of some tenants, in one query."""
    found: dict[Tenant, list[Account]] = {tenant: [] for tenant in tenants}
    rows = Account.objects.across(by).live().filter(tenant__in=found).select_related("zone").order_by("zone__name")
    by_id = {tenant.pk: tenant for tenant in found}
    for account in rows:
        found[by_id[account.tenant_id]].append(account)
    return found
