"""The platform's page of zones, in every state, and the way from a lost plugin to one that works again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.fabric.zones.queries import ZoneRow, zone_rows
from apps.fabric.zones.services import reconnect_host
from apps.kernel.errors import Busy
from apps.kernel.remote import Rejected, Unavailable
from apps.mirror.models import Reading
from apps.operations.models import Operation
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from apps.tenancy.models import AuditEntry, Tenant, User
from apps.vnis.queries import VniPool
from apps.vnis.services import look
from apps.zones import health
from apps.zones.lint import warnings_of
from apps.zones.models import Plugin, Zone
from apps.zones.turnstile import Hold, Sent, Turnstile
from sandbox.world import World
from tests import builders
from tests.builders import BY
from tests.conftest import Run
from tests.fabric.conftest import Sweep
from tests.web.conftest import words

HTMX = {"HX-Request": "true"}
URL = "/platform/zones/"
SYMPTOM = Rejected("Failed to delete network", 530, system="cloudstack", call="queryAsyncJobResult")


def the_row() -> ZoneRow:
    [row] = zone_rows(builders.the_platform())
    return row


def fails(zone: Zone, tenant: Tenant | None = None) -> None:
    """An order of somebody's fails as it would without a session."""
    order = Turnstile(zone, uuid4(), tenant.pk if tenant else uuid4())
    assert order.judge(SYMPTOM, Sent(timezone.now()))


def is_lost(zone: Zone) -> None:
    fails(zone)
    fails(zone)
    assert the_row().plugin_status == "down"


def an_order(zone: Zone, tenant: Tenant, **fields: Any) -> Operation:
    what = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "resource_id": uuid4(), "resource_name": "x"}
    return Operation.unscoped.create(
        tenant=tenant, zone=zone, **what, lock_key=str(uuid4()), requested_by="ann", size=1, **fields
    )


