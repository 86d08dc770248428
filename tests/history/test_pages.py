"""Events and findings for people and for scripts: the platform's alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.history.models import Event, Source
from apps.history.queries import search, whole
from apps.history.series import Point, record
from apps.tenancy.models import Scope
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db

EVENTS, FINDINGS = "/fabric/events/", "/fabric/findings/"


@pytest.fixture
def zone(db):
    return builders.a_zone()


@pytest.fixture
def root(admin):
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def script():
    return Client(headers={"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"})


def ago(**span):
    return timezone.now() - timedelta(**span)


def test_the_list_tells_what_is_so_since_when_and_whom_it_touches(root, zone, acme, globex):
    builders.an_event(zone, began_at=ago(hours=3), touched=[acme, globex, builders.a_tenant("Initech")])

    page = root.get(EVENTS)

    told = words(page)
    assert "Broken It says nothing." in told and "Critical" in told and "Acme, Globex and 1 more" in told
    assert f'href="/fabric/devices/{zone.slug}/1/"' in page.content.decode()
    assert "1 event" in page.context["live_words"]


def test_what_is_over_is_told_with_how_long_it_lasted_and_alarms_nobody(root, zone):
    builders.an_event(zone, began_at=ago(hours=3), ended_at=ago(hours=1), is_touch_known=False)

    told = words(root.get(EVENTS))
    assert "Ended" in told and "2 h" in told and "Critical" not in told.partition("About")[2]
    assert "not known" in told


def test_an_event_whose_source_sees_no_more_is_stale(root, script, zone):
    builders.an_event(zone)
    Source.objects.update(read_at=ago(minutes=20), fresh_until=ago(minutes=19))

    assert "Critical (stale)" in words(root.get(EVENTS))
    [row] = script.get(f"/api/v1{EVENTS}").json()["results"]
    assert row["is_stale"] and row["read_at"] < row["began_at"]


def test_findings_are_the_open_ones_of_their_kinds_and_the_navigation_counts_them(root, script, zone):
    builders.an_event(zone, 1)
    builders.an_event(zone, 2, kind="double")
    builders.an_event(zone, 3, kind="double", began_at=ago(hours=1), ended_at=timezone.now())

    page = root.get(FINDINGS)
    assert [event.subject_id for event in page.context["rows"]] == ["2"]
    assert {place.label: place.count for place in page.context["nav"]}["Findings"] == 1
    rows = script.get(f"/api/v1{FINDINGS}").json()["results"]
    assert [(row["subject"]["id"], row["is_finding"]) for row in rows] == [("2", True)]


def test_lists_are_narrowed_alike_on_pages_and_over_rest(root, script, zone, acme):
    other = builders.a_zone("Zone-2")
    builders.an_event(zone, 1, touched=[acme])
    builders.an_event(zone, 2, kind="double", severity="warning", words="Twice.")
    builders.an_event(other, 3, began_at=ago(hours=3), ended_at=ago(hours=2))

    def shown(query):
        return sorted(event.subject_id for event in root.get(f"{EVENTS}?{query}").context["rows"])

    def listed(query):
        return sorted(row["subject"]["id"] for row in script.get(f"/api/v1{EVENTS}?{query}").json()["results"])

    for query, found in {
        f"zone={zone.slug}": ["1", "2"],
        "kind=double": ["2"],
        "severity=critical": ["1", "3"],
        "state=open": ["1", "2"],
        "state=ended": ["3"],
        "q=TWICE": ["2"],
        "q=leaf-3": ["3"],
        f"zone={zone.slug}&severity=critical": ["1"],
    }.items():
        assert shown(query) == listed(query) == found, query
    assert listed("touches=acme") == ["1"]
    assert listed("subject=3") == ["3"]
    assert listed(f"began_before={ago(hours=1).strftime('%Y-%m-%dT%H:%M:%SZ')}") == ["3"]
    assert listed(f"began_after={ago(hours=1).strftime('%Y-%m-%dT%H:%M:%SZ')}") == ["1", "2"]


def test_pages_of_rest_go_on_where_the_last_one_ended(script, zone):
    for number in range(5):
        builders.an_event(zone, number, began_at=ago(minutes=number))

    first = script.get(f"/api/v1{EVENTS}?limit=3").json()
    second = script.get(first["next"]).json()
    assert [row["subject"]["id"] for row in (*first["results"], *second["results"])] == list("01234")


def test_an_event_tells_what_changed_in_the_hour_before(root, zone, acme):
    event = builders.an_event(zone, 1, touched=[acme])
    for number, minutes in ((2, 5), (3, 59), (4, 61)):
        builders.an_event(zone, number, began_at=ago(minutes=minutes))
    builders.an_event(builders.a_zone("Zone-2"), 5, began_at=ago(minutes=1))

    page = root.get(f"{EVENTS}{event.pk}/")

    assert [line.text for line in page.context["timeline"].lines] == ["Broken: Leaf-2", "Broken: Leaf-3"]
    assert "Acme" in words(page)


def test_one_event_says_the_same_over_rest_and_may_be_asked_for_anew(script, zone, acme):
    event = builders.an_event(zone, touched=[acme])

    answer = script.get(f"/api/v1{EVENTS}{event.pk}/")
    row = answer.json()
    assert row["zone"] == {"id": str(zone.pk), "name": zone.name}
    assert row["subject"] == {"kind": "device", "id": "1", "name": "Leaf-1"}
    assert (row["kind"], row["severity"], row["ended_at"], row["touched_count"]) == ("broken", "critical", None, 1)
    assert [tenant["slug"] for tenant in row["tenants"]] == ["acme"]
    same = script.get(f"/api/v1{EVENTS}{event.pk}/", headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304


def test_who_knows_no_tenants_is_told_null(script, zone):
    builders.an_event(zone, is_touch_known=False)

    [row] = script.get(f"/api/v1{EVENTS}").json()["results"]
    assert (row["touched_count"], row["tenants"]) == (None, [])


def test_to_a_tenant_there_is_no_such_thing(zone, acme):
    event = builders.an_event(zone)
    tenant = Client(headers={"Authorization": f"Bearer {builders.a_token(acme)}"})
    for path in (EVENTS, FINDINGS, f"{EVENTS}{event.pk}/"):
        assert tenant.get(f"/api/v1{path}").status_code == 404


@pytest.fixture
def crowded(zone, acme):
    """A year of events in two zones: 60,000, some of them open, that touch forty tenants each now and then."""
    other, now = builders.a_zone("Zone-2"), timezone.now()
    source = builders.an_event(zone).source
    rows = [
        Event(
            zone=(zone, other)[number % 2],
            source=source,
            kind=("broken", "double")[number % 5 == 0],
            is_finding=number % 5 == 0,
            severity=("critical", "warning")[number % 3 == 0],
            subject_kind="device",
            subject_id=str(number),
            subject_name=f"Leaf-{number % 997}",
            words=f"Port swp{number % 53} says nothing.",
            began_at=now - timedelta(minutes=number),
            last_seen_at=now,
            ended_at=None if number % 1000 == 0 else now - timedelta(minutes=number - 1),
            is_touch_known=True,
        )
        for number in range(1, 60_001)
    ]
    Event.objects.bulk_create(rows, batch_size=5000)
    tenants = [builders.a_tenant(f"Tenant {number}") for number in range(40)]
    through = Event.touched.through
    touched = [through(event_id=row.pk, tenant_id=tenant.pk) for row in rows[:2000] for tenant in tenants]
    through.objects.bulk_create(touched, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if not connection.in_atomic_block else "ANALYZE")
    return zone


def test_lists_of_a_year_are_read_by_an_index_and_cost_as_many_queries_as_short_ones(root, script, crowded):
    for rows in (
        whole(Event.objects.all()),
        whole(search(Event.objects.all(), zone=crowded)),
        whole(search(Event.objects.all(), kind="double")),
        whole(Event.objects.findings()),
        whole(Event.objects.of(crowded, "device", 20)),
    ):
        plan = rows[:50].explain()
        assert "Seq Scan on history_event " not in plan and "Sort" not in plan.partition("SubPlan")[0], plan
    assert "event_by_words" in whole(search(Event.objects.all(), words="leaf-991")).explain()
    for path in (EVENTS, FINDINGS, f"{EVENTS}?zone={crowded.slug}&state=open"):
        with CaptureQueriesContext(connection) as asked:
            assert root.get(path).status_code == 200
        assert len(asked) <= 12, path
    with CaptureQueriesContext(connection) as asked:
        assert len(script.get(f"/api/v1{EVENTS}?limit=500").json()["results"]) == 500
    assert len(asked) <= 4


def test_a_part_may_have_digits_that_are_no_numbers(root, zone):
    for part in ("swp10", "swp2", "swp1\N{SUPERSCRIPT TWO}"):
        record(zone, [Point("device", "1", "rx", 1.0, part=part)])
    parts = root.get(f"/fabric/history/{zone.slug}/device/1/").context["parts"]
    assert [part for part, _ in parts] == ["swp1\N{SUPERSCRIPT TWO}", "swp2", "swp10"]
