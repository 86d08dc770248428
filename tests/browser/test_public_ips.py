"""The story of a public IP: chosen from the free ones, named, released, and resting while the platform looks on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.chromium import needs_chromium
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
request_refresh(Zone.objects.get(), Kind.CLOUDSTACK_ADDRESS)
"""


def test_an_address_is_acquired_named_and_released(stack: Stack, visit: Visit) -> None:
    with stack.api() as api:
        zone = api.get("/zones/").json()["results"][0]["name"]
        made = api.post("/vpcs/", json={"name": "front", "zone": zone, "cidr": "10.78.0.0/20"})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
    stack.manage("shell", "-c", REFRESH)

    page = visit("alice", "/t/acme/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Public IPs").click()
    expect(page.get_by_role("table", name="Public IPs")).to_contain_text("Source NAT")
    page.get_by_role("link", name="Acquire public IP").first.click()
    page.get_by_label("VPC", exact=True).select_option(label=f"front in {zone}")
    asked = page.get_by_role("combobox", name=re.compile("^Address"))
    asked.press_sequentially("100.7")
    option = page.get_by_role("option", name=re.compile(r"198\.51\.100\.7")).first
    expect(option).to_be_visible(timeout=30_000)
    address = re.search(r"198\.51\.100\.\d+", option.inner_text())
    assert address
    option.click()
    page.get_by_label("Name").fill("shop")
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Acquire public IP").dblclick(delay=60)
    expect(page.locator("main")).to_contain_text("Succeeded", timeout=60_000)
    assert len(sent) == 1

    page.goto("/t/acme/public-ips/?q=shop")
    page.get_by_role("link", name=address[0]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(address[0])
    page.get_by_role("link", name="Release", exact=True).click()
    expect(page.locator("main")).to_contain_text("rests for 24 hours")
    page.get_by_role("button", name="Release it").click()
    expect(page.locator("main")).to_contain_text("Succeeded", timeout=60_000)

    page = visit("admin", "/platform/addresses/")
    expect(page.get_by_role("table", name="Addresses")).to_contain_text(address[0])
    page.get_by_label("Search an address or a range").fill(address[0])
    expect(page.get_by_role("table", name="Addresses")).to_contain_text("front")
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    page.get_by_role("button", name=f"End the rest of {address[0]}").click()
    expect(page.locator("body")).to_contain_text("rests no more")
