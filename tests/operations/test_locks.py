"""One order of locks for web and workers, and what becomes of a transaction that loses nevertheless."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.test import Client
from django.urls import resolve

from apps.fabric.models import Surveyed
from apps.kernel.api.problems import answer
from apps.kernel.errors import Busy
from apps.kernel.locks import hold_rows, is_lost, try_again
from apps.networks.models import Vpc
from apps.networks.services import create_vpc
from apps.operations import engine
from apps.operations.models import Event, Operation
from apps.operations.services import cancel, start
from apps.operations.state import Goal, Happened, Phase
from apps.peering.models import Peering
from apps.quotas.models import Usage
from apps.quotas.services import hold_use
from apps.tenancy.models import Invitation, Membership, Tenant, User
from tests import builders
from tests.builders import BY, a_tenant, a_tier, a_vpc_spec, a_zone, an_account
from tests.test_access import ROWS
from tests.test_limits import things

APPS = Path(__file__).resolve().parents[2] / "apps"


def test_no_row_is_locked_more_than_is_needed() -> None:
    """`FOR UPDATE` holds up every insert of a row that refers to the locked one."""
    for path in APPS.rglob("*.py"):
        for call in re.findall(r"select_for_update\((?:[^()]|\([^()]*\))*\)", path.read_text()):
            assert "no_key=True" in call, (path, call)
        assert "FOR UPDATE OF" not in path.read_text(), path


class Beside:
    """Runs something in another thread, with a connection of its own."""

    def __init__(self, what: Any) -> None:
        self.error: BaseException | None = None
        self.result: Any = None
        self._what = what
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.result = self._what()
        except BaseException as error:
            self.error = error
        finally:
            connection.close()

    def waits_for_a_lock(self) -> int:
        """For one of ours. Gives the number of its process in the database."""
        waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        for _ in range(500):
            with connection.cursor() as cursor:
                cursor.execute(waiting)
                if found := cursor.fetchone():
                    return int(found[0])
            self.thread.join(0.01)
            if not self.thread.is_alive():
                break
        raise AssertionError("it waits for nothing")

    def breaks_off(self) -> None:
        """What it waits for is answered with an error."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_cancel_backend(%s)", [self.waits_for_a_lock()])
        self.done()

    def done(self) -> Any:
        self.thread.join(10)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture
def building(transactional_db: None) -> Operation:
    """A VPC whose building is about to end: its last part is done, and that has only to be written down."""
    tenant = a_tenant("Acme")
    zone = a_zone()
    an_account(tenant, zone)
    operation = create_vpc(tenant, a_vpc_spec(zone), by=BY)
    last = operation.size - 1
    Operation.unscoped.filter(pk=operation.pk).update(phase=Phase.BUILDING, cursor=last)
    return Operation.unscoped.get(pk=operation.pk)


def end(operation: Operation, *, meanwhile: Callable[[], object] = lambda: None) -> bool:
    resource = engine.resource_of(operation)
    bound = operation.recipe.parts(resource)[operation.cursor]
    meanwhile()
    return engine.record(operation, resource, bound, engine.Outcome(Happened.DONE, {"netris_id": 7}, {}))


