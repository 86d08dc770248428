from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings

from apps.health.models import Kind, Process
from apps.history.models import Event as Happening
from apps.kernel import clock
from apps.operations.models import Event, Operation
from apps.operations.state import Phase
from apps.tenancy.models import AuditEntry, IdempotencyKey, Session, Tenant
from portal import retention
from tests import builders

pytestmark = pytest.mark.django_db


def an_operation(tenant: Tenant, phase: Phase, *, days: int) -> Operation:
    vpc = builders.a_vpc(tenant, builders.a_zone())
    return Operation.unscoped.create(
        tenant=tenant, zone=vpc.zone, kind="vpc", goal="present", resource_type="vpc", resource_id=vpc.pk,
        resource_name=vpc.name, lock_key=f"vpc:{vpc.pk}", requested_by="alice", phase=phase, size=1,
        finished_at=None if phase == Phase.STUCK else clock.now() - timedelta(days=days),
    )  # fmt: skip


def test_beat_rings_for_it():
    assert retention.TASK in [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    current_app.loader.import_default_modules()
    assert retention.TASK in current_app.tasks


def test_sessions_that_have_run_out_go_in_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        Session.objects.create(session_key=f"old{number}", expire_date=clock.now() - timedelta(seconds=1))
    Session.objects.create(session_key="new", expire_date=clock.now() + timedelta(days=1))

    retention.forget()

    assert [session.session_key for session in Session.objects.all()] == ["new"]


def test_processes_that_were_not_seen_for_a_day_go():
    for pid, hours in ((1, 25), (2, 23)):
        Process.objects.create(kind=Kind.WORKER, host="one", pid=pid, seen_at=clock.now() - timedelta(hours=hours))

    retention.forget()

    assert [process.pid for process in Process.objects.all()] == [2]


def test_idempotency_keys_go_after_a_day():
    for key, hours in (("old", 25), ("new", 23)):
        made = clock.now() - timedelta(hours=hours)
        IdempotencyKey.objects.create(owner="x", key=key, digest="", created_at=made)

    retention.forget()

    assert [key.key for key in IdempotencyKey.objects.all()] == ["new"]


@pytest.mark.parametrize(("phase", "days", "is_kept"), [
    (Phase.SUCCEEDED, 181, False), (Phase.ROLLED_BACK, 181, False), (Phase.GIVEN_UP, 181, False),
    (Phase.SUCCEEDED, 179, True), (Phase.STUCK, 999, True),
])  # fmt: skip
def test_events_go_when_their_operation_was_over_for_long(acme: Tenant, phase: Phase, days: int, is_kept: bool):
    operation = an_operation(acme, phase, days=days)
    Event.unscoped.create(operation=operation, text="Done.")
    AuditEntry.unscoped.create(tenant=acme, actor="alice", action="vpc.create", object_type="vpc", object_id="1")

    retention.forget()

    assert Event.unscoped.filter(operation=operation).exists() == is_kept
    assert Operation.unscoped.filter(pk=operation.pk).exists()
    assert AuditEntry.unscoped.exists()


def test_what_happened_in_a_zone_goes_a_year_after_it_ended_and_what_goes_on_stays(acme: Tenant):
    zone, now = builders.a_zone(), clock.now()
    for number, ended in ((1, 366), (2, 364), (3, None)):
        end = None if ended is None else now - timedelta(days=ended)
        builders.an_event(zone, number, began_at=now - timedelta(days=900), ended_at=end, touched=[acme])

    retention.forget()

    assert sorted(event.subject_id for event in Happening.objects.all()) == ["2", "3"]
