"""What needs somebody: read alone. What helps stands with the things themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.fields import Address, Time
from apps.kernel.errors import Refused
from apps.networks import attention
from apps.networks.models import Vpc
from apps.tenancy.api.views import ApiView, tenant_named

VPC = OpenApiParameter("vpc", str, description="Only what lies in the VPC with this id.")
TENANT = OpenApiParameter("tenant", str, description="For the platform, which has to say whose: a short name.")


class WhereRead(serializers.Serializer[attention.Need]):
    """The VPC that it lies in."""

    id = serializers.UUIDField(source="vpc_id")
    url = Address("api:vpc", source="vpc_id")


class NeedRead(serializers.Serializer[attention.Need]):
    """One thing, and what is wrong with it."""

    kind = serializers.ChoiceField(choices=attention.kinds())
    resource_id = serializers.UUIDField(
        help_text="Of the rule, the address, the load balancer, the peering, or the tier whose list it is."
    )
    vpc = serializers.SerializerMethodField(help_text="Null where it lies in none yet.")
    subject = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField(source="step.label", help_text="What helps, in the word of the page's button.")
    since = Time(allow_null=True, help_text="Null where only the reading is known.")
    read_at = Time(allow_null=True, help_text="When a remote told it; null for what Weft knows by itself.")

    @extend_schema_field(WhereRead(allow_null=True))
    def get_vpc(self, need: attention.Need) -> Any:
        return None if need.vpc_id is None else WhereRead(need, context=self.context).data


class AttentionRead(serializers.Serializer[Any]):
    """All kinds together, the first of each."""

    results = NeedRead(many=True)
    has_more = serializers.BooleanField(help_text=f"Of some kind there are more than the {attention.MOST} told.")


class AttentionList(ApiView):
    @property
    def known_parameters(self) -> Sequence[str]:
        return ("vpc", "tenant")

    @extend_schema(
        summary="List what needs attention",
        operation_id="attention_list",
        parameters=[VPC, TENANT],
        responses=AttentionRead,
    )
    def get(self, request: Request) -> Response:
        """Rules that Netris lacks, lists that were changed behind Weft's back, public IPs that nobody uses: each with
        the one step that helps next."""
        slug, reference = (request.query_params.get(name) for name in ("tenant", "vpc"))
        vpc = None if reference is None else self._vpc(reference)
        tenant = vpc.tenant if vpc is not None and slug is None else tenant_named(self.caller, slug)
        found = attention.found_of(tenant, vpc)
        told = {"results": [need for _, need in found.needs], "has_more": found.has_more}
        return Response(AttentionRead(told, context={"request": request}).data)

    def _vpc(self, reference: str) -> Vpc:
        try:
            return self.caller.through(Vpc.objects).select_related("tenant").get(pk=UUID(reference))
        except (Vpc.DoesNotExist, ValueError):
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc") from None
