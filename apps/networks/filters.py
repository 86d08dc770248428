"""How lists of VPCs, of tiers, and of whatever lies in VPCs are narrowed, on pages and in the API. A reference to what
is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.kernel.api.filters import NameFilter
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.operations.filters import LIVE_STATUSES
from apps.tenancy.api.callers import caller_of
from apps.tenancy.door import Door
from apps.zones.filters import InZoneFilter


def words(of_what: str) -> django_filters.CharFilter:
    return django_filters.CharFilter(method="search", help_text=f"Part of {of_what}.")


class Referring(django_filters.FilterSet):  # type: ignore[misc]
    """Narrowed by references to other rows."""

    def referred(self, door: Door[Any], pk: UUID, noun: str) -> Any:
        """One that is gone has nothing; one that never was, or is another tenant's, is a slip."""
        row = caller_of(self.request).through(door).filter(pk=pk).first()
        if row is None:
            key = noun.lower().replace(" ", "-")
            raise Refused(f"{key}-unknown", f"There is no such {noun}.", key.replace("-", "_"))
        return row


class LiveFilter(Referring):
    """Of rows that operations make real, and that people search."""

    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("search_key", value))


class InVpcFilter(LiveFilter):
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")

    def in_vpc(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        return rows.filter(vpc=self.referred(Vpc.objects, value, "VPC"))


class VpcFilter(InZoneFilter, LiveFilter):
    q = words("the name, the description or the CIDR")
    name = NameFilter()

    class Meta:
        model = Vpc
        fields: list[str] = []


class TierFilter(InVpcFilter):
    q = words("the name or the CIDR")
    name = NameFilter()

    class Meta:
        model = Tier
        fields: list[str] = []


class StaticRouteFilter(InVpcFilter):
    q = words("the destination or the next hop")

    class Meta:
        model = StaticRoute
        fields: list[str] = []
