"""The map of the fabric in the hands of an admin: overlays, keys, size, and what it says while something is wrong."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

WIDTHS = (390, 1440, 1920)
#: As if the lists had been read an hour earlier.
AN_HOUR_PASSES = """
from datetime import timedelta
from django.db.models import F
from apps.mirror.models import Reading
Reading.objects.filter(kind__startswith="netris.").update(read_at=F("read_at") - timedelta(hours=1))
"""


def on_the_map(page: Page, name: str) -> Locator:
    return page.locator("#fabric-map [data-device]").filter(has_text=re.compile(rf"^{name}\b"))


def shown(page: Page) -> Page:
    expect(page.locator("#fabric-map [data-device]")).to_have_count(15, timeout=60_000)
    return page


@pytest.mark.parametrize("width", WIDTHS)
def test_overlays_change_in_their_place_and_the_address_keeps_them(visit: Visit, width: int) -> None:
    page = shown(visit("admin", "/fabric/topology/", viewport={"width": width, "height": 900}))
    page.get_by_role("navigation", name="Overlay").get_by_role("link", name="BGP").click()
    expect(page).to_have_url(re.compile("overlay=bgp"))
    expect(on_the_map(page, "ISP-1")).to_contain_text("6 of 6 sessions", timeout=60_000)
    page.get_by_role("navigation", name="Overlay").get_by_role("link", name="VNI").click()
    page.get_by_label("VNI", exact=True).fill("4242")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#fabric-overlay")).to_contain_text("No network has VNI 4242 now.")
    expect(page).to_have_url(re.compile("overlay=vni&vni=4242"))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    page.go_back()
    expect(page).to_have_url(re.compile("overlay=vni$"))
    page.get_by_role("link", name="Table").click()
    expect(page.get_by_role("table", name="Devices")).to_contain_text("SoftGate-4")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []


def test_the_map_is_walked_through_with_the_keys_and_made_larger(stack: Stack, visit: Visit) -> None:
    page = shown(visit("admin", "/fabric/topology/", viewport={"width": 1440, "height": 900}))
    focused = page.locator("#fabric-map [data-device]:has(:focus)")
    on_the_map(page, "ISP-1").locator("a").focus()
    page.keyboard.press("ArrowRight")
    expect(focused).to_contain_text("ISP-2")
    page.keyboard.press("ArrowDown")  # along a cable or a session, and not to the spine that stands nearest
    expect(focused).to_contain_text(re.compile("Leaf-|SoftGate-"))
    page.keyboard.press("ArrowUp")
    expect(focused).to_contain_text(re.compile("Spine-|ISP-"))

    svg = page.locator("#fabric-map svg")
    before = svg.bounding_box()
    page.keyboard.press("+")
    page.get_by_role("button", name="Larger").click()
    larger = svg.bounding_box()
    assert before and larger
    assert larger["width"] == pytest.approx(before["width"] * 1.25**2, rel=0.01)
    page.get_by_role("button", name="Fit").click()
    frame, fitted = page.locator(".topology-frame").bounding_box(), svg.bounding_box()
    assert frame and fitted
    assert fitted["width"] == pytest.approx(frame["width"], abs=2)
    page.get_by_role("button", name="100 %").click()
    again = svg.bounding_box()
    assert again and again["width"] == pytest.approx(before["width"], abs=1)

    # What the pages of devices show is written down after the sweeps, a little later than the map is drawn.
    with stack.api("admin") as api:
        while not any(row["name"] == "Leaf-1" for row in api.get("/fabric/devices/").json()["results"]):
            page.wait_for_timeout(500)
    on_the_map(page, "Leaf-1").locator("a").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Leaf-1", timeout=60_000)


@pytest.mark.timeout(300)
def test_a_cable_in_the_wrong_port_is_told_on_the_open_map(stack: Stack, visit: Visit) -> None:
    page = shown(visit("admin", "/fabric/topology/"))
    with stack.netris() as netris:
        [port] = [each for each in netris.ports() if each.name == "swp31@Leaf-1"]
    order = f"{stack.netris_url}/_sandbox/change"

    def plug(into: str) -> None:
        httpx.post(order, json={"table": "port", "id": port.id, "fields": {"neighbour": into}}).raise_for_status()

    notice = page.locator("#fabric-notices .callout")
    plug("swp1@Spine-2")
    try:
        expect(notice).to_contain_text("A cable is in the wrong port", timeout=90_000)
        expect(notice).to_contain_text("swp31@Leaf-1 is wired to swp1@Spine-2 instead of swp1@Spine-1")
        expect(page.locator("#fabric-map .topo-link--warning")).to_have_count(1)
    finally:
        plug("swp1@Spine-1")
    expect(notice).to_have_count(0, timeout=90_000)
    expect(page.locator("#fabric-map .topo-link--warning")).to_have_count(0)


@pytest.mark.timeout(300)
def test_netris_is_unreachable_for_an_hour_and_the_map_stays_up_and_is_not_green(stack: Stack, visit: Visit) -> None:
    page = shown(visit("admin", "/fabric/topology/"))
    expect(page.locator("#fabric-map .topo-status.tone-sage:visible").first).to_be_visible(timeout=60_000)
    stack.fault("netris", kind="down")
    try:
        expect(page.locator("#fabric-notices")).to_contain_text("Netris does not answer", timeout=60_000)
        stack.manage("shell", "-c", AN_HOUR_PASSES)
        expect(page.locator("#fabric-tallies")).to_contain_text("1 h ago, stale", timeout=60_000)
        expect(page.locator("#fabric-map .topo-device--stale")).to_have_count(15)
        expect(page.locator("main :is(.tone-sage, .tone-sage *):visible:not(.legend *)")).to_have_count(0)
        for path in ("/fabric/topology/", "/fabric/topology/table/"):
            answer = page.goto(path)
            assert answer and answer.ok
            expect(page.locator("main")).to_contain_text("Leaf-1")
            expect(page.locator("main :is(.tone-sage, .tone-sage *):visible:not(.legend *)")).to_have_count(0)
        page.goto("/fabric/topology/")
    finally:
        stack.clear_faults()
    expect(page.locator("#fabric-map .topo-status.tone-sage:visible").first).to_be_visible(timeout=90_000)
    expect(page.locator("#fabric-notices")).not_to_contain_text("Netris does not answer", timeout=60_000)
