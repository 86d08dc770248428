"""What Netris is sent of a device, a link or a port, and whether it shows that (netris-api.md 2.13, 2.15, 2.16).

A device without an address is told as `disabled`, one without an ASN as 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.inventory.models import Device
from apps.inventory.specs import AUTO, DeviceSpec
from apps.netris import wire

#: The SoftGates that CloudStack's fabrics have (netris-api.md 6.1); the plain ones are deprecated.
FLAVOR = "sg-hs"
#: Netris' names for what is asked for, and what they are called here.
PROPERTIES = {
    "name": "name",
    "description": "description",
    "mainAddress": "loopback",
    "mgmtAddress": "management_address",
    "asn": "asn",
    "portCount": "port_count",
    "nos": "system",
    "profile": "profile",
    "tags": "tags",
    "customData": "custom_data",
    "mtu": "mtu",
    "speed": "speed",
    "local": "local",
    "remote": "remote",
}
LABELS = {
    "name": "Name",
    "description": "Description",
    "loopback": "Loopback",
    "management_address": "Management address",
    "asn": "ASN",
    "port_count": "Ports",
    "system": "Operating system",
    "profile": "Profile",
    "tags": "Tags",
    "custom_data": "Custom data",
    "mtu": "MTU",
    "speed": "Speed",
    "local": "First port",
    "remote": "Second port",
}
_NAMED = re.compile(rf"(?:^|; )({'|'.join(PROPERTIES)}): (.+?)(?=; [a-zA-Z]+: |$)")


def explained(text: str) -> str:
    """A refusal of Netris' by the names that the form has: `Loopback: IP address is already in use.`"""
    found = _NAMED.search(text)
    return f"{LABELS[PROPERTIES[found[1]]]}: {found[2]}" if found else text


def field_of(error: str) -> str | None:
    """The field that an explained refusal is about."""
    label = error.partition(": ")[0]
    return next((name for name, each in LABELS.items() if each == label), None)


#: What surveys call these, where they tell of changes.
FACTS = {
    "name": "Name",
    "description": "Description",
    "loopback": "Main address",
    "management_address": "Management address",
    "asn": "ASN",
    "tags": "Tags",
    "custom_data": "Custom data",
}


def facts_written(wanted: Mapping[str, Any]) -> dict[str, str]:
    """What a change of a device writes of it."""
    texts = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in wanted.items()}
    return {FACTS[name]: text for name, text in texts.items()}


# --- devices ------------------------------------------------------------------------------------------------------


def _address(text: str) -> str:
    return text or "disabled"


def _asn(text: str) -> object:
    return text if text == AUTO else int(text or 0)


#: A value of ours as Netris takes it.
TOLD: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    "name": ("name", str),
    "description": ("description", str),
    "loopback": ("mainAddress", _address),
    "management_address": ("mgmtAddress", _address),
    "asn": ("asn", _asn),
    "tags": ("tags", list),
    "custom_data": ("customData", str),
}


def changes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """For an update of a device."""
    return {TOLD[name][0]: TOLD[name][1](value) for name, value in values.items()}


def creation_of(row: Device, system: Mapping[str, Any] | None) -> dict[str, Any]:
    """For a new device. `system` is how Netris calls the operating system of a switch."""
    values, refs = row.values, row.values["refs"]
    spec = DeviceSpec.parse({name: value for name, value in values.items() if name != "refs"})
    names = ["name", "description", "loopback", "management_address", "tags"]
    body: dict[str, Any] = {"site": refs["site"], "tenant": refs["tenant"], spec.kind.field: spec.kind.word}
    match spec.kind.kind:
        case "switch":
            names += ["asn"]
            body |= {"portCount": spec.port_count, "nos": dict(system or {})}
        case "softgate":
            body |= {"sgFlavor": FLAVOR}
        case "server":
            names += ["asn", "custom_data"]
            body |= {"portCount": spec.port_count}
    if refs.get("profile"):
        body |= {"profile": refs["profile"]}
    return {**changes_of({name: values[name] for name in names}), **body}


def values_of(device: wire.Device) -> dict[str, Any]:
    """What Netris shows of a device, as it can be asked for."""
    return {
        "name": device.name,
        "description": device.description,
        "loopback": str(device.main_address or ""),
        "management_address": str(device.mgmt_address or ""),
        "asn": str(device.asn or ""),
        "tags": list(device.tags),
        "custom_data": device.custom_data,
    }


# --- ports --------------------------------------------------------------------------------------------------------


def port_changes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(values)
    if "is_enabled" in told:
        told["adminDown"] = "no" if told.pop("is_enabled") else "yes"
    return told


def values_of_port(port: wire.Port) -> dict[str, Any]:
    """The speed is what somebody asked for; where Netris does not tell that, it is not known (blank)."""
    return {
        "description": port.description,
        "mtu": port.mtu,
        "speed": port.desired_speed,
        "is_enabled": not port.is_admin_down,
    }


def differing(shown: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What is not as it is wanted."""
    return [name for name, value in wanted.items() if shown[name] != value]
