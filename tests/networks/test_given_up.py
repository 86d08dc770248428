"""A removal that will never end is given up: what may be left is named exactly, and Weft is done with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.models import Account
from apps.kernel.errors import Refused
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_tier, create_vpc, delete_tier, delete_vpc
from apps.operations import engine, services
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import AuditEntry
from tests.builders import BY, a_vpc_spec
from tests.networks.test_left_behind import DB, WEB

pytestmark = pytest.mark.usefixtures("accounts")

ROOT = Platform(Actor.system("root"))


@pytest.fixture
def vpc(acme, zone, run, accounts):
    assert run(create_vpc(acme, a_vpc_spec(zone, tiers=(WEB,)), by=BY)).phase == Phase.SUCCEEDED
    return Vpc.unscoped.get()


@pytest.fixture
def stuck(vpc, run, world):
    """CloudStack finds for ever that it cannot."""
    world.cloudstack.faults.order("refuse", "deleteNetwork", times=100)
    operation = run(delete_vpc(vpc, by=BY))
    assert operation.phase == Phase.STUCK
    return operation


def left_by(operation):
    return list(map(str, services.may_leave(operation)))


def give_up(operation, **changes):
    return services.give_up(operation, **{"confirmed": left_by(operation), "by": ROOT} | changes)


def test_what_may_be_left_is_named_by_what_each_system_calls_it(stuck, vpc):
    (tier,) = Tier.unscoped.all()
    assert left_by(stuck) == [
        f"CloudStack: the network {tier.remote_name}",
        f"CloudStack: the VPC {vpc.remote_name}",
        f"Netris: the V-Net …-{tier.remote_name} and the subnet 10.20.0.0/24",
        f"Netris: the VPC …-{vpc.remote_name} with the range 10.20.0.0/20 and the source NAT rule of {vpc.egress_ip}",
    ]


def test_what_may_be_left_covers_everything_that_is_left(stuck, world):
    """Whatever either system still has under a name of Weft's is in what was named."""
    named = " ".join(left_by(stuck))
    things = [thing for thing in world.what_is_left() if "vpc-" in thing or "tier-" in thing]
    assert things
    for thing in things:
        names = [word for word in thing.replace("'", " ").split() if "vpc-" in word or "tier-" in word]
        assert any(name[name.rindex("vpc-" if "vpc-" in name else "tier-") :] in named for name in names), thing


def test_what_has_gone_already_is_not_said_to_be_left(vpc, run, world):
    world.cloudstack.faults.order("refuse", "deleteVPC", times=100)
    operation = run(delete_vpc(vpc, by=BY))
    assert operation.phase == Phase.STUCK
    assert [each.split(" ")[2:4] for each in left_by(operation)] == [
        ["VPC", vpc.remote_name],
        ["VPC", f"…-{vpc.remote_name}"],
    ]


def test_a_given_up_removal_deletes_its_rows_frees_the_name_and_says_what_is_left(stuck, vpc, acme, zone, run):
    left = left_by(stuck)

    operation = give_up(stuck)

    assert (operation.phase, operation.error) == (Phase.GIVEN_UP, stuck.error)
    assert operation.finished_at is not None
    assert operation.given_up["by"] == "root"
    assert Vpc.unscoped.get(pk=vpc.pk).status == Status.DELETED
    assert set(Tier.unscoped.values_list("status", flat=True)) == {Status.DELETED}
    entry = AuditEntry.objects.of(acme).get(action="operation.give-up")
    assert (entry.actor, entry.new) == ("root", {"error": stuck.error, "left": left})
    told = Event.unscoped.filter(operation=operation).last().text
    assert told.startswith("Given up by root. May be left: CloudStack: the network tier-")
    assert run(create_vpc(acme, a_vpc_spec(zone, tiers=(WEB,)), by=BY)).phase == Phase.SUCCEEDED


