"""Locations and orders as they are shown, and the bodies that ask for them. What values make sense is for `specs` and
the services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.directconnect.models import (
    FASTEST,
    LETTER_LENGTH,
    PARTIES,
    PRICE_LENGTH,
    REFERENCE_LENGTH,
    STAGES,
    Connection,
    PortKind,
    StageEntry,
)
from apps.directconnect.specs import LONGEST_LETTER_DAYS, MOST_OFFERINGS
from apps.directconnect.stages import Party
from apps.kernel.api.bodies import Body, Count, DescriptionText, Flag, NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.names import DESCRIPTION, NAME
from apps.tenancy.api.serializers import Read, TenantRef
from apps.zones.api.serializers import ZoneRef

SPEED = "In Mbit/s."


class LocationOfferingRead(serializers.Serializer[Any]):
    """What can be ordered at a location."""

    speed = serializers.IntegerField(help_text=SPEED)
    kind = serializers.ChoiceField(choices=PortKind.choices)
    price = serializers.CharField()
    is_open = serializers.BooleanField()


class FabricPortRead(serializers.Serializer[Any]):
    """A port that orders at a location can get."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    device = serializers.CharField()
    speed = serializers.IntegerField(help_text=SPEED)
    kind = serializers.ChoiceField(choices=PortKind.choices)


class LocationRead(Read):
    """Where Direct Connect can be had."""

    for_platform = ("ports", "loa_text", "loa_days")

    id = serializers.UUIDField()
    url = Address("api:location")
    zone = ZoneRef()
    name = serializers.CharField()
    address = serializers.CharField()
    room = serializers.CharField()
    is_open = serializers.BooleanField(help_text="It takes orders.")
    offerings = LocationOfferingRead(many=True)
    ports = FabricPortRead(many=True, required=False, help_text="For the platform only.")
    loa_text = serializers.CharField(required=False, help_text="For the platform only.")
    loa_days = serializers.IntegerField(required=False, help_text="For the platform only.")
    created_at = Time()


class OfferingWrite(Body):
    speed = Count(min_value=1, max_value=FASTEST, help_text=SPEED)
    kind = Text(max_length=9, help_text="`dedicated` or `hosted`.")
    price = Text(required=False, max_length=PRICE_LENGTH, help_text="As you word it.")
    is_open = Flag(required=False)


class LocationChange(Body):
    """Only what is to be different. Orders and letters stay as they were made."""

    name = NameText(required=False)
    address = DescriptionText(required=False, max_length=DESCRIPTION.most)
    room = NameText(required=False, max_length=NAME.most)
    loa_text = Text(required=False, max_length=LETTER_LENGTH, help_text="Stands in each letter of authorization.")
    loa_days = Count(required=False, min_value=1, max_value=LONGEST_LETTER_DAYS)
    is_open = Flag(required=False)
    offerings = OfferingWrite(many=True, required=False, max_length=MOST_OFFERINGS)  # type: ignore[call-arg]  # of the list


class LocationWrite(LocationChange):
    """A location to be."""

    zone = Text(max_length=63, help_text="The id, the name or the short name of a zone.")
    name = NameText()
    address = DescriptionText(max_length=DESCRIPTION.most)
    room = NameText(max_length=NAME.most)


class PortWrite(Body):
    port = Text(max_length=255, help_text="The id or the full name of a free port of the inventory.")
    kind = Text(max_length=9, help_text="`dedicated` or `hosted`.")
    speed = Count(required=False, min_value=1, max_value=FASTEST, help_text="Without it what the inventory tells.")


class LocationRef(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = Address("api:location")
    name = serializers.CharField()


class EntryRead(serializers.Serializer[StageEntry]):
    """A move of an order, and what was shown for it."""

    from_stage = serializers.CharField(help_text="Blank for the first.")
    stage = serializers.ChoiceField(source="to_stage", choices=STAGES)
    at = Time()
    by = serializers.ChoiceField(source="party", choices=PARTIES)
    evidence = serializers.DictField()


class ConnectionRead(Read):
    """An order, and the connection that it becomes."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:connection")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    name = serializers.CharField()
    location = LocationRef()
    speed = serializers.IntegerField(help_text=SPEED)
    kind = serializers.ChoiceField(choices=PortKind.choices)
    apart_from = serializers.UUIDField(
        source="apart_from_id", allow_null=True, help_text="The connection whose port is on another leaf."
    )
    stage = serializers.ChoiceField(choices=STAGES)
    stage_since = Time()
    owner = serializers.SerializerMethodField(help_text="Whose turn it is; null when it is nobody's.")
    due_at = Time(allow_null=True)
    next_action = serializers.CharField(source="order.facts.next_action", help_text="Blank when there is none.")
    moves = serializers.SerializerMethodField(help_text="The stages that you can bring it to now.")
    queue_place = serializers.SerializerMethodField(
        help_text="How many get a port before it, and it; null without one."
    )
    port = serializers.CharField(source="port.name", default=None, allow_null=True)
    loa_number = serializers.CharField()
    loa_valid_until = Time(allow_null=True)
    reference = serializers.CharField(help_text="The carrier's, of the cross-connect.")
    history = EntryRead(source="entries", many=True)
    created_at = Time()
    closed_at = Time(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=PARTIES, allow_null=True))
    def get_owner(self, row: Connection) -> str | None:
        return row.order.facts.owner

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_moves(self, row: Connection) -> list[str]:
        party: Party = self.context.get("party", Party.TENANT)
        return [move.to for move in row.order.moves_of(party)]

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_queue_place(self, row: Connection) -> int | None:
        found: int | None = self.context["places"].get(row.pk)
        return found


class ConnectionChange(Body):
    """Only what is to be different: of a draft anything, later the name alone."""

    name = NameText(required=False)
    location = Text(required=False, max_length=63, help_text="The id or the name of a location.")
    speed = Count(required=False, min_value=1, max_value=FASTEST, help_text=SPEED)
    kind = Text(required=False, max_length=9, help_text="`dedicated` or `hosted`.")
    apart_from = Text(required=False, max_length=36, help_text="The id of a connection that is to be on another leaf.")


class ConnectionWrite(ConnectionChange):
    """A connection to be. It is a draft until it is submitted."""

    name = NameText()
    location = Text(max_length=63, help_text="The id or the name of a location.")
    speed = Count(min_value=1, max_value=FASTEST, help_text=SPEED)
    kind = Text(max_length=9, help_text="`dedicated` or `hosted`.")


class TransitionWrite(Body):
    """Where to, and what that stage asks for."""

    to = Text(max_length=24, help_text="One of the stages, such as `submitted`.")
    reason = Text(required=False, max_length=500, help_text="For `rejected` and `on-hold`.")
    port = Text(required=False, max_length=255, help_text="For `port-reserved`: id or name of a port of the location.")
    number = Text(required=False, max_length=REFERENCE_LENGTH, help_text="For `loa-issued`; else Weft makes one.")
    valid_until = Text(required=False, max_length=40, help_text="For `loa-issued`; else the days of the location.")
    reference = Text(required=False, max_length=REFERENCE_LENGTH, help_text="For `cross-connect-reported`.")


class WaitingRead(serializers.Serializer[Any]):
    """Something that waits for the platform's decision."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    tenant = TenantRef()
    asks = serializers.CharField()
    since = Time()


class WaitingsRead(serializers.Serializer[Any]):
    results = WaitingRead(many=True)


class DecisionWrite(Body):
    verdict = Text(max_length=8, help_text="`approve` or `reject`.")
    reason = Text(required=False, max_length=500, help_text="Of a rejection.")
