"""The forms of orders. They ask no rules of their own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from apps.directconnect.models import REFERENCE_LENGTH, STAGES, Connection, Location, Offering, PortKind
from apps.directconnect.queries import own_locations
from apps.directconnect.specs import OrderSpec
from apps.kernel.errors import Refused
from apps.kernel.forms import Choice, ListForm, Options, Refusable, Search
from apps.kernel.names import NAME
from apps.networks.forms import Said
from apps.tenancy.models import Tenant

#: How the fields of a refusal are called here.
FIELDS = {"speed": "offering", "kind": "offering"}


def _words(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", "spellcheck": "false", **attrs})


class ConnectionListForm(ListForm):
    q = Search("name, LOA or reference")
    nothing = "No connection has this name, LOA number or reference, is at this stage or location, or is of this kind."
    stage = Choice("stage", STAGES)
    location = Choice("location")
    kind = Choice("kind", PortKind.choices)
    also = ("page", "sort")

    def __init__(self, address: QueryDict, tenant: Tenant) -> None:
        super().__init__(address)
        field = self.fields["location"]
        assert isinstance(field, Choice)
        field.offer([(str(row.pk), row.name) for row in own_locations(tenant)])

    @property
    def wanted(self) -> dict[str, str]:
        if self.fault:
            return {}
        return {"words": self.words, **{name: self.said(name) for name in ("stage", "location", "kind")}}


class OrderForm(Refusable):
    """Of a draft: a new one, or `row` as it is."""

    name = forms.CharField(
        label="Name",
        max_length=NAME.most,
        widget=_words(NAME.most, placeholder="paris-a"),
        error_messages={"required": "Give it a name, such as paris-a."},
    )
    location = forms.CharField(
        label="Location", widget=Options, error_messages={"required": "Choose where it is to be."}
    )
    offering = forms.ChoiceField(
        label="Speed and kind",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what you want to have.",
            "invalid_choice": "This location does not offer that. Choose again.",
        },
    )
    apart_from = Said(label="On another leaf than", required=False, widget=Options)
    ASKS = ("name", "location", "offering", "apart_from")

    def __init__(
        self,
        data: QueryDict | None,
        address: QueryDict,
        locations: Sequence[Location],
        others: Sequence[Connection],
        path: str,
        row: Connection | None = None,
    ) -> None:
        super().__init__(data)
        said: dict[str, Any] = _as_said(row) if row else {}
        said |= (address if data is None else data).dict()
        self.locations = {str(each.pk): each for each in locations}
        self.location_chosen = self.locations.get(said.get("location") or next(iter(self.locations), ""))
        offerings: Sequence[Offering] = getattr(self.location_chosen, "offered", ())
        self._offer(offerings, others)
        keys = [_key(each) for each in offerings]
        chosen = said.get("offering", "")
        self.initial = {
            "name": said.get("name", ""),
            "location": str(self.location_chosen.pk) if self.location_chosen else "",
            "offering": chosen if chosen in keys else next(iter(keys), ""),
            "apart_from": said.get("apart_from", ""),
        }
        self.fields["location"].widget.attrs |= {
            "hx-get": path,
            "hx-include": "closest form",
            "hx-params": ",".join(self.ASKS),
            "hx-target": "#offered",
            "hx-swap": "morph:innerHTML",
        }

    def _offer(self, offerings: Sequence[Offering], others: Sequence[Connection]) -> None:
        offering, location, apart = (self.fields[name] for name in ("offering", "location", "apart_from"))
        assert isinstance(offering, forms.ChoiceField)
        assert isinstance(location.widget, forms.Select)
        assert isinstance(apart.widget, forms.Select)
        offering.choices = [(_key(each), f"{each}: {each.price}" if each.price else str(each)) for each in offerings]
        location.widget.choices = [(key, each.name) for key, each in self.locations.items()]
        told = [(str(each.pk), f"{each.name}, {each.port or each.location}") for each in others]
        apart.widget.choices = [("", "Wherever there is room"), *told]

    def refuse(self, refusal: Refused) -> None:
        for each in refusal.all:
            field = FIELDS.get(each.field or "", each.field)
            field = field if field in self.fields else None
            if field not in self.errors:
                self.add_error(field, each.message)

    def clean_location(self) -> str:
        location: str = self.cleaned_data["location"]
        if location not in self.locations:
            raise forms.ValidationError("There is no such location, or it takes no orders any more. Choose again.")
        return location

    def clean(self) -> None:
        if self.errors:
            return
        said = self.cleaned_data
        kind, _, speed = said["offering"].partition("-")
        try:
            self.spec = OrderSpec.parse({**said, "kind": kind, "speed": speed})
        except Refused as refusal:
            self.refuse(refusal)


def _key(offering: Offering) -> str:
    return f"{offering.kind}-{offering.speed}"


def _as_said(row: Connection) -> dict[str, str]:
    apart = str(row.apart_from_id or "")
    offering = f"{row.kind}-{row.speed}"
    return {"name": row.name, "location": str(row.location_id), "offering": offering, "apart_from": apart}


class RenameForm(Refusable):
    name = forms.CharField(
        label="Name",
        max_length=NAME.most,
        widget=_words(NAME.most, autofocus=True),
        error_messages={"required": "Give it a name."},
    )


class ReportForm(Refusable):
    """That the cross-connect was ordered."""

    reference = forms.CharField(
        label="Your carrier's reference",
        max_length=REFERENCE_LENGTH,
        widget=_words(REFERENCE_LENGTH, placeholder="XC-104711", **{"data-kept": ""}),
        error_messages={"required": "Give the reference that your carrier has for the cross-connect."},
    )
