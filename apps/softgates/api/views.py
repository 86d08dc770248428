"""SoftGates, for the platform alone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema

from apps.fabric import roles
from apps.fabric.models import SurveyedDevice
from apps.softgates.api.serializers import SoftGateRead
from apps.softgates.filters import SoftGateFilter
from apps.softgates.queries import Member, members
from apps.tenancy.api.callers import NOBODY
from apps.tenancy.api.views import List, One, Rows


class SoftGateRows(Rows[SurveyedDevice]):
    serializer_class = SoftGateRead
    written_by = "nobody"

    def get_queryset(self) -> QuerySet[SurveyedDevice]:
        """To everybody else there is no such thing."""
        if self.caller.platform is None and self.caller is not NOBODY:
            raise Http404
        return SurveyedDevice.objects.filter(role=roles.SOFTGATE).select_related("zone")

    def seen(self, rows: Sequence[SurveyedDevice]) -> Sequence[Member]:
        return members(rows)


@extend_schema(summary="List SoftGates")
class SoftGateList(SoftGateRows, List[SurveyedDevice]):
    filterset_class = SoftGateFilter


@extend_schema(summary="Read a SoftGate")
class SoftGateOne(SoftGateRows, One[SurveyedDevice]):
    filter_backends = []
