"""Events and series as scripts read them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.history.models import Event, Series, Severity
from apps.history.series import SPANS, Latest, Past, gaps
from apps.kernel.api.fields import Address, Time
from apps.tenancy.api.serializers import TenantRef
from apps.zones.api.serializers import ZoneRef


class SubjectRead(serializers.Serializer[Any]):
    """What an event is about."""

    kind = serializers.CharField(help_text="Such as `device`, `link`, `session`.")
    id = serializers.CharField(help_text="Its id where it comes from: a device's in Netris.")
    name = serializers.CharField()


class ChangedFieldRead(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Such as `Description`.")
    before = serializers.CharField()
    after = serializers.CharField()


class EventRead(serializers.Serializer[Event]):
    """Something that was, or is, so in a zone, from when until when. A change ends as it begins."""

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
    differences = ChangedFieldRead(many=True, help_text="Of a change: what was before, and is after it.")
    operation = serializers.UUIDField(
        source="operation_id", allow_null=True, help_text="Of a change that Weft made: the operation that did."
    )

    def get_touched_count(self, event: Event) -> int | None:
        count: int = event.touched_count  # type: ignore[attr-defined]  # of `queries.whole`
        return count if event.is_touch_known else None


class MeasuredRead(serializers.Serializer[Any]):
    """What a series is of."""

    kind = serializers.CharField(source="subject_kind", help_text="Such as `device`, `vni-range`.")
    id = serializers.CharField(source="subject_id", help_text="Its id where it comes from: a device's in Netris.")
    part = serializers.CharField(help_text="The port of a device; empty for the whole.")


class SeriesRead(serializers.Serializer[Series]):
    """One thing that is measured again and again, with its last reading."""

    id = serializers.UUIDField(source="uuid")
    url = Address("api:fabric-series-one", source="uuid")
    zone = ZoneRef()
    subject = MeasuredRead(source="*")
    metric = serializers.CharField(help_text="Such as `cpu`, `rx`, `conntrack`.")
    title = serializers.CharField(source="what.label")
    unit = serializers.CharField(source="what.unit", help_text="Of all its values; empty for what is counted.")
    seconds = serializers.IntegerField(help_text="Between two readings when all goes well.")
    last = serializers.SerializerMethodField(help_text="The last reading; null where there was none within the hour.")
    read_at = serializers.SerializerMethodField(help_text="When that was.")
    is_stale = serializers.SerializerMethodField(
        help_text="It is older than three times these seconds, or there is none."
    )

    def get_last(self, row: Series) -> float | None:
        found = self._latest(row)
        return found.value if found else None

    def get_read_at(self, row: Series) -> str | None:
        found = self._latest(row)
        return Time().to_representation(found.at) if found else None

    def get_is_stale(self, row: Series) -> bool:
        found = self._latest(row)
        return found is None or found.is_stale

    def _latest(self, row: Series) -> Latest | None:
        found: Latest | None = self.context["latest"].get(row.pk)
        return found


class ReadingsRead(serializers.Serializer[Any]):
    """What was measured from then on, for one step."""

    at = Time()
    mean = serializers.FloatField(source="value")
    low = serializers.FloatField()
    high = serializers.FloatField()


class GapRead(serializers.Serializer[Any]):
    """When nothing was measured."""

    start = Time()
    end = Time()


class PastRead(serializers.Serializer[Past]):
    """What was measured within a span. A step in which there was no reading is not told."""

    span = serializers.ChoiceField(choices=[span.key for span in SPANS], source="span.key")
    start = Time()
    end = Time()
    resolution = serializers.SerializerMethodField(help_text="Seconds that each step sums up.")
    steps = serializers.SerializerMethodField()
    gaps = serializers.SerializerMethodField(help_text="Longer times without a reading, up to both ends.")

    def get_resolution(self, past: Past) -> int:
        return int(past.span.step.total_seconds())

    @extend_schema_field(ReadingsRead(many=True))
    def get_steps(self, past: Past) -> Any:
        return ReadingsRead(past.lines[0].steps, many=True).data

    @extend_schema_field(GapRead(many=True))
    def get_gaps(self, past: Past) -> Any:
        return GapRead([{"start": start, "end": end} for start, end in gaps(past, past.lines)], many=True).data


class SeriesPastRead(SeriesRead):
    """A series with what was measured lately."""

    past = serializers.SerializerMethodField()

    @extend_schema_field(PastRead)
    def get_past(self, _row: Series) -> Any:
        return PastRead(self.context["past"]).data
