"""How the API's list of instances is narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.accounts.models import Account
from apps.instances import queries
from apps.kernel.errors import Refused
from apps.mirror.models import Item
from apps.networks.models import Tier, Vpc
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.views import tenant_named


class InstanceFilter(django_filters.FilterSet):  # type: ignore[misc]
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
        vpc = caller_of(self.request).through(Vpc.objects).filter(pk=value).first()
        if vpc is None:
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
        return queries.narrowed(rows, vpc=vpc)

    def in_tier(self, rows: QuerySet[Item], _name: str, value: UUID) -> QuerySet[Item]:
        tier = caller_of(self.request).through(Tier.objects).filter(pk=value).first()
        if tier is None:
            raise Refused("tier-unknown", "There is no such tier.", "tier")
        return queries.narrowed(rows, tier=tier)
