"""The engine: takes up one operation that is due, lets its part act, and writes down what came of it.

    turn()      1. claim    one UPDATE: lease it, raise its fence                     (short transaction)
                2. attempt  the part looks and acts; HTTP happens here                (no transaction)
                3. record   the outcome, only if the fence is still ours              (short transaction)
                4. back to 2 while the part is done or wants to go on; else ring for the next time

Who holds the highest fence owns the operation. A worker that was too slow finds its fence raised, writes nothing and
leaves; what it did in the remotes is found by whoever came after it, because parts look before they act.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model, Subquery

from apps.kernel import clock
from apps.kernel.locks import hold_names, hold_row, try_again
from apps.kernel.remote import TITLES, Rejected, Unauthorized, Unavailable
from apps.operations import doorbell
from apps.operations.models import Event, Operation
from apps.operations.parts import Again, BoundPart, Done, Memo, Wait
from apps.operations.provisioned import status_after
from apps.operations.sentences import TOO_LATE, log_line
from apps.operations.state import AT_REST, RUNNING, Goal, Happened, Phase, State, step
from apps.zones import health, pace
from apps.zones.clouds import Clouds, OpenClouds, TooLateError, no_later_than, open_clouds
from apps.zones.models import Remote, Zone
from apps.zones.turnstile import Held, Hold, Sent, Turnstile, is_symptom

logger = logging.getLogger("weft.engine")

#: A turn ends after this long even if there is more to do, so that the lease never runs out under it.
TURN_SECONDS = 20.0
FIRST_LOOK = 1.0
LONGEST_LOOK = 10.0
LONGEST_BACK_OFF = 300.0
LONGEST_HOLD = 30.0
RELEASE_RINGS = 200
#: Seconds: together less than any sane lease, and enough for PostgreSQL to restart.
RECORD_WAITS = (0.1, 0.2, 0.5, 1.0, 2.0)
ITS_TURN = "Waiting for its turn."

# The fairest due operation: urgent ones first, then the tenant that waited longest for a turn, then the oldest. `turn`
# is written in the same statement, so the next claim sees this tenant at the end of the queue. One row is locked and no
# more: a claim that locked several would hide them from the others, and their rings would find nothing to do.
CLAIM = """
WITH chosen AS (
    SELECT operation.id, operation.tenant_id
    FROM operations_operation operation LEFT JOIN operations_turn turn USING (tenant_id)
    WHERE operation.phase IN ('queued', 'building', 'removing') AND operation.due_at <= %(now)s
      AND (operation.lease_until IS NULL OR operation.lease_until <= %(now)s)
      AND NOT operation.waits
    ORDER BY operation.priority, turn.served_at NULLS FIRST, operation.due_at
    LIMIT 1
    FOR NO KEY UPDATE OF operation SKIP LOCKED
), served AS (
    INSERT INTO operations_turn (tenant_id, served_at)
    SELECT tenant_id, clock_timestamp() FROM chosen WHERE tenant_id IS NOT NULL
    ON CONFLICT (tenant_id) DO UPDATE SET served_at = excluded.served_at
)
UPDATE operations_operation SET lease_until = %(lease)s, fence = fence + 1
WHERE id = (SELECT id FROM chosen)
RETURNING id
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt."""

    happened: Happened
    facts: dict[str, Any]
    memo: dict[str, Any]
    detail: str = ""
    #: Seconds until the next look; None goes on at once.
    pause: float | None = None
    #: The remote did not answer: look again later without wearing out the part's deadline.
    is_unavailable: bool = False
    #: Why the orders of the operation are held back.
    hold: str = ""
    #: What the remote itself said when it refused.
    own_words: str = ""
    #: The part has done its work, though the operation turns round.
    is_part_done: bool = False
    #: It waits for something else than at the last look, or that has come further.
    has_moved: bool = False


def claim() -> Operation | None:
    """The fairest due operation, leased to the caller; None when nothing is due."""
    now = clock.read()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "lease": now + settings.OPERATION_LEASE})
        row = cursor.fetchone()
    return _load(row[0]) if row else None


def _load(operation_id: Any) -> Operation:
    return Operation.unscoped.select_related("zone").get(pk=operation_id)


def is_free(operation: Operation) -> bool:
    return operation.lease_until is None or operation.lease_until <= clock.now()


def turn(clouds_of: OpenClouds = open_clouds) -> Operation | None:
    """Work on one due operation as far as it goes without waiting. None when nothing was due."""
    operation = claim()
    return None if operation is None else advance(operation, clouds_of)


def advance(operation: Operation, clouds_of: OpenClouds = open_clouds) -> Operation:
    """Work on a claimed operation. Returns it as it was last written."""
    resource = resource_of(operation)
    parts = operation.parts(resource)
    if len(parts) != operation.size:
        # Whoever gave it up has deleted its rows between the claim and this look at them.
        logger.warning("operation %s has %s parts, not %s; it was taken over", operation.pk, len(parts), operation.size)
        return operation
    is_new = operation.phase == Phase.QUEUED
    if is_new and not record(operation, resource, None, Outcome(Happened.STARTED, {}, {})):
        return operation
    gate = health.Gate(operation.zone)
    give_up_at = time.monotonic() + TURN_SECONDS
    while operation.phase in RUNNING:
        bound = parts[operation.cursor]
        outcome = attempt(operation, bound, clouds_of, gate)
        if time.monotonic() > give_up_at and outcome.pause is None:
            outcome = replace(outcome, pause=0.0)
        if not record(operation, resource, bound, outcome):
            logger.info("operation %s was taken over; its fence is no longer %s", operation.pk, operation.fence)
            break
        if outcome.pause is not None:
            break
    return operation


def _later(memo: Memo, detail: str, pause: float) -> Outcome:
    return Outcome(Happened.WAITED, {}, dict(memo.values), detail, pause, is_unavailable=True)


def attempt(operation: Operation, bound: BoundPart, clouds_of: OpenClouds, gate: health.Gate) -> Outcome:
    """Let a part act once. Every exception becomes an outcome; nothing is written."""
    if operation.is_cancel_requested and operation.phase == Phase.BUILDING:
        return Outcome(Happened.CANCELLED, {}, {}, "Cancelled.")
    systems = bound.part.systems
    memo = memo_of(operation)
    turnstile = Turnstile(operation.zone, operation.pk, operation.tenant_id)
    if retry_at := gate.closed_until(*systems):
        names = " and ".join(system.label for system in systems)
        return _held(Hold.AWAY, retry_at, f"Waiting for {names} to answer again.", memo.answered())
    # A write that this turn has announced goes out now: looking anew costs a call too, and would never come to an end.
    if not memo.is_cleared_to_send and (pause := pace.wait_for(operation.zone, *systems)) > 0:
        return _later(memo, ITS_TURN, pause)
    try:
        if operation.hold:
            turnstile.look()
        clouds = replace(clouds_of(operation.zone), turnstile=turnstile)
        act = bound.part.ensure if operation.phase == Phase.BUILDING else bound.part.remove
        with no_later_than(operation.lease_until):
            try:
                progress = act(bound.subject, clouds, memo)
            except Rejected as refusal:
                return _refused(operation, bound, clouds, turnstile, memo, refusal)
    except TooLateError:
        return _later(replace(memo, values=memo.answered()), ITS_TURN, 0.0)
    except Held as held:
        return _held(held.hold, held.until, str(held), memo.answered())
    except Unavailable as trouble:
        memo = replace(memo, values=memo.unanswered(clock.now()) if trouble.maybe_sent else memo.answered())
        health.note_failure(operation.zone, trouble)
        logger.warning("operation %s, part %s: %s", operation.pk, bound.title, trouble)
        what = "does not accept Weft's login" if isinstance(trouble, Unauthorized) else "does not answer"
        detail = f"{TITLES.get(trouble.system, 'A remote system')} {what}; trying again."
        retry_at = clock.now() + Remote.pause_after(operation.attempts + 1)
        return _held(Hold.AWAY, retry_at, detail, dict(memo.values))
    except Exception:
        logger.exception("operation %s, part %s", operation.pk, bound.title)
        detail = "Something went wrong on our side. It is logged, and the step is tried again by itself."
        return _later(memo, detail, _back_off(operation))
    is_back = gate.note_success(*systems)
    order = _order_after(memo, turnstile)
    if is_back:
        release(operation.zone)
    match progress:
        case Done(facts=facts):
            sent = Sent.of(order)
            if sent is not None and turnstile.succeeded(sent):
                release(operation.zone)
            return Outcome(Happened.DONE, facts, {})
        case Again(memo=values):
            return Outcome(Happened.WAITED, {}, _with_order(values, order))
        case Wait(why=why, memo=values):
            return _wait(operation, why, _with_order(values, order))


def _order_after(memo: Memo, turnstile: Turnstile) -> dict[str, Any]:
    """What is remembered of the part's orders, with the one that has just passed the turnstile."""
    order: dict[str, Any] = memo.get("order", {})
    return order | {"at": turnstile.passed_at.isoformat()} if turnstile.passed_at else order


