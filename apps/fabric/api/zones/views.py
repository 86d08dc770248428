"""What the platform does to a zone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services as accounts
from apps.fabric.api.zones.serializers import (
    ReconnectRead,
    TrialRead,
    TrialWrite,
    ZoneChange,
    ZoneCreated,
    ZoneWrite,
)
from apps.fabric.zones.queries import zone_rows
from apps.fabric.zones.services import reconnect_host
from apps.kernel.api.bodies import Body
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.operations.api.serializers import OperationRead
from apps.operations.api.views import accepted
from apps.tenancy.actors import Platform
from apps.tenancy.api.views import One, PlatformRows
from apps.zones import trials
from apps.zones.api import views as zones
from apps.zones.api.serializers import ZoneRead
from apps.zones.models import Trial, Zone
from apps.zones.services import SETTINGS, change_settings


class ZoneList(zones.ZoneList):
    written_by = "platform"

    @extend_schema(summary="Register a zone", request=ZoneWrite, responses={202: ZoneCreated, 201: ZoneCreated})
    def post(self, request: Request) -> Response:
        """By a connection that was tried: `POST zones/trials/` first. An operation for each tenant makes its account
        there; `Location` is the first. 201 without tenants."""
        values = ZoneWrite.of(request)
        return self.once(lambda: self._registered(values))

    def _registered(self, values: dict[str, Any]) -> Response:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        trial = _trial(values.pop("trial"))
        if trial.zone is not None and trial.taken_at is None:
            raise Refused("trial-of-another", f"It was tried for {trial.zone}. Try one without `zone`.", "trial")
        zone, operations = joined(accounts.take)(trial, values, by=self.caller.platform)
        made = self.get_queryset().get(pk=zone.pk)
        made.operations = operations  # type: ignore[attr-defined]
        data = ZoneCreated(made, context=self.get_serializer_context()).data
        first = data["operations"][0]["url"] if operations else data["url"]
        return Response(data, status=202 if operations else 201, headers={"Location": first})


class ZoneOne(zones.ZoneOne):
    written_by = "platform"

    @extend_schema(summary="Change a zone", request=ZoneChange, responses=ZoneRead)
    def patch(self, request: Request, pk: str) -> Response:
        """Its settings; with `trial`, how it is reached. What is left out stays."""
        values = ZoneChange.of(request)
        platform = self.caller.platform
        assert platform is not None, "MayUse lets only the platform through"
        with self.changing(pk) as zone:
            if "trial" in values:
                self._connect(zone, _trial(values.pop("trial")), values, platform)
            elif fixed := sorted(values.keys() - set(SETTINGS)):
                raise Refused("trial-missing", "This is chosen of what a trial found. Give one.", fixed[0])
            else:
                joined(change_settings)(zone, values, by=platform)
        return self.shown(pk)

    @staticmethod
    def _connect(zone: Zone, trial: Trial, values: dict[str, Any], platform: Platform) -> None:
        if trial.zone != zone and trial.taken_at is None:
            raise Refused("trial-of-another", "It was tried for another zone, or for a new one.", "trial")
        kept = {"calls_per_second": zone.calls_per_second, "netris_site": zone.netris_site}
        joined(accounts.take)(trial, accounts.offerings_of(zone, trial) | kept | values, by=platform)


class ZoneVerb(zones.ZoneRows):
    written_by = "platform"
    filter_backends = []

    def act(self, pk: str, service: Callable[..., object]) -> Response:
        return self.once(lambda: self._acted(pk, service))

    def _acted(self, pk: str, service: Callable[..., object]) -> Response:
        joined(service)(get_or_404(self.get_queryset(), pk=pk), by=self.caller.platform)
        return Response(self.show(get_or_404(self.get_queryset(), pk=pk)))


class ZoneDisable(ZoneVerb):
    @extend_schema(summary="Disable a zone", operation_id="zones_disable", request=None, responses={200: ZoneRead})
    def post(self, request: Request, pk: str) -> Response:
        """Nothing new can be built there, and neither system is read any more. What is under way comes to its end."""
        return self.act(pk, accounts.disable_zone)


class ZoneEnable(ZoneVerb):
    @extend_schema(summary="Enable a zone", operation_id="zones_enable", request=None, responses={200: ZoneRead})
    def post(self, request: Request, pk: str) -> Response:
        """Tenants that came meanwhile get their accounts there."""
        return self.act(pk, accounts.enable_zone)


class TrialRows(PlatformRows[Trial]):
    serializer_class = TrialRead
    filter_backends = []

    def get_queryset(self) -> QuerySet[Trial]:
        return Trial.objects.select_related("zone")


class TrialList(TrialRows):
    @extend_schema(
        summary="Try a connection", operation_id="zones_trials_create", request=TrialWrite, responses={202: TrialRead}
    )
    def post(self, request: Request) -> Response:
        """Both systems are asked what there is and what the logins may do; read `Location` until it is `good` or
        `failed`. Nothing is saved in a zone by it. Repeated with the same secrets it is asked anew."""
        values = TrialWrite.of(request)
        return self.once(lambda: self._begun(values))

    def _begun(self, values: dict[str, Any]) -> Response:
        reference = values.pop("zone", None)
        zone = Zone.objects.called(reference).first() if reference is not None else None
        if reference is not None and zone is None:
            raise Refused("zone-unknown", "There is no such zone.", "zone")
        entered = dict.fromkeys(trials.SECRETS) | values
        trial = joined(trials.begin)(entered, before=zone, by=self.platform)
        data = self.show(trial)
        return Response(data, status=202, headers={"Location": data["url"]})


class TrialOne(TrialRows, One[Trial]):
    @extend_schema(summary="Read what came of trying a connection", operation_id="zones_trials_retrieve")
    def get(self, request: Request, pk: str) -> Response:
        return super().get(request, pk)


def _trial(text: str) -> Trial:
    trial = None
    with suppress(ValueError):  # no id, so nobody's
        trial = Trial.objects.filter(pk=UUID(text)).select_related("zone").first()
    if trial is None:
        raise Refused("trial-unknown", "There is no such trial. They are kept for an hour.", "trial")
    return trial


class ZoneReconnect(zones.ZoneRows):
    written_by = "platform"
    filter_backends = []

    @extend_schema(summary="See whether a zone's Netris host can be reconnected now", responses=ReconnectRead)
    def get(self, request: Request, pk: str) -> Response:
        if self.caller.platform is None:
            raise PermissionDenied("Only the platform may do this. Use a token of the platform.")
        [row] = zone_rows(self.caller.platform, [get_or_404(self.get_queryset(), pk=pk)])
        return Response(ReconnectRead({"reason": row.why_not_reconnect}).data)

    @extend_schema(
        summary="Reconnect a zone's Netris host",
        operation_id="zones_reconnect",
        request=None,
        responses={202: OperationRead},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Has CloudStack reconnect the host of its Netris plugin, which then logs in anew. Orders wait meanwhile, and
        until one of them has gone through."""
        Body.of(self.request)
        return self.once(lambda: self._reconnected(pk))

    def _reconnected(self, pk: str) -> Response:
        assert self.caller.platform is not None, "MayUse lets only the platform through"
        zone = get_or_404(self.get_queryset(), pk=pk)
        return accepted(self.request, joined(reconnect_host)(zone, by=self.caller.platform))
