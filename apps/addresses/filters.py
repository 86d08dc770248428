"""How the API's list of public IPs is narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.addresses.models import PublicIp, Purpose
from apps.addresses.specs import parse_address
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.networks.models import Vpc
from apps.operations.filters import LIVE_STATUSES
from apps.tenancy.api.callers import caller_of


class PublicIpFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the address, the name or the notes.")
    address = django_filters.CharFilter(method="at_address", help_text="The whole address.")
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")

    class Meta:
        model = PublicIp
        fields: list[str] = []

    def search(self, rows: QuerySet[PublicIp], _name: str, value: str) -> QuerySet[PublicIp]:
        return rows.filter(containing("search_key", value))

    def at_address(self, rows: QuerySet[PublicIp], _name: str, value: str) -> QuerySet[PublicIp]:
        return rows.filter(address=parse_address(value, "address"))

    def in_vpc(self, rows: QuerySet[PublicIp], _name: str, value: UUID) -> QuerySet[PublicIp]:
        """A VPC that is gone has none; one that never was, or is another tenant's, is a slip."""
        if not caller_of(self.request).through(Vpc.objects).filter(pk=value).exists():
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
        return rows.filter(vpc=value)
