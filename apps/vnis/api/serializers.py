"""A range of VNIs, and who has or had a number."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.kernel.api.fields import Address, Time
from apps.tenancy.api.serializers import TenantRef
from apps.vnis.models import Holder, VniRange
from apps.vnis.queries import Freshness
from apps.zones.api.serializers import ZoneRef
from apps.zones.models import System


class Aged(serializers.Serializer[Any]):
    """What is known as far as the lists of its zone were read."""

    zone = ZoneRef()
    read_at = serializers.SerializerMethodField(help_text="When the oldest of the lists behind it was read.")
    is_stale = serializers.SerializerMethodField(help_text="One of these lists is too old to go by.")

    def get_read_at(self, row: Any) -> str | None:
        read_at = self._fresh(row).read_at
        return None if read_at is None else Time().to_representation(read_at)

    def get_is_stale(self, row: Any) -> bool:
        return self._fresh(row).is_stale

    def _fresh(self, row: Any) -> Freshness:
        fresh: Freshness = self.context["freshness"][row.zone_id]
        return fresh


class RangeRead(Aged):
    """Numbers that come out of one pool."""

    id = serializers.UUIDField()
    url = Address("api:fabric-vni-range")
    kind = serializers.ChoiceField(choices=VniRange.Kind.choices)
    system = serializers.ChoiceField(choices=System.choices, help_text="Who hands them out.")
    name = serializers.CharField(help_text="Of the physical network in CloudStack.")
    is_configured = serializers.BooleanField(
        help_text="Somebody has set its limits. Else it is the span that was seen: Netris does not tell its own."
    )
    start = serializers.IntegerField()
    end = serializers.IntegerField(help_text="The last of its numbers.")
    used = serializers.IntegerField()
    lost = serializers.IntegerField(
        help_text="CloudStack never gives back a number, though no network has it any more."
    )
    reserved = serializers.IntegerField(help_text="They would be free, if Netris had nothing else under them.")
    free = serializers.IntegerField()
    largest_free_run = serializers.IntegerField()
    per_day = serializers.FloatField(
        allow_null=True, help_text="How many more are taken in a day, over the last month; null when nobody can tell."
    )
    full_at = Time(allow_null=True, help_text="If it goes on as it did; null when it does not grow, or for ten years.")


class ClaimRead(Aged):
    """That something has a number in the view of one system, or had it."""

    vni = serializers.IntegerField()
    system = serializers.ChoiceField(choices=System.choices, help_text="Whose view it is.")
    kind = serializers.ChoiceField(
        choices=Holder.choices, help_text="What has it. `lost`: allocated in CloudStack, and no network there has it."
    )
    name = serializers.CharField(help_text="Its name there.")
    remote_id = serializers.CharField(source="holder", help_text="Its id there; the number where nothing has it.")
    tenant = TenantRef(allow_null=True)
    owner = serializers.CharField(help_text="Its tenant's name, or the account in CloudStack.")
    is_duplicate = serializers.SerializerMethodField(help_text="Something else had the number before, in this view.")
    began_at = Time(help_text="Since when, as the system tells it, or else since Weft has seen it.")
    ended_at = Time(allow_null=True)

    def get_is_duplicate(self, claim: Any) -> bool:
        return not claim.is_first
