"""A platform admin adds a hypervisor: one form, one operation, and the inventory shows it by itself."""

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


def test_a_new_hypervisor_in_one_form(stack: Stack, visit: Visit):
    page = visit("admin", "/fabric/devices/")
    expect(page.get_by_role("link", name="Server-4", exact=True)).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="New device").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Server-5")
    expect(page.get_by_label("Loopback address")).to_have_value("10.0.8.5")
    page.get_by_label("Loopback address").fill("10.0.8.4")
    press(page, "Create device")
    expect(page.get_by_text("Server-4 has this address.").first).to_be_visible()
    page.get_by_label("Loopback address").fill("10.0.8.5")
    press(page, "Create device")
    expect(page.locator("#operation-badge")).to_contain_text("Succeeded", timeout=60_000)
    page.goto(page.url.partition("/platform")[0] + "/fabric/devices/")
    made = page.get_by_role("link", name="Server-5", exact=True)
    expect(made).to_be_visible(timeout=60_000)
    made.click()
    expect(
        page.get_by_role("button", name=re.compile("Delete")).or_(page.get_by_role("link", name="Delete"))
    ).to_be_visible()
    expect(page.get_by_text("It has 2 links").first).to_be_attached()
