"""Instances as they are shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import VpcRef
from apps.tenancy.api.serializers import Read, TenantRef


class TierRef(serializers.Serializer[Any]):
    """The tier that an instance or one of its addresses is in."""

    id = serializers.UUIDField()
    url = Address("api:tier")


class AddressRead(serializers.Serializer[Any]):
    """An address of one of its NICs."""

    address = serializers.CharField()
    primary = serializers.BooleanField(source="is_primary", help_text="The NIC's own; false for a secondary one.")
    tier = TierRef(allow_null=True, help_text="Null in a network that is no tier of Weft's.")


class InstanceRead(Read):
    """A machine that CloudStack runs in a tenant's networks. Here it can be read alone."""

    for_platform = ("tenant", "host")

    id = serializers.UUIDField(help_text="CloudStack's id of it.")
    url = Address("api:instance")
    tenant = TenantRef(required=False, allow_null=True, help_text="For the platform only.")
    name = serializers.CharField()
    state = serializers.CharField(help_text="CloudStack's word: `Running`, `Stopped`, `Starting` ...")
    vpc = VpcRef(allow_null=True, help_text="Null where it is in no VPC of Weft's.")
    tier = TierRef(allow_null=True, help_text="That of its default NIC, or of the first that is in one.")
    addresses = AddressRead(many=True)
    host = serializers.CharField(required=False, allow_blank=True, help_text="For the platform only; blank at rest.")
    created_at = Time(allow_null=True)
    read_at = Time(allow_null=True, help_text="When CloudStack said so.")