def _with_order(values: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    return values | {"order": order} if order else values


def _refused(
    operation: Operation, bound: BoundPart, clouds: Clouds, turnstile: Turnstile, memo: Memo, refusal: Rejected
) -> Outcome:
    """A refusal ends the matter, unless it only says that the plugin could not do its part: then it is sent again."""
    sent = memo.sent
    if sent is not None and is_symptom(refusal):
        is_removal = operation.phase == Phase.REMOVING
        clouds.netris.ping()  # away or slow: that explains it
        has_got_through = bound.part.has_got_through(bound.subject, clouds, is_removal=is_removal)
        if held := turnstile.judge(refusal, sent, has_got_through=has_got_through):
            failed_at = (sent.failed_at or memo.now).isoformat()
            order = {"tries": sent.tries + 1, "failed_at": failed_at}
            return _held(held.hold, held.until, str(held), {"order": order})
    turnstile.give_way()
    detail = bound.part.explain(refusal.text)
    return Outcome(Happened.FAILED, {}, memo.answered(), detail, own_words=refusal.text)


def _held(hold: Hold, until: datetime, why: str, memo: dict[str, Any]) -> Outcome:
    """It comes back by itself, sooner when `release` calls it. A crowd does not come back at once."""
    wait = min(max((until - clock.now()).total_seconds(), 0.1), LONGEST_HOLD)
    pause = wait + random.uniform(0, min(wait, LONGEST_LOOK))  # noqa: S311 - spreads the load
    return Outcome(Happened.WAITED, {}, memo, why, pause, is_unavailable=True, hold=hold)


def release(zone: Zone) -> None:
    """Whoever is held back in the zone may come now. One that is being worked on comes back by itself."""
    with transaction.atomic():
        held = Operation.unscoped.running().filter(zone=zone).exclude(hold="").order_by("pk")
        ids = list(held.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
        Operation.unscoped.filter(pk__in=ids).update(due_at=clock.now())
    doorbell.ring(times=min(len(ids), RELEASE_RINGS))


def _wait(operation: Operation, why: str, memo: dict[str, Any]) -> Outcome:
    if operation.deadline_at is not None and clock.now() > operation.deadline_at:
        return Outcome(Happened.FAILED, {}, memo, f"It took too long. Last: {why}")
    has_moved = _has_moved(operation, why, memo)
    looks = 0 if has_moved else min(operation.attempts, 20)
    pause = min(FIRST_LOOK * 1.5**looks, LONGEST_LOOK)
    return Outcome(Happened.WAITED, {}, memo, why, pause, has_moved=has_moved)


def _has_moved(operation: Operation, why: str, memo: dict[str, Any]) -> bool:
    """Whether a part waits for another job, or tells of another state of things, than when it looked last. What the
    engine itself has said meanwhile is not the part's."""
    if memo.get("job") != memo_of(operation).get("job"):
        return True
    told = step_line(operation, operation.cursor)["detail"]
    return told not in ("", why, ITS_TURN) and not operation.hold


def _back_off(operation: Operation) -> float:
    """Seconds: 2, 4, 8 ... up to five minutes, each spread by a quarter so that a crowd does not come back at once."""
    return float(min(2.0 * 2 ** min(operation.attempts, 10), LONGEST_BACK_OFF) * random.uniform(0.75, 1.25))  # noqa: S311


def memo_of(operation: Operation) -> Memo:
    state = operation.state
    other = Phase.BUILDING if state.phase == Phase.REMOVING else Phase.REMOVING
    there = operation.memo.get(_memo_key(state.cursor, other), {})
    values = operation.memo.get(_memo_key(state.cursor, state.phase), {})
    return Memo(values, clock.now(), operation.fence, there)


def _memo_key(cursor: int, phase: Phase) -> str:
    return f"{cursor}:{phase}"


def record(operation: Operation, resource: Model, bound: BoundPart | None, outcome: Outcome) -> bool:
    """Write an outcome down, in one transaction. False, and nothing is written, when the fence is no longer ours.

    What came of an attempt is known nowhere else, so the transaction is tried again at once when it loses against
    another, and for some seconds when the database does not answer.

    Somebody may cancel while a part acts, in a transaction of their own. So that is compared like the fence: an outcome
    is written in view of a cancellation, before the next part and before the end, or the other way round refuses it.
    """
    steps = deepcopy(operation.steps)
    if _write_down(operation, resource, bound, _in_view_of_cancelling(operation, outcome)):
        return True
    mine = Operation.unscoped.filter(pk=operation.pk, fence=operation.fence, is_cancel_requested=True)
    if operation.is_cancel_requested or not mine.exists():
        return False
    operation.is_cancel_requested, operation.steps = True, steps
    return _write_down(operation, resource, bound, _in_view_of_cancelling(operation, outcome))


def _in_view_of_cancelling(operation: Operation, outcome: Outcome) -> Outcome:
    """What an outcome comes to when somebody has cancelled. The end of what does not unwind stays the end."""
    if not operation.is_cancel_requested:
        return outcome
    is_end = operation.cursor + 1 == operation.size
    match operation.phase, outcome.happened:
        case Phase.QUEUED, Happened.STARTED:
            return replace(outcome, happened=Happened.CANCELLED)
        case Phase.BUILDING, Happened.DONE if is_end and operation.unwinds:
            return replace(outcome, happened=Happened.CANCELLED, detail="Cancelled.", is_part_done=True)
        case Phase.BUILDING, Happened.FAILED if not operation.unwinds:
            return replace(outcome, happened=Happened.CANCELLED)
        case Phase.BUILDING, Happened.WAITED if outcome.pause is not None:
            return replace(outcome, pause=0.0)
    return outcome


def _write_down(operation: Operation, resource: Model, bound: BoundPart | None, outcome: Outcome) -> bool:
    now = clock.now()
    was_cancelled = operation.is_cancel_requested
    before, after = operation.state, step(operation.state, outcome.happened)
    changes = _changes(operation, bound, outcome, before, after, now)
    is_new_hold = outcome.hold not in ("", operation.hold)
    _note_steps(operation, before, after, outcome, now)
    settles = status_after(operation.goal, before.phase) != status_after(operation.goal, after.phase)
    tries = 0
    # No other write of this operation has the same moment.
    stamp = {name: changes[name] for name in ("finished_at", "due_at", "lease_until") if changes.get(name)}

    def write() -> bool:
        nonlocal tries
        tries += 1
        with transaction.atomic(durable=True):
            if settles:
                operation.recipe.hold(resource)
            elif outcome.facts and bound is not None:
                hold_row(bound.subject)
            if after.phase not in RUNNING:
                hold_names(operation.lanes)
            mine = Operation.unscoped.filter(pk=operation.pk, fence=operation.fence)
            is_written = tries > 1 and mine.filter(**stamp).exists()  # it was, and the answer was lost
            known = mine.filter(is_cancel_requested=was_cancelled)
            if not is_written and not known.update(**changes, steps=operation.steps):
                return False
            for name, value in changes.items():
                setattr(operation, name, value)
            if is_written:
                doorbell.ring_on_commit(after=outcome.pause or 0.0)
                return True
            if outcome.facts and bound is not None:
                _save_facts(bound, outcome.facts)
            text = _event(operation, bound, before, after, outcome, is_new_hold=is_new_hold)
            if text and was_cancelled and after.phase == Phase.SUCCEEDED:
                text = f"{text} {TOO_LATE}"
            if text:
                Event.unscoped.create(operation=operation, text=text)
            if after.phase == Phase.SUCCEEDED and after.goal is Goal.CHANGED:
                operation.recipe.take(resource, operation.wanted)
            if settles:
                operation.recipe.settle(resource, operation.goal, operation.phase)
            if after.phase not in RUNNING:
                let_next_go(operation.lanes)
            elif outcome.pause is not None:
                doorbell.ring_on_commit(after=outcome.pause)
            if outcome.detail or (before.phase, before.cursor) != (after.phase, after.cursor):
                transaction.on_commit(lambda: doorbell.tell(operation.tenant_id, operation.pk))
        return True

    return try_again(write, waits=RECORD_WAITS)


def _changes(
    operation: Operation, bound: BoundPart | None, outcome: Outcome, before: State, after: State, now: datetime
) -> dict[str, Any]:
    """The columns that an outcome changes, `steps` aside."""
    changes = columns(after, now=now) | {"memo": _memo_after(operation, before, outcome), "hold": outcome.hold}
    if (before.phase, before.cursor) != (after.phase, after.cursor):
        changes |= {"attempts": 0, "deadline_at": None}
    else:
        if outcome.pause is not None:
            changes["attempts"] = 1 if outcome.has_moved else operation.attempts + 1
        if operation.deadline_at is None and bound is not None:
            changes["deadline_at"] = now + bound.part.deadline
        elif operation.deadline_at is not None:
            # The time for which it is held back, or was until now, does not count.
            late = max(now - operation.due_at, timedelta()) if operation.hold else timedelta()
            held = timedelta(seconds=outcome.pause) if outcome.is_unavailable and outcome.pause else timedelta()
            changes["deadline_at"] = operation.deadline_at + late + held
    if before.phase == Phase.QUEUED:
        changes["started_at"] = now
    if outcome.happened is Happened.FAILED:
        own_words = outcome.own_words if outcome.own_words != outcome.detail else ""
        changes |= {"error": outcome.detail, "own_words": own_words}
        if after.phase == Phase.REMOVING:
            changes["turned_by"] = {"error": outcome.detail, "own_words": own_words}
    elif after.phase == Phase.ROLLED_BACK:
        # Its undoing may have been stuck for a reason of its own, which is settled now.
        changes |= operation.turned_by
    if after.phase not in (Phase.QUEUED, Phase.BUILDING):
        changes["is_cancel_requested"] = False
    if after.phase in RUNNING and outcome.pause is None:
        # The turn goes on, perhaps with a write: it must not outlive its lease.
        changes["lease_until"] = now + settings.OPERATION_LEASE
    else:
        changes |= {"lease_until": None, "due_at": now + timedelta(seconds=outcome.pause or 0)}
    return changes


def columns(state: State, *, now: datetime) -> dict[str, Any]:
    """A state as the operation's columns."""
    values: dict[str, Any] = {
        "phase": state.phase,
        "cursor": state.cursor,
        "ending": state.ending,
        "stopped_in": state.stopped_in or "",
    }
    return values | ({"finished_at": now, "lease_until": None} if state.phase in AT_REST else {})


def let_next_go(lanes: Iterable[str]) -> None:
    """Whoever is first in one of these lanes now need not wait any more, unless it stands in another one as well, and
    is not first there. The lanes are held; the other one may be left at this moment too, so the row is locked before
    that one is looked at: whoever comes second sees what the first has written."""
    running = Operation.unscoped.running()
    for lane in lanes:
        first = running.in_lanes([lane]).order_by("place").values("pk")[:1]
        waiting = running.filter(pk=Subquery(first), waits=True).select_for_update(no_key=True).first()
        if waiting is not None and not running.in_lanes(waiting.lanes).filter(place__lt=waiting.place).exists():
            Operation.unscoped.filter(pk=waiting.pk).update(waits=False)
    doorbell.ring_on_commit()


def resource_of(operation: Operation) -> Model:
    recipe = operation.recipe
    resource: Model = recipe.model._default_manager.select_related(*recipe.related).get(pk=operation.resource_id)
    return resource


def hold(operation_id: Any) -> tuple[Operation, Model]:
    """An operation and its resource for a change from outside a turn, locked until the transaction ends: the rows that
    it settles first."""
    operation = Operation.unscoped.get(pk=operation_id)
    resource = resource_of(operation)
    operation.recipe.hold(resource)
    hold_names(operation.lanes)
    return Operation.unscoped.select_for_update(no_key=True).get(pk=operation_id), resource


def _memo_after(operation: Operation, before: State, outcome: Outcome) -> dict[str, Any]:
    """A part that is done needs no memo. One that failed or was cancelled keeps it, for the way back to read."""
    memo = dict(operation.memo)
    key = _memo_key(before.cursor, before.phase)
    match outcome.happened:
        case Happened.DONE:
            memo.pop(key, None)
        case Happened.CANCELLED if outcome.is_part_done:
            memo.pop(key, None)
        case Happened.WAITED | Happened.FAILED:
            memo[key] = outcome.memo
    return memo


def memo_for_retry(operation: Operation, *, is_anew: bool = False) -> dict[str, Any]:
    """A part that is tried again starts afresh, but for an order of which nobody knows what became. What was noted on
    the way there still stands, unless that way is gone anew."""
    return {
        key: notes
        for key, notes in operation.memo.items()
        if (not is_anew and not key.endswith(f":{operation.stopped_in}")) or ("intent" in notes and "job" not in notes)
    }


def _save_facts(bound: BoundPart, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        setattr(bound.subject, name, value)
    bound.subject.save(update_fields=list(facts))


# --- what people read -------------------------------------------------------------------------------------------------


def blank_step(bound: BoundPart, goal: Goal) -> dict[str, Any]:
    title = bound.title if goal is not Goal.ABSENT else bound.undo_title
    return {"title": title, "state": "waiting", "started_at": None, "finished_at": None, "detail": ""}


def step_line(operation: Operation, cursor: int) -> dict[str, Any]:
    """The line of a part. A removal shows its parts in the order in which it walks them."""
    line: dict[str, Any] = operation.steps[cursor if operation.goal != Goal.ABSENT else operation.size - 1 - cursor]
    return line


def note_step(operation: Operation, state: str, detail: str) -> None:
    """Mark the line at the cursor."""
    line = step_line(operation, operation.cursor)
    line["state"], line["detail"] = state, detail


def _note_steps(operation: Operation, before: State, after: State, outcome: Outcome, now: datetime) -> None:
    stamp = now.isoformat()
    is_undoing = operation.goal != Goal.ABSENT and before.phase == Phase.REMOVING
    line = step_line(operation, before.cursor)
    if before.phase != Phase.QUEUED:
        line["started_at"] = line["started_at"] or stamp
        match outcome.happened:
            case Happened.DONE:
                line |= {"state": "undone" if is_undoing else "done", "finished_at": stamp, "detail": ""}
            case Happened.FAILED:
                line |= {"state": "failed", "finished_at": stamp, "detail": outcome.detail}
            case Happened.CANCELLED:
                line |= {"state": "cancelled", "finished_at": stamp, "detail": outcome.detail}
            case _:
                line |= {"state": "undoing" if is_undoing else "running", "detail": outcome.detail}
        operation.steps[operation.steps.index(line)] = line
    if after.phase in RUNNING and (after.cursor != before.cursor or before.phase != after.phase):
        upcoming = step_line(operation, after.cursor)
        if operation.goal != Goal.ABSENT and after.phase == Phase.REMOVING:
            if upcoming["state"] not in ("failed", "cancelled"):
                upcoming["state"] = "undoing"
        else:
            upcoming |= {"state": "running", "started_at": stamp}


def _event(
    operation: Operation, bound: BoundPart | None, before: State, after: State, outcome: Outcome, *, is_new_hold: bool
) -> str | None:
    title, undo_title = (bound.title, bound.undo_title) if bound else ("", "")
    words = {"title": title, "undo_title": undo_title, "detail": outcome.detail, "error": operation.error}
    if text := log_line(outcome.happened, before, after, **words):
        return text
    is_first = is_new_hold if outcome.hold else operation.attempts == 1 and outcome.detail != ITS_TURN
    if outcome.is_unavailable and is_first:
        return outcome.detail
    return None
