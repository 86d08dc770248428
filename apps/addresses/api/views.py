"""Public IPs: asked for, listed, named, released; and for the platform who had which, and how far they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.addresses import pool
from apps.addresses.api.serializers import (
    HoldingRead,
    PoolChange,
    PoolRead,
    PublicIpChange,
    PublicIpRead,
    PublicIpWrite,
)
from apps.addresses.filters import PublicIpFilter
from apps.addresses.models import Holding, PublicIp
from apps.addresses.queries import public_ips as queries
from apps.addresses.services import public_ips as services
from apps.addresses.specs import PublicIpSpec, parse_address
from apps.kernel.api import etag
from apps.kernel.api.pagination import CursorPages
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.networks.api.views import InVpcs
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.callers import NOBODY
from apps.tenancy.api.views import List, One, PlatformRows
from apps.zones.models import Zone

AN_ADDRESS = OpenApiExample(
    "The next free address",
    request_only=True,
    value={"vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "name": "shop"},
)


class PublicIpRows(InVpcs[PublicIp]):
    serializer_class = PublicIpRead

    def get_queryset(self) -> QuerySet[PublicIp]:
        return self.caller.through(PublicIp.objects).live().select_related("tenant", "zone", "vpc")

    def context_of(self, rows: Sequence[PublicIp]) -> dict[str, Any]:
        return {**super().context_of(rows), "applied": queries.applied_of(rows, self.caller.through)}


@extend_schema(summary="List public IPs")
class PublicIpList(PublicIpRows, List[PublicIp]):
    filterset_class = PublicIpFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Acquire a public IP", request=PublicIpWrite, responses={202: OperationRead}, examples=[AN_ADDRESS]
    )
    def post(self, request: Request) -> Response:
        """The address is reserved at once, and given to the VPC by the operation in the answer."""
        values, by = PublicIpWrite.of(request), self.caller.actor
        spec = PublicIpSpec.parse(values)

        def make() -> Response:
            return accepted(request, joined(services.acquire)(self.vpc_named(values["vpc"]), spec, by=by))

        return self.once(make)


@extend_schema(summary="Read a public IP")
class PublicIpOne(PublicIpRows, One[PublicIp]):
    @extend_schema(summary="Change a public IP's name or notes", request=PublicIpChange, responses=PublicIpRead)
    def patch(self, request: Request, pk: str) -> Response:
        """Takes effect at once: both are the portal's own, and neither system is told."""
        values = PublicIpChange.of(request)
        with self.changing(pk) as row:
            wanted = {"name": row.name, "notes": row.notes} | values
            joined(services.edit)(row, **wanted, by=self.caller.actor)
        return self.shown(pk)

    @extend_schema(summary="Release a public IP", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        """Refused while anything leads from it. Afterwards it rests, and no other tenant is given it for a while."""
        with self.changing(pk) as row:
            operation = joined(services.release)(row, by=self.caller.actor)
        return accepted(request, operation)


class HolderFilter(django_filters.FilterSet):  # type: ignore[misc]
    address = django_filters.CharFilter(method="at_address", help_text="The whole address.")

    class Meta:
        model = Holding
        fields: list[str] = []

    def at_address(self, rows: QuerySet[Holding], _name: str, value: str) -> QuerySet[Holding]:
        return rows.filter(address=parse_address(value, "address"))


class LatestFirst(CursorPages):
    moment = "held_from"
    identity = "public_ip_id"


@extend_schema(summary="List who had which public IP")
class HolderList(PlatformRows[Holding], List[Holding]):
    """Now and before, of all tenants."""

    serializer_class = HoldingRead
    filterset_class = HolderFilter
    tenant_path = "tenant"
    pagination_class = LatestFirst

    def get_queryset(self) -> QuerySet[Holding]:
        if self.caller is NOBODY:
            return self.caller.through(Holding.objects)
        return Holding.objects.across(self.platform).select_related("tenant", "zone")


class PoolRows(PlatformRows[Zone]):
    serializer_class = PoolRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Zone]:
        return Zone.objects.all()

    def seen(self, rows: Sequence[Zone]) -> Sequence[pool.Pool]:
        return pool.pools(rows)


@extend_schema(summary="List the zones' public IPs as pools")
class PoolList(PoolRows, List[Zone]):
    pass


@extend_schema(summary="Read how far a zone's public IPs reach")
class PoolOne(PoolRows, One[Zone]):
    def get(self, request: Request, pk: str) -> Response:
        return etag.tagged(request, self.show(get_or_404(self.get_queryset(), pk=pk)))

    @extend_schema(summary="Say how long released public IPs rest", request=PoolChange, responses=PoolRead)
    def patch(self, request: Request, pk: str) -> Response:
        """For those that are released from now on."""
        values, platform = PoolChange.of(request), self.platform
        with self.changing(pk) as zone:
            hours = values.get("quarantine_hours", zone.quarantine_hours)
            joined(services.set_quarantine)(zone, hours=hours, by=platform)
        return self.shown(pk)
