"""A zone as people choose it: never how to reach it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.kernel.api.fields import Address, Time


class ZoneRef(serializers.Serializer[Any]):
    """The zone in which a thing is."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ZoneRead(ZoneRef):
    """A place where tenants can build."""

    url = Address("api:zone")
    description = serializers.CharField()
    max_tiers_per_vpc = serializers.IntegerField()
    is_enabled = serializers.BooleanField(help_text="Whether something new can be built there.")
    created_at = Time()
