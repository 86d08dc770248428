"""What scripts send to change the inventory."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.inventory.specs import (
    GATES,
    KINDS,
    LONGEST_CUSTOM,
    LONGEST_TAG,
    MOST_LINKS,
    MOST_SERVER_PORTS,
    MOST_TAGS,
    MTU,
    SPEEDS,
    SYSTEMS,
)
from apps.kernel.api.bodies import Body, Count, DescriptionText, Flag, NameText, Text, Texts

ADDRESS = "An address; `auto`: Netris takes the next free one of the site's subnets; `none`."
ASN = "A number in digits; `auto`: Netris takes the next free one; `none`."
LONGEST_NAME, LONGEST_PORT, LONGEST_ADDRESS = 63, 96, 45
LONGEST_LINK = 2 * LONGEST_PORT + 3


def _tags() -> Texts:
    return Texts(
        child=Text(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False, help_text="Such as `iface.eth1=blue`."
    )


class NewLink(Body):
    """A cable that is made with the device, with the underlay on."""

    port = Text(max_length=LONGEST_NAME, help_text="Of the new device: `eth1`.")
    far_port = Text(max_length=LONGEST_PORT, help_text="In full: `swp5@Leaf-1`.")


class DeviceWrite(Body):
    """A new device. What is left out is as usual for its role; `suggestion/` tells what the form would offer."""

    zone = NameText(help_text="Its name, short name or id.")
    role = Text(max_length=16, help_text=f"One of {', '.join(f'`{role}`' for role in KINDS)}.")
    name = Text(max_length=LONGEST_NAME, help_text="As a host is called.")
    description = DescriptionText(required=False)
    softgate_role = Text(max_length=16, required=False, help_text=f"Of a SoftGate: {' or '.join(GATES)}.")
    loopback = Text(max_length=LONGEST_ADDRESS, required=False, help_text=ADDRESS)
    management_address = Text(max_length=LONGEST_ADDRESS, required=False, help_text=ADDRESS)
    asn = Text(max_length=10, required=False, help_text=ASN)
    port_count = Count(min_value=0, max_value=MOST_SERVER_PORTS, required=False, help_text="Of a switch or a server.")
    system = Text(
        max_length=32, required=False, help_text=f"Of a switch: {', '.join(f'`{each}`' for each in SYSTEMS)}."
    )
    profile = Text(max_length=255, required=False, help_text="The name of one that another device has.")
    tags = _tags()
    custom_data = Text(max_length=LONGEST_CUSTOM, required=False, help_text="Of a server: any text.")
    links = NewLink(many=True, required=False, max_length=MOST_LINKS)  # type: ignore[call-arg]


class DeviceChange(Body):
    """What is left out stays. Addresses and numbers may be `none`, and not `auto`."""

    name = Text(max_length=LONGEST_NAME, required=False)
    description = DescriptionText(required=False)
    loopback = Text(max_length=LONGEST_ADDRESS, required=False)
    management_address = Text(max_length=LONGEST_ADDRESS, required=False)
    asn = Text(max_length=10, required=False)
    tags = _tags()
    custom_data = Text(max_length=LONGEST_CUSTOM, required=False)


class LinkWrite(Body):
    """Two ports that nothing hangs on, in full: `swp5@Leaf-1`."""

    zone = NameText(help_text="Its name, short name or id.")
    local = Text(max_length=LONGEST_PORT)
    remote = Text(max_length=LONGEST_PORT)
    underlay = Flag(required=False, default=True, help_text="The fabric's own traffic goes over it.")


class LinkChange(Body):
    underlay = Flag()
    confirm = Text(
        max_length=LONGEST_LINK, required=False, help_text="Its name: to switch off the last one of a device."
    )


class PortChange(Body):
    """What is left out stays."""

    description = DescriptionText(required=False)
    mtu = Count(min_value=MTU[0], max_value=MTU[1], required=False)
    speed = Text(max_length=8, required=False, help_text=f"`auto`, or Mbit/s: {', '.join(SPEEDS[1:])}.")
    is_enabled = Flag(required=False)
    confirm = Text(
        max_length=LONGEST_PORT, required=False, help_text="Its name: to switch off what something hangs on."
    )


class UplinksRead(serializers.Serializer[Any]):
    """A leaf of the pair, and its free ports."""

    leaf = serializers.CharField()
    ports = serializers.ListField(child=serializers.CharField())


class SuggestionRead(serializers.Serializer[Any]):
    """What a new device is offered: as `DeviceWrite` takes it, without links."""

    role = serializers.CharField()
    name = serializers.CharField()
    softgate_role = serializers.CharField()
    loopback = serializers.CharField()
    management_address = serializers.CharField()
    asn = serializers.CharField()
    port_count = serializers.IntegerField()
    system = serializers.CharField()
    profile = serializers.CharField(default="")
    tags = serializers.ListField(child=serializers.CharField())
    custom_data = serializers.CharField(default="")
