"""Tenants with their accounts, and what it takes to make one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.models import Account
from apps.kernel.api.bodies import Body, Count, NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.names import USERNAME
from apps.operations.api.serializers import STATUSES, OperationRead
from apps.zones.api.serializers import ZoneRef

MOST = 100_000


class AccountRead(serializers.Serializer[Account]):
    """A tenant's account in one zone. It can build there once this is ready."""

    zone = ZoneRef()
    status = serializers.ChoiceField(choices=STATUSES)


class TenantRead(serializers.Serializer[Any]):
    """A customer, with quotas."""

    id = serializers.UUIDField()
    url = Address("api:tenant")
    name = serializers.CharField()
    slug = serializers.CharField(help_text="The short name; it never changes.")
    max_vpcs = serializers.IntegerField()
    max_tiers = serializers.IntegerField()
    accounts = AccountRead(many=True, source="live_accounts", help_text="Where the tenant can build: one per zone.")
    created_at = Time()


class TenantCreated(TenantRead):
    """A new tenant, with the operations that make its accounts."""

    operations = OperationRead(many=True, help_text="One per zone: each makes the tenant's account there.")


@extend_schema_field({"type": "string", "maxLength": 32, "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"})
class SlugText(Text):
    pass


class TenantWrite(Body):
    """A tenant to be."""

    name = NameText()
    slug = SlugText(required=False, trim_whitespace=True, help_text="Made from the name if not given.")
    max_vpcs = Count(required=False, min_value=0, max_value=MOST)
    max_tiers = Count(required=False, min_value=0, max_value=MOST)
    owner = Text(required=False, max_length=USERNAME.most, help_text="The user name of its first owner.")
