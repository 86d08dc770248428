"""How devices, links and ports are asked for on pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from django import forms
from django.http import QueryDict

from apps.fabric import roles
from apps.fabric.layers import ROLES
from apps.fabric.models import SurveyedPort
from apps.inventory.specs import (
    CHANGEABLE,
    GATES,
    KINDS,
    LONGEST_CUSTOM,
    MTU,
    PORT_COUNTS,
    SPEEDS,
    SYSTEMS,
)
from apps.inventory.suggestions import Uplinks, chosen_ports
from apps.kernel.errors import Refused
from apps.kernel.forms import Options, Refusable
from apps.kernel.names import DESCRIPTION
from apps.kernel.pickers import Option, PickerField, PickerForm
from apps.zones.models import Zone

LONGEST = 255
_FAR_PORT = re.compile(r"links\.(\d+)\..*")


class Select(forms.ChoiceField):
    widget = Options


class PlaceForm(forms.Form):
    """What is to be made, and where: it stands in the address."""

    zone = Select(label="Zone")
    role = Select(label="What it is", choices=[(role, ROLES[role]) for role in KINDS])
    pair = Select(label="Behind", required=False)

    def __init__(self, address: QueryDict, zones: Sequence[Zone], pairs: Sequence[str]) -> None:
        first = {"zone": zones[0].slug if zones else "", "role": roles.HYPERVISOR, "pair": next(iter(pairs), "")}
        super().__init__({name: address.get(name, value) for name, value in first.items()})
        self.zones = {zone.slug: zone for zone in zones}
        self._offer("zone", [(zone.slug, zone.name) for zone in zones])
        self._offer("pair", [("", "No leaves yet"), *((pair, pair) for pair in pairs)])
        if address.get("role", roles.HYPERVISOR) not in (roles.HYPERVISOR, roles.SERVER):
            del self.fields["pair"]

    def _offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, Select)
        field.choices = list(choices)

    @property
    def place(self) -> tuple[Zone, str, str] | None:
        """Zone, role, pair; None when something is asked for that there is not."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        return self.zones[data["zone"]], data["role"], data.get("pair", "")


def _text(label: str, help_text: str = "", **more: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=LONGEST, help_text=help_text, **more)


