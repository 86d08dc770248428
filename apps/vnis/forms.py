"""The filters of the lists of ranges and of VNIs."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apps.kernel.forms import Choice, ListForm, Search
from apps.vnis.models import LAST_VNI, ClaimQuerySet, Holder, VniRange
from apps.zones.models import Zone


class VniForm(ListForm):
    q = Search("VNI")
    zone = Choice("zone")

    def __init__(self, address: QueryDict) -> None:
        super().__init__(address)
        self.zones = list(Zone.objects.all())
        field = self.fields["zone"]
        assert isinstance(field, Choice)
        field.offer([(zone.slug, zone.name) for zone in self.zones])

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"].strip()
        if text and not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= LAST_VNI):
            raise ValidationError(f"A VNI is a number from 0 to {LAST_VNI}.")
        return text

    @property
    def vni(self) -> int | None:
        return int(self.words) if self.words else None

    @property
    def in_zones(self) -> list[Zone]:
        slug = self.said("zone")
        return [zone for zone in self.zones if slug in ("", zone.slug)]


class RangeListForm(VniForm):
    nothing = "No range has this number, or is of this kind."
    kind = Choice("kind", VniRange.Kind.choices)


class VniListForm(VniForm):
    nothing = "Nothing has this number, or is of this kind."
    kind = Choice("kind", Holder.choices)
    tenant = forms.CharField(required=False, max_length=63, widget=forms.HiddenInput)
    place = Choice("place", [("first", "First holder"), ("duplicate", "Duplicate")])

    def narrowed(self, rows: ClaimQuerySet) -> ClaimQuerySet:
        if self.fault:
            return rows.none()
        told = {"kind": self.said("kind"), "tenant__slug": self.said("tenant")}
        rows = rows.filter(zone__in=self.in_zones, **{name: value for name, value in told.items() if value})
        if place := self.said("place"):
            rows = rows.filter(is_first=place == "first")
        return rows if self.vni is None else rows.of_number(self.vni, self.in_zones)
