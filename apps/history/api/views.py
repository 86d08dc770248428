"""Events, findings and series of readings, for the platform alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.history import queries
from apps.history.api.serializers import EventRead, SeriesPastRead, SeriesRead
from apps.history.filters import EventFilter, FindingFilter, SeriesFilter
from apps.history.models import Event, EventQuerySet, Series
from apps.history.series import SPANS, latest_of, past_in, span_of
from apps.kernel.api import etag
from apps.kernel.api.pagination import CursorPages
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.api.views import List, One, PlatformRows

SPAN = OpenApiParameter("span", str, enum=[span.key for span in SPANS], description="How far back; a day if left out.")


class NewestBegun(CursorPages):
    moment = "began_at"


class EventRows(PlatformRows[Event]):
    serializer_class = EventRead
    pagination_class = NewestBegun

    def get_queryset(self) -> QuerySet[Event]:
        return queries.whole(self.listed())

    def listed(self) -> EventQuerySet:
        return Event.objects.all()


@extend_schema(summary="List events of the fabric")
class EventList(EventRows, List[Event]):
    """The newest begun first. `?began_after=` tells what changed since."""

    filterset_class = EventFilter


@extend_schema(summary="Read an event of the fabric")
class EventOne(EventRows, One[Event]):
    pass


@extend_schema(summary="List findings in the fabric")
class FindingList(EventRows, List[Event]):
    """What is so now and does not go by itself."""

    filterset_class = FindingFilter

    def listed(self) -> EventQuerySet:
        return Event.objects.findings()


class NewestSeries(CursorPages):
    identity = "uuid"


class SeriesRows(PlatformRows[Series]):
    serializer_class = SeriesRead

    def get_queryset(self) -> QuerySet[Series]:
        return Series.objects.select_related("zone")

    def context_of(self, rows: Sequence[Series]) -> dict[str, Any]:
        return {"latest": latest_of(rows)}


@extend_schema(summary="List what is measured in the fabric")
class SeriesList(SeriesRows, List[Series]):
    """Each with its unit and its last reading. What was measured before stands at its own address."""

    filterset_class = SeriesFilter
    pagination_class = NewestSeries


class SeriesOne(SeriesRows):
    filter_backends = []

    @property
    def known_parameters(self) -> Sequence[str]:
        return [SPAN.name] if self.request.method == "GET" else ()

    @extend_schema(
        summary="Read what was measured of one thing",
        operation_id="fabric_series_readings",
        parameters=[SPAN],
        responses=SeriesPastRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        """Summed up in steps, a few hundred at most, each with its mean, least and most. Readings are kept as they
        came for a day, in sums of five minutes for a month and of an hour after that."""
        span = span_of(request.query_params.get("span", "day"))
        if span is None:
            raise Refused("span-unknown", f"Known: {', '.join(each.key for each in SPANS)}.", "span")
        row = get_or_404(self.get_queryset(), uuid=pk)
        context = {**self.get_serializer_context(), **self.context_of([row]), "past": past_in([row], span)}
        return etag.tagged(request, SeriesPastRead(row, context=context).data)
