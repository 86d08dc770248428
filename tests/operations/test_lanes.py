"""One writer per VPC: what is asked for in one lane is done one after the other, whoever dies in between."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from time_machine import Traveller

from apps.accounts.models import Account
from apps.kernel.errors import Busy
from apps.kernel.remote import Rejected
from apps.operations import doorbell, engine, queries, services, tasks
from apps.operations.models import Operation
from apps.operations.parts import Wait
from apps.operations.sentences import sentence
from apps.operations.state import Goal, Phase
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.operations.test_engine import Start, clouds_of, fresh, nobody, start, toys, zone
from tests.operations.toys import KIND, ToyBox

__all__ = ["clouds_of", "start", "toys", "zone"]  # fixtures


@pytest.fixture
def account(acme: Tenant, zone: Zone) -> Account:
    return builders.an_account(acme, zone)


@pytest.fixture
def line(clock: Traveller, start: Start, account: Account) -> list[Operation]:
    """Four in one lane, asked for one after the other."""
    return [start(account=account, lock_key=f"toy:{number}", lane="lane") for number in range(4)]


def at_work() -> list[str]:
    return sorted(str(each.lock_key) for each in Operation.unscoped.filter(phase__in=(Phase.BUILDING, Phase.REMOVING)))


def test_a_lane_is_worked_off_in_the_order_of_the_asking_one_at_a_time(toys, line, clock):
    toys[1].script += [Wait("working")] * 9
    ended: list[Any] = []
    for _ in range(200):
        engine.turn(nobody)
        assert len(at_work()) <= 1
        ended += [
            pk
            for pk in Operation.unscoped.filter(phase=Phase.SUCCEEDED).values_list("pk", flat=True)
            if pk not in ended
        ]
        clock.shift(1)
    assert ended == [each.pk for each in line]


def test_hundreds_of_lanes_are_worked_on_side_by_side(toys, start, account):
    toys[0].script += [Wait("working")] * 200
    for number in range(200):
        start(account=account, lock_key=f"toy:{number}", lane=f"lane {number}")
    for _ in range(200):
        assert engine.claim() is not None
    assert engine.claim() is None


def test_who_is_urgent_does_not_pass_who_was_first(line, start, account):
    late = start(account=account, lock_key="toy:late", lane="lane", priority=0)
    assert engine.claim().pk == line[0].pk
    assert engine.claim() is None
    assert fresh(late).phase == Phase.QUEUED


def test_a_worker_that_is_killed_loses_nobody_their_place(toys, line, clock):
    assert engine.claim().pk == line[0].pk
    assert engine.claim() is None, "while its lease runs"
    clock.shift(timedelta(seconds=91))
    assert engine.claim().pk == line[0].pk


def test_one_that_is_stuck_keeps_nobody_waiting_and_stands_last_when_it_is_retried(toys, line, clock):
    toys[0].remote += ["one"]
    Operation.unscoped.update(unwinds=False)
    toys[0].script += [Rejected("not now")]
    engine.turn(nobody)
    assert fresh(line[0]).phase == Phase.STUCK
    toys[0].script += [Wait("working")]
    assert engine.turn(nobody).pk == line[1].pk
    services.retry(line[0], by=builders.BY)
    clock.shift(2)
    for expected in (line[1], line[2], line[3], line[0]):
        assert engine.turn(nobody).pk == expected.pk
        assert fresh(expected).phase == Phase.SUCCEEDED
    assert engine.turn(nobody) is None


def test_one_that_is_cancelled_before_its_turn_lets_the_next_go_on(
    line, monkeypatch, django_capture_on_commit_callbacks
):
    rung: list[int] = []
    monkeypatch.setattr(doorbell, "ring", lambda *, after=0.0, times=1: rung.append(times))
    services.cancel(line[1], by=builders.BY)
    assert fresh(line[1]).phase == Phase.CANCELLED
    with django_capture_on_commit_callbacks(execute=True):
        assert engine.turn(nobody).pk == line[0].pk
    assert rung, "nobody else rings for the next"
    assert engine.turn(nobody).pk == line[2].pk


def test_the_sweep_rings_for_those_alone_whose_turn_it_is(line, start, globex, monkeypatch):
    rung: list[int] = []
    monkeypatch.setattr(doorbell, "ring", lambda *, after=0.0, times=1: rung.append(times))
    start(tenant=globex)
    tasks.sweep()
    assert rung == [2]


def test_what_waits_says_for_what_in_words(line, start, zone, acme, django_assert_num_queries):
    rows = list(Operation.unscoped.order_by("place"))
    with django_assert_num_queries(1):
        ahead = queries.ahead_of(Operation.objects.of(acme), rows)
    assert [str(ahead[each.pk]) for each in line[1:]] == [
        "“Make toys Acme in Zone-1”",
        "“Make toys Acme in Zone-1” and 1 other",
        "“Make toys Acme in Zone-1” and 2 others",
    ]  # fmt: skip
    assert line[0].pk not in ahead
    assert sentence(line[2], ahead[line[2].pk]) == "Waiting for “Make toys Acme in Zone-1” and 1 other"
    with django_assert_num_queries(0):
        assert queries.ahead_of(Operation.objects.of(acme), [line[0]]) == {}


def test_a_tenant_is_not_told_what_the_platform_does_before_theirs(line, acme):
    Operation.unscoped.filter(pk=line[0].pk).update(tenant=None)
    ahead = queries.ahead_of(Operation.objects.of(acme), [fresh(line[1])])
    assert str(ahead[line[1].pk]) == "work of your provider"


def test_what_waits_long_is_not_called_forgotten_by_the_workers(line, clock):
    clock.shift(timedelta(minutes=5))
    assert list(Operation.unscoped.due()) == [line[0]]
    assert [queries.is_overdue(each) for each in line] == [True, False, False, False]


def test_a_lane_takes_no_more_than_can_be_looked_over(start, account, monkeypatch):
    monkeypatch.setattr(services, "MOST_WAITING", 3)
    for number in range(3):
        start(account=account, lock_key=f"toy:{number}", lane="lane")
    with pytest.raises(Busy, match="3 operations wait here already"):
        start(account=account, lock_key="toy:more", lane="lane")
    start(account=account, lock_key="toy:more", lane="another lane")


def test_what_has_to_be_alone_is_refused_beside_others_also_the_stuck(line, start, account):
    Operation.unscoped.exclude(pk=line[2].pk).delete()
    Operation.unscoped.update(phase=Phase.STUCK, stopped_in=Phase.REMOVING, goal=Goal.ABSENT)
    with pytest.raises(Busy, match="is stuck"):
        start(account=account, lock_key="lane", lane="lane", is_alone=True)
    Operation.unscoped.update(phase=Phase.SUCCEEDED)
    assert start(account=account, lock_key="lane", lane="lane", is_alone=True).place == 1


def test_an_operation_without_a_lane_is_refused_by_the_database(line):
    with pytest.raises(IntegrityError, match="operation_has_a_lane"):
        Operation.unscoped.update(lane="")


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_each_has_a_place_of_its_own(toys: ToyBox) -> None:
    acme, here = builders.a_tenant("Acme"), builders.a_zone()
    theirs = builders.an_account(acme, here)
    gate = threading.Barrier(8)

    def ask(number: int) -> None:
        gate.wait(10)
        with transaction.atomic():
            services.start(
                KIND,
                theirs,
                Goal.PRESENT,
                tenant=acme,
                zone=here,
                lock_key=f"toy:{number}",
                lane="lane",
                by=builders.BY,
            )
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(Operation.unscoped.values_list("place", flat=True)) == list(range(1, 9))


def test_what_stands_in_two_lanes_is_done_while_nothing_else_is_done_in_either(toys, start, account, clock):
    toys[1].script += [Wait("working")] * 3
    here = start(account=account, lock_key="toy:here", lane="a")
    there = start(account=account, lock_key="toy:there", lane="b")
    both = start(account=account, lock_key="toy:both", lane="b", beside="a")
    after = start(account=account, lock_key="toy:after", lane="a")
    other = start(account=account, lock_key="toy:other", lane="c")
    assert [fresh(each).waits for each in (here, there, both, after, other)] == [False, False, True, True, False]
    ended: list[Any] = []
    for _ in range(200):
        engine.turn(nobody)
        assert not ("toy:both" in at_work() and set(at_work()) - {"toy:both", "toy:other"})
        succeeded = Operation.unscoped.filter(phase=Phase.SUCCEEDED).values_list("lock_key", flat=True)
        ended += [key for key in succeeded if key not in ended]
        clock.shift(1)
    assert "toy:other" in ended
    ended.remove("toy:other")
    assert (set(ended[:2]), ended[2:]) == ({"toy:here", "toy:there"}, ["toy:both", "toy:after"])


@pytest.mark.django_db(transaction=True)
def test_two_that_leave_their_lanes_at_once_leave_nobody_behind_that_stands_in_both(toys, start, account):
    """Each sees the other still at work: the row of who waits for both is locked before that is looked at."""
    here = start(account=account, lock_key="toy:here", lane="a")
    there = start(account=account, lock_key="toy:there", lane="b")
    both = start(account=account, lock_key="toy:both", lane="a", beside="b")
    barrier = threading.Barrier(2)

    def leave(operation: Operation, *, is_first: bool) -> None:
        try:
            with transaction.atomic():
                Operation.unscoped.filter(pk=operation.pk).update(phase=Phase.SUCCEEDED)
                if not is_first:
                    barrier.wait(10)
                engine.let_next_go(operation.lanes)
                if is_first:
                    barrier.wait(10)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=leave, args=(each,), kwargs={"is_first": each is here}) for each in (here, there)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert fresh(both).waits is False


def test_nobody_is_alone_in_a_lane_in_which_another_stands_beside_its_own(start, account):
    start(account=account, lock_key="toy:both", lane="a", beside="b")
    with pytest.raises(Busy):
        start(account=account, lock_key="b", lane="b", is_alone=True)
