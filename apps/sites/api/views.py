"""Sites, for the platform alone: read as the inventory has them, written as operations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric.api.inventory.views import SiteList, SiteRows
from apps.fabric.models import SurveyedSite
from apps.kernel.api.transactions import joined
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.sites import services
from apps.sites.api.serializers import SiteChangeWrite, SiteWrite
from apps.sites.queries import facts_of
from apps.sites.specs import SiteChange, SiteSpec
from apps.tenancy.api.views import One
from apps.zones.models import Zone


class Sites(SiteList):
    @extend_schema(summary="List sites of the fabric")
    def get(self, request: Request) -> Response:
        """Those of each zone's Netris."""
        return super().get(request)

    @extend_schema(
        summary="Create a site", operation_id="fabric_sites_create", request=SiteWrite, responses={202: OperationRead}
    )
    def post(self, request: Request) -> Response:
        """It is in the list once Netris was read again."""
        values = SiteWrite.of(request)
        return self.once(lambda: self._created(values))

    def _created(self, values: dict[str, Any]) -> Response:
        zone = Zone.objects.the_one_called(values["zone"])
        spec = SiteSpec.parse(values)
        return accepted(self.request, joined(services.create_site)(zone, spec, by=self.platform))


class SiteOne(SiteRows, One[SurveyedSite]):
    @extend_schema(summary="Read a site of the fabric")
    def get(self, request: Request, pk: str) -> Response:
        return super().get(request, pk)

    @extend_schema(
        summary="Change a site",
        operation_id="fabric_sites_update",
        request=SiteChangeWrite,
        responses={202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """All else stays as it is. While a zone builds in it, its name and its access policy stay, too."""
        values = SiteChangeWrite.of(request)
        with self.changing(pk) as row:
            change = SiteChange.parse(values, facts_of(row))
            operation = joined(services.change_site)(row, change, by=self.platform)
        return accepted(request, operation)

    @extend_schema(
        summary="Delete a site", operation_id="fabric_sites_delete", request=None, responses={202: OperationRead}
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Refused while a zone builds in it, or a device or a subnet is in it."""
        with self.changing(pk) as row:
            operation = joined(services.delete_site)(row, by=self.platform)
        return accepted(request, operation)
