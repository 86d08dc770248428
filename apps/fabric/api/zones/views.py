"""What the platform does to a zone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric.zones.queries import zone_rows
from apps.fabric.zones.services import reconnect_host
from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.zones.api.views import ZoneRows


class ReconnectRead(serializers.Serializer[Any]):
    """Whether the host can be reconnected now."""

    reason = serializers.CharField(allow_null=True, help_text="Why it cannot; null when it can.")


class ZoneReconnect(ZoneRows):
    written_by = "platform"
    filter_backends = []

    @extend_schema(summary="See whether a zone's Netris host can be reconnected now", responses=ReconnectRead)
    def get(self, request: Request, pk: str) -> Response:
        if self.caller.platform is None:
            raise PermissionDenied("Only the platform may do this. Use a token of the platform.")
        [row] = zone_rows(self.caller.platform, [get_or_404(self.get_queryset(), pk=pk)])
        return Response(ReconnectRead({"reason": row.why_not_reconnect}).data)

    @extend_schema(
        summary="Reconnect a zone's Netris host",
        operation_id="zones_reconnect",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Has CloudStack reconnect the host of its Netris plugin, which then logs in anew. Orders wait meanwhile, and
        until one of them has gone through."""
        Body.of(self.request)
        return self.once(lambda: self._reconnected(pk))

    def _reconnected(self, pk: str) -> Response:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        zone = get_or_404(self.get_queryset(), pk=pk)
        return accepted(self.request, joined(reconnect_host)(zone, by=self.caller.platform))
