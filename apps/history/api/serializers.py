"""Events as scripts read them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.history.models import Event, Severity
from apps.kernel.api.fields import Address, Time
from apps.tenancy.api.serializers import TenantRef
from apps.zones.api.serializers import ZoneRef


class SubjectRead(serializers.Serializer[Any]):
    """What an event is about."""

    kind = serializers.CharField(help_text="Such as `device`, `link`, `session`.")
    id = serializers.CharField(help_text="Its id where it comes from: a device's in Netris.")
    name = serializers.CharField()


class EventRead(serializers.Serializer[Event]):
    """Something that was, or is, so in a zone, from when until when."""

    id = serializers.UUIDField()
    url = Address("api:fabric-event")
    zone = ZoneRef()
    kind = serializers.CharField(help_text="Such as `device-silent`, `session-down`.")
    severity = serializers.ChoiceField(choices=Severity.choices)
    is_finding = serializers.BooleanField(
        help_text="It is open and does not go by itself: somebody has to do something."
    )
    subject = SubjectRead()
    words = serializers.CharField()
    began_at = Time()
    last_seen_at = Time(help_text="When it was last seen to be so.")
    ended_at = Time(allow_null=True, help_text="When it was first seen to be over; null while it is open.")
    read_at = Time(source="source.read_at", allow_null=True, help_text="When its source last had something to go by.")
    is_stale = serializers.BooleanField(help_text="It is open, and nobody has been able to look for too long.")
    touched_count = serializers.SerializerMethodField(help_text="How many tenants it touched; null where nobody knows.")
    tenants = TenantRef(source="named", many=True, help_text="The first of them, by name.")

    def get_touched_count(self, event: Event) -> int | None:
        count: int = event.touched_count  # type: ignore[attr-defined]  # of `queries.whole`
        return count if event.is_touch_known else None
