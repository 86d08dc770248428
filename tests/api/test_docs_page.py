"""The readable documentation in a real browser: it draws itself, and the content security policy stops nothing."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import sync_playwright

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("WEFT_CHROMIUM" not in os.environ, reason=os.environ.get("WEFT_NO_BROWSER", "no browser")),
]


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["WEFT_CHROMIUM"], args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_the_documentation_draws_itself_without_a_word_in_the_console(page, live_server):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))

    page.goto(f"{live_server.url}/api/v1/docs/")
    page.get_by_text("Create a VPC", exact=True).click()

    page.get_by_text("The VPC and its first tiers are reserved at once").wait_for()
    assert said == []
