"""How values are written in answers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

ANY = UUID(int=0)


@extend_schema_field(OpenApiTypes.DATETIME)
class Time(serializers.Field[datetime, Any, str, Any]):
    """RFC 3339 in UTC: `2026-03-02T09:00:00.123456Z`."""

    def to_representation(self, value: datetime | str) -> str:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@extend_schema_field(OpenApiTypes.URI)
class Address(serializers.Field[UUID, Any, str, Any]):
    """The row's own address. The route is looked up once for all rows of an answer, which is most of the work."""

    def __init__(self, view_name: str, source: str = "pk") -> None:
        super().__init__(read_only=True, source=source)
        self.view_name = view_name

    @cached_property
    def pattern(self) -> str:
        return reverse(self.view_name, [ANY], request=self.context.get("request"))

    def to_representation(self, value: UUID) -> str:
        return self.pattern.replace(str(ANY), str(value))