class DeviceForm(Refusable):
    """A new device. Its values are read by `DeviceSpec`."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST,
        help_text="As a host is called. A hypervisor has the same name in CloudStack.",
        error_messages={"required": "Give a name."},
    )
    description = forms.CharField(label="Description", required=False, max_length=DESCRIPTION.most)
    softgate_role = Select(
        label="Its part", choices=[(word, {"general": "General", "snat": "SNAT"}[word]) for word in GATES]
    )
    loopback = _text("Loopback address", "auto: Netris takes the next free one. none: it has none.")
    management_address = _text("Management address", "auto, none, or an address of the out-of-band network.")
    asn = _text("ASN", "auto: Netris takes the next free one. none: it does not speak BGP.")
    port_count = forms.IntegerField(label="Ports", required=False, min_value=0, max_value=64)
    system = Select(label="Operating system", choices=list(SYSTEMS.items()))
    profile = Select(label="Profile", required=False)
    tags = _text("Tags", "With blanks between them. iface.eth1=CS-Cloud1-Compute lets V-Nets of that tag use eth1.")
    custom_data = forms.CharField(
        label="Custom data",
        required=False,
        max_length=LONGEST_CUSTOM,
        widget=forms.Textarea({"rows": 4}),
        help_text="What Netris' agent on a hypervisor of CloudStack makes its management bridge of.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        role: str,
        offered: Mapping[str, Any],
        profiles: Iterable[str] = (),
        leaves: Sequence[Uplinks] = (),
    ) -> None:
        super().__init__(data, initial={**offered, "tags": " ".join(offered.get("tags", ()))})
        self.role, self.leaves = role, leaves
        kind = KINDS[role].kind
        not_of_it = {
            "switch": ("softgate_role", "custom_data"),
            "softgate": ("asn", "system", "custom_data", "port_count"),
            "server": ("softgate_role", "system", "profile"),
        }[kind]
        for name in not_of_it:
            del self.fields[name]
        for name in ("loopback", "asn") if role == roles.HYPERVISOR else ():
            self.fields[name].required = True
            self.fields[name].error_messages["required"] = "A hypervisor has one: give it, or auto."
        if kind == "switch":
            self.fields["port_count"] = Select(
                label="Ports", choices=[(count, str(count)) for count in PORT_COUNTS], initial=32
            )
        if kind != "server":
            self._offer("profile", [("", "None"), *((name, name) for name in profiles)])
        for number, (leaf, port) in enumerate(zip(leaves, chosen_ports(leaves), strict=True), start=1):
            gone = {"invalid_choice": "Something hangs on this port by now. Take another one."}
            self.fields[f"port_{number}"] = Select(label=f"Port of {leaf.leaf}", required=False, error_messages=gone)
            self.fields[f"port_{number}"].help_text = f"Linked to eth{number}, with the underlay on."
            self._offer(f"port_{number}", [("", "No link"), *((each, each.partition("@")[0]) for each in leaf.ports)])
            self.initial[f"port_{number}"] = port

    def _offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, Select)
        field.choices = list(choices)

    @property
    def facts(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "description", "softgate_role") if name in self.fields]

    @property
    def numbers(self) -> list[forms.BoundField]:
        return [self[name] for name in ("loopback", "management_address", "asn") if name in self.fields]

    @property
    def machine(self) -> list[forms.BoundField]:
        names = ("port_count", "system", "profile", "tags", "custom_data")
        return [self[name] for name in names if name in self.fields]

    @property
    def cables(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("port_") and name != "port_count"]

    @property
    def _linked(self) -> list[int]:
        return [
            number for number in range(1, len(self.leaves) + 1) if self.cleaned_data.get(f"port_{number}", "") != ""
        ]

    @property
    def values(self) -> dict[str, Any]:
        """For `DeviceSpec.parse`."""
        values = {name: value for name, value in self.cleaned_data.items() if name in DeviceForm.base_fields}
        links = [(f"eth{number}", self.cleaned_data[f"port_{number}"]) for number in self._linked]
        return {**values, "port_count": values.get("port_count") or 0, "role": self.role, "links": links}

    def refuse(self, refusal: Refused) -> None:
        """What is said of a link stands at the select that it was chosen with."""
        for each in refusal.all:
            if (found := _FAR_PORT.fullmatch(each.field or "")) and int(found[1]) < len(self._linked):
                each.field = f"port_{self._linked[int(found[1])]}"
        super().refuse(refusal)


class DeviceChangeForm(Refusable):
    """What may be changed of a device of this kind."""

    def __init__(self, data: Mapping[str, Any] | None, *, kind: str, now: Mapping[str, Any]) -> None:
        super().__init__(data, initial={**now, "tags": " ".join(now["tags"])})
        for name in CHANGEABLE[kind]:
            self.fields[name] = deepcopy(DeviceForm.base_fields[name])
        for name, text in {
            "name": "Its ports are called by it, too. CloudStack's host keeps its name.",
            "loopback": "An address, or none. What ends there is cut off while it changes.",
            "management_address": "An address, or none.",
            "asn": "A number, or none. Its BGP sessions begin anew.",
        }.items():
            if name in self.fields:
                self.fields[name].help_text = text


class LinkForm(PickerForm):
    """Two ports that nothing hangs on."""

    local = PickerField("port", "Search device or port", label="From")
    remote = PickerField("port", "Search device or port", label="To")
    underlay = forms.BooleanField(
        label="The fabric's own traffic goes over it (underlay)",
        required=False,
        initial=True,
        help_text="On between switches, to SoftGates and to hypervisors; off to servers that only use V-Nets.",
    )


def option_of(port: SurveyedPort) -> Option:
    return Option(port.remote_id, port.name, port.description or port.rate)


def _confirming(label: str) -> forms.CharField:
    widget = forms.TextInput({"autocomplete": "off"})
    return forms.CharField(label=label, required=False, max_length=LONGEST, widget=widget)


class LinkChangeForm(Refusable):
    underlay = LinkForm.base_fields["underlay"]
    confirm = _confirming("To switch it off, type its name")

    def __init__(self, data: Mapping[str, Any] | None, *, is_on: bool, stops: str) -> None:
        super().__init__(data, initial={"underlay": is_on})
        self.fields["confirm"].help_text = stops
        if not stops:
            del self.fields["confirm"]


class PortForm(Refusable):
    is_enabled = forms.BooleanField(label="Switched on", required=False)
    description = forms.CharField(label="Description", required=False, max_length=DESCRIPTION.most)
    mtu = forms.IntegerField(label="MTU", min_value=MTU[0], max_value=MTU[1], help_text=f"{MTU[0]} to {MTU[1]}.")
    speed = Select(
        label="Speed",
        choices=[(speed, "By agreement" if speed == "auto" else f"{int(speed) // 1000} Gbit/s") for speed in SPEEDS],
    )
    confirm = _confirming("To switch it off, type its name")

    def __init__(self, data: Mapping[str, Any] | None, *, now: Mapping[str, Any], stops: str) -> None:
        super().__init__(data, initial=dict(now))
        if not (stops and now["is_enabled"]):
            del self.fields["confirm"]
        else:
            self.fields["confirm"].help_text = stops
        if now["speed"] not in SPEEDS:  # what is asked for of it Netris does not tell
            del self.fields["speed"]

    @property
    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "confirm"}
