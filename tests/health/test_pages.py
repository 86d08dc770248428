"""Weft's own health for people and for scripts: the platform's alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from apps.health import looks
from apps.health.models import Kind, Process
from apps.kernel import clock
from apps.mirror.models import Kind as ListKind
from apps.mirror.models import Reading
from apps.operations.models import Operation
from apps.tenancy.models import Scope
from apps.zones.models import Zone
from tests import builders

pytestmark = pytest.mark.django_db

PAGE, API = "/platform/health/", "/api/v1/health/"
WELL = {
    "web": "up", "database": "up", "broker": "up", "worker": "up", "sweeps": "up", "beat": "up",
    "lists": "fresh", "clocks": "right",
}  # fmt: skip


@pytest.fixture
def root(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def script() -> Client:
    return Client(headers={"Authorization": f"Bearer {builders.a_token(None, Scope.WRITE)}"})


@pytest.fixture
def told(monkeypatch) -> looks.Report:
    """What the looks of a probe say; tests of those run beside a real server (tests/portal)."""
    told = dict(WELL)
    monkeypatch.setattr(looks, "report", lambda: told)
    return told


def a_process(kind: Kind = Kind.WORKER, *, ago: float = 1, **fields) -> Process:
    return Process.objects.create(
        **{"kind": kind, "host": "node-1", "pid": 7, "seen_at": clock.now() - timedelta(seconds=ago)} | fields
    )


def a_reading(zone: Zone, *, ago: float = 1, **fields) -> Reading:
    read_at = clock.now() - timedelta(seconds=ago)
    return Reading.objects.create(**{"zone": zone, "kind": ListKind.NETRIS_VPC, "read_at": read_at} | fields)


def waiting(tenant, zone: Zone, *, ago: float) -> Operation:
    return Operation.unscoped.create(
        tenant=tenant, zone=zone, kind="vpc", goal="present", resource_type="vpc", resource_id=uuid4(),
        resource_name="prod", lock_key=str(uuid4()), requested_by="ann", size=1,
        due_at=clock.now() - timedelta(seconds=ago),
    )  # fmt: skip


def test_all_is_told_of_processes_and_lists(root, script, told):
    a_process(Kind.BEAT, host="node-2", clock_ahead=timedelta(seconds=3600.25))
    a_process(pid=4)
    a_process(ago=500)
    zone = builders.a_zone()
    a_reading(zone, rows=12, milliseconds=340)
    a_reading(zone, kind=ListKind.NETRIS_VNET, ago=4000, error="Netris does not answer")

    answer = script.get(API).json()

    assert answer["parts"] == told
    assert [(each["kind"], each["host"], each["pid"], each["status"]) for each in answer["processes"]] == [
        ("worker", "node-1", 4, "up"),
        ("beat", "node-2", 7, "up"),
        ("worker", "node-1", 7, "down"),
    ]
    assert answer["processes"][1]["clock_ahead_seconds"] == 3600.25
    assert [(each["kind"], each["status"], each["error"]) for each in answer["lists"]] == [
        ("netris.vnet", "stale", "Netris does not answer"),
        ("netris.vpc", "fresh", ""),
    ]
    assert answer["lists"][1] | {"rows": 12, "milliseconds": 340, "fresh_for_seconds": 90} == answer["lists"][1]
    page = root.get(PAGE).content.decode()
    assert "7 on node-2" in page
    assert "3600.2 s ahead" in page
    assert "Netris does not answer" in page


def test_what_is_not_seen_is_never_green(root, told):
    a_process(ago=500)
    page = root.get(PAGE).content.decode()

    row = page[page.index("7 on node-1") :]
    row = row[: row.index("</tr>")]
    assert "Not seen" in row and "stale" in row
    assert "tone-sage" not in row


def test_a_list_of_a_zone_that_is_closed_is_not_missed(script, told):
    a_reading(builders.a_zone(is_enabled=False), ago=9999)
    assert script.get(API).json()["lists"] == []


@pytest.mark.parametrize(("part", "state", "words"), [
    ("worker", "down", "No worker is seen"), ("sweeps", "down", "No process that sweeps"),
    ("beat", "down", "Beat is not seen"), ("broker", "down", "Redis does not answer"),
    ("lists", "stale", "older than they should be"), ("clocks", "off", "clock is wrong"),
])  # fmt: skip
def test_each_trouble_has_a_sentence(root, script, told, part, state, words):
    assert script.get(API).json()["troubles"] == []
    told[part] = state

    [sentence] = script.get(API).json()["troubles"]
    assert words in sentence
    assert sentence.partition("'")[0] in root.get(PAGE).content.decode()


def test_operations_that_wait_for_a_worker_are_told_and_for_long_are_a_trouble(script, told, acme):
    zone = builders.a_zone()
    waiting(acme, zone, ago=5)
    answer = script.get(API).json()
    assert (answer["waiting"], answer["troubles"]) == (1, [])

    first = waiting(acme, zone, ago=90)
    answer = script.get(API).json()
    assert answer["waiting"] == 2
    assert answer["waiting_since"][:19] == first.due_at.isoformat()[:19]
    assert "wait for a worker" in answer["troubles"][0]


def test_it_costs_the_same_however_much_there_is(root, told, django_assert_num_queries):
    for number in range(30):
        a_process(pid=number)
        a_reading(builders.a_zone(f"Zone {number}"))
    root.get(PAGE)
    with django_assert_num_queries(6):  # session, person; processes seen and not, lists, waiting
        root.get(PAGE, headers={"HX-Request": "true"})


def test_the_live_part_is_a_part(root, told):
    part = root.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<div") and 'id="follow"' in part and "<main" not in part


def test_of_a_process_that_ends_again_and_again_only_the_last_few_are_told_of(root, script, told):
    """One that is started every ten seconds and killed leaves eight thousand rows in a day."""
    there = a_process(pid=1)
    now = clock.now()
    Process.objects.bulk_create(
        Process(kind=Kind.WORKER, host="node-1", pid=pid, seen_at=now - timedelta(seconds=40 + pid))
        for pid in range(2, 3000)
    )

    page, answer = root.get(PAGE), script.get(API)

    pids = [process["pid"] for process in answer.json()["processes"]]
    assert pids == [there.pid, *range(2, 22)]
    assert len(page.content) < 100_000
    assert len(answer.content) < 20_000
