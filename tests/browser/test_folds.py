"""A fabric that fits on no screen, opened piece by piece in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from apps.mirror.models import Reading
from apps.tenancy.models import User
from apps.zones.models import Zone
from tests.browser.test_long_words import cookies_of
from tests.chromium import launched, needs_chromium
from tests.fabric.test_views import a_big_fabric
from tests.portal.conftest import WebServer, valkey, web

__all__ = ["valkey", "web"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("looks"),
    needs_chromium,
]


@pytest.mark.parametrize("width", [390, 1440, 1920])
def test_a_rack_opens_in_its_place_and_closes_again(web: WebServer, zone: Zone, admin: User, width: int) -> None:
    a_big_fabric(zone, leaves=40, servers=450)
    Reading.objects.update(failed_at=None)
    cookies = cookies_of(admin, web)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.context.add_cookies(cookies)
        page.goto(f"{web.url}/fabric/topology/?zone={zone.slug}")
        page.evaluate("window.isTheSamePage = true")
        page.locator('[data-fold="rack-5"]').focus()
        page.keyboard.press("Enter")

        expect(page.locator("#fabric-map")).to_contain_text("Server-20")
        expect(page).to_have_url(re.compile("open=rack-5"))
        assert page.evaluate("window.isTheSamePage")
        # What has come out of it has the focus, and is in the window.
        focused = page.locator("#fabric-map [data-device]:has(:focus)")
        expect(focused).to_contain_text(re.compile(r"Leaf-1\b|Leaf-2\b|Server-\d+0\b"))
        expect(focused).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

        page.get_by_role("link", name="Close Leaf-1, 2").click()
        expect(page.locator("#fabric-map")).not_to_contain_text("Server-20")
        page.go_back()
        expect(page.locator("#fabric-map")).to_contain_text("Server-20")
        assert said == []
        browser.close()
