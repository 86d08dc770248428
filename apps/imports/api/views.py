"""Imports, for the platform alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.imports import services
from apps.imports.api.serializers import ImportRead, ImportWrite, RowRead
from apps.imports.filters import RowFilter
from apps.imports.models import Import, Row
from apps.imports.queries import counts_of
from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.api.views import List, One, PlatformRows


class Imports(PlatformRows[Import]):
    serializer_class = ImportRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Import]:
        return Import.objects.all()

    def context_of(self, rows: Sequence[Import]) -> dict[str, Any]:
        return {"counts": counts_of(rows)}


class ImportList(Imports, List[Import]):
    @extend_schema(summary="List imports")
    def get(self, request: Request) -> Response:
        return super().get(request)

    @extend_schema(
        summary="Bring a sheet", operation_id="fabric_imports_create", request=ImportWrite, responses={201: ImportRead}
    )
    def post(self, request: Request) -> Response:
        """Every row of it is checked; nothing is sent before somebody says so."""
        values = ImportWrite.of(request)
        return self.once(lambda: self._brought(values))

    def _brought(self, values: dict[str, Any]) -> Response:
        shown = self.show(joined(services.bring)(**values, by=self.platform))
        return Response(shown, status=201, headers={"Location": shown["url"]})


@extend_schema(summary="Read an import")
class ImportOne(Imports, One[Import]):
    pass


@extend_schema(summary="List the rows of an import")
class ImportRows(PlatformRows[Row], List[Row]):
    """In the order of the sheet."""

    serializer_class = RowRead
    filterset_class = RowFilter

    def get_queryset(self) -> QuerySet[Row]:
        if getattr(self, "swagger_fake_view", False):
            return Row.objects.none()
        imported = get_or_404(Import.objects.all(), pk=self.kwargs["pk"])
        return Row.objects.filter(imported=imported).select_related("operation")

    def get(self, request: Request, pk: str) -> Response:  # type: ignore[override]
        return super().get(request)


class ImportVerb(Imports):
    """POST to one import, without a body."""

    def act(self, pk: str, service: Callable[..., Import]) -> Response:
        Body.of(self.request)
        return self.once(lambda: self._acted(pk, service))

    def _acted(self, pk: str, service: Callable[..., Import]) -> Response:
        imported = get_or_404(self.get_queryset(), pk=pk)
        return Response(self.show(joined(service)(imported, by=self.platform)))


class ImportSend(ImportVerb):
    @extend_schema(
        summary="Send the rows of an import", operation_id="fabric_imports_send", request=None, responses=ImportRead
    )
    def post(self, request: Request, pk: str) -> Response:
        """Those that are right and were not sent yet, each by an operation of its own."""
        return self.act(pk, services.send)


class ImportStop(ImportVerb):
    @extend_schema(
        summary="Stop sending an import", operation_id="fabric_imports_stop", request=None, responses=ImportRead
    )
    def post(self, request: Request, pk: str) -> Response:
        """What is at work comes to its end; nothing more is sent."""
        return self.act(pk, services.stop)