def test_an_operation_that_ends_and_a_request_for_the_same_vpc_do_not_wait_for_each_other(
    building: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    """The request holds the VPC and wants its lock key; the worker ends the operation that has the key, and wants the
    VPC."""
    vpc = Vpc.unscoped.get()
    with transaction.atomic():
        Vpc.unscoped.select_for_update(no_key=True).get(pk=vpc.pk)
        beside = Beside(lambda: end(building))
        beside.waits_for_a_lock()
        with pytest.raises(Busy):
            start("vpc", vpc, Goal.ABSENT, tenant=vpc.tenant, zone=vpc.zone, lock_key=vpc.lane, by=BY)
    assert beside.done() is True
    assert not [record for record in caplog.records if record.name == "weft.locks"], "one of them has lost"
    assert Operation.unscoped.get().phase == Phase.SUCCEEDED


def test_a_cancellation_takes_the_rows_first_too(building: Operation) -> None:
    Operation.unscoped.update(phase=Phase.QUEUED, cursor=0)
    with transaction.atomic():
        Vpc.unscoped.select_for_update(no_key=True).get()
        beside = Beside(lambda: cancel(building, by=BY))
        beside.waits_for_a_lock()
        Operation.unscoped.select_for_update(no_key=True, nowait=True).get()  # raises when somebody has it
    assert beside.done().phase == Phase.CANCELLED


def test_a_tier_can_be_made_while_its_vpc_is_being_changed(building: Operation) -> None:
    """The foreign key of a new row asks for the weakest of locks on what it refers to."""
    vpc = Vpc.unscoped.get()
    with transaction.atomic():
        Vpc.unscoped.select_for_update(no_key=True).get()
        assert Beside(lambda: a_tier(vpc, "cache", "10.20.9.0/24")).done().pk


def test_a_transaction_that_loses_is_tried_again_at_once(transactional_db: None) -> None:
    first, second = a_tenant("Acme"), a_tenant("Globex")
    tries = []
    has_first, has_second = threading.Event(), threading.Event()

    def lock(tenant: Tenant) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(name="touched" + tenant.slug)

    def ours() -> str:
        tries.append(1)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '50ms'")
            lock(first)
            has_first.set()
            has_second.wait(5)
            lock(second)
        return "done"

    def theirs() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '10s'")
            lock(second)
            has_second.set()
            has_first.wait(5)
            lock(first)

    beside = Beside(theirs)
    assert try_again(ours) == "done"
    beside.done()
    assert len(tries) >= 2, "the other one may still hold both when it is tried again"


def test_only_a_database_that_is_really_away_is_called_away() -> None:
    lost = OperationalError("deadlock detected")
    lost.__cause__ = psycopg.errors.DeadlockDetected()
    away = OperationalError("connection refused")
    away.__cause__ = psycopg.OperationalError("connection refused")
    assert (is_lost(lost), is_lost(away)) == (True, False)
    assert (answer(lost, {}).data["code"], answer(away, {}).data["code"]) == ("try-again", "unavailable")


# --- the API ----------------------------------------------------------------------------------------------------------

#: Of the others the VPC is looked up first that the body names.
QUESTIONS = ("api:acl-evaluate", "api:peering-accept", "api:interfaces")
#: Whatever is done to one thing, but for a question about it. What makes one anew holds nothing yet.
CHANGES = [
    row
    for row in ROWS
    if row.view.startswith("api:") and row.method != "GET" and row.of != "-" and row.view not in QUESTIONS
]
#: What they take, where without a body nothing would be locked.
RULE = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "80", "cidrs": ["0.0.0.0/0"]}
BODIES = {
    "api:acl-rules": {"rules": [RULE]},
    "api:balancer-members": {"instance": str(UUID(int=1))},
    "api:member": {"role": "engineer"},
}


def first_of(model: type[Model]) -> list[type[Model]]:
    """What is locked before a row of it, in this order."""
    if model is Vpc:
        return [Usage]
    if model is Peering:  # nothing of it is counted
        return [Vpc]
    if any(field.name == "vpc" for field in model._meta.get_fields()) and not issubclass(model, Surveyed):
        return [Usage, Vpc]
    return [Tenant] if model in (Membership, Invitation) else []


def held_by_others(but: list[type[Model]]) -> list[str]:
    """The models of which somebody has locked a row."""
    held = []
    for model in apps.get_models():
        try:
            with transaction.atomic():
                if model not in but:
                    list(model._base_manager.select_for_update(no_key=True, nowait=True).values_list("pk"))
        except OperationalError:
            held.append(model.__name__)
    return held


def test_a_request_that_waits_for_others_holds_nothing_that_comes_later(
    transactional_db: None, acme: Tenant, admin: User
) -> None:
    """Whatever its route, which are found by themselves: those that wait for it would be waiting for each other."""
    ids = things(acme, admin)
    client = Client(headers={"Authorization": f"Bearer {builders.a_token(acme, created_by=admin)}"})
    with transaction.atomic():
        hold_use(acme)
    wrong, waited = {}, set()
    for row in CHANGES:
        route: Any = resolve(row.path(ids)).func
        view = route.cls()
        if not hasattr(view, "get_queryset"):
            continue
        view.swagger_fake_view, view.kwargs = True, {}
        first = first_of(view.get_queryset().model)
        for number, model in enumerate(first):
            body = json.dumps(BODIES.get(row.view, {})) if row.method != "DELETE" else ""
            with transaction.atomic():
                hold_rows(model._base_manager.all())
                beside = Beside(partial(client.generic, row.method, row.path(ids), body, "application/json"))
                beside.waits_for_a_lock()
                if held := held_by_others(first[: number + 1]):
                    wrong[row.name, model.__name__] = held
                beside.breaks_off()
                waited.add(row.of)
    assert wrong == {}
    assert waited >= {"vpc", "tier", "acl", "publicip", "staticnat", "forward", "member", "invitation"}


# --- the database -----------------------------------------------------------------------------------------------------


def test_an_outcome_is_written_also_when_the_database_restarts_meanwhile(building: Operation) -> None:
    """The connection is gone before the transaction begins: what came of the attempt is known nowhere else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()[0]

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [ours])

    assert end(building, meanwhile=lambda: Beside(kill).done()) is True
    assert Operation.unscoped.get().phase == Phase.SUCCEEDED
    assert Event.unscoped.filter(text="Done.").count() == 1
