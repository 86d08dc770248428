"""SoftGates as scripts read them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.fabric.inventory.queries import STATUSES
from apps.fabric.models import Part
from apps.kernel.api.bodies import Body, Flag, NameText
from apps.kernel.api.fields import Time
from apps.softgates.queries import ROLES
from apps.zones.api.serializers import ZoneRef


class GaugeRead(serializers.Serializer[Any]):
    """A check of the node, in Netris' words."""

    title = serializers.CharField(source="label")
    status = serializers.SerializerMethodField(help_text="Such as ok, warning, critical; empty when not reported.")
    message = serializers.SerializerMethodField()
    warns_at = serializers.CharField(help_text="Netris' own threshold, unless somebody has changed it there.")
    critical_at = serializers.CharField()

    def get_status(self, gauge: Any) -> str:
        return gauge.check.status.lower() if gauge.check else ""

    def get_message(self, gauge: Any) -> str:
        return gauge.check.message if gauge.check else ""


class HeadroomRead(serializers.Serializer[Any]):
    """Where a General node stands on the vendor's published curve. Nothing is made up outside of it."""

    mpps = serializers.FloatField(source="place.mpps", allow_null=True, help_text="Null where nobody has measured.")
    is_at_least = serializers.BooleanField(source="place.is_at_least", help_text="It carries this or more.")
    reason = serializers.CharField(source="place.reason", help_text="Why it is not known; may be empty.")
    next_hundred = serializers.FloatField(
        source="cost.mpps", allow_null=True, help_text="What 100 more DNAT rules cost of it, in Mpps."
    )


class ConntrackRead(serializers.Serializer[Any]):
    """The NAT sessions of a node. Null where they were not measured within the last hour."""

    sessions = serializers.FloatField(source="conntrack.value", allow_null=True, default=None)
    percent = serializers.FloatField(source="conntrack_used.value", allow_null=True, default=None)
    read_at = Time(source="conntrack.at", allow_null=True, default=None)
    is_stale = serializers.BooleanField(source="conntrack.is_stale", default=True)


class NatRulesRead(serializers.Serializer[Any]):
    """What is enabled on Netris. DNAT and load balancers are on every General node, SNAT on one SNAT node each."""

    dnat = serializers.IntegerField()
    dnat_vpcs = serializers.IntegerField(help_text="Of so many VPCs.")
    snat_vpcs = serializers.IntegerField()
    balancers = serializers.IntegerField()
    read_at = Time(allow_null=True)
    is_stale = serializers.BooleanField()


class SpareRead(serializers.Serializer[Any]):
    """What is left of its kind when one node goes."""

    well = serializers.IntegerField()
    total = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=["ok", "warning", "critical", "stale"])
    words = serializers.CharField()

    def get_total(self, spare: Any) -> int:
        return len(spare.all)


class SoftGateRead(serializers.Serializer[Any]):
    """A SoftGate with what it carries."""

    id = serializers.UUIDField(source="node.line.row.id")
    remote_id = serializers.CharField(source="node.line.row.remote_id", help_text="Netris' id.")
    name = serializers.CharField(source="node.line.row.name")
    zone = ZoneRef(source="node.line.zone")
    role = serializers.ChoiceField(source="node.role", choices=ROLES)
    status = serializers.ChoiceField(source="node.line.status", choices=STATUSES[Part.DEVICE])
    is_in_maintenance = serializers.BooleanField(source="node.is_in_maintenance")
    last_seen_at = serializers.SerializerMethodField()
    gauges = GaugeRead(source="node.gauges", many=True)
    sessions_up = serializers.IntegerField(source="node.sessions_up")
    sessions_total = serializers.SerializerMethodField(help_text="Those that should be and are not among them.")
    conntrack = ConntrackRead(source="node.load")
    received = serializers.FloatField(
        source="node.load.received", allow_null=True, help_text="Bits a second, all its ports together."
    )
    headroom = HeadroomRead(source="fleet", help_text="Of a General node with this many rules.")
    nat_rules = NatRulesRead(source="fleet.rules")
    spare = SpareRead(help_text="Of its kind in the zone.", allow_null=True)
    read_at = Time(source="node.line.read_at", allow_null=True)
    is_stale = serializers.BooleanField(source="node.line.is_stale")

    def get_last_seen_at(self, member: Any) -> str | None:
        seen = member.node.line.sent.last_seen if member.node.line.sent else None
        return Time().to_representation(seen) if seen else None

    def get_sessions_total(self, member: Any) -> int:
        return len(member.node.sessions)


class MaintenanceWrite(Body):
    """Whether a SoftGate is to be in maintenance."""

    on = Flag()
    confirm = NameText(required=False, help_text="Its name: asked for where it is the last of its kind that is well.")


class EffectRead(serializers.Serializer[Any]):
    """What would be touched, or would not."""

    kind = serializers.CharField()
    name = serializers.CharField()
    detail = serializers.CharField()


class BlastRadiusRead(serializers.Serializer[Any]):
    """What would be touched if a SoftGate carried nothing any more."""

    device = serializers.CharField(source="member.node.line.row.name")
    role = serializers.ChoiceField(source="member.node.role", choices=ROLES)
    others = serializers.IntegerField(help_text="Nodes of its kind that are well beside it.")
    is_last = serializers.BooleanField(help_text="There is none: what it carries would stop.")
    tenants = serializers.IntegerField(help_text="Tenants with something on its kind of nodes.")
    goes = EffectRead(many=True)
    stays = EffectRead(many=True)
    read_at = Time(source="member.fleet.read_at", allow_null=True)
    is_stale = serializers.BooleanField(help_text="The last reading is too old: it may be otherwise by now.")
