"""Peerings: asked for, answered, changed, applied again, revoked. Each of the two tenants sees its own side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Invalid, Refused
from apps.kernel.shortcuts import get_or_404
from apps.networks.models import Vpc
from apps.networks.queries import work_in
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.operations.models import Operation
from apps.peering import queries, services
from apps.peering.api.serializers import (
    AnswerWrite,
    PeeringChange,
    PeeringRead,
    PeeringSettingsRead,
    PeeringSettingsWrite,
    PeeringWrite,
    PreviewRead,
)
from apps.peering.exchange import networks
from apps.peering.filters import PeeringFilter
from apps.peering.models import Closed, Peering, PeeringQuerySet
from apps.peering.sides import Side, side_of
from apps.peering.specs import AnswerSpec, PeeringSpec, choice_faults, offer_faults, parse_prefixes
from apps.tenancy.api.views import ApiView, Changing, List, One, Rows, WrittenBy
from apps.tenancy.tries import TooManyTries

OWN = OpenApiExample(
    "Two VPCs of one's own",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "peer": {"vpc": "3f2c1f0e-9f4b-4d0a-8a58-0c2f7d1b6a11"},
        "prefixes": ["10.20.0.0/24"],
    },
)
ASKING = OpenApiExample(
    "A request to another tenant",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "peer": {"tenant": "globex", "name": "the shop of Acme"},
        "prefixes": ["10.20.0.0/24"],
        "expires_at": "2030-01-31T18:00:00Z",
    },
)


class PeeringRows(Rows[Peering]):
    serializer_class = PeeringRead
    written_by: ClassVar[WrittenBy] = "tenant"

    def get_queryset(self) -> PeeringQuerySet:
        return queries.shown(self.caller.through(Peering.objects)).select_related(*queries.WITH)

    def context_of(self, rows: Sequence[Peering]) -> dict[str, Any]:
        work = work_in(self.caller.through(Operation.objects), queries.vpc_ids(rows))
        lines = queries.lines_of(self.seen(rows), work)
        return {**super().context_of(rows), "lines": {line.row.pk: line for line in lines}}

    def seen(self, rows: Sequence[Peering]) -> list[Side]:
        """The platform sees the side of whoever asked."""
        return [side_of(row, self.caller.tenant or row.tenant) for row in rows]

    def row(self, pk: str) -> Peering:
        found: Peering = get_or_404(self.get_queryset(), pk=pk)
        return found

    def hold_first(self, row: Peering) -> None:
        services.hold_vpcs(row)

    def vpc_named(self, reference: str) -> Vpc:
        """One of the caller's VPCs: another tenant's is as unknown as one that never was."""
        try:
            return Vpc.objects.of(self.tenant).live().select_related("tenant", "zone").get(pk=UUID(reference))
        except (Vpc.DoesNotExist, ValueError):
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc") from None


@extend_schema(summary="List peerings")
class PeeringList(PeeringRows, List[Peering]):
    filterset_class = PeeringFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Peer two VPCs, or ask another tenant",
        request=PeeringWrite,
        responses={201: PeeringRead, 202: OperationRead},
        examples=[OWN, ASKING],
    )
    def post(self, request: Request) -> Response:
        """202 with the operation for two VPCs of one's own; 201 with the request that waits for the other tenant's
        answer. One to a tenant that does not exist, or takes no requests, waits in vain and looks the same."""
        values, by = PeeringWrite.of(request), self.caller.actor
        spec = PeeringSpec.parse(values)
        if spec.peer.vpc is None:
            _count(self)

        def make() -> Response:
            vpc = self.vpc_named(values["vpc"])
            row, operation = joined(services.create_peering)(vpc, spec, by=by)
            if operation is not None:
                return accepted(request, operation)
            data = self.show(self.row(str(row.pk)))
            return Response(data, status=201, headers={"Location": data["url"]})

        return self.once(make)


def _count(view: PeeringRows) -> None:
    try:
        services.count_request(view.tenant)
    except TooManyTries as refusal:
        raise Throttled(refusal.seconds) from None


class PeeringSettings(ApiView):
    """What a tenant says of requests for peerings."""

    written_by = "tenant"

    @extend_schema(
        summary="Read whether other tenants can ask for peerings",
        operation_id="peerings_settings_read",
        responses=PeeringSettingsRead,
    )
    def get(self, request: Request) -> Response:
        """For a tenant, of itself."""
        if self.caller.tenant is None:
            raise PermissionDenied("Each tenant says this of itself. Use a token of one.", "tenant-token-needed")
        return self._shown()

    @extend_schema(
        summary="Take requests for peerings, or none",
        operation_id="peerings_settings_change",
        request=PeeringSettingsWrite,
        responses=PeeringSettingsRead,
    )
    def patch(self, request: Request) -> Response:
        """Whoever asks a tenant that takes none is not told so: the request waits in vain, and reaches nobody. Those
        that wait already stay."""
        values = PeeringSettingsWrite.of(request)
        if "takes_requests" in values:
            services.take_requests(self.tenant, is_open=values["takes_requests"], by=self.caller.actor)
        return self._shown()

    def _shown(self) -> Response:
        return Response({"takes_requests": not Closed.objects.of(self.tenant).exists()})


@extend_schema(summary="Read a peering")
class PeeringOne(PeeringRows, One[Peering]):
    @extend_schema(
        summary="Change what passes over a peering",
        request=PeeringChange,
        responses={200: PeeringRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """What this side offers, or takes of what the other offers. 202 with the operation, 200 when it is so
        already."""
        values, by = PeeringChange.of(request), self.caller.actor
        wanted = {name: parse_prefixes(value, name) for name, value in values.items()}
        with self.changing(pk) as row:
            operation = joined(services.change_peering)(side_of(row, self.tenant), **wanted, by=by)
        return self.shown(pk) if operation is None else accepted(request, operation)


class PeeringAccept(PeeringRows):
    filter_backends = []

    @extend_schema(
        summary="Accept a request for a peering",
        operation_id="peerings_accept",
        request=AnswerWrite,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """With a VPC of one's own: what it offers, and what it takes of what was offered."""
        row = self.row(pk)
        values, by = AnswerWrite.of(request), self.caller.actor
        answer = AnswerSpec.parse(values)

        def make() -> Response:
            vpc = self.vpc_named(values["vpc"])
            return accepted(request, joined(services.accept_peering)(row, vpc, answer, by=by))

        return self.once(make)


