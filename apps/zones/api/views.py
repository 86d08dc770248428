"""Zones, for reading. What the platform does to them stands above, beside the accounts that come with one."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.tenancy.api.views import List, One, Rows
from apps.zones.api.serializers import ZoneRead
from apps.zones.filters import ZoneFilter
from apps.zones.models import Zone


class ZoneRows(Rows[Zone]):
    serializer_class = ZoneRead

    def get_queryset(self) -> QuerySet[Zone]:
        return Zone.objects.select_related("plugin").prefetch_related("remotes")


@extend_schema(summary="List zones")
class ZoneList(ZoneRows, List[Zone]):
    filterset_class = ZoneFilter


@extend_schema(summary="Read a zone")
class ZoneOne(ZoneRows, One[Zone]):
    pass
