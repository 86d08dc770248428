"""How the API's lists of VNIs are narrowed."""

from __future__ import annotations

from datetime import datetime

import django_filters
from django.utils.dateparse import parse_datetime

from apps.kernel.errors import Refused
from apps.vnis.models import LAST_VNI, Claim, ClaimQuerySet, Holder, VniRange
from apps.zones.filters import InZoneFilter


def parse_vni(text: str) -> int:
    """Raises `Refused`."""
    if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= LAST_VNI:
        return int(text)
    raise Refused("vni-invalid", f"A VNI is a number from 0 to {LAST_VNI}.", "vni")


def parse_moment(text: str) -> datetime:
    """Raises `Refused`."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused("at-invalid", "Give a time with its zone, such as 2026-03-02T09:00:00Z.", "at")
    return moment


class RangeFilter(InZoneFilter):
    kind = django_filters.ChoiceFilter(choices=VniRange.Kind.choices)

    class Meta:
        model = VniRange
        fields: list[str] = []


class ClaimFilter(InZoneFilter):
    vni = django_filters.CharFilter(method="of_number", help_text=f"The number, from 0 to {LAST_VNI}.")
    at = django_filters.CharFilter(method="at_moment", help_text="Who had it then, instead of who has it now.")
    kind = django_filters.ChoiceFilter(choices=Holder.choices)

    class Meta:
        model = Claim
        fields: list[str] = []

    def of_number(self, rows: ClaimQuerySet, _name: str, value: str) -> ClaimQuerySet:
        return rows.of_number(parse_vni(value))

    def at_moment(self, rows: ClaimQuerySet, _name: str, _value: str) -> ClaimQuerySet:
        return rows  # the view has looked at it: it decides which rows there are to narrow
