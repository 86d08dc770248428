"""How lists of zones are narrowed."""

from __future__ import annotations

import django_filters

from apps.kernel.api.filters import NameFilter
from apps.zones.models import Zone


class ZoneFilter(django_filters.FilterSet):  # type: ignore[misc]
    name = NameFilter()

    class Meta:
        model = Zone
        fields: list[str] = []
