"""Load balancers: asked for, listed, changed, applied again, taken away; and their members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.addresses.api.nat.views import public_ip_of
from apps.balancers import services
from apps.balancers.api.serializers import (
    BalancerChange,
    BalancerMemberChange,
    BalancerMemberWrite,
    BalancerRead,
    BalancerWrite,
)
from apps.balancers.filters import BalancerFilter
from apps.balancers.models import Balancer, Member
from apps.balancers.queries import judged
from apps.balancers.specs import BalancerSpec, change_of
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.networks.api.views import InVpcs
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.api.views import Changing, List, One

AN_ID = "3f2c1f0e-9f4b-4d0a-8a58-0c2f7d1b6a11"
A_BALANCER = OpenApiExample(
    "Two instances with a health check",
    request_only=True,
    value={
        "vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "name": "shop",
        "protocol": "tcp",
        "port": 443,
        "member_port": 8443,
        "members": [{"instance": AN_ID}, {"instance": "9b2d4c1e-6a3f-4f0b-8d52-1c7e5a9b0d22"}],
        "allowed_cidrs": ["192.0.2.0/24"],
        "health_check": {"type": "http", "path": "/up", "timeout_seconds": 2},
    },
)


class BalancerRows(InVpcs[Balancer]):
    serializer_class = BalancerRead

    def get_queryset(self) -> QuerySet[Balancer]:
        rows = self.caller.through(Balancer.objects).live().select_related("tenant", "vpc", "tier", "public_ip")
        return rows.prefetch_related("members")

    def context_of(self, rows: Sequence[Balancer]) -> dict[str, Any]:
        return {**super().context_of(rows), "judged": judged(rows)}


@extend_schema(summary="List load balancers")
class BalancerList(BalancerRows, List[Balancer]):
    filterset_class = BalancerFilter
    tenant_path = "tenant"

    @extend_schema(
        summary="Create a load balancer",
        request=BalancerWrite,
        responses={202: OperationRead},
        examples=[A_BALANCER],
    )
    def post(self, request: Request) -> Response:
        """The port is reserved at once, and balanced from the end of the operation in the answer on. Netris balances
        round robin: algorithm, stickiness and TLS are not offered, as they would mean nothing."""
        values, by = BalancerWrite.of(request), self.caller.actor
        spec = BalancerSpec.parse(values)

        def make() -> Response:
            vpc = self.vpc_named(values["vpc"])
            reference = values.get("public_ip")
            public_ip = public_ip_of(self.tenant, reference) if reference else services.unused_address(vpc)
            if public_ip is None:
                return accepted(request, joined(services.create_balancer_at_new_address)(vpc, spec, by=by))
            if public_ip.vpc_id != vpc.pk:
                text = f"{public_ip} belongs to the VPC {public_ip.vpc}. Take one of this VPC."
                raise Refused("address-elsewhere", text, "public_ip")
            return accepted(request, joined(services.create_balancer)(public_ip, spec, by=by))

        return self.once(make)


@extend_schema(summary="Read a load balancer")
class BalancerOne(BalancerRows, One[Balancer]):
    @extend_schema(
        summary="Change a load balancer",
        request=BalancerChange,
        responses={200: BalancerRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """202 with the operation, at whose end it is changed; 200 for a new name, and when it is so already. Another
        protocol or port replaces it: for some seconds nothing answers. Other members are changed one by one."""
        values, by = BalancerChange.of(request), self.caller.actor
        with self.changing(pk) as row:
            wanted = change_of(values, row)
            if "name" in values and wanted:
                raise Refused("name-alone", "A name changes at once: send it by itself.", "name")
            if "name" in values:
                joined(services.rename_balancer)(row, name=values["name"], by=by)
            operation = joined(services.change_balancer)(row, **wanted, by=by) if wanted else None
        return self.shown(pk) if operation is None else accepted(request, operation)

    @extend_schema(summary="Delete a load balancer", request=None, responses={202: OperationRead})
    def delete(self, request: Request, pk: str) -> Response:
        with self.changing(pk) as row:
            operation = joined(services.delete_balancer)(row, by=self.caller.actor)
        return accepted(request, operation)


class BalancerApply(BalancerRows):
    filter_backends = []

    @extend_schema(
        summary="Apply a load balancer again",
        operation_id="load_balancers_apply",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For one that differs from what is `configured`: what is missing is made again, the health check above all."""
        return self.act(pk, services.apply_balancer)


class BalancerMembers(BalancerRows):
    filter_backends = []

    @extend_schema(
        summary="Add a member to a load balancer",
        operation_id="load_balancers_members_create",
        request=BalancerMemberWrite,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """It is a member from the end of the operation in the answer on."""
        get_or_404(self.get_queryset(), pk=pk)
        values, by = BalancerMemberWrite.of(request), self.caller.actor
        try:
            instance_id = UUID(values["instance"])
        except ValueError:
            raise Refused("instance-unknown", "There is no such instance.", "instance") from None
        return self.once(lambda: accepted(request, joined(services.add_members)(self.hold(pk), [instance_id], by=by)))


class BalancerMember(BalancerRows, Changing[Balancer]):
    @contextmanager
    def _changing(self, pk: str, member: str) -> Iterator[tuple[Balancer, Member]]:
        with self.changing(pk) as row:
            found = next((each for each in row.members.all() if str(each.pk) == str(member)), None)
            if found is None:
                raise Http404
            yield row, found

    @extend_schema(
        summary="Drain a member, or put it back",
        operation_id="load_balancers_members_update",
        request=BalancerMemberChange,
        responses={200: BalancerRead, 202: OperationRead},
    )
    def patch(self, request: Request, pk: str, member: str) -> Response:
        """Drained, it is out of rotation and stays in Weft. 202 with the operation, or 200 when it is so already."""
        values = BalancerMemberChange.of(request)
        with self._changing(pk, member) as (row, found):
            drained = values.get("drained", found.drained)
            operation = joined(services.drain_member)(row, found, is_drained=drained, by=self.caller.actor)
        return self.shown(pk) if operation is None else accepted(request, operation)

    @extend_schema(
        summary="Remove a member from a load balancer",
        operation_id="load_balancers_members_destroy",
        request=None,
        responses={202: OperationRead},
    )
    def delete(self, request: Request, pk: str, member: str) -> Response:
        with self._changing(pk, member) as (row, found):
            operation = joined(services.remove_member)(row, found, by=self.caller.actor)
        return accepted(request, operation)
