from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from celery import current_app
from django.conf import settings

from apps.directconnect.models import Connection, Interface, StageEntry
from apps.directconnect.stages import Party, Stage
from apps.health.models import Kind, Process
from apps.history.models import Event as Happening
from apps.imports.models import Import
from apps.inventory.models import Device, Link, Port
from apps.ipam.models import Block
from apps.kernel import clock
from apps.networks.models import Vpc
from apps.operations.models import Event, Operation
from apps.operations.state import Phase
from apps.peering.models import Peering
from apps.quotas.models import QuotaRequest
from apps.sites.models import Site
from apps.softgates.models import Maintenance
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


def test_a_peering_goes_before_the_vpcs_that_it_joined(acme: Tenant, globex: Tenant) -> None:
    zone = builders.a_zone()
    old = {"status": "deleted", "deleted_at": clock.now() - timedelta(days=settings.GONE_DAYS + 1)}
    here, there = (builders.a_vpc(each, zone, **old) for each in (acme, globex))
    builders.a_peering(here, there, stage="revoked", **old)
    kept = builders.a_peering(builders.a_vpc(acme, zone, "lab", "10.40.0.0/20"), None, peer_tenant=globex)

    retention.forget()

    assert list(Peering.unscoped.all()) == [kept]
    assert list(Vpc.unscoped.all()) == [kept.vpc]


def test_a_request_for_more_quota_goes_long_after_its_end(acme: Tenant) -> None:
    long_ago = clock.now() - timedelta(days=settings.GONE_DAYS + 1)
    waits = builders.a_quota_request(acme, created_at=long_ago)
    for stage in ("approved", "rejected"):
        builders.a_quota_request(acme, stage=stage, ended_at=long_ago)
    lately = builders.a_quota_request(acme, stage="withdrawn", ended_at=long_ago + timedelta(days=2))

    retention.forget()

    assert set(QuotaRequest.unscoped.all()) == {waits, lately}


class TestConnections:
    @pytest.fixture
    def long_ago(self):
        return clock.now() - timedelta(days=settings.GONE_DAYS + 1)

    @pytest.fixture
    def vpc(self, acme: Tenant, long_ago):
        return builders.a_vpc(acme, builders.a_zone(), status="deleted", deleted_at=long_ago)

    @pytest.fixture
    def closed(self, acme: Tenant, vpc: Vpc, long_ago):
        row = builders.a_connection(acme, builders.a_location(vpc.zone), stage=Stage.CLOSED, closed_at=long_ago)
        StageEntry(connection=row, to_stage=Stage.CLOSED, party=Party.WEFT, actor="Weft").save()
        return row

    def test_one_that_was_closed_goes_with_its_history_and_leaves_its_pair(self, acme: Tenant, closed, long_ago):
        pair = builders.a_connection(acme, closed.location, "pair", stage=Stage.IN_SERVICE, apart_from=closed)
        lately = builders.a_connection(
            acme, closed.location, "lately", stage=Stage.CLOSED, closed_at=long_ago + timedelta(days=2)
        )

        retention.forget()

        assert set(Connection.unscoped.all()) == {pair, lately}
        assert not StageEntry.unscoped.exists()
        pair.refresh_from_db()
        assert pair.apart_from is None

    def test_its_interfaces_go_before_it_and_the_vpcs_that_they_led_into(self, acme: Tenant, closed, vpc, long_ago):
        builders.an_interface(closed, vpc, status="deleted", deleted_at=long_ago, holds_vlan=False)

        retention.forget()

        assert not Interface.unscoped.exists()
        assert not Connection.unscoped.exists()
        assert not Vpc.unscoped.exists()

    def test_one_whose_vlan_rests_keeps_all_that_it_belongs_to(self, acme: Tenant, closed, vpc, long_ago):
        port = builders.a_fabric_port(closed.location)
        rest = {"port": port, "holds_vlan": True, "rests_until": clock.now() + timedelta(days=1)}
        row = builders.an_interface(closed, vpc, status="deleted", deleted_at=long_ago, **rest)

        retention.forget()

        assert list(Interface.unscoped.all()) == [row]
        assert list(Connection.unscoped.all()) == [closed]
        assert list(Vpc.unscoped.all()) == [vpc]

    def test_operations_about_one_that_is_there_stay(self, acme: Tenant, vpc, long_ago):
        live = builders.a_vpc(acme, vpc.zone, "live", "10.90.0.0/20")
        connection = builders.a_connection(acme, builders.a_location(vpc.zone), stage=Stage.IN_SERVICE)
        row = builders.an_interface(connection, live)
        what = {"kind": "interface", "goal": "present", "resource_type": "interface", "resource_id": row.pk}
        what |= {"resource_name": row.name, "lock_key": row.lock_key, "requested_by": "ann", "phase": Phase.SUCCEEDED}
        operation = Operation.unscoped.create(tenant=acme, zone=vpc.zone, size=1, finished_at=long_ago, **what)

        retention.forget()

        assert Operation.unscoped.filter(pk=operation.pk).exists()


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


