"""Public IPs on the emulated systems: the happy ways first, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address
from typing import Any

import pytest

from apps.addresses.models import Holding, PublicIp, Purpose
from apps.addresses.recipes.public_ips import left_in_netris
from apps.addresses.services.public_ips import acquire, edit, end_rest, release
from apps.addresses.specs import PublicIpSpec
from apps.kernel.errors import Refused
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.networks.models import Vpc
from apps.networks.recipes import find_fabric_vpc
from apps.networks.services import create_vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from apps.quotas.resources import PUBLIC_IP
from apps.quotas.services import set_limits
from apps.zones.models import Zone
from sandbox.cloudstack.inhabitants import Order
from tests.builders import BY, a_vpc_spec, mirrored, the_platform
from tests.questions import Watch, at_every_call, every_part_twice

pytestmark = pytest.mark.usefixtures("accounts")

ANY = PublicIpSpec()


class Scene:
    """One VPC in which address after address comes and goes, each with an action that is disturbed, and the whole pool
    compared with Weft's rows."""

    def __init__(self, tenant: Any, zone: Zone, run: Any, world: Any, watch: Watch, clock: Any, sweep: Any) -> None:
        self.tenant, self.zone, self.run, self.world, self.watch = tenant, zone, run, world, watch
        self.clock, self.sweep = clock, sweep
        self.stranger: Vpc | None = None
        self.vpc = self.a_vpc(tenant)

    def a_vpc(self, tenant: Any, name: str = "prod", **fields: Any) -> Vpc:
        assert self.run(create_vpc(tenant, a_vpc_spec(self.zone, name=name, **fields), by=BY)).phase == Phase.SUCCEEDED
        return Vpc.unscoped.get(tenant=tenant, name=name)

    def read(self) -> None:
        """The pool, as a sweep would."""
        self.clock.shift(1)
        request_refresh(self.zone, Kind.CLOUDSTACK_ADDRESS)
        self.sweep()

    def acquired(self, spec: PublicIpSpec = ANY, vpc: Vpc | None = None) -> PublicIp:
        self.read()
        operation = self.run(acquire(vpc or self.vpc, spec, by=BY))
        assert operation.phase == Phase.SUCCEEDED, operation.steps
        return PublicIp.unscoped.get(pk=operation.resource_id)

    def released(self, row: PublicIp) -> Operation:
        operation = self.run(release(row, by=BY))
        assert operation.phase == Phase.SUCCEEDED, operation.steps
        self.read()
        return operation

    @property
    def remote(self) -> Any:
        return self.watch.clouds_of(self.zone).cloudstack

    def find(self, address: object) -> Any:
        return self.remote.find_public_ip(address, zone_id=str(self.zone.cloudstack_zone_id))

    def taken_by_another(self, address: object) -> None:
        """In CloudStack's own pages, by somebody who has nothing to do with Weft."""
        self.over(self.remote.acquire_public_ip(address, vpc_id=str(self.stranger.cloudstack_id)).job)

    def used_before(self, row: PublicIp) -> None:
        """A forward came and went, so that Netris has a /32."""
        tier = row.vpc.tiers.get(name="web")
        [instance] = self.world.cloudstack.inhabitants.move_in(Order(tier.remote_name))
        for _ in range(20):
            self.clock.shift(timedelta(seconds=10))
            self.world.cloudstack.run_due_jobs()
        given = {"instance_id": instance, "network_id": str(tier.cloudstack_id), "protocol": "tcp"}
        made = self.remote.create_port_forward(str(row.cloudstack_id), **given, public_port=80, private_port=80)
        self.over(made.job)
        self.over(self.remote.delete_port_forward(made.id))
        assert self.subnets(row)

    def over(self, job: str) -> None:
        while not self.remote.check_job(job):
            self.clock.shift(1)

    def subnets(self, row: PublicIp) -> list[str]:
        return [net["name"] for net in self.world.netris.net.shelves["subnet"] if net["prefix"] == f"{row.address}/32"]

    # the questions

    def ready_for(self, action: str) -> None:
        self.row = self.acquired() if action == "release" else None
        self.read()

    def start(self, action: str) -> Operation:
        return release(self.row, by=BY) if self.row else acquire(self.vpc, ANY, by=BY)

    def disturbed_at_every_call(self, action: str, how: str) -> Any:
        """Yields the operation at rest and the disturbed call, for every call that the action makes."""

        def ready() -> Any:
            self.ready_for(action)
            return partial(self.start, action)

        return at_every_call(self, ready, how, self.agree)

    def agree(self) -> None:
        """CloudStack has given the VPC exactly the addresses that Weft says it has."""
        rows = list(PublicIp.unscoped.filter(vpc=self.vpc).exclude(status=Status.DELETED))
        assert {row.status for row in rows} == {Status.READY}
        given = [each for each in self.remote.list_public_ips(str(self.vpc.cloudstack_id)) if each.forprovider]
        assert sorted(each.ipaddress for each in given) == sorted(row.address for row in rows)
        own = {row.cloudstack_id and str(row.cloudstack_id) for row in rows} - {None}
        assert own == {each.id for each in given if not each.issourcenat}
        held = Holding.unscoped.filter(held_until=None, vpc_id=self.vpc.pk)
        assert set(held.values_list("public_ip_id", flat=True)) == {row.pk for row in rows}


