"""The inventory as scripts change it, beside what they read of it. For the platform alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric.api.inventory import views as fabric
from apps.fabric.api.inventory.serializers import DeviceRead, LinkRead, PortRead
from apps.inventory.api.serializers import DeviceChange, DeviceWrite, LinkChange, LinkWrite, PortChange, SuggestionRead
from apps.inventory.models import Device
from apps.inventory.services import devices, links, ports
from apps.inventory.specs import KINDS, DeviceSpec
from apps.inventory.suggestions import suggested
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import PlatformRows
from apps.zones.models import Zone


def _zone(reference: str) -> Zone:
    zone = Zone.objects.called(reference).first()
    if zone is None:
        raise Refused("zone-unknown", "There is no such zone.", "zone")
    return zone


@extend_schema(summary="List devices of the fabric")
class DeviceList(fabric.DeviceList):
    @extend_schema(summary="Create a device", request=DeviceWrite, responses={202: OperationRead})
    def post(self, request: Request) -> Response:
        """Netris makes it, with its links; the list shows it once it was read again. The address of the operation's
        resource is the device's from then on."""
        values = DeviceWrite.of(request)
        return self.once(lambda: self._created(values))

    def _created(self, values: dict[str, Any]) -> Response:
        zone = _zone(values.pop("zone"))
        operation = joined(devices.create_device)(zone, DeviceSpec.parse(values), by=self.platform)
        return accepted(self.request, operation)


class DeviceOne(fabric.DeviceOne):
    @extend_schema(summary="Read a device of the fabric", responses=DeviceRead)
    def get(self, request: Request, pk: str) -> Response:
        """Also by the id of the operation that makes it, once the inventory shows it."""
        made = Device.objects.filter(pk=pk).exclude(remote_id="").select_related("zone").first()
        return super().get(request, str(made.seen_id) if made else pk)

    @extend_schema(summary="Change a device", request=DeviceChange, responses={202: OperationRead})
    def patch(self, request: Request, pk: str) -> Response:
        """202 with the operation; the list shows what has changed once it was read again."""
        values = DeviceChange.of(request)
        with self.changing(pk) as row:
            operation = joined(devices.change_device)(row, values, by=self.platform)
        return accepted(request, operation)

    @extend_schema(summary="Delete a device", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        """Refused, with the reason, while it has links or sessions, carries V-Nets, or instances run there."""
        with self.changing(pk) as row:
            operation = joined(devices.delete_device)(row, confirmed=row.name, by=self.platform)
        return accepted(request, operation)


class DeviceSuggestion(PlatformRows[Any]):
    filter_backends = []

    @property
    def known_parameters(self) -> list[str]:
        return ["zone", "role"]

    @extend_schema(
        summary="Read what a new device is offered",
        operation_id="fabric_devices_suggestion",
        parameters=[
            OpenApiParameter("zone", str, required=True, description="Its name, short name or id."),
            OpenApiParameter("role", str, required=True, enum=list(KINDS)),
        ],
        responses=SuggestionRead,
    )
    def get(self, request: Request) -> Response:
        """A name, addresses and a number like those of its kind, which nothing has yet; `auto` where that is left to
        Netris."""
        unknown = Refused("role-unknown", f"Say what it is: {', '.join(KINDS)}.", "role")
        if (role := request.query_params.get("role")) not in (None, *KINDS):
            raise unknown
        zone = _zone(request.query_params.get("zone", ""))
        if role is None:
            raise unknown
        return Response(SuggestionRead(suggested(zone, role, self.platform)).data)


@extend_schema(summary="List links of the fabric")
class LinkList(fabric.LinkList):
    @extend_schema(summary="Create a link", request=LinkWrite, responses={202: OperationRead})
    def post(self, request: Request) -> Response:
        """Between two ports that nothing hangs on."""
        values = LinkWrite.of(request)
        return self.once(lambda: self._created(values))

    def _created(self, values: dict[str, Any]) -> Response:
        zone = _zone(values.pop("zone"))
        operation = joined(links.create_link)(
            zone, values["local"], values["remote"], underlay=values.get("underlay", True), by=self.platform
        )
        return accepted(self.request, operation)


class LinkOne(fabric.LinkOne):
    @extend_schema(summary="Read a link of the fabric", responses=LinkRead)
    def get(self, request: Request, pk: str) -> Response:
        return super().get(request, pk)

    @extend_schema(summary="Change a link", request=LinkChange, responses={202: OperationRead})
    def patch(self, request: Request, pk: str) -> Response:
        values = LinkChange.of(request)
        with self.changing(pk) as row:
            operation = joined(links.change_link)(
                row, underlay=values["underlay"], confirmed=values.get("confirm", ""), by=self.platform
            )
        return accepted(request, operation)

    @extend_schema(summary="Delete a link", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        """Also the last one of a device: look first what hangs on it."""
        with self.changing(pk) as row:
            operation = joined(links.delete_link)(row, confirmed=row.name, by=self.platform)
        return accepted(request, operation)


class PortOne(fabric.PortOne):
    @extend_schema(summary="Read a port of the fabric", responses=PortRead)
    def get(self, request: Request, pk: str) -> Response:
        return super().get(request, pk)

    @extend_schema(summary="Change a port", request=PortChange, responses={202: OperationRead})
    def patch(self, request: Request, pk: str) -> Response:
        values = PortChange.of(request)
        confirmed = values.pop("confirm", "")
        with self.changing(pk) as row:
            operation = joined(ports.change_port)(row, values, confirmed=confirmed, by=self.platform)
        return accepted(request, operation)
