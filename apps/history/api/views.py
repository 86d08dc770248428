"""Events and findings, for the platform alone."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.history import queries
from apps.history.api.serializers import EventRead
from apps.history.filters import EventFilter, FindingFilter
from apps.history.models import Event, EventQuerySet
from apps.kernel.api.pagination import CursorPages
from apps.tenancy.api.views import List, One, PlatformRows


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
