"""VPCs and tiers as they are shown, and the bodies that ask for them. What values make sense is for `specs`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.kernel.api.bodies import Body, DescriptionText, NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.names import NAME
from apps.mirror.queries import UNREAD, Applied
from apps.networks import queries
from apps.networks.agreement import ABOUT, FINDINGS, VERDICTS, Difference
from apps.networks.models import Tier, Vpc
from apps.networks.specs import CIDR_LENGTH, MOST_TIERS
from apps.operations.api.serializers import STATUSES, OperationRef
from apps.operations.models import Operation
from apps.quotas.queries import Quotas
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.serializers import Read, TenantRef
from apps.zones.api.serializers import ZoneRef


class VpcRef(serializers.Serializer[Vpc]):
    """The VPC that a tier is in."""

    id = serializers.UUIDField()
    url = Address("api:vpc")


class HolderRead(OperationRef):
    """The first of the operations that have to be over before the VPC can go. Others may wait behind it."""

    phase = serializers.CharField(help_text="`stuck` until somebody retries, cancels or gives it up.")


class Offers(Read):
    """What can be done to a row now. The view puts the `work` in its VPCs into the context."""

    def work(self, vpc_id: UUID) -> list[Operation]:
        work: dict[UUID, list[Operation]] = self.context["work"]
        return work.get(vpc_id, [])

    def offers(self, row: Vpc | Tier, vpc_id: UUID, *actions: str) -> dict[str, str | None]:
        return {action.replace(" ", "_"): row.why_not(action, self.work(vpc_id)) for action in actions}


CAN = "Null for what can be done now, or the reason why it cannot."


class TierCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    rename = serializers.CharField(allow_null=True)
    delete = serializers.CharField(allow_null=True)


class AppliedRead(Read):
    """Something in a VPC, and whether both systems have it. The view puts what is `applied`, and the `work` in the
    VPCs, into the context."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    tenant = TenantRef(required=False, help_text="For the platform only.")
    vpc = VpcRef()
    status = serializers.ChoiceField(choices=STATUSES)
    applied = serializers.SerializerMethodField(
        help_text="Whether the systems that know of it have it as it is meant; null while no fresh reading tells."
    )
    read_at = serializers.SerializerMethodField(help_text="When they said so, or the one of them that was read first.")
    can = serializers.SerializerMethodField(help_text=CAN)
    created_at = Time()

    @extend_schema_field(serializers.BooleanField(allow_null=True))
    def get_applied(self, row: Any) -> bool | None:
        return self._applied(row).is_applied

    @extend_schema_field(Time(allow_null=True))
    def get_read_at(self, row: Any) -> str | None:
        read_at = self._applied(row).read_at
        return None if read_at is None else Time().to_representation(read_at)

    def work_on(self, row: Any) -> list[Operation]:
        work: dict[UUID, list[Operation]] = self.context["work"]
        return work.get(row.vpc_id, [])

    def _applied(self, row: Any) -> Applied:
        applied: dict[UUID, Applied] = self.context["applied"]
        return applied.get(row.pk, UNREAD)


class TierRead(Offers):
    """One network of a VPC."""

    for_platform = ("tenant", "vni")

    id = serializers.UUIDField()
    url = Address("api:tier")
    tenant = TenantRef(source="vpc.tenant", required=False, help_text="For the platform only.")
    vpc = VpcRef()
    name = serializers.CharField()
    cidr = serializers.CharField()
    gateway = serializers.CharField(help_text="The first address of the CIDR.")
    vni = serializers.IntegerField(required=False, allow_null=True, help_text="For the platform only.")
    status = serializers.ChoiceField(choices=STATUSES)
    can = serializers.SerializerMethodField(help_text=CAN)
    created_at = Time()

    @extend_schema_field(TierCan)
    def get_can(self, tier: Tier) -> dict[str, str | None]:
        return self.offers(tier, tier.vpc_id, "rename", "delete")


class VpcCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    rename = serializers.CharField(allow_null=True)
    delete = serializers.CharField(allow_null=True)
    add_tier = serializers.CharField(allow_null=True)


