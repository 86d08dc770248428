"""Tenants with their accounts, and what it takes to make one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.models import Account
from apps.kernel.api.bodies import NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.names import USERNAME
from apps.operations.api.serializers import STATUSES, OperationRead
from apps.quotas.api.serializers import GivenLimits, ShownLimits
from apps.tenancy.api.callers import caller_of
from apps.tenancy.models import Tenant
from apps.zones.api.serializers import ZoneRef

PLATFORM_ONLY = "Only the platform may do this."


class AccountRead(serializers.Serializer[Account]):
    """A tenant's account in one zone. It can build there once this is ready."""

    zone = ZoneRef()
    status = serializers.ChoiceField(choices=STATUSES)


class TenantCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    disable = serializers.SerializerMethodField()
    enable = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_disable(self, tenant: Tenant) -> str | None:
        return PLATFORM_ONLY if self._is_tenants else "It is disabled already." if tenant.is_disabled else None

    @extend_schema_field({"type": "string", "nullable": True})
    def get_enable(self, tenant: Tenant) -> str | None:
        return PLATFORM_ONLY if self._is_tenants else None if tenant.is_disabled else "It is enabled already."

    @property
    def _is_tenants(self) -> bool:
        return caller_of(self.context.get("request")).platform is None


class TenantRead(ShownLimits):
    """A customer, with quotas."""

    id = serializers.UUIDField()
    url = Address("api:tenant")
    name = serializers.CharField()
    slug = serializers.CharField(help_text="The short name; it never changes.")
    accounts = AccountRead(many=True, source="live_accounts", help_text="Where the tenant can build: one per zone.")
    is_disabled = serializers.BooleanField(help_text="Whether nobody but the platform can look at it or act in it.")
    created_at = Time()
    can = TenantCan(source="*")


class TenantCreated(TenantRead):
    """A new tenant, with the operations that make its accounts."""

    operations = OperationRead(many=True, help_text="One per zone: each makes the tenant's account there.")


@extend_schema_field({"type": "string", "maxLength": 32, "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"})
class SlugText(Text):
    pass


class TenantWrite(GivenLimits):
    """A tenant to be."""

    name = NameText()
    slug = SlugText(required=False, trim_whitespace=True, help_text="Made from the name if not given.")
    owner = Text(required=False, max_length=USERNAME.most, help_text="The user name of its first owner.")


class TenantChange(GivenLimits):
    """How much a tenant may have from now on; what is left out stays."""
