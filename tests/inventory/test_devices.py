"""Devices come into Netris' inventory, are changed there and go, whatever happens to the calls."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from django.utils import timezone

from apps.fabric.models import SurveyedDevice
from apps.inventory.models import Device
from apps.inventory.queries import sent
from apps.inventory.services.devices import change_device, create_device, delete_device, why_not_delete
from apps.inventory.services.links import create_link, delete_link
from apps.kernel.errors import Busy, Refused
from apps.mirror.models import Kind, Reading
from apps.operations.models import Operation
from apps.operations.services import retry
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.builders import BY
from tests.inventory.conftest import a_spec, cables, device, link, made, on_netris
from tests.questions import at_every_call, every_part_twice

HOWS = ["refused", "reply lost", "late", "killed before", "killed after"]


def asn_of(name: str) -> int:
    there = sent(device(name))
    assert there is not None and there.asn
    return there.asn


def refused(act) -> dict[str | None, str]:
    with pytest.raises(Refused) as caught:
        act()
    return {each.field: each.message for each in caught.value.all}


class TestHypervisor:
    def test_all_of_it_from_one_form(self, zone, surveyed, run, world):
        before = cables(world)
        spec = a_spec(zone)
        assert (spec.name, spec.loopback, spec.management_address) == ("Server-5", "10.0.8.5", "10.10.10.5")
        operation = run(create_device(zone, spec, by=builders.the_platform()))
        assert operation.phase == "succeeded", operation.steps
        row = on_netris(world, "Server-5")
        assert (row["mainAddress"], row["mgmtAddress"], str(row["asn"])) == ("10.0.8.5", "10.10.10.5", spec.asn)
        assert (row["srvRole"], row["portCount"]) == ("hyperv_cs", 4)
        assert row["tags"] == on_netris(world, "Server-4")["tags"] != []
        assert json.loads(row["customData"])["cloudstack"]["mgmt"]["ipv4"] == "10.100.1.5/21"
        assert cables(world) - before == {
            frozenset({f"eth{number}@Server-5", f"swp5@Leaf-{number}"}) for number in (1, 2)
        }
        net = world.netris.net
        assert [row["underlay"] for row in net.links if row["id"] > len(before)] == ["enabled", "enabled"]

    def test_the_inventory_shows_it_once_it_was_read_again(self, zone, surveyed, run):
        run(made(zone))
        assert not SurveyedDevice.objects.filter(name="Server-5").exists()
        surveyed()
        shown = device("Server-5")
        assert (shown.role, shown.pair) == ("hypervisor", "Leaf-1 + Leaf-2")
        assert Device.objects.get().seen_id == shown.pk

    def test_two_at_once_are_offered_and_get_different_things(self, zone, surveyed, run, world):
        first = made(zone)
        second = a_spec(zone)
        assert (second.name, second.loopback, second.links[0].far_port) == ("Server-6", "10.0.8.6", "swp6@Leaf-1")
        assert json.loads(second.custom_data)["cloudstack"]["mgmt"]["ipv4"] == "10.100.1.6/21"
        assert refused(lambda: made(zone, name="server-5", links=[("eth1", "swp5@Leaf-1")])) == {
            "name": "There is a device called server-5 already."
        }
        assert refused(lambda: made(zone, links=[("eth1", "swp5@Leaf-1")])) == {
            "links.0.far_port": "swp5@Leaf-1 is being linked just now. Take another port."
        }
        for each in (first, create_device(zone, second, by=builders.the_platform())):
            assert run(each).phase == "succeeded"
        assert on_netris(world, "Server-6")["mainAddress"] == "10.0.8.6"

    def test_what_netris_refuses_is_undone_and_told_by_its_field(self, zone, surveyed, run, world):
        before = cables(world)
        net = world.netris.net
        net.links.add(
            local=net.ports.one("name", "swp5@Leaf-2")["id"], remote=net.ports.one("name", "swp9@Spine-1")["id"]
        )
        operation = run(made(zone))
        assert (
            operation.phase == "rolled_back" and operation.error == "Second port: Port swp5@Leaf-2 is already linked."
        )
        assert on_netris(world, "Server-5") is None and len(cables(world)) == len(before) + 1

    def test_one_that_was_there_before_is_left_alone(self, zone, surveyed, run, world):
        spec = a_spec(zone, name="Server-9", links=[])
        row = dict(on_netris(world, "Server-4"))
        world.netris.net.devices.add(
            **{name: value for name, value in row.items() if name != "id"} | {"name": "Server-9"}
        )
        operation = run(create_device(zone, spec, by=builders.the_platform()))
        assert operation.phase == "rolled_back" and "has a device called Server-9 already" in operation.error
        assert on_netris(world, "Server-9") is not None

    @pytest.mark.parametrize("how", HOWS)
    def test_disturbed_at_every_call(self, how, zone, surveyed, run, watch, world, clock):
        before = cables(world)

        def whole() -> None:
            names = [row["name"] for row in world.netris.net.devices]
            assert names.count("Server-5") == 1, watch.struck
            assert len(cables(world)) == len(before) + 2, watch.struck

        def nothing() -> None:
            assert on_netris(world, "Server-5") is None and cables(world) == before, watch.struck

        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        ended = ["succeeded"]

        def then() -> None:
            whole() if ended[-1] == "succeeded" else nothing()

        for operation, call in at_every_call(scene, lambda: lambda: made(zone), how, then):
            if operation.phase == "stuck":
                operation = run(retry(operation, by=BY))
            ended.append(operation.phase)
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
            then()
        whole()
        assert len(watch.calls) >= 9

    def test_every_part_twice(self, zone, surveyed, run, world):
        before = cables(world)
        with every_part_twice("device"):
            assert run(made(zone)).phase == "succeeded"
        assert len(cables(world)) == len(before) + 2


class TestOthers:
    @pytest.mark.parametrize(
        ("role", "values", "shown"),
        [
            ("leaf", {"name": "Leaf-3", "port_count": 54}, {"type": "switch", "swRole": "leaf", "portCount": 54}),
            ("spine", {"name": "Spine-3"}, {"type": "switch", "swRole": "spine"}),
            ("softgate", {"softgate_role": "snat"}, {"type": "softgate", "sgRole": "snat", "sgFlavor": "sg-hs"}),
            ("server", {"name": "Backup-1"}, {"type": "server", "srvRole": "generic", "asn": None}),
        ],
    )
    def test_each_kind(self, role, values, shown, zone, surveyed, run, world):
        spec = a_spec(zone, role, **values)
        assert run(create_device(zone, spec, by=builders.the_platform())).phase == "succeeded"
        row = on_netris(world, spec.name)
        assert {name: row[name] for name in shown} == shown
        surveyed()
        assert device(spec.name).role == role

    def test_what_cannot_be_is_told_at_once(self, zone, surveyed):
        told = refused(lambda: made(zone, loopback="none", asn="x", management_address="10.0.8", name="-a-"))
        assert set(told) == {"loopback", "asn", "management_address", "name"}
        told = refused(lambda: made(zone, loopback="10.0.8.4", asn="auto", links=[("eth1", "swp2@Leaf-1")]))
        assert told == {"loopback": "Server-4 has this address."}
        told = refused(lambda: made(zone, links=[("eth1", "swp2@Leaf-1"), ("eth2", "swp99@Leaf-1")]))
        assert told["links.0.far_port"].startswith("swp2@Leaf-1 is linked to eth1@Server-2")
        assert told["links.1.far_port"] == "The inventory has no port swp99@Leaf-1."
        assert not Operation.unscoped.filter(kind="device").exists()


class TestChange:
    def change(self, **values) -> Operation:
        return change_device(device("Server-4"), values, by=builders.the_platform())

    def test_only_what_is_wanted(self, surveyed, run, world):
        before = dict(on_netris(world, "Server-4"))
        assert run(self.change(description="Rack 7", tags=["iface.eth1=blue"], name="Server-4")).phase == "succeeded"
        after = on_netris(world, "Server-4")
        changed = {name: after[name] for name in before if before[name] != after[name] and name != "modifiedDate"}
        assert changed == {"description": "Rack 7", "tags": ["iface.eth1=blue"]}
        [entry] = AuditEntry.unscoped.filter(action="device.change")
        assert (entry.old["description"], entry.new["description"]) == ("", "Rack 7")

    def test_what_is_taken_or_the_same(self, surveyed):
        assert refused(lambda: self.change(loopback="10.0.8.3")) == {"loopback": "Server-3 has this address."}
        assert refused(lambda: self.change(name="SERVER-3")) == {"name": "There is a device called SERVER-3 already."}
        assert refused(lambda: self.change(loopback="10.0.8.4")) == {None: "It is like this already."}
        assert refused(lambda: self.change(loopback="10.10.10.4")) == {
            "loopback": "Loopback and management are two addresses."
        }
        assert refused(lambda: self.change(port_count=3)) == {"port_count": "This cannot be changed of such a device."}
        assert refused(lambda: self.change(loopback="auto")) == {"loopback": "Say which one: auto is for a new device."}

    def test_what_a_change_takes_is_taken_until_the_inventory_shows_it(self, zone, surveyed, run):
        by = builders.the_platform()
        asn = str(asn_of("Server-3") + 77)
        first = self.change(name="Server-40", loopback="10.0.8.40", asn=asn)
        other = device("Server-3")
        for _ in range(2):
            assert refused(lambda: change_device(other, {"name": "server-40"}, by=by)).keys() == {"name"}
            assert refused(lambda: change_device(other, {"loopback": "10.0.8.40", "asn": asn}, by=by)) == {
                "loopback": "Server-40 has this address.",
                "asn": "Server-40 has this ASN. Each hypervisor has one of its own.",
            }
            assert refused(lambda: made(zone, name="Server-40", loopback="10.0.8.40", asn=asn)).keys() == {
                "name", "loopback", "asn",
            }  # fmt: skip
            if first.is_at_rest:
                assert first.phase == "succeeded"
                self.change(name="Server-40", description="itself")
            else:
                first = run(first)

    def test_its_name_stays_while_a_link_is_made_by_it(self, zone, surveyed, run):
        coming = create_link(zone, "eth3@Server-4", "swp7@Leaf-1", underlay=False, by=builders.the_platform())
        told = refused(lambda: self.change(name="Server-40"))
        assert told == {
            "name": "The link eth3@Server-4 - swp7@Leaf-1 is being made just now, by this name. "
            "Wait until that is over."
        }
        run(coming)
        surveyed()
        assert run(self.change(name="Server-40")).phase == "succeeded"

    def test_one_at_a_time(self, surveyed):
        self.change(description="x")
        with pytest.raises(Busy):
            self.change(description="y")

    @pytest.mark.parametrize("how", HOWS)
    def test_disturbed_at_every_call(self, how, surveyed, run, watch, world, clock):
        scene = SimpleNamespace(run=run, watch=watch, clock=clock)
        phases = ["succeeded"]

        def then() -> None:
            wanted = "new" if phases[-1] == "succeeded" else ""
            assert on_netris(world, "Server-4")["description"] == wanted, watch.struck

        for operation, call in at_every_call(scene, lambda: lambda: self.change(description="new"), how, then):
            if operation.phase == "stuck":
                operation = run(retry(operation, by=BY))
            phases.append(operation.phase)
            assert operation.phase == ("rolled_back" if how == "refused" else "succeeded"), (call, operation.steps)
            then()
        assert len(watch.calls) >= 4


class TestDelete:
    def delete(self, name: str, confirmed: str | None = None) -> Operation:
        return delete_device(
            device(name), confirmed=name if confirmed is None else confirmed, by=builders.the_platform()
        )

    def alone(self, zone, surveyed, run) -> None:
        run(made(zone, "server", name="Spare-1"))
        surveyed()

    def test_it_goes_when_nothing_hangs_on_it(self, zone, surveyed, run, world):
        self.alone(zone, surveyed, run)
        assert why_not_delete(device("Spare-1"), builders.the_platform()) is None
        assert "Type Spare-1" in refused(lambda: self.delete("Spare-1", "Spare"))["confirm"]
        Reading.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).update(read_at=None)
        assert "instances run on it is not known" in why_not_delete(device("Spare-1"), builders.the_platform())
        Reading.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).update(read_at=timezone.now())
        assert run(self.delete("Spare-1")).phase == "succeeded"
        assert on_netris(world, "Spare-1") is None
        assert SurveyedDevice.objects.filter(name="Spare-1").exists(), "the inventory says it once it has read it"
        surveyed()
        assert not SurveyedDevice.objects.filter(name="Spare-1").exists()

    def test_why_not(self, surveyed, clock):
        assert why_not_delete(device("Server-2"), builders.the_platform()).startswith("It has 3 links: ")
        assert why_not_delete(device("SoftGate-1"), builders.the_platform()).startswith("It has ")
        clock.shift(3600)
        assert "too old" in why_not_delete(device("Server-2"), builders.the_platform())

    def test_a_link_that_is_being_made_to_it_keeps_it(self, zone, surveyed, run):
        self.alone(zone, surveyed, run)
        by = builders.the_platform()
        coming = create_link(zone, "eth1@Spare-1", "swp7@Leaf-1", underlay=False, by=by)
        for _ in range(2):
            assert why_not_delete(device("Spare-1"), by) == (
                "The link eth1@Spare-1 - swp7@Leaf-1 is being made just now. "
                "Wait until that is over, and delete it first."
            )
            run(coming)

    def test_with_its_links_gone_it_goes(self, surveyed, run, world):
        for each in ("eth0@Server-4", "eth1@Server-4", "eth2@Server-4"):
            assert (
                run(delete_link(link(each), confirmed=link(each).name, by=builders.the_platform())).phase == "succeeded"
            )
        surveyed()
        assert run(self.delete("Server-4")).phase == "succeeded"
        assert on_netris(world, "Server-4") is None

    def test_what_netris_calls_otherwise_by_now_stays(self, zone, surveyed, run, world):
        self.alone(zone, surveyed, run)
        operation = self.delete("Spare-1")
        devices = world.netris.net.devices
        devices.change(devices.one("name", "Spare-1"), name="Core-1")
        assert run(operation).phase == "stuck"
        assert on_netris(world, "Core-1") is not None

    @pytest.mark.parametrize("how", HOWS)
    def test_disturbed_at_every_call(self, how, zone, surveyed, run, watch, world, clock):
        self.alone(zone, surveyed, run)
        scene = SimpleNamespace(run=run, watch=watch, clock=clock)

        def gone() -> None:
            assert on_netris(world, "Spare-1") is None, watch.struck

        for operation, call in at_every_call(scene, lambda: lambda: self.delete("Spare-1"), how, gone):
            if operation.phase == "stuck":
                assert how == "refused"
                operation = run(retry(operation, by=BY))
            assert operation.phase == "succeeded", (call, operation.steps)
            gone()
        assert len(watch.calls) >= 3
