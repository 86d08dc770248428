"""How the API's lists of static NAT and port forwards are narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.accounts.models import Account
from apps.addresses.models import PortForward, Protocol, PublicIp, StaticNat
from apps.instances import queries as instances
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.networks.models import Vpc
from apps.operations.filters import LIVE_STATUSES
from apps.tenancy.api.callers import caller_of


class LeadingFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of an address or of the instance's name.")
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")
    public_ip = django_filters.UUIDFilter(method="from_public_ip", help_text="The id of a public IP.")
    instance = django_filters.UUIDFilter(method="to_instance", help_text="The id of an instance.")

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("search_key", value))

    def in_vpc(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        if not caller_of(self.request).through(Vpc.objects).filter(pk=value).exists():
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
        return rows.filter(vpc=value)

    def from_public_ip(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        if not caller_of(self.request).through(PublicIp.objects).filter(pk=value).exists():
            raise Refused("public-ip-unknown", "There is no such public IP.", "public_ip")
        return rows.filter(public_ip=value)

    def to_instance(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        """One that is gone from CloudStack is known as long as something leads to it."""
        found = rows.filter(instance_id=value)
        accounts = caller_of(self.request).through(Account.objects)
        if not found.exists() and not instances.owned_by(accounts).filter(remote_id=str(value)).exists():
            raise Refused("instance-unknown", "There is no such instance.", "instance")
        return found


class StaticNatFilter(LeadingFilter):
    class Meta:
        model = StaticNat
        fields: list[str] = []


class PortForwardFilter(LeadingFilter):
    protocol = django_filters.ChoiceFilter(choices=Protocol.choices)

    class Meta:
        model = PortForward
        fields: list[str] = []
