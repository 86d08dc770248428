"""How lists of load balancers are narrowed, on pages and in the API. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.addresses.models import Protocol, PublicIp
from apps.balancers.models import Balancer
from apps.networks.filters import InVpcFilter, words


class BalancerFilter(InVpcFilter):
    q = words("the name, the address or the port")
    public_ip = django_filters.UUIDFilter(method="at_public_ip", help_text="The id of a public IP.")
    protocol = django_filters.ChoiceFilter(choices=Protocol.choices)

    class Meta:
        model = Balancer
        fields: list[str] = []

    def at_public_ip(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        return rows.filter(public_ip=self.referred(PublicIp.objects, value, "public IP"))
