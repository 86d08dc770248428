"""One search over everything, for the platform alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.errors import Refused
from apps.search.finders import LONGEST, MOST, search
from apps.tenancy.api.views import ApiView

Q = OpenApiParameter(
    "q",
    {"type": "string", "minLength": 1, "maxLength": LONGEST},
    required=True,
    description="A name or a part of one (three characters at least), an IPv4 or MAC address, a VNI, an id.",
)


class HitRead(serializers.Serializer[Any]):
    """Something that was found."""

    kind = serializers.CharField(help_text="Such as `tenant`, `vpc`, `device`, `VNI`.")
    name = serializers.CharField()
    detail = serializers.CharField()
    zone = serializers.CharField(help_text="The name of its zone; empty where it is in none.")
    page = serializers.SerializerMethodField(help_text="The address of its page, or of a list with it; may be empty.")

    def get_page(self, hit: Any) -> str:
        request = self.context["request"]
        return str(request.build_absolute_uri(hit.url)) if hit.url else ""


class SearchRead(serializers.Serializer[Any]):
    """What was found, kind by kind."""

    results = HitRead(many=True)
    more = serializers.ListField(
        child=serializers.CharField(), help_text=f"Kinds of which there are more than the {MOST} that are told."
    )


class Search(ApiView):
    written_by = "nobody"

    @property
    def known_parameters(self) -> Sequence[str]:
        return ("q",)

    @extend_schema(
        summary="Search everything", operation_id="fabric_search_retrieve", parameters=[Q], responses=SearchRead
    )
    def get(self, request: Request) -> Response:
        """Tenants, VPCs, tiers, instances, public IPs, VNIs, the inventory, operations and zones."""
        if self.caller.platform is None:
            raise Http404
        text = request.query_params.get("q", "")
        if not text.strip():
            raise Refused("q-missing", "Say what to look for.", "q")
        groups = search(text, self.caller.platform)
        found = {
            "results": [hit for group in groups for hit in group.hits],
            "more": [group.hits[0].kind for group in groups if group.has_more],
        }
        return Response(SearchRead(found, context={"request": request}).data)
