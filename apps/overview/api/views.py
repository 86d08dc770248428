"""How the fabric is, for the platform alone."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.overview.api.serializers import OverviewRead
from apps.overview.queries import overview_of
from apps.tenancy.api.views import ApiView


class FabricOverview(ApiView):
    written_by = "platform"

    @extend_schema(summary="Read how the fabric is", operation_id="fabric_overview_retrieve", responses=OverviewRead)
    def get(self, request: Request) -> Response:
        """What is wrong and since when, whom that touches, what went on in the hour before, and what runs out."""
        if self.caller.platform is None:
            raise Http404
        return Response(OverviewRead(overview_of(self.caller.platform), context={"request": request}).data)
