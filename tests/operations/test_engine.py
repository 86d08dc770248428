"""The engine with scripted parts: order, waiting, retries, undo, leases and fences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.kernel.errors import Busy, Refused
from apps.kernel.remote import Rejected, Unavailable
from apps.operations import doorbell, engine, services, tasks
from apps.operations.models import Event, Operation, Priority
from apps.operations.parts import Again, Done, Memo, Progress, Wait, _recipes
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.tenancy.models import Tenant
from apps.zones import pace
from apps.zones.clouds import Clouds
from apps.zones.models import Remote, System, Zone
from tests import builders
from tests.operations.toys import KIND, ToyBox

Start = Callable[..., Operation]


def nobody(zone: Zone) -> Clouds:
    """Toys call nobody."""
    return Clouds(zone, None, None)


@pytest.fixture
def toys() -> Iterator[ToyBox]:
    yield ToyBox()
    _recipes.pop(KIND, None)


@pytest.fixture
def zone(db: None) -> Zone:
    return builders.a_zone()


@pytest.fixture
def clouds_of() -> Callable[[Zone], Any]:
    return nobody


@pytest.fixture
def start(acme: Tenant, zone: Zone, toys: ToyBox) -> Start:
    def started(goal: Goal = Goal.PRESENT, tenant: Tenant = acme, **options: Any) -> Operation:
        account = builders.an_account(tenant, zone) if "account" not in options else options.pop("account")
        options.setdefault("lock_key", f"toy:{account.pk}")
        return services.start(KIND, account, goal, tenant=tenant, zone=zone, by=builders.BY, **options)

    return started


def fresh(operation: Operation) -> Operation:
    return Operation.unscoped.get(pk=operation.pk)


def cancelling(operation: Operation, answer: Progress | Exception | None = None) -> Callable[[Memo], Progress | None]:
    """A part during whose work somebody cancels; then it answers, or does its work."""

    def act(memo: Memo) -> Progress | None:
        services.cancel(operation, by=builders.BY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return act


def test_parts_are_made_in_order_in_one_turn(toys, start, run):
    operation = run(start())
    assert operation.phase == Phase.SUCCEEDED
    assert toys.remote == ["one", "two", "three"]
    assert [line["state"] for line in operation.steps] == ["done"] * 3
    assert all(line["finished_at"] for line in operation.steps)


def test_a_removal_walks_backwards(toys, start, run):
    toys.remote += ["one", "two", "three"]
    operation = run(start(Goal.ABSENT))
    assert operation.phase == Phase.SUCCEEDED
    assert toys.remote == []
    assert [line["title"] for line in operation.steps] == ["Remove three", "Remove two", "Remove one"]


def test_a_refusal_undoes_what_was_made_and_says_why(toys, start, run):
    toys[1].script.append(Rejected("no room", 535))
    operation = run(start())
    assert operation.phase == Phase.ROLLED_BACK
    assert toys.remote == []
    assert operation.error == "no room"
    assert [line["state"] for line in operation.steps] == ["undone", "undone", "waiting"]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_percent_never_fall_also_while_a_creation_is_undone(toys, start, run, index):
    operation, seen = start(), []

    def look(answer: Exception | None = None) -> Callable[[Memo], None]:
        def act(memo: Memo) -> None:
            seen.append(fresh(operation).progress)
            if answer:
                raise answer

        return act

    for number, toy in enumerate(toys.parts):
        toy.script += [look(Rejected("no room") if number == index else None), look()]
    toys[0].script.insert(1, look(Rejected("in use")))
    assert run(operation).phase == Phase.STUCK
    seen.append(fresh(operation).progress)
    services.retry(operation, by=builders.BY)
    seen.append(fresh(operation).progress)
    assert run(operation).progress == 100
    assert seen == sorted(seen) and seen[-1] < 100


def test_a_refused_removal_is_stuck_until_somebody_retries(toys, start, run):
    toys.remote += ["one", "two", "three"]
    toys[1].script.append(Rejected("in use"))
    operation = run(start(Goal.ABSENT))
    assert (operation.phase, operation.error) == (Phase.STUCK, "in use")
    services.retry(operation, by=builders.BY)
    assert run(operation).phase == Phase.SUCCEEDED
    assert toys.remote == []


def test_a_refused_creation_keeps_its_reason_when_its_undoing_was_stuck_in_between_w23(toys, start, run):
    toys[1].script += [Rejected("no room", 535), Rejected("in use"), Rejected("still in use")]
    operation = run(start())
    for reason in ("in use", "still in use"):
        assert (operation.phase, operation.error) == (Phase.STUCK, reason)
        services.retry(operation, by=builders.BY)
        assert fresh(operation).error == "no room", "what it undoes, while nothing is in its way"
        operation = run(operation)

    assert (operation.phase, operation.error) == (Phase.ROLLED_BACK, "no room")
    assert Event.unscoped.filter(operation=operation).last().text.endswith("Reason: no room.")


def test_a_removal_that_went_on_after_a_retry_has_nothing_to_complain_of(toys, start, run):
    toys[1].script.append(Rejected("in use"))
    operation = run(start(Goal.ABSENT))
    services.retry(operation, by=builders.BY)
    operation = run(operation)
    assert (operation.phase, operation.error) == (Phase.SUCCEEDED, "")


def test_a_cancelled_creation_whose_undoing_was_stuck_ends_as_cancelled(toys, start, run):
    toys[1].script += [Wait("working"), Rejected("in use")]
    operation = start()
    engine.turn(nobody)
    services.cancel(operation, by=builders.BY)
    operation = run(operation)
    assert (operation.phase, operation.error) == (Phase.STUCK, "in use")
    services.retry(operation, by=builders.BY)
    operation = run(operation)
    assert (operation.phase, operation.error) == (Phase.CANCELLED, "")


def test_a_refusal_put_in_other_words_keeps_the_remotes_own_for_the_platform(toys, start, run):
    toys[1].explain = lambda text: "Full. Tell your provider." if "VLAN" in text else text
    toys[1].script += [Rejected("no free IP on the VLAN range", 530), Rejected("in use")]
    operation = run(start())
    assert (operation.error, operation.own_words) == ("in use", "")
    services.retry(operation, by=builders.BY)
    operation = run(operation)
    assert (operation.error, operation.own_words) == ("Full. Tell your provider.", "no free IP on the VLAN range")


def test_what_was_noted_on_the_way_there_is_read_on_the_way_back_also_after_a_retry(toys, start, run):
    there: list[Any] = []

    def look(memo: Memo) -> Done:
        there.append(dict(memo.there))
        return Done()

    def refuse(memo: Memo) -> None:
        there.append(dict(memo.there))
        raise Rejected("in use")

    toys[0].script += [Wait("working", job=7), Wait("working", job=7), refuse, look]
    operation = start()
    engine.turn(nobody)
    services.cancel(operation, by=builders.BY)
    services.retry(run(operation), by=builders.BY)
    assert run(operation).phase == Phase.CANCELLED
    assert there == [{"job": 7}] * 2


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Rejected("no room"), 0),
        (Unavailable("never left", maybe_sent=False), 0),
        (Unavailable("lost", maybe_sent=True), 180),
    ],
)
def test_only_an_order_whose_answer_is_lost_may_still_arrive(toys, start, run, clock, answer, seconds):
    looked: list[bool] = []

    def send(memo: Memo) -> None:
        assert memo.is_cleared_to_send
        raise answer

    def look(memo: Memo) -> Done:
        for _ in range(2):
            looked.append(replace(memo, now=timezone.now()).may_still_arrive())
            clock.shift(179)
        looked.append(replace(memo, now=timezone.now()).may_still_arrive())
        return Done()

    toys[0].script += [lambda memo: memo.before_sending("checking"), send, look]
    operation = start()
    engine.turn(nobody)
    if fresh(operation).phase == Phase.BUILDING:
        services.cancel(operation, by=builders.BY)
    run(operation)
    assert looked == [seconds > 0, seconds > 0, False]


def test_a_refused_change_is_stuck_and_takes_nothing_away(start, acme, run):
    toys = ToyBox(unwinds=False)
    toys.remote.append("one")
    toys[1].script.append(Rejected("not now"))
    operation = run(start())
    assert operation.phase == Phase.STUCK
    assert toys.remote == ["one"]
    services.cancel(operation, by=builders.BY)
    assert fresh(operation).phase == Phase.CANCELLED


def test_waiting_looks_again_with_the_memo_and_less_and_less_often(toys, start, run, clock):
    toys[0].script += [Wait("working", job=7)] * 4
    started = timezone.now()
    operation = run(start())
    assert operation.phase == Phase.SUCCEEDED
    assert toys[0].memos[1:] == [{"job": 7}] * 4
    assert 7 < (timezone.now() - started).total_seconds() < 10


@pytest.mark.parametrize(
    "waits",
    [
        [Wait("adding", job=number) for number in range(20)],
        [Wait(f"{number} of 20 are gone") for number in range(20)],
    ],
    ids=["another job", "progress"],
)
def test_who_waits_for_something_new_looks_again_soon(toys, start, run, clock, waits):
    toys[0].script += waits
    started = timezone.now()
    assert run(start()).phase == Phase.SUCCEEDED
    assert 20 <= (timezone.now() - started).total_seconds() < 22


def test_who_has_to_wait_for_its_turn_in_between_has_not_moved(toys, start, run, clock, monkeypatch):
    pauses = iter([0.0, 5.0] * 12)
    monkeypatch.setattr(pace, "wait_for", lambda *_args, **_options: next(pauses, 0.0))
    toys[0].systems = (System.CLOUDSTACK,)
    toys[0].script += [Wait("working", job=7)] * 9
    started = timezone.now()
    assert run(start()).phase == Phase.SUCCEEDED
    assert (timezone.now() - started).total_seconds() > 9 * 5 + 40


def test_again_saves_its_memo_before_the_part_goes_on(toys, start, run):
    seen: list[dict[str, Any]] = []

    def look(memo: Memo) -> Done:
        seen.append(Operation.unscoped.get(lock_key__startswith="toy:").memo)
        return Done()

    toys[0].script += [Again(noted=1), look]
    run(start())
    assert seen == [{"0:building": {"noted": 1}}]


def test_a_write_that_was_announced_does_not_wait_for_the_rate_limit(toys, start, run):
    toys[0].systems = (System.CLOUDSTACK,)
    sent: list[bool] = []

    def announce(memo: Memo) -> Progress:
        pace.charge(Zone.objects.get(), "cloudstack", 100_000)
        return memo.before_sending("Looking again.")

    def send(memo: Memo) -> Done:
        sent.append(memo.is_cleared_to_send)
        return Done()

    toys[0].script += [announce, send]
    run(start())
    assert sent == [True]


def test_a_memo_belongs_to_its_part_and_direction(toys, start, run):
    toys[0].script += [Wait("a", job=1)]
    toys[1].script += [Wait("b", job=2), Rejected("no")]
    run(start())
    assert toys[0].memos == [{}, {"job": 1}, {}]
    assert toys[1].memos == [{}, {"job": 2}, {}]


def test_waiting_past_the_deadline_counts_as_a_refusal(toys, start, run):
    toys[1].script += [Wait("still working")] * 12
    toys[1].deadline = timedelta(seconds=20)
    operation = run(start())
    assert operation.phase == Phase.ROLLED_BACK
    assert operation.error == "It took too long. Last: still working"


def test_time_in_which_the_remote_is_away_does_not_wear_out_the_deadline(toys, start, run):
    toys[0].deadline = timedelta(seconds=30)
    toys[0].script += [Wait("working")] + [Unavailable("away", system="cloudstack")] * 8 + [Wait("working")]
    assert run(start()).phase == Phase.SUCCEEDED


def test_an_unavailable_remote_is_asked_every_few_seconds(toys, start, run):
    toys[0].script += [Unavailable("away", system="cloudstack")] * 6
    started = timezone.now()
    operation = run(start())
    assert operation.phase == Phase.SUCCEEDED
    assert 30 < (timezone.now() - started).total_seconds() < 120
    assert len(toys[0].memos) == 7
    assert Event.unscoped.filter(operation=operation, text__contains="does not answer").count() == 1


def test_an_unexpected_exception_is_logged_and_tried_again(toys, start, run, caplog):
    toys[0].script += [ZeroDivisionError("oops")]
    operation = start()
    engine.turn(nobody)
    assert "Traceback" in caplog.text and "oops" in caplog.text
    detail = fresh(operation).steps[0]["detail"]
    assert "on our side" in detail and "oops" not in detail
    assert run(operation).phase == Phase.SUCCEEDED


def test_a_worker_that_lost_its_fence_writes_nothing(toys, start, clock):
    operation = start()
    slow = engine.claim()
    assert slow is not None
    clock.shift(timedelta(seconds=91))
    faster = engine.turn(nobody)
    assert faster is not None and faster.phase == Phase.SUCCEEDED
    before = fresh(operation)
    engine.advance(slow, nobody)
    assert fresh(operation).steps == before.steps
    assert toys.remote == ["one", "two", "three"]


def test_two_claims_never_get_the_same_operation(start):
    start()
    assert engine.claim() is not None
    assert engine.claim() is None


def test_an_expired_lease_is_taken_over(start, clock):
    start()
    first = engine.claim()
    clock.shift(timedelta(seconds=91))
    second = engine.claim()
    assert first is not None and second is not None
    assert (second.pk, second.fence) == (first.pk, first.fence + 1)


def test_one_live_operation_per_lock(start, acme, zone):
    account = builders.an_account(acme, zone)
    start(account=account)
    with pytest.raises(Busy, match="Make toys"):
        start(account=account)


def test_a_queued_operation_is_cancelled_at_once(toys, start):
    operation = start()
    services.cancel(operation, by=builders.BY)
    assert fresh(operation).phase == Phase.CANCELLED
    assert toys.remote == []


def test_a_running_creation_is_cancelled_by_undoing_it(toys, start, run):
    toys[1].script += [Wait("working")] * 3
    operation = start()
    engine.turn(nobody)
    services.cancel(operation, by=builders.BY)
    operation = run(operation)
    assert operation.phase == Phase.CANCELLED
    assert toys.remote == []
    assert operation.resource_id and Status.DELETED in operation.recipe.model._default_manager.values_list(
        "status", flat=True
    )


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_creation_that_is_cancelled_while_a_part_acts_turns_round_before_the_next_or_the_end(toys, start, run, index):
    operation = start()
    toys[index].script.append(cancelling(operation))
    operation = run(operation)
    assert (operation.phase, operation.is_cancel_requested) == (Phase.CANCELLED, False)
    assert toys.remote == []
    # Once there and once back; the next one only looks whether there is something to take back.
    assert [len(toy.memos) for toy in toys.parts] == ([2] * (index + 1) + [1, 0, 0])[:3]
    assert [line["state"] for line in operation.steps[index + 1 :]] == ["undone", "waiting"][: 2 - index]
    assert operation.memo == {}


def test_a_creation_that_is_cancelled_before_a_worker_has_written_that_it_began_never_begins(toys, start):
    operation = start()
    claimed = engine.claim()
    services.cancel(operation, by=builders.BY)
    assert engine.advance(claimed, nobody).phase == Phase.CANCELLED
    assert [toy.memos for toy in toys.parts] == [[], [], []]


def test_who_waits_for_a_remote_hears_of_a_cancellation_at_once(toys, start):
    operation = start()
    toys[1].script.append(cancelling(operation, Wait("working")))
    engine.turn(nobody)
    assert fresh(operation).due_at <= timezone.now()
    assert fresh(operation).is_cancel_requested


def test_what_was_refused_and_cancelled_at_once_is_undone_and_no_longer_called_cancelling(toys, start, run):
    operation = start()
    toys[1].script.append(cancelling(operation, Rejected("no room", 535)))
    operation = run(operation)
    assert (operation.phase, operation.is_cancel_requested, toys.remote) == (Phase.ROLLED_BACK, False, [])


@pytest.mark.parametrize(
    ("index", "answer", "phase", "words"),
    [
        (0, None, "cancelled", "what had been done stays"),
        (1, Rejected("no room", 535), "cancelled", "what had been done stays"),
        (2, None, "succeeded", "It was too late to cancel"),
    ],
)
def test_what_does_not_unwind_stops_where_it_is_or_says_that_it_was_too_late(start, run, index, answer, phase, words):
    toys = ToyBox(unwinds=False)
    operation = start()
    toys[index].script.append(cancelling(operation, answer))
    operation = run(operation)
    assert (operation.phase, operation.is_cancel_requested) == (phase, False)
    assert words in Event.unscoped.filter(operation=operation).last().text


def test_a_removal_that_has_begun_is_not_taken_back(toys, start):
    toys[2].script += [Wait("working")] * 3
    operation = start(Goal.ABSENT)
    engine.turn(nobody)
    with pytest.raises(Refused, match="not taken back"):
        services.cancel(fresh(operation), by=builders.BY)


def test_an_operation_at_rest_can_be_neither_cancelled_nor_retried(start, run):
    operation = run(start())
    for change in (services.cancel, services.retry):
        with pytest.raises(Refused, match="already built" if change == services.cancel else "stuck"):
            change(operation, by=builders.BY)


def test_urgent_work_goes_first(start, globex):
    bulk = start(priority=Priority.BULK)
    urgent = start(tenant=globex)
    assert engine.claim().pk == urgent.pk
    assert engine.claim().pk == bulk.pk


def test_a_thousand_operations_of_one_tenant_do_not_starve_anothers_first(start, acme, globex, zone, clock):
    account = builders.an_account(acme, zone)
    for number in range(1000):
        start(account=account, lock_key=f"toy:{number}")
    clock.shift(timedelta(seconds=1))
    first = start(tenant=globex)
    served = [engine.claim().pk for _ in range(3)]
    assert first.pk in served


def test_back_off_is_shared_while_a_remote_is_down(toys, start, zone, clock):
    for part in toys.parts:
        part.systems = (System.CLOUDSTACK,)
    toys[0].script += [Unavailable("away", system="cloudstack")] * 50
    for number in range(20):
        start(lock_key=f"toy:{number}", account=builders.an_account(builders.a_tenant(f"T{number}"), zone))
    for _ in range(20):
        engine.turn(nobody)
    assert len(toys[0].memos) == 1, "one asks, the others wait without calling"
    assert Remote.objects.get(zone=zone).down_since is not None


def test_when_a_remote_is_back_all_who_wait_for_it_go_on_at_once(toys, start, zone, clock):
    """However long it was away, and whoever finds out."""
    for part in toys.parts:
        part.systems = (System.CLOUDSTACK,)
    toys[0].script += [Unavailable("away", system="cloudstack")] * 30
    for number in range(20):
        start(lock_key=f"toy:{number}", account=builders.an_account(builders.a_tenant(f"T{number}"), zone))
    for _ in range(300):
        engine.turn(nobody)
        clock.shift(1)
    waiting = Operation.unscoped.running()
    assert set(waiting.values_list("hold", flat=True)) == {"away"}
    toys[0].script.clear()
    back_at = timezone.now()

    while waiting.filter(due_at__gt=timezone.now()).exists():
        engine.turn(nobody)
        clock.shift(1)

    assert timezone.now() - back_at < timedelta(seconds=25)
    while engine.turn(nobody):
        pass
    assert not waiting.exists()


def test_the_sweep_rings_for_what_nobody_heard(start, globex, monkeypatch):
    rung: list[int] = []
    monkeypatch.setattr(doorbell, "ring", lambda *, after=0.0, times=1: rung.append(times))
    start()
    start(tenant=globex)
    tasks.sweep()
    assert rung == [2]
