"""How the list of SoftGates is narrowed over REST."""

from __future__ import annotations

from apps.fabric.models import SurveyedDevice
from apps.zones.filters import InZoneFilter


class SoftGateFilter(InZoneFilter):
    class Meta:
        model = SurveyedDevice
        fields: list[str] = []
