"""What is known of a connection: how to write it into a router, how it is, what passes over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.directconnect.api.interface_serializers import ChecksRead, SessionRoutesRead
from apps.directconnect.api.interface_views import InterfaceRows
from apps.directconnect.interfaces import queries
from apps.directconnect.models import Interface
from apps.directconnect.routers import VENDORS, configuration
from apps.kernel import clock
from apps.kernel.api.negotiation import JsonNegotiation
from apps.kernel.errors import Refused
from apps.operations.provisioned import Status

INTERFACE = OpenApiParameter("interface", str, description="The id of one of its interfaces; else of all of them.")
VENDOR = OpenApiParameter("vendor", str, description="Whose syntax.", required=True, enum=list(VENDORS))


class Of(NamedTuple):
    row: Interface
    told: queries.Told


class Readings(InterfaceRows):
    """Of all interfaces of a connection, or of one."""

    filter_backends = []

    @property
    def known_parameters(self) -> Sequence[str]:
        return ("interface",)

    def rows(self, request: Request) -> list[Interface]:
        rows = self.get_queryset().order_by("name", "pk")
        if (reference := request.query_params.get("interface")) is None:
            return list(rows)
        try:
            return [rows.get(pk=UUID(reference))]
        except (Interface.DoesNotExist, ValueError):
            text = "The connection has no such interface."
            raise Refused("interface-unknown", text, "interface") from None

    def of(self, request: Request) -> list[Of]:
        rows = self.rows(request)
        told = queries.told(rows)
        return [Of(row, told[row.pk]) for row in rows]


class ConnectionChecks(Readings):
    @extend_schema(
        summary="Check a connection, layer by layer",
        operation_id="direct_connects_checks",
        parameters=[INTERFACE],
        responses=ChecksRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        """Light, VLAN, BGP and routes of each interface, from what was read of Netris last, and how old that is.
        Nothing is asked for it."""
        connection = self.connection(pk)
        found = {"light": queries.light(connection), "results": self.of(request)}
        return Response(ChecksRead(found, context={"request": request, "now": clock.now()}).data)


class ConnectionRoutes(Readings):
    @extend_schema(
        summary="Read what passes over a connection",
        operation_id="direct_connects_routes",
        parameters=[INTERFACE],
        responses=SessionRoutesRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        """What the filters of its sessions let through, and how many prefixes each takes. `note` says what Netris does
        not tell."""
        self.connection(pk)
        found = {"note": queries.NOTE, "results": self.of(request)}
        return Response(SessionRoutesRead(found, context={"request": request, "now": clock.now()}).data)


class TextNegotiation(JsonNegotiation):
    """Whoever takes the text is told in JSON why there is none."""

    def get_accept_list(self, request: Request) -> list[str]:
        return [each.replace("text/plain", "application/json") for each in super().get_accept_list(request)]


class ConnectionConfiguration(Readings):
    content_negotiation_class = TextNegotiation

    @property
    def known_parameters(self) -> Sequence[str]:
        return ("vendor", "interface")

    @extend_schema(
        summary="Read what to write into your router",
        operation_id="direct_connects_router_config",
        parameters=[VENDOR, INTERFACE],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        """As text. Where the MD5 key goes stands `<your MD5 key>`; where our ASN is not known yet, `<our ASN>`."""
        self.connection(pk)
        vendor = _vendor(request.query_params.get("vendor"))
        rows = [row for row in self.rows(request) if row.status != Status.REMOVING]
        if not rows:
            raise Refused("not-now", "The connection has no virtual interface. Create one first.")
        asn = queries.asn_of(rows[0].vpc.zone)
        text = "\n".join(configuration(queries.far_of(row, asn), vendor) for row in rows)
        return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _vendor(said: str | None) -> str:
    if said in VENDORS:
        return str(said)
    known = f"There are: {', '.join(VENDORS)}."
    if said is None:
        raise Refused("vendor-missing", f"Say whose syntax: give a vendor. {known}", "vendor")
    raise Refused("vendor-unknown", f"There is no such vendor. {known}", "vendor")
