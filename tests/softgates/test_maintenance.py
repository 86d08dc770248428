"""A SoftGate goes into maintenance and comes out of it: told first, switched once, and seen to be empty."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.fabric.models import SurveyedDevice
from apps.fabric.surveys import survey
from apps.history.series import Point, record
from apps.kernel.errors import Busy, Refused
from apps.operations import engine
from apps.operations.models import Operation
from apps.operations.services import retry
from apps.softgates.blast import BlastRadius, blast_radius
from apps.softgates.models import Maintenance
from apps.softgates.queries import members
from apps.softgates.services import set_maintenance
from apps.tenancy.models import AuditEntry, Scope
from tests import builders
from tests.api.conftest import Api
from tests.builders import BY
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.questions import Watch, at_every_call, every_part_twice
from tests.softgates.test_fleet import rules, surveyed  # noqa: F401  # fixtures
from tests.web.conftest import words


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    return watch.clouds_of


@pytest.fixture
def turn(clouds_of: Any) -> Any:
    """The worker takes what is due now, and nothing that is due later."""

    def once(operation: Operation) -> Operation:
        Operation.unscoped.filter(pk=operation.pk).update(due_at=operation.created_at)
        engine.turn(clouds_of)
        return Operation.unscoped.get(pk=operation.pk)

    return once


def gate(name: str = "SoftGate-1") -> SurveyedDevice:
    return SurveyedDevice.objects.select_related("zone__survey").get(name=name)


def switched(name: str = "SoftGate-1", *, is_on: bool = True, **how: Any) -> Operation:
    return set_maintenance(gate(name), is_on=is_on, by=builders.the_platform(), **how)


def begun(turn: Any, clock: Any) -> Operation:
    """Switched, and worked on for a quarter of a minute."""
    operation = switched()
    for _ in range(3):
        clock.shift(5)
        operation = turn(operation)
    return operation


def mode(world: Any, name: str = "SoftGate-1") -> dict[str, Any]:
    row: dict[str, Any] = world.netris.net.devices.one("name", name)
    return row


def measured(name: str, sessions: float) -> None:
    device = gate(name)
    record(device.zone, [Point("device", device.remote_id, "conntrack", sessions)])


class TestOperation:
    def test_it_is_over_when_the_sessions_have_left(self, surveyed, turn, world, clock):  # noqa: F811
        measured("SoftGate-1", 40_000)
        before = dict(mode(world))
        operation = switched()
        for _ in range(3):  # it is switched, seen to be, and waited for
            clock.shift(5)
            operation = turn(operation)
        for sessions, is_over in ((38_000, False), (4_000, False), (390, True)):
            clock.shift(40)
            measured("SoftGate-1", sessions)
            operation = turn(operation)
            assert (operation.phase == "succeeded") is is_over, operation.steps
        after = dict(mode(world))
        assert after.pop("maintenanceMode") is True and before.pop("maintenanceMode") is False
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= {"modifiedDate"}, "nothing else of the device has changed"

    def test_what_is_still_there_is_told(self, surveyed, turn, clock):  # noqa: F811
        measured("SoftGate-1", 40_000)
        operation = switched()
        for _ in range(3):
            clock.shift(5)
            turn(operation)
        clock.shift(40)
        measured("SoftGate-1", 39_000)
        operation = turn(operation)
        assert "39,000 NAT sessions are still there; before there were 40,000." in str(operation.steps)

    def test_an_old_reading_proves_nothing(self, surveyed, turn, clock):  # noqa: F811
        measured("SoftGate-1", 3)
        clock.shift(600)
        with pytest.raises(Refused, match="the last reading is too old"):
            switched()
        surveyed()
        operation = begun(turn, clock)
        assert operation.phase != "succeeded" and "Waiting for a fresh reading" in str(operation.steps)
        measured("SoftGate-1", 3)
        assert turn(operation).phase == "succeeded"

    def test_a_reading_that_nobody_has_any_more_proves_nothing_either(self, surveyed, turn, clock):  # noqa: F811
        measured("SoftGate-1", 40_000)
        clock.shift(55 * 60)
        surveyed()
        operation = begun(turn, clock)
        clock.shift(6 * 60)
        operation = turn(operation)
        assert operation.phase != "succeeded" and "the last one is too old" in str(operation.steps)
        measured("SoftGate-1", 3)
        assert turn(operation).phase == "succeeded"

    def test_a_collector_that_was_away_when_it_was_switched_is_waited_for(self, surveyed, turn, clock):  # noqa: F811
        measured("SoftGate-1", 40_000)
        clock.shift(70 * 60)
        surveyed()
        operation = begun(turn, clock)
        assert operation.phase != "succeeded" and "the last one is too old" in str(operation.steps)
        measured("SoftGate-1", 3)
        assert turn(operation).phase == "succeeded"

    def test_where_nobody_measures_it_ends_without_a_word_of_traffic(self, surveyed, run, world):  # noqa: F811
        operation = run(switched())
        assert operation.phase == "succeeded" and mode(world)["maintenanceMode"] is True
        assert "where they are measured" in operation.steps[1]["title"]

    def test_out_of_it_again(self, surveyed, run, world, clock):  # noqa: F811
        run(switched())
        clock.shift(20)
        surveyed()
        assert run(switched(is_on=False)).phase == "succeeded"
        assert mode(world)["maintenanceMode"] is False
        assert Maintenance.objects.count() == 1
        actions = AuditEntry.unscoped.filter(object_type="maintenance").order_by("id").values_list("action", flat=True)
        assert list(actions) == ["device.maintenance-on", "device.maintenance-off"]

    def test_one_at_a_time(self, surveyed):  # noqa: F811
        switched()
        with pytest.raises(Busy):
            switched(is_on=False)
        switched("SoftGate-3")

    def test_a_device_that_netris_calls_otherwise_by_now_is_left_alone(self, surveyed, run, world):  # noqa: F811
        gates = world.netris.net.devices
        gates.change(gates.one("name", "SoftGate-1"), name="Other")
        operation = run(switched())
        assert operation.phase == "stuck" and "no SoftGate SoftGate-1 any more" in operation.error
        assert mode(world, "Other")["maintenanceMode"] is False

    def test_only_softgates(self, surveyed):  # noqa: F811
        with pytest.raises(Refused, match="Maintenance is for SoftGates"):
            switched("Leaf-1")
        assert not Operation.unscoped.filter(kind="maintenance").exists()

    @pytest.mark.parametrize("how", ["refused", "reply lost", "late", "killed before", "killed after"])
    @pytest.mark.parametrize("is_on", [True, False])
    def test_disturbed_at_every_call(self, how, is_on, surveyed, run, watch, world, clock):  # noqa: F811
        gates = world.netris.net.devices
        gates.change(gates.one("name", "SoftGate-1"), maintenanceMode=not is_on)

        def as_wanted() -> None:
            assert mode(world)["maintenanceMode"] is is_on, watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: switched(is_on=is_on), how, as_wanted):
            if operation.phase == "stuck":
                assert how == "refused"
                operation = run(retry(operation, by=BY))
            assert operation.phase == "succeeded", (call, operation.steps)
        as_wanted()
        assert len(watch.calls) >= 3

    def test_every_part_twice(self, surveyed, run, world):  # noqa: F811
        with every_part_twice("maintenance"):
            assert run(switched()).phase == "succeeded"
        assert mode(world)["maintenanceMode"] is True


def radius_of(name: str) -> BlastRadius:
    [member] = members([gate(name)])
    return blast_radius(member, builders.the_platform())


class TestBlastRadius:
    def test_of_one_of_two_general_nodes(self, zone, surveyed):  # noqa: F811
        rules(zone, 1_600, 41)
        radius = radius_of("SoftGate-1")
        assert (radius.is_last, radius.others, list(radius.goes)) == (False, 1, [])
        assert radius.stays[0].detail == "are on 1 other node, 10 Mpps together; no session is lost"

    def test_of_one_of_two_snat_nodes(self, zone, surveyed):  # noqa: F811
        rules(zone, 10, 41)
        [effect] = radius_of("SoftGate-3").goes
        assert (effect.name, radius_of("SoftGate-3").is_last) == ("About 21 VPCs", False)

    def test_the_last_one_wants_its_name(self, zone, surveyed, order, clock, acme):  # noqa: F811
        order("/devices/SoftGate-2/kill")
        clock.shift(150)
        surveyed()
        rules(zone, 3)
        builders.a_vpc(acme, zone, netris_id=1)
        radius = radius_of("SoftGate-1")
        assert (radius.is_last, radius.tenants) == (True, 1)
        assert "1 tenant is cut off" in radius.goes[0].detail
        for confirmed in ("", "SoftGate-2"):
            with pytest.raises(Refused, match="last of its kind") as refusal:
                switched(confirmed=confirmed)
            assert (refusal.value.field, refusal.value.code) == ("confirm", "not-confirmed")
        switched(confirmed="SoftGate-1")

    def test_a_node_that_is_on_its_way_into_maintenance_is_no_other(self, surveyed, run, clock):  # noqa: F811
        operation = switched("SoftGate-1")
        for _ in range(2):  # while it is ordered, and until the inventory tells it
            assert radius_of("SoftGate-2").is_last and not radius_of("SoftGate-3").is_last
            with pytest.raises(Refused, match="last of its kind"):
                switched("SoftGate-2")
            operation = run(operation)
        assert operation.phase == "succeeded"
        clock.shift(20)
        surveyed()
        run(switched("SoftGate-1", is_on=False))
        clock.shift(20)
        surveyed()
        assert not radius_of("SoftGate-2").is_last

    def test_one_that_goes_by_another_zone_of_the_same_netris_is_no_other_either(self, zone, surveyed):  # noqa: F811
        there, twin = gate("SoftGate-1"), builders.a_zone("Twin", netris_url=zone.netris_url)
        set_maintenance(
            builders.a_device(twin, there.name, there.remote_id, role="softgate"),
            is_on=True,
            confirmed=there.name,
            by=builders.the_platform(),
        )
        assert radius_of("SoftGate-2").is_last
        with pytest.raises(Refused, match="last of its kind"):
            switched("SoftGate-2")

    def test_on_the_page(self, zone, surveyed, browser, order, clock):  # noqa: F811
        url = f"/fabric/softgates/{gate().pk}/maintenance/"
        rules(zone, 1_600, 41)
        text = words(browser.get(url))
        assert "What goes on" in text and "no session is lost" in text and "Type its name" not in text
        answer = browser.post(url)
        assert answer.status_code == 302 and "/platform/operations/" in answer["Location"]
        assert "Busy" not in words(browser.get(answer["Location"]))
        answer = browser.post(url)
        assert answer.status_code == 422

        order("/devices/SoftGate-4/kill")
        clock.shift(150)
        surveyed()
        url = f"/fabric/softgates/{gate('SoftGate-3').pk}/maintenance/"
        assert "It is the last of its kind that is well" in words(browser.get(url))
        assert browser.post(url, {"confirm": "x"}).status_code == 422
        assert browser.post(url, {"confirm": "SoftGate-3"}).status_code == 302

    def test_over_rest(self, zone, surveyed):  # noqa: F811
        rules(zone, 1_600, 41)
        api = Api(builders.a_token(None, Scope.WRITE))
        pk = gate("SoftGate-3").pk
        body = api.get(f"/fabric/devices/{pk}/blast-radius/").json()
        assert (body["role"], body["others"], body["is_last"]) == ("snat", 1, False)
        first, second = (
            api.post(f"/fabric/devices/{pk}/maintenance/", {"on": True}, Idempotency_Key="one") for _ in range(2)
        )
        assert first.status_code == 202 and second["Idempotency-Replayed"] == "true"
        assert first.json()["resource"]["url"].endswith(f"/fabric/devices/{pk}/maintenance/")
        assert api.post(f"/fabric/devices/{pk}/maintenance/", {"on": False}).status_code == 409
        assert api.post(f"/fabric/devices/{pk}/maintenance/", {"on": "yes"}).status_code in (400, 422)
        leaf = gate("Leaf-1").pk
        for answer in (
            api.get(f"/fabric/devices/{leaf}/blast-radius/"),
            api.post(f"/fabric/devices/{leaf}/maintenance/", {"on": True}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, "not-a-softgate")

    def test_tenants_learn_nothing_of_it(self, surveyed, acme):  # noqa: F811
        mine = Api(builders.a_token(acme, Scope.WRITE))
        assert mine.get(f"/fabric/devices/{gate().pk}/blast-radius/").status_code == 404
        assert mine.post(f"/fabric/devices/{gate().pk}/maintenance/", {"on": True}).status_code == 403


def test_a_survey_shows_it(surveyed, run, zone, clock):  # noqa: F811
    run(switched())
    clock.shift(20)
    surveyed()
    assert survey(zone) is False
    assert gate().status == "maintenance"
