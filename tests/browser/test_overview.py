"""What admins see on their first page while somebody works in Netris itself, and when something breaks after that."""

from __future__ import annotations

import httpx
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


def test_a_device_that_was_changed_in_netris_is_told_before_what_broke_after_it(stack: Stack, visit: Visit) -> None:
    page = visit("admin", "/")
    expect(page).to_have_url(f"{stack.url}/fabric/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Fabric")
    main = page.locator("main")
    expect(main).to_contain_text("Ports of the leaves", timeout=120_000)
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []

    with stack.netris() as netris:
        leaf = next(device for device in netris.devices() if device.name == "Leaf-2")
    change = {"table": "hw", "id": leaf.id, "fields": {"description": "swapped the line card"}}
    httpx.post(f"{stack.netris_url}/_sandbox/change", json=change).raise_for_status()
    # The open page tells it by itself.
    line = main.get_by_role("listitem").filter(has_text="Changed in Netris: Leaf-2")
    expect(line).to_contain_text("to swapped the line card. Not by Weft.", timeout=60_000)

    httpx.post(f"{stack.netris_url}/_sandbox/devices/Leaf-1/kill", json={}).raise_for_status()
    expect(main.get_by_role("listitem").filter(has_text="Device silent: Leaf-1")).to_be_visible(timeout=120_000)
    expect(main).to_contain_text("What changed in the hour before")
    expect(line).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []

    line.get_by_role("link").click()
    table = page.get_by_role("table", name="What changed")
    expect(table.get_by_role("row").nth(1)).to_contain_text("Description")
    expect(table).to_contain_text("swapped the line card")
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    httpx.post(f"{stack.netris_url}/_sandbox/devices/Leaf-1/revive", json={}).raise_for_status()
