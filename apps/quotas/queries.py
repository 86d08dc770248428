"""What a tenant has and may have of each resource, and why there is no room for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Value

from apps.kernel.errors import Refused
from apps.quotas.models import Limit, Usage
from apps.quotas.resources import Resource, resources
from apps.tenancy.door import Door
from apps.tenancy.models import Tenant


@dataclass(frozen=True)
class Quota:
    resource: Resource
    used: int
    limit: int

    def why_not(self, more: int = 1) -> str | None:
        """Why there is no room for so many more; None when there is."""
        over = self.used + more - self.limit
        if over <= 0:
            return None
        of_them = f"{self.used} of {self.limit} {self.resource.noun}s"
        taken = f"{of_them} are in use" if more == 1 else f"Used {of_them}, this needs {more}"
        delete = f"Delete {'one' if over == 1 else over}, or ask" if over <= self.used else "Ask"
        return f"{taken}. {delete} your provider for a higher limit."


@dataclass(frozen=True)
class Quotas:
    """Of one tenant. Iterates over the resources that there are."""

    used: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)

    def of(self, resource: Resource) -> Quota:
        limit = self.limits.get(resource.key, resource.default)
        return Quota(resource, self.used.get(resource.key, 0), limit)

    def __iter__(self) -> Iterator[Quota]:
        return (self.of(resource) for resource in resources())

    @property
    def full(self) -> list[str]:
        """What nothing more can be made of, a sentence each."""
        return [sentence for quota in self if (sentence := quota.why_not())]

    @property
    def own_limits(self) -> str:
        """Those that are not the default: "5 VPCs, 9 tiers"."""
        own = (quota for quota in self if quota.resource.key in self.limits)
        return ", ".join(f"{quota.limit} {quota.resource.noun}s" for quota in own)

    def need(self, resource: Resource, more: int = 1, *, field: str | None = None) -> None:
        """Raises `Refused` unless there is room for so many more. To be relied on, these are what `hold_use` found."""
        if more and (reason := self.of(resource).why_not(more)):
            raise Refused(resource.code, reason, field)


def limits_of(tenant: Tenant) -> Quotas:
    """Of what is in use it knows nothing. One query."""
    return Quotas(limits=dict(Limit.objects.of(tenant).values_list("resource", "most")))


def quotas_of(tenant: Tenant) -> Quotas:
    """One query."""
    return quotas_of_several([tenant], lambda door: door.of(tenant))[tenant.pk]


def quotas_of_several(tenants: Iterable[Tenant], through: Callable[[Door[Any]], QuerySet[Any]]) -> dict[UUID, Quotas]:
    """By the tenant's id, of the rows that somebody may see (`Caller.through`). One query, none for no tenant."""
    ids = {tenant.pk for tenant in tenants}
    if not ids:
        return {}
    used = through(Usage.objects).filter(tenant__in=ids).values_list(Value("used"), "tenant_id", "resource", "used")
    most = through(Limit.objects).filter(tenant__in=ids).values_list(Value("most"), "tenant_id", "resource", "most")
    found: dict[tuple[str, UUID], dict[str, int]] = {}
    for column, tenant_id, resource, number in used.union(most, all=True):
        found.setdefault((column, tenant_id), {})[resource] = number
    return {pk: Quotas(found.get(("used", pk), {}), found.get(("most", pk), {})) for pk in ids}
