"""Weft's own health, for the platform alone."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.health import looks, queries
from apps.health.models import Kind
from apps.kernel.api.fields import Time
from apps.mirror.models import Kind as ListKind
from apps.tenancy.api.views import ApiView
from apps.zones.api.serializers import ZoneRef


class PartsRead(serializers.Serializer[Any]):
    """What `/healthz` tells."""

    web = serializers.ChoiceField(choices=looks.THERE)
    database = serializers.ChoiceField(choices=looks.THERE)
    broker = serializers.ChoiceField(choices=looks.THERE)
    worker = serializers.ChoiceField(choices=looks.THERE)
    sweeps = serializers.ChoiceField(choices=looks.THERE)
    beat = serializers.ChoiceField(choices=looks.THERE)
    lists = serializers.ChoiceField(choices=looks.AGES)
    clocks = serializers.ChoiceField(choices=looks.CLOCKS)


class ProcessRead(serializers.Serializer[queries.ProcessRow]):
    """A process that has told of itself. One that was killed stays here for a day, as `down`."""

    kind = serializers.ChoiceField(choices=Kind.choices, source="process.kind")
    host = serializers.CharField(source="process.host")
    pid = serializers.IntegerField(source="process.pid")
    status = serializers.ChoiceField(choices=looks.THERE)
    started_at = Time(source="process.started_at")
    seen_at = Time(source="process.seen_at")
    clock_ahead_seconds = serializers.SerializerMethodField(
        help_text="How far its machine's clock is ahead of the database's; negative when it is behind."
    )

    def get_clock_ahead_seconds(self, row: queries.ProcessRow) -> float:
        return round(row.process.clock_ahead.total_seconds(), 3)


class ListRead(serializers.Serializer[queries.ListRow]):
    """A list of CloudStack or Netris that the sweeps copy. It is `stale` once older than `fresh_for_seconds`."""

    zone = ZoneRef(source="reading.zone")
    kind = serializers.ChoiceField(choices=ListKind.choices, source="reading.kind")
    status = serializers.ChoiceField(choices=looks.AGES)
    read_at = Time(source="reading.read_at", allow_null=True)
    fresh_for_seconds = serializers.IntegerField(source="fresh_for")
    milliseconds = serializers.IntegerField(source="reading.milliseconds", help_text="How long it took to read.")
    rows = serializers.IntegerField(source="reading.rows")
    error = serializers.CharField(source="reading.error", help_text="Why the last try failed; blank when it did not.")


class HealthRead(serializers.Serializer[queries.Health]):
    """Whether Weft itself is well."""

    read_at = Time()
    parts = PartsRead(source="report")
    troubles = serializers.ListField(child=serializers.CharField(), help_text="What to see to, a sentence each.")
    waiting = serializers.IntegerField(help_text="Operations that could be worked on, and are not.")
    waiting_since = Time(allow_null=True, help_text="Since when the longest of them could.")
    processes = ProcessRead(
        many=True,
        help_text=f"All that are there, and the last {queries.MOST_SILENT} of those that are not seen any more.",
    )
    lists = ListRead(many=True)


class HealthOne(ApiView):
    written_by = "platform"

    @extend_schema(summary="Read Weft's own health", operation_id="health_retrieve", responses=HealthRead)
    def get(self, request: Request) -> Response:
        """Every process with its clock, every list with its age. For a probe without a token there is `/healthz`."""
        if self.caller.platform is None:
            raise Http404
        return Response(HealthRead(queries.health(self.caller.platform), context={"request": request}).data)
