"""The story of a member: added with a link, working, removed. Two people at two browsers, and a script."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WATCH, Visit
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

PASSWORD = "warp and weft and a shuttle"


def test_a_member_is_added_works_and_is_removed_and_with_them_goes_all_they_had(
    stack: Stack, visit: Visit, chromium: Browser
):
    # An owner adds a person, and gets a link that is on no other page.
    owner = visit("alice", "/t/acme/")
    owner.get_by_role("navigation", name="Main").get_by_role("link", name="Members").click()
    owner.get_by_role("link", name="Add a person").click()
    owner.get_by_label("E-mail address").fill("nora@example.net")
    owner.get_by_label("Network engineer").check()
    owner.get_by_role("button", name="Create the link").click()
    link = owner.locator(".copy__value").inner_text()
    assert link.startswith(f"{stack.url}/join/#weft_join_")
    owner.get_by_role("link", name="Done").click()
    expect(owner.get_by_role("table", name="Links not used yet")).to_contain_text("nora@example.net")
    assert link.partition("#")[2] not in owner.content()

    # In a browser of her own, she opens it. The code leaves the address at once, and goes into no request's address.
    with chromium.new_context(base_url=stack.url) as context:
        context.add_init_script(WATCH)
        nora = context.new_page()
        asked: list[str] = []
        nora.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer')}"))
        nora.goto(link)
        expect(nora.get_by_role("heading", level=1)).to_have_text("Join Acme Hosting")
        assert nora.url == f"{stack.url}/join/"
        name = nora.get_by_label("Your user name").input_value()
        nora.get_by_label("New password").fill(PASSWORD)
        nora.get_by_label("Password again").fill(PASSWORD)
        nora.get_by_role("button", name="Create my account and join").click()
        nora.wait_for_url("**/t/acme/")
        assert not [each for each in asked if "weft_join_" in each]
        assert "weft_join_" not in "".join(log.read_text() for log in stack.directory.glob("*.log"))

        # The owner's page has noticed. The link is used up.
        expect(owner.get_by_role("table", name="Members")).to_contain_text(name)
        with chromium.new_context(base_url=stack.url) as elsewhere:
            late = elsewhere.new_page()
            late.goto(link)
            expect(late.get_by_role("alert")).to_contain_text("This link opens nothing")

        # She signs out and in again, and makes a token.
        nora.locator(".shell__side").get_by_label(re.compile("account, theme and signing out")).click()
        nora.locator(".shell__side").get_by_role("button", name="Sign out").click()
        nora.get_by_label("Username").fill(name)
        nora.get_by_label("Password").fill(PASSWORD)
        nora.get_by_role("button", name="Sign in").click()
        nora.wait_for_url("**/t/acme/")
        nora.get_by_role("navigation", name="Main").get_by_role("link", name="Tokens").click()
        nora.get_by_role("link", name="New token").first.click()
        nora.get_by_label("Name").fill("deploy")
        nora.get_by_label("Read and write").check()
        nora.get_by_role("button", name="Create token").click()
        secret = nora.locator(".copy__value").inner_text()
        script: Any = {"url": f"{stack.url}/api/v1/vpcs/", "headers": {"Authorization": f"Bearer {secret}"}}
        assert httpx.get(**script).status_code == 200
        nora.goto("/t/acme/vpcs/")
        expect(nora.get_by_role("heading", level=1)).to_have_text("VPCs")

        # The owner removes her. Her page hears it without being touched; her token opens nothing any more.
        row = owner.get_by_role("table", name="Members").get_by_role("row").filter(has_text=name)
        row.get_by_role("link", name=f"Remove {name}").click()
        expect(owner.get_by_role("main")).to_contain_text("deploy")
        owner.get_by_role("button", name="Remove member").click()
        expect(owner.get_by_role("status").first).to_contain_text(f"{name} is no member of Acme Hosting any more.")
        assert httpx.get(**script).json()["code"] == "token-invalid"
        expect(nora.locator("#messages")).to_contain_text("not here any more", timeout=10_000)
        nora.goto("/t/acme/")
        expect(nora.get_by_role("heading", level=1)).to_have_text("Page not found")
        nora.goto("/")
        expect(nora.get_by_role("heading", level=1)).to_have_text("No tenant is yours yet")


def test_a_link_is_used_without_javascript(stack: Stack, visit: Visit, chromium: Browser):
    owner = visit("gina", "/t/globex/members/new/", java_script_enabled=False)
    owner.get_by_label("E-mail address").fill("paul@example.net")
    owner.get_by_role("button", name="Create the link").click()
    link = owner.locator(".copy__value").inner_text()
    with chromium.new_context(base_url=stack.url, java_script_enabled=False) as context:
        paul = context.new_page()
        paul.goto(link)
        paul.get_by_label("Code").fill(link.partition("#")[2])
        paul.get_by_role("button", name="Go on").click()
        paul.get_by_label("New password").fill(PASSWORD)
        paul.get_by_label("Password again").fill(PASSWORD)
        paul.get_by_role("button", name="Create my account and join").click()
        paul.wait_for_url("**/t/globex/")

        # At another browser, the password is changed: this one is signed out.
        paul.goto("/account/")
        expect(paul.get_by_role("table")).to_contain_text("Chrom")
        paul.goto("/account/password/")
        paul.get_by_label("Current password").fill(PASSWORD)
        paul.get_by_label("New password").fill(f"{PASSWORD} 2")
        paul.get_by_label("Password again").fill(f"{PASSWORD} 2")
        paul.get_by_role("button", name="Change password").click()
        expect(paul.get_by_role("status").first).to_contain_text("Your password is changed.")
