"""The question, and the way that was walked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.addresses.models import LAST_PORT
from apps.kernel.api.bodies import Body, Count, Flag, Text
from apps.reachability.facts import Answer, Verdict

VERDICTS = [each.value for each in Verdict]


class SourceBody(Body):
    """Exactly one of them."""

    internet = Flag(required=False, help_text="True.")
    address = Text(required=False, max_length=15, help_text="An IPv4 address.")
    instance = Text(required=False, max_length=36, help_text="The id of an instance.")


class TargetBody(Body):
    """Exactly one of them."""

    instance = Text(required=False, max_length=36, help_text="The id of an instance.")
    public_ip = Text(required=False, max_length=36, help_text="The id of a public IP.")
    load_balancer = Text(required=False, max_length=36, help_text="The id of a load balancer.")
    address = Text(
        required=False,
        max_length=15,
        help_text="An IPv4 address outside of the VPC, from an instance: over a peering or Direct Connect.",
    )


class QuestionWrite(Body):
    """Whether the first packet of a connection would arrive."""

    to = TargetBody()
    protocol = Text(max_length=4, help_text="`tcp`, `udp`, or `icmp` for a ping.")
    port = Count(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LAST_PORT,
        help_text="Of the target, with tcp and udp; a load balancer's own where it is left out.",
    )

    def get_fields(self) -> dict[str, Any]:
        return {"from": SourceBody(), **super().get_fields()}


class HopRead(serializers.Serializer[Any]):
    """One thing on the way."""

    what = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    sentence = serializers.CharField()
    url = serializers.CharField(allow_null=True, help_text="The page where it is put right; null where there is none.")


class WayRead(serializers.Serializer[Answer]):
    """The way up to what blocks it. `unknown` where a reading is too old, and nothing is known to block."""

    verdict = serializers.ChoiceField(choices=VERDICTS)
    hops = HopRead(many=True)
    blocked_by = HopRead(allow_null=True, help_text="The first that blocks.")
