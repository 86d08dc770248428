"""What there is and may be of each resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.quotas import requests
from apps.quotas.api.serializers import QuotaRequestRead, QuotaRequestWrite, QuotasRead
from apps.quotas.filters import QuotaRequestFilter
from apps.quotas.models import QuotaRequest
from apps.quotas.queries import quotas_of_several
from apps.tenancy.api.views import List, One, Rows
from apps.tenancy.models import Tenant


class QuotaRows(Rows[Tenant]):
    """The caller's own, and for the platform every tenant's."""

    serializer_class = QuotasRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Tenant]:
        return self.caller.tenants

    def context_of(self, rows: Sequence[Tenant]) -> dict[str, Any]:
        return {"quotas": quotas_of_several(rows, self.caller.through)}


@extend_schema(summary="List quotas")
class QuotaList(QuotaRows, List[Tenant]):
    pass


@extend_schema(summary="Read a tenant's quotas")
class QuotaOne(QuotaRows, One[Tenant]):
    pass


class QuotaRequestRows(Rows[QuotaRequest]):
    serializer_class = QuotaRequestRead
    written_by = "tenant"

    def get_queryset(self) -> QuerySet[QuotaRequest]:
        return self.caller.through(QuotaRequest.objects).select_related("tenant")


@extend_schema(summary="List requests for higher limits")
class QuotaRequestList(QuotaRequestRows, List[QuotaRequest]):
    filterset_class = QuotaRequestFilter
    tenant_path = "tenant"

    @extend_schema(summary="Ask for a higher limit", request=QuotaRequestWrite, responses={201: QuotaRequestRead})
    def post(self, request: Request) -> Response:
        """It waits for the platform; one of each resource at a time."""
        spec, by = requests.RequestSpec.parse(QuotaRequestWrite.of(request)), self.caller.actor

        def make() -> Response:
            row = joined(requests.ask)(self.tenant, spec, by=by)
            data = self.show(row)
            return Response(data, status=201, headers={"Location": data["url"]})

        return self.once(make)


@extend_schema(summary="Read a request for a higher limit")
class QuotaRequestOne(QuotaRequestRows, One[QuotaRequest]):
    pass


class QuotaRequestWithdraw(QuotaRequestRows):
    filter_backends = []

    @extend_schema(
        summary="Withdraw a request for a higher limit",
        operation_id="quota_requests_withdraw",
        request=None,
        responses=QuotaRequestRead,
    )
    def post(self, request: Request, pk: str) -> Response:
        row = get_or_404(self.get_queryset(), pk=pk)
        Body.of(request)
        return self.once(lambda: Response(self.show(joined(requests.withdraw)(row, by=self.caller.actor))))
