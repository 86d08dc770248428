"""No page is wider than its window, however long the words on it are: names, addresses, what a remote has said.

The pages are those of the table in tests/test_access.py, about things in every state whose every text is one word.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, sync_playwright

from apps.mirror.models import Item
from apps.networks.models import Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import ApiToken, AuditEntry, Invitation, Membership, Role, Session, Tenant, User
from apps.zones.models import Zone
from tests import builders
from tests.chromium import launched, needs_chromium
from tests.portal.conftest import WebServer, session_of, valkey, web
from tests.test_pages import PAGES, PARTS, PLATFORM_PAGES, TENANT_PAGES, a_vpc_with_everything, addresses, site

__all__ = ["site", "valkey", "web"]  # fixtures
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("looks"),
    needs_chromium,
]

WIDTHS = (390, 768, 1440, 1920)
NAME, EMAIL, SAID = "W" * 60, f"{'m' * 60}@{'w' * 60}.example", f"org.apache.cloudstack.{'Wm' * 150}Exception"

#: How much too wide the page is and what sticks out furthest, and which tables break. That of the fabric's devices has
#: eight columns of addresses, and may scroll on a tablet.
WIDER = """() => {
    const wide = [...document.querySelectorAll(".table-wrap")].find((one) => one.scrollWidth > one.clientWidth + 1
        && !(one.ariaLabel === "Devices" && innerWidth === 768));
    if (wide) return `table ${wide.ariaLabel}: ${wide.scrollWidth} px in ${wide.clientWidth}`;
    const by = document.documentElement.scrollWidth - innerWidth;
    if (by <= 0) return "";
    const out = [...document.querySelectorAll("body *:not(svg *)")].filter(
        (one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".table-wrap, .topology-frame"));
    const last = out.at(-1);
    return `${by} px: ${last ? `${last.tagName} .${last.className} ${last.textContent.trim().slice(0, 30)}` : "?"}`;
}"""
FORM = "main form[method=post]:has(input[type=text], textarea)"
#: Sends a form off with words without an end in all its fields.
SEND = """(form) => {
    for (const field of form.querySelectorAll("input[type=text], textarea")) field.value = "W".repeat(300);
    form.submit();
}"""


@pytest.fixture
def wordy(acme: Tenant, globex: Tenant, site: Zone, engineer: User, admin: User) -> list[Vpc]:
    """VPCs in every state, with long words wherever there is a text."""
    for number, tenant in enumerate((acme, globex)):
        Tenant.objects.filter(pk=tenant.pk).update(name=f"{NAME}{number}")
    Zone.objects.filter(pk=site.pk).update(name=f"{NAME}z")
    User.objects.filter(pk=engineer.pk).update(username="W" * 150, email=EMAIL, first_name="W" * 150)
    User.objects.filter(pk=admin.pk).update(username="w" * 150, email=EMAIL)
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    for item in Item.objects.all():
        if "name" in item.data:
            item.data["name"] = f"{item.data['name']}{NAME}"[:63]
            item.save()
    cases = [
        (Status.READY, "succeeded"),
        (Status.BUILDING, "building"),
        (Status.STUCK, "stuck"),
        (Status.DELETED, "rolled_back"),
    ]
    vpcs = []
    for number, (status, phase) in enumerate(cases):
        vpc = a_vpc_with_everything(acme, site, number, status, phase)
        for one in chain([vpc], vpc.tiers.all()):
            one.name = f"{NAME}{one.pk.hex[:3]}"
            one.save()
        vpc.description = "W" * 180
        vpc.save()
        vpcs.append(vpc)
    builders.a_vpc(acme, site, f"{NAME}ov", "10.0.0.0/16", description="w" * 180)
    steps = [
        {"title": NAME, "state": state, "detail": SAID, "started_at": None, "finished_at": None}
        for state in ("done", "failed", "running")
    ]
    Operation.unscoped.update(resource_name=NAME, error=SAID, steps=steps, requested_by="W" * 150)
    Event.unscoped.update(text=SAID)
    AuditEntry.unscoped.update(
        actor="W" * 150, object_name="W" * 150, old={"name": NAME}, new={"description": "W" * 180}
    )
    return vpcs


def cookies_of(user: User, web: WebServer) -> list[Any]:
    cookies = session_of(User.objects.get(pk=user.pk))
    Session.objects.filter(pk__in=cookies.values()).update(expire_date=timezone.now() + timedelta(days=3650))
    return [{"name": name, "value": value, "url": web.url} for name, value in cookies.items()]


def too_wide(page: Page, what: str) -> Iterator[str]:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if wider := page.evaluate(WIDER):
            yield f"{what} at {width}: {wider}"


def walk(context: BrowserContext, paths: list[str]) -> Iterator[str]:
    page = context.new_page()
    for path in paths:
        page.goto(path)
        yield from too_wide(page, path)
        if form := page.query_selector(FORM):
            with page.expect_navigation():
                form.evaluate(SEND)
            yield from too_wide(page, f"{path} sent")


def test_no_page_is_wider_than_its_window(
    wordy: list[Vpc], acme: Tenant, engineer: User, admin: User, web: WebServer, valkey: Any
) -> None:
    nowhere = ["/t/acme/vpcs/" + "W" * 300, "/t/acme/vpcs/?q=" + "W" * 60, "/t/acme/vpcs/?" + "W" * 60 + "=1"]
    tenant = [path for path in addresses(TENANT_PAGES, wordy) if path not in PARTS] + nowhere
    platform = [*addresses(PLATFORM_PAGES, wordy), "/platform/operations/?q=" + "W" * 60]
    ApiToken.unscoped.update(name="W" * 63)
    Invitation.unscoped.update(email=EMAIL, invited_by="W" * 150)
    owner = builders.a_member(acme, Role.OWNER, "o" * 150)
    of_owner = addresses([row for row in PAGES if row.answers.get("owner") == "200"], wordy[:1])
    walks = [([], ["/login/", "/join/"]), (cookies_of(engineer, web), tenant), (cookies_of(admin, web), platform)]
    walks.append((cookies_of(owner, web), ["/t/acme/members/", "/t/acme/tokens/", *of_owner]))

    with sync_playwright() as playwright:  # after all that asks the database, which it keeps from doing so
        browser = launched(playwright)
        found: list[str] = []
        for cookies, paths in walks:
            with browser.new_context(base_url=web.url) as context:
                context.add_cookies(cookies)
                found += walk(context, paths)
        browser.close()

    assert found == [], "\n".join(found)
