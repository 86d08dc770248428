"""The demo's Direct Connect comes by its own steps, once, and is left alone after that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.demo import links
from apps.directconnect.models import Connection, FabricPort, Interface, Location
from apps.directconnect.services.orders import transition
from apps.directconnect.stages import Party, Stage
from apps.directconnect.standing import standings
from apps.directconnect.tasks import keep
from apps.fabric.surveys import survey
from apps.mirror.services import refresh, refresh_due, request_refresh
from apps.operations.models import Operation
from apps.tenancy.models import AuditEntry
from apps.zones.models import Zone
from sandbox.netris.routing import routers
from tests.addresses.conftest import clouds_of, place, watch
from tests.builders import BY
from tests.directconnect.test_interfaces import LISTS

__all__ = ["clouds_of", "place", "watch"]  # fixtures


@pytest.fixture
def told(place: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the sandbox was ordered, in place of ordering it over HTTP."""
    found: list[str] = []

    def tell(_zone: Zone, row: Interface, office: str) -> None:
        net = place.world.netris.net
        side = {"vlan": row.vlan, "address": f"{row.remote_address}/{row.prefix_length}", "asn": row.peer_asn}
        assert row.port is not None
        routers.set_up(net, net.ports.one("name", row.port.name), side | {"announces": [office]})
        found.append(office)

    monkeypatch.setattr(links, "tell", tell)
    return found


def works(place: Any) -> None:
    """Both ends have had their time, Netris was read, and beat has rung."""
    place.clock.shift(timedelta(minutes=3))
    for kind in LISTS:
        refresh(place.zone, kind, place.watch.clouds_of(place.zone))
    keep()
    for operation in Operation.unscoped.live():
        place.done(operation)


def surveyed(place: Any) -> None:
    Zone.objects.filter(pk=place.zone.pk).update(netris_site="sv")
    place.zone.refresh_from_db()
    request_refresh(place.zone)
    refresh_due(place.watch.clouds_of)
    survey(place.zone)


def test_a_connection_comes_into_service_and_another_order_waits(place: Any, globex: Any, told: list[str]) -> None:
    assert links.furnish(), "nothing was surveyed yet"
    surveyed(place)
    for _ in range(30):
        if not links.furnish():
            break
        works(place)
    ours, theirs = Connection.unscoped.select_related("tenant").order_by("tenant__slug")
    assert (ours.tenant.slug, ours.stage, ours.reference) == ("acme", Stage.IN_SERVICE, "XC-20417")
    assert (theirs.tenant.slug, theirs.stage) == ("globex", Stage.SUBMITTED)
    works(place)
    assert standings([ours])[ours.pk].word == "up"
    assert Location.objects.get().ports.count() == FabricPort.objects.count() == len(links.PORTS)
    assert set(told) == {"172.31.0.0/16"}

    before = AuditEntry.unscoped.count()
    assert not links.furnish()
    assert (AuditEntry.unscoped.count(), Interface.unscoped.count()) == (before, 1)


def test_what_somebody_has_ended_does_not_come_again(place: Any, globex: Any, told: list[str]) -> None:
    surveyed(place)
    links.furnish()
    links.furnish()
    row = Connection.unscoped.select_related("tenant", "location__zone", "port").get(tenant__slug="globex")
    transition(row, Stage.DRAFT, {}, party=Party.TENANT, by=BY)
    links.furnish()
    row.refresh_from_db()
    assert row.stage == Stage.DRAFT, "it was withdrawn"
    transition(row, Stage.CLOSED, {}, party=Party.TENANT, by=BY)
    links.furnish()
    assert Connection.unscoped.filter(tenant__slug="globex").count() == 1
