"""Static NAT and port forwards: asked for, listed, switched, applied again, taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.addresses.api.nat.filters import PortForwardFilter, StaticNatFilter
from apps.addresses.api.nat.serializers import (
    PortForwardChange,
    PortForwardRead,
    PortForwardWrite,
    StaticNatRead,
    StaticNatWrite,
)
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.addresses.ports import ForwardSpec, parse_guest
from apps.addresses.queries.nat import applied_of, sources_of
from apps.addresses.services.port_forwards import (
    apply_port_forward,
    create_port_forward,
    delete_port_forward,
    switch_port_forward,
)
from apps.addresses.services.static_nats import apply_static_nat, create_static_nat, delete_static_nat
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.networks import queries as networks
from apps.networks.api.views import InVpcs
from apps.networks.models import Tier
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import List, One
from apps.tenancy.models import Tenant

R = TypeVar("R", StaticNat, PortForward)

IDS = {
    "public_ip": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "instance": "3f2c1f0e-9f4b-4d0a-8a58-0c2f7d1b6a11",
}
A_STATIC_NAT = OpenApiExample("To an instance's first address", request_only=True, value=IDS)
PORTS = {"protocol": "tcp", "public_ports": "8000-8010", "private_ports": "8000-8010", "enabled": True}
A_PORT_FORWARD = OpenApiExample("Eleven ports as one", request_only=True, value=IDS | PORTS)


def public_ip_of(tenant: Tenant, reference: str) -> PublicIp:
    """Another tenant's is as unknown as one that never was."""
    try:
        return PublicIp.objects.of(tenant).live().select_related("tenant", "vpc").get(pk=UUID(reference))
    except (PublicIp.DoesNotExist, ValueError):
        raise Refused("public-ip-unknown", "There is no such public IP.", "public_ip") from None


def instance_of(tenant: Tenant, reference: str) -> Instance:
    try:
        found = instances.find(tenant, UUID(reference))
    except ValueError:
        found = None
    if found is None:
        raise Refused("instance-unknown", "There is no such instance.", "instance")
    return found


class Leading(InVpcs[R]):
    """Rows of which the answer tells whether they are applied: three queries more, and two where one is missing."""

    def context_of(self, rows: Sequence[Any]) -> dict[str, Any]:
        applied = applied_of(rows)
        missing = {row.tier_id for row in rows if applied[row.pk].is_missing}
        tiers = self.caller.through(Tier.objects).filter(pk__in=missing) if missing else ()
        return {**super().context_of(rows), "applied": applied, "asleep": networks.asleep(tiers)}


class StaticNatRows(Leading[StaticNat]):
    serializer_class = StaticNatRead

    def get_queryset(self) -> QuerySet[StaticNat]:
        return self.caller.through(StaticNat.objects).live().select_related("tenant", "vpc")


@extend_schema(summary="List static NAT")
class StaticNatList(StaticNatRows, List[StaticNat]):
    filterset_class = StaticNatFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Create a static NAT", request=StaticNatWrite, responses={202: OperationRead}, examples=[A_STATIC_NAT]
    )
    def post(self, request: Request) -> Response:
        """The public IP leads everything to the instance from the end of the operation in the answer on."""
        values, by = StaticNatWrite.of(request), self.caller.actor
        guest = parse_guest(values.get("address"), "address")

        def make() -> Response:
            public_ip = public_ip_of(self.tenant, values["public_ip"])
            instance = instance_of(self.tenant, values["instance"])
            return accepted(request, joined(create_static_nat)(public_ip, instance, address=guest, by=by))

        return self.once(make)


@extend_schema(summary="Read a static NAT")
class StaticNatOne(StaticNatRows, One[StaticNat]):
    @extend_schema(summary="Delete a static NAT", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as row:
            operation = joined(delete_static_nat)(row, by=self.caller.actor)
        return accepted(request, operation)


class StaticNatApply(StaticNatRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a static NAT again",
        operation_id="static_nats_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For one that is not `applied`: what is missing in CloudStack or on Netris is made again."""
        return self.act(pk, apply_static_nat)


class PortForwardRows(Leading[PortForward]):
    serializer_class = PortForwardRead

    def get_queryset(self) -> QuerySet[PortForward]:
        return self.caller.through(PortForward.objects).live().select_related("tenant", "vpc", "tier")

    def context_of(self, rows: Sequence[PortForward]) -> dict[str, Any]:
        return {**super().context_of(rows), "sources": sources_of(rows, self.caller.through)}


@extend_schema(summary="List port forwards")
class PortForwardList(PortForwardRows, List[PortForward]):
    filterset_class = PortForwardFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Create a port forward",
        request=PortForwardWrite,
        responses={202: OperationRead},
        examples=[A_PORT_FORWARD],
    )
    def post(self, request: Request) -> Response:
        """The ports are reserved at once, and led to the instance by the operation in the answer."""
        values, by = PortForwardWrite.of(request), self.caller.actor
        spec = ForwardSpec.parse(values)

        def make() -> Response:
            public_ip = public_ip_of(self.tenant, values["public_ip"])
            instance = instance_of(self.tenant, values["instance"])
            return accepted(request, joined(create_port_forward)(public_ip, instance, spec, by=by))

        return self.once(make)


@extend_schema(summary="Read a port forward")
class PortForwardOne(PortForwardRows, One[PortForward]):
    @extend_schema(
        summary="Switch a port forward on or off",
        request=PortForwardChange,
        responses={200: PortForwardRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """202 with the operation, at whose end it is switched; 200 when it is so already."""
        values = PortForwardChange.of(request)
        with self.changing(pk) as row:
            is_on = values.get("enabled", row.enabled)
            operation = joined(switch_port_forward)(row, is_on=is_on, by=self.caller.actor)
        return self.shown(pk) if operation is None else accepted(request, operation)

    @extend_schema(summary="Delete a port forward", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as row:
            operation = joined(delete_port_forward)(row, by=self.caller.actor)
        return accepted(request, operation)


class PortForwardApply(PortForwardRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a port forward again",
        operation_id="port_forwards_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For one that is not `applied`: what is missing in CloudStack or on Netris is made again."""
        return self.act(pk, apply_port_forward)
