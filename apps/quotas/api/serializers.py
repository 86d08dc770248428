"""Quotas as they are shown, and what is said of limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.kernel.api.bodies import Body, Count, Text
from apps.kernel.api.fields import Address, Time
from apps.quotas.models import REASON, Stage
from apps.quotas.queries import Quotas
from apps.quotas.resources import MOST_OF_ONE, Resource, resources
from apps.quotas.services import Limits
from apps.tenancy.api.serializers import Read, TenantRef
from apps.tenancy.models import Tenant


class LimitField(serializers.IntegerField):
    """A tenant's limit of one resource, among the `own_limits` that the view fetches."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(read_only=True)
        self._resource = resource

    def get_attribute(self, instance: Any) -> int:
        own: dict[str, int] = {limit.resource: limit.most for limit in instance.own_limits}
        return own.get(self._resource.key, self._resource.default)


class ShownLimits(serializers.Serializer[Any]):
    """With a field for each resource: `max_vpcs`, `max_tiers` and so on."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        limits = {resource.field: LimitField(resource) for resource in resources()}
        return {**super().get_fields(), **limits}


class GivenLimits(Body):
    """The same in a body."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        limits = {each.field: Count(required=False, min_value=0, max_value=MOST_OF_ONE) for each in resources()}
        return {**super().get_fields(), **limits}

    @staticmethod
    def limits_of(values: Mapping[str, Any]) -> Limits:
        return {resource: values[resource.field] for resource in resources() if resource.field in values}


class QuotaCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    add = serializers.CharField(source="why_not", allow_null=True)


class QuotaRead(serializers.Serializer[Any]):
    """How many of something there are and may be."""

    resource = serializers.CharField(source="resource.key", help_text="`vpc`, `tier` and so on.")
    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    can = QuotaCan(source="*")


class QuotasRead(serializers.Serializer[Any]):
    """What a tenant has, and may have. The view puts the `quotas` of its tenants into the context."""

    url = Address("api:quota")
    tenant = TenantRef(source="*")
    resources = QuotaRead(many=True)

    def to_representation(self, instance: Tenant) -> dict[str, Any]:
        quotas: Quotas = self.context["quotas"][instance.pk]
        return {
            "url": self.fields["url"].to_representation(instance.pk),
            "tenant": TenantRef(instance, context=self.context).data,
            "resources": QuotaRead(list(quotas), many=True, context=self.context).data,
        }


class RequestCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    withdraw = serializers.CharField(source="why_not_withdraw", allow_null=True)


class QuotaRequestRead(Read):
    """A tenant's request for a higher limit."""

    id = serializers.UUIDField(source="pk")
    url = Address("api:quota-request")
    tenant = TenantRef()
    resource = serializers.CharField(help_text="`vpc`, `tier` and so on.")
    limit = serializers.IntegerField(help_text="What it was when it was asked.")
    wanted = serializers.IntegerField()
    reason = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    answer = serializers.CharField(help_text="Why it was rejected; else blank.")
    created_at = Time()
    ended_at = Time(allow_null=True, help_text="Null while it waits.")
    can = RequestCan(source="*")


class QuotaRequestWrite(Body):
    """What is asked for."""

    resource = Text(max_length=32, help_text="As in `quotas/`: `vpc`, `tier` and so on.")
    wanted = Count(min_value=1, max_value=MOST_OF_ONE, help_text="The limit that is needed, in all.")
    reason = Text(max_length=REASON.most, help_text="What it is needed for.")
