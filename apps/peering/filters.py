"""How lists of peerings are narrowed, on pages and in the API. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.kernel.named import containing
from apps.networks.filters import InVpcFilter
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.peering.models import ACCEPTED, Peering, Stage

STATUSES = [
    *((each.value, each.label) for each in (Stage.REQUESTED, Status.BUILDING, Status.READY, Status.CHANGING)),
    *((each.value, each.label) for each in (Status.REMOVING, Status.STUCK)),
    *((each.value, each.label) for each in Stage if each not in (Stage.REQUESTED, Stage.ACCEPTED)),
]


class PeeringFilter(InVpcFilter):
    q = django_filters.CharFilter(method="with_words", help_text="Part of the name.")
    status = django_filters.ChoiceFilter(choices=STATUSES, method="in_status")

    class Meta:
        model = Peering
        fields: list[str] = []

    def with_words(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("name_key", value))

    def in_vpc(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        vpc = self.referred(Vpc.objects, value, "VPC")
        return rows.of_vpcs([vpc.pk])  # type: ignore[no-any-return,attr-defined]

    def in_status(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        if value in Stage.values:
            rows = rows.filter(stage=value)
            return rows.exclude(status=Status.DELETED) if value == Stage.REQUESTED else rows
        return rows.filter(ACCEPTED, status=value)
