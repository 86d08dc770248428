"""Routes as they are shown, and the body that asks for one. What values make sense is for `specs` and the services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.kernel.api.bodies import Body, Text
from apps.kernel.api.fields import Address, Time
from apps.networks.api.serializers import AppliedRead, CidrText
from apps.networks.models import StaticRoute
from apps.networks.routes.effective import Route


class NextHopTier(serializers.Serializer[Any]):
    """The tier in which the next hop lies."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    url = Address("api:tier")


class StaticRouteCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    delete = serializers.CharField(allow_null=True)
    apply = serializers.CharField(allow_null=True)


class StaticRouteRead(AppliedRead):
    """What is addressed to a range outside the VPC, led to an address in one of its tiers."""

    url = Address("api:staticroute")
    destination = serializers.CharField()
    next_hop = serializers.CharField()
    tier = NextHopTier()

    @extend_schema_field(StaticRouteCan)
    def get_can(self, row: StaticRoute) -> dict[str, str | None]:
        return {action: row.why_not(action, self.work_on(row)) for action in ("delete", "apply")}


class StaticRouteWrite(Body):
    """A static route to be. The destination lies outside the VPC and overlaps no other static route of it."""

    vpc = Text(max_length=36, help_text="The id of a VPC.")
    destination = CidrText()
    next_hop = Text(max_length=15, help_text="The address of an instance that routes, in one of the VPC's tiers.")


class RouteRead(serializers.Serializer[Route]):
    """Where what is addressed to a range goes."""

    destination = serializers.CharField()
    type = serializers.CharField(
        source="source",
        help_text="`tier`, `static`, `peering`, `direct_connect`, or `source_nat` for everything that nothing else is "
        "about.",
    )
    via = serializers.CharField(help_text="The next hop of a static route; else words.")
    name = serializers.CharField(
        help_text="The tier that it is, or in which the next hop lies; the peering, or the virtual interface and its "
        "connection."
    )
    status = serializers.CharField(
        help_text="`ready` only while fresh readings show it. Over Direct Connect it is said of the session, as Netris "
        "does not tell which prefixes one takes; while that is `down` or `suspended` nothing leads there."
    )
    static_route = serializers.UUIDField(source="line.row.pk", allow_null=True, default=None)
    read_at = Time(allow_null=True, help_text="When the systems said so; null if they never did.")


class RoutesRead(serializers.Serializer[Any]):
    """All ways out of a VPC; the longest prefix decides. Which of two default routes Netris prefers is not known."""

    routes = RouteRead(many=True)
