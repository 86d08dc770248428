"""The story of an instance: started in CloudStack, seen in Weft, found by typing and chosen with the keyboard."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from apps.kernel.pickers import PickerField, PickerForm
from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.chromium import needs_chromium
from tests.processes import SANDBOX_ENV
from tests.sandbox.cloudstack.client import Caller
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

REFRESH = """
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.zones.models import Zone
request_refresh(Zone.objects.get(), Kind.CLOUDSTACK_INSTANCE)
"""


class AForm(PickerForm):
    instance = PickerField("instance", "Search name or address")


def started(stack: Stack) -> None:
    """Two instances in a tier of acme's, as its people start them in CloudStack."""
    with stack.api() as api:
        body = {"name": "shop", "zone": api.get("/zones/").json()["results"][0]["name"], "cidr": "10.77.0.0/20"}
        made = api.post("/vpcs/", json=body | {"tiers": [{"name": "web", "cidr": "10.77.0.0/24"}]})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
    keys = (SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"], SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"])
    with httpx.Client(base_url=stack.cloudstack_url, timeout=30) as http:
        root = Caller(http, keys)
        tiers = root.list("listNetworks", listall="true")
        [tier] = [each for each in tiers if each.get("cidr") == "10.77.0.0/24"]
        given = {
            "zoneid": tier["zoneid"],
            "networkids": tier["id"],
            "serviceofferingid": root.list("listServiceOfferings")[0]["id"],
            "templateid": root.list("listTemplates", templatefilter="executable")[0]["id"],
            "account": tier["account"],
            "domainid": tier["domainid"],
        }
        jobs = [root("deployVirtualMachine", name=name, **given)["jobid"] for name in ("lamp-1", "lamp-2")]
        give_up_at = time.monotonic() + 30
        while not all(root("queryAsyncJobResult", jobid=job)["jobstatus"] for job in jobs):
            assert time.monotonic() < give_up_at
            time.sleep(0.2)
    stack.manage("shell", "-c", REFRESH)


def with_a_picker(page: Page) -> None:
    """Puts a form into the list's page, as those have it that lead something to an instance."""
    form = AForm()
    form.offer("instance", url="/t/acme/instances/choices/", search=lambda _words: (), find=lambda _key: None)
    drawn = f'<form id="asks"><label for="id_instance_words">Instance</label>{form["instance"]}</form>'

    def filled(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace('<div id="results">', f'{drawn}<div id="results">', 1)
        )

    page.route(re.compile(r"/t/acme/instances/$"), filled)


def test_an_instance_is_seen_searched_and_chosen(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Instances").click()
    expect(page.get_by_role("heading", name="No instance yet")).to_be_visible()
    started(stack)

    # The open page shows them by itself, and narrows as one types.
    table = page.get_by_role("table", name="Instances")
    expect(table).to_contain_text("lamp-1", timeout=60_000)
    page.get_by_label("Search name or address").fill("lamp-2")
    expect(table).not_to_contain_text("lamp-1")
    page.get_by_label("VPC", exact=True).select_option("shop")
    page.get_by_label("Tier", exact=True).select_option("web")
    expect(table).to_contain_text("lamp-2")
    page.get_by_role("link", name="lamp-2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lamp-2")
    expect(page.get_by_role("table", name="Addresses")).to_contain_text("10.77.0.")
    expect(page.locator("main")).to_contain_text("Running")

    # A form asks for one: typed, found through htmx, chosen with the keyboard alone.
    page = visit("alice", "/t/acme/tokens/")
    with_a_picker(page)
    page.goto("/t/acme/instances/")
    asked = page.get_by_role("combobox", name="Instance", exact=True)
    asked.press_sequentially("lamp")
    offered = page.get_by_role("option", name=re.compile("^lamp-"))
    expect(offered).to_have_count(2)
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    expect(asked).to_have_attribute("aria-expanded", "true")
    asked.press("ArrowDown")
    expect(offered.nth(1)).to_have_attribute("aria-selected", "true")
    expect(asked).to_have_attribute("aria-activedescendant", "id_instance_list-1")
    asked.press("Enter")
    expect(asked).to_have_value("lamp-2")
    expect(asked).to_have_attribute("aria-expanded", "false")
    chosen = page.locator("select[name=instance]")
    assert re.fullmatch("[0-9a-f-]{36}", chosen.input_value())
    # Who types on has chosen nothing any more; Escape closes, and clears.
    asked.press_sequentially("zebra")
    expect(page.get_by_role("option", name="Nothing matches")).to_be_visible()
    assert chosen.input_value() == ""
    asked.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    asked.press("Escape")
    expect(asked).to_have_value("")
    # With the mouse.
    asked.click()
    page.get_by_role("option", name=re.compile("^lamp-1")).click()
    expect(asked).to_have_value("lamp-1")
