"""The form of a static route. It asks no rules of its own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from django import forms

from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.networks.routes.specs import RouteSpec
from apps.networks.specs import CIDR_LENGTH


def _address(placeholder: str, length: int) -> forms.TextInput:
    words = {"autocomplete": "off", "spellcheck": "false", "placeholder": placeholder, "maxlength": length}
    return forms.TextInput(words)


class RouteForm(Refusable):
    destination = forms.CharField(
        label="Destination",
        max_length=CIDR_LENGTH,
        widget=_address("192.168.50.0/24", CIDR_LENGTH),
        error_messages={"required": "Give the CIDR that is to be reached, such as 192.168.50.0/24."},
    )
    next_hop = forms.CharField(
        label="Next hop",
        max_length=15,
        widget=_address("10.20.0.9", 15),
        error_messages={"required": "Give the address of an instance that routes, such as 10.20.0.9."},
    )

    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.spec = RouteSpec.parse(self.cleaned_data)
        except Refused as refusal:
            self.refuse(refusal)