class TestWhatWasAskedOfNetris:
    """Each row stays while an operation speaks of it, and goes with that."""

    @pytest.fixture
    def rows(self):
        zone, old = builders.a_zone(), {"created_at": clock.now() - timedelta(days=800)}
        facts = {"acl_policy": "deny", "switch_fabric": "netris", "vlan_range": "2-9"}
        device = Device.objects.create(zone=zone, name="Server-9", remote_id="9", kind="server", **old)
        return [
            Block.objects.create(pk=uuid4(), zone=zone, type="subnet", prefix="10.1.0.0/24", name="web", **old),
            Site.objects.create(pk=uuid4(), zone=zone, name="la", **facts, **old),
            Port.objects.create(zone=zone, name="swp1@Leaf-1", remote_id="1", **old),
            Link.objects.create(zone=zone, name="a - b", device=device, local="a", remote="b", **old),
            Maintenance.objects.create(pk=uuid4(), zone=zone, remote_id="4", name="SoftGate-1", **old),
            device,
        ]

    @staticmethod
    def an_operation(row, *, phase=Phase.SUCCEEDED, days=400) -> Operation:
        at = None if phase not in (Phase.SUCCEEDED,) else clock.now() - timedelta(days=days)
        return Operation.unscoped.create(
            tenant=None, zone=row.zone, kind="x", goal="present", resource_type="x", resource_id=row.pk, size=1,
            resource_name=row.name, lock_key=str(row.pk), requested_by="ann", phase=phase, finished_at=at,
        )  # fmt: skip

    @staticmethod
    def left(rows):
        return [row for row in rows if type(row).objects.filter(pk=row.pk).exists()]

    def test_it_goes_with_its_operations(self, rows):
        for row in rows:
            self.an_operation(row)
        retention.forget()
        assert self.left(rows) == [] and not Operation.unscoped.exists()

    @pytest.mark.parametrize("facts", [{"phase": Phase.STUCK}, {"phase": Phase.BUILDING}, {"days": 300}])
    def test_what_an_operation_speaks_of_stays(self, rows, facts):
        for row in rows:
            self.an_operation(row, **facts)
        retention.forget()
        assert self.left(rows) == rows and Operation.unscoped.count() == len(rows)

    def test_what_is_not_old_stays(self, rows):
        for row in rows:
            type(row).objects.filter(pk=row.pk).update(created_at=clock.now() - timedelta(days=300))
        retention.forget()
        assert self.left(rows) == rows

    def test_a_device_that_is_there_keeps_the_id_that_its_making_gave(self, rows):
        device = rows[-1]
        builders.a_device(device.zone, device.name, device.remote_id)
        retention.forget()
        assert self.left(rows) == [device]

    def test_a_link_that_is_told_of_keeps_its_device(self, rows):
        [link] = [row for row in rows if isinstance(row, Link)]
        self.an_operation(link, phase=Phase.STUCK)
        retention.forget()
        assert self.left(rows) == [link, rows[-1]]

    @pytest.mark.parametrize("phase", [Phase.STUCK, Phase.BUILDING])
    def test_a_link_stays_while_an_operation_makes_its_device(self, rows, phase):
        [link] = [row for row in rows if isinstance(row, Link)]
        self.an_operation(link.device, phase=phase)
        retention.forget()
        assert self.left(rows) == [link, rows[-1]]

    @pytest.mark.parametrize(("days", "is_kept"), [(300, True), (400, False)])
    def test_an_operation_stays_with_the_report_of_its_import(self, rows, days, is_kept):
        operation = self.an_operation(rows[0])
        over = clock.now() - timedelta(days=days)
        imported = builders.an_import(sent_at=over, over_at=over)
        imported.rows.update(operation=operation)
        retention.forget()
        assert Operation.unscoped.exists() == Import.objects.exists() == is_kept
        assert (rows[0] in self.left(rows)) == is_kept
