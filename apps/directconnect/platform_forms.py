"""The forms of the platform's pages. They ask no rules of their own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from apps.directconnect.inventory import Port, inventory
from apps.directconnect.models import (
    LETTER_LENGTH,
    PRICE_LENGTH,
    REFERENCE_LENGTH,
    STAGES,
    Connection,
    Location,
    Offering,
    PortKind,
    rate_of,
)
from apps.directconnect.queries import OFFERED
from apps.directconnect.services.reservations import Room
from apps.directconnect.specs import MOST_OFFERINGS, LocationSpec, location_change
from apps.directconnect.stages import Move
from apps.kernel.errors import Refused
from apps.kernel.forms import Choice, ListForm, Options, Refusable, Search
from apps.kernel.names import DESCRIPTION, NAME
from apps.kernel.pickers import Option, PickerField, PickerForm
from apps.networks.forms import Said
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

#: Ports that a picker offers at once.
FOUND = 20
#: Lines for offerings that stand there empty, and how many more a press of the button brings.
EMPTY_LINES = 2


def _words(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", "spellcheck": "false", **attrs})


class LocationListForm(ListForm):
    q = Search("name, address or room")
    nothing = "No location has this name, address or room, is in this zone, or takes orders so."
    zone = Choice("zone")
    state = Choice("state", [("open", "Takes orders"), ("closed", "Takes none")])

    def __init__(self, address: QueryDict) -> None:
        super().__init__(address)
        field = self.fields["zone"]
        assert isinstance(field, Choice)
        field.offer([(zone.slug, zone.name) for zone in Zone.objects.all()])

    @property
    def wanted(self) -> dict[str, str]:
        return {} if self.fault else {"words": self.words, "zone": self.said("zone"), "orders": self.said("state")}


class OfferingLine(forms.Form):
    """A line that says no speed is none."""

    use_required_attribute = False
    speed = Said(label="Speed in Mbit/s", widget=_words(7, inputmode="numeric", placeholder="10000"))
    kind = forms.ChoiceField(label="Kind", choices=PortKind.choices, widget=Options)
    price = forms.CharField(
        label="Price", required=False, max_length=PRICE_LENGTH, widget=_words(PRICE_LENGTH, placeholder="on request")
    )
    is_open = forms.BooleanField(label="Can be ordered", required=False)

    @property
    def is_said(self) -> bool:
        return bool(self["speed"].value() or self["price"].value())


class LocationForm(Refusable):
    """A new location, or `row` as it is. What it offers stands in `lines`."""

    name = Said(label="Name", widget=_words(NAME.most, placeholder="Paris 2"))
    address = Said(label="Address", widget=_words(DESCRIPTION.most))
    room = Said(label="Room", widget=_words(NAME.most, placeholder="MMR 2.1"))
    zone = forms.CharField(label="Zone", widget=Options, error_messages={"required": "Choose the zone."})
    loa_text = forms.CharField(
        label="Text of its letters of authorization",
        required=False,
        max_length=LETTER_LENGTH,
        widget=forms.Textarea({"rows": 5, "maxlength": LETTER_LENGTH}),
        help_text="Whom you authorize to what. Letters that were issued stay as they are.",
    )
    loa_days = Said(label="Days that a letter is valid", widget=_words(3, inputmode="numeric"))
    is_open = forms.BooleanField(label="It takes orders", required=False)

    def __init__(self, data: QueryDict | None, zones: Sequence[Zone], row: Location | None = None) -> None:
        self.row = row
        self.asks_for_more = data is not None and "more" in data
        offered = list(row.offerings.all()) if row else []
        super().__init__(data, initial=_as_said(row) if row else {"loa_days": 60, "is_open": True})
        if row is not None:
            del self.fields["zone"]
        else:
            select = self.fields["zone"].widget
            assert isinstance(select, forms.Select)
            select.choices = [(zone.slug, zone.name) for zone in zones]
        self.lines = _lines(data, offered, more=EMPTY_LINES if self.asks_for_more else 0)

    @property
    def can_grow(self) -> bool:
        return len(self.lines) < MOST_OFFERINGS

    def full_clean(self) -> None:
        super().full_clean()
        if self.asks_for_more:
            self._errors = forms.utils.ErrorDict()

    def is_valid(self) -> bool:
        return super().is_valid() and not self.asks_for_more

    def refuse(self, refusal: Refused) -> None:
        for each in refusal.all:
            line, field = self._line_of(each.field or "")
            if line is not None and field not in line.errors:
                line.add_error(field, each.message)
                self.add_error(None, f"Line {self.lines.index(line) + 1} of what it offers: {each.message}")
            elif line is None and each.field not in self.errors:
                self.add_error(each.field if each.field in self.fields else None, each.message)

    def _line_of(self, name: str) -> tuple[OfferingLine | None, str]:
        """ "offerings.1.speed": of those that say something."""
        head, _, rest = name.partition(".")
        number, _, field = rest.partition(".")
        if head != "offerings" or not number.isdecimal():
            return None, name
        return [line for line in self.lines if line.is_said][int(number)], field

    def clean(self) -> None:
        said = [line for line in self.lines if line.is_said]
        for line in said:
            for name, told in line.errors.items():
                self.add_error(
                    None, f"Line {self.lines.index(line) + 1}, {line[name].label}: {' '.join(map(str, told))}"
                )
        if self.errors:
            return
        values = {**self.cleaned_data, "offerings": [line.cleaned_data for line in said]}
        try:
            if self.row is None:
                self.spec = LocationSpec.parse(values)
            else:
                self.changes = location_change(values)
        except Refused as refusal:
            self.refuse(refusal)


def _lines(data: QueryDict | None, offered: Iterable[Offering], more: int) -> list[OfferingLine]:
    names = (f"offering-{number}" for number in range(MOST_OFFERINGS))
    if data is None:
        known: list[dict[str, Any]] = [
            {"speed": each.speed, "kind": each.kind, "price": each.price, "is_open": each.is_open} for each in offered
        ]
        known += [{"is_open": True}] * EMPTY_LINES
        return [OfferingLine(prefix=name, initial=said) for name, said in zip(names, known, strict=False)]
    sent = [name for name in names if f"{name}-speed" in data]
    found = [OfferingLine(data, prefix=name) for name in sent]
    free = [f"offering-{number}" for number in range(MOST_OFFERINGS) if f"offering-{number}" not in sent]
    return found + [OfferingLine(prefix=name, initial={"is_open": True}) for name in free[:more]]


def _as_said(row: Location) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "address", "room", "loa_text", "loa_days", "is_open")}


class PlatformListForm(ListForm):
    q = Search("name, LOA or reference")
    nothing = "No connection has this name, LOA number or reference, or is at this stage, location or tenant."
    stage = Choice("stage", STAGES)
    location = Choice("location")
    tenant = Choice("tenant")
    also = ("page", "sort")

    def __init__(self, address: QueryDict, by: Platform) -> None:
        super().__init__(address)
        there = Connection.objects.across(by)
        known = Location.objects.filter(pk__in=there.values("location")).order_by("name", "id")
        tenants = Tenant.objects.filter(pk__in=there.values("tenant")).order_by("name", "slug")
        self._offer("location", [(str(row.pk), row.name) for row in known[:OFFERED]])
        self._offer("tenant", [(row.slug, row.name) for row in tenants[:OFFERED]])

    def _offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, Choice)
        field.offer(choices)

    @property
    def wanted(self) -> dict[str, str]:
        if self.fault:
            return {}
        return {"words": self.words, **{name: self.said(name) for name in ("stage", "location", "tenant")}}


class MoveForm(Refusable):
    """What a move asks to be told; what it does not ask for is left out."""

    reason = Said(label="Reason", widget=_words(500, placeholder="The tenant reads it"))
    port = Said(label="Port", widget=Options)
    number = Said(
        label="Number of the LOA", required=False, widget=_words(REFERENCE_LENGTH, placeholder="Weft gives one")
    )
    valid_until = Said(label="Valid until", required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, data: QueryDict | None, move: Move, rooms: Sequence[Room] = (), days: int = 0) -> None:
        super().__init__(data)
        for name in set(self.fields) - {each.value for each in move.evidence}:
            del self.fields[name]
        if "port" in self.fields:
            select = self.fields["port"].widget
            assert isinstance(select, forms.Select)
            select.choices = [(str(room.port.pk), f"{room.port}, {rate_of(room.left)} left") for room in rooms]
        if "valid_until" in self.fields:
            self.fields["valid_until"].help_text = f"{days} days from now unless you say otherwise."


class PortForm(PickerForm):
    """A free port of the inventory, for a location."""

    port = PickerField("port", "Search port or device")
    kind = forms.ChoiceField(label="For", choices=PortKind.choices, widget=Options)
    speed = Said(
        label="Speed in Mbit/s",
        required=False,
        widget=_words(7, inputmode="numeric", placeholder="as the inventory says"),
        help_text="Of a shared port no more is given away than this.",
    )

    def offer_ports(self, zone: Zone, url: str) -> None:
        self.offer("port", url=url, search=options_in(zone), find=lambda key: inventory().called(zone, key[:255]))


def options_in(zone: Zone) -> Callable[[str], list[Option]]:
    return lambda words: [option_of(each) for each in inventory().free(zone, words, FOUND)]


def option_of(port: Port) -> Option:
    return Option(str(port.id), port.name, rate_of(port.speed) if port.speed else "speed not told")


class ConfirmForm(Refusable):
    """Nothing is asked: the press is all."""
