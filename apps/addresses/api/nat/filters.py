"""How the API's lists of static NAT and port forwards are narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.accounts.models import Account
from apps.addresses.models import PortForward, Protocol, PublicIp, StaticNat
from apps.addresses.queries.nat import about
from apps.instances import queries as instances
from apps.kernel.errors import Refused
from apps.networks.filters import InVpcFilter, words
from apps.tenancy.api.callers import caller_of


class LeadingFilter(InVpcFilter):
    q = words("an address, which a whole one is found by alone, or of the instance's name")
    public_ip = django_filters.UUIDFilter(method="from_public_ip", help_text="The id of a public IP.")
    instance = django_filters.UUIDFilter(method="to_instance", help_text="The id of an instance.")

    def search(self, rows: Any, _name: str, value: str) -> Any:
        return about(rows, value)

    def from_public_ip(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        return rows.filter(public_ip=self.referred(PublicIp.objects, value, "public IP"))

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
