"""How lists of access lists are narrowed, on pages and in the API. A reference to what is not there is refused."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.acls.models import Acl
from apps.kernel.api.filters import NameFilter
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.networks.models import Vpc
from apps.operations.filters import LIVE_STATUSES
from apps.tenancy.api.callers import caller_of


class AclFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", help_text="Part of the name.")
    name = NameFilter()
    status = django_filters.ChoiceFilter(choices=LIVE_STATUSES)
    vpc = django_filters.UUIDFilter(method="in_vpc", help_text="The id of a VPC.")

    class Meta:
        model = Acl
        fields: list[str] = []

    def search(self, rows: QuerySet[Acl], _name: str, value: str) -> QuerySet[Acl]:
        return rows.filter(containing("search_key", value))

    def in_vpc(self, rows: QuerySet[Acl], _name: str, value: UUID) -> QuerySet[Acl]:
        if not caller_of(self.request).through(Vpc.objects).filter(pk=value).exists():
            raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
        return rows.filter(vpc=value)
