"""How lists of the inventory are narrowed over REST. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.fabric.inventory import queries
from apps.fabric.inventory.queries import DEVICE_ROLES, PLANES, PURPOSES, STATUSES, Surveys
from apps.fabric.models import (
    Owner,
    Part,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
)
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.tenancy.models import Tenant
from apps.zones.filters import InZoneFilter


def one_of(words: tuple[str, ...], **options: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(choices=[(word, word) for word in words], **options)


class InventoryFilter(InZoneFilter):
    q = django_filters.CharFilter(method="search", help_text="Part of a name or an address.")

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("search_key", value))

    def in_status(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return queries.narrowed(rows, Surveys.read(), status=value)

    def device_of(self, value: UUID) -> SurveyedDevice:
        device = SurveyedDevice.objects.filter(pk=value).first()
        if device is None:
            raise Refused("device-unknown", "There is no such device.", "device")
        return device

    def of_device(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        device = self.device_of(value)
        return rows.filter(zone=device.zone_id, device_id=device.remote_id)


OF_DEVICE = {"method": "of_device", "help_text": "The id of a device."}


class DeviceFilter(InventoryFilter):
    role = one_of(DEVICE_ROLES)
    status = one_of(STATUSES[Part.DEVICE], method="in_status")
    pair = django_filters.CharFilter(method="behind", help_text="The leaves that it hangs on: `Leaf-1 + Leaf-2`.")

    class Meta:
        model = SurveyedDevice
        fields: list[str] = []

    def behind(self, rows: QuerySet[SurveyedDevice], _name: str, value: str) -> QuerySet[SurveyedDevice]:
        if not SurveyedDevice.objects.filter(pair=value).exists():
            raise Refused("pair-unknown", "Nothing hangs on such a pair of leaves.", "pair")
        return rows.filter(pair=value)


class LinkFilter(InventoryFilter):
    plane = one_of(PLANES)
    status = one_of(STATUSES[Part.LINK], method="in_status")
    device = django_filters.UUIDFilter(method="at_device", help_text="The id of a device at one of its ends.")

    class Meta:
        model = SurveyedLink
        fields: list[str] = []

    def at_device(self, rows: QuerySet[SurveyedLink], _name: str, value: UUID) -> QuerySet[SurveyedLink]:
        device = self.device_of(value)
        return queries.at_device(rows.filter(zone=device.zone_id), device.remote_id)


class SessionFilter(InventoryFilter):
    status = one_of(STATUSES[Part.SESSION], method="in_status")
    device = django_filters.UUIDFilter(**OF_DEVICE)

    class Meta:
        model = SurveyedSession
        fields: list[str] = []


class PortFilter(InventoryFilter):
    status = one_of(STATUSES[Part.PORT], method="in_status")
    device = django_filters.UUIDFilter(**OF_DEVICE)
    use = django_filters.ChoiceFilter(
        choices=[("used", "used"), ("free", "free")], method="in_use", help_text="Whether something hangs on it."
    )

    class Meta:
        model = SurveyedPort
        fields: list[str] = []

    def in_use(self, rows: QuerySet[SurveyedPort], _name: str, value: str) -> QuerySet[SurveyedPort]:
        return rows.filter(is_used=value == "used")


class SiteFilter(InventoryFilter):
    class Meta:
        model = SurveyedSite
        fields: list[str] = []


class SubnetFilter(InventoryFilter):
    type = one_of(("allocation", "subnet"))
    purpose = one_of(PURPOSES)
    status = one_of(STATUSES[Part.SUBNET], method="in_status")
    owner = one_of(tuple(Owner.values))
    tenant = django_filters.CharFilter(method="of_tenant", help_text="The short name of a tenant.")

    class Meta:
        model = SurveyedSubnet
        fields: list[str] = []

    def of_tenant(self, rows: QuerySet[SurveyedSubnet], _name: str, value: str) -> QuerySet[SurveyedSubnet]:
        tenant = Tenant.objects.filter(slug=value).first()
        if tenant is None:
            raise Refused("tenant-unknown", "There is no tenant with this short name.", "tenant")
        return rows.filter(vpc__tenant=tenant)
