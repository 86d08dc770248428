"""The forms of public IPs. They ask no rules of their own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any

from django import forms
from django.urls import reverse

from apps.addresses import pool
from apps.addresses.models import LABEL, NOTES, PublicIp, Purpose
from apps.addresses.services.public_ips import MOST_HOURS
from apps.addresses.specs import PublicIpSpec, parse_address
from apps.kernel.errors import Refused
from apps.kernel.forms import Choice, ListForm, Options, Refusable, Search
from apps.kernel.pickers import Option, PickerField, PickerForm
from apps.networks.forms import InVpcListForm
from apps.networks.models import Vpc
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

CHOOSE = "Choose the VPC that the address is for."


def choices(tenant: Tenant, zones: Iterable[Zone], words: str) -> list[Option]:
    """What the picker of an address offers for what is typed. One query for each zone."""
    return [
        Option(str(each), str(each), zone.name) for zone in zones for each in pool.open_to(tenant, zone, words=words)
    ]


class PublicIpListForm(InVpcListForm):
    q = Search("address, name or notes")
    nothing = "No public IP has this address, name or note, or serves this purpose."
    purpose = Choice("purpose", Purpose.choices)

    @property
    def wanted(self) -> dict[str, Any]:
        return {"words": self.words, "purpose": self.said("purpose"), "vpc": self.vpc_chosen}


def _words(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", **attrs})


class AcquireForm(PickerForm):
    vpc = forms.CharField(label="VPC", widget=Options, error_messages={"required": CHOOSE})
    address = PickerField("address", "Type a part of it", required=False, label="Address, or the next free one")
    name = forms.CharField(required=False, widget=_words(LABEL.most))
    notes = forms.CharField(required=False, widget=_words(NOTES.most))

    def __init__(self, data: Mapping[str, Any] | None, tenant: Tenant, vpcs: Iterable[Vpc], *, chosen: str) -> None:
        super().__init__(data, initial={"vpc": chosen})
        self.vpcs = {str(vpc.pk): vpc for vpc in vpcs}
        select = self.fields["vpc"].widget
        assert isinstance(select, forms.Select)
        select.choices = [(key, f"{vpc.name} in {vpc.zone}") for key, vpc in self.vpcs.items()]
        within = self.vpcs.get(str((data or {}).get("vpc", chosen)))
        zones = {vpc.zone_id: vpc.zone for vpc in ([within] if within else self.vpcs.values())}
        self.offer(
            "address",
            url=reverse("addresses:choices", args=[tenant.slug]),
            beside="vpc",
            search=lambda words: choices(tenant, zones.values(), words),
            find=_address,
        )

    def clean(self) -> None:
        values = {**self.cleaned_data, "address": str(self.cleaned_data.get("address") or "")}
        try:
            self.spec = PublicIpSpec.parse(values)
        except Refused as refusal:
            self.refuse(refusal)
        if self.vpc_chosen is None and "vpc" not in self.errors:
            self.add_error("vpc", CHOOSE)

    @property
    def vpc_chosen(self) -> Vpc | None:
        return self.vpcs.get(str(self.cleaned_data.get("vpc", "")))


def _address(key: str) -> IPv4Address | None:
    """Whether it can be had, the service says."""
    try:
        return parse_address(key, "address")
    except Refused:
        return None


class EditForm(Refusable):
    name = forms.CharField(required=False, widget=_words(LABEL.most, autofocus=True))
    notes = forms.CharField(required=False, widget=_words(NOTES.most))

    def __init__(self, row: PublicIp, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"name": row.name, "notes": row.notes})


class HolderForm(ListForm):
    q = Search("an address or a range")
    nothing = (
        "Nobody has, or had, such an address. Give a whole one, such as 198.51.100.7, or a range: 198.51.100.0/28."
    )


class QuarantineForm(Refusable):
    quarantine_hours = forms.IntegerField(label="Hours", min_value=0, max_value=MOST_HOURS)

    def __init__(self, zone: Zone, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"quarantine_hours": zone.quarantine_hours})
