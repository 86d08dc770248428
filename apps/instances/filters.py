"""How the API's list of instances is narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.accounts.models import Account
from apps.instances import queries
from apps.mirror.models import Item
from apps.networks.filters import Referring
from apps.networks.models import Tier, Vpc
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.views import tenant_named


class InstanceFilter(Referring):
    q = django_filters.CharFilter(method="with_words", help_text="Part of the name or of an address.")
    tenant = django_filters.CharFilter(
        method="of_tenant", help_text="For the platform: only what belongs to the tenant with this short name."
    )
    state = django_filters.ChoiceFilter(choices=[(state, state) for state in queries.STATES], method="in_state")
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")
    tier = django_filters.UUIDFilter(method="in_tier", help_text="The id of a tier.")

    class Meta:
        model = Item
        fields: list[str] = []

    def with_words(self, rows: QuerySet[Item], _name: str, value: str) -> QuerySet[Item]:
        return queries.narrowed(rows, words=value)

    def of_tenant(self, rows: QuerySet[Item], _name: str, value: str) -> QuerySet[Item]:
        tenant = tenant_named(caller_of(self.request), value)
        return rows.filter(queries.theirs(Account.objects.of(tenant)))

    def in_state(self, rows: QuerySet[Item], _name: str, value: str) -> QuerySet[Item]:
        return queries.narrowed(rows, state=value)

    def in_vpc(self, rows: QuerySet[Item], _name: str, value: UUID) -> QuerySet[Item]:
        return queries.narrowed(rows, vpc=self.referred(Vpc.objects, value, "VPC"))

    def in_tier(self, rows: QuerySet[Item], _name: str, value: UUID) -> QuerySet[Item]:
        return queries.narrowed(rows, tier=self.referred(Tier.objects, value, "tier"))
