"""Operations: followed, cancelled, retried. Everything that takes time answers with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.operations import queries, services
from apps.operations.api.serializers import GiveUpWrite, LeftRead, OperationRead, StuckRetried, StuckWrite
from apps.operations.filters import OperationFilter
from apps.operations.models import Operation, OperationQuerySet
from apps.operations.parts import kinds
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.views import List, One, Rows


def accepted(request: Request, operation: Operation) -> Response:
    """The answer to a change that takes time: the operation, and where to follow it."""
    ahead = queries.ahead_of(caller_of(request).through(Operation.objects), [operation])
    data = OperationRead(operation, context={"request": request, "ahead": ahead}).data
    return Response(data, status=202, headers={"Location": data["url"]})


class OperationRows(Rows[Operation]):
    serializer_class = OperationRead

    def get_queryset(self) -> OperationQuerySet:
        return self.caller.through(Operation.objects).select_related("tenant")

    def context_of(self, rows: Sequence[Operation]) -> dict[str, Any]:
        return {"ahead": queries.ahead_of(self.caller.through(Operation.objects), rows)}


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


class OperationApply(OperationVerb):
    @extend_schema(
        summary="Try a change anew", operation_id="operations_apply", request=None, responses={202: OperationRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """For a change that was refused and whose undoing is stuck. `retry` goes on with the undoing instead."""
        return self.act(pk, services.apply)


class OperationDismiss(OperationRows):
    filter_backends = []
    written_by = "tenant"

    @extend_schema(
        summary="Dismiss a failure", operation_id="operations_dismiss", request=None, responses=OperationRead
    )
    def post(self, request: Request, pk: str) -> Response:
        """How it ended was seen: the tenant's overview shows it no longer. Nothing else of it changes."""
        Body.of(request)
        return self.once(lambda: self._dismissed(pk))

    def _dismissed(self, pk: str) -> Response:
        operation = get_or_404(self.get_queryset(), pk=pk)
        return Response(self.show(joined(services.dismiss)(operation, by=self.caller.actor)))


class OperationGiveUp(OperationRows):
    filter_backends = []
    written_by = "platform"

    @extend_schema(summary="See what giving an operation up may leave", responses=LeftRead)
    def get(self, request: Request, pk: str) -> Response:
        """What may be there of a removal that is stuck, by the names that it has in each system. Nothing is asked of
        them."""
        operation = get_or_404(self.get_queryset(), pk=pk)
        left = map(str, services.may_leave(operation)) if operation.is_removing and not operation.is_at_rest else ()
        return Response(LeftRead({"reason": operation.why_not("give up"), "left": list(left)}).data)

    @extend_schema(
        summary="Give up a removal that will never end",
        operation_id="operations_give_up",
        request=GiveUpWrite,
        responses=OperationRead,
    )
    def post(self, request: Request, pk: str) -> Response:
        """For what is gone for good. The operation is over and its rows are deleted; what is confirmed in `left` may be
        left in the systems, and is no longer Weft's to remove."""
        confirmed = GiveUpWrite.of(request)["left"]
        return self.once(lambda: self._given_up(pk, confirmed))

    def _given_up(self, pk: str, confirmed: list[str]) -> Response:
        platform = self.caller.platform
        assert platform is not None, "MayUse lets only the platform through"
        operation = get_or_404(self.get_queryset(), pk=pk)
        return Response(self.show(joined(services.give_up)(operation, confirmed=confirmed, by=platform)))


class StuckRetry(OperationRows):
    filter_backends = []

    @extend_schema(
        summary="Retry many stuck operations",
        operation_id="operations_retry_stuck",
        request=StuckWrite,
        responses=StuckRetried,
    )
    def post(self, request: Request) -> Response:
        """Up to 100 at once, the oldest first, each for itself."""
        values = StuckWrite.of(request)
        return self.once(lambda: self._retried(**values))

    def _retried(self, kind: str | None = None, tenant: str | None = None) -> Response:
        rows = self.get_queryset().stuck().order_by("created_at", "id")
        if kind is not None and kind not in kinds():
            raise Refused("kind-unknown", f"There is no such kind. Known: {', '.join(kinds())}.", "kind")
        if tenant is not None and not self.caller.tenants.filter(slug=tenant).exists():
            raise Refused("tenant-unknown", "There is no tenant with this short name.", "tenant")
        rows = rows.filter(kind=kind) if kind else rows
        rows = rows.filter(tenant__slug=tenant) if tenant else rows
        results = services.retry_each(rows[: services.MOST_AT_ONCE], by=self.caller.actor)
        return Response(StuckRetried({"results": results, "more": rows.count()}).data)
