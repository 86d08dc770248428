"""A platform admin changes how a zone is reached: tried while the page looks on, refused with a reason, then saved."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_portal import press
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]


def test_a_connection_is_tried_before_it_is_saved(stack: Stack, visit: Visit):
    page = visit("admin", "/platform/zones/")
    page.locator("main").get_by_role("link", name=re.compile("^Connection")).click()
    expect(page.get_by_label("Secret key")).to_have_value("")
    page.get_by_label("Password").fill("wrong")
    press(page, "Try it")

    expect(page.get_by_text("It cannot be used like this")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Netris refused the login")).to_be_visible()
    expect(page.get_by_text("All 52 commands are permitted")).to_be_visible()
    page.get_by_role("link", name="Enter it again").click()
    press(page, "Try it")

    save = page.get_by_role("button", name="Save the connection")
    expect(save).to_be_visible(timeout=30_000)
    page.get_by_label("Description").fill("Tried in a browser")
    page.wait_for_timeout(3_000)
    expect(page.get_by_label("Description")).to_have_value("Tried in a browser")
    save.click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    with stack.api("acme") as api:
        assert api.get("/zones/").json()["results"][0]["description"] == "Tried in a browser"
