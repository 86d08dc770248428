"""How the API's list of public IPs is narrowed."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from apps.addresses.models import PublicIp, Purpose
from apps.addresses.specs import parse_address
from apps.networks.filters import InVpcFilter, words


class PublicIpFilter(InVpcFilter):
    q = words("the address, the name or the notes")
    address = django_filters.CharFilter(method="at_address", help_text="The whole address.")
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)

    class Meta:
        model = PublicIp
        fields: list[str] = []

    def at_address(self, rows: QuerySet[PublicIp], _name: str, value: str) -> QuerySet[PublicIp]:
        return rows.filter(address=parse_address(value, "address"))
