"""Start, cancel and retry operations. `start` runs inside the caller's transaction, the other two are their own."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, models, transaction

from apps.kernel import clock
from apps.kernel.errors import Busy, Refused
from apps.operations import doorbell, engine
from apps.operations.models import Event, Operation, Priority
from apps.operations.parts import recipe_of
from apps.operations.state import Goal, Happened, Phase, step
from apps.tenancy.actors import Actor
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
    by: Actor,
    priority: Priority = Priority.PERSON,
) -> Operation:
    """Write the operation down and ring when the transaction commits. Raises `Busy` when the lock is taken."""
    recipe = recipe_of(kind)
    parts = recipe.parts(resource)
    operation = Operation(
        tenant=tenant,
        zone=zone,
        kind=kind,
        goal=goal,
        resource_type=str(resource._meta.model_name),
        resource_id=resource.pk,
        resource_name=str(getattr(resource, "name", resource))[:200],
        lock_key=lock_key,
        requested_by=by.name,
        requested_by_user=by.user,
        size=len(parts),
        unwinds=recipe.unwinds,
        steps=[engine.blank_step(part, goal) for part in parts],
        priority=priority,
    )
    if goal == Goal.ABSENT:
        operation.steps.reverse()
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
    except IntegrityError as error:
        if "operation_one_live_per_lock" not in str(error):
            raise
        raise busy(tenant, lock_key) from error
    Event.unscoped.create(operation=operation, text=f"Asked for by {by.name}.")
    if goal == Goal.ABSENT:
        recipe.settle(resource, goal, Phase.QUEUED)
    doorbell.ring_on_commit()
    return operation


def busy(tenant: Tenant | None, lock_key: str) -> Busy:
    """Says which operation is in the way. The holder is the tenant's own: lock keys carry ids of the tenant's rows."""
    holder = Operation.unscoped.live().filter(tenant=tenant, lock_key=lock_key).first()
    text = "Another operation was under way until a moment ago. Try again."
    return Busy("busy", holder.in_the_way if holder else text)


@transaction.atomic(durable=True)
def cancel(operation: Operation, *, by: Actor) -> Operation:
    """Ask for an operation to be undone. One that nobody has begun is over at once; a running one turns round soon."""
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("cancel"):
        raise Refused("not-cancellable", reason)
    audit(by, "operation.cancel", operation, tenant=operation.tenant)
    Event.unscoped.create(operation=operation, text=f"{by.name} cancelled it.")
    if operation.phase in (Phase.QUEUED, Phase.STUCK) and engine.is_free(operation):
        _move(operation, resource, Happened.CANCELLED)
    else:
        operation.is_cancel_requested = True
        operation.due_at = clock.now()
        operation.save(update_fields=["is_cancel_requested", "due_at"])
    doorbell.ring_on_commit()
    return operation


@transaction.atomic(durable=True)
def retry(operation: Operation, *, by: Actor) -> Operation:
    """Let a stuck operation go on where it stopped."""
    operation, resource = engine.hold(operation.pk)
    if reason := operation.why_not("retry"):
        raise Refused("not-stuck", reason)
    audit(by, "operation.retry", operation, tenant=operation.tenant)
    Event.unscoped.create(operation=operation, text=f"{by.name} had it tried again.")
    cause = operation.turned_by
    operation.error, operation.own_words = cause.get("error", ""), cause.get("own_words", "")
    _move(operation, resource, Happened.RETRIED)
    doorbell.ring_on_commit()
    return operation


def _move(operation: Operation, resource: models.Model, happened: Happened) -> None:
    """Change the phase from outside a turn. The new fence sends home a worker that may still hold the old one."""
    changes: dict[str, Any] = engine.columns(step(operation.state, happened), now=clock.now())
    changes |= {"fence": operation.fence + 1, "due_at": clock.now(), "attempts": 0, "error": operation.error}
    changes |= {"own_words": operation.own_words, "memo": engine.memo_for_retry(operation)}
    changes |= {"deadline_at": None, "is_cancel_requested": False, "hold": ""}
    for name, value in changes.items():
        setattr(operation, name, value)
    engine.note_step(operation, "running" if happened is Happened.RETRIED else "cancelled", "")
    operation.save(update_fields=[*changes, "steps"])
    operation.recipe.settle(resource, operation.goal, operation.phase)
    transaction.on_commit(lambda: doorbell.tell(operation.tenant_id, operation.pk))
