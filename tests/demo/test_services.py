"""What lies in the demo's networks comes behind these, once, and never in the way of who has deleted it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from apps.acls.models import Acl, TierAcl
from apps.acls.rules import clashes
from apps.addresses.models import Holding, PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.services.port_forwards import delete_port_forward
from apps.balancers.models import Balancer
from apps.demo import services
from apps.demo.management.commands.seed_demo import NETWORKS
from apps.demo.services import LIVES, AccessList, Address, Balanced, Forward, Life, Nat, Peered, Way, furnish
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.networks.models import StaticRoute, Vpc
from apps.networks.services import create_vpc
from apps.networks.specs import TierSpec
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.peering.models import Peering
from sandbox.cloudstack.inhabitants import Order
from tests import builders
from tests.builders import BY, a_vpc_spec

LIFE = Life(
    "acme",
    "prod",
    (Address("shop"), Address(""), Address("old shop", is_given_back=True), Address("api"), Address("store")),
    (Nat("api", "web-2", is_for_secondary=True),),
    (Forward("shop", "web-1", "80"), Forward("shop", "web-1", "2222", "22", enabled=False)),
    (AccessList("web", LIVES[0].lists[0].rules[:1], ("web",), LIVES[1].lists[0].passing), AccessList("draft", ())),
    (Way("192.168.50.0/24", "web-1"),),
    (
        Balanced("store", "store", 443, 8443, ("web-1", "web-2"), {"type": "tcp"}, broken="web-2"),
        Balanced("plain", "store", 80, 80, ("web-1", "web-2"), drained="web-1"),
    ),
    (Peered("shop of Acme", ("10.20.0.0/24",), tenant="globex"),),
)


class Town:
    """One VPC of the demo, and all that workers, sweeps and CloudStack do in it."""

    def __init__(self, acme: Any, zone: Any, run: Any, world: Any, clock: Any, sweep: Any) -> None:
        self.run, self.world, self.clock, self.sweep = run, world, clock, sweep
        #: What the sandbox was ordered, in place of ordering it.
        self.told: list[tuple[Any, int]] = []
        web = TierSpec("web", IPv4Network("10.20.0.0/24"))
        self.built = create_vpc(acme, a_vpc_spec(zone, tiers=(web,)), by=BY)

    def build(self) -> None:
        assert self.run(self.built).phase == Phase.SUCCEEDED
        tier = Vpc.unscoped.get().tiers.get()
        for secondary in (0, 1):
            self.world.cloudstack.inhabitants.move_in(Order(tier.remote_name, name="web", secondary=secondary))

    def work(self) -> int:
        """Everything that was asked for, to its end: how many operations."""
        asked = list(Operation.unscoped.live().order_by("place"))
        for operation in asked:
            assert self.run(operation).phase == Phase.SUCCEEDED, operation
        self.clock.shift(timedelta(seconds=10))
        self.world.cloudstack.run_due_jobs()
        request_refresh(self.built.zone, Kind.CLOUDSTACK_ADDRESS)
        self.sweep()
        return len(asked)

    def furnished(self) -> None:
        for _ in range(20):
            if not furnish([LIFE]):
                self.work()
                return
            self.work()
        raise AssertionError("it never ends")


@pytest.fixture
def town(
    acme: Any, zone: Any, accounts: Any, run: Any, world: Any, clock: Any, sweep: Callable[[], None], monkeypatch: Any
) -> Town:
    town = Town(acme, zone, run, world, clock, sweep)
    monkeypatch.setattr(services, "tell", lambda _vpc, instance_id, port: town.told.append((instance_id, port)))
    return town


def test_all_of_it_comes_once_the_network_is_there_and_once_alone(town: Town) -> None:
    assert furnish([LIFE])
    assert not PublicIp.unscoped.exists() and not Acl.unscoped.exists()

    town.build()
    town.furnished()

    addresses = PublicIp.unscoped.exclude(purpose=Purpose.SOURCE_NAT).exclude(status=Status.DELETED)
    assert set(addresses.values_list("name", "status", "purpose")) == {
        ("shop", "ready", "port_forward"),
        ("api", "ready", "static_nat"),
        ("store", "ready", "load_balancer"),
        ("", "ready", "unused"),
    }
    assert [held.rests for held in Holding.unscoped.exclude(held_until=None)] == [True]
    nat = StaticNat.unscoped.get()
    assert (nat.instance_name, nat.status) == ("web-2", Status.READY)
    forwards = PortForward.unscoped.order_by("public_first")
    assert list(forwards.values_list("public_first", "private_first", "enabled", "status")) == [
        (80, 80, True, "ready"),
        (2222, 22, False, "ready"),
    ]
    assert {acl.name: len(acl.rules) for acl in Acl.unscoped.all()} == {"web": 2, "draft": 0}
    assert TierAcl.unscoped.get().is_applied
    route = StaticRoute.unscoped.get()
    assert (str(route.destination), route.status) == ("192.168.50.0/24", Status.READY)
    assert Acl.unscoped.get(name="web").next_expiry_at is not None
    plain, store = Balancer.unscoped.order_by("name")
    assert (plain.status, store.status) == (Status.READY, Status.READY)
    assert list(plain.members.values_list("instance_name", "drained")) == [("web-1", True), ("web-2", False)]
    assert {port for _, port in town.told} == {8443}
    request = Peering.unscoped.get()
    assert (request.stage, request.peer_tenant.slug) == ("requested", "globex")

    assert not furnish([LIFE])
    assert not Operation.unscoped.live().exists()


def test_what_somebody_has_deleted_does_not_come_again(town: Town) -> None:
    town.build()
    town.furnished()
    assert town.run(delete_port_forward(PortForward.unscoped.get(public_first=80), by=BY)).phase == Phase.SUCCEEDED
    assert not furnish([LIFE])
    # Nor does a VPC of the same name get what lay in the one that is gone.
    Vpc.unscoped.update(status=Status.DELETED, deleted_at=clock.now())
    builders.a_vpc(town.built.tenant, town.built.zone)
    assert not furnish([LIFE])
    assert not Operation.unscoped.live().exists()


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.tenant} {life.vpc}")
def test_all_that_is_named_is_there(life: Life) -> None:
    [(tiers, block)] = [(each[4], each[3]) for each in NETWORKS if each[:2] == (life.tenant, life.vpc)]
    assert {tier for each in life.lists for tier in each.tiers} <= set(tiers)
    leading: list[Nat | Forward] = [*life.nats, *life.forwards]
    ends = {each.address for each in (*leading, *life.balanced)}
    assert ends <= {each.name for each in life.addresses}
    assert not {each.address for each in leading} & {each.address for each in life.balanced}
    there = {f"{life.vpc}-{tier}-{number}" for tier in tiers for number in (1, 2, 3)}
    assert {each.instance for each in leading} <= there
    for each in life.balanced:
        assert set(each.members) <= there and {each.broken, each.drained} - {""} <= set(each.members)
    assert not [clash for each in life.lists for clash in clashes(each.rules + each.passing)]
    inside = [cidr for each in life.lists for rule in each.rules for cidr in rule.cidrs if str(cidr).startswith("10.")]
    assert all(cidr.subnet_of(IPv4Network(block)) for cidr in inside)
