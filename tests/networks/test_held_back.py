"""Orders are held back while CloudStack's plugin cannot carry them out, and go on by themselves (W18, W19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.services import open_account
from apps.fabric.zones.services import reconnect_host
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_tier, create_vpc, delete_tier, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations import engine
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.operations.state import RUNNING, Phase
from apps.tenancy.models import Tenant
from apps.zones import health
from apps.zones.models import Plugin, Remote
from apps.zones.turnstile import Hold
from tests import builders
from tests.builders import BY, a_vpc_spec
from tests.questions import Watch

pytestmark = pytest.mark.usefixtures("accounts")

WEB = TierSpec("web", IPv4Network("10.20.0.0/24"))
DB = TierSpec("db", IPv4Network("10.20.1.0/24"))

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def clouds_of(world: Any) -> Any:
    """One pair of clients, as in a worker."""
    return Watch(world).clouds_of


@pytest.fixture
def initech(zone, run) -> Tenant:
    tenant = builders.a_tenant("Initech")
    assert run(open_account(tenant, zone, by=builders.the_platform())).phase == "succeeded"
    return tenant


@pytest.fixture
def until(clock, clouds_of, sweep) -> Until:
    """Take turns, skipping the time in between, until something holds."""

    def work(holds: Callable[[], bool]) -> None:
        for _ in range(3000):
            if holds():
                return
            waiting = Operation.unscoped.filter(phase__in=RUNNING)
            wake_at = min(max(filter(None, (each.due_at, each.lease_until))) for each in waiting)
            if wake_at > timezone.now():
                clock.move_to(wake_at + timedelta(milliseconds=1), tick=False)
            sweep()
            engine.turn(clouds_of)
        raise AssertionError([(str(each), each.phase, each.hold, each.steps) for each in waiting])

    return work


def phases(operations: Iterable[Operation]) -> list[str]:
    return [Operation.unscoped.get(pk=operation.pk).phase for operation in operations]


def are_settled() -> bool:
    return not Operation.unscoped.running().exists()


def a_ready_vpc(tenant: Tenant, zone: Any, run: Any, name: str, *tiers: TierSpec) -> Vpc:
    assert run(create_vpc(tenant, a_vpc_spec(zone, name=name, tiers=tiers), by=BY)).phase == Phase.SUCCEEDED
    return Vpc.unscoped.get(tenant=tenant, name=name)


def everything_agrees(clouds: Any) -> None:
    """Both systems have exactly one of everything that Weft calls ready, and nothing else."""
    vpcs = list(Vpc.unscoped.exclude(status=Status.DELETED))
    tiers = list(Tier.unscoped.exclude(status=Status.DELETED))
    assert {row.status for row in (*vpcs, *tiers)} <= {Status.READY}
    remote = clouds.cloudstack.all_vpcs()
    networks = [network for network in clouds.cloudstack.all_networks() if network.vpcid]
    fabric = [vpc for vpc in clouds.netris.vpcs() if not vpc.is_system]
    assert sorted(vpc.name for vpc in remote) == sorted(vpc.remote_name for vpc in vpcs)
    assert sorted(network.name for network in networks) == sorted(tier.remote_name for tier in tiers)
    assert sorted(vpc.id for vpc in fabric) == sorted(vpc.netris_id for vpc in vpcs)
    for vpc in vpcs:
        assert len(clouds.netris.ipam(vpc.netris_id)) == 1
        vnis = sorted(net.vxlan_id for net in clouds.netris.vnets(vpc.netris_id))
        assert vnis == sorted(tier.vni for tier in tiers if tier.vpc_id == vpc.pk)
        assert len([rule for rule in clouds.netris.all_nat_rules() if rule.vpc.id == vpc.netris_id]) == 1


class TestASlowNetris:
    @pytest.fixture(autouse=True)
    def _in_no_time(self, monkeypatch):
        monkeypatch.setattr(health, "SLOW", 300.0)
        monkeypatch.setattr(health, "QUICK", 200.0)

    def test_nothing_is_ordered_until_it_is_quick_again_and_then_all_goes_on(
        self, acme, globex, zone, run, world, until, clouds_of
    ):
        ready = a_ready_vpc(acme, zone, run, "old", WEB)
        world.netris.faults.order("slow", "GET /api/v2/vpc", seconds=0.35, times=2)
        clouds_of(zone).netris.vpcs()
        sent = orders(world)
        operations = [
            create_vpc(acme, a_vpc_spec(zone, name="new"), by=BY),
            create_vpc(globex, a_vpc_spec(zone), by=BY),
            delete_vpc(ready, by=BY),
        ]
        until(lambda: held_count() == 3)
        assert orders(world) == sent
        assert {operation.hold for operation in Operation.unscoped.running()} == {Hold.SLOW}
        told = {event.text for event in Event.unscoped.all() if "paused" in event.text}
        assert told == {str(Hold.SLOW.label)}

        until(are_settled)

        assert phases(operations) == [Phase.SUCCEEDED] * 3
        assert Remote.objects.get().slow_since is None
        everything_agrees(clouds_of(zone))

    def test_what_is_already_under_way_is_followed_to_its_end(self, acme, zone, world, clouds_of, run):
        operation = create_vpc(acme, a_vpc_spec(zone, tiers=()), by=BY)
        engine.turn(clouds_of)
        health.note_pace(zone, "netris", "GET /api/v2/vpc", 6000)
        assert run(operation).phase == Phase.SUCCEEDED


class TestThePluginsSessionEnds:
    @pytest.fixture
    def tenants(self, acme, globex, initech) -> list[Tenant]:
        for tenant in (acme, globex, initech):
            builders.limit(tenant, vpc=100, tier=100)
        return list(Tenant.objects.order_by("name"))

    @pytest.fixture
    def twenty(self, tenants, zone, run) -> list[Operation]:
        """Creations and removals of three tenants, of VPCs and of tiers, none of them begun."""
        old = {(tenant, n): a_ready_vpc(tenant, zone, run, f"old {n}", WEB, DB) for tenant in tenants for n in range(4)}
        operations = []
        for tenant in tenants:
            operations.append(create_vpc(tenant, a_vpc_spec(zone, name="new one"), by=BY))
            operations.append(delete_vpc(old[tenant, 0], by=BY))
            operations.append(delete_tier(old[tenant, 1].tiers.get(name="db"), by=BY))
            operations.append(create_tier(old[tenant, 2], TierSpec("more", IPv4Network("10.20.2.0/24")), by=BY))
            operations.append(create_vpc(tenant, a_vpc_spec(zone, name="new two", tiers=()), by=BY))
            operations.append(delete_vpc(old[tenant, 3], by=BY))
        operations += [create_vpc(tenant, a_vpc_spec(zone, name="new three"), by=BY) for tenant in tenants[:2]]
        assert len(operations) == 20
        return operations

    def test_under_twenty_operations_all_of_which_finish_once_the_host_is_reconnected(
        self, twenty, zone, world, until, clouds_of, clock
    ):
        before = orders(world)
        until(lambda: orders(world) > before + 3)
        world.netris.control.end_sessions()
        until(lambda: Plugin.objects.exclude(down_since=None).exists())
        give_up_at = timezone.now() + timedelta(minutes=3)
        until(lambda: timezone.now() > give_up_at or are_settled())

        held = Operation.unscoped.running()
        assert {operation.hold for operation in held} == {Hold.PLUGIN}
        assert not Operation.unscoped.filter(phase__in=("stuck", "rolled_back")).exists()
        assert all("Building is paused in this zone" in line["detail"] for line in map(current_line, held))
        sent = orders(world)

        reconnect = reconnect_host(zone, by=builders.the_platform())
        until(are_settled)

        assert phases([reconnect]) == [Phase.SUCCEEDED]
        assert set(phases(twenty)) == {Phase.SUCCEEDED}
        assert orders(world) < sent + 3 * len(held) + 10
        everything_agrees(clouds_of(zone))
        assert not Plugin.objects.exclude(suspected_at=None).exists()

    def test_the_order_that_is_let_through_alone_finds_out_and_the_others_follow_at_once(
        self, twenty, world, until, clock
    ):
        world.netris.control.end_sessions()
        until(lambda: Plugin.objects.exclude(down_since=None).exists() and held_count() > 10)
        world.cloudstack.connect()
        until(lambda: not Plugin.objects.exclude(down_since=None).exists())
        proven_at = timezone.now()
        until(lambda: held_count() == 0)
        assert timezone.now() - proven_at < timedelta(seconds=15)

    def test_tenants_are_told_and_learn_nothing_of_what_lies_within(self, twenty, world, until):
        world.netris.control.end_sessions()
        until(lambda: Plugin.objects.exclude(down_since=None).exists() and held_count() > 10)
        told = {event.text for event in Event.unscoped.all() if "paused" in event.text}
        assert told == {str(Hold.PLUGIN.label)}


class TestOneOrderAlone:
    def test_it_is_tried_again_and_goes_through_once_the_host_is_reconnected(
        self, acme, zone, run, world, until, clouds_of, clock
    ):
        ready = a_ready_vpc(acme, zone, run, "old", WEB)
        world.netris.control.end_sessions()
        operation = delete_vpc(ready, by=BY)
        until(lambda: Operation.unscoped.get(pk=operation.pk).hold == Hold.DOUBT)
        reconnect_host(zone, by=builders.the_platform())
        until(are_settled)
        assert phases([operation]) == [Phase.SUCCEEDED]
        everything_agrees(clouds_of(zone))

    def test_the_plugin_logs_in_by_itself_when_cloudstack_restarts_and_all_goes_on(
        self, acme, globex, zone, world, until, clouds_of
    ):
        world.netris.control.end_sessions()
        operations = [create_vpc(tenant, a_vpc_spec(zone), by=BY) for tenant in (acme, globex)]
        until(lambda: Plugin.objects.exclude(down_since=None).exists())
        world.cloudstack.restart()
        until(are_settled)
        assert phases(operations) == [Phase.SUCCEEDED] * 2
        everything_agrees(clouds_of(zone))

    @pytest.mark.parametrize("step", ["ipam/allocation", "ipam/subnet", "nat", "vnet"])
    def test_one_that_got_through_to_netris_is_believed_at_once(self, acme, zone, run, world, clock, step):
        world.netris.faults.order("refuse", f"POST /api/v2/{step}", times=1)
        began_at = timezone.now()
        operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))
        assert operation.phase == Phase.ROLLED_BACK
        assert timezone.now() - began_at < timedelta(minutes=1)
        assert not Plugin.objects.exclude(suspected_at=None).exists()

    def test_one_of_which_nothing_shows_on_netris_is_tried_again(self, acme, zone, run, world):
        vpc = a_ready_vpc(acme, zone, run, "old")
        world.netris.faults.order("refuse", "POST /api/v2/ipam/subnet", times=1)
        operation = run(create_tier(vpc, WEB, by=BY))
        assert operation.phase == Phase.SUCCEEDED
        assert not Plugin.objects.exclude(suspected_at=None).exists()

    def test_a_tier_with_instances_in_it_is_no_sign_of_anything(self, acme, zone, run, world, clouds_of):
        vpc = a_ready_vpc(acme, zone, run, "old", WEB)
        cloudstack = clouds_of(zone).cloudstack
        [network] = cloudstack.networks_of(str(vpc.cloudstack_id))
        offering, template = (
            cloudstack._read(command, listall=True, templatefilter="all")[key][0]["id"]
            for command, key in (("listServiceOfferings", "serviceoffering"), ("listTemplates", "template"))
        )
        where = {"zoneid": network.zoneid, "account": network.account, "domainid": network.domainid}
        what = {"serviceofferingid": offering, "templateid": template, "networkids": network.id}
        cloudstack._write("deployVirtualMachine", **what, **where)

        operation = run(delete_tier(vpc.tiers.get(), by=BY))

        assert operation.phase == Phase.STUCK
        assert not Plugin.objects.exclude(suspected_at=None).exists()


class TestNetrisIsAwayForTenSeconds:
    def test_no_removal_that_was_under_way_gets_stuck(self, acme, zone, run, world, until, clouds_of, clock):
        builders.limit(acme, vpc=100, tier=100)
        old = [a_ready_vpc(acme, zone, run, f"old {n}", WEB) for n in range(6)]
        before = orders(world)
        operations = [delete_vpc(vpc, by=BY) for vpc in old]
        until(lambda: orders(world) >= before + 6)
        world.netris.faults.order("down")
        back_at = timezone.now() + timedelta(seconds=10)
        until(lambda: timezone.now() > back_at)
        world.netris.faults.clear()
        until(are_settled)
        assert phases(operations) == [Phase.SUCCEEDED] * 6
        everything_agrees(clouds_of(zone))


ORDERS = ("createVPC", "deleteVPC", "createNetwork", "deleteNetwork")


def orders(world: Any) -> int:
    """How many orders CloudStack was given."""
    return sum(world.cloudstack.control.calls[call] for call in ORDERS)


def held_count() -> int:
    return Operation.unscoped.exclude(hold="").count()


def current_line(operation: Operation) -> dict[str, Any]:
    return engine.step_line(operation, operation.cursor)
