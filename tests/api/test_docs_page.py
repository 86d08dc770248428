"""The readable documentation in a real browser: all of it can be read and tried, and nothing is stopped or amiss."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from apps.networks.models import Vpc
from apps.tenancy.models import Tenant, User
from tests import builders
from tests.browser.test_axe import AXE, LOOKS, RUN
from tests.chromium import launched, needs_chromium
from tests.portal.conftest import WebServer, session_of, valkey, web

__all__ = ["valkey", "web"]  # fixtures
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("looks"),
    pytest.mark.browser,
    needs_chromium,
]


@pytest.fixture
def token(acme: Tenant, vpc: Vpc) -> str:
    return builders.a_token(acme)


@pytest.fixture
def cookies(engineer: User) -> dict[str, str]:
    return session_of(engineer)


@pytest.fixture
def page(token: str, cookies: dict[str, str]) -> Iterator[Page]:
    """Last: while the browser's driver runs, the database would be asked in a session that nobody closes."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser.new_page(reduced_motion="reduce")
        browser.close()


def test_a_call_is_found_read_and_tried(page: Page, web: WebServer, token: str, cookies: dict[str, str]):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))

    page.goto(f"{web.url}/api/v1/docs/")
    page.get_by_role("heading", name="Create a VPC").click()
    page.get_by_text("The VPC and its first tiers are reserved at once").wait_for()
    assert '"$WEFT/vpcs/"' in page.locator("#vpcs-create figure.code").inner_text()
    page.goto(f"{web.url}/api/v1/docs/#vpcs-list")
    page.get_by_label("Token to try with").fill(token)
    form = page.get_by_role("form", name="Try: List VPCs")
    form.get_by_label("q", exact=False).first.fill("pro")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_contain_text("200")
    expect(form.locator("pre")).to_contain_text('"name": "prod"')
    assert said == []

    # As who is signed in, in a tenant, a change goes with the token of the page.
    page.context.add_cookies([{"name": name, "value": value, "url": web.url} for name, value in cookies.items()])
    page.goto(f"{web.url}/api/v1/docs/?#vpcs-create")
    page.get_by_label("Tenant's short name").fill("acme")
    form = page.get_by_role("form", name="Try: Create a VPC")
    body = json.loads(form.get_by_label("Body").input_value()) | {"name": "shop"}
    form.get_by_label("Body").fill(json.dumps(body))
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_contain_text("202 Accepted, Location: http")
    expect(form.locator("pre")).to_contain_text('"phase": "queued"')


#: One call of each method, and one shape: the others are drawn by the same templates.
OPEN_ONE_OF_EACH = """() => {
    const seen = new Set();
    for (const one of document.querySelectorAll("details")) {
        const kind = one.querySelector(".api-docs__method")?.textContent ?? one.className;
        if (!seen.has(kind)) one.open = true;
        seen.add(kind);
    }
    return seen.size;
}"""


#: The others are like those that are open, and axe reads what is closed as well.
REMOVE_THE_CLOSED = "document.querySelectorAll('details:not([open])').forEach((one) => one.remove())"


def test_axe_finds_no_fault_with_it_whatever_is_open(page: Page, web: WebServer):
    """All of it, which is long, is looked at once; in each size and theme one of each, closed and open."""
    page.goto(f"{web.url}/api/v1/docs/")
    page.evaluate(AXE)
    faults: set[str] = set()

    def look(what: str, looks: Iterable[Any] = LOOKS) -> None:
        for size, theme, only in looks:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            found = page.evaluate(RUN, only)
            faults.update(f"{size['width']} {theme}, {what}: {fault}" for fault in found)

    look("closed", LOOKS[:1])
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for size, *_ in LOOKS:
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    assert page.evaluate(OPEN_ONE_OF_EACH) >= 6
    page.evaluate(REMOVE_THE_CLOSED)
    look("one of each open")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    look("one of each closed")
    assert not faults, "\n".join(sorted(faults)[:40])


def test_it_follows_the_machine_and_the_choice_of_theme(page: Page, web: WebServer):
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="dark")
    page.goto(f"{web.url}/api/v1/docs/")
    dark = ground()
    page.emulate_media(color_scheme="light")
    light = ground()
    page.context.add_cookies([{"name": "weft_theme", "value": "dark", "url": web.url}])
    page.reload()
    assert light != dark == ground()
