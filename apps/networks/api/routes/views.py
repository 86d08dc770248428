"""Static routes: asked for, listed, applied again, taken away; and all ways out of a VPC as one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api import etag
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries
from apps.networks.agreement import agreement_of
from apps.networks.api.routes.serializers import RoutesRead, StaticRouteRead, StaticRouteWrite
from apps.networks.api.views import InVpcs
from apps.networks.filters import StaticRouteFilter
from apps.networks.models import StaticRoute, Vpc
from apps.networks.routes.effective import routes_of
from apps.networks.routes.queries import applied_of
from apps.networks.routes.services import apply_route, create_route, delete_route
from apps.networks.routes.specs import RouteSpec
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import List, One, Rows

A_ROUTE = OpenApiExample(
    "Through an instance that routes",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "destination": "192.168.50.0/24",
        "next_hop": "10.20.0.9",
    },
)


class StaticRouteRows(InVpcs[StaticRoute]):
    serializer_class = StaticRouteRead

    def get_queryset(self) -> QuerySet[StaticRoute]:
        return self.caller.through(StaticRoute.objects).live().select_related("tenant", "vpc", "tier")

    def context_of(self, rows: Sequence[StaticRoute]) -> dict[str, Any]:
        return {**super().context_of(rows), "applied": applied_of(rows)}


@extend_schema(summary="List static routes")
class StaticRouteList(StaticRouteRows, List[StaticRoute]):
    filterset_class = StaticRouteFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Create a static route", request=StaticRouteWrite, responses={202: OperationRead}, examples=[A_ROUTE]
    )
    def post(self, request: Request) -> Response:
        """The range is reserved at once, and led to the next hop from the end of the operation in the answer on."""
        values, by = StaticRouteWrite.of(request), self.caller.actor
        spec = RouteSpec.parse(values)

        def make() -> Response:
            return accepted(request, joined(create_route)(self.vpc_named(values["vpc"]), spec, by=by))

        return self.once(make)


@extend_schema(summary="Read a static route")
class StaticRouteOne(StaticRouteRows, One[StaticRoute]):
    @extend_schema(summary="Delete a static route", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as row:
            operation = joined(delete_route)(row, by=self.caller.actor)
        return accepted(request, operation)


class StaticRouteApply(StaticRouteRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a static route again",
        operation_id="static_routes_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For one that is not `applied`: what is missing in CloudStack or on Netris is made again."""
        return self.act(pk, apply_route)


class VpcRoutes(Rows[Vpc]):
    filter_backends = []

    def get_queryset(self) -> QuerySet[Vpc]:
        return self.caller.through(Vpc.objects).live().select_related("tenant", "zone")

    @extend_schema(summary="Read where a VPC's traffic goes", responses=RoutesRead)
    def get(self, request: Request, pk: str) -> Response:
        """Its tiers, its static routes, peerings, Direct Connect and source NAT, as the systems were read last. Nothing
        is asked of them now."""
        vpc = get_or_404(self.get_queryset(), pk=pk)
        tiers = list(queries.tiers_of(vpc))
        settled_at = queries.settled_at(queries.latest_operations_of(vpc))
        agreement = agreement_of(vpc, tiers, settled_at=settled_at)
        routes = routes_of(vpc, tiers, agreement, queries.work_on(vpc))
        return etag.tagged(request, RoutesRead({"routes": routes}, context=self.get_serializer_context()).data)
