"""The filters of the lists of the inventory."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from apps.fabric.inventory.queries import DEVICE_ROLES, PLANES, PURPOSES, STATUSES, Surveys, pairs
from apps.fabric.layers import ROLES
from apps.fabric.models import Owner, Part
from apps.kernel.forms import Choice, ListForm, Search
from apps.kernel.svg.status import look_of
from apps.tenancy.models import Tenant
from apps.zones.models import Zone


def _statuses(part: Part) -> list[tuple[str, str]]:
    return [(word, look_of(word).words) for word in STATUSES[part]]


class InventoryForm(ListForm):
    also = ("page", "sort")
    zone = Choice("zone")

    def __init__(self, address: QueryDict, surveys: Surveys) -> None:
        super().__init__(address)
        self.surveys = surveys
        self._offer("zone", [(zone.slug, zone.name) for zone in surveys.zones])

    def _offer(self, name: str, choices: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, Choice)
        field.offer(choices)

    @property
    def zone_chosen(self) -> Zone | None:
        return next((zone for zone in self.surveys.zones if zone.slug == self.said("zone")), None)

    @property
    def wanted(self) -> dict[str, Any]:
        """As `queries.narrowed` takes it."""
        exact = {name: self.said(name) for name in self.fields if name not in ("q", "zone")}
        return {"words": self.words, "zone": self.zone_chosen, **exact}


class DeviceListForm(InventoryForm):
    q = Search("name, address or ASN")
    nothing = "No device has this name, address or ASN, or is of this kind."
    role = Choice("role", [(role, ROLES[role]) for role in DEVICE_ROLES])
    status = Choice("status", _statuses(Part.DEVICE))
    pair = Choice("pair")

    def __init__(self, address: QueryDict, surveys: Surveys) -> None:
        super().__init__(address, surveys)
        self._offer("pair", [(pair, f"Behind {pair}") for pair in pairs()])


class LinkListForm(InventoryForm):
    q = Search("device or port")
    nothing = "No link has an end of this name, or is of this kind."
    plane = Choice("plane", [(plane, plane.capitalize()) for plane in PLANES])
    status = Choice("status", _statuses(Part.LINK))


class SessionListForm(InventoryForm):
    q = Search("session, router, device or address")
    nothing = "No session has this name or address, or is of this kind."
    status = Choice("status", _statuses(Part.SESSION))


class PortListForm(InventoryForm):
    q = Search("device, port or description")
    nothing = "No port has this name, or is in this state."
    status = Choice("status", _statuses(Part.PORT))
    use = Choice("use", [("used", "In use"), ("free", "Free")])

    @property
    def wanted(self) -> dict[str, Any]:
        wanted = super().wanted
        use = wanted.pop("use")
        return {**wanted, "is_used": {"used": True, "free": False}.get(use)}


class SiteListForm(InventoryForm):
    q = Search("name or ASN")
    nothing = "No site has this name or ASN."


class SubnetListForm(InventoryForm):
    q = Search("name, prefix, VPC or tenant")
    nothing = "No subnet has this name or prefix, is for this, or is of this VPC or tenant."
    owner = Choice("owner", Owner.choices)
    type = Choice("type", [("allocation", "Allocations"), ("subnet", "Subnets")])
    purpose = Choice("purpose", [(purpose, purpose.capitalize()) for purpose in PURPOSES])
    status = Choice("status", _statuses(Part.SUBNET))
    tenant = forms.CharField(required=False, max_length=63, widget=forms.HiddenInput)

    @property
    def wanted(self) -> dict[str, Any]:
        wanted = super().wanted
        if slug := wanted.pop("tenant"):
            # By its id PostgreSQL knows how much a tenant has.
            wanted["vpc__tenant__in"] = list(Tenant.objects.filter(slug=slug).values_list("pk", flat=True))
        return wanted
