"""Access lists: written, changed as a whole, asked about, given to tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.acls import plans, queries, services
from apps.acls.api.serializers import (
    AclRead,
    AclRename,
    AclWrite,
    AnswerRead,
    LineRead,
    PacketWrite,
    RulesConflictRead,
    RulesRead,
    RulesWrite,
    SinceRead,
    TierWithAclChange,
    TierWithAclRead,
    TierWithAclWrite,
    TouchesRead,
    shown_answer,
)
from apps.acls.filters import AclFilter
from apps.acls.models import Acl, TierAcl
from apps.acls.packets import Packet
from apps.acls.rules import Rule, parse_rules
from apps.acls.sheets import parse_sheet
from apps.acls.specs import AclSpec
from apps.kernel.api import etag
from apps.kernel.api.bodies import StrictJson
from apps.kernel.api.problems import MEDIA_TYPE, ChangedMeanwhile
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.networks import services as network_services
from apps.networks.api import views as network_views
from apps.networks.models import Tier
from apps.networks.specs import TierSpec
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import List, One

AN_ACL = OpenApiExample(
    "A list for web servers",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "name": "web",
        "rules": [
            {
                "action": "allow",
                "direction": "ingress",
                "protocol": "tcp",
                "ports": "80,443",
                "cidrs": ["0.0.0.0/0"],
                "note": "Web",
            }
        ],
    },
)
A_PACKET = OpenApiExample(
    "A packet",
    request_only=True,
    value={"direction": "ingress", "protocol": "tcp", "port": 443, "address": "203.0.113.7"},
)


class Sheet(BaseParser):
    """Rules as CSV (`sheets`)."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return stream.read().decode()
        except UnicodeDecodeError as error:
            raise ParseError("The sheet is not UTF-8. Have the spreadsheet save it as CSV UTF-8.") from error


class AclRows(network_views.InVpcs[Acl]):
    """One query for the tiers that have them."""

    serializer_class = AclRead

    def get_queryset(self) -> QuerySet[Acl]:
        return queries.with_vpcs(self.caller.through(Acl.objects))

    def context_of(self, rows: Sequence[Acl]) -> dict[str, Any]:
        in_use = queries.in_use([row.pk for row in rows], self.caller.through(TierAcl.objects))
        return {**super().context_of(rows), "in_use": in_use}


@extend_schema(summary="List access lists")
class AclList(AclRows, List[Acl]):
    filterset_class = AclFilter
    tenant_path = "tenant"

    @extend_schema(summary="Create an access list", request=AclWrite, responses={202: OperationRead}, examples=[AN_ACL])
    def post(self, request: Request) -> Response:
        """It is in force nowhere until a tier gets it."""
        spec, by = AclSpec.parse(AclWrite.of(request)), self.caller.actor
        return self.once(lambda: accepted(request, joined(services.create_acl)(self.tenant, spec, by=by)))


