"""The forms of allocations and subnets. They ask no rules of their own: what is wrong, specs and services say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from apps.fabric.inventory.queries import PURPOSES
from apps.fabric.models import SurveyedSubnet
from apps.ipam.models import Block
from apps.ipam.specs import TYPES
from apps.kernel.forms import Options, Refusable
from apps.kernel.names import DESCRIPTION, NAME
from apps.networks.forms import Said
from apps.zones.models import Zone

PURPOSE_CHOICES = [(purpose, purpose.capitalize()) for purpose in PURPOSES]
OF_SUBNETS = ("purpose", "sites", "gateway")


def _words(**attrs: Any) -> forms.TextInput:
    return forms.TextInput({"autocomplete": "off", **attrs})


class BlockForm(Refusable):
    """Of one that is there: without what does not change."""

    zone = forms.ModelChoiceField(
        Zone.objects.none(), label="Zone", widget=Options, to_field_name="slug", empty_label=None
    )
    type = forms.ChoiceField(label="Type", widget=Options, choices=[(each, each.capitalize()) for each in TYPES])
    prefix = Said(label="Prefix", widget=_words(maxlength=50, placeholder="10.20.0.0/16"))  # type: ignore[assignment]  # no form here has a prefix of its own
    name = Said(label="Name", widget=_words(maxlength=NAME.most))
    description = Said(label="Description", required=False, widget=_words(maxlength=DESCRIPTION.most))
    purpose = forms.ChoiceField(label="Purpose", widget=Options, required=False)
    sites = Said(label="Sites", required=False, widget=_words(maxlength=500))
    gateway = Said(label="Gateway", required=False, widget=_words(maxlength=50))

    def __init__(
        self, data: Mapping[str, Any] | None, *, zones: Iterable[Zone] = (), type_: str = "", row: Any = None
    ) -> None:
        super().__init__(data, initial={"type": type_, "purpose": PURPOSES[0], **(_initial(row) if row else {})})
        purpose = self.fields["purpose"]
        assert isinstance(purpose, forms.ChoiceField)
        purpose.choices = PURPOSE_CHOICES
        self.fields["purpose"].help_text = "Of a subnet."
        self.fields["sites"].help_text = "Of a subnet: names with commas between them. That of the zone, if left empty."
        self.fields["gateway"].help_text = "Of a subnet for management."
        if row is not None:
            if row.purpose not in PURPOSES:  # else the first that is offered would be sent
                purpose.choices = [(row.purpose, row.purpose), *PURPOSE_CHOICES]
            gone = ("zone", "type", "prefix", *(OF_SUBNETS if row.type == Block.ALLOCATION else ()))
            for name in gone:
                del self.fields[name]
        else:
            zone = self.fields["zone"]
            assert isinstance(zone, forms.ModelChoiceField)
            zone.queryset = Zone.objects.filter(is_enabled=True).order_by("name")

    @property
    def said(self) -> dict[str, Any]:
        """As specs read it. What a subnet is for is chosen beforehand, and means nothing for an allocation."""
        means_nothing = ("zone", "purpose") if self.cleaned_data.get("type") == Block.ALLOCATION else ("zone",)
        return {name: value for name, value in self.cleaned_data.items() if name not in means_nothing}


def _initial(row: SurveyedSubnet) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in ("name", "description", "purpose", "gateway")}
    return {**facts, "sites": ", ".join(row.site_names)}
