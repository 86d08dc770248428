"""Links come and go, and ports are changed, whatever happens to the calls."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from apps.fabric.models import SurveyedPort
from apps.inventory.recipes import DEVICE, LINK, PORT
from apps.inventory.services.devices import change_device, delete_device
from apps.inventory.services.links import change_link, create_link, delete_link, left_without, why_not
from apps.inventory.services.ports import change_port
from apps.kernel.errors import Refused
from apps.mirror.models import Kind, Reading
from apps.operations.models import Operation
from apps.operations.services import cancel, retry
from apps.softgates.recipes import MAINTENANCE
from apps.zones.models import Zone
from tests import builders
from tests.builders import BY
from tests.inventory.conftest import cables, device, link, made, port
from tests.inventory.test_devices import HOWS, refused
from tests.questions import at_every_call, every_part_twice

ENDS = ("swp7@Leaf-1", "swp7@Leaf-2")


def linked(zone, local: str = ENDS[0], remote: str = ENDS[1]) -> Operation:
    return create_link(zone, local, remote, underlay=False, by=builders.the_platform())


def deleted(name: str, confirmed: str | None = None) -> Operation:
    row = link(name)
    return delete_link(row, confirmed=row.name if confirmed is None else confirmed, by=builders.the_platform())


class TestLinks:
    def test_it_comes_changes_and_goes(self, zone, surveyed, run, world):
        assert run(linked(zone)).phase == "succeeded"
        assert frozenset(ENDS) in cables(world)
        surveyed()
        row = link(ENDS[0])
        assert run(change_link(row, underlay=True, by=builders.the_platform())).phase == "succeeded"
        assert [each["underlay"] for each in world.netris.net.links if str(each["id"]) == row.remote_id] == ["enabled"]
        surveyed()
        assert run(deleted(ENDS[0])).phase == "succeeded"
        assert frozenset(ENDS) not in cables(world)

    def test_what_cannot_be_linked(self, zone, surveyed):
        assert refused(lambda: linked(zone, "swp1@Leaf-1", "swp9")) == {
            "remote": "Call a port in full, with its device: swp5@Leaf-1."
        }
        assert refused(lambda: linked(zone, "swp7@Leaf-1", "swp8@leaf-1")) == {"remote": "A link joins two devices."}
        assert set(refused(lambda: linked(zone, "swp1@Leaf-1", "swp99@Leaf-2"))) == {"local", "remote"}
        linked(zone)
        assert "is being linked just now" in refused(lambda: linked(zone, ENDS[0], "swp8@Leaf-2"))["local"]

    def test_the_last_one_wants_to_be_confirmed(self, zone, surveyed, run):
        by = builders.the_platform()
        assert left_without(link("eth0@Server-4"), by) == ["Server-4"]
        assert "Server-4 would have no link of this kind" in refused(lambda: deleted("eth0@Server-4", ""))["confirm"]
        assert left_without(link("eth1@Server-4"), by) == []
        assert run(deleted("eth1@Server-4", "")).phase == "succeeded"

    def test_while_nobody_can_tell_what_is_cut_off_it_wants_to_be_confirmed(self, surveyed, clock, run):
        clock.shift(3600)
        with pytest.raises(Refused, match="read too long ago"):
            deleted("eth1@Server-4", "")
        with pytest.raises(Refused, match="read too long ago"):
            change_link(link("eth1@Server-4"), underlay=False, by=builders.the_platform())
        assert run(deleted("eth1@Server-4")).phase == "succeeded"

    def test_so_does_a_port_while_nobody_can_tell_what_uses_it(self, surveyed, clock):
        by = builders.the_platform()
        clock.shift(3600)
        with pytest.raises(Refused, match="read too long ago"):
            change_port(port("swp7@Leaf-1"), {"is_enabled": False}, by=by)
        change_port(port("swp7@Leaf-1"), {"is_enabled": False}, confirmed="swp7@Leaf-1", by=by)

    @pytest.mark.parametrize("is_over", [False, True])
    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_the_last_one_after_another_that_goes_before_the_inventory_shows_it(
        self, is_over, is_deleted, surveyed, run
    ):
        def off(name: str, confirmed: str = "") -> Operation:
            return change_link(link(name), underlay=False, confirmed=confirmed, by=builders.the_platform())

        first = deleted("eth1@Server-4", "") if is_deleted else off("eth1@Server-4")
        if is_over:
            assert run(first).phase == "succeeded"
        for act in (lambda: deleted("eth2@Server-4", ""), lambda: off("eth2@Server-4")):
            assert "Server-4 would have no link of this kind" in refused(act)["confirm"]
        assert run(off("eth2@Server-4", link("eth2@Server-4").name)).phase == "succeeded"

    def test_one_that_was_put_back_is_there(self, surveyed, run):
        cancel(deleted("eth1@Server-4", ""), by=BY)
        assert left_without(link("eth2@Server-4"), builders.the_platform()) == []

    def test_a_port_that_others_use_or_that_goes_with_its_device(self, zone, surveyed, run):
        SurveyedPort.objects.filter(name=ENDS[1]).update(is_used=True)
        assert refused(lambda: linked(zone)) == {
            "remote": f"V-Nets or other services use {ENDS[1]}. Take another port, or free it in Netris first."
        }
        run(made(zone, "server", name="Spare-1"))
        surveyed()
        delete_device(device("Spare-1"), confirmed="Spare-1", by=builders.the_platform())
        assert refused(lambda: linked(zone, ENDS[0], "eth1@Spare-1")) == {
            "remote": "Spare-1 is being deleted just now."
        }

    def test_nothing_is_made_or_changed_in_a_zone_that_is_disabled(self, zone, surveyed):
        Zone.objects.update(is_enabled=False)
        zone.refresh_from_db()
        by = builders.the_platform()
        for act in (
            lambda: linked(zone),
            lambda: change_link(link("eth1@Server-4"), underlay=False, by=by),
            lambda: change_port(port(ENDS[0]), {"mtu": 1500}, by=by),
            lambda: change_device(device("Server-4"), {"description": "x"}, by=by),
        ):
            assert refused(act) == {"zone": f"{zone} is disabled. Nothing is made or changed there."}

    def test_a_border_cable_is_no_link_of_netris(self, surveyed):
        row = link("swp29@Leaf-1")
        assert row.plane == "border" and "no cable of an ISP's router" in why_not(row)
        assert None in refused(lambda: deleted("swp29@Leaf-1"))

    def test_one_that_joins_other_ports_by_now_stays(self, surveyed, run, world):
        operation = deleted("eth1@Server-4")
        net = world.netris.net
        row = net.links.get(int(link("eth1@Server-4").remote_id))
        net.links.change(row, local=net.ports.one("name", "swp9@Leaf-1")["id"])
        assert run(operation).phase == "stuck" and "joins swp9@Leaf-1" in operation.__class__.unscoped.get().error
        assert net.links.get(row["id"]) is not None

    @pytest.mark.parametrize("how", HOWS)
    @pytest.mark.parametrize("is_new", [True, False])
    def test_disturbed_at_every_call(self, how, is_new, zone, surveyed, run, watch, world, clock):
        before = len(world.netris.net.links)
        phases = ["succeeded"]

        def then() -> None:
            count = 0 if phases[-1] == "rolled_back" else 1 if is_new else -1
            assert len(world.netris.net.links) == before + count, watch.struck
            assert (frozenset(ENDS) in cables(world)) is (is_new and count == 1), watch.struck

        def start():
            return (lambda: linked(zone)) if is_new else (lambda: deleted("eth1@Server-4"))

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, start, how, then):
            if operation.phase == "stuck":
                assert how == "refused" and not is_new
                operation = run(retry(operation, by=BY))
            phases.append(operation.phase)
            assert operation.phase == ("rolled_back" if how == "refused" and is_new else "succeeded"), (call, operation)
            then()
        assert len(watch.calls) >= 3

    def test_every_part_twice(self, zone, surveyed, run, world):
        with every_part_twice("link"):
            assert run(linked(zone)).phase == "succeeded"
        assert frozenset(ENDS) in cables(world)


@pytest.mark.parametrize("recipe", [DEVICE, LINK, PORT, MAINTENANCE])
@pytest.mark.parametrize(("phase", "is_read"), [("given_up", True), ("stuck", True), ("building", False)])
def test_the_inventory_is_read_again_however_an_operation_has_ended(
    phase, is_read, recipe, zone, surveyed, django_capture_on_commit_callbacks
):
    later = timezone.now() + timedelta(hours=1)
    Reading.objects.update(due_at=later)
    with django_capture_on_commit_callbacks(execute=True):
        recipe.settle(SimpleNamespace(zone=zone), "present", phase)
    assert (Reading.objects.get(kind=Kind.NETRIS_DEVICE).due_at < later) is is_read


class TestPorts:
    def change(self, name: str = "swp7@Leaf-1", confirmed: str = "", **values) -> Operation:
        return change_port(port(name), values, confirmed=confirmed, by=builders.the_platform())

    def row(self, world, name: str = "swp7@Leaf-1"):
        return world.netris.net.ports.one("name", name)

    def test_only_what_is_wanted(self, surveyed, run, world):
        before = dict(self.row(world))
        values = {"description": "To the new rack", "mtu": 1500, "speed": "25000", "is_enabled": False}
        assert run(self.change(**values)).phase == "succeeded"
        after = self.row(world)
        changed = {name: after[name] for name in before if before[name] != after[name] and name != "modifiedDate"}
        assert changed == {
            "description": "To the new rack",
            "mtu": 1500,
            "desiredSpeed": "25000",
            "adminDown": True,
        }
        surveyed()
        assert (port("swp7@Leaf-1").status, port("swp7@Leaf-1").description) == ("disabled", "To the new rack")

    def test_what_cannot_be(self, surveyed):
        told = refused(lambda: self.change(mtu=67, speed="1", description="\x07", is_enabled=None))
        assert set(told) == {"mtu", "speed", "description", "is_enabled"}
        assert refused(lambda: self.change(is_enabled=True)) == {None: "It is like this already."}

    def test_what_something_hangs_on_is_switched_off_by_name(self, surveyed, run, world):
        told = refused(lambda: self.change("swp2@Leaf-1", is_enabled=False))
        assert told == {"confirm": "Its link to eth1@Server-2 goes down. Type swp2@Leaf-1 to confirm."}
        assert run(self.change("swp2@Leaf-1", "swp2@Leaf-1", is_enabled=False)).phase == "succeeded"
        assert self.row(world, "swp2@Leaf-1")["adminDown"] is True

    @pytest.mark.parametrize("how", HOWS)
    def test_disturbed_at_every_call(self, how, surveyed, run, watch, world, clock):
        phases = ["succeeded"]

        def then() -> None:
            assert self.row(world)["mtu"] == (1500 if phases[-1] == "succeeded" else 9216), watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: self.change(mtu=1500), how, then):
            if operation.phase == "stuck":
                operation = run(retry(operation, by=BY))
            phases.append(operation.phase)
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
            then()
        assert len(watch.calls) >= 4
