"""How the list of SoftGates is narrowed over REST."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from apps.fabric.models import SurveyedDevice
from apps.kernel.errors import Refused
from apps.zones.models import Zone


class SoftGateFilter(django_filters.FilterSet):  # type: ignore[misc]
    zone = django_filters.CharFilter(method="in_zone", help_text="The short name, the id or the name of a zone.")

    class Meta:
        model = SurveyedDevice
        fields: list[str] = []

    def in_zone(self, rows: QuerySet[SurveyedDevice], _name: str, value: str) -> QuerySet[SurveyedDevice]:
        zones = list(Zone.objects.called(value).values_list("pk", flat=True))
        if not zones:
            raise Refused("zone-unknown", f"There is no zone “{value[:63]}”.", "zone")
        return rows.filter(zone__in=zones)
