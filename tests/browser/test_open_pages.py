"""What becomes of an open page when the ground under it goes: the session ends, or its VPC is deleted elsewhere."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif("WEFT_CHROMIUM" not in os.environ, reason=os.environ.get("WEFT_NO_BROWSER", "no browser")),
]


def sign_in(page: Page, stack: Stack) -> None:
    passwords = {user["username"]: user["password"] for user in stack.demo["users"]}
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(passwords["alice"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")


def test_a_form_half_filled_in_outlives_the_session(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/")
    page.context.clear_cookies()
    page.goto("/t/acme/vpcs/new/")
    sign_in(page, stack)  # a session of its own: signing out would end that of the other tests
    page.get_by_label("Name", exact=True).fill("half")
    other = page.context.new_page()
    other.goto("/t/acme/")
    other.locator("summary", has_text="alice").last.click()
    other.get_by_role("button", name="Sign out").last.click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")

    page.get_by_label("Name", exact=True).fill("half-filled")
    notice = page.locator("#messages [data-notice=signed-out]")
    expect(notice).to_contain_text("You are signed out. What you have typed is still here. Sign in again")
    page.get_by_label("Address range", exact=True).fill("10.77.0.0/20")  # asks again, and is told again
    page.get_by_role("button", name="Add a tier").click()
    expect(notice).to_have_count(1)
    assert page.locator("main").count() == page.locator("h1").count() == 1

    with page.context.expect_page() as opened:
        notice.get_by_role("link", name="Sign in again").click()
    sign_in(opened.value, stack)
    opened.value.close()
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")  # without a window there is nothing that comes to the front
    expect(notice).to_have_count(0)
    expect(page.get_by_label("Name", exact=True)).to_have_value("half-filled")
    for number, tier in enumerate(("web", "db"), 1):
        page.get_by_label(f"Name of tier {number}").fill(tier)
        page.get_by_label(f"Range of tier {number}").fill(f"10.77.{number}.0/24")
    page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC").click()
    page.wait_for_url("**/operations/*/")


def test_a_form_that_is_sent_off_after_the_sessions_end_keeps_what_was_typed(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/vpcs/new/")
    page.get_by_label("Name", exact=True).fill("kept")
    page.wait_for_load_state("networkidle")  # what follows the typing has been drawn: nothing else asks from now on
    cookies = page.context.cookies()
    page.context.clear_cookies()
    create = page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC")
    create.click()

    notice = page.locator("#messages [data-notice]")
    expect(notice).to_contain_text("You are signed out. What you have typed is still here.")
    create.click()
    expect(notice).to_have_count(1)
    page.context.add_cookies(cookies)
    page.context.set_offline(True)
    create.click()
    expect(notice).to_contain_text(["You are signed out.", "Weft did not answer."])
    page.context.set_offline(False)
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")
    page.get_by_label("Name of tier 1").fill("")
    create.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()  # it has arrived, and lacks names of tiers
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")


def test_the_page_of_a_vpc_that_is_deleted_elsewhere_becomes_that_of_one_that_is_gone(
    stack: Stack, visit: Visit
) -> None:
    with stack.api() as api:
        zone = api.get("/zones/").json()["results"][0]["id"]
        made = api.post(
            "/vpcs/", json={"name": "brief", "description": "", "zone": zone, "cidr": "10.78.0.0/20", "tiers": []}
        )
        vpc = made.json()["resource"]["id"]
        stack.settled(made.json())
        operation = api.delete(f"/vpcs/{vpc}/").json()
    page = visit("alice", f"/t/acme/vpcs/{vpc}/")
    stack.settled(operation)

    expect(page.get_by_role("heading", level=1)).to_contain_text("brief")
    expect(page.get_by_role("main")).to_contain_text("gone", timeout=20_000)
    assert page.locator("main").count() == page.locator("h1").count() == 1
