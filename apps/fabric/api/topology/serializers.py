"""The map for programs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.fabric.layers import DEVICE_STATUSES, LINK_STATUSES, ROLES
from apps.fabric.sights import OVERLAYS

NODE_ROLES = (*ROLES, "pod", "rack", "hosts", "loose")


class TopologyNodeRead(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Netris' id of a device; of a router of an ISP, and of a fold, one of Weft's.")
    name = serializers.CharField()
    role = serializers.ChoiceField(
        choices=NODE_ROLES,
        help_text="The last four are of folds: several devices that the map draws as one.",
    )
    status = serializers.ChoiceField(choices=DEVICE_STATUSES)
    is_due = serializers.BooleanField(help_text="What is wrong with it is another device's doing.")
    facts = serializers.ListField(child=serializers.CharField(), source="lines")
    devices = serializers.IntegerField(help_text="How many it stands for: more than one for a fold.")
    lit = serializers.BooleanField(
        allow_null=True, help_text="Whether the overlay means it; null where it means none in particular."
    )
    figure = serializers.IntegerField(
        allow_null=True, help_text="What the overlay says of it; null when it says nothing."
    )
    figure_of = serializers.IntegerField(allow_null=True)


class TopologyLinkRead(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="Null for a bundle.")
    a = serializers.CharField(help_text="Id of a node.")
    a_port = serializers.CharField(allow_null=True)
    b = serializers.CharField(help_text="Id of a node.")
    b_port = serializers.CharField(allow_null=True)
    plane = serializers.ChoiceField(choices=["underlay", "access", "management", "border", "several"])
    status = serializers.ChoiceField(choices=LINK_STATUSES, help_text="The worst of a bundle.")
    is_due = serializers.BooleanField()
    cables = serializers.DictField(child=serializers.IntegerField(), help_text="How many are in each status.")
    utilisation = serializers.IntegerField(allow_null=True, help_text="In percent, with the overlay of that name.")


class TopologySessionRead(serializers.Serializer[Any]):
    """Who speaks BGP with a router of an ISP, over whichever cables."""

    router = serializers.CharField(help_text="Id of a node.")
    device = serializers.CharField(help_text="Id of a node.")
    status = serializers.ChoiceField(choices=LINK_STATUSES)
    is_due = serializers.BooleanField()
    up = serializers.IntegerField()
    total = serializers.IntegerField()


class TopologyLayerRead(serializers.Serializer[Any]):
    name = serializers.CharField()
    nodes = serializers.ListField(child=serializers.CharField(), help_text="Ids, from left to right.")


class TopologyRead(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="The zone's short name.")
    overlay = serializers.ChoiceField(choices=list(OVERLAYS))
    words = serializers.CharField(help_text="What the overlay shows.", allow_blank=True)
    read_at = serializers.DateTimeField(
        allow_null=True, help_text="Of the oldest of the lists behind it; null while one was never read."
    )
    is_stale = serializers.BooleanField(help_text="One of these lists is too old to call anything well.")
    nodes = TopologyNodeRead(many=True)
    links = TopologyLinkRead(many=True)
    sessions = TopologySessionRead(many=True)
    layers = TopologyLayerRead(many=True, help_text="From the internet down; the out-of-band plane last.")
