"""Tenants: the platform makes them and sees all of them, a tenant sees itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.serializers import TenantChange, TenantCreated, TenantRead, TenantWrite
from apps.accounts.filters import TenantFilter
from apps.accounts.models import Account
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.quotas.models import Limit
from apps.quotas.services import change_quotas
from apps.tenancy.api.views import List, One, Rows
from apps.tenancy.models import Tenant, User


class TenantRows(Rows[Tenant]):
    serializer_class = TenantRead

    def get_queryset(self) -> QuerySet[Tenant]:
        accounts = self.caller.through(Account.objects).live().select_related("zone").order_by("zone__name")
        limits = Prefetch("limits", self.caller.through(Limit.objects), to_attr="own_limits")
        tenants = Tenant.objects.prefetch_related(Prefetch("accounts", accounts, to_attr="live_accounts"), limits)
        return tenants if self.caller.tenant is None else tenants.filter(pk=self.caller.tenant.pk)


@extend_schema(summary="List tenants")
class TenantList(TenantRows, List[Tenant]):
    filterset_class = TenantFilter
    written_by = "platform"

    @extend_schema(summary="Create a tenant", request=TenantWrite, responses={202: TenantCreated, 201: TenantCreated})
    def post(self, request: Request) -> Response:
        """An operation per enabled zone makes its account there; `Location` is the first. 201 without zones."""
        values = TenantWrite.of(request)
        return self.once(lambda: self._create(values))

    def _create(self, values: dict[str, Any]) -> Response:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        tenant, operations = joined(services.create_tenant)(
            name=values["name"],
            slug=values.get("slug", ""),
            limits=TenantWrite.limits_of(values),
            owner=self._owner(values["owner"]) if "owner" in values else None,
            by=self.caller.platform,
        )
        made = self.get_queryset().get(pk=tenant.pk)
        made.operations = operations  # type: ignore[attr-defined]
        data = TenantCreated(made, context=self.get_serializer_context()).data
        first = data["operations"][0]["url"] if operations else data["url"]
        return Response(data, status=202 if operations else 201, headers={"Location": first})

    @staticmethod
    def _owner(username: str) -> User:
        user = User.objects.who_can_sign_in(username)
        if user is None:
            raise Refused("owner-unknown", "There is no such user.", "owner")
        return user


@extend_schema(summary="Read a tenant")
class TenantOne(TenantRows, One[Tenant]):
    written_by = "platform"

    @extend_schema(summary="Change a tenant's quotas", request=TenantChange, responses=TenantRead)
    def patch(self, request: Request, pk: str) -> Response:
        """From the next creation on. Less than there is takes nothing away."""
        values = TenantChange.of(request)
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        with self.changing(pk) as tenant:
            joined(change_quotas)(tenant, TenantChange.limits_of(values), by=self.caller.platform)
        return self.shown(pk)


class TenantVerb(TenantRows):
    written_by = "platform"
    filter_backends = []

    def act(self, pk: str, service: Callable[..., Tenant]) -> Response:
        return self.once(lambda: self._acted(pk, service))

    def _acted(self, pk: str, service: Callable[..., Tenant]) -> Response:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        joined(service)(get_or_404(self.get_queryset(), pk=pk), by=self.caller.platform)
        return Response(self.show(get_or_404(self.get_queryset(), pk=pk)))


class TenantDisable(TenantVerb):
    @extend_schema(
        summary="Disable a tenant", operation_id="tenants_disable", request=None, responses={200: TenantRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """Nobody but the platform can look at it or act in it. Operations that are under way come to their end."""
        return self.act(pk, services.disable_tenant)


class TenantEnable(TenantVerb):
    @extend_schema(summary="Enable a tenant", operation_id="tenants_enable", request=None, responses={200: TenantRead})
    def post(self, request: Request, pk: str) -> Response:
        """Its members and tokens may again what they could before."""
        return self.act(pk, services.enable_tenant)
