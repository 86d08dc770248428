"""Operations: followed, cancelled, retried. Everything that takes time answers with one."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.operations import services
from apps.operations.api.serializers import OperationRead
from apps.operations.filters import OperationFilter
from apps.operations.models import Operation
from apps.tenancy.api.views import List, One, Rows


def accepted(request: Request, operation: Operation) -> Response:
    """The answer to a change that takes time: the operation, and where to follow it."""
    data = OperationRead(operation, context={"request": request}).data
    return Response(data, status=202, headers={"Location": data["url"]})


class OperationRows(Rows[Operation]):
    serializer_class = OperationRead

    def get_queryset(self) -> QuerySet[Operation]:
        return self.caller.through(Operation.objects).select_related("tenant")


@extend_schema(summary="List operations")
class OperationList(OperationRows, List[Operation]):
    filterset_class = OperationFilter
    tenant_path = "tenant"


@extend_schema(summary="Read an operation")
class OperationOne(OperationRows, One[Operation]):
    pass


class OperationVerb(OperationRows):
    """POST to one operation, without a body."""

    filter_backends = []

    def act(self, pk: str, service: Callable[..., Operation]) -> Response:
        Body.of(self.request)
        return self.once(lambda: self._acted(pk, service))

    def _acted(self, pk: str, service: Callable[..., Operation]) -> Response:
        operation = get_or_404(self.get_queryset(), pk=pk)
        return accepted(self.request, joined(service)(operation, by=self.caller.actor))


class OperationCancel(OperationVerb):
    @extend_schema(
        summary="Cancel an operation", operation_id="operations_cancel", request=None, responses={202: OperationRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """What has been built so far is taken away again. A removal that has begun is not taken back."""
        return self.act(pk, services.cancel)


class OperationRetry(OperationVerb):
    @extend_schema(
        summary="Retry a stuck operation", operation_id="operations_retry", request=None, responses={202: OperationRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """It goes on where it stopped."""
        return self.act(pk, services.retry)
