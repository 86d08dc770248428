"""Charts: what is drawn of readings, what is left open, and what the table behind says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from django.test import Client
from django.utils import timezone

from apps.history.charts import chart, charts_of, top_of, written
from apps.history.models import Series
from apps.history.series import SPANS, Line, Past, Point, Step, past_of, record
from tests import builders
from tests.drawings import assert_sound
from tests.web.conftest import words

HOUR, DAY = SPANS[0], SPANS[1]
MINUTE = timedelta(minutes=1)


def past(*series, span=HOUR):
    """Each of `series` is a metric with values for each minute of the hour; None is no reading."""
    end = timezone.now().replace(minute=0, second=0, microsecond=0)
    start = end - span.length
    lines = [
        Line(
            Series(subject_kind="device", subject_id="1", metric=metric, part=part, seconds=30),
            [
                Step(start + number * span.step, float(value), float(value), float(value))
                for number, value in enumerate(values)
                if value is not None
            ],
            3 * span.step,
            None,
        )
        for metric, part, values in series
    ]
    return Past(start, end, span, lines)


def drawn(known):
    [one] = charts_of(known, about="Leaf-1")
    return one


def test_it_is_sound_and_tells_in_words_what_it_shows():
    one = drawn(past(("cpu", "", [10, 20, 30] * 20)))

    assert_sound(one.svg)
    assert "CPU of Leaf-1, last hour" in one.svg
    assert "CPU: 30 % last, 20 % on average, 30 % at most" in one.svg
    assert [(each.last, each.mean, each.most) for each in one.figures] == [("30 %", "20 %", "30 %")]


def test_a_line_is_broken_where_nothing_was_measured():
    whole = drawn(past(("cpu", "", [10] * 60)))
    broken = drawn(past(("cpu", "", [10] * 20 + [None] * 20 + [10] * 20)))

    assert whole.svg.count('class="chart__line"') == 1 and "chart__gap" not in whole.svg
    assert broken.svg.count('class="chart__line"') == 2 and broken.svg.count("chart__gap") == 1
    xs = [float(x) for x in re.findall(r'<rect x="([\d.]+)"[^>]*chart__gap', broken.svg)]
    assert 150 < xs[0] < 170  # where the twentieth minute is


def test_a_short_pause_is_no_gap():
    assert "chart__gap" not in drawn(past(("cpu", "", [10, None, None, 10] * 15))).svg


def test_what_began_lately_or_stopped_is_open_at_its_side():
    lately = drawn(past(("cpu", "", [None] * 40 + [10] * 20)))
    stopped = drawn(past(("cpu", "", [10] * 20)))

    assert lately.svg.count("chart__gap") == stopped.svg.count("chart__gap") == 1


def test_without_a_reading_there_are_axes_and_words_but_no_line():
    one = drawn(past(("cpu", "", [])))

    assert_sound(one.svg)
    assert "chart__line" not in one.svg and one.is_empty and one.figures[0].last_at is None


def test_both_directions_of_a_port_share_a_chart_and_differ_by_more_than_colour():
    one = drawn(past(("rx", "swp1", [1e9] * 60), ("tx", "swp1", [2.5e9] * 60)))

    assert one.title == "swp1: traffic"
    assert one.svg.count('class="chart__line chart__line--second"') == 1
    assert "5 Gbit/s" in one.svg and "2.5 Gbit/s" in one.svg
    assert one.heads == ["Received, mean", "Received, most", "Sent, mean", "Sent, most"]


def test_the_table_has_the_newest_first_and_a_dash_where_nothing_was_measured():
    one = drawn(past(("rx", "swp1", [1000] * 60), ("tx", "swp1", [None] * 30 + [2000] * 30)))

    assert len(one.rows) <= 48
    assert list(one.rows[0].cells) == ["1 kbit/s", "1 kbit/s", "2 kbit/s", "2 kbit/s"]
    assert list(one.rows[-1].cells) == ["1 kbit/s", "1 kbit/s", "", ""]
    assert one.rows[0].at > one.rows[-1].at


@pytest.mark.parametrize("span", SPANS, ids=lambda span: span.key)
def test_every_span_has_moments_below_it_that_do_not_touch(span):
    count = span.length // span.step
    one = drawn(past(("cpu", "", [10] * count), span=span))

    places = [float(x) for x in re.findall(r'<text x="([\d.]+)" y="164"', one.svg)]
    assert 2 <= len(places) <= 5
    assert all(other - each > 45 for each, other in pairwise(places))
    assert len(one.svg) < 12_000


def test_moments_are_round_in_the_readers_own_zone():
    known = past(("cpu", "", [10] * 144), span=DAY)
    with timezone.override("Europe/Berlin"):
        labels = re.findall(r">(\d\d:\d\d)<", drawn(known).svg)

    assert labels and set(labels) <= {"00:00", "06:00", "12:00", "18:00"}


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0, "%", "0 %"),
        (37.04, "%", "37 %"),
        (1.25e9, "bit/s", "1.25 Gbit/s"),
        (999, "", "999"),
        (12_345, "", "12.3 k"),
        (999_971, "", "1 M"),
    ],
)
def test_figures_are_short(value, unit, told):
    assert written(value, unit) == told


@pytest.mark.parametrize(
    ("highest", "ceiling", "top"), [(37, 100, 100), (120, 100, 200), (0, None, 1), (21, None, 50), (1e9, None, 1e9)]
)
def test_the_scale_ends_at_a_round_number_that_nothing_exceeds(highest, ceiling, top):
    assert top_of(highest, ceiling) == top


def test_the_band_reaches_from_the_least_to_the_most():
    known = past(("cpu", "", [50] * 60))
    [line] = known.lines
    wide = replace(line, steps=[step._replace(low=10.0, high=90.0) for step in line.steps])

    assert "chart__band" not in chart(known, [line], about="x").svg
    assert "chart__band" in chart(known, [wide], about="x").svg


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(admin):
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def measured(db):
    zone, now = builders.a_zone(), timezone.now()
    moments = [now - number * MINUTE for number in range(50)]
    record(zone, [Point("device", "1", "cpu", 20.0, at) for at in moments])
    record(zone, [Point("device", "1", metric, 1e9, at, "swp10") for at in moments for metric in ("rx", "tx")])
    record(zone, [Point("device", "1", "rx", 1e9, now, "swp2")])
    return zone


def test_what_is_called_last_is_the_last_reading_and_not_the_step_that_sums_it_up(measured):
    now = timezone.now()
    record(measured, [Point("device", "1", "cpu", 80.0, now + timedelta(seconds=1))])
    known = past_of(measured, "device", "1", DAY, part="")

    [figure] = drawn(known).figures

    assert (figure.last, figure.last_at, figure.fresh_for) == ("80 %", now + timedelta(seconds=1), 90)


def test_the_page_of_a_device_shows_the_whole_and_leads_to_its_ports(root, measured):
    builders.an_event(measured, 1)
    page = root.get(f"/fabric/history/{measured.slug}/device/1/?span=hour")

    told = words(page)
    assert "History of Leaf-1" in told and "CPU 20 %" in told and "Broken" in told
    assert [chart.title for chart in page.context["charts"]] == ["CPU"]
    assert [part for part, _ in page.context["parts"]] == ["swp2", "swp10"]
    port = root.get(page.context["parts"][1][1])
    assert [chart.title for chart in port.context["charts"]] == ["swp10: traffic"]


def test_a_part_for_another_page_has_no_frame(root, measured):
    part = root.get(f"/fabric/history/{measured.slug}/device/1/", headers={"HX-Request": "true"})

    html = part.content.decode()
    assert "<svg" in html and "<html" not in html and 'id="follow"' not in html


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("device/1/?span=decade", 404),
        ("device/1/?part=swp99", 404),
        ("device/2/", 404),
        ("device/1/?stauts=x", 400),
        ("device/1/", 200),
    ],
)
def test_what_was_never_measured_is_not_there(root, measured, path, status):
    assert root.get(f"/fabric/history/{measured.slug}/{path}").status_code == status
    assert root.get(f"/fabric/history/nowhere/{path}").status_code in (400, 404)


def test_a_page_costs_the_same_however_much_is_measured(root, measured, django_assert_num_queries):
    now = timezone.now()
    path = f"/fabric/history/{measured.slug}/device/1/?span=hour"
    root.get(path)
    for _ in range(2):
        # session, user, zone, parts, series, readings and the last, events, the device's name and its last event's; the
        # frame's five
        with django_assert_num_queries(15):
            root.get(path)
        record(measured, [Point("device", "1", metric, 1.0, now) for metric in ("load", "memory", "disk", "conntrack")])
