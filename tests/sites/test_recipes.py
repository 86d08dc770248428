"""Sites are made, changed and deleted on Netris, whatever goes wrong meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.fabric.changes import NETRIS_CHANGED, WEFT_CHANGED
from apps.fabric.models import Survey, SurveyedDevice, SurveyedSite, SurveyedSubnet
from apps.history.models import Event
from apps.kernel.errors import Busy, Refused
from apps.operations.models import Operation
from apps.operations.services import retry
from apps.sites import services
from apps.sites.models import Site
from apps.sites.queries import facts_of
from apps.sites.specs import SiteChange, SiteSpec
from apps.tenancy.models import AuditEntry
from apps.zones.models import Zone
from tests import builders
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.questions import at_every_call, every_part_twice
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.softgates.test_maintenance import clouds_of, turn, watch  # noqa: F401  # fixtures

A_SITE = {"name": "la", "public_asn": "65100"}
QUESTIONS = ["refused", "reply lost", "late", "killed before", "killed after"]


@pytest.fixture(autouse=True)
def _fabric(surveyed):  # noqa: F811
    """As it was read."""


def created(zone: Zone, **others: Any) -> Operation:  # noqa: F811
    return services.create_site(zone, SiteSpec.parse({**A_SITE, **others}), by=builders.the_platform())


def row(name: str = "la") -> SurveyedSite:
    return SurveyedSite.objects.select_related("zone__survey").get(name=name)


def changed(which: str = "la", /, **values: Any) -> Operation:
    found = row(which)
    return services.change_site(found, SiteChange.parse(values, facts_of(found)), by=builders.the_platform())


def deleted(name: str = "la") -> Operation:
    return services.delete_site(row(name), by=builders.the_platform())


def there(world: Any, name: str = "la") -> list[dict[str, Any]]:
    return [each for each in world.netris.net.sites if each["name"] == name]


def another(world: Any, **facts: Any) -> None:
    """Somebody makes a site in Netris, like the one that is there."""
    [like] = there(world, "sv")
    world.netris.net.sites.add(**{**{name: value for name, value in like.items() if name != "id"}, **facts})


@pytest.fixture
def again(surveyed, clock):  # noqa: F811
    """All is read anew."""

    def later() -> None:
        clock.shift(330)
        surveyed()

    return later


@pytest.fixture
def la(zone, run, again):  # noqa: F811
    """A site that is there and was read."""
    run(created(zone))
    again()
    return row()


class TestCreating:
    def test_it_is_there_and_then_read(self, zone, run, world, again):  # noqa: F811
        assert run(created(zone, acl_policy="deny")).phase == "succeeded"
        [found] = there(world)
        assert (found["publicAsn"], found["aclPolicy"], found["switchFabric"]) == (65100, "deny", "netris")
        assert found["vlanRange"] == "2-4094"
        assert not SurveyedSite.objects.filter(name="la").exists(), "nobody has read it yet"
        again()
        assert (row().public_asn, row().acl_policy, row().vlan_range) == (65100, "deny", "2-4094")

    def test_what_somebody_else_has_made_meanwhile_is_left_alone(self, zone, run, world):  # noqa: F811
        operation = created(zone)
        another(world, name="la", publicAsn=65200)
        operation = run(operation)
        assert (operation.phase, "called la already" in operation.error) == ("rolled_back", True)
        assert [each["publicAsn"] for each in there(world)] == [65200]

    def test_one_at_a_time(self, zone):  # noqa: F811
        created(zone)
        with pytest.raises(Busy):
            created(zone, public_asn="65101")
        assert Site.objects.get().public_asn == 65100

    @pytest.mark.parametrize("how", QUESTIONS)
    def test_disturbed_at_every_call(self, how, zone, run, watch, world, clock):  # noqa: F811
        def as_wanted() -> None:
            assert len(there(world)) == (0 if how == "refused" else 1), watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: created(zone), how, as_wanted):
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
        assert len(there(world)) == 1

    def test_every_part_twice(self, zone, run, world):  # noqa: F811
        with every_part_twice("site"):
            assert run(created(zone)).phase == "succeeded"
        assert len(there(world)) == 1


class TestChanging:
    def test_what_nobody_asked_for_goes_back_as_it_came(self, la, run, world):
        net = world.netris.net
        net.sites.change(there(world)[0], rohAsn=65001, siteMesh="hub", vlanRangeSysReserved="4000-4094")
        before = dict(there(world)[0])
        assert run(changed(name="la-2", public_asn="65101", vlan_range="100-900")).phase == "succeeded"
        [after] = there(world, "la-2")
        different = {name for name in before if before[name] != after[name]}
        assert different == {"name", "publicAsn", "vlanRange", "vlanRangeAutoAssign", "modifiedDate"}
        assert (after["publicAsn"], after["vlanRange"], after["vlanRangeAutoAssign"]) == (65101, "100-900", "100-900")

    def test_its_history_tells_who_has_done_what(self, la, run):
        run(changed(acl_policy="deny"))
        entries = AuditEntry.unscoped.filter(object_type="site").order_by("id")
        assert list(entries.values_list("action", flat=True)) == ["site.create", "site.change"]
        assert (entries[1].old, entries[1].new) == ({"acl_policy": "permit"}, {"acl_policy": "deny"})

    def test_events_tell_apart_what_weft_did(self, la, run, world, again):
        run(changed(public_asn="65101"))
        world.netris.net.sites.change(there(world)[0], aclPolicy="deny")
        again()
        events = Event.objects.filter(subject_kind="site", subject_id=la.remote_id)
        told = set(events.values_list("kind", "words"))
        assert {kind for kind, _ in told} == {WEFT_CHANGED.key, NETRIS_CHANGED.key}
        assert any(kind == WEFT_CHANGED.key and "Public ASN from 65100 to 65101" in words for kind, words in told)
        assert any(kind == NETRIS_CHANGED.key and "Access policy from permit to deny" in words for kind, words in told)

    def test_one_that_is_gone_is_not_changed(self, la, run, world):
        operation = changed(name="la-2")
        world.netris.net.sites.drop(there(world)[0]["id"])
        operation = run(operation)
        assert operation.phase == "stuck" and "no site la any more" in operation.error

    @pytest.mark.parametrize("how", QUESTIONS)
    def test_disturbed_at_every_call(self, how, la, run, watch, world, clock):  # noqa: F811
        def as_wanted() -> None:
            [found] = there(world)
            assert found["publicAsn"] == (65100 if how == "refused" else 65101), watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        for operation, call in at_every_call(scene, lambda: lambda: changed(public_asn="65101"), how, as_wanted):
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
        assert there(world)[0]["publicAsn"] == 65101


class TestDeleting:
    def test_it_is_gone(self, la, run, world, again):
        assert run(deleted()).phase == "succeeded"
        assert there(world) == []
        again()
        assert not SurveyedSite.objects.filter(name="la").exists()

    def test_what_has_come_into_it_by_now_keeps_it(self, la, run, world):
        operation = deleted()
        SurveyedDevice.objects.filter(name="Spine-1").update(facts={"Site": "la"})
        operation = run(operation)
        assert operation.phase == "stuck" and "It still has 1 device." in operation.error
        assert there(world)

    def test_netris_refuses_what_the_inventory_does_not_show(self, la, run, world):
        operation = deleted()
        net = world.netris.net
        net.devices.change(net.devices.one("name", "Spine-1"), site=there(world)[0]["id"])
        operation = run(operation)
        assert operation.phase == "stuck" and "The site is in use" in operation.error and there(world)

    def test_another_one_of_its_name_stays(self, la, run, world):
        operation = deleted()
        was = there(world)[0]
        world.netris.net.sites.drop(was["id"])
        another(world, name="la")
        assert run(operation).phase == "succeeded" and len(there(world)) == 1

    @pytest.mark.parametrize("how", QUESTIONS)
    def test_disturbed_at_every_call(self, how, la, run, watch, world, clock):  # noqa: F811
        scene = SimpleNamespace(run=run, watch=watch, clock=clock)

        def gone() -> None:
            assert there(world) == [], watch.struck

        for operation, call in at_every_call(scene, lambda: deleted, how, gone):
            if operation.phase == "stuck":
                assert how == "refused"
                operation = run(retry(operation, by=builders.BY))
            assert operation.phase == "succeeded", (call, operation.steps)
        gone()

    def test_every_part_twice(self, la, run, world):
        with every_part_twice("site"):
            assert run(deleted()).phase == "succeeded"
        assert there(world) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("values", "code", "field"),
        [
            ({"name": ""}, "name-missing", "name"),
            ({"name": "sv"}, "name-taken", "name"),
            ({"public_asn": ""}, "asn-malformed", "public_asn"),
            ({"public_asn": "0"}, "asn-malformed", "public_asn"),
            ({"public_asn": "4294967296"}, "asn-malformed", "public_asn"),
            ({"public_asn": "65100.5"}, "asn-malformed", "public_asn"),
            ({"public_asn": "٦٥١٠٠"}, "asn-malformed", "public_asn"),
            ({"acl_policy": "maybe"}, "policy-unknown", "acl_policy"),
            ({"switch_fabric": "equinix_metal"}, "fabric-unknown", "switch_fabric"),
            ({"vlan_range": "1-4094"}, "vlans-malformed", "vlan_range"),
            ({"vlan_range": "9-8"}, "vlans-malformed", "vlan_range"),
            ({"vlan_range": "all"}, "vlans-malformed", "vlan_range"),
        ],
    )
    def test_what_does_not_fit_is_refused_before_anything_is_sent(self, values, code, field, zone):  # noqa: F811
        with pytest.raises(Refused) as refusal:
            created(zone, **values)
        assert (refusal.value.code, refusal.value.field) == (code, field)
        assert not Operation.unscoped.exists() and not Site.objects.exists()

    def test_what_a_zone_builds_in_stays(self, zone):  # noqa: F811
        with pytest.raises(Refused, match=f"The zone {zone.name} builds in it. Register it with another site first."):
            deleted("sv")

    def test_what_has_devices_or_subnets_stays(self, zone):  # noqa: F811
        Zone.objects.update(netris_site="elsewhere")
        with pytest.raises(Refused, match=r"It still has \d+ devices and \d+ subnets\."):
            deleted("sv")
        SurveyedDevice.objects.update(facts={})
        with pytest.raises(Refused, match=r"It still has \d+ subnets\."):
            deleted("sv")
        SurveyedSubnet.objects.update(sites=[])
        assert deleted("sv").phase == "queued"

    def test_what_is_not_known_any_more_stays(self, la):
        Survey.objects.update(subnets_read_at=None)
        with pytest.raises(Refused, match="the last reading is too old"):
            deleted()

    @pytest.mark.parametrize(
        ("field", "value"), [("name", "sv-2"), ("acl_policy", "deny"), ("switch_fabric", "dot1q_trunk")]
    )
    def test_what_rests_on_it_keeps_it_as_it_is(self, field, value):
        with pytest.raises(Refused) as refusal:
            changed("sv", **{field: value})
        assert (refusal.value.code, refusal.value.field) == (f"{field.replace('_', '-')}-in-use", field)
        assert not Operation.unscoped.exists()

    def test_what_a_provider_runs_stays(self, la):
        SurveyedSite.objects.filter(pk=la.pk).update(switch_fabric="equinix_metal")
        with pytest.raises(Refused, match="provider's login"):
            changed(public_asn="65101")

    def test_what_is_so_already_is_not_changed(self, la):
        with pytest.raises(Refused, match="so already"):
            changed(public_asn="65100", vlan_range="")