@pytest.fixture
def scene(acme, zone, run, world, watch, clock, sweep):
    set_limits(acme, {PUBLIC_IP: 500})
    return Scene(acme, zone, run, world, watch, clock, sweep)


class TestTheHappyWays:
    def test_the_next_free_address_is_the_vpcs_on_both_sides(self, scene):
        row = scene.acquired()

        found = scene.find(row.address)
        assert (found.id, found.vpcid, found.state) == (
            str(row.cloudstack_id),
            str(scene.vpc.cloudstack_id),
            "Allocated",
        )
        assert (row.status, row.purpose) == (Status.READY, Purpose.UNUSED)
        scene.agree()

    def test_the_address_that_somebody_wants_is_the_one_that_they_get(self, scene):
        row = scene.acquired(PublicIpSpec(IPv4Address("198.51.100.77"), "shop", "The front door"))
        assert (str(row.address), row.name, row.notes) == ("198.51.100.77", "shop", "The front door")

    def test_a_released_address_is_free_in_cloudstack_and_rests(self, scene):
        row = scene.acquired()
        scene.released(row)

        assert scene.find(row.address).is_free
        held = Holding.unscoped.get(public_ip_id=row.pk)
        assert held.rests_until - held.held_until == timedelta(hours=24)
        scene.agree()

    def test_the_32_of_an_address_that_was_used_goes_with_it(self, scene):
        row = scene.acquired()
        scene.used_before(row)
        scene.released(row)
        assert scene.subnets(row) == []

    def test_a_cancelled_acquisition_gives_the_address_back(self, scene, clouds_of):
        scene.read()
        operation = acquire(scene.vpc, ANY, by=BY)
        cancel(operation, by=BY)
        assert scene.run(operation).phase == Phase.CANCELLED
        scene.agree()

    def test_an_edit_sends_nothing(self, scene):
        row = scene.acquired()
        del scene.watch.calls[:]
        assert edit(row, name="shop", notes="", by=BY)
        assert not edit(row, name="shop", notes="", by=BY)
        assert scene.watch.calls == []


