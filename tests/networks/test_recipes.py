"""VPCs and tiers on the emulated systems: the happy ways first, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from apps.networks.models import Tier, Vpc
from apps.networks.services import (
    create_tier,
    create_vpc,
    delete_tier,
    delete_vpc,
    rename_tier,
    rename_vpc,
)
from apps.networks.specs import TierSpec
from apps.operations import engine
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from apps.zones.turnstile import Hold
from tests.builders import BY, a_vpc_spec, limit
from tests.questions import Watch, at_every_call, every_part_twice

pytestmark = pytest.mark.usefixtures("accounts")


def fresh(row: Any) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


def the_vpc() -> Vpc:
    return Vpc.unscoped.get(status__in=[Status.READY, Status.BUILDING, Status.REMOVING, Status.STUCK])


class TestTheHappyWays:
    def test_a_vpc_with_two_tiers_becomes_real_on_both_systems(self, acme, zone, run, clouds_of):
        operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))

        assert operation.phase == Phase.SUCCEEDED, operation.steps
        vpc = the_vpc()
        assert vpc.status == Status.READY
        assert IPv4Address(vpc.egress_ip) in IPv4Network("198.51.100.0/25")
        tiers = list(vpc.tiers.all())
        assert all(1_000_000 <= tier.vni <= 2_000_000 and tier.status == Status.READY for tier in tiers)
        netris = clouds_of(zone).netris
        assert {net.vxlan_id for net in netris.vnets(vpc.netris_id)} == {tier.vni for tier in tiers}
        assert [str(a.prefix) for a in netris.ipam(vpc.netris_id)] == ["10.20.0.0/20"]

    def test_a_vpc_without_tiers_is_a_vpc_too(self, acme, zone, run):
        assert run(create_vpc(acme, a_vpc_spec(zone, tiers=()), by=BY)).phase == Phase.SUCCEEDED

    def test_a_deleted_vpc_leaves_nothing(self, acme, zone, run, world):
        before = world.what_is_left()
        run(create_vpc(acme, a_vpc_spec(zone), by=BY))
        operation = run(delete_vpc(the_vpc(), by=BY))

        assert operation.phase == Phase.SUCCEEDED, operation.steps
        assert world.what_is_left() == before
        assert not Vpc.unscoped.exclude(status=Status.DELETED).exists()
        assert not Tier.unscoped.exclude(status=Status.DELETED).exists()

    def test_a_tier_comes_and_goes(self, acme, zone, run, world, clouds_of):
        run(create_vpc(acme, a_vpc_spec(zone), by=BY))
        before = world.what_is_left()
        spec = TierSpec("cache", IPv4Network("10.20.2.0/24"))
        assert run(create_tier(the_vpc(), spec, by=BY)).phase == Phase.SUCCEEDED
        tier = Tier.unscoped.get(name="cache")
        assert len(clouds_of(zone).netris.vnets(tier.vpc.netris_id)) == 3
        assert run(delete_tier(tier, by=BY)).phase == Phase.SUCCEEDED
        assert world.what_is_left() == before

    def test_a_rename_sends_nothing_to_any_remote_w3_w4(self, acme, zone, run, watch):
        """Each `updateNetwork` empties the tier's V-Net, and an `updateVPC` may cut the VPC off from Netris."""
        run(create_vpc(acme, a_vpc_spec(zone, description="all of it"), by=BY))
        vpc, clouds = the_vpc(), watch.clouds_of(zone)
        assert clouds.cloudstack.get_vpc(str(vpc.cloudstack_id)).displaytext == "prod: all of it"
        before = [net.name for net in clouds.netris.vnets(vpc.netris_id)]
        del watch.calls[:]

        assert rename_vpc(vpc, name="Production", description="", by=BY)
        assert rename_tier(vpc.tiers.get(name="web"), name="front", by=BY)
        for _ in range(20):
            engine.turn(watch.clouds_of)

        assert watch.calls == []
        assert [net.name for net in clouds.netris.vnets(vpc.netris_id)] == before
        assert (fresh(vpc).name, fresh(vpc).status) == ("Production", Status.READY)
        assert {tier.name for tier in vpc.tiers.all()} == {"front", "db"}

    def test_what_is_still_being_built_can_be_renamed_and_is_found_again_all_the_same(self, acme, zone, run, clouds_of):
        operation = create_vpc(acme, a_vpc_spec(zone), by=BY)
        engine.turn(clouds_of)
        assert rename_vpc(the_vpc(), name="Production", description="", by=BY)
        assert run(operation).phase == Phase.SUCCEEDED
        assert (the_vpc().name, the_vpc().status) == ("Production", Status.READY)

    def test_two_tenants_with_the_same_range_at_the_same_time(self, acme, globex, zone, run):
        operations = [create_vpc(tenant, a_vpc_spec(zone), by=BY) for tenant in (acme, globex)]
        assert [run(operation).phase for operation in operations] == [Phase.SUCCEEDED] * 2
        assert Vpc.unscoped.values("netris_id").distinct().count() == 2
        assert Vpc.unscoped.values("egress_ip").distinct().count() == 2

    def test_a_tenants_own_vpcs_may_overlap(self, acme, zone, run):
        for name in ("one", "two"):
            assert run(create_vpc(acme, a_vpc_spec(zone, name=name), by=BY)).phase == Phase.SUCCEEDED

    def test_a_cancelled_creation_leaves_nothing(self, acme, zone, run, world, clouds_of):
        before = world.what_is_left()
        operation = create_vpc(acme, a_vpc_spec(zone), by=BY)
        engine.turn(clouds_of)
        cancel(operation, by=BY)
        assert run(operation).phase == Phase.CANCELLED
        assert world.what_is_left() == before


