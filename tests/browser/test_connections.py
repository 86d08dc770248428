"""The pages of connections at every stage: nothing is too wide, axe finds no fault, and what somebody types stays typed
while the page follows what happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from apps.directconnect.models import Connection, StageEntry
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock
from apps.quotas.models import Limit
from apps.tenancy.models import Tenant, User
from apps.zones.models import Zone
from tests import builders
from tests.browser.test_axe import AXE, RUN, TABLES
from tests.browser.test_live_pages import WALK, changed_each_time
from tests.browser.test_long_words import WIDER, cookies_of
from tests.chromium import launched, needs_chromium
from tests.portal.conftest import WebServer, valkey, web

__all__ = ["valkey", "web"]  # fixtures
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("looks"),
    needs_chromium,
]

LONG = "W" * 60
SIZES = ((390, "dark"), (768, "light"), (1440, "light"), (1440, "dark"))
WORDS = {"reason": LONG * 4, "port": f"swp1@{LONG}", "reference": LONG, "number": LONG, "said": LONG * 3}


def a_history(row: Connection) -> Connection:
    """With long words wherever there is a text."""
    at = clock.now()
    evidence = {**WORDS, "read_at": at.isoformat(), "due_at": at.isoformat(), "valid_until": at.isoformat()}
    for party in Party:
        StageEntry(connection=row, to_stage=row.stage, at=at, party=party, actor=LONG, evidence=evidence).save()
    return row


@pytest.fixture
def rows(acme: Tenant, zone: Zone) -> dict[str, Connection]:
    Limit.unscoped.create(tenant=acme, resource="direct_connect", most=100)
    location = builders.a_location(zone, address=LONG * 3, room=LONG)
    builders.a_location(zone, "Lyon 1", speeds=(1_000,))
    letter = {"loa_facts": {"number": "7"}, "reference": LONG}
    made = {
        stage: builders.a_connection(acme, location, f"{LONG[:-3]}{number:03}", stage=stage, **letter)
        for number, stage in enumerate(Stage)
    }
    builders.an_interface(made[Stage.IN_SERVICE], builders.a_vpc(acme, zone))
    return {str(stage): a_history(row) for stage, row in made.items()}


@pytest.fixture
def page(rows: dict[str, Connection], engineer: User, web: WebServer, valkey: Any) -> Iterator[Page]:
    """No test asks the database once it has this."""
    cookies = cookies_of(engineer, web)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        with browser.new_context(base_url=web.url, reduced_motion="reduce") as context:
            context.add_cookies(cookies)
            yield context.new_page()
        browser.close()


@pytest.mark.timeout(600)
def test_every_stage_fits_and_has_no_fault(rows: dict[str, Connection], page: Page) -> None:
    base = "/t/acme/direct-connects/"
    paths = [base, f"{base}new/", *(f"{base}{row.pk}/" for row in rows.values())]
    paths += [f"{base}{rows['in-service'].pk}/{verb}/" for verb in ("close", "suspend")]
    faults = []
    for path in paths:
        page.goto(path)
        page.evaluate(AXE)
        for width, theme in SIZES:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)
            faults += [f"{path} {width}: {wide}" for wide in [page.evaluate(WIDER)] if wide]
            faults += [f"{path} {width} {theme}: {each}" for each in page.evaluate(RUN, [])]
        faults += [f"{path}: {each}" for each in page.evaluate(TABLES)]
    assert faults == []


def test_what_is_typed_stays_and_every_control_keeps_the_focus(rows: dict[str, Connection], page: Page) -> None:
    changed_each_time(page)
    page.goto(f"/t/acme/direct-connects/{rows['loa-issued'].pk}/")
    page.get_by_label("Your carrier's reference").fill("XC-104711")
    found = page.evaluate(WALK)
    assert found["count"]
    assert (found["lost"], found["said"], found["alerts"]) == ([], [], 0)
    expect(page.get_by_label("Your carrier's reference")).to_have_value("XC-104711")
    page.get_by_role("button", name="Report the cross-connect").click()
    expect(page.locator("main")).to_contain_text("Cross-connect reported")
    expect(page.locator("main")).to_contain_text("XC-104711")


def test_another_location_shows_what_it_offers(rows: dict[str, Connection], page: Page) -> None:
    page.goto("/t/acme/direct-connects/new/")
    page.get_by_label("Name").fill("lyon-a")
    page.get_by_label("Location").select_option(label="Lyon 1")
    expect(page.get_by_label("1 Gbit/s, dedicated port")).to_be_checked()
    expect(page.get_by_label("Name")).to_have_value("lyon-a")
    page.get_by_label("Location").select_option(label="Paris 2")
    page.get_by_label("10 Gbit/s, hosted").check()
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lyon-a")
    expect(page.locator("main")).to_contain_text("10 Gbit/s, hosted on a shared port, at Paris 2")
