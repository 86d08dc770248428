"""What was measured, for programs: the platform's alone, with units, gaps and the resolution, and never without end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.history.models import Series
from apps.history.series import SPANS, Point, record
from apps.tenancy.models import Scope
from tests import builders

pytestmark = pytest.mark.django_db

SERIES = "/api/v1/fabric/series/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def zone(db):
    return builders.a_zone()


@pytest.fixture
def script():
    return Client(headers={"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"})


def measured(zone, *values, device="1", metric="cpu", part="", before=timedelta()):
    """One a minute, the last one just now, or so long ago."""
    last = timezone.now() - before
    points = [
        Point("device", device, metric, value, last - (len(values) - 1 - place) * MINUTE, part)
        for place, value in enumerate(values)
    ]
    return record(zone, points)


def test_a_series_is_told_with_its_unit_and_its_last_reading(script, zone):
    measured(zone, 10, 30)

    [row] = script.get(SERIES).json()["results"]
    assert (row["metric"], row["title"], row["unit"], row["seconds"]) == ("cpu", "CPU", "%", 30)
    assert row["subject"] == {"kind": "device", "id": "1", "part": ""}
    assert (row["last"], row["is_stale"], row["zone"]["id"]) == (30, False, str(zone.pk))


def test_what_was_measured_last_too_long_ago_is_stale_and_after_an_hour_untold(script, zone):
    measured(zone, 10, before=5 * MINUTE)
    measured(zone, 20, device="2", before=90 * MINUTE)

    rows = {row["subject"]["id"]: row for row in script.get(SERIES).json()["results"]}
    assert (rows["1"]["last"], rows["1"]["is_stale"]) == (10, True)
    assert (rows["2"]["last"], rows["2"]["read_at"], rows["2"]["is_stale"]) == (None, None, True)


def test_its_past_is_told_in_steps_and_where_nothing_was_measured_is_a_gap(script, zone):
    measured(zone, 10, 30, before=40 * MINUTE)
    measured(zone, 50)
    url = script.get(SERIES).json()["results"][0]["url"]

    past = script.get(f"{url}?span=hour").json()["past"]
    assert (past["span"], past["resolution"]) == ("hour", 60)
    assert [(each["mean"], each["low"], each["high"]) for each in past["steps"]] == [
        (10, 10, 10),
        (30, 30, 30),
        (50, 50, 50),
    ]
    gaps = [(each["start"], each["end"]) for each in past["gaps"]]
    assert gaps[0][0] == past["start"] and gaps[0][1] == past["steps"][0]["at"]
    assert gaps[1] == (past["steps"][1]["at"], past["steps"][2]["at"]) and len(gaps) == 2


@pytest.mark.parametrize("span", [span.key for span in SPANS])
def test_no_answer_has_more_than_a_few_hundred_steps(script, zone, span):
    measured(zone, *range(1200))
    url = script.get(SERIES).json()["results"][0]["url"]

    assert 0 < len(script.get(f"{url}?span={span}").json()["past"]["steps"]) <= 200


def test_a_span_that_there_is_not_is_refused_and_so_is_what_nobody_knows(script, zone):
    measured(zone, 1)
    url = script.get(SERIES).json()["results"][0]["url"]

    problem = script.get(f"{url}?span=decade").json()
    assert (problem["code"], problem["field"]) == ("span-unknown", "span")
    assert script.get(f"{url}?since=1").json()["code"] == "unknown-parameter"
    assert script.get(f"{SERIES}{zone.pk}/").status_code == 404
    assert script.get(f"{SERIES}?metric=temper").json()["code"] == "metric-unknown"


def test_the_list_is_narrowed_to_a_thing_a_part_of_it_and_a_metric(script, zone):
    other = builders.a_zone("Zone-2")
    measured(zone, 1)
    measured(zone, 2, metric="rx", part="swp1")
    measured(zone, 3, metric="rx", part="swp2", device="2")
    measured(other, 4)

    def told(query):
        return sorted(row["last"] for row in script.get(f"{SERIES}?{query}").json()["results"])

    assert told("subject=1") == [1, 2, 4]
    assert told(f"subject=1&zone={zone.slug}") == [1, 2]
    assert told("metric=rx") == [2, 3]
    assert told("metric=rx&part=swp2") == [3]
    assert told("subject=nothing") == []


def test_pages_cost_the_same_and_go_on_where_the_last_one_ended(script, zone):
    for number in range(4):
        measured(zone, number, device=str(number))
    script.get(SERIES)  # what is done once for a token
    with CaptureQueriesContext(connection) as few:
        first = script.get(f"{SERIES}?limit=1").json()
    with CaptureQueriesContext(connection) as many:
        rest = script.get(f"{SERIES}?limit=50").json()
    assert len(few) == len(many)
    second = script.get(first["next"]).json()
    assert [row["id"] for row in (*first["results"], *second["results"])] == [row["id"] for row in rest["results"]][:2]
    assert Series.objects.count() == 4


def test_a_tenant_is_not_told(zone, acme):
    measured(zone, 1)
    row = Series.objects.get()
    tenant = Client(headers={"Authorization": f"Bearer {builders.a_token(acme, Scope.READ)}"})

    for path in (SERIES, f"{SERIES}{row.uuid}/"):
        assert tenant.get(path).status_code == 404
