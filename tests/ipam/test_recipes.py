"""Allocations and subnets are made, changed and deleted on Netris, whatever goes wrong meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.fabric.models import SurveyedSubnet
from apps.ipam import services
from apps.ipam.models import Block
from apps.ipam.specs import BlockChange, BlockSpec
from apps.kernel.errors import Busy, Refused
from apps.operations.models import Operation
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.questions import at_every_call, every_part_twice
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.softgates.test_maintenance import clouds_of, turn, watch  # noqa: F401  # fixtures

A_SUBNET = {"type": "subnet", "prefix": "10.77.0.0/24", "name": "lab", "purpose": "common"}
AN_ALLOCATION = {"type": "allocation", "prefix": "172.20.0.0/16", "name": "Labs"}


@pytest.fixture(autouse=True)
def _site(surveyed):  # noqa: F811
    """As it was read."""


def created(zone: Any, values: dict[str, Any] = A_SUBNET, **others: Any) -> Operation:  # noqa: F811
    spec = BlockSpec.parse({**values, **others}, site=zone.netris_site)
    return services.create_block(zone, spec, by=builders.the_platform())


def row(prefix: str = "10.77.0.0/24") -> SurveyedSubnet:
    return SurveyedSubnet.objects.select_related("zone").get(prefix=prefix)


def changed(prefix: str = "10.77.0.0/24", **values: Any) -> Operation:
    return services.change_block(row(prefix), BlockChange.parse(values), by=builders.the_platform())


def deleted(prefix: str = "10.77.0.0/24") -> Operation:
    return services.delete_block(row(prefix), by=builders.the_platform())


def there(world: Any, prefix: str = "10.77.0.0/24") -> list[dict[str, Any]]:
    """What Netris has under this prefix in the System VPC."""
    net = world.netris.net
    shelves = (net.subnets, net.allocations)
    return [each for shelf in shelves for each in shelf if each["prefix"] == prefix and each["vpc"] == net.system_vpc]


def another(world: Any, like: str, **facts: Any) -> None:
    """Somebody makes a subnet in Netris, like one that is there."""
    was = {name: value for name, value in there(world, like)[0].items() if name != "id"}
    world.netris.net.subnets.add(**{**was, **facts})


@pytest.fixture
def lab(zone, run, surveyed, clock):  # noqa: F811
    """A subnet that is there and was read."""
    run(created(zone))
    clock.shift(150)
    surveyed()
    return row()


class TestCreating:
    def test_it_is_there_and_then_read(self, zone, run, world, surveyed, clock):  # noqa: F811
        assert run(created(zone, description="For trials")).phase == "succeeded"
        [found] = there(world)
        assert (found["name"], found["purpose"], found["description"]) == ("lab", "common", "For trials")
        assert found["sites"] == [world.netris.net.sites.one("name", "sv")["id"]]
        assert not SurveyedSubnet.objects.filter(prefix="10.77.0.0/24").exists(), "nobody has read it yet"
        clock.shift(150)
        surveyed()
        assert (row().name, row().site_names, row().description) == ("lab", ["sv"], "For trials")

    def test_an_allocation_and_then_what_lies_in_it(self, zone, run, world, surveyed, clock):  # noqa: F811
        run(created(zone, AN_ALLOCATION))
        clock.shift(150)
        surveyed()
        run(created(zone, A_SUBNET, prefix="172.20.1.0/24"))
        assert there(world, "172.20.0.0/16") and there(world, "172.20.1.0/24")

    def test_what_somebody_else_has_made_meanwhile_is_left_alone(self, zone, run, world):  # noqa: F811
        operation = created(zone, prefix="10.78.0.0/24", name="other")
        another(world, "10.99.0.0/21", prefix="10.78.0.0/24", name="theirs")
        operation = run(operation)
        assert (operation.phase, "already, as theirs" in operation.error) == ("rolled_back", True)
        assert [each["name"] for each in there(world, "10.78.0.0/24")] == ["theirs"]

    def test_what_netris_refuses_is_told_in_its_words(self, zone, run, world):  # noqa: F811
        operation = created(zone)
        net = world.netris.net
        for each in [*net.subnets]:
            net.subnets.drop(each["id"])
        net.allocations.drop(there(world, "10.0.0.0/8")[0]["id"])
        operation = run(operation)
        assert operation.phase == "rolled_back" and "IP prefix is out of any allocation" in operation.error

    def test_one_at_a_time(self, zone):  # noqa: F811
        created(zone)
        with pytest.raises(Busy):
            created(zone, name="twice")
        assert Block.objects.get().name == "lab"

    @pytest.mark.parametrize("how", ["refused", "reply lost", "late", "killed before", "killed after"])
    @pytest.mark.parametrize("values", [A_SUBNET, AN_ALLOCATION], ids=["subnet", "allocation"])
    def test_disturbed_at_every_call(self, how, values, zone, run, watch, world, clock):  # noqa: F811
        def as_wanted() -> None:
            found = there(world, values["prefix"])
            assert len(found) == (0 if how == "refused" else 1), watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: created(zone, values), how, as_wanted):
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
        assert len(there(world, values["prefix"])) == 1

    def test_every_part_twice(self, zone, run, world):  # noqa: F811
        with every_part_twice("subnet"):
            assert run(created(zone)).phase == "succeeded"
        assert len(there(world)) == 1


class TestChanging:
    def test_what_nobody_asked_for_goes_back_as_it_came(self, lab, run, world):
        net = world.netris.net
        net.subnets.change(there(world)[0], tags=["keep"], globalRouting=True)
        before = dict(there(world)[0])
        assert run(changed(name="Lab 2", purpose="management", gateway="10.77.0.1")).phase == "succeeded"
        after = there(world)[0]
        different = {name for name in before if before[name] != after[name]}
        assert different <= {"name", "purpose", "defaultGateway", "modifiedDate"}
        assert (after["name"], after["purpose"], after["defaultGateway"]) == ("Lab 2", "management", "10.77.0.1")

    def test_its_history_tells_who_has_done_what(self, lab, run):
        run(changed(name="Lab 2"))
        entries = AuditEntry.unscoped.filter(object_type="block").order_by("id")
        assert list(entries.values_list("action", flat=True)) == ["subnet.create", "subnet.change"]
        assert (entries[1].old, entries[1].new) == ({"name": "lab"}, {"name": "Lab 2"})

    def test_one_that_is_gone_is_not_changed(self, lab, run, world):
        operation = changed(name="Lab 2")
        world.netris.net.subnets.drop(there(world)[0]["id"])
        operation = run(operation)
        assert operation.phase == "stuck" and "no subnet 10.77.0.0/24 any more" in operation.error

    @pytest.mark.parametrize("how", ["refused", "reply lost", "late", "killed before", "killed after"])
    def test_disturbed_at_every_call(self, how, lab, run, watch, world, clock):  # noqa: F811
        def as_wanted() -> None:
            [found] = there(world)
            assert found["name"] == ("lab" if how == "refused" else "Lab 2"), watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: changed(name="Lab 2"), how, as_wanted):
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
        assert there(world)[0]["name"] == "Lab 2"


class TestDeleting:
    def test_it_is_gone(self, lab, run, world):
        assert run(deleted()).phase == "succeeded"
        assert there(world) == []

    def test_what_lies_in_it_by_now_is_not_deleted_along(self, lab, run, world, zone):  # noqa: F811
        operation = deleted()
        another(world, "10.77.0.0/24", prefix="10.77.0.64/26", name="inside")
        operation = run(operation)
        assert operation.phase == "stuck" and "1 subnet lies in it by now" in operation.error
        assert there(world) and there(world, "10.77.0.64/26")

    def test_another_one_under_its_prefix_stays(self, lab, run, world):
        operation = deleted()
        was = there(world)[0]
        world.netris.net.subnets.drop(was["id"])
        another(world, "10.99.0.0/21", prefix=was["prefix"], name=was["name"])
        assert run(operation).phase == "succeeded" and len(there(world)) == 1

    @pytest.mark.parametrize("how", ["refused", "reply lost", "late", "killed before", "killed after"])
    def test_disturbed_at_every_call(self, how, lab, run, watch, world, clock):  # noqa: F811
        from apps.operations.services import retry

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)

        def gone() -> None:
            assert there(world) == [], watch.struck

        for operation, call in at_every_call(scene, lambda: deleted, how, gone):
            if operation.phase == "stuck":
                assert how == "refused"
                operation = run(retry(operation, by=builders.BY))
            assert operation.phase == "succeeded", (call, operation.steps)
        gone()

    def test_every_part_twice(self, lab, run, world):
        with every_part_twice("subnet"):
            assert run(deleted()).phase == "succeeded"
        assert there(world) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("values", "code", "field"),
        [
            ({"prefix": "10.77.0.0/8"}, "prefix-malformed", "prefix"),
            ({"prefix": "10.77.0.1"}, "prefix-malformed", "prefix"),
            ({"prefix": "10.77.0.1/32"}, "prefix-single", "prefix"),
            ({"prefix": "cow"}, "prefix-malformed", "prefix"),
            ({"prefix": ""}, "prefix-missing", "prefix"),
            ({"prefix": "172.20.0.0/24"}, "prefix-outside", "prefix"),
            ({"prefix": "10.10.0.0/16"}, "prefix-taken", "prefix"),
            ({"name": ""}, "name-missing", "name"),
            ({"name": "Loopback IP Subnet"}, "name-taken", "name"),
            ({"purpose": "fun"}, "purpose-unknown", "purpose"),
            ({"sites": "nowhere"}, "site-unknown", "sites"),
            ({"gateway": "10.77.0.1"}, "gateway-not-here", "gateway"),
            ({"gateway": "10.78.0.1", "purpose": "management"}, "gateway-outside", "gateway"),
            ({"gateway": "10.77.0.0", "purpose": "management"}, "gateway-outside", "gateway"),
            ({"gateway": "x", "purpose": "management"}, "gateway-malformed", "gateway"),
            ({"type": "cow"}, "type-unknown", "type"),
            ({**AN_ALLOCATION, "purpose": ""} | {"prefix": "10.128.0.0/9"}, "prefix-overlaps", "prefix"),
            ({**AN_ALLOCATION}, "purpose-not-here", "purpose"),
        ],
    )
    def test_what_does_not_fit_is_refused_before_anything_is_sent(self, values, code, field, zone):  # noqa: F811
        with pytest.raises(Refused) as refusal:
            created(zone, **values)
        assert (refusal.value.code, refusal.value.field) == (code, field)
        assert not Operation.unscoped.exists() and not Block.objects.exists()

    def test_what_carries_something_stays(self, zone):  # noqa: F811
        for prefix, why in (("10.0.0.0/8", "subnets"), ("10.0.0.0/16", "addresses in use")):
            with pytest.raises(Refused, match=why):
                deleted(prefix)
        with pytest.raises(Refused, match="what it is for stays"):
            changed("10.0.0.0/16", purpose="common")

    def test_what_cloudstack_hands_out_of_stays(self, zone):  # noqa: F811
        with pytest.raises(Refused, match="public IPs of CloudStack"):
            deleted("198.51.100.0/25")

    def test_what_netris_has_from_elsewhere_stays(self, zone):  # noqa: F811
        SurveyedSubnet.objects.filter(prefix="10.99.0.0/21").update(is_read_only=True)
        for act in (lambda: changed("10.99.0.0/21", name="x"), lambda: deleted("10.99.0.0/21")):
            with pytest.raises(Refused, match="from the provider of its fabric"):
                act()

    def test_what_is_so_already_is_not_changed(self, zone):  # noqa: F811
        with pytest.raises(Refused, match="so already"):
            changed("10.99.0.0/21", name=row("10.99.0.0/21").name)