class PeeringReject(PeeringRows, Changing[Peering]):
    @extend_schema(
        summary="Reject a request for a peering", operation_id="peerings_reject", request=None, responses=PeeringRead
    )
    def post(self, request: Request, pk: str) -> Response:
        row = self.row(pk)
        Body.of(request)

        def make() -> Response:
            joined(services.reject_peering)(row, self.tenant, by=self.caller.actor)
            return Response(self.show(self.row(pk)))

        return self.once(make)


class PeeringRevoke(PeeringRows):
    filter_backends = []

    @extend_schema(
        summary="Revoke a peering, or take a request back",
        operation_id="peerings_revoke",
        request=None,
        responses={200: PeeringRead, 202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For either side, at any time. 202 with the operation that takes it away; 200 for a request, and when
        something else is at work on it: then it is taken away as soon as that is over."""
        row = self.row(pk)
        Body.of(request)

        def make() -> Response:
            operation = joined(services.revoke_peering)(row, self.tenant, by=self.caller.actor)
            return Response(self.show(self.row(pk))) if operation is None else accepted(request, operation)

        return self.once(make)


class PeeringApply(PeeringRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a peering again",
        operation_id="peerings_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For one that Netris has otherwise than it is meant."""
        row = self.row(pk)
        Body.of(request)
        by = self.caller.actor
        return self.once(lambda: accepted(request, joined(services.apply_peering)(row, self.tenant, by=by)))


VPC = OpenApiParameter("vpc", str, description="The id of a VPC of one's own, with which a request would be accepted.")
PREFIXES = OpenApiParameter("prefixes", str, description="What it would offer, with commas between; else all of it.")
ACCEPT = OpenApiParameter("accept", str, description="What it would take of what was offered; else all of it.")


class PeeringPreview(PeeringRows):
    filter_backends = []

    @property
    def known_parameters(self) -> Sequence[str]:
        return ("vpc", "prefixes", "accept")

    @extend_schema(
        summary="See what would come of a peering",
        operation_id="peerings_preview",
        parameters=[VPC, PREFIXES, ACCEPT],
        responses=PreviewRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        """The routes that appear on each side, and the ranges that overlap. Nothing is changed."""
        row = self.row(pk)
        side = side_of(row, self.caller.tenant or row.tenant)
        given = request.query_params
        asked = {name: parse_prefixes(given[name], name) for name in ("prefixes", "accept") if given.get(name)}
        vpc = side.vpc
        if reference := given.get("vpc"):
            if self.caller.tenant is None:
                raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
            vpc = self.vpc_named(reference)
        faults = offer_faults(asked.get("prefixes", ()), vpc.cidr, "prefixes") if vpc else []
        faults += choice_faults(asked.get("accept", ()), networks(side.peer_offered), "accept")
        if faults:
            raise Invalid(faults)
        return Response(PreviewRead(queries.preview_with(side, vpc, **asked), context={"request": request}).data)
