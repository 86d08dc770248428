"""A zone as people choose it: never how to reach it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.kernel.api.fields import Address, Time
from apps.tenancy.api.serializers import Read
from apps.zones.models import System, Zone
from apps.zones.turnstile import why_paused


class ZoneRef(serializers.Serializer[Any]):
    """The zone in which a thing is."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class RemoteRead(serializers.Serializer[Any]):
    """How one system of the zone answers Weft. One that never failed to is not listed."""

    system = serializers.ChoiceField(choices=System.choices)
    down_since = Time(allow_null=True)
    slow_since = Time(allow_null=True)
    error = serializers.CharField()


class ReachedRead(serializers.Serializer[Any]):
    """How Weft reaches the zone; no secrets."""

    cloudstack_url = serializers.CharField()
    netris_url = serializers.CharField()
    netris_user = serializers.CharField()
    netris_site = serializers.CharField()
    calls_per_second = serializers.IntegerField(help_text="The most calls to either system.")
    names_devices = serializers.BooleanField(help_text="Whether tenants are told of devices by name.")


class PluginRead(serializers.Serializer[Any]):
    """CloudStack's own line to Netris, judged by what became of its orders."""

    state = serializers.ChoiceField(
        choices=["up", "suspected", "down", "unknown"],
        source="status",
        help_text="`down`: orders wait, and one goes through at a time; `unknown`: none went through for an hour.",
    )
    suspected_at = Time(allow_null=True)
    down_since = Time(allow_null=True)
    worked_at = Time(allow_null=True, help_text="When an order last went through, to the minute.")
    reconnected_at = Time(allow_null=True, help_text="When its host was last reconnected from here.")


class ZoneRead(Read, ZoneRef):
    """A place where tenants can build."""

    for_platform = ("remotes", "plugin", "reached")

    url = Address("api:zone")
    description = serializers.CharField()
    max_tiers_per_vpc = serializers.IntegerField()
    is_enabled = serializers.BooleanField(help_text="Whether something new can be built there.")
    paused = serializers.SerializerMethodField(
        help_text="Why orders wait there at present, operations that are under way included; null while they do not."
    )
    remotes = RemoteRead(many=True, required=False, help_text="For the platform only.")
    plugin = PluginRead(required=False, source="known_plugin", help_text="For the platform only.")
    reached = ReachedRead(required=False, source="*", help_text="For the platform only.")
    created_at = Time()

    def get_paused(self, zone: Zone) -> str | None:
        return why_paused(zone)
