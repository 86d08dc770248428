"""Static NAT and port forwards as they are shown, and the bodies that ask for them. What values make sense is for
`ports` and the services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.addresses.models import PortForward, Protocol, StaticNat
from apps.addresses.ports import LONGEST
from apps.kernel.api.bodies import Body, Flag, Text, Texts
from apps.kernel.api.fields import Address
from apps.networks.admission import Admission
from apps.networks.api.serializers import AppliedRead
from apps.networks.specs import CIDR_LENGTH, MOST_CIDRS


class PublicIpRef(serializers.Serializer[Any]):
    """The public IP that it leads from."""

    id = serializers.UUIDField(source="public_ip_id")
    address = serializers.CharField()


class InstanceRef(serializers.Serializer[Any]):
    """The instance that it leads to."""

    id = serializers.UUIDField(source="instance_id")
    name = serializers.CharField(source="instance_name", help_text="As it was called when this was made.")


class StaticNatCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    delete = serializers.CharField(allow_null=True)
    apply = serializers.CharField(allow_null=True)


class PortForwardCan(StaticNatCan):
    change = serializers.CharField(allow_null=True)


class LeadingRead(AppliedRead):
    """What both are shown with."""

    actions: tuple[str, ...] = ("delete", "apply")

    public_ip = PublicIpRef(source="*")
    instance = InstanceRef(source="*")
    address = serializers.CharField(source="guest_address", help_text="The instance's address that it leads to.")
    asleep = serializers.SerializerMethodField(
        help_text="It is not on Netris because no instance runs in its tier: CloudStack puts it back when one starts."
    )

    def get_asleep(self, row: StaticNat | PortForward) -> bool:
        return row.tier_id in self.context["asleep"] and self._applied(row).is_missing

    def offers(self, row: StaticNat | PortForward) -> dict[str, str | None]:
        return {action: row.why_not(action, self.work_on(row)) for action in self.actions}


class StaticNatRead(LeadingRead):
    """All traffic of a public IP, led to one address of an instance, and what that sends out."""

    url = Address("api:staticnat")

    @extend_schema_field(StaticNatCan)
    def get_can(self, row: StaticNat) -> dict[str, str | None]:
        return self.offers(row)


class SourcesRead(serializers.Serializer[Admission]):
    """From where it may be used, as the access list of the instance's tier says it."""

    acl = serializers.UUIDField(source="acl_id", allow_null=True, help_text="Null without: the site's default decides.")
    cidrs = serializers.ListField(
        child=serializers.CharField(), help_text="Those that the list lets in at each of the private ports."
    )
    exact = serializers.BooleanField(
        source="is_exact", help_text="False where others may come in at some of the ports, or where it is not known."
    )


class PortForwardRead(LeadingRead):
    """Ports of a public IP, led to as many of an instance's. Who may come in, the tier's access list decides."""

    actions = ("change", "delete", "apply")

    url = Address("api:portforward")
    protocol = serializers.ChoiceField(choices=Protocol.choices)
    public_ports = serializers.CharField()
    private_ports = serializers.CharField()
    enabled = serializers.BooleanField(help_text="While it is being switched, the old value.")
    sources = serializers.SerializerMethodField()

    @extend_schema_field(SourcesRead)
    def get_sources(self, row: PortForward) -> Any:
        return SourcesRead(self.context["sources"][row.pk]).data

    @extend_schema_field(PortForwardCan)
    def get_can(self, row: PortForward) -> dict[str, str | None]:
        return self.offers(row)


@extend_schema_field(
    {"type": "string", "maxLength": 2 * LONGEST, "description": "A port, or a range of ports.", "example": "8000-8010"}
)
class PortsText(Text):
    pass


class StaticNatWrite(Body):
    """A static NAT to be."""

    public_ip = Text(max_length=36, help_text="The id of a public IP that is not used for anything else.")
    instance = Text(max_length=36, help_text="The id of an instance in the public IP's VPC.")
    address = Text(required=False, max_length=15, help_text="One of its addresses there; without it the first.")


class PortForwardWrite(Body):
    """A port forward to be. It leads to the instance's first address in the VPC."""

    public_ip = Text(max_length=36, help_text="The id of a public IP: unused, or with other forwards.")
    instance = Text(max_length=36, help_text="The id of an instance in the public IP's VPC.")
    protocol = Text(max_length=3, help_text="`tcp` or `udp`.")
    public_ports = PortsText()
    private_ports = PortsText(required=False, help_text="As many; without them the same.")
    enabled = Flag(required=False)
    allowed_cidrs = Texts(
        required=False,
        max_length=MOST_CIDRS,
        child=Text(max_length=CIDR_LENGTH),
        help_text="The only sources that the access list of the instance's tier is to let in at the private ports. "
        "What it lacks becomes a rule of it, by an operation that comes first. Without them the list stays as it is.",
    )


class PortForwardChange(Body):
    """What can be changed of a port forward; what is left out stays."""

    enabled = Flag(required=False)