class TestWhatNetrisHasIsReadByTheSweeps:
    def test_a_creation_waits_for_a_list_that_is_long_in_coming_and_is_not_undone_for_it(
        self, acme, zone, run, clouds_of, clock
    ):
        operation = create_vpc(acme, a_vpc_spec(zone), by=BY)
        for _ in range(100):  # nobody sweeps
            clock.shift(timedelta(seconds=30))
            engine.turn(clouds_of)
        waiting = fresh(operation)
        assert (waiting.phase, waiting.hold) == (Phase.BUILDING, Hold.LISTS)
        assert "could not be read yet" in waiting.hold_words

        assert run(operation).phase == Phase.SUCCEEDED

    def test_a_removal_is_not_over_before_a_list_shows_that_netris_has_nothing(self, acme, zone, run, world, clouds_of):
        """The creation is undone before the VPC's id on Netris was known."""
        world.cloudstack.faults.order("fail_job", "createVPC", times=1, text="no")
        operation = create_vpc(acme, a_vpc_spec(zone), by=BY)
        for _ in range(6):
            engine.turn(clouds_of)
        lists = world.netris.control.calls["GET /api/v2/vpc"]
        assert run(operation).phase == Phase.ROLLED_BACK
        assert world.netris.control.calls["GET /api/v2/vpc"] > lists
        assert world.are_empty()


class TestWhatIsMissingInNetrisIsSaid:
    def test_a_vpc_that_netris_forgot_is_not_called_ready(self, acme, zone, run, world):
        world.netris.faults.order("refuse", "POST /api/v2/vpc")
        operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))
        assert operation.phase == Phase.ROLLED_BACK
        assert operation.error

    def test_a_missing_vnet_is_named(self, acme, zone, run, world, clouds_of):
        run(create_vpc(acme, a_vpc_spec(zone, tiers=()), by=BY))
        vpc = the_vpc()
        create_tier(vpc, TierSpec("web", IPv4Network("10.20.0.0/24")), by=BY)
        world.netris.faults.order("refuse", "GET /api/v2/vnet", times=1)
        operation = run(Operation.unscoped.get(kind="tier"))
        assert operation.phase == Phase.ROLLED_BACK
        assert fresh(vpc).status == Status.READY


def netris_row(world: Any, table: str) -> tuple[Any, dict[str, Any]]:
    """The row of a kind that was made last, with what it stands in."""
    shelf = world.netris.net.shelves[table]
    return shelf, list(shelf)[-1]


def forget(world: Any, table: str) -> None:
    shelf, row = netris_row(world, table)
    shelf.drop(row["id"])


def change(world: Any, table: str, **fields: Any) -> None:
    shelf, row = netris_row(world, table)
    shelf.change(row, **fields)


