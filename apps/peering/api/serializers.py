"""Peerings as one of their tenants may see them, and the bodies that ask for them. What values make sense is for
`specs` and the services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.kernel.api.bodies import Body, Flag, NameText, Text, Texts
from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import CAN, VpcRef
from apps.networks.specs import CIDR_LENGTH
from apps.peering.exchange import MOST_PREFIXES
from apps.peering.filters import STATUSES
from apps.peering.queries import Clash, Line, Preview
from apps.peering.sides import Side
from apps.tenancy.api.serializers import Read, TenantRef
from apps.tenancy.models import SLUG_LENGTH

DIRECTIONS = ("own", "outgoing", "incoming")
ACTIONS = ("accept", "reject", "change", "apply", "revoke")


def _prefixes(help_text: str, *, required: bool = False) -> Texts:
    child = Text(max_length=CIDR_LENGTH)
    return Texts(child=child, required=required, max_length=MOST_PREFIXES, help_text=help_text)


def _read(help_text: str, source: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), source=source, help_text=help_text)


class PeerRead(serializers.Serializer[Side]):
    """The other side, as this one knows it."""

    vpc = VpcRef(source="peer_vpc", allow_null=True, help_text="Of the same tenant's alone.")
    tenant = serializers.CharField(
        source="peer_slug", help_text="The short name that this side has named in its request; blank otherwise."
    )
    name = serializers.CharField(source="row.name")


class PeeringCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    accept = serializers.CharField(allow_null=True)
    reject = serializers.CharField(allow_null=True)
    change = serializers.CharField(allow_null=True)
    apply = serializers.CharField(allow_null=True)
    revoke = serializers.CharField(allow_null=True)


class PeeringRead(Read):
    """Two VPCs that reach one another, as one of their tenants may see it: its own VPC, and what the other side offers
    under the name that both know."""

    for_platform = ("tenant", "peer_tenant")

    id = serializers.UUIDField(source="row.pk")
    url = Address("api:peering", source="row.pk")
    tenant = TenantRef(source="row.tenant", required=False, help_text="For the platform only.")
    peer_tenant = TenantRef(
        source="row.peer_tenant",
        required=False,
        allow_null=True,
        help_text="For the platform only; null where no tenant takes requests under the short name.",
    )
    name = serializers.CharField(source="row.name", help_text="What both sides call it.")
    direction = serializers.ChoiceField(
        choices=DIRECTIONS, help_text="`own` within one tenant, `outgoing` where this one has asked, else `incoming`."
    )
    vpc = VpcRef(allow_null=True, help_text="Null for a request that this side has not accepted yet.")
    peer = PeerRead(source="*")
    prefixes = _read("What this side offers.", "offered")
    accept = _read("What this side takes of what the other offers.", "accepted")
    peer_prefixes = _read("What the other side offers.", "peer_offered")
    routes = _read("What the own VPC learns of the other: what is offered there and accepted here.", "learned")
    peer_routes = _read("What the other VPC learns of the own one.", "told")
    status = serializers.SerializerMethodField(help_text="Ready when its last operation succeeded; see `applied`.")
    applied = serializers.SerializerMethodField(
        help_text="Whether Netris has it as it is meant; null while no fresh reading tells."
    )
    read_at = serializers.SerializerMethodField(help_text="When Netris said so.")
    trouble = serializers.SerializerMethodField(help_text="How Netris has it otherwise; blank where it does not.")
    answer_by = Time(source="row.answer_by", allow_null=True, help_text="Until when a request waits for an answer.")
    expires_at = Time(source="row.expires_at", allow_null=True, help_text="When the peering ends; null is never.")
    ended = serializers.CharField(source="ending", help_text="`by you` or `by the other side`; blank where by nobody.")
    can = serializers.SerializerMethodField(help_text=CAN)
    created_at = Time(source="row.created_at")

    def _line(self, side: Side) -> Line:
        found: Line = self.context["lines"][side.row.pk]
        return found

    @extend_schema_field(serializers.ChoiceField(choices=STATUSES))
    def get_status(self, side: Side) -> str:
        return side.standing

    @extend_schema_field(serializers.BooleanField(allow_null=True))
    def get_applied(self, side: Side) -> bool | None:
        return self._line(side).applied.is_applied

    @extend_schema_field(Time(allow_null=True))
    def get_read_at(self, side: Side) -> str | None:
        at = self._line(side).applied.read_at
        return Time().to_representation(at) if at else None

    @extend_schema_field(serializers.CharField())
    def get_trouble(self, side: Side) -> str:
        return self._line(side).applied.trouble

    @extend_schema_field(PeeringCan)
    def get_can(self, side: Side) -> dict[str, str | None]:
        line = self._line(side)
        return {action: line.why_not(action) for action in ACTIONS}


class ClashRead(serializers.Serializer[Clash]):
    """A range that cannot pass, since it overlaps."""

    side = serializers.SerializerMethodField(help_text="`here` or `there`.")
    prefix = serializers.CharField()
    overlaps = serializers.SerializerMethodField(help_text="Null at the other side, of which nothing more is told.")
    sentence = serializers.CharField()

    @extend_schema_field(serializers.ChoiceField(choices=("here", "there")))
    def get_side(self, clash: Clash) -> str:
        return "here" if clash.is_here else "there"

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_overlaps(self, clash: Clash) -> str | None:
        return str(clash.other) if clash.other else None


class ReachedTierRead(serializers.Serializer[Any]):
    """A tier that the other side could reach."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    cidr = serializers.CharField()


