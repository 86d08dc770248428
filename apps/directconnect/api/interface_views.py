"""Virtual interfaces of a connection: asked for, listed, changed, tested, applied again, taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.directconnect.api.interface_serializers import (
    InterfaceChange,
    InterfaceRead,
    InterfaceWrite,
    KeyRead,
    TestWrite,
)
from apps.directconnect.interfaces import queries, services
from apps.directconnect.interfaces.filters import InterfaceFilter
from apps.directconnect.interfaces.specs import InterfaceSpec, change_of, parse_minutes
from apps.directconnect.models import Connection, Interface
from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.networks.api.views import InVpcs
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import Changing, List, One

AN_INTERFACE = OpenApiExample(
    "A VLAN into a VPC",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "peer_asn": 65010,
        "announce": ["10.20.0.0/20"],
        "accept": ["192.168.0.0/16"],
        "max_prefixes": 100,
        "make_md5": True,
        "bfd": True,
    },
)


class InterfaceRows(InVpcs[Interface]):
    """Of one connection; of another one there are none here."""

    serializer_class = InterfaceRead

    def get_queryset(self) -> QuerySet[Interface]:
        rows = self.caller.through(Interface.objects).live().filter(connection=self.kwargs.get("pk"))
        return rows.select_related("tenant", "vpc__zone", "connection", "port")

    def context_of(self, rows: Sequence[Interface]) -> dict[str, Any]:
        asn = queries.asn_of(rows[0].vpc.zone) if rows else queries.NO_ASN
        return {**super().context_of(rows), "asn": asn}

    def connection(self, pk: str) -> Connection:
        rows = self.caller.through(Connection.objects).select_related("tenant", "location__zone", "port")
        found: Connection = get_or_404(rows, pk=pk)
        return found


@extend_schema(summary="List virtual interfaces")
class InterfaceList(InterfaceRows, List[Interface]):
    filterset_class = InterfaceFilter

    def get(self, request: Request, pk: str) -> Response:  # type: ignore[override]  # within a connection
        self.connection(pk)
        return self.list(request)

    @extend_schema(
        summary="Create a virtual interface",
        request=InterfaceWrite,
        responses={202: OperationRead},
        examples=[AN_INTERFACE],
    )
    def post(self, request: Request, pk: str) -> Response:
        """VLAN and addresses are reserved at once; traffic can pass from the end of the operation in the answer on."""
        connection = self.connection(pk)
        values, by = InterfaceWrite.of(request), self.caller.actor
        spec = InterfaceSpec.parse(values)

        def make() -> Response:
            vpc = self.vpc_named(values["vpc"])
            return accepted(request, joined(services.create_interface)(connection, vpc, spec, by=by))

        return self.once(make)


@extend_schema(summary="Read a virtual interface")
class InterfaceOne(InterfaceRows, One[Interface]):
    def get(self, request: Request, pk: str, interface: str) -> Response:  # type: ignore[override]  # as above
        return super().get(request, interface)

    @extend_schema(
        summary="Change a virtual interface",
        request=InterfaceChange,
        responses={200: InterfaceRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str, interface: str) -> Response:
        """202 with the operation, at whose end it is changed; 200 for a new name, and when it is so already."""
        values, by = InterfaceChange.of(request), self.caller.actor
        with self.changing(interface) as row:
            wanted = change_of(values)
            if "name" in values and wanted:
                raise Refused("name-alone", "A name changes at once: send it by itself.", "name")
            if "name" in values:
                joined(services.rename_interface)(row, name=values["name"], by=by)
            operation = joined(services.change_interface)(row, wanted, by=by) if wanted else None
        return self.shown(interface) if operation is None else accepted(request, operation)

    @extend_schema(summary="Delete a virtual interface", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str, interface: str) -> Response:
        with self.changing(interface) as row:
            operation = joined(services.delete_interface)(row, by=self.caller.actor)
        return accepted(request, operation)


class InterfaceApply(InterfaceRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a virtual interface again",
        operation_id="direct_connects_interfaces_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str, interface: str) -> Response:
        """For one that Netris has otherwise than it is meant."""
        return self.act(interface, services.apply_interface)


class InterfaceTest(InterfaceRows):
    filter_backends = []

    @extend_schema(
        summary="Test fail-over",
        operation_id="direct_connects_interfaces_test",
        request=TestWrite,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str, interface: str) -> Response:
        """Takes the session down for some minutes, to see that traffic finds its other way. It ends by itself."""
        get_or_404(self.get_queryset(), pk=interface)
        minutes, by = parse_minutes(TestWrite.of(request).get("minutes"), "minutes"), self.caller.actor
        return self.once(lambda: accepted(request, joined(services.start_test)(self.hold(interface), minutes, by=by)))


class InterfaceTestEnd(InterfaceRows):
    filter_backends = []

    @extend_schema(
        summary="End a test of fail-over",
        operation_id="direct_connects_interfaces_test_end",
        request=None,
        responses={200: InterfaceRead, 202: OperationRead},
    )
    def post(self, request: Request, pk: str, interface: str) -> Response:
        """Before its time. 202 with the operation that brings the session up, 200 where it was not down."""
        get_or_404(self.get_queryset(), pk=interface)
        Body.of(request)

        def make() -> Response:
            row = self.hold(interface)
            operation = joined(services.end_test)(row, by=self.caller.actor)
            if row.test_until is None:
                raise Refused("not-now", queries.NO_TEST)
            if operation is not None:
                return accepted(request, operation)
            return Response(self.show(get_or_404(self.get_queryset(), pk=interface)))

        return self.once(make)


class InterfaceKey(InterfaceRows, Changing[Interface]):
    @extend_schema(
        summary="Show the MD5 key once",
        operation_id="direct_connects_interfaces_md5",
        request=None,
        responses={200: KeyRead},
    )
    def post(self, request: Request, pk: str, interface: str) -> Response:
        """Who asks a second time is refused: set a new key, and that can be shown. Nothing keeps the answer, so a
        request that is sent again with its `Idempotency-Key` is answered without the key."""
        get_or_404(self.get_queryset(), pk=interface)
        Body.of(request)

        def make() -> Response:
            row = self.hold(interface)
            key = joined(services.reveal_key)(row, by=self.caller.actor).get_secret_value()
            shown = get_or_404(self.get_queryset(), pk=interface)
            return Response(KeyRead({"md5": key, "md5_shown_at": shown.md5_shown_at}).data)

        answer = self.once(make, shown_once="md5")
        answer["Cache-Control"] = "no-store"
        return answer
