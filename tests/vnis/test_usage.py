"""How much of a range was in use when: noted every five minutes, drawn as charts, and never what nobody has read."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.history.models import Series, Source
from apps.history.series import SPANS, past_of
from apps.mirror.models import Reading
from apps.vnis.models import VniRange
from apps.vnis.services import look

HOUR = next(span for span in SPANS if span.key == "hour")
FIVE = timedelta(minutes=5)


@pytest.fixture
def browser(client, admin):
    client.force_login(admin)
    return client


def noted(row: VniRange) -> dict[str, list[float]]:
    """What is known of a range within the hour, by metric, the oldest first."""
    past = past_of(row.zone, "vni-range", str(row.pk), HOUR)
    return {line.series.metric: [step.value for step in line.steps] for line in past.lines}


@pytest.fixture
def guest(lists) -> VniRange:
    lists.pool("1000-1099")
    lists.network("net-1", 1001)
    lists.taken(1002)
    lists.look()
    return VniRange.objects.get()


def test_what_is_used_lost_and_free_is_noted_once_in_five_minutes(lists, guest, clock):
    lists.look()
    assert noted(guest) == {"vni-used": [1], "vni-lost": [1], "vni-free": [98]}
    lists.network("net-2", 1003)
    clock.shift(FIVE)
    lists.look()
    lists.look()
    assert noted(guest) == {"vni-used": [1, 2], "vni-lost": [1, 1], "vni-free": [98, 97]}
    assert {row.seconds for row in Series.objects.all()} == {300}


def test_a_list_that_is_too_old_is_no_reading(lists, guest, clock):
    clock.shift(timedelta(minutes=20))
    lists.read(*[kind for kind in lists_of(guest) if kind != "cloudstack.vni"])
    look(guest.zone)
    assert noted(guest)["vni-used"] == [1]
    lists.look()
    assert noted(guest)["vni-used"] == [1, 1]


def lists_of(row: VniRange) -> list[str]:
    return list(Reading.objects.filter(zone=row.zone).values_list("kind", flat=True))


def test_of_a_range_of_netris_own_only_what_is_used_is_known(lists):
    for number in range(10, 14):
        lists.vnet(number, number, "by hand")
    lists.look()
    assert noted(VniRange.objects.get()) == {"vni-used": [4]}


def test_the_page_of_a_range_draws_it_with_figures_and_a_table(lists, guest, browser, clock):
    clock.shift(FIVE)
    lists.look()
    page = browser.get(f"/fabric/vnis/ranges/{guest.pk}/").content.decode()
    [address] = set(re.findall(r'hx-get="(/fabric/history/[^"]+)"', page))
    answer = browser.get(f"{address}?span=hour")
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())
    assert "History of VNIs 1000 to 1099" in text
    assert "VNIs free 98 " in text and "mean 98, at most 98" in text
    assert answer.content.decode().count('class="chart__table"') == 3


def test_a_part_of_a_range_shows_no_chart_of_the_whole(guest, browser):
    assert (
        "hx-get"
        not in browser.get(f"/fabric/vnis/ranges/{guest.pk}/?from=1001&to=1001")
        .content.decode()
        .partition('id="charts"')[2]
    )


def test_what_is_no_range_of_the_zone_has_no_history(guest, browser):
    for subject in ("nonsense", "00000000-0000-4000-8000-000000000000"):
        assert browser.get(f"/fabric/history/{guest.zone.slug}/vni-range/{subject}/").status_code == 404


# --- what a look costs ------------------------------------------------------------------------------------------------


def statements(zone) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        look(zone)
    return [query["sql"] for query in queries]


def test_while_no_list_is_read_again_a_look_is_half_a_dozen_queries(lists, guest):
    lists.look()
    look(guest.zone)
    asked = statements(guest.zone)
    assert len(asked) <= 12, asked
    assert not any("vnis_claim" in each or "mirror_item" in each for each in asked)


def test_while_lists_are_as_they_were_nothing_is_looked_through_and_what_is_open_goes_on(lists, guest, clock):
    lists.vnet(1, 1001, "D1-A2-Z1-V3-N1-net-1")
    lists.vnet(2, 1001, "D1-A2-Z1-V3-N2-net-1")
    for _ in range(3):
        lists.look()
    source = Source.objects.get(name="vnis")
    [event] = source.events.open()
    clock.shift(timedelta(seconds=30))
    lists.read()
    asked = statements(guest.zone)
    assert not any("vnis_claim" in each for each in asked)
    event.refresh_from_db()
    assert event.is_open and event.last_seen_at > source.read_at
    assert not Source.objects.get(pk=source.pk).is_stale