class PreviewRead(serializers.Serializer[Preview]):
    """The routes that appear on each side, and the ranges that overlap."""

    routes = serializers.ListField(
        child=serializers.CharField(), source="here", help_text="What the own VPC would learn."
    )
    peer_routes = serializers.ListField(
        child=serializers.CharField(), source="there", help_text="What the other VPC would learn."
    )
    tiers = ReachedTierRead(many=True, help_text="Tiers of the own VPC that the other side could reach.")
    overlaps = ClashRead(many=True, source="clashes")
    possible = serializers.BooleanField(source="is_possible", help_text="Nothing overlaps.")


class PeerWrite(Body):
    """The other side: a VPC of one's own, or another tenant."""

    vpc = Text(required=False, max_length=36, help_text="The id of another VPC of one's own.")
    prefixes = _prefixes("What that VPC offers; without it all of it. Another tenant says that itself.")
    tenant = Text(required=False, max_length=2 * SLUG_LENGTH, help_text="Another tenant, by its short name.")
    name = NameText(required=False, help_text="What both sides call it: all that the other tenant learns of you.")


class PeeringWrite(Body):
    """A peering to be, or a request for one."""

    vpc = Text(max_length=36, help_text="The id of a VPC of one's own.")
    peer = PeerWrite()
    prefixes = _prefixes("What the own VPC offers of its range.", required=True)
    expires_at = Text(required=False, max_length=40, help_text="When it ends: `2027-01-31T18:00:00Z`. Never without.")


class AnswerWrite(Body):
    """How a request is accepted."""

    vpc = Text(max_length=36, help_text="The id of a VPC of one's own, in the zone of the other side's.")
    prefixes = _prefixes("What the own VPC offers; without it all of its range.")
    accept = _prefixes("What is taken of what was offered: that or parts of it. Without it all of it.")


class PeeringSettingsRead(serializers.Serializer[Any]):
    """What a tenant says of requests for peerings."""

    takes_requests = serializers.BooleanField(help_text="Whether another tenant that knows its short name can ask it.")


class PeeringSettingsWrite(Body):
    """What is left out stays."""

    takes_requests = Flag(required=False, help_text="Whether another tenant that knows the short name can ask.")


class PeeringChange(Body):
    """What can be changed of a peering; what is left out stays."""

    prefixes = _prefixes("What this side offers.")
    accept = _prefixes("What this side takes of what the other offers.")
