"""How the network is that a tenant's VPCs lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.fields import Time
from apps.networks.api.attention import TENANT
from apps.networks.vitals import STATUSES, vitals_of
from apps.overview.strip import KINDS
from apps.tenancy.api.views import ApiView, tenant_named
from apps.zones.api.serializers import ZoneRef


class VitalRead(serializers.Serializer[Any]):
    """One thing that the traffic of VPCs needs, in a zone where the tenant has one."""

    kind = serializers.ChoiceField(choices=KINDS)
    title = serializers.CharField(source="label")
    zone = ZoneRef()
    status = serializers.ChoiceField(choices=STATUSES)
    words = serializers.CharField(help_text="Names none of the provider's devices, unless the zone lets it.")
    read_at = Time(allow_null=True)
    is_stale = serializers.BooleanField()


class VitalsRead(serializers.Serializer[Any]):
    results = VitalRead(many=True)


class NetworkHealth(ApiView):
    @property
    def known_parameters(self) -> Sequence[str]:
        return ("tenant",)

    @extend_schema(
        summary="Read the health of the network below one's VPCs",
        operation_id="network_health_retrieve",
        parameters=[TENANT],
        responses=VitalsRead,
    )
    def get(self, request: Request) -> Response:
        """The hypervisors that run the tenant's instances with their cables, and what leads in and out of its zones."""
        tenant = tenant_named(self.caller, request.query_params.get("tenant"))
        return Response(VitalsRead({"results": vitals_of(tenant)}, context={"request": request}).data)
