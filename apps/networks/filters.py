"""How lists of VPCs and tiers are narrowed, on pages and in the API. A reference to what is not there is refused."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.kernel.api.filters import NameFilter
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.networks.models import Tier, Vpc
from apps.operations.filters import LIVE_STATUSES
from apps.tenancy.api.callers import caller_of
from apps.zones.models import Zone


class VpcFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the name, the description or the CIDR.")
    name = NameFilter()
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    zone = django_filters.CharFilter(method="in_zone", help_text="The id or the name of a zone.")

    class Meta:
        model = Vpc
        fields: list[str] = []

    def search(self, rows: QuerySet[Vpc], _name: str, value: str) -> QuerySet[Vpc]:
        return rows.filter(containing("search_key", value))

    def in_zone(self, rows: QuerySet[Vpc], _name: str, value: str) -> QuerySet[Vpc]:
        zones = list(Zone.objects.called(value).values_list("pk", flat=True))
        if not zones:
            raise Refused("zone-unknown", f"There is no zone “{value[:63]}”.", "zone")
        return rows.filter(zone__in=zones)


class TierFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the name or the CIDR.")
    name = NameFilter()
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")

    class Meta:
        model = Tier
        fields: list[str] = []

    def search(self, rows: QuerySet[Tier], _name: str, value: str) -> QuerySet[Tier]:
        return rows.filter(containing("search_key", value))

    def in_vpc(self, rows: QuerySet[Tier], _name: str, value: UUID) -> QuerySet[Tier]:
        """A VPC that is gone has no tiers; one that never was, or is another tenant's, is a slip."""
        if not caller_of(self.request).through(Vpc.objects).filter(pk=value).exists():
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
        return rows.filter(vpc=value)