class TestWhatIsShown:
    def test_a_zone_that_is_well(self, zone: Zone, read: Sweep, browser: Client) -> None:
        read()
        Plugin.objects.create(zone=zone, worked_at=timezone.now())
        assert [row.status for row in the_row().systems] == ["up", "up"]
        text = words(browser.get(URL))
        assert "No operation is held back" in text
        assert text.count(" Up ") == 3
        assert not the_row().needs_attention

    def test_a_zone_that_nobody_has_read_is_not_called_well(self, zone: Zone, browser: Client) -> None:
        assert [row.status for row in the_row().systems] == ["stale", "stale"]
        assert the_row().plugin_status == "unknown"
        assert " Up " not in words(browser.get(URL))

    def test_readings_grow_old_and_so_does_the_proof_of_the_plugin(self, zone: Zone, read: Sweep, clock: Any) -> None:
        read()
        Plugin.objects.create(zone=zone, worked_at=timezone.now())
        clock.shift(timedelta(hours=2))
        assert [row.status for row in the_row().systems] == ["stale", "stale"]
        assert the_row().plugin_status == "unknown"

    def test_a_remote_that_is_down_says_why(self, zone: Zone, read: Sweep, browser: Client) -> None:
        read()
        health.note_failure(zone, Unavailable("CloudStack could not be reached", system="cloudstack"))
        assert [row.status for row in the_row().systems] == ["down", "up"]
        assert "CloudStack could not be reached" in words(browser.get(URL))

    def test_a_slow_netris_says_how_slow(self, zone: Zone, read: Sweep, browser: Client) -> None:
        read()
        health.note_pace(zone, "netris", "GET /api/v2/vpc", 6400)
        assert [row.status for row in the_row().systems] == ["up", "slow"]
        assert "GET /api/v2/vpc took 6.4 s" in words(browser.get(URL))

    def test_one_symptom_is_a_suspicion(self, zone: Zone, acme: Tenant, browser: Client) -> None:
        fails(zone, acme)
        assert the_row().plugin_status == "suspected"
        text = words(browser.get(URL))
        assert "An order failed as it would without a session" in text
        assert "Acme : Failed to delete network" in text

    def test_a_lost_plugin_says_what_to_do_and_how_many_wait(self, zone: Zone, acme: Tenant, browser: Client) -> None:
        is_lost(zone)
        for number in range(3):
            an_order(zone, acme, phase="building", hold=Hold.PLUGIN if number else "")
        text = words(browser.get(URL))
        assert "CloudStack has lost its connection to Netris" in text
        assert "2 operations held back" in text
        assert "Reconnect the Netris host" in text

    def test_the_map_says_it_too_and_leads_there(self, zone: Zone, read: Sweep, browser: Client) -> None:
        read()

        def links() -> int:
            return browser.get(reverse("fabric:topology")).content.decode().count(f'href="{URL}"')

        without = links()
        is_lost(zone)
        health.note_pace(zone, "netris", "GET /api/v2/vpc", 6400)
        answer = browser.get(reverse("fabric:topology"))
        assert "CloudStack has lost its connection to Netris" in words(answer)
        assert "Netris answers slowly" in words(answer)
        assert links() == without + 2

    def test_ranges_with_different_tags_are_warned_of(self, zone: Zone, browser: Client) -> None:
        ranges = [
            {"vlan": "vxlan://12", "provider": "", "forsystemvms": True},
            {"vlan": "vxlan://13", "provider": "", "forsystemvms": False},
            {"vlan": "vlan://untagged", "provider": "Netris", "forsystemvms": False},
        ]
        Zone.objects.filter(pk=zone.pk).update(public_ranges=ranges)
        text = words(browser.get(URL))
        assert "public range is tagged vxlan://13, Netris's vlan://untagged" in text
        assert "restartVPC cleanup=true" in text

    @pytest.mark.parametrize(
        "ranges",
        [
            [],
            [{"vlan": "vxlan://13", "provider": "", "forsystemvms": False}],
            [
                {"vlan": "vxlan://12", "provider": "", "forsystemvms": True},
                {"vlan": "vxlan://13", "provider": "", "forsystemvms": False},
                {"vlan": "vxlan://13", "provider": "Netris", "forsystemvms": False},
            ],
        ],
    )
    def test_equal_tags_are_not(self, ranges: list[dict[str, Any]]) -> None:
        assert warnings_of(Zone(public_ranges=ranges)) == []

    def test_an_open_page_asks_again_for_what_it_shows(self, zone: Zone, browser: Client) -> None:
        html = browser.get(URL, headers=HTMX).content.decode()
        assert html.strip().startswith("<div") and 'hx-trigger="heard, every 10s"' in html and "<html" not in html

    def test_lost_vnis_are_told_apart_from_used_ones(self, zone: Zone, read: Sweep, browser: Client) -> None:
        assert "never read" in words(browser.get(URL))
        read()
        look(zone)
        text = words(browser.get(URL))
        assert "1,000,001 of 1,000,001 are free; 0 in use, 0 lost for good" in text

    @pytest.mark.parametrize(
        ("size", "in_use", "lost", "is_stale", "status"),
        [
            (100, 50, 0, False, "ok"),
            (100, 50, 40, False, "ok"),
            (100, 50, 41, False, "warning"),
            (100, 50, 50, False, "critical"),
            (0, 0, 0, False, "critical"),
            (100, 50, 50, True, "stale"),
        ],
    )
    def test_a_pool_that_runs_dry_warns(
        self, zone: Zone, size: int, in_use: int, lost: int, is_stale: bool, status: str
    ) -> None:
        [row] = zone_rows(builders.the_platform())
        pool = VniPool(size, in_use, lost, size - in_use - lost, None, is_stale)
        assert replace(row, vnis=pool).vni_status == status

    def test_the_page_costs_the_same_with_more_zones_and_more_trouble(
        self, zone: Zone, read: Sweep, acme: Tenant, browser: Client, django_assert_num_queries: Any
    ) -> None:
        read()
        is_lost(zone)
        reconnect_host(zone, by=builders.the_platform())
        # session, user, zones, remotes, plugins, readings, what is held, attempts, tenants; two of VNIs
        with django_assert_num_queries(11):
            browser.get(URL, headers=HTMX)
        for number in range(2, 6):
            other = builders.a_zone(f"Zone-{number}")
            fails(other, acme)
            health.note_failure(other, Unavailable("away", system="netris"))
            Reading.objects.create(zone=other, kind="netris.vpc", read_at=timezone.now())
            an_order(other, acme, phase="building", hold=Hold.PLUGIN)
            reconnect_host(other, by=builders.the_platform())
        with django_assert_num_queries(11):
            browser.get(URL, headers=HTMX)


