"""Locations, and orders from their draft to their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.directconnect import queries
from apps.directconnect.api.serializers import (
    ConnectionChange,
    ConnectionRead,
    ConnectionWrite,
    DecisionWrite,
    FabricPortRead,
    LocationChange,
    LocationRead,
    LocationWrite,
    PortWrite,
    TransitionWrite,
    WaitingRead,
    WaitingsRead,
)
from apps.directconnect.letters import file_name_of, pdf_of
from apps.directconnect.models import Connection, FabricPort, Location
from apps.directconnect.order_filters import ConnectionFilter
from apps.directconnect.services import locations, orders
from apps.directconnect.specs import LocationSpec, OrderSpec, location_change, parse_kind, parse_stage
from apps.directconnect.stages import Party, Stage
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import approvals
from apps.tenancy.actors import Platform
from apps.tenancy.api.views import ApiView, Changing, List, One, Rows, WrittenBy
from apps.zones.models import Zone

AN_ORDER = OpenApiExample(
    "A port of its own",
    request_only=True,
    value={"name": "paris-a", "location": "Paris 2", "speed": 10000, "kind": "dedicated"},
)
A_LOCATION = OpenApiExample(
    "A meet-me room",
    request_only=True,
    value={
        "zone": "par-1",
        "name": "Paris 2",
        "address": "114 rue Ambroise Croizat, Saint-Denis",
        "room": "MMR 2.1",
        "offerings": [{"speed": 10000, "kind": "dedicated", "price": "on request"}],
    },
)
A_REJECTION = OpenApiExample("A rejection", request_only=True, value={"verdict": "reject", "reason": "No room left."})


class LocationRows(Rows[Location]):
    """The platform sees those that are closed as well, and those of zones that are."""

    serializer_class = LocationRead
    written_by: ClassVar[WrittenBy] = "platform"

    def get_queryset(self) -> QuerySet[Location]:
        rows = Location.objects.select_related("zone").prefetch_related("offerings", "ports")
        return rows if self.caller.platform else rows.filter(is_open=True, zone__is_enabled=True)

    @property
    def platform(self) -> Platform:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        return self.caller.platform


@extend_schema(summary="List locations")
class LocationList(LocationRows, List[Location]):
    @extend_schema(
        summary="Create a location", request=LocationWrite, responses={201: LocationRead}, examples=[A_LOCATION]
    )
    def post(self, request: Request) -> Response:
        """For the platform."""
        values = LocationWrite.of(request)

        def make() -> Response:
            zone = Zone.objects.the_one_called(values["zone"])
            row = joined(locations.create_location)(zone, LocationSpec.parse(values), by=self.platform)
            data = self.show(get_or_404(self.get_queryset(), pk=row.pk))
            return Response(data, status=201, headers={"Location": data["url"]})

        return self.once(make)


@extend_schema(summary="Read a location")
class LocationOne(LocationRows, One[Location]):
    @extend_schema(summary="Change a location", request=LocationChange, responses={200: LocationRead})
    def patch(self, request: Request, pk: str) -> Response:
        """What is left out stays. `offerings` are all that it offers from then on."""
        changes = location_change(LocationChange.of(request))
        with self.changing(pk) as row:
            joined(locations.change_location)(row, changes, by=self.platform)
        return self.shown(pk)

    @extend_schema(summary="Delete a location", request=None, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """One without ports for which nobody ever ordered. Any other can be let take no orders: `is_open`."""
        with self.changing(pk) as row:
            joined(locations.delete_location)(row, by=self.platform)
        return Response(status=204)


class LocationPorts(LocationRows):
    @extend_schema(
        summary="Add a port to a location",
        operation_id="locations_ports_create",
        request=PortWrite,
        responses={201: FabricPortRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """A free port of the inventory. Whoever waits for one like it has it at once."""
        location = get_or_404(self.get_queryset(), pk=pk)
        values = PortWrite.of(request)

        def make() -> Response:
            kind = parse_kind(values["kind"], "kind")
            row = joined(locations.add_port)(location, values["port"], kind, values.get("speed"), by=self.platform)
            return Response(FabricPortRead(row).data, status=201)

        return self.once(make)


class LocationPort(LocationRows):
    filter_backends = []

    @extend_schema(
        summary="Remove a port from a location",
        operation_id="locations_ports_destroy",
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, pk: str, port: str) -> Response:
        """One that nothing has, once no VLAN of it rests. Nothing is changed on the fabric."""
        rows = FabricPort.objects.select_related("location").filter(location=get_or_404(self.get_queryset(), pk=pk))
        locations.remove_port(get_or_404(rows, pk=port), by=self.platform)
        return Response(status=204)


class ConnectionRows(Rows[Connection]):
    serializer_class = ConnectionRead

    def get_queryset(self) -> QuerySet[Connection]:
        rows = self.caller.through(Connection.objects).select_related("tenant", "location__zone", "port")
        return rows.prefetch_related("entries")

    def hold_first(self, row: Connection) -> None:
        hold_row(Location(pk=row.location_id))

    @property
    def party(self) -> Party:
        return Party.PLATFORM if self.caller.platform else Party.TENANT

    def context_of(self, rows: Sequence[Connection]) -> dict[str, Any]:
        return {**super().context_of(rows), "party": self.party, "places": queries.places_of(rows)}


@extend_schema(summary="List Direct Connect connections")
class ConnectionList(ConnectionRows, List[Connection]):
    filterset_class = ConnectionFilter
    tenant_path = "tenant"
    written_by: ClassVar[WrittenBy] = "tenant"

    @extend_schema(
        summary="Order a Direct Connect connection",
        request=ConnectionWrite,
        responses={201: ConnectionRead},
        examples=[AN_ORDER],
    )
    def post(self, request: Request) -> Response:
        """It is a draft: bring it to `submitted` when it is as you want it."""
        spec = OrderSpec.parse(ConnectionWrite.of(request))

        def make() -> Response:
            row = joined(orders.order)(self.tenant, spec, by=self.caller.actor)
            data = self.show(get_or_404(self.get_queryset(), pk=row.pk))
            return Response(data, status=201, headers={"Location": data["url"]})

        return self.once(make)


@extend_schema(summary="Read a Direct Connect connection")
class ConnectionOne(ConnectionRows, One[Connection]):
    written_by: ClassVar[WrittenBy] = "tenant"

    @extend_schema(
        summary="Change a Direct Connect connection", request=ConnectionChange, responses={200: ConnectionRead}
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Of a draft all of it, later its name."""
        values = ConnectionChange.of(request)
        with self.changing(pk) as row:
            now = {"name": row.name, "location": str(row.location_id), "speed": row.speed, "kind": row.kind}
            now["apart_from"] = str(row.apart_from_id or "")
            if row.stage != Stage.DRAFT and set(values) == {"name"}:
                joined(orders.rename)(row, name=values["name"], by=self.caller.actor)
            elif values:
                joined(orders.revise)(row, OrderSpec.parse({**now, **values}), by=self.caller.actor)
        return self.shown(pk)


