"""The overview as scripts read it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.history.api.serializers import EventRead
from apps.kernel.api.fields import Time
from apps.overview.pools import KEYS, LEVELS
from apps.zones.api.serializers import ZoneRef


class BlindRead(serializers.Serializer[Any]):
    """A zone of which something is not known now."""

    zone = ZoneRef()
    lists = serializers.IntegerField(help_text="Lists that are too old, failed, or were never read.")
    named = serializers.ListField(child=serializers.CharField(), help_text="The first of them.")
    read_at = Time(allow_null=True, help_text="Of the oldest of them; null where one was never read.")


class TimelineRead(serializers.Serializer[Any]):
    """Something that went on, when it began or was over."""

    at = Time()
    kind = serializers.ChoiceField(choices=["event", "change", "operation"])
    id = serializers.UUIDField(help_text="Of the event, or of the operation.")
    status = serializers.CharField(help_text="An event's severity, or `ended`; an operation's phase.")
    text = serializers.CharField()
    detail = serializers.CharField()
    zone = serializers.CharField(help_text="Its name.")


class PoolRead(serializers.Serializer[Any]):
    """What can run out. From 75 % it is a warning, from 90 % critical, and so is its event."""

    kind = serializers.ChoiceField(choices=KEYS, source="key")
    zone = ZoneRef()
    title = serializers.CharField(source="label")
    unit = serializers.CharField()
    used = serializers.IntegerField()
    reserved = serializers.IntegerField(help_text="What rests, or what something else has.")
    total = serializers.IntegerField()
    percent = serializers.IntegerField(help_text="Of the total that is not free, rounded down.")
    status = serializers.ChoiceField(choices=LEVELS)
    lasts = serializers.CharField(help_text="How long it will, in words; empty where nobody foretells it.")
    read_at = Time(allow_null=True)
    is_stale = serializers.BooleanField()


class OverviewRead(serializers.Serializer[Any]):
    """How the fabric is in one look. `ok` is said only while every list of every zone is fresh."""

    status = serializers.ChoiceField(choices=LEVELS)
    headline = serializers.CharField()
    since = Time(allow_null=True, help_text="Since when the first of the worst is so; null while nothing is open.")
    critical = serializers.IntegerField()
    warnings = serializers.IntegerField()
    tenants = serializers.IntegerField(help_text="How many tenants the open ones touch.")
    untold = serializers.IntegerField(help_text="Open ones of which nobody knows whom they touch.")
    troubles = EventRead(many=True, help_text="The worst of them first, a dozen at most: the rest is in `events`.")
    blind = BlindRead(many=True)
    zones_in_trouble = serializers.SerializerMethodField(help_text="Zones where orders wait, or will, by name.")
    stuck_operations = serializers.IntegerField(source="stuck")
    strays = serializers.IntegerField()
    before = TimelineRead(
        source="timeline.lines", many=True, help_text="The hour before the worst began, or the last hour; newest first."
    )
    before_has_more = serializers.BooleanField(source="timeline.has_more")
    before_until = Time(source="timeline.until")
    pools = serializers.SerializerMethodField()

    def get_zones_in_trouble(self, shown: Any) -> list[str]:
        return [row.zone.name for row in shown.zones]

    def get_pools(self, shown: Any) -> list[dict[str, Any]]:
        rows = [pool for place in shown.places for pool in place.pools]
        return list(PoolRead(rows, many=True, context=self.context).data)
