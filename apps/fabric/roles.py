"""What a device is in the fabric, derived from what Netris says of it. Netris has no single word for it.

    type         is              unless
    softgate     a SoftGate
    switch       a spine         its name says leaf, or anything but switches hangs on it: then it is a leaf
                                 its name or description says out-of-band: then it is that
    server       a server        it has an ASN and a loopback: then it speaks BGP and is a hypervisor (a VTEP)
    anything     other

A name outweighs the cables, because a fabric that is being built has names before it has cables.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from apps.mirror.queries import Device

ISP, SOFTGATE, SPINE, LEAF = "isp", "softgate", "spine", "leaf"
SERVER, HYPERVISOR, OOB, OTHER = "server", "hypervisor", "oob", "other"

_OUT_OF_BAND = re.compile(r"\b(oob|out-of-band|out of band|mgmt|management)\b", re.IGNORECASE)
_SPINE = re.compile(r"spine", re.IGNORECASE)
_LEAF = re.compile(r"leaf|\btor\b|border", re.IGNORECASE)


def role_of(device: Device, neighbour_types: Collection[str]) -> str:
    """`neighbour_types` are the types of the devices at the other ends of its cables, its own kind included."""
    match device.type.lower():
        case "softgate":
            return SOFTGATE
        case "server":
            return HYPERVISOR if device.asn and device.main_address else SERVER
        case "switch":
            return _role_of_switch(device, neighbour_types)
    return OTHER


def _role_of_switch(switch: Device, neighbour_types: Collection[str]) -> str:
    words = f"{switch.name} {switch.description}".replace("_", " ")
    if _OUT_OF_BAND.search(words):
        return OOB
    if _SPINE.search(switch.name):
        return SPINE
    if _LEAF.search(switch.name) or any(kind != "switch" for kind in neighbour_types):
        return LEAF
    return SPINE if neighbour_types else OTHER
