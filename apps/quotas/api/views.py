"""What there is and may be of each resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.quotas.api.serializers import QuotasRead
from apps.quotas.queries import quotas_of_several
from apps.tenancy.api.views import List, One, Rows
from apps.tenancy.models import Tenant


class QuotaRows(Rows[Tenant]):
    """The caller's own, and for the platform every tenant's."""

    serializer_class = QuotasRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Tenant]:
        return self.caller.tenants

    def context_of(self, rows: Sequence[Tenant]) -> dict[str, Any]:
        return {"quotas": quotas_of_several(rows, self.caller.through)}


@extend_schema(summary="List quotas")
class QuotaList(QuotaRows, List[Tenant]):
    pass


@extend_schema(summary="Read a tenant's quotas")
class QuotaOne(QuotaRows, One[Tenant]):
    pass
