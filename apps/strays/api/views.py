"""Strays, for the platform alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.operations.models import Operation
from apps.strays import services
from apps.strays.models import KINDS, Stray
from apps.tenancy.api.views import List, One, PlatformRows
from apps.zones.api.serializers import ZoneRef
from apps.zones.models import System


class StrayCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    remove = serializers.CharField(source="why_not_remove", allow_null=True)
    adopt = serializers.SerializerMethodField()

    def get_adopt(self, stray: Stray) -> str | None:
        return stray.why_not_adopt or None


class StrayRead(serializers.Serializer[Stray]):
    """A thing in CloudStack or Netris that bears a name of Weft's, and that no row of Weft's has."""

    id = serializers.UUIDField()
    url = Address("api:stray")
    zone = ZoneRef()
    system = serializers.ChoiceField(choices=System.choices)
    kind = serializers.ChoiceField(choices=KINDS, source="noun")
    name = serializers.CharField(help_text="Its name there.")
    remote_id = serializers.CharField(help_text="Its id there.")
    is_double = serializers.BooleanField(help_text="The row that bears its name has another one, which is there.")
    why = serializers.CharField()
    facts = serializers.DictField(child=serializers.CharField(), help_text="What else is known: its range, its state.")
    first_seen = Time(source="created_at")
    last_seen = Time()
    can = StrayCan(source="*")


class StrayWrite(Body):
    """What confirms it."""

    name = Text(max_length=255, help_text="The stray's name.")


class StrayRows(PlatformRows[Stray]):
    serializer_class = StrayRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Stray]:
        return Stray.objects.there().select_related("zone")


@extend_schema(summary="List strays")
class StrayList(StrayRows, List[Stray]):
    pass


@extend_schema(summary="Read a stray")
class StrayOne(StrayRows, One[Stray]):
    filter_backends = []


class StrayVerb(StrayRows):
    def act(self, pk: str, service: Callable[..., Operation]) -> Response:
        confirmed = StrayWrite.of(self.request)["name"]
        return self.once(lambda: self._acted(pk, service, confirmed))

    def _acted(self, pk: str, service: Callable[..., Operation], confirmed: str) -> Response:
        stray = get_or_404(self.get_queryset(), pk=pk)
        return accepted(self.request, joined(service)(stray, confirmed=confirmed, by=self.platform))


class StrayRemove(StrayVerb):
    @extend_schema(
        summary="Remove a stray", operation_id="strays_remove", request=StrayWrite, responses={202: OperationRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """It is deleted where it is, with all that is in it, once it was looked at again."""
        return self.act(pk, services.remove)


class StrayAdopt(StrayVerb):
    @extend_schema(
        summary="Adopt a stray", operation_id="strays_adopt", request=StrayWrite, responses={202: OperationRead}
    )
    def post(self, request: Request, pk: str) -> Response:
        """Its row, which has lost its own, takes it on, if it fits. Nothing is changed in either system."""
        return self.act(pk, services.adopt)
