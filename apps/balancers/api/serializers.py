"""Load balancers as they are shown, and the bodies that ask for them. What values make sense is for `specs` and the
services."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.addresses.api.nat.serializers import InstanceRef, PublicIpRef
from apps.addresses.models import Protocol
from apps.balancers.models import PATH_LENGTH, Balancer, Kind
from apps.balancers.queries import Judgement
from apps.balancers.specs import LONGEST_TIMEOUT, MOST_MEMBERS
from apps.balancers.verdicts import Cell, Configured, Found, Line, Working
from apps.kernel.api.bodies import Body, Count, Flag, NameText, Text, Texts
from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import CAN, VpcRef
from apps.networks.specs import CIDR_LENGTH, MOST_CIDRS
from apps.operations.api.serializers import STATUSES
from apps.operations.models import Operation
from apps.tenancy.api.serializers import Read, TenantRef


class ConfiguredRead(serializers.Serializer[Any]):
    """Whether Netris has it as it is meant: address, port, protocol, members, health check, and who may
    connect."""

    verdict = serializers.ChoiceField(choices=[each.value for each in Configured])
    sentence = serializers.CharField()
    read_at = Time(allow_null=True)


class WorkingRead(serializers.Serializer[Any]):
    """Whether its members answer. `healthy` comes from fresh successful probes alone."""

    verdict = serializers.ChoiceField(choices=[each.value for each in Working])
    sentence = serializers.CharField()
    read_at = Time(allow_null=True)


class CellRead(serializers.Serializer[Found]):
    """What one SoftGate finds at one member."""

    name = serializers.CharField(source="gate")
    verdict = serializers.ChoiceField(choices=[each.value for each in Cell])
    reason = serializers.CharField()
    read_at = Time(allow_null=True)


class BalancerMemberRead(serializers.Serializer[Any]):
    """An instance behind a load balancer, and what each SoftGate finds at it."""

    id = serializers.UUIDField(source="member.pk")
    instance = InstanceRef(source="member")
    address = serializers.CharField(source="member.guest_address")
    drained = serializers.BooleanField(source="member.drained", help_text="Out of rotation, and kept in Weft.")
    sentence = serializers.CharField(source="line.sentence", help_text="What to look at; blank where nothing is wrong.")
    softgates = CellRead(source="line.cells", many=True)


class CheckRead(serializers.Serializer[Balancer]):
    """What a SoftGate does to find out whether a member answers."""

    type = serializers.ChoiceField(source="check_kind", choices=Kind.choices)
    path = serializers.CharField(source="check_path")
    timeout_seconds = serializers.IntegerField(source="check_timeout")


class BalancerCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    rename = serializers.CharField(allow_null=True)
    change = serializers.CharField(allow_null=True)
    delete = serializers.CharField(allow_null=True)


class BalancerRead(Read):
    """A port of a public IP, balanced to instances. Netris balances round robin and passes on what comes: there is no
    other algorithm, no stickiness and no TLS."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:balancer")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    vpc = VpcRef()
    public_ip = PublicIpRef(source="*")
    name = serializers.CharField()
    protocol = serializers.ChoiceField(choices=Protocol.choices)
    port = serializers.IntegerField()
    member_port = serializers.IntegerField()
    allowed_cidrs = serializers.ListField(child=serializers.CharField(), help_text="None is everybody.")
    health_check = CheckRead(source="*")
    status = serializers.ChoiceField(choices=STATUSES)
    configured = serializers.SerializerMethodField()
    working = serializers.SerializerMethodField()
    members = serializers.SerializerMethodField()
    can = serializers.SerializerMethodField(help_text=CAN)
    created_at = Time()

    # Made once for all rows of an answer: making them is most of the work.
    _configured = cached_property(lambda _self: ConfiguredRead())
    _working = cached_property(lambda _self: WorkingRead())
    _members = cached_property(lambda _self: BalancerMemberRead(many=True))

    def _judgement(self, row: Balancer) -> Judgement:
        found: Judgement = self.context["judged"][row.pk]
        return found

    @extend_schema_field(ConfiguredRead)
    def get_configured(self, row: Balancer) -> Any:
        return self._configured.to_representation(self._judgement(row).configured)

    @extend_schema_field(WorkingRead)
    def get_working(self, row: Balancer) -> Any:
        return self._working.to_representation(self._judgement(row).working)

    @extend_schema_field(BalancerMemberRead(many=True))
    def get_members(self, row: Balancer) -> Any:
        judgement = self._judgement(row)
        lines: Iterator[tuple[Any, Line]] = zip(judgement.members, judgement.lines, strict=True)
        return self._members.to_representation([{"member": member, "line": line} for member, line in lines])

    @extend_schema_field(BalancerCan)
    def get_can(self, row: Balancer) -> dict[str, str | None]:
        work: list[Operation] = self.context["work"].get(row.vpc_id, [])
        return {action: row.why_not(action, work) for action in ("rename", "change", "delete")}


class BalancerMemberWrite(Body):
    instance = Text(max_length=36, help_text="The id of an instance in the load balancer's tier.")


class BalancerMemberChange(Body):
    """What can be changed of a member."""

    drained = Flag(required=False, help_text="Out of rotation.")


class CheckWrite(Body):
    """A health check. With UDP there is none."""

    type = Text(max_length=8, help_text="`none`, `tcp` or `http`.")
    path = Text(required=False, max_length=PATH_LENGTH, help_text="With http; `/` unless it is given.")
    timeout_seconds = Count(required=False, min_value=1, max_value=LONGEST_TIMEOUT)


def _ports(**options: Any) -> Count:
    return Count(min_value=1, max_value=65535, **options)


class BalancerWrite(Body):
    """A load balancer to be."""

    vpc = Text(max_length=36, help_text="The id of a VPC.")
    public_ip = Text(
        required=False,
        max_length=36,
        help_text="The id of a public IP of that VPC: unused, or with load balancers at other ports. Without it the "
        "lowest unused one is taken; where there is none, a new one is acquired, by an operation of its own before.",
    )
    name = NameText()
    protocol = Text(max_length=3, help_text="`tcp` or `udp`.")
    port = _ports()
    member_port = _ports(required=False, help_text="Without it the same.")
    members = BalancerMemberWrite(many=True, max_length=MOST_MEMBERS)  # type: ignore[call-arg]  # of the list
    allowed_cidrs = Texts(
        child=Text(max_length=CIDR_LENGTH),
        required=False,
        max_length=MOST_CIDRS,
        help_text="Who may connect. None is everybody.",
    )
    health_check = CheckWrite(required=False)


class BalancerChange(Body):
    """What can be changed of a load balancer; what is left out stays. A name changes at once, and alone."""

    name = NameText(required=False)
    protocol = Text(required=False, max_length=3, help_text="`tcp` or `udp`. A replacement, as is another port.")
    port = _ports(required=False)
    member_port = _ports(required=False)
    allowed_cidrs = Texts(child=Text(max_length=CIDR_LENGTH), required=False, max_length=MOST_CIDRS)
    health_check = CheckWrite(required=False)
