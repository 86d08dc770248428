"""Peerings on the emulated Netris: the happy ways, what is in the way, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from apps.netris.routing import Side
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from apps.peering.models import Peering, Stage
from apps.peering.queries import applied_of
from apps.peering.services import apply_peering, change_peering, revoke_peering
from apps.peering.sides import side_of
from apps.peering.tasks import keep_all
from tests import questions
from tests.builders import BY
from tests.peering.scene import HERE, OTHER, THERE, Scene, first, live
from tests.questions import every_part_twice

NOTHING = ["deny 0.0.0.0/0 le 32"]


def test_two_vpcs_of_one_tenant_are_peered_at_once(scene: Scene) -> None:
    scene.done(scene.within())

    row = live()
    assert (row.status, row.stage) == (Status.READY, Stage.ACCEPTED)
    assert scene.on_netris() == {
        row.remote_name: {
            scene.here.netris_id: [f"permit {OTHER} le 32"],
            scene.other.netris_id: [f"permit {HERE} le 32"],
        }
    }
    scene.agree()


def test_each_side_gets_what_was_offered_and_chosen_and_nothing_else(scene: Scene) -> None:
    row = scene.ask()
    assert not scene.on_netris()
    scene.done(scene.accept(row, accept=()))

    assert scene.on_netris()[row.remote_name] == {
        scene.here.netris_id: [f"permit {first(THERE)} le 32"],
        scene.there.netris_id: NOTHING,
    }


def test_a_change_replaces_both_lists(scene: Scene) -> None:
    row = scene.agreed()
    part = next(first(THERE).subnets(new_prefix=26))
    scene.done(change_peering(side_of(row, scene.acme), accept=(part,), by=BY))
    assert scene.on_netris()[row.remote_name][scene.here.netris_id] == [f"permit {part} le 32"]

    scene.done(change_peering(side_of(live(), scene.globex), prefixes=(), by=BY))
    assert scene.on_netris()[row.remote_name][scene.here.netris_id] == NOTHING


def test_either_side_ends_it(scene: Scene) -> None:
    for tenant in (scene.acme, scene.globex):
        row = scene.agreed()
        scene.done(revoke_peering(row, tenant, by=BY))
        row.refresh_from_db()
        assert (row.status, row.stage, row.ended_by) == (Status.DELETED, Stage.REVOKED, tenant)
        assert not scene.on_netris()


def test_an_acceptance_that_netris_refuses_leaves_the_request(scene: Scene) -> None:
    row = scene.ask()
    mine = scene.watch.clouds_of(scene.zone).netris
    taken = mine.create_peering(name="somebody", a=Side(scene.there.netris_id, ""), b=Side(scene.here.netris_id, ""))
    operation = scene.run(scene.accept(row))

    assert operation.phase == Phase.ROLLED_BACK
    assert "Netris has a peering of these two VPCs already" in operation.error
    row.refresh_from_db()
    assert (row.stage, row.status, row.peer_vpc, row.peer_offered) == (Stage.REQUESTED, Status.BUILDING, None, [])
    assert set(scene.on_netris()) == {"somebody"}
    mine.delete_peering(taken)
    scene.done(scene.accept(row))
    scene.agree()


def test_what_somebody_changes_on_netris_is_seen_and_put_right_when_asked(scene: Scene) -> None:
    row = scene.agreed()
    scene.see()
    assert applied_of([live()])[row.pk].is_applied is True
    scene.shelf.change(next(iter(scene.shelf)), **{"vpcA prefixListInboundIPv4": "permit 0.0.0.0/0 le 32"})
    assert applied_of([live()])[row.pk].is_applied is True, "it was read a moment ago"
    scene.see()
    assert applied_of([live()])[row.pk].trouble == "Netris lets other prefixes through."
    keep_all()
    assert live().differs_since is not None

    scene.done(apply_peering(live(), scene.globex, by=BY))
    scene.agree()
    assert applied_of([live()])[row.pk].is_applied is None, "not read since"
    scene.shelf.drop(next(iter(scene.shelf))["id"])
    scene.see()
    assert applied_of([live()])[row.pk].trouble == "Netris does not have it."
    scene.done(apply_peering(live(), scene.acme, by=BY))
    scene.agree()
    scene.see()
    keep_all()
    assert live().differs_since is None


def test_both_vpcs_are_kept_while_it_is_there(scene: Scene) -> None:
    row = scene.agreed()
    for vpc in (scene.here, scene.there):
        vpc.refresh_from_db()
        reason = vpc.why_not("delete", ())
        assert reason is not None
        assert reason.startswith("A peering is attached to the VPC.")
    scene.done(revoke_peering(row, scene.acme, by=BY))
    for vpc in Vpc.unscoped.all():
        assert vpc.why_not("delete", ()) is None


def test_it_stands_in_the_lanes_of_both_vpcs(scene: Scene) -> None:
    row = scene.ask()
    operation = scene.accept(row)
    assert operation.lane == scene.there.lane
    assert operation.beside == scene.here.lane


# --- the five questions -----------------------------------------------------------------------------------------------


def started(scene: Scene, action: str) -> Any:
    """What is to be disturbed, with what has to be there before it."""
    if action == "create":
        row = scene.ask()
        return lambda: scene.accept(row)
    if action == "expire":
        row = scene.ask(expires_at=timezone.now() + timedelta(days=1))
        scene.done(scene.accept(row))
        scene.clock.shift(timedelta(days=2))  # no worker was there
        return expired
    row = scene.agreed()
    match action:
        case "revoke":
            return lambda: revoke_peering(live(), scene.acme, by=BY)
        case "change":
            part = next(first(THERE).subnets(new_prefix=26))
            return lambda: change_peering(side_of(live(), scene.acme), accept=(part,), by=BY)
    scene.shelf.drop(next(iter(scene.shelf))["id"])
    return lambda: apply_peering(live(), scene.acme, by=BY)


def expired() -> Operation:
    [operation] = keep_all()
    assert keep_all() == [], "once"
    return operation


#: `create` is what an acceptance does.
ACTIONS = ("create", "change", "apply", "revoke", "expire")


ENDS = {"revoke": Stage.REVOKED, "expire": Stage.EXPIRED}


def at_every_call(scene: Scene, action: str, how: str) -> Any:
    def then() -> None:
        if (action, how) != ("apply", "refused"):  # which leaves it as it was found: not there
            scene.agree()
        if action in ENDS:
            assert Peering.unscoped.get().stage in (ENDS[action], Stage.ACCEPTED)
        for row in Peering.unscoped.filter(stage=Stage.ACCEPTED).exclude(status=Status.DELETED):
            scene.watch.disturb(0, "")
            scene.done(revoke_peering(row, scene.globex, by=BY))
            assert not scene.on_netris()

    return questions.at_every_call(scene, partial(started, scene, action), how, then)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(scene: Scene, action: str) -> None:
    start = started(scene, action)
    with every_part_twice("peering"):
        scene.done(start())
    scene.agree()
    assert bool(scene.on_netris()) is (action not in ENDS)


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(scene: Scene, action: str, how: str) -> None:
    for operation, call in at_every_call(scene, action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_at_any_call_leaves_nothing_or_waits_for_a_person(scene: Scene, action: str) -> None:
    for operation, call in at_every_call(scene, action, "refused"):
        if operation.phase == Phase.STUCK:
            operation = scene.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)


def test_what_netris_says_itself_only_the_platform_reads(scene: Scene) -> None:
    scene.world.netris.faults.order("refuse", "POST /api/v2/vpc-peering")
    operation = scene.run(scene.accept(scene.ask()))
    assert operation.phase == Phase.ROLLED_BACK
    assert operation.error == "Netris refuses the peering. Your provider can see why."
    assert operation.own_words


def test_a_cancelled_acceptance_waits_for_another_answer(scene: Scene) -> None:
    row = scene.ask()
    operation = cancel(scene.accept(row), by=BY)
    assert operation.phase == Phase.CANCELLED
    row.refresh_from_db()
    assert (row.stage, row.status, row.peer_vpc) == (Stage.REQUESTED, Status.BUILDING, None)
