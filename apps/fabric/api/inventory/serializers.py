"""The inventory as scripts read it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.fabric.inventory.queries import DEVICE_ROLES, PLANES, PURPOSES, STATUSES, DeviceLine
from apps.fabric.models import Owner, Part
from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import VpcRef
from apps.tenancy.api.serializers import TenantRef
from apps.zones.api.serializers import ZoneRef


class DeviceRef(serializers.Serializer[Any]):
    """The device where something ends."""

    id = serializers.UUIDField(allow_null=True, help_text="Null for what the inventory does not have: an ISP's router.")
    name = serializers.CharField()


class EndRead(DeviceRef):
    """One end of a link."""

    port = serializers.CharField(help_text="Blank where nobody knows.")


class RouterRead(serializers.Serializer[Any]):
    """A router of an ISP, as the sessions with it tell of it."""

    name = serializers.CharField(source="router")
    asn = serializers.IntegerField(source="router_asn", allow_null=True)
    address = serializers.CharField(source="session.remote_address", default=None, allow_null=True)


class SurveyedRead(serializers.Serializer[Any]):
    """What these lists have in common."""

    id = serializers.UUIDField(help_text="Weft's own; the same whenever the thing is seen again.")
    zone = ZoneRef()
    netris_id = serializers.CharField(source="remote_id", help_text="What Netris calls it, or what stands for that.")
    name = serializers.CharField()
    read_at = Time(allow_null=True, help_text="When Netris was last asked for what it is judged by.")
    first_seen_at = Time(source="created_at")


BECAUSE = "The silent device that explains all that is wrong with it; else blank."


class DeviceRead(SurveyedRead):
    """A device of Netris' inventory."""

    url = Address("api:fabric-device")
    role = serializers.ChoiceField(choices=DEVICE_ROLES)
    softgate_role = serializers.CharField(source="sent.sg_role", default="", help_text="`general` or `snat`.")
    status = serializers.ChoiceField(choices=STATUSES[Part.DEVICE])
    reasons = serializers.SerializerMethodField(help_text="The worst of its checks, in Netris' words.")
    because = serializers.CharField(help_text=BECAUSE)
    pair = serializers.CharField(help_text="The leaves that it hangs on: `Leaf-1 + Leaf-2`.")
    loopback = serializers.CharField(source="sent.main_address", default=None, allow_null=True)
    management_address = serializers.CharField(source="sent.mgmt_address", default=None, allow_null=True)
    asn = serializers.IntegerField(source="sent.asn", default=None, allow_null=True)
    site = serializers.CharField(source="sent.site.name", default="")
    description = serializers.CharField(source="sent.description", default="")
    agent_version = serializers.CharField(source="sent.version", default="")
    is_in_maintenance = serializers.BooleanField(source="sent.maintenance_mode", default=False)
    last_seen_at = Time(
        source="sent.last_seen", default=None, allow_null=True, help_text="When its agent last reported to Netris."
    )
    host_id = serializers.CharField(help_text="CloudStack's id of the hypervisor that it is; else blank.")

    def get_reasons(self, line: DeviceLine) -> list[str]:
        return list(line.said.reasons) if line.said else []


class LinkRead(SurveyedRead):
    """A cable between two ports."""

    url = Address("api:fabric-link")
    status = serializers.ChoiceField(choices=STATUSES[Part.LINK])
    because = serializers.CharField(help_text=BECAUSE)
    plane = serializers.ChoiceField(choices=PLANES, help_text="`border`: of an ISP's router, known by its sessions.")
    ends = EndRead(many=True, help_text="Two.")


class SessionRead(SurveyedRead):
    """A BGP session with a router of the internet, or one that should be and is not."""

    url = Address("api:fabric-session")
    status = serializers.ChoiceField(
        choices=STATUSES[Part.SESSION],
        help_text="`missing`: a SoftGate has none with a router that others have one with.",
    )
    because = serializers.CharField(help_text=BECAUSE)
    device = DeviceRef(source="home")
    router = RouterRead(source="*")
    bgp_state = serializers.CharField(source="session.bgp_state", default="", help_text="The word of the device.")
    prefixes = serializers.IntegerField(source="session.bgp_prefixes", default=None, allow_null=True)
    uptime = serializers.CharField(source="session.bgp_uptime", default="")


class PortRead(SurveyedRead):
    """A port of a device. Its `name` is the full one: `swp1@Leaf-1`."""

    url = Address("api:fabric-port")
    status = serializers.ChoiceField(
        choices=STATUSES[Part.PORT], help_text="`unused`: down, and nothing hangs on it; `disabled`: by somebody."
    )
    device = DeviceRef(source="home")
    description = serializers.CharField()
    speed = serializers.CharField(help_text="Netris' word, in Mbit/s as a rule.")
    mtu = serializers.IntegerField(allow_null=True)
    is_used = serializers.BooleanField()
    link_id = serializers.UUIDField(source="link_uuid", allow_null=True)
    leads_to = EndRead(source="far_end", allow_null=True)


class SiteRead(SurveyedRead):
    """A site of Netris'."""

    url = Address("api:fabric-site")
    public_asn = serializers.IntegerField(allow_null=True)
    acl_policy = serializers.CharField(
        help_text="`permit` or `deny`: what it does with packets that no rule speaks of."
    )
    switch_fabric = serializers.CharField(help_text="`netris`, `dot1q_trunk` …")
    vlan_range = serializers.CharField()
    devices = serializers.IntegerField(help_text="How many there are in it.")
    used_by = ZoneRef(many=True, help_text="Zones that build in it.")


class HolderRef(VpcRef):
    """The VPC that has it."""

    name = serializers.CharField()


class SubnetRead(SurveyedRead):
    """An allocation of the System VPC or a tenant's, or a subnet in it."""

    url = Address("api:fabric-subnet")
    type = serializers.ChoiceField(choices=["allocation", "subnet"])
    prefix = serializers.CharField(allow_null=True)
    purpose = serializers.ChoiceField(choices=["", *PURPOSES], help_text="Blank for an allocation.")
    parent_id = serializers.UUIDField(source="parent", allow_null=True, help_text="What it lies in.")
    status = serializers.ChoiceField(
        choices=STATUSES[Part.SUBNET], help_text="`warning`: of the platform's own, from 90 % on."
    )
    percent = serializers.FloatField(allow_null=True, help_text="How much of it is used, by Netris' own figure.")
    hosts = serializers.IntegerField(allow_null=True)
    addresses = serializers.IntegerField(help_text="Single addresses for tenants' VPCs that lie in it.")
    sites = serializers.ListField(
        child=serializers.CharField(), source="site_names", help_text="None for an allocation."
    )
    gateway = serializers.CharField()
    description = serializers.CharField()
    netris_tenant = serializers.CharField()
    owner = serializers.ChoiceField(
        choices=Owner.values,
        help_text="`tenant`: of a VPC of Weft's; `nobody`: of another VPC in Netris than the System VPC and these.",
    )
    tenant = TenantRef(allow_null=True)
    vpc = HolderRef(allow_null=True)
    netris_vpc = serializers.CharField(help_text="What Netris calls the VPC; blank for the System VPC.")
