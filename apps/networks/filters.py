"""How lists of VPCs and tiers are narrowed, on pages and in the API."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from apps.kernel.named import containing
from apps.kernel.names import key_of
from apps.networks.models import Tier, Vpc
from apps.operations.filters import LIVE_STATUSES


class VpcFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the name, the description or the range.")
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    zone = django_filters.CharFilter(method="in_zone", help_text="The id or the name of a zone.")

    class Meta:
        model = Vpc
        fields: list[str] = []

    def search(self, rows: QuerySet[Vpc], _name: str, value: str) -> QuerySet[Vpc]:
        rows = rows.alias(cidr_text=Cast("cidr", TextField()))
        return rows.filter(containing("search_key", value) | Q(cidr_text__icontains=value))

    def in_zone(self, rows: QuerySet[Vpc], _name: str, value: str) -> QuerySet[Vpc]:
        wanted = Q(zone__name_key=key_of(value)) | Q(zone__slug=value)
        with suppress(ValueError):  # not an id, so a name
            wanted |= Q(zone=UUID(value))
        return rows.filter(wanted)


class TierFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the name or the range.")
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    vpc = django_filters.UUIDFilter("vpc_id", help_text="The id of a VPC.")

    class Meta:
        model = Tier
        fields: list[str] = []

    def search(self, rows: QuerySet[Tier], _name: str, value: str) -> QuerySet[Tier]:
        rows = rows.alias(cidr_text=Cast("cidr", TextField()))
        return rows.filter(containing("name_key", value) | Q(cidr_text__icontains=value))