class ConnectionTransition(ConnectionRows, Changing[Connection]):
    @extend_schema(
        summary="Bring a Direct Connect connection to a stage",
        operation_id="direct_connects_transition",
        request=TransitionWrite,
        responses={200: ConnectionRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """`moves` of the connection tells where you can bring it now."""
        row = get_or_404(self.get_queryset(), pk=pk)
        values = TransitionWrite.of(request)
        to = parse_stage(values.pop("to"), "to")

        def make() -> Response:
            joined(orders.transition)(row, to, values, party=self.party, by=self.caller.actor)
            return Response(self.show(get_or_404(self.get_queryset(), pk=pk)))

        return self.once(make)


class ConnectionLetter(ConnectionRows):
    filter_backends = []

    @extend_schema(
        summary="Read the letter of authorization",
        operation_id="direct_connects_loa",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        """A PDF, as it was issued. 404 before that, and once the connection is being closed."""
        row = get_or_404(self.get_queryset(), pk=pk)
        if not row.letter:
            raise Http404("It has no letter of authorization.")
        headers = {"Content-Disposition": f'attachment; filename="{file_name_of(row.letter)}"'}
        return HttpResponse(pdf_of(row.letter), content_type="application/pdf", headers=headers)


class Approvals(ApiView):
    written_by: ClassVar[WrittenBy] = "platform"

    @property
    def platform(self) -> Platform:
        if self.caller.platform is None:
            raise Http404
        return self.caller.platform


class ApprovalList(Approvals):
    @extend_schema(summary="List what waits for approval", operation_id="approvals_list", responses=WaitingsRead)
    def get(self, request: Request) -> Response:
        """For the platform, the oldest first."""
        return Response({"results": WaitingRead(approvals.waiting(self.platform), many=True).data})


class ApprovalDecide(Approvals):
    @extend_schema(
        summary="Approve or reject",
        operation_id="approvals_decide",
        request=DecisionWrite,
        responses={204: None},
        examples=[A_REJECTION],
    )
    def post(self, request: Request, pk: str) -> Response:
        """For the platform. 404 for what does not wait any more."""
        values = DecisionWrite.of(request)
        if values["verdict"] not in approvals.VERDICTS:
            raise Refused("verdict-unknown", "Say approve or reject.", "verdict")
        if values["verdict"] == "approve" and values.get("reason"):
            raise Refused("evidence-unknown", "An approval takes no reason.", "reason")
        if not approvals.decide(UUID(str(pk)), values["verdict"], values.get("reason", ""), self.platform):
            raise Http404
        return Response(status=204)
