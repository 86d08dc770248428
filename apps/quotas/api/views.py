"""What there is and may be of each resource."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.serializers import BaseSerializer

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

    def get_serializer(self, rows: Any = None, **options: Any) -> BaseSerializer[Any]:
        listed = [] if rows is None else rows if isinstance(rows, list) else [rows]
        quotas = quotas_of_several(listed, self.caller.through)
        context: dict[str, Any] = {**options.pop("context", self.get_serializer_context()), "quotas": quotas}
        return super().get_serializer(rows, **options, context=context)


@extend_schema(summary="List quotas")
class QuotaList(QuotaRows, List[Tenant]):
    pass


@extend_schema(summary="Read a tenant's quotas")
class QuotaOne(QuotaRows, One[Tenant]):
    pass