class TestSomebodyElseTakesIt:
    @pytest.fixture
    def theirs(self, scene, globex):
        scene.stranger = scene.a_vpc(globex, tiers=())
        scene.read()
        return scene.stranger

    def test_a_wanted_address_that_is_gone_is_refused_in_plain_words(self, scene, theirs):
        scene.taken_by_another("198.51.100.77")
        operation = scene.run(acquire(scene.vpc, PublicIpSpec(IPv4Address("198.51.100.77")), by=BY))
        assert operation.phase == Phase.ROLLED_BACK
        assert "198.51.100.77 has been taken outside Weft" in operation.error
        assert scene.find(IPv4Address("198.51.100.77")).vpcid == str(theirs.cloudstack_id)
        assert not Holding.unscoped.filter(address="198.51.100.77").exists()
        scene.agree()

    def test_where_any_will_do_another_is_taken(self, scene, theirs):
        operation = acquire(scene.vpc, ANY, by=BY)
        first = PublicIp.unscoped.get(pk=operation.resource_id).address
        scene.taken_by_another(first)

        assert scene.run(operation).phase == Phase.SUCCEEDED
        row = PublicIp.unscoped.get(pk=operation.resource_id)
        assert row.address > first and row.search_key == f"\n\n{row.address}"
        scene.agree()

    def test_the_loser_of_a_race_in_cloudstack_is_told(self, scene, theirs):
        operation = acquire(scene.vpc, ANY, by=BY)
        address = PublicIp.unscoped.get(pk=operation.resource_id).address
        scene.watch.meanwhile("associateIpAddress", lambda: scene.taken_by_another(address))

        operation = scene.run(operation)

        assert operation.phase == Phase.ROLLED_BACK
        assert "taken outside Weft a moment ago" in operation.error
        assert "Insufficient address capacity" in operation.own_words
        scene.agree()


class TestWhatNetrisKeeps:
    @pytest.mark.parametrize("how", ["refuse", "lose_reply"])
    def test_a_32_that_the_plugin_could_not_delete_is_deleted_after_it(self, scene, world, how):
        row = scene.acquired()
        scene.used_before(row)
        world.netris.faults.order(how, "DELETE /api/v2/ipam/subnet/{id}", times=1)
        scene.released(row)
        assert scene.subnets(row) == []
        scene.agree()

    def test_one_that_netris_keeps_is_told_by_its_name_and_the_release_waits_for_a_person(self, scene, world):
        row = scene.acquired()
        scene.used_before(row)
        world.netris.faults.order("refuse", "DELETE /api/v2/ipam/subnet/{id}")
        operation = scene.run(release(row, by=BY))

        assert operation.phase == Phase.STUCK
        assert f"{row.address}/32" in operation.error and "Netris" in operation.error
        world.netris.faults.clear()
        assert scene.run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
        assert scene.subnets(row) == []

    def test_only_the_32_under_the_plugins_name_for_this_vpc_is_ours_to_delete(self, scene, clouds_of):
        row = scene.acquired()
        prefix = find_fabric_vpc(clouds_of(scene.zone), scene.vpc).name.removesuffix(f"-{scene.vpc.remote_name}")
        for number, name in enumerate((f"D4-A6-Z1-V99-{row.address}/32", f"{prefix}-{row.address}/32", "by hand")):
            given = {"name": name, "prefix": f"{row.address}/32"}
            mirrored(scene.zone, Kind.NETRIS_ADDRESS, [7000 + number], data=given)
        [left] = left_in_netris(row, clouds_of(scene.zone))
        assert left.what == f"the subnet {prefix}-{row.address}/32"


