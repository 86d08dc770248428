"""The form of a site. It asks no rules of its own: what is wrong, specs and services say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.kernel.forms import Options, Refusable
from apps.kernel.names import NAME
from apps.networks.forms import Said
from apps.sites.specs import ALL_VLANS, FABRICS, POLICIES
from apps.zones.models import Zone

FABRIC_WORDS = {"netris": "Netris' own", "dot1q_trunk": "802.1Q trunks of other switches"}


def _words(**attrs: Any) -> forms.TextInput:
    return forms.TextInput({"autocomplete": "off", **attrs})


class SiteForm(Refusable):
    """Of one that is there: without its zone."""

    zone = forms.ModelChoiceField(
        Zone.objects.none(), label="Zone", widget=Options, to_field_name="slug", empty_label=None
    )
    name = Said(label="Name", widget=_words(maxlength=NAME.most))
    public_asn = Said(
        label="Public ASN",
        widget=_words(maxlength=10, inputmode="numeric", placeholder="65001"),
        help_text="BGP sessions with others use it where they have no other number of their own.",
    )
    acl_policy = forms.ChoiceField(
        label="Access policy",
        widget=Options,
        choices=[(each, each.capitalize()) for each in POLICIES],
        help_text="What it does with packets that no rule speaks of.",
    )
    switch_fabric = forms.ChoiceField(
        label="Switch fabric", widget=Options, choices=[(each, FABRIC_WORDS[each]) for each in FABRICS]
    )
    vlan_range = Said(label="VLANs", required=False, widget=_words(maxlength=9, placeholder=ALL_VLANS))

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        now: Mapping[str, Any] | None = None,
    ) -> None:
        """`now` is what one is like that is there."""
        super().__init__(data, initial=dict(now or {}))
        if now is not None:
            del self.fields["zone"]
        else:
            zone = self.fields["zone"]
            assert isinstance(zone, forms.ModelChoiceField)
            zone.queryset = Zone.objects.filter(is_enabled=True).order_by("name")

    @property
    def said(self) -> dict[str, Any]:
        """As specs read it."""
        return {name: value for name, value in self.cleaned_data.items() if name != "zone"}
