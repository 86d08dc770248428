"""Times are told as people read them: how long ago, and for who asks to the second, with day and zone of their own."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import engines
from django.test import Client
from django.utils import timezone

from apps.kernel import times
from apps.tenancy.models import User
from apps.zones.models import Zone
from tests import builders

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def drawn(tag: str, value: datetime | None) -> str:
    return engines["django"].from_string(f"{{% load weft %}}{{% {tag} %}}").render({"value": value})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4, "just now"), (59, "59 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (29 * 86400, "29 d ago")],
)
def test_what_was_is_told_by_how_long_ago_it_was(clock: time_machine.Traveller, seconds: int, words: str) -> None:
    assert f">{words}<" in drawn("moment value", AT - timedelta(seconds=seconds))
    assert f">read {words}<" in drawn("age value", AT - timedelta(seconds=seconds))


def test_what_was_long_ago_is_told_by_its_day(clock: time_machine.Traveller) -> None:
    assert ">31 Jan 2026<" in drawn("moment value", AT - timedelta(days=30))


def test_what_will_be_is_told_by_how_long_it_takes(clock: time_machine.Traveller) -> None:
    assert ">in 23 h<" in drawn("moment value", AT + timedelta(hours=23, minutes=30))
    assert ">1 May 2026<" in drawn("moment value", AT + timedelta(days=60))


def test_what_goes_on_is_told_by_how_long_it_has(clock: time_machine.Traveller) -> None:
    assert ">down for 2 min<" in drawn('age value "down" lasting=True', AT - timedelta(seconds=150))


def test_the_second_the_day_and_the_zone_are_told_to_who_asks(clock: time_machine.Traveller) -> None:
    for tag in ("moment value", "age value", "exactly value"):
        assert "2 Mar 2026, 08:59:50 UTC" in drawn(tag, AT - timedelta(seconds=10))
    # On focus, which a touch gives, too.
    for tag in ("moment value", "age value"):
        assert 'tabindex="0"' in drawn(tag, AT)
    assert drawn("moment value", None) == drawn("exactly value", None) == ""
    assert "never read" in drawn("age value", None)


def test_a_line_of_a_log_carries_its_day_where_that_is_another() -> None:
    assert times.on_the_clock(AT, date(2026, 3, 2)) == "09:00:00 UTC"
    assert times.on_the_clock(AT, date(2026, 3, 3)) == "2 Mar, 09:00:00 UTC"
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert times.on_the_clock(AT, date(2026, 3, 2)) == "18:00:00 JST"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("named", "told"),
    [("Europe/Berlin", "10:00:00 CET"), ("Mars/Olympus", "09:00:00 UTC"), ("../UTC", "09:00:00 UTC")],
)
def test_pages_are_written_in_the_zone_of_who_reads_them(
    client: Client, engineer: User, zone: Zone, clock: time_machine.Traveller, named: str, told: str
) -> None:
    tenant = engineer.memberships.get().tenant
    vpc = builders.a_vpc(tenant, zone)
    token = {"Authorization": f"Bearer {builders.a_token(tenant)}"}
    client.force_login(engineer)
    client.cookies["weft_zone"] = named

    page = client.get(f"/t/acme/vpcs/{vpc.pk}/").content.decode()
    answer = client.get(f"/api/v1/vpcs/{vpc.pk}/", headers=token).content.decode()

    assert re.findall(r"2 Mar 2026, ([\d:]+ \w+)", page)[0] == told
    assert "2026-03-02T09:00:00Z" in answer
    assert timezone.get_current_timezone_name() == "UTC"
