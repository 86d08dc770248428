"""SoftGates, for the platform alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric import roles
from apps.fabric.api.inventory.views import DeviceRows
from apps.fabric.models import SurveyedDevice
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.softgates.api.serializers import BlastRadiusRead, MaintenanceWrite, SoftGateRead
from apps.softgates.blast import blast_radius
from apps.softgates.filters import SoftGateFilter
from apps.softgates.queries import Member, members
from apps.softgates.services import set_maintenance, why_not
from apps.tenancy.api.views import List, One, PlatformRows


class SoftGateRows(PlatformRows[SurveyedDevice]):
    serializer_class = SoftGateRead

    def get_queryset(self) -> QuerySet[SurveyedDevice]:
        return SurveyedDevice.objects.filter(role=roles.SOFTGATE).select_related("zone")

    def seen(self, rows: Sequence[SurveyedDevice]) -> Sequence[Member]:
        return members(rows)


@extend_schema(summary="List SoftGates")
class SoftGateList(SoftGateRows, List[SurveyedDevice]):
    filterset_class = SoftGateFilter


@extend_schema(summary="Read a SoftGate")
class SoftGateOne(SoftGateRows, One[SurveyedDevice]):
    filter_backends = []


class DeviceMaintenance(DeviceRows):
    filter_backends = []

    @extend_schema(
        summary="Put a SoftGate into maintenance, or take it out",
        operation_id="fabric_devices_maintenance",
        request=MaintenanceWrite,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Netris moves source NAT and load balancers to the other nodes; the operation is over when the NAT sessions
        have left, where they are measured. `blast-radius/` tells first what it touches."""
        values = MaintenanceWrite.of(request)
        return self.once(lambda: self._switched(pk, values))

    def _switched(self, pk: str, values: dict[str, Any]) -> Response:
        operation = joined(set_maintenance)(
            get_or_404(self.get_queryset(), pk=pk),
            is_on=values["on"],
            confirmed=values.get("confirm", ""),
            by=self.platform,
        )
        return accepted(self.request, operation)


class DeviceBlastRadius(DeviceRows):
    filter_backends = []

    @extend_schema(
        summary="Read what the maintenance of a SoftGate would touch",
        operation_id="fabric_devices_blast_radius",
        responses=BlastRadiusRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        device = get_or_404(self.get_queryset(), pk=pk)
        if reason := why_not(device):
            raise Refused("not-a-softgate", reason)
        [member] = members([device])
        return Response(BlastRadiusRead(blast_radius(member, self.platform)).data)
