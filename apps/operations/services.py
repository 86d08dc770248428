"""Start, cancel, retry, give up, dismiss. `start` runs inside the caller's transaction, the others are their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction

from apps.kernel import clock
from apps.kernel.errors import Busy, Refused
from apps.kernel.locks import hold_names, hold_row
from apps.operations import doorbell, engine
from apps.operations.models import Event, Operation, Priority
from apps.operations.parts import Left, recipe_of
from apps.operations.sentences import in_words, press_line
from apps.operations.state import Goal, Happened, Phase, step
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit
from apps.zones.models import Zone


def start(
    kind: str,
    resource: models.Model,
    goal: Goal,
    *,
    tenant: Tenant | None,
    zone: Zone,
    lock_key: str,
    lane: str = "",
    beside: str = "",
    is_alone: bool = False,
    wanted: dict[str, Any] | None = None,
    by: Actor,
    priority: Priority = Priority.PERSON,
) -> Operation:
    """Write the operation down and ring when the transaction commits. It begins when all that were asked for before it
    in its lane, and in the one `beside` it, have ended. `wanted` are the values of a change, as JSON.

    Raises `Busy` when the lock is taken, when very many wait already, or when it has to be alone in its lane and
    something is under way or stuck there."""
    recipe = recipe_of(kind)
    lane = lane or lock_key
    place = _take_place(lane, beside)
    if is_alone and (holder := Operation.unscoped.live().in_lanes([lane]).order_by("place").first()):
        raise busy(tenant, holder)
    operation = Operation(
        tenant=tenant,
        zone=zone,
        kind=kind,
        goal=goal,
        resource_type=str(resource._meta.model_name),
        resource_id=resource.pk,
        resource_name=str(getattr(resource, "name", "") or resource)[:200],
        lock_key=lock_key,
        lane=lane,
        beside=beside,
        **place,
        requested_by=by.name,
        requested_by_user=by.user,
        wanted=wanted or {},
        unwinds=recipe.unwinds,
        priority=priority,
    )
    parts = operation.parts(resource)
    operation.size = len(parts)
    operation.steps = [engine.blank_step(part, goal) for part in parts]
    if goal == Goal.ABSENT:
        operation.steps.reverse()
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
    except IntegrityError as error:
        if "operation_one_live_per_lock" not in str(error):
            raise
        holder = Operation.unscoped.live().filter(lock_key=lock_key).first()
        raise busy(tenant, holder) from error
    Event.unscoped.create(operation=operation, text=press_line(Happened.STARTED, by.name))
    if goal != Goal.PRESENT:
        recipe.settle(resource, goal, Phase.QUEUED)
    doorbell.ring_on_commit()
    return operation


#: How many wait in a lane at most.
MOST_WAITING = 200


def _take_place(*lanes: str) -> dict[str, Any]:
    """The columns of a place behind all that are in these lanes, which are held: so places are taken one by one."""
    names = sorted(filter(None, lanes))
    hold_names(names)
    running = Operation.unscoped.running().in_lanes(names)
    told = running.aggregate(last=models.Max("place"), count=models.Count("pk"))
    if told["count"] >= MOST_WAITING:
        raise Busy("busy", f"{told['count']} operations wait here already. Wait until some of them are over.")
    return {"place": (told["last"] or 0) + 1, "waits": told["count"] > 0}


def need(reason: str | None, work: Iterable[Operation]) -> None:
    """Raises the reason why something is not offered now, if there is one: as `Busy` when it is one of these operations
    that is in the way."""
    if reason is None:
        return
    is_busy = any(reason == each.in_the_way for each in work)
    raise Busy("busy", reason) if is_busy else Refused("not-now", reason)


def busy(tenant: Tenant | None, holder: Operation | None) -> Busy:
    """Says which operation is in the way, to whom it belongs."""
    if holder is None:
        return Busy("busy", "Another operation was under way until a moment ago. Try again.")
    is_theirs = tenant is not None and holder.tenant_id != tenant.pk
    text = "Your provider is at work on it. Wait until that is over, then try again."
    return Busy("busy", text if is_theirs else holder.in_the_way)


@transaction.atomic(durable=True)
def cancel(operation: Operation, *, by: Actor) -> Operation:
    """Ask for an operation to be undone. One that nobody has begun is over at once; a running one turns round soon."""
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("cancel"):
        raise Refused("not-cancellable", reason)
    audit(by, "operation.cancel", operation, tenant=operation.tenant)
    Event.unscoped.create(operation=operation, text=press_line(Happened.CANCELLED, by.name))
    if operation.phase in (Phase.QUEUED, Phase.STUCK) and engine.is_free(operation):
        _move(operation, resource, Happened.CANCELLED)
    else:
        operation.is_cancel_requested = True
        operation.due_at = clock.now()
        operation.save(update_fields=["is_cancel_requested", "due_at"])
        transaction.on_commit(lambda: doorbell.tell(None, operation.pk))
        doorbell.ring_on_commit()
    return operation


@transaction.atomic(durable=True)
def retry(operation: Operation, *, by: Actor) -> Operation:
    """Let a stuck operation go on where it stopped."""
    return _retried(operation, by)


def _retried(operation: Operation, by: Actor) -> Operation:
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("retry"):
        raise Refused("not-stuck", reason)
    audit(by, "operation.retry", operation, tenant=operation.tenant)
    Event.unscoped.create(operation=operation, text=press_line(Happened.RETRIED, by.name))
    operation.stuck_by = {"error": operation.error, "own_words": operation.own_words}
    cause = operation.turned_by
    operation.error, operation.own_words = cause.get("error", ""), cause.get("own_words", "")
    _move(operation, resource, Happened.RETRIED)
    return operation


@transaction.atomic(durable=True)
def apply(operation: Operation, *, by: Actor) -> Operation:
    """Let a change whose undoing is stuck be tried anew, from its beginning: parts look before they act."""
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("apply"):
        raise Refused("not-stuck", reason)
    audit(by, "operation.apply", operation, tenant=operation.tenant)
    Event.unscoped.create(operation=operation, text=press_line(Happened.APPLIED, by.name))
    operation.stuck_by = {"error": operation.error, "own_words": operation.own_words}
    operation.error, operation.own_words, operation.turned_by = "", "", {}
    blank = {"state": "waiting", "started_at": None, "finished_at": None, "detail": ""}
    operation.steps = [line | blank for line in operation.steps]
    _move(operation, resource, Happened.APPLIED)
    return operation


#: How many are retried with one press or one call.
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Retried:
    """What became of one of many: None as reason means that it goes on."""

    operation: Operation
    reason: str | None


def retry_each(operations: Iterable[Operation], *, by: Actor) -> list[Retried]:
    """Retry many, each for itself. One that cannot be, because somebody was faster, keeps no other from going on."""
    results = []
    for operation in sorted(operations, key=lambda each: each.pk):
        try:
            with transaction.atomic():
                results.append(Retried(_retried(operation, by), None))
        except Refused as refusal:
            results.append(Retried(operation, refusal.message))
    return results


def may_leave(operation: Operation) -> list[Left]:
    """What may be there when a removal is given up now, system by system: of every part that has not been taken away
    yet. Nothing is asked of the remotes."""
    parts = operation.parts(engine.resource_of(operation))
    left = [each for bound in reversed(parts[: operation.cursor + 1]) for each in bound.part.leaves(bound.subject)]
    return sorted(left, key=lambda each: each.system)


@transaction.atomic(durable=True)
def give_up(operation: Operation, *, confirmed: Sequence[str], by: Platform) -> Operation:
    """End a removal that will never end by itself. Its rows are deleted; what is `confirmed` may be left elsewhere.

    Raises `Refused` when something else may be left than what was shown to whoever confirms.
    """
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("give up"):
        raise Refused("not-now", reason)
    left = may_leave(operation)
    if list(map(str, left)) != list(confirmed):
        text = f"Confirm exactly what may be left. That is now: {in_words(left)}"
        raise Refused("left-unconfirmed", text, "left")
    things = [{"system": str(each.system), "what": each.what} for each in left]
    operation.given_up = {"by": by.actor.name, "left": things}
    if operation.phase != Phase.STUCK:  # it goes on in vain: what it waits for is the reason
        waits_for = engine.step_line(operation, operation.cursor)["detail"]
        operation.error = waits_for or operation.stuck_by.get("error", "")
    told = {"error": operation.error, "left": list(map(str, left))}
    audit(by.actor, "operation.give-up", operation, tenant=operation.tenant, new=told)
    Event.unscoped.create(operation=operation, text=press_line(Happened.GIVEN_UP, by.actor.name, left))
    _move(operation, resource, Happened.GIVEN_UP)
    return operation


@transaction.atomic(durable=True)
def dismiss(operation: Operation, *, by: Actor) -> Operation:
    """How it ended was seen, and need not be shown first any more. Nothing else of it changes."""
    hold_row(operation)
    operation.refresh_from_db()
    if reason := operation.why_not("dismiss"):
        raise Refused("not-now", reason)
    audit(by, "operation.dismiss", operation, tenant=operation.tenant)
    operation.dismissed_at = clock.now()
    operation.save(update_fields=["dismissed_at"])
    return operation


def _move(operation: Operation, resource: models.Model, happened: Happened) -> None:
    """Change the phase from outside a turn. The new fence sends home a worker that may still hold the old one."""
    changes: dict[str, Any] = engine.columns(step(operation.state, happened), now=clock.now())
    changes |= {"fence": operation.fence + 1, "due_at": clock.now(), "attempts": 0, "error": operation.error}
    changes |= {
        "own_words": operation.own_words,
        "memo": engine.memo_for_retry(operation, is_anew=happened is Happened.APPLIED),
    }
    changes |= {"deadline_at": None, "is_cancel_requested": False, "hold": ""}
    changes |= {"stuck_by": operation.stuck_by, "turned_by": operation.turned_by, "given_up": operation.given_up}
    if happened in (Happened.RETRIED, Happened.APPLIED):  # behind those that went on while it was stuck
        changes |= _take_place(*operation.lanes)
    for name, value in changes.items():
        setattr(operation, name, value)
    match happened:
        case Happened.RETRIED:
            engine.note_step(operation, "undoing" if operation.is_rolling_back else "running", "")
            engine.step_line(operation, operation.cursor)["finished_at"] = None
        case Happened.APPLIED:
            engine.note_step(operation, "running", "")
        case Happened.CANCELLED:
            engine.note_step(operation, "cancelled", "")
    operation.save(update_fields=[*changes, "steps"])
    operation.recipe.settle(resource, operation.goal, operation.phase)
    engine.let_next_go(operation.lanes)
    transaction.on_commit(lambda: doorbell.tell(operation.tenant_id, operation.pk))
