"""How a tenant is referred to in what belongs to it, and fields that only the platform sees."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from apps.tenancy.api.callers import NOBODY, caller_of


class TenantRef(serializers.Serializer[Any]):
    """The tenant that a thing belongs to."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class Read(serializers.Serializer[Any]):
    """An answer. The fields in `for_platform` are left out for tenants."""

    for_platform: ClassVar[tuple[str, ...]] = ()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        caller = caller_of(self.context.get("request"))
        hidden = self.for_platform if caller.platform is None and caller is not NOBODY else ()
        return {name: field for name, field in fields.items() if name not in hidden}
