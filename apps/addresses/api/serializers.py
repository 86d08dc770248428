"""Public IPs as they are shown, and the bodies that ask for them. What values make sense is for `specs`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.addresses.models import LABEL, NOTES, PublicIp, Purpose
from apps.addresses.services.public_ips import MOST_HOURS
from apps.kernel.api.bodies import Body, Count, Text
from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import AppliedRead
from apps.tenancy.api.serializers import TenantRef
from apps.zones.api.serializers import ZoneRef


class PublicIpCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    edit = serializers.CharField(allow_null=True)
    release = serializers.CharField(allow_null=True)


class PublicIpRead(AppliedRead):
    """A public IP of a VPC."""

    url = Address("api:publicip")
    address = serializers.CharField()
    name = serializers.CharField(help_text="Blank unless somebody gave it one.")
    notes = serializers.CharField()
    zone = ZoneRef()
    purpose = serializers.ChoiceField(choices=Purpose.choices, help_text="An address serves one purpose at a time.")

    @extend_schema_field(PublicIpCan)
    def get_can(self, row: PublicIp) -> dict[str, str | None]:
        return {action: row.why_not(action, self.work_on(row)) for action in ("edit", "release")}


ADDRESS = {"type": "string", "maxLength": 15, "example": "198.51.100.7"}


@extend_schema_field({**ADDRESS, "description": "One of the zone's free addresses; without it the next free one."})
class AddressText(Text):
    pass


@extend_schema_field({"type": "string", "maxLength": LABEL.most, "example": "shop"})
class LabelText(Text):
    pass


@extend_schema_field({"type": "string", "maxLength": NOTES.most})
class NotesText(Text):
    pass


class PublicIpWrite(Body):
    """A public IP to be."""

    vpc = Text(max_length=36, help_text="The id of a VPC.")
    address = AddressText(required=False)
    name = LabelText(required=False)
    notes = NotesText(required=False)


class PublicIpChange(Body):
    """What can be changed of a public IP; what is left out stays."""

    name = LabelText(required=False)
    notes = NotesText(required=False)


class HoldingRead(serializers.Serializer[Any]):
    """Who had an address, from when until when."""

    address = serializers.CharField()
    zone = ZoneRef()
    tenant = TenantRef()
    vpc_id = serializers.UUIDField()
    vpc_name = serializers.CharField(help_text="As it was called when it was given the address.")
    held_from = Time()
    held_until = Time(allow_null=True, help_text="Null while it has it.")
    rests_until = Time(allow_null=True, help_text="Until then no other tenant is given it.")


class PoolRead(serializers.Serializer[Any]):
    """How far the public IPs of a zone reach."""

    zone = ZoneRef()
    total = serializers.IntegerField()
    used = serializers.IntegerField(help_text="Whoever has them, in Weft or in CloudStack alone.")
    resting = serializers.IntegerField(help_text="Released a while ago, and kept from other tenants.")
    free = serializers.IntegerField()
    growth = serializers.IntegerField(help_text="How many more tenants have than four weeks ago.")
    days_left = serializers.IntegerField(allow_null=True, help_text="At this growth; null when there is none.")
    quarantine_hours = serializers.IntegerField(source="zone.quarantine_hours")
    read_at = Time(allow_null=True, help_text="When CloudStack listed them last.")
    is_stale = serializers.BooleanField(help_text="The list is too old to go by.")


class PoolChange(Body):
    """What can be set of a zone's public IPs."""

    quarantine_hours = Count(
        required=False, min_value=0, max_value=MOST_HOURS, help_text="How long a released address rests."
    )
