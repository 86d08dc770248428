"""Allocations and subnets, for the platform alone: read as the inventory has them, written as operations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric.api.inventory.views import SubnetList, SubnetRows
from apps.fabric.models import SurveyedSubnet
from apps.ipam import services
from apps.ipam.api.serializers import BlockChangeWrite, BlockWrite
from apps.ipam.specs import BlockChange, BlockSpec
from apps.kernel.api.transactions import joined
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import One
from apps.zones.models import Zone


class Subnets(SubnetList):
    @extend_schema(summary="List allocations and subnets of the fabric")
    def get(self, request: Request) -> Response:
        """Those of the System VPC, and what tenants' VPCs have of their own: that is CloudStack's, and only shown."""
        return super().get(request)

    @extend_schema(
        summary="Create an allocation or a subnet",
        operation_id="fabric_subnets_create",
        request=BlockWrite,
        responses={202: OperationRead},
    )
    def post(self, request: Request) -> Response:
        """In the System VPC. It is in the list once Netris was read again."""
        values = BlockWrite.of(request)
        return self.once(lambda: self._created(values))

    def _created(self, values: dict[str, Any]) -> Response:
        zone = Zone.objects.the_one_called(values["zone"])
        spec = BlockSpec.parse(values, site=zone.netris_site)
        return accepted(self.request, joined(services.create_block)(zone, spec, by=self.platform))


class SubnetOne(SubnetRows, One[SurveyedSubnet]):
    @extend_schema(summary="Read an allocation or a subnet of the fabric")
    def get(self, request: Request, pk: str) -> Response:
        return super().get(request, pk)

    @extend_schema(
        summary="Change an allocation or a subnet",
        operation_id="fabric_subnets_update",
        request=BlockChangeWrite,
        responses={202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """All else stays as it is. What it is for stays while addresses of it are in use."""
        values = BlockChangeWrite.of(request)
        with self.changing(pk) as row:
            change = BlockChange.parse(values, services.values_of(row))
            operation = joined(services.change_block)(row, change, by=self.platform)
        return accepted(request, operation)

    @extend_schema(
        summary="Delete an allocation or a subnet",
        operation_id="fabric_subnets_delete",
        request=None,
        responses={202: OperationRead},
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Refused while anything lies in it: Netris would delete that along with it."""
        with self.changing(pk) as row:
            operation = joined(services.delete_block)(row, by=self.platform)
        return accepted(request, operation)