class TestWhatOneSystemDoesNotHaveIsSaid:
    """Somebody takes a thing away, or changes it, between the making and the proof."""

    @pytest.mark.parametrize(
        ("call", "table", "fields", "words"),
        [
            ("GET /api/v2/vpc/{id}", "vpc", None, "Netris has no VPC for it yet"),
            ("GET /api/v2/ipam", "allocation", None, "not yet the range 10.20.0.0/20"),
            ("GET /api/v2/nat", "nat", None, "Netris has no source NAT rule"),
            ("GET /api/v2/nat", "nat", {"snatToIP": "198.51.100.99/32"}, "which CloudStack does not list"),
            ("GET /api/v2/ipam/subnets", "subnet", None, "Netris has no subnet 10.20.0.0/24"),
            ("GET /api/v2/vnet", "vnet", None, "Netris has no V-Net with the tier's VNI"),
            ("GET /api/v2/vnet", "vnet", {"gateways": []}, "lacks the gateway 10.20.0.1/24"),
        ],
    )
    def test_in_netris(self, call, table, fields, words, acme, zone, run, world, watch):
        def meddle() -> None:
            if table in ("subnet", "vnet") and ("cloudstack", "createNetwork") not in watch.calls:
                watch.meanwhile(call, meddle)  # only a look at whether the range is free
            elif fields:
                change(world, table, **fields)
            else:
                forget(world, table)

        watch.meanwhile(call, meddle)
        operation = run(create_vpc(acme, a_vpc_spec(zone, tiers=(WEB,)), by=BY))

        assert operation.phase == Phase.ROLLED_BACK
        assert words in operation.error and "took too long" in operation.error
        assert not Vpc.unscoped.exclude(status=Status.DELETED).exists()
        assert len(world.cloudstack.cloud.table("vpc")) == 0

    def test_in_cloudstack(self, acme, zone, run, world, watch, clouds_of):
        operation = create_vpc(acme, a_vpc_spec(zone), by=BY)
        engine.turn(clouds_of)  # the order is out
        table = world.cloudstack.cloud.table("vpc")
        watch.meanwhile("listVPCs", lambda: table.change(next(iter(table)), state="Inactive"))
        operation = run(operation)

        assert operation.phase == Phase.ROLLED_BACK
        assert "CloudStack shows the VPC as Inactive" in operation.error
        assert world.are_empty()

    def test_what_comes_late_is_waited_for(self, acme, zone, run, world, watch):
        def hide() -> None:
            shelf, row = netris_row(world, "nat")
            shelf.drop(row["id"])
            watch.meanwhile("GET /api/v2/nat", lambda: watch.meanwhile("GET /api/v2/nat", lambda: shelf.put(row)))

        watch.meanwhile("GET /api/v2/nat", hide)
        operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))

        assert operation.phase == Phase.SUCCEEDED
        assert watch.calls.count(("netris", "GET /api/v2/nat")) == 3


# --- the four questions -----------------------------------------------------------------------------------------------

ACTIONS = ("create vpc", "delete vpc", "create tier", "delete tier")
WEB = TierSpec("web", IPv4Network("10.20.0.0/24"))


class Scene:
    """One VPC after another, or of one VPC one tier after another that goes, each with an action that is disturbed, and
    the whole world compared with Weft's rows."""

    def __init__(self, acme: Any, zone: Any, run: Any, world: Any, watch: Watch, clock: Any) -> None:
        self.acme, self.zone, self.run, self.world, self.watch, self.clock = acme, zone, run, world, watch, clock
        self.number = 0

    def ready_for(self, action: str) -> None:
        """What has to be there before the action, under a name of its own."""
        self.number += 1
        if action == "delete tier" and self.number > 1:
            self._made(create_tier(self._vpc(), WEB, by=BY))
            return
        self.name = f"vpc {self.number}"
        if action != "create vpc":
            self._made(create_vpc(self.acme, self._spec(), by=BY))

    def _made(self, operation: Operation) -> None:
        assert self.run(operation).phase == Phase.SUCCEEDED

    def _spec(self) -> Any:
        return a_vpc_spec(self.zone, name=self.name, tiers=(WEB,))

    def _vpc(self) -> Vpc:
        return Vpc.unscoped.get(name=self.name)

    def start(self, action: str) -> Operation:
        match action:
            case "create vpc":
                return create_vpc(self.acme, self._spec(), by=BY)
            case "delete vpc":
                return delete_vpc(self._vpc(), by=BY)
            case "create tier":
                return create_tier(self._vpc(), TierSpec("db", IPv4Network("10.20.4.0/24")), by=BY)
            case "delete tier":
                return delete_tier(self._vpc().tiers.get(status=Status.READY), by=BY)
        raise AssertionError(action)

    def disturbed_at_every_call(self, action: str, how: str) -> Any:
        """Yields the operation at rest and the disturbed call, for every call that the action makes."""

        def ready() -> Any:
            self.ready_for(action)
            return partial(self.start, action)

        return at_every_call(self, ready, how, self.agree)

    def agree(self) -> None:
        """Both systems have exactly one of everything that Weft says is there, and nothing else."""
        clouds = self.watch.clouds_of(self.zone)
        vpcs = clouds.cloudstack.all_vpcs()
        networks = [network for network in clouds.cloudstack.all_networks() if network.vpcid]
        fabric = [vpc for vpc in clouds.netris.vpcs() if not vpc.is_system]
        rules = clouds.netris.all_nat_rules()
        rows = list(Vpc.unscoped.exclude(status=Status.DELETED))
        tiers = list(Tier.unscoped.exclude(status=Status.DELETED))
        assert {row.status for row in (*rows, *tiers)} <= {Status.READY}
        assert sorted(vpc.name for vpc in vpcs) == sorted(row.remote_name for row in rows)
        assert sorted(network.name for network in networks) == sorted(tier.remote_name for tier in tiers)
        assert sorted(vpc.id for vpc in fabric) == sorted(row.netris_id for row in rows)
        for row in rows:
            assert len(clouds.netris.ipam(row.netris_id)) == 1
            assert [rule.snat_to_ip for rule in rules if rule.vpc.id == row.netris_id] == [IPv4Address(row.egress_ip)]
            mine = [tier for tier in tiers if tier.vpc_id == row.pk]
            ranges = [net.prefix for net in clouds.netris.subnets(row.netris_id) if net.vpc.id == row.netris_id]
            assert sorted(ranges) == sorted(tier.cidr for tier in mine)
            vnis = sorted(net.vxlan_id for net in clouds.netris.vnets(row.netris_id))
            assert vnis == sorted(tier.vni for tier in mine)


