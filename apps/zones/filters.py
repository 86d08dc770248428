"""How lists of zones are narrowed, and lists of what lies in them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.kernel.api.filters import NameFilter
from apps.kernel.errors import Refused
from apps.zones.models import Zone


class ZoneFilter(django_filters.FilterSet):  # type: ignore[misc]
    name = NameFilter()

    class Meta:
        model = Zone
        fields: list[str] = []


class InZoneFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Narrowed to one zone. A reference to none that is there is refused."""

    zone = django_filters.CharFilter(method="in_zone", help_text="The id, the name or the short name of a zone.")

    def in_zone(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        zones = list(Zone.objects.called(value).values_list("pk", flat=True))
        if not zones:
            raise Refused("zone-unknown", f"There is no zone “{value[:63]}”.", "zone")
        return rows.filter(zone__in=zones)