class TestQuarantine:
    def test_only_who_had_it_may_take_it_back_while_it_rests(self, scene, globex, clock):
        row = scene.acquired()
        address = row.address
        theirs = scene.a_vpc(globex)
        scene.released(row)

        with pytest.raises(Refused, match="This address rests until 2026-03-03"):
            acquire(theirs, PublicIpSpec(address), by=BY)
        assert scene.acquired(vpc=theirs).address != address
        back = scene.acquired(PublicIpSpec(address))
        scene.released(back)
        clock.shift(timedelta(hours=25))
        assert scene.acquired(PublicIpSpec(address), theirs).tenant == globex
        told = Holding.unscoped.filter(address=address).order_by("held_from")
        assert [(each.tenant.slug, each.held_until is None) for each in told] == [
            ("acme", False),
            ("acme", False),
            ("globex", True),
        ]

    def test_what_was_just_released_may_be_had_again_before_any_list_shows_it(self, scene):
        row = scene.acquired()
        assert scene.run(release(row, by=BY)).phase == Phase.SUCCEEDED
        operation = acquire(scene.vpc, PublicIpSpec(row.address), by=BY)
        assert scene.run(operation).phase == Phase.SUCCEEDED

    def test_the_platform_ends_a_rest(self, scene, globex):
        row = scene.acquired()
        theirs = scene.a_vpc(globex)
        scene.released(row)
        held = Holding.unscoped.get(public_ip_id=row.pk)
        assert end_rest(held, by=the_platform())
        assert not end_rest(held, by=the_platform())
        assert scene.acquired(PublicIpSpec(row.address), theirs).tenant == globex


class TestRefusals:
    def test_an_address_that_is_none_of_the_zones(self, scene):
        scene.read()
        with pytest.raises(Refused, match=r"9\.9\.9\.9 is none of the public IPs of") as refusal:
            acquire(scene.vpc, PublicIpSpec(IPv4Address("9.9.9.9")), by=BY)
        assert (refusal.value.code, refusal.value.field) == ("address-unknown", "address")

    def test_ones_own_and_anothers(self, scene, globex):
        row, theirs = scene.acquired(), scene.a_vpc(globex)
        with pytest.raises(Refused, match="You have this address already"):
            acquire(scene.vpc, PublicIpSpec(row.address), by=BY)
        with pytest.raises(Refused, match="This address is taken"):
            acquire(theirs, PublicIpSpec(row.address), by=BY)
        scene.read()
        with pytest.raises(Refused, match="This address is taken"):
            acquire(theirs, PublicIpSpec(scene.vpc.egress_ip), by=BY)

    def test_before_any_list_was_read(self, scene):
        with pytest.raises(Refused, match="was not read from CloudStack yet"):
            acquire(scene.vpc, ANY, by=BY)

    def test_beyond_the_quota_which_the_source_nat_address_does_not_count_for(self, scene, acme):
        set_limits(acme, {PUBLIC_IP: 1})
        scene.acquired()
        with pytest.raises(Refused, match="1 of 1 public IPs are in use"):
            acquire(scene.vpc, ANY, by=BY)

    def test_the_vpcs_own_address_is_not_released(self, scene):
        own = PublicIp.unscoped.get(purpose=Purpose.SOURCE_NAT)
        with pytest.raises(Refused, match="It comes and goes with the VPC"):
            release(own, by=BY)


# --- the five questions -----------------------------------------------------------------------------------------------

ACTIONS = ("acquire", "release")


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(scene, action):
    scene.ready_for(action)
    with every_part_twice("public-ip"):
        assert scene.run(scene.start(action)).phase == Phase.SUCCEEDED
    scene.agree()


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(scene, action, how):
    for operation, call in scene.disturbed_at_every_call(action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


def test_a_refusal_at_any_call_of_an_acquisition_leaves_nothing(scene):
    for operation, call in scene.disturbed_at_every_call("acquire", "refused"):
        expected = Phase.ROLLED_BACK if call == "associateIpAddress" else Phase.SUCCEEDED
        assert operation.phase in (expected, Phase.ROLLED_BACK), (call, operation.steps)


def test_a_refusal_at_any_call_of_a_release_waits_for_a_person_and_then_goes_on(scene):
    for operation, call in scene.disturbed_at_every_call("release", "refused"):
        if operation.phase == Phase.STUCK:
            operation = scene.run(retry(operation, by=BY))
        else:
            assert call != "disassociateIpAddress", operation.steps
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)