@pytest.fixture
def scene(acme, zone, run, world, watch, clock):
    limit(acme, vpc=500, tier=500)
    return Scene(acme, zone, run, world, watch, clock)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(scene, action):
    scene.ready_for(action)
    with every_part_twice(action.split()[1]):
        assert scene.run(scene.start(action)).phase == Phase.SUCCEEDED
    scene.agree()


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(scene, action, how):
    for operation, call in scene.disturbed_at_every_call(action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ["create vpc", "create tier"])
def test_a_refusal_at_any_call_of_a_creation_leaves_nothing(scene, action):
    for operation, call in scene.disturbed_at_every_call(action, "refused"):
        # A list that fails once is simply read again; an order that is refused ends the matter.
        expected = Phase.ROLLED_BACK if call.startswith("create") else Phase.SUCCEEDED
        assert operation.phase in (expected, Phase.ROLLED_BACK), (call, operation.steps)


@pytest.mark.parametrize("action", ["delete vpc", "delete tier"])
def test_a_refusal_at_any_call_of_anything_else_waits_for_a_person_and_then_goes_on(scene, action):
    for operation, call in scene.disturbed_at_every_call(action, "refused"):
        if operation.phase == Phase.STUCK:
            operation = scene.run(retry(operation, by=BY))
        else:
            assert not call.startswith("delete"), (call, operation.steps)
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("how", ["refuse", "lose_reply"])
@pytest.mark.parametrize(
    ("action", "step"),
    [
        *(("create vpc", step) for step in ("vpc", "ipam/allocation", "ipam/subnet", "nat", "vnet")),
        *(("create tier", step) for step in ("ipam/subnet", "vnet")),
    ],
)
def test_a_failure_at_any_step_of_the_plugin_leaves_nothing(scene, world, action, step, how):
    scene.ready_for(action)
    before = world.what_is_left()
    world.netris.faults.order(how, f"POST /api/v2/{step}")
    operation = scene.run(scene.start(action))
    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    world.netris.faults.clear()
    assert world.what_is_left() == before
    scene.agree()


@pytest.mark.parametrize("how", ["refuse", "lose_reply"])
@pytest.mark.parametrize("step", ["nat/{id}", "ipam/allocation/{id}", "ipam/subnet/{id}", "vnet/{id}", "vpc/{id}"])
def test_a_failure_at_any_step_of_the_plugins_removal_is_got_over(scene, world, step, how):
    scene.ready_for("delete vpc")
    world.netris.faults.order(how, f"DELETE /api/v2/{step}", times=1)
    operation = scene.run(scene.start("delete vpc"))
    if operation.phase == Phase.STUCK:
        operation = scene.run(retry(operation, by=BY))
    assert operation.phase == Phase.SUCCEEDED, operation.steps
    world.netris.faults.clear()
    assert world.are_empty()
    scene.agree()


@pytest.mark.parametrize("command", ["createVPC", "deleteVPC", "deleteNetwork"])
def test_a_job_that_fails_is_undone_or_waits_for_a_person(scene, world, command):
    action = {
        "createVPC": "create vpc",
        "deleteVPC": "delete vpc",
        "deleteNetwork": "delete tier",
    }[command]
    scene.ready_for(action)
    world.cloudstack.faults.order("fail_job", command, times=1)
    operation = scene.run(scene.start(action))
    if command == "createVPC":
        assert operation.phase == Phase.ROLLED_BACK
    else:
        assert operation.phase == Phase.STUCK
        assert scene.run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
    scene.agree()


@pytest.mark.parametrize("system", ["cloudstack", "netris"])
def test_a_remote_that_is_down_for_an_hour_is_waited_for(scene, world, clock, system):
    faults = getattr(world, system).faults
    faults.order("down")
    scene.ready_for("create vpc")
    operation = scene.start("create vpc")
    for _ in range(60):
        engine.turn(scene.watch.clouds_of)
        clock.shift(60)
    assert fresh(operation).phase == Phase.BUILDING
    assert len(scene.watch.calls) < 60 * 4, "one try a turn, whose read is repeated once"
    faults.clear()
    assert scene.run(operation).phase == Phase.SUCCEEDED
    scene.agree()
