"""Connections that are tried, and zones as the platform registers and changes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.fabric.zones.forms import LONGEST_SECRET
from apps.kernel.api.bodies import Body, Count, DescriptionText, Flag, NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.operations.api.serializers import OperationRead
from apps.zones.access import LONGEST_URL
from apps.zones.api.serializers import ZoneRead, ZoneRef
from apps.zones.models import System
from apps.zones.services import ZoneSpec
from apps.zones.trials import why_not_take

KEPT = "Left out, it stays what it is for the `zone`."


class SecretText(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, required=False, min_length=1, max_length=LONGEST_SECRET, **options)


class ReconnectRead(serializers.Serializer[Any]):
    """Whether the host can be reconnected now."""

    reason = serializers.CharField(allow_null=True, help_text="Why it cannot; null when it can.")


class TrialWrite(Body):
    """How a zone's two systems are reached."""

    zone = NameText(
        required=False, help_text="Whose connection it is to become, by id, name or short name; left out for a new one."
    )
    cloudstack_url = Text(max_length=LONGEST_URL, help_text="`https://cloud.example.net/client/api`")
    cloudstack_api_key = SecretText(help_text=f"Of a root admin. {KEPT}")
    cloudstack_secret_key = SecretText(help_text=KEPT)
    netris_url = Text(max_length=LONGEST_URL, help_text="`https://netris.example.net`, without `/api`")
    netris_user = Text(max_length=100, help_text="One of Weft's own, not the one of CloudStack's plugin.")
    netris_password = SecretText(help_text=KEPT)


class TrialCheckRead(serializers.Serializer[Any]):
    """What came of one question. `unknown` does not stand in the way."""

    system = serializers.ChoiceField(choices=System.choices)
    title = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["ok", "unknown", "failed"])
    text = serializers.CharField()
    field = serializers.CharField(help_text="What has to be sent differently when it failed; may be empty.")


class OfferingRead(serializers.Serializer[Any]):
    """An enabled offering."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    is_netris = serializers.BooleanField(help_text="Whether Netris makes its networks.")


class FoundZoneRead(serializers.Serializer[Any]):
    """A zone of CloudStack."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    provider = serializers.CharField()
    is_netris = serializers.BooleanField(help_text="Whether Netris makes its networks.")
    vnis = serializers.ListField(child=serializers.CharField(), help_text="Ranges that tiers get VNIs from.")
    controllers = serializers.ListField(
        child=serializers.CharField(), help_text="States of the hosts that stand for network controllers."
    )


class FoundRead(serializers.Serializer[Any]):
    """What there is to choose from."""

    zones = FoundZoneRead(many=True)
    vpc_offerings = OfferingRead(many=True)
    tier_offerings = OfferingRead(many=True)
    sites = serializers.ListField(child=serializers.CharField())
    max_tiers_per_vpc = serializers.IntegerField(allow_null=True)


class TrialRead(serializers.Serializer[Any]):
    """A connection that is tried. It is forgotten an hour after it was asked for."""

    id = serializers.UUIDField()
    url = Address("api:zone-trial")
    zone = ZoneRef(allow_null=True)
    status = serializers.ChoiceField(choices=["waiting", "looking", "failed", "good", "expired", "taken"])
    cloudstack_url = serializers.CharField()
    netris_url = serializers.CharField()
    netris_user = serializers.CharField()
    checks = TrialCheckRead(many=True)
    found = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    created_at = Time()
    finished_at = Time(allow_null=True)

    @extend_schema_field(FoundRead)
    def get_found(self, trial: Any) -> Any:
        empty: dict[str, Any] = {
            "zones": [],
            "vpc_offerings": [],
            "tier_offerings": [],
            "sites": [],
            "max_tiers_per_vpc": None,
        }
        return FoundRead(empty | trial.found).data

    def get_reason(self, trial: Any) -> str | None:
        """Why no zone can be registered or changed by it; null when one can."""
        return why_not_take(trial)


class ZoneChange(Body):
    """What is chosen for a zone. `trial` gives it another connection; site and offerings are of what it found."""

    trial = Text(required=False, max_length=36, help_text="The id of a trial that is `good`.")
    netris_site = Text(required=False)
    vpc_offering = Text(required=False, help_text="By its name.")
    tier_offering = Text(required=False, help_text="By its name.")
    description = DescriptionText(required=False)
    calls_per_second = Count(required=False, min_value=1, max_value=1000, help_text="The most calls to either system.")
    names_devices = Flag(
        required=False, help_text="Whether tenants are told by name which device something is wrong with."
    )


class ZoneWrite(ZoneChange):
    """A zone to be registered."""

    trial = Text(max_length=36, help_text="The id of a trial that is `good`.")
    name = NameText(help_text="The zone's name in CloudStack.")
    netris_site = Text()
    vpc_offering = Text(required=False, help_text=f"By its name; `{ZoneSpec.vpc_offering}` when left out.")
    tier_offering = Text(required=False, help_text=f"By its name; `{ZoneSpec.tier_offering}` when left out.")


class ZoneCreated(ZoneRead):
    """A new zone, with the operations that make accounts of tenants there."""

    operations = OperationRead(many=True, help_text="One for each tenant: each makes its account there.")
