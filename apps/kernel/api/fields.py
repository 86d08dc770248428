"""How values are written in answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field(OpenApiTypes.DATETIME)
class Time(serializers.Field[datetime, Any, str, Any]):
    """RFC 3339 in UTC: `2026-03-02T09:00:00.123456Z`."""

    def to_representation(self, value: datetime | str) -> str:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
