"""Orders of which nobody heard what became: only CloudStack's jobs tell, and they do not say whose they are."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network

import pytest
from django.conf import settings
from django.utils import timezone

from apps.networks.models import Vpc
from apps.networks.services import create_vpc, delete_tier, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations import engine, orders
from apps.operations.models import Operation
from apps.operations.parts import Memo
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from tests.builders import BY, a_vpc_spec
from tests.questions import Killed

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def spec(zone):
    return a_vpc_spec(zone, tiers=(TierSpec("web", IPv4Network("10.20.0.0/24")),))


def sent(watch, command):
    return watch.calls.count(("cloudstack", command))


def die():
    raise Killed


def all_that_there_is(clouds):
    vpcs = [vpc for vpc in clouds.netris.vpcs() if not vpc.is_system]
    return [vpc.name for vpc in clouds.cloudstack.all_vpcs()], [vpc.id for vpc in vpcs]


def killed_in(run_a_turn):
    with pytest.raises(Killed):
        run_a_turn()


@pytest.mark.parametrize("step", ["vpc", "ipam/allocation", "nat"])
@pytest.mark.parametrize("seconds", [1, 20])
def test_a_creation_whose_reply_is_lost_and_whose_job_then_fails_w1(acme, spec, run, world, watch, step, seconds):
    before = world.what_is_left()
    world.cloudstack.jobs.seconds = seconds
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)
    world.netris.faults.order("refuse", f"POST /api/v2/{step}")

    operation = run(create_vpc(acme, spec, by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert operation.error == "Failed to create VPC"
    # A job that is over before anybody looks leaves no trace, so the order is given again.
    assert sent(watch, "createVPC") == (1 if seconds == 20 else 2)
    assert world.what_is_left() == before


def test_a_creation_whose_reply_is_lost_is_done_when_its_job_is_w1(acme, spec, run, world, watch, clouds_of):
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)
    world.cloudstack.jobs.seconds = 60
    operation = create_vpc(acme, spec, by=BY)
    started = timezone.now()

    assert run(operation).phase == Phase.SUCCEEDED
    assert timezone.now() - started > timedelta(seconds=60), "a VPC is Enabled long before it is done"
    assert sent(watch, "createVPC") == 1


def test_a_job_that_was_lost_and_broken_off_by_a_restart_is_undone_w20(acme, spec, run, world, clouds_of, clock):
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)
    world.cloudstack.jobs.seconds = 60
    operation = create_vpc(acme, spec, by=BY)
    engine.turn(clouds_of)
    clock.shift(timedelta(seconds=5))
    engine.turn(clouds_of)
    assert Operation.unscoped.get(pk=operation.pk).memo["0:building"]["suspects"]
    world.cloudstack.restart()

    operation = run(operation)

    assert operation.phase == Phase.ROLLED_BACK
    assert "management server was restarted while it worked" in operation.error
    assert world.are_empty()


def test_a_restart_while_cloudstack_builds_is_undone_and_said_w20(acme, spec, run, world, clouds_of):
    world.cloudstack.jobs.seconds = 60
    operation = create_vpc(acme, spec, by=BY)
    engine.turn(clouds_of)
    world.cloudstack.restart()

    operation = run(operation)

    assert operation.phase == Phase.ROLLED_BACK
    assert "management server was restarted while it worked" in operation.error
    assert world.are_empty()


def test_a_vpc_whose_job_nobody_saw_is_judged_by_its_router_w20(acme, spec, run, world, watch, clouds_of):
    """Enabled it is all the same, as after every restart."""
    world.cloudstack.jobs.seconds = 60
    operation = create_vpc(acme, spec, by=BY)
    watch.meanwhile("createVPC", lambda: world.cloudstack.faults.order("lose_reply", "createVPC", times=1))
    engine.turn(clouds_of)
    world.cloudstack.restart()

    operation = run(operation)

    assert operation.phase == Phase.ROLLED_BACK
    assert operation.error == ("CloudStack stopped building the VPC before it was done: it shows no router for it.")
    assert world.are_empty()


def test_the_reason_of_somebody_elses_job_is_not_taken_for_ones_own_w1(
    acme, globex, spec, run, world, watch, clouds_of
):
    """The order never arrived; another one of that moment fails."""
    world.cloudstack.jobs.seconds = 20
    theirs = create_vpc(globex, spec, by=BY)
    engine.turn(clouds_of)
    ours = create_vpc(acme, spec, by=BY)
    watch.meanwhile("createVPC", die)
    killed_in(lambda: engine.turn(clouds_of))
    world.cloudstack.faults.order("fail_job", "createVPC", times=1, text="theirs alone")

    assert run(theirs).phase == Phase.ROLLED_BACK
    assert run(ours).phase == Phase.SUCCEEDED


def test_two_lost_creations_of_one_moment_know_what_they_share_and_no_more_w1(
    acme, globex, spec, run, world, clouds_of
):
    world.cloudstack.jobs.seconds = 20
    world.cloudstack.faults.order("lose_reply", "createVPC", times=2)
    world.cloudstack.faults.order("fail_job", "createVPC", times=1, text="the first")
    world.cloudstack.faults.order("fail_job", "createVPC", times=1, text="the second")
    operations = [create_vpc(tenant, spec, by=BY) for tenant in (acme, globex)]
    for _ in operations:
        engine.turn(clouds_of)

    for operation in map(run, operations):
        assert operation.phase == Phase.ROLLED_BACK
        assert operation.error == "CloudStack could not build the VPC, and its reason is not known."
    assert world.are_empty()


def test_a_cancelled_creation_is_taken_back_when_its_job_is_over_and_not_before_w1(
    acme, spec, run, world, watch, clouds_of
):
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)
    world.cloudstack.jobs.seconds = 60
    operation = create_vpc(acme, spec, by=BY)
    engine.turn(clouds_of)
    cancel(operation, by=BY)
    ended, jobs = [], world.cloudstack.cloud.table("job")
    watch.meanwhile("deleteVPC", lambda: ended.append(len(list(jobs.where(status=0)))))

    assert run(operation).phase == Phase.CANCELLED
    assert ended == [0]
    assert world.are_empty()


@pytest.mark.parametrize("command", ["deleteVPC", "deleteNetwork"])
def test_a_removal_whose_reply_is_lost_is_ordered_once_w1(acme, spec, run, world, watch, command):
    run(create_vpc(acme, spec, by=BY))
    vpc = Vpc.unscoped.get()
    watch.calls.clear()
    world.cloudstack.faults.order("lose_reply", command, times=1)
    world.cloudstack.jobs.seconds = 60

    operation = delete_vpc(vpc, by=BY) if command == "deleteVPC" else delete_tier(vpc.tiers.get(), by=BY)

    assert run(operation).phase == Phase.SUCCEEDED
    assert sent(watch, command) == 1


def test_a_removal_that_a_restart_broke_off_is_ordered_again_w20(acme, spec, run, world, watch, clouds_of):
    run(create_vpc(acme, spec, by=BY))
    operation = delete_tier(Vpc.unscoped.get().tiers.get(), by=BY)
    world.cloudstack.jobs.seconds = 60
    engine.turn(clouds_of)
    world.cloudstack.restart()

    assert run(operation).phase == Phase.SUCCEEDED


def test_nothing_is_asked_of_jobs_that_cloudstack_has_forgotten(world, zone, clouds_of):
    cloudstack = clouds_of(zone).cloudstack
    sent_at = timezone.now() - orders.JOB_LASTS - timedelta(hours=1)
    notes = Memo({"intent": {"fence": 1, "at": sent_at.isoformat()}}, timezone.now(), 2)

    fate = orders.fate_of(cloudstack, notes, "createVPC")

    assert not fate.is_pending


class TestAWriteThatTakesEffectLate:
    """Something between Weft and CloudStack holds it back until its caller has long given up."""

    def test_a_creation_that_begins_after_its_answer_was_given_up_makes_one_vpc(
        self, acme, zone, spec, run, world, watch, clock, clouds_of
    ):
        world.cloudstack.faults.order("late", "createVPC", seconds=75, times=1)

        assert run(create_vpc(acme, spec, by=BY)).phase == Phase.SUCCEEDED

        watch.let_everything_late_happen(clock)
        vpc = Vpc.unscoped.get()
        assert all_that_there_is(clouds_of(zone)) == ([vpc.remote_name], [vpc.netris_id])
        assert sent(watch, "createVPC") == 1

    def test_a_creation_that_is_cancelled_meanwhile_ends_with_nothing_left(
        self, acme, spec, run, world, watch, clock, clouds_of
    ):
        world.cloudstack.faults.order("late", "createVPC", seconds=75, times=1)
        operation = create_vpc(acme, spec, by=BY)
        engine.turn(clouds_of)
        clock.shift(20)
        cancel(operation, by=BY)
        started = timezone.now()

        assert run(operation).phase == Phase.CANCELLED

        assert timezone.now() - started > timedelta(seconds=55), "it was over before the order could have arrived"
        watch.let_everything_late_happen(clock)
        assert world.are_empty()

    def test_cloudstack_itself_refuses_an_order_that_comes_later_than_weft_believes(
        self, acme, zone, spec, run, world, watch, clock, clouds_of
    ):
        world.cloudstack.faults.order("late", "createVPC", seconds=600, times=1)

        assert run(create_vpc(acme, spec, by=BY)).phase == Phase.SUCCEEDED

        watch.let_everything_late_happen(clock)
        vpc = Vpc.unscoped.get()
        assert all_that_there_is(clouds_of(zone)) == ([vpc.remote_name], [vpc.netris_id])
        assert sent(watch, "createVPC") == 2

    def test_a_lost_order_is_not_forgotten_by_a_retry(self, acme, spec, run, world, watch, clock, clouds_of):
        run(create_vpc(acme, spec, by=BY))
        operation = delete_vpc(Vpc.unscoped.get(), by=BY)
        run_to = "deleteVPC"
        world.cloudstack.faults.order("late", run_to, seconds=75, times=1)
        while not sent(watch, run_to):
            engine.turn(clouds_of)
            clock.shift(5)
        Operation.unscoped.filter(pk=operation.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        operation = run(operation)
        assert operation.phase == Phase.STUCK

        assert run(retry(operation, by=BY)).phase == Phase.SUCCEEDED

        assert sent(watch, run_to) == 1
        assert world.are_empty()


def test_a_worker_that_was_stopped_sends_nothing_once_its_lease_is_over(acme, spec, run, watch, clock, clouds_of):
    operation = create_vpc(acme, spec, by=BY)
    watch.meanwhile("createVPC", lambda: clock.shift(settings.OPERATION_LEASE))
    world_calls = watch.world.cloudstack.control.calls
    engine.turn(clouds_of)
    assert world_calls["createVPC"] == 0

    assert run(operation).phase == Phase.SUCCEEDED
    assert world_calls["createVPC"] == 1