def test_only_exactly_what_may_be_left_confirms_it(stuck, vpc):
    for confirmed in ([], left_by(stuck)[1:], [*left_by(stuck), "the moon"]):
        with pytest.raises(Refused, match="Confirm exactly what may be left") as refusal:
            give_up(stuck, confirmed=confirmed)
        assert (refusal.value.code, refusal.value.field) == ("left-unconfirmed", "left")
    assert Vpc.unscoped.get(pk=vpc.pk).status == Status.STUCK


def test_a_tier_whose_undoing_is_stuck_is_given_up_and_its_vpc_lives_on(vpc, run, world, acme):
    world.netris.faults.order("refuse", "POST /api/v2/vnet")
    world.netris.faults.order("refuse", "DELETE /api/v2/ipam/subnet/{id}", times=100)
    operation = run(create_tier(vpc, DB, by=BY))
    assert (operation.phase, operation.is_rolling_back) == (Phase.STUCK, True)

    operation = give_up(operation)

    assert operation.phase == Phase.GIVEN_UP
    assert Tier.unscoped.get(name="db").status == Status.DELETED
    assert Vpc.unscoped.get().why_not("delete", None) is None
    assert not Operation.objects.of(acme).live().exists()


def test_a_worker_that_comes_back_late_changes_nothing_of_what_was_given_up(stuck, vpc, clouds_of):
    services.retry(stuck, by=BY)
    late = engine.claim()
    Operation.unscoped.filter(pk=stuck.pk).update(phase=Phase.STUCK, stopped_in=Phase.REMOVING)
    give_up(Operation.unscoped.get(pk=stuck.pk))

    engine.advance(late, clouds_of)

    assert Operation.unscoped.get(pk=stuck.pk).phase == Phase.GIVEN_UP
    assert Vpc.unscoped.get(pk=vpc.pk).status == Status.DELETED


def test_what_waits_in_vain_for_a_system_can_be_given_up_after_an_hour(vpc, world, clock, clouds_of):
    world.cloudstack.faults.order("down", times=1000)
    operation = delete_vpc(vpc, by=BY)
    engine.turn(clouds_of)
    operation.refresh_from_db()
    assert operation.phase == Phase.REMOVING
    with pytest.raises(Refused, match="after an hour"):
        give_up(operation)

    clock.shift(timedelta(hours=1, seconds=1))

    operation = give_up(operation)
    assert (operation.phase, operation.error) == (Phase.GIVEN_UP, "CloudStack does not answer; trying again.")


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.GIVEN_UP])
def test_what_is_over_is_not_given_up(stuck, phase):
    Operation.unscoped.filter(pk=stuck.pk).update(phase=phase, stopped_in="")
    with pytest.raises(Refused, match="It is over"):
        services.give_up(stuck, confirmed=(), by=ROOT)


def test_what_is_being_made_is_cancelled_and_not_given_up(acme, zone):
    with pytest.raises(Refused, match="Cancel it instead"):
        services.give_up(create_vpc(acme, a_vpc_spec(zone), by=BY), confirmed=(), by=ROOT)


def test_a_tenants_account_that_cannot_be_undone_names_its_domain_and_account(globex, zone, world, run):
    account = Account.unscoped.get(tenant=globex)
    world.cloudstack.faults.order("refuse", "deleteAccount", times=100)
    operation = run(
        services.start(
            "account", account, Goal.ABSENT, tenant=globex, zone=zone, lock_key=f"account:{account.pk}", by=BY
        )
    )
    assert left_by(operation) == [
        f"CloudStack: the account {account.remote_name}",
        f"CloudStack: the domain {account.remote_name}",
    ]
    assert give_up(operation).phase == Phase.GIVEN_UP
    assert Account.unscoped.get(pk=account.pk).status == Status.DELETED


def test_a_tier_that_is_removed_alone_is_given_up_alone(vpc, run, world):
    world.cloudstack.faults.order("refuse", "deleteNetwork", times=100)
    (tier,) = Tier.unscoped.all()
    give_up(run(delete_tier(tier, by=BY)))
    assert (Tier.unscoped.get().status, Vpc.unscoped.get().status) == (Status.DELETED, Status.READY)