class VpcRead(Offers):
    """An isolated routing domain with its tiers."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:vpc")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    name = serializers.CharField()
    description = serializers.CharField()
    zone = ZoneRef()
    cidr = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    egress_ip = serializers.CharField(
        allow_null=True, help_text="The address that its traffic leaves with; null until it is built."
    )
    tiers = TierRead(many=True, source="live_tiers")
    can = serializers.SerializerMethodField(help_text=CAN)
    held_by = serializers.SerializerMethodField(
        help_text="What is under way or stuck in it, the one at work first; null if nothing."
    )
    created_at = Time()

    @extend_schema_field(VpcCan)
    def get_can(self, vpc: Vpc) -> dict[str, str | None]:
        quotas: Quotas = self.context["quotas"][vpc.tenant_id]
        tiers = len(vpc.live_tiers)  # type: ignore[attr-defined]  # the view fetches them
        reason = queries.why_not_add_tier(vpc, tiers, quotas, self.work(vpc.pk))
        return self.offers(vpc, vpc.pk, "rename", "delete") | {"add_tier": reason}

    @extend_schema_field(HolderRead(allow_null=True))
    def get_held_by(self, vpc: Vpc) -> Any:
        work = self.work(vpc.pk)
        return HolderRead(work[0], context=self.context).data if work else None


class SourceRead(serializers.Serializer[Any]):
    """How far one system's lists may be believed."""

    read_at = Time(allow_null=True, help_text="When its list was last read; null if never.")
    is_stale = serializers.BooleanField(help_text="The list is too old to go by.")


class DifferenceRead(serializers.Serializer[Difference]):
    """A value that is not the same everywhere. Null: that system does not tell it. VNIs are for the platform only."""

    about = serializers.ChoiceField(choices=ABOUT)
    weft = serializers.CharField(allow_null=True)
    cloudstack = serializers.CharField(allow_null=True)
    cloudstack_read_at = Time(allow_null=True)
    netris = serializers.CharField(allow_null=True)
    netris_read_at = Time(allow_null=True)

    def to_representation(self, instance: Difference) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.is_the_platforms and caller_of(self.context.get("request")).platform is None:
            shown |= {"weft": None, "cloudstack": None, "netris": None}
        return shown


class FindingRead(serializers.Serializer[Any]):
    """What each system has of the VPC, or of one of its tiers."""

    type = serializers.ChoiceField(choices=("vpc", "tier"))
    id = serializers.UUIDField(source="pk")
    name = serializers.CharField()
    cloudstack = serializers.ChoiceField(choices=FINDINGS, source="cloudstack.word")
    netris = serializers.ChoiceField(choices=FINDINGS, source="netris.word")
    is_dormant = serializers.BooleanField(
        allow_null=True, help_text="No instance has run in the tier yet, which is normal. Null: not known, or a VPC."
    )
    differences = DifferenceRead(many=True)


class AgreementRead(serializers.Serializer[Any]):
    """Whether CloudStack and Netris both have a VPC with its tiers, with the same values, as they were read last."""

    verdict = serializers.ChoiceField(choices=VERDICTS)
    cloudstack = SourceRead()
    netris = SourceRead()
    findings = FindingRead(many=True, source="lines")


@extend_schema_field(
    {
        "type": "string",
        "maxLength": CIDR_LENGTH,
        "description": "An IPv4 CIDR without host bits.",
        "example": "10.20.0.0/20",
    }
)
class CidrText(Text):
    pass


class TierRow(Body):
    """One of the first tiers of a VPC: its range is part of the VPC's, /22 to /29."""

    name = NameText()
    cidr = CidrText()


class VpcWrite(Body):
    """A VPC to be. Its range is private (RFC 1918), /8 to /28."""

    name = NameText()
    description = DescriptionText(required=False)
    zone = Text(max_length=NAME.most, help_text="The id or the name of a zone.")
    cidr = CidrText()
    tiers = TierRow(many=True, required=False, max_length=MOST_TIERS)  # type: ignore[call-arg]  # of the list


class VpcChange(Body):
    """What can be changed of a VPC; what is left out stays."""

    name = NameText(required=False)
    description = DescriptionText(required=False)


class TierWrite(Body):
    """A tier to be. Its range is part of the VPC's, /22 to /29."""

    vpc = Text(max_length=36, help_text="The id of a VPC.")
    name = NameText()
    cidr = CidrText()


class TierChange(Body):
    """What can be changed of a tier."""

    name = NameText(required=False)