@extend_schema(summary="Read an access list")
class AclOne(AclRows, One[Acl]):
    @extend_schema(summary="Rename an access list", request=AclRename, responses=AclRead)
    def patch(self, request: Request, pk: str) -> Response:
        """Takes effect at once: names are the portal's own, and neither system is told."""
        values = AclRename.of(request)
        with self.changing(pk) as acl:
            joined(services.rename_acl)(acl, name=values.get("name", acl.name), by=self.caller.actor)
        return self.shown(pk)

    @extend_schema(summary="Delete an access list", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        """One that no tier has."""
        with self.changing(pk) as acl:
            operation = joined(services.delete_acl)(acl, by=self.caller.actor)
        return accepted(request, operation)


class AclRules(AclRows):
    filter_backends = []
    parser_classes = [StrictJson, Sheet]

    @extend_schema(summary="Read an access list's rules", responses=RulesRead)
    def get(self, request: Request, pk: str) -> Response:
        return etag.tagged(request, RulesRead(get_or_404(self.get_queryset(), pk=pk)).data)

    @extend_schema(
        summary="Replace an access list's rules",
        request={"application/json": RulesWrite, "text/csv": {"type": "string"}},
        responses={202: OperationRead, (412, MEDIA_TYPE): RulesConflictRead},
    )
    def put(self, request: Request, pk: str) -> Response:
        """The whole set as one change, on every tier that has the list. `If-Match` takes the tag of the rules or of the
        list. 412 says that somebody else was faster, what they have changed since, and what yours would change now:
        nothing is overwritten."""
        get_or_404(self.get_queryset(), pk=pk)
        if isinstance(request.data, str):
            rules, denies_rest = parse_sheet(request.data), None
        else:
            values = RulesWrite.of(request)
            rules, denies_rest = parse_rules(values["rules"]), values.get("denies_rest")
        with transaction.atomic(durable=True):
            acl = self.hold(pk)
            self._check(request, acl, rules, denies_rest)
            operation = joined(services.change_rules)(acl, rules, denies_rest=denies_rest, by=self.caller.actor)
        return accepted(request, operation)

    def _check(self, request: Request, acl: Acl, rules: Sequence[Rule], denies_rest: bool | None) -> None:
        try:
            etag.check(request, lambda: RulesRead(acl).data)
        except ChangedMeanwhile:
            try:
                etag.check(request, lambda: self.show(acl))
            except ChangedMeanwhile as conflict:
                draft = plans.Draft(tuple(rules), acl.denies_rest if denies_rest is None else denies_rest)
                conflict.members = {
                    "version": acl.version,
                    "since": SinceRead(plans.since(acl, etag.version_seen(request))).data,
                    "yours": LineRead(plans.lines_between(acl, draft), many=True).data,
                }
                raise


class AclEvaluate(AclRows):
    filter_backends = []
    written_by = "nobody"

    @extend_schema(
        summary="Ask what happens to a packet",
        request=PacketWrite,
        responses={200: AnswerRead},
        examples=[A_PACKET],
        operation_id="acls_evaluate",
    )
    def post(self, request: Request, pk: str) -> Response:
        """In both orders, of the rules in force now. Changes nothing, and asks neither system."""
        acl = get_or_404(self.get_queryset(), pk=pk)
        packet = Packet.parse(PacketWrite.of(request))
        return Response(shown_answer(*queries.answer_of(acl, packet)))


# --- tiers ------------------------------------------------------------------------------------------------------------


class WithLists(network_views.TierRows):
    """Tiers with the lists that they have: one query more."""

    serializer_class = TierWithAclRead

    def context_of(self, rows: Sequence[Tier]) -> dict[str, Any]:
        lists = queries.lists_of(rows, self.caller.through(TierAcl.objects))
        return {**super().context_of(rows), "lists": lists}


@extend_schema(summary="List tiers")
class TierList(WithLists, network_views.TierList):
    @extend_schema(
        summary="Add a tier to a VPC",
        request=TierWithAclWrite,
        responses={202: OperationRead},
        examples=[network_views.A_TIER],
    )
    def post(self, request: Request) -> Response:
        values, by = TierWithAclWrite.of(request), self.caller.actor
        acl = values.pop("acl", None)
        spec, beside = TierSpec.parse(values), services.has_list(acl) if acl is not None else None

        def make() -> Response:
            create = joined(network_services.create_tier)
            return accepted(request, create(self.vpc_named(values["vpc"]), spec, by=by, beside=beside))

        return self.once(make)


@extend_schema(summary="Read a tier")
class TierOne(WithLists, network_views.TierOne):
    @extend_schema(
        summary="Rename a tier, or give it an access list",
        request=TierWithAclChange,
        responses={200: TierWithAclRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """A name takes effect at once. With `acl` the answer is the operation that brings the list to the tier."""
        get_or_404(self.get_queryset(), pk=pk)
        values = TierWithAclChange.of(request)
        if "acl" not in values:
            return super().patch(request, pk)
        by = self.caller.actor
        with self.changing(pk) as tier:
            if "name" in values:
                joined(network_services.rename_tier)(tier, name=values["name"], by=by)
            if values["acl"] is None:
                operation = joined(services.unassign)(tier, by=by)
            else:
                operation = joined(services.assign)(tier, values["acl"], by=by)
        return accepted(request, operation)


class TierRules(WithLists):
    filter_backends = []

    @property
    def known_parameters(self) -> Sequence[str]:
        return ("address",)

    @extend_schema(
        summary="Ask which rules touch an instance of a tier",
        operation_id="tiers_rules",
        parameters=[OpenApiParameter("address", str, required=True, description="An IPv4 address in the tier's CIDR.")],
        responses=TouchesRead,
    )
    def get(self, request: Request, pk: str) -> Response:
        """The rules in force in the tier's own list, and those of the VPC's other tiers that name the address."""
        tier = get_or_404(self.get_queryset(), pk=pk)
        address = queries.address_in(tier, request.query_params.get("address", ""))
        touching = [{**each, "rule": {**each["rule"].as_json()}} for each in plans.touching(tier, address)]
        return etag.tagged(
            request, TouchesRead({"address": address, "rules": touching}, context=self.get_serializer_context()).data
        )


class TierApplyAcl(WithLists):
    filter_backends = []

    @extend_schema(
        summary="Apply a tier's access list again",
        operation_id="tiers_apply_acl",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Where something of it is missing on Netris. Nothing is opened meanwhile."""
        return self.act(pk, services.apply_again)