class TestReconnecting:
    def test_the_button_leads_to_a_page_that_asks_and_that_to_the_operation(self, zone: Zone, browser: Client) -> None:
        is_lost(zone)
        path = f"{URL}{zone.pk}/reconnect/"
        assert f'href="{path}"' in browser.get(URL).content.decode()
        assert "26 to 72 seconds" in words(browser.get(path))
        answer = browser.post(path, follow=True)
        assert "Reconnect the Netris host" in words(answer)
        assert answer.redirect_chain[-1][0] == f"/platform/operations/{Operation.unscoped.get().pk}/"
        assert the_row().plugin_status == "away"
        assert "The Netris host is being reconnected" in words(browser.get(URL))

    def test_it_is_followed_until_the_host_is_back_and_then_an_order_has_to_prove_it(
        self, zone: Zone, world: World, run: Run
    ) -> None:
        world.netris.control.end_sessions()
        is_lost(zone)
        began_at = timezone.now()
        operation = run(reconnect_host(zone, by=builders.the_platform()))
        assert operation.phase == Phase.SUCCEEDED
        assert timezone.now() - began_at > timedelta(seconds=20)
        assert world.cloudstack.control.calls["reconnectHost"] == 1
        assert the_row().is_proof_awaited
        assert AuditEntry.unscoped.filter(action="zone.reconnect-host", tenant=None).count() == 1

    def test_a_lost_answer_does_no_harm(self, zone: Zone, world: World, run: Run) -> None:
        world.cloudstack.faults.order("lose_reply", "reconnectHost", times=1)
        operation = run(reconnect_host(zone, by=builders.the_platform()))
        assert operation.phase == Phase.SUCCEEDED
        assert world.cloudstack.control.calls["reconnectHost"] <= 2

    def test_it_cannot_be_done_twice_at_a_time(self, zone: Zone, browser: Client) -> None:
        reconnect_host(zone, by=builders.the_platform())
        with pytest.raises(Busy):
            reconnect_host(zone, by=builders.the_platform())
        text = words(browser.post(f"{URL}{zone.pk}/reconnect/", follow=True))
        assert "is still under way" in text
        assert the_row().why_not_reconnect in words(browser.get(URL))

    def test_a_failure_says_why_waits_for_somebody_and_holds_nobody_up(
        self, zone: Zone, world: World, run: Run, browser: Client
    ) -> None:
        is_lost(zone)
        world.cloudstack.faults.order("fail_job", "reconnectHost", times=1)
        operation = run(reconnect_host(zone, by=builders.the_platform()))
        assert operation.phase == Phase.STUCK
        assert the_row().has_failed_to_reconnect
        text = words(browser.get(URL))
        assert "The Netris host could not be reconnected" in text and operation.error in text
        assert Plugin.objects.get().retry_at <= timezone.now()
        assert run(retry(operation, by=BY)).phase == Phase.SUCCEEDED

    def test_one_that_is_given_up_leaves_the_orders_to_find_out(self, zone: Zone, world: World, run: Run) -> None:
        world.cloudstack.faults.order("fail_job", "reconnectHost")
        operation = cancel(run(reconnect_host(zone, by=builders.the_platform())), by=BY)
        assert operation.phase == Phase.CANCELLED
        assert the_row().why_not_reconnect is None

    def test_two_controllers_are_not_told_apart_by_guessing(self, zone: Zone, world: World, run: Run) -> None:
        table = world.cloudstack.cloud.table("host")
        host = next(iter(table.by("type", "L2Networking")))
        table.put(host | {"id": str(uuid4()), "name": "another"})
        operation = run(reconnect_host(zone, by=builders.the_platform()))
        assert operation.phase == Phase.STUCK
        assert "2 network controllers" in operation.error

    def test_it_is_nothing_of_any_tenants(self, zone: Zone, acme: Tenant) -> None:
        reconnect_host(zone, by=builders.the_platform())
        assert not Operation.objects.of(acme).exists()
        assert not AuditEntry.objects.of(acme).exists()


class TestTheApi:
    @pytest.fixture
    def api(self, admin: User) -> Client:
        return Client(headers={"Authorization": f"Bearer {builders.a_token(None)}"})

    def test_it_reconnects_and_answers_with_the_operation(self, zone: Zone, api: Client) -> None:
        answer = api.post(f"/api/v1/zones/{zone.pk}/reconnect/", "{}", content_type="application/json")
        assert answer.status_code == 202
        body = answer.json()
        assert (body["kind"], body["tenant"], body["resource"]["type"]) == ("reconnect", None, "zone")
        assert api.get(answer.headers["Location"]).json()["id"] == body["id"]
        again = api.post(f"/api/v1/zones/{zone.pk}/reconnect/", "{}", content_type="application/json")
        assert (again.status_code, again.json()["code"]) == (409, "busy")

    def test_a_zone_says_whether_building_is_paused_and_the_platform_why(
        self, zone: Zone, acme: Tenant, api: Client
    ) -> None:
        mine = Client(headers={"Authorization": f"Bearer {builders.a_token(acme)}"})
        path = f"/api/v1/zones/{zone.pk}/"
        assert mine.get(path).json()["paused"] is None
        assert api.get(path).json()["plugin"]["state"] == "unknown"
        is_lost(zone)
        assert mine.get(path).json()["paused"] == Hold.PLUGIN.label
        assert "plugin" not in mine.get(path).json()
        assert api.get(path).json()["plugin"]["state"] == "down"
