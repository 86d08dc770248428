"""VPCs and tiers: asked for, listed, renamed, taken away. What the two systems must do is an operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api import etag
from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_rows
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries, services
from apps.networks.agreement import agreement_of
from apps.networks.api.serializers import (
    AgreementRead,
    TierChange,
    TierRead,
    VpcChange,
    VpcRead,
    VpcWrite,
)
from apps.networks.filters import TierFilter, VpcFilter
from apps.networks.models import Tier, Vpc
from apps.networks.specs import VpcSpec
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.operations.models import Operation
from apps.quotas.queries import quotas_of_several
from apps.quotas.services import hold_use
from apps.tenancy.api.views import List, M, One, Rows, WrittenBy

A_VPC = OpenApiExample(
    "A VPC with two tiers",
    request_only=True,
    value={
        "name": "prod",
        "description": "The shop",
        "zone": "Zone-1",
        "cidr": "10.20.0.0/20",
        "tiers": [{"name": "web", "cidr": "10.20.0.0/24"}, {"name": "db", "cidr": "10.20.1.0/24"}],
    },
)
A_TIER = OpenApiExample(
    "A tier",
    request_only=True,
    value={"vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "name": "app", "cidr": "10.20.2.0/24"},
)


class InVpcs(Rows[M]):
    """VPCs, or rows in them. Their answer tells what can be done to them now: one query for the work in all their VPCs.
    Before such a row is changed, what its tenant uses and its VPC are held."""

    written_by: ClassVar[WrittenBy] = "tenant"

    def context_of(self, rows: Sequence[M]) -> dict[str, Any]:
        work = queries.work_in(self.caller.through(Operation.objects), {_vpc_id(row) for row in rows})
        return {**super().context_of(rows), "work": work}

    def hold_first(self, row: M) -> None:
        hold_use(self.tenant)
        hold_rows(Vpc.objects.of(self.tenant).filter(pk=_vpc_id(row)))

    def vpc_named(self, reference: str) -> Vpc:
        """One of the caller's VPCs: another tenant's is as unknown as one that never was."""
        try:
            return Vpc.objects.of(self.tenant).live().select_related("tenant", "zone").get(pk=UUID(reference))
        except (Vpc.DoesNotExist, ValueError):
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc") from None

    def act(self, pk: str, service: Callable[..., Operation]) -> Response:
        """POST to one of them, without a body, that starts an operation."""
        Body.of(self.request)
        return self.once(lambda: accepted(self.request, joined(service)(self.hold(pk), by=self.caller.actor)))


def _vpc_id(row: Any) -> UUID:
    found: UUID = row.pk if isinstance(row, Vpc) else row.vpc_id
    return found


class VpcRows(InVpcs[Vpc]):
    serializer_class = VpcRead

    def context_of(self, rows: Sequence[Vpc]) -> dict[str, Any]:
        quotas = quotas_of_several([row.tenant for row in rows], self.caller.through)
        return {**super().context_of(rows), "quotas": quotas}

    def get_queryset(self) -> QuerySet[Vpc]:
        tiers = self.caller.through(Tier.objects).live().defer("vpc_cidr")
        vpcs = self.caller.through(Vpc.objects).live().select_related("tenant", "zone")
        return vpcs.prefetch_related(Prefetch("tiers", tiers, to_attr="live_tiers"))


@extend_schema(summary="List VPCs")
class VpcList(VpcRows, List[Vpc]):
    filterset_class = VpcFilter
    tenant_path = "tenant"

    @extend_schema(summary="Create a VPC", request=VpcWrite, responses={202: OperationRead}, examples=[A_VPC])
    def post(self, request: Request) -> Response:
        """The VPC and its first tiers are reserved at once and built by the operation in the answer."""
        spec, by = VpcSpec.parse(VpcWrite.of(request)), self.caller.actor
        return self.once(lambda: accepted(request, joined(services.create_vpc)(self.tenant, spec, by=by)))


@extend_schema(summary="Read a VPC")
class VpcOne(VpcRows, One[Vpc]):
    @extend_schema(summary="Change a VPC's name or description", request=VpcChange, responses=VpcRead)
    def patch(self, request: Request, pk: str) -> Response:
        """Takes effect at once: names are the portal's own, and neither system is told."""
        values = VpcChange.of(request)
        with self.changing(pk) as vpc:
            wanted = {"name": vpc.name, "description": vpc.description} | values
            joined(services.rename_vpc)(vpc, **wanted, by=self.caller.actor)
        return self.shown(pk)

    @extend_schema(summary="Delete a VPC with its tiers", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as vpc:
            operation = joined(services.delete_vpc)(vpc, by=self.caller.actor)
        return accepted(request, operation)


class VpcAgreement(Rows[Vpc]):
    filter_backends = []

    def get_queryset(self) -> QuerySet[Vpc]:
        return self.caller.through(Vpc.objects).live().select_related("tenant", "zone")

    @extend_schema(summary="Compare a VPC in both systems", responses=AgreementRead)
    def get(self, request: Request, pk: str) -> Response:
        """What CloudStack and Netris listed last of the VPC and its tiers. Nothing is asked of them now."""
        vpc = get_or_404(self.get_queryset(), pk=pk)
        settled_at = queries.settled_at(queries.latest_operations_of(vpc))
        agreement = agreement_of(vpc, list(queries.tiers_of(vpc)), settled_at=settled_at)
        return etag.tagged(request, AgreementRead(agreement, context=self.get_serializer_context()).data)


class TierRows(InVpcs[Tier]):
    """Their routes stand with those of access lists, which tiers are made and told with."""

    serializer_class = TierRead

    def get_queryset(self) -> QuerySet[Tier]:
        return self.caller.through(Tier.objects).live().select_related("vpc__tenant").defer("vpc_cidr", "vpc__cidr")


@extend_schema(summary="List tiers")
class TierList(TierRows, List[Tier]):
    filterset_class = TierFilter
    tenant_path = "tenant"


@extend_schema(summary="Read a tier")
class TierOne(TierRows, One[Tier]):
    @extend_schema(summary="Rename a tier", request=TierChange, responses=TierRead)
    def patch(self, request: Request, pk: str) -> Response:
        """Takes effect at once: names are the portal's own, and neither system is told."""
        values = TierChange.of(request)
        with self.changing(pk) as tier:
            joined(services.rename_tier)(tier, name=values.get("name", tier.name), by=self.caller.actor)
        return self.shown(pk)

    @extend_schema(summary="Delete a tier", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as tier:
            operation = joined(services.delete_tier)(tier, by=self.caller.actor)
        return accepted(request, operation)
