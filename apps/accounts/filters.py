"""How lists of tenants are narrowed."""

from __future__ import annotations

import django_filters

from apps.kernel.api.filters import NameFilter
from apps.tenancy.models import Tenant


class TenantFilter(django_filters.FilterSet):  # type: ignore[misc]
    name = NameFilter()

    class Meta:
        model = Tenant
        fields: list[str] = []
