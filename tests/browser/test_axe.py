"""axe looks at every page, in every state that has a name, in both themes, on a phone and on a desk.

The pages are those of the table in tests/test_access.py, so that no route escapes: `visited` must have them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page, expect, sync_playwright
from time_machine import escape_hatch, travel

from apps.kernel import clock as database
from apps.mirror.models import Item, Kind
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.tenancy import services
from apps.tenancy.models import Membership, Role, Tenant, User
from apps.zones.models import Plugin, Zone
from tests import builders
from tests.browser.test_long_words import FORM, cookies_of
from tests.chromium import launched, needs_chromium
from tests.portal.conftest import WebServer, valkey, web
from tests.test_pages import PAGES, PARTS, PLATFORM_PAGES, TENANT_PAGES, addresses, busy, site

__all__ = ["busy", "site", "valkey", "web"]  # fixtures
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("looks"),
    needs_chromium,
]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
#: One line for each element that it finds fault with. The size of targets is off by itself.
RUN = """async (only) => {
    const found = await axe.run(document, {
        resultTypes: ["violations"],
        iframes: false,
        preload: false,
        ...(only.length ? {runOnly: {type: "rule", values: only}} : {rules: {"target-size": {enabled: true}}}),
    });
    return found.violations.flatMap(({id, impact, nodes}) => nodes.map((node) =>
        `${impact} ${id}: ${node.target.join(" ")} ${node.any.concat(node.all, node.none)[0]?.message ?? ""}`));
}"""
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
TABLET = {"width": 768, "height": 1024}
#: Tables that scroll sideways, so that their last buttons are cut off; words of their heads that are broken in two; and
#: tables with more than one time to stop at.
TABLES = """() => {
    const isBroken = (text) => [...text.data.matchAll(/\\S+/g)].some((word) => {
        const range = new Range();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length > 1;
    });
    const found = [];
    for (const table of document.querySelectorAll("main .table-wrap")) {
        const name = table.getAttribute("aria-label");
        const more = table.scrollWidth - table.clientWidth;
        if (more > 0) found.push(`${name} scrolls sideways by ${more}`);
        const texts = document.createTreeWalker(table.querySelector("thead"), NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode;
            if (isBroken(text)) found.push(`${name} breaks ${text.data.trim()}`);
        }
        const stops = table.querySelectorAll("time[tabindex='0']").length;
        if (stops > 1) found.push(`${name} has ${stops} times to stop at`);
    }
    return found;
}"""
#: Each rule runs in both sizes, and those that read colours in both themes of each.
LOOKS: tuple[tuple[Any, Any, list[str]], ...] = (
    (DESK, "light", []),
    (DESK, "dark", ["color-contrast", "link-in-text-block"]),
    (PHONE, "dark", []),
    (PHONE, "light", ["color-contrast", "link-in-text-block"]),
)
#: Of these each state is a page of its own; of the others one is like another.
EACH_STATE = {"networks:vpc_detail", "operations:detail", "operations:platform_detail"}
#: They lead elsewhere, say nothing, or are a part of a page.
NO_PAGES = {
    *("session", "tenant-session", "into-tenant"),
    *("networks:vpc_map", "instances:choices", "addresses:choices", "inventory:port_choices"),
    "directconnect:port_choices",
}


class Visitor:
    """Goes to pages, does something there, and writes down in `faults` what axe finds."""

    def __init__(self, page: Page, faults: set[str], visited: set[str]) -> None:
        self.page, self.faults, self.visited = page, faults, visited

    def look(self, path: str, do: Callable[[Page], object] = lambda page: None, name: str = "") -> None:
        self.page.set_viewport_size(DESK)
        self.page.goto(path)
        do(self.page)
        self.visited.add(view_of(path))
        self.page.evaluate(AXE)
        self.page.set_viewport_size(TABLET)
        self.faults |= {f"{path} {name}: {fault}" for fault in self.page.evaluate(TABLES)}
        for size, theme, only in LOOKS:
            self.page.set_viewport_size(size)
            self.page.emulate_media(color_scheme=theme)
            where = f"{path} {name} at {size['width']} in {theme}"
            self.faults |= {f"{where}: {fault}" for fault in self.page.evaluate(RUN, only)}

    def look_at_all(self, paths: list[str]) -> None:
        """Each kind of page once; those that show a state, in each of theirs."""
        for path in paths:
            view = view_of(path)
            if view in EACH_STATE or view not in self.visited:
                self.look(path)


def view_of(path: str) -> str:
    try:
        return resolve(path.partition("?")[0]).view_name
    except Resolver404:
        return "nowhere"


def send_empty(page: Page) -> None:
    with page.expect_navigation():
        page.locator(FORM).first.evaluate(
            "(form) => { for (const one of form.querySelectorAll('input[type=text]')) one.value = ''; form.submit(); }"
        )


def sign_in_wrongly(page: Page) -> None:
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password", exact=True).fill("nothing")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def send(label: str) -> Callable[[Page], object]:
    """Press a button with nothing filled in, and be told so."""

    def press(page: Page) -> None:
        page.get_by_role("button", name=label).click()
        expect(page.get_by_role("alert")).to_be_visible()

    return press


def until(heading: str) -> Callable[[Page], object]:
    return lambda page: expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def invite(page: Page) -> None:
    page.get_by_label("E-mail address").fill("x@example.net")
    page.get_by_role("button", name="Create the link").click()
    until("Link for x@example.net")(page)


def make_token(page: Page) -> None:
    page.get_by_label("Name").fill("deploy")
    page.get_by_role("button", name="Create token").click()
    until("Token deploy")(page)


def offer_password(page: Page) -> None:
    page.get_by_role("button", name="New password for new").click()
    until("New password for new")(page)


def open_menus(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


@pytest.fixture
def troubled(site: Zone, busy: list[Vpc]) -> Zone:
    """A leaf of the site is dead, and its plugin has lost its session."""
    sign = {"operation": str(Operation.unscoped.all()[0].pk), "tenant": "Acme", "call": "createVPC", "text": "Failed."}
    now = database.now()
    Plugin.objects.create(
        zone=site, suspected_at=now, down_since=now, failures=3, evidence=[sign | {"at": now.isoformat()}]
    )
    for item in Item.objects.filter(kind=Kind.NETRIS_DEVICE):
        if item.data["name"] == "Leaf-1":
            item.data["status"] = "Critical"
            item.save()
    return site


@pytest.mark.timeout(900)
def test_axe_finds_no_fault_with_any_page(
    busy: list[Vpc],
    troubled: Zone,
    acme: Tenant,
    globex: Tenant,
    engineer: User,
    admin: User,
    web: WebServer,
    valkey: Any,
) -> None:
    Membership.objects.create(user=engineer, tenant=globex, role=Role.ENGINEER)
    viewer, newcomer = builders.a_member(acme, Role.VIEWER), builders.a_user("new")
    owner = builders.a_member(acme, Role.OWNER, "olive")
    cookies = {user: cookies_of(user, web) for user in (engineer, viewer, newcomer, admin, owner)}
    tenant = [path for path in addresses(TENANT_PAGES, busy) if path not in PARTS]
    platform = addresses(PLATFORM_PAGES, busy)
    with travel(escape_hatch.datetime.datetime.now(UTC)):  # to the web server's time
        forgotten = services.offer_password(newcomer, by=builders.the_platform())
    of_owner = addresses([row for row in PAGES if row.answers.get("owner") == "200"], busy[:1])
    # The tests' clock stands still, and not that of the web server.
    _, code = builders.an_invitation(acme, "ann.lee@example.net", life=timedelta(days=3650))
    of_viewer = [f"/t/acme/vpcs/{busy[0].pk}/{part}" for part in ("", "rename/", "delete/", "tiers/new/")]
    faults: set[str] = set()
    visited: set[str] = set()

    with sync_playwright() as playwright:  # after all that asks the database, which it keeps from doing so
        browser = launched(playwright)

        @contextmanager
        def somebody(user: User | None) -> Iterator[Visitor]:
            with browser.new_context(base_url=web.url, reduced_motion="reduce") as context:
                context.add_cookies(cookies[user] if user else [])
                yield Visitor(context.new_page(), faults, visited)

        with somebody(None) as visitor:
            visitor.look("/login/")
            visitor.look("/login/", sign_in_wrongly, "refused")
            visitor.look(f"/join/#{code}", until("Join Acme"), "with a link")
            visitor.look(f"/new-password/#{forgotten}", send("Set password"), "with errors")
            visitor.look("/join/#nothing", until("Join a tenant"), "with a link that is void")
            visitor.look(f"/join/#{code}", send("Create my account and join"), "with errors")
            visitor.look(f"/join/#{code}", sign_in_wrongly, "refused")
        with somebody(engineer) as visitor:
            visitor.look_at_all(tenant)
            visitor.look("/t/acme/", open_menus, "with its menus open")
            visitor.look("/t/acme/vpcs/new/", send_empty, "with errors")
            visitor.look(f"/t/acme/vpcs/{busy[0].pk}/tiers/new/", send_empty, "with errors")
            visitor.look("/t/acme/vpcs/?q=zzz", name="with nothing found")
            visitor.look("/t/acme/activity/?q=zzz", name="with nothing found")
            visitor.look("/t/globex/", name="of who has nothing yet")
            visitor.look("/t/globex/vpcs/", name="of who has nothing yet")
            visitor.look("/t/globex/instances/", name="of who has nothing yet")
            visitor.look("/t/acme/nowhere/")
        with somebody(owner) as visitor:
            for path in ("/t/acme/members/", "/t/acme/tokens/", *of_owner):
                visitor.look(path, name="of an owner")
            visitor.look("/t/acme/members/?q=zzz", name="with nothing found")
            visitor.look("/t/acme/members/new/", send("Create the link"), "with errors")
            visitor.look("/t/acme/members/new/", invite, "with a link")
            visitor.look("/t/acme/tokens/new/", send("Create token"), "with errors")
            visitor.look("/t/acme/tokens/new/", make_token, "with a token")
            visitor.look("/account/password/", send("Change password"), "with errors")
            visitor.look("/account/", open_menus, "with its menus open")
        with somebody(viewer) as visitor:
            visitor.look("/t/acme/members/", name="of a viewer")
            visitor.look("/t/acme/tokens/", name="of who has none")
            for path in ("/t/acme/", "/t/acme/vpcs/new/", *of_viewer):
                visitor.look(path, name="of a viewer")
        with somebody(newcomer) as visitor:
            visitor.look("/", name="of who is in no tenant")
        with somebody(admin) as visitor:
            visitor.look_at_all(platform)
            order = next(path for path in platform if re.fullmatch(r"/platform/direct-connects/[^/]+/", path))
            visitor.look(f"{order}move/?to=rejected")
            visitor.look("/platform/tenants/new/", send_empty, "with errors")
            visitor.look("/platform/people/?q=new", offer_password, "with a link")
        browser.close()

    assert {page.view for page in PAGES} - visited == NO_PAGES
    assert faults == set(), "\n".join(sorted(faults))
