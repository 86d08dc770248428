"""A Chromium before the whole of Weft: one stack, one browser and one sign-in per person for all tests of a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests import migrated
from tests.chromium import launched
from tests.stack import Stack

#: What the browser itself says when a page is refused or cannot be reached, as some are here on purpose.
REFUSED = re.compile(
    r"Failed to load resource: (the server responded with a status of 4\d\d|net::ERR_INTERNET_DISCONNECTED)"
)
#: What htmx says of a request that is broken off: for a newer one, or because somebody leaves the page while it looks
#: for news. One that fails is told by other words as well.
BROKEN_OFF = re.compile(r"htmx:(afterRequest|sendAbort)\b")
#: Runs before anything else on every page.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`The policy ${event.violatedDirective} stopped ${event.blockedURI} ${event.sourceFile}`))"""

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with migrated.copy() as database_url, Stack(job_seconds=1.0, database_url=database_url) as stack:
        yield stack


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        expect.set_options(timeout=15_000)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(stack: Stack, chromium: Browser) -> Callable[[str], Any]:
    """The cookies of somebody who has signed in through the form, once per module."""
    passwords = {user["username"]: user["password"] for user in stack.demo["users"]}
    known: dict[str, Any] = {}

    def state(username: str) -> Any:
        if username not in known:
            with chromium.new_context(base_url=stack.url) as context:
                page = context.new_page()
                page.goto("/")
                page.get_by_label("Username").fill(username)
                page.get_by_label("Password").fill(passwords[username])
                page.get_by_role("button", name="Sign in").click()
                expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")
                known[username] = context.storage_state()
        return known[username]

    return state


@pytest.fixture
def visit(stack: Stack, chromium: Browser, signed_in: Callable[[str], Any]) -> Iterator[Visit]:
    """`visit("alice", "/t/acme/")` opens a page. At the end nothing may stand in any console."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_expected = REFUSED.match(message.text) or BROKEN_OFF.match(message.text)
        if message.type in ("error", "warning") and not is_expected:
            said.append(f"{message.location.get('url')}: {message.text}")

    with ExitStack() as contexts:

        def opened(who: str, path: str, **options: Any) -> Page:
            context: BrowserContext = contexts.enter_context(
                chromium.new_context(base_url=stack.url, storage_state=signed_in(who), **options)
            )
            context.add_init_script(WATCH)
            context.on("console", hear)
            context.on("weberror", lambda error: said.append(str(error.error)))
            page = context.new_page()
            page.goto(path)
            return page

        yield opened
    assert said == []
