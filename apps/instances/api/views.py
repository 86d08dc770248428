"""Instances, read only: CloudStack makes them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Account
from apps.instances import queries
from apps.instances.api.serializers import InstanceRead
from apps.instances.filters import InstanceFilter
from apps.instances.queries import Instance
from apps.kernel.api import etag
from apps.kernel.api.pagination import CursorPages
from apps.kernel.shortcuts import get_or_404
from apps.mirror.models import Item
from apps.networks.models import Tier
from apps.tenancy.api.views import List, One, Rows


class NewestMade(CursorPages):
    moment = "made_at"
    identity = "remote_id"


class InstanceRows(Rows[Item]):
    serializer_class = InstanceRead

    def get_queryset(self) -> QuerySet[Item]:
        return queries.newest_first(queries.owned_by(self.caller.through(Account.objects)))

    def seen(self, rows: Sequence[Item]) -> Sequence[Instance]:
        accounts = self.caller.through(Account.objects) if self.caller.platform else None
        return queries.shown(rows, self.caller.through(Tier.objects), accounts)


@extend_schema(summary="List instances")
class InstanceList(InstanceRows, List[Item]):
    pagination_class = NewestMade
    filterset_class = InstanceFilter


@extend_schema(summary="Read an instance")
class InstanceOne(InstanceRows, One[Item]):
    def get(self, request: Request, pk: str) -> Response:
        return etag.tagged(request, self.show(get_or_404(self.get_queryset(), remote_id=str(pk))))
