"""Why cannot A reach B."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.networks.models import Vpc
from apps.reachability.api.serializers import QuestionWrite, WayRead
from apps.reachability.queries import answer_of
from apps.reachability.questions import Question
from apps.tenancy.api.views import Rows

A_QUESTION = OpenApiExample(
    "From the internet to a web server",
    request_only=True,
    value={
        "from": {"internet": True},
        "to": {"public_ip": "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
        "protocol": "tcp",
        "port": 443,
    },
)


class Reachability(Rows[Vpc]):
    """About a tenant, and no rows of its own."""

    filter_backends = []
    written_by = "nobody"

    def get_queryset(self) -> QuerySet[Vpc]:
        return self.caller.through(Vpc.objects)

    @extend_schema(
        summary="Ask why A cannot reach B",
        operation_id="reachability_ask",
        request=QuestionWrite,
        responses={200: WayRead},
        examples=[A_QUESTION],
    )
    def post(self, request: Request) -> Response:
        """Walks tier, access list, NAT, load balancer, route, peering and Direct Connect as they were read last, and
        names the first that blocks. Changes nothing, and asks neither system."""
        if self.caller.tenant is None:
            raise PermissionDenied("Ways are a tenant's: only a tenant's token can ask about them.")
        answer = answer_of(Question.parse(self.tenant, QuestionWrite.of(request)))
        return Response(WayRead(answer).data)
