"""The ranges of VNIs, and who has or had which number. For the platform alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema

from apps.kernel.api.pagination import CursorPages
from apps.tenancy.api.callers import NOBODY
from apps.tenancy.api.views import List, One, PlatformRows
from apps.vnis import queries
from apps.vnis.api.serializers import ClaimRead, RangeRead
from apps.vnis.filters import ClaimFilter, RangeFilter, parse_moment
from apps.vnis.models import Claim, VniRange

M = TypeVar("M", bound=Model)


class VniRows(PlatformRows[M]):
    def context_of(self, rows: Sequence[Any]) -> dict[str, Any]:
        return {"freshness": queries.freshness({row.zone for row in rows})}


class RangeRows(VniRows[VniRange]):
    serializer_class = RangeRead

    def get_queryset(self) -> QuerySet[VniRange]:
        return VniRange.objects.select_related("zone")


@extend_schema(summary="List the ranges of VNIs")
class RangeList(RangeRows, List[VniRange]):
    filterset_class = RangeFilter


@extend_schema(summary="Read a range of VNIs")
class RangeOne(RangeRows, One[VniRange]):
    filter_backends = []


class NewestClaim(CursorPages):
    moment = "began_at"


@extend_schema(summary="List who has which VNI, or had it")
class ClaimList(VniRows[Claim], List[Claim]):
    """Without `at` as the lists of both systems were read last, with it as they were then. A number that both systems
    know is listed once for each."""

    serializer_class = ClaimRead
    filterset_class = ClaimFilter
    tenant_path = "tenant"
    pagination_class = NewestClaim

    def get_queryset(self) -> QuerySet[Claim]:
        rows = self.caller.through(Claim.objects)
        if self.caller is NOBODY:
            return rows
        at = self.request.query_params.get("at")
        return (rows.now() if at is None else rows.at(parse_moment(at))).select_related("zone", "tenant")
