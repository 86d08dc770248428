"""What people do about removals that do not end: a tenant tries them again, an admin gives up what will never end."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_portal import id_in, press
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]


@pytest.fixture
def stuck(stack: Stack) -> dict[str, Any]:
    """The removals of two VPCs, which CloudStack refuses until the test says otherwise."""
    found = {}
    with stack.api() as api:
        zone = api.get("/zones/").json()["results"][0]["id"]
        for name in ("old", "older"):
            body = {
                "name": name,
                "zone": zone,
                "cidr": "10.40.0.0/20",
                "tiers": [{"name": "w", "cidr": "10.40.0.0/24"}],
            }
            made = stack.settled(api.post("/vpcs/", json=body).json())
            assert made["phase"] == "succeeded", made
            found[name] = made["resource"]["id"]
        stack.fault("cloudstack", kind="refuse", call="deleteNetwork")
        return {name: stack.settled(api.delete(f"/vpcs/{pk}/").json()) for name, pk in found.items()}


def test_stuck_removals_are_tried_again_together_and_what_will_never_end_is_given_up(
    stack: Stack, visit: Visit, stuck: dict[str, Any]
):
    assert {each["phase"] for each in stuck.values()} == {"stuck"}
    page = visit("erin", f"/t/acme/vpcs/{stuck['old']['resource']['id']}/")
    expect(page.get_by_role("main")).to_contain_text("“Delete VPC old” is stuck. Retry it first;")

    # Together, in vain as long as CloudStack refuses.
    page.goto("/t/acme/activity/?q=OLD")
    press(page, "Retry all 2 stuck")
    expect(page.get_by_role("status")).to_contain_text("Tried again: 2 of 2 stuck operations.")
    for each in stuck.values():
        assert stack.settled(each)["phase"] == "stuck"

    # An admin sees by name what may be left, and gives one of them up.
    admin = visit("admin", f"/platform/operations/{stuck['older']['id']}/")
    press(admin, "Give up")
    left = admin.locator(".goes").first
    expect(left).to_contain_text("the network tier-")
    expect(left).to_contain_text(f"the VPC vpc-{stuck['older']['resource']['id'].replace('-', '')[:12]}")
    expect(left).to_contain_text("10.40.0.0/20 and the source NAT rule of 198.51.100.")
    press(admin, "Give it up")
    expect(admin.locator("#operation-badge")).to_have_text("Given up")
    expect(admin.get_by_role("main")).to_contain_text("May be left: CloudStack: the network tier-")
    assert id_in(admin) == stuck["older"]["id"]

    # The other goes on, once CloudStack lets it.
    stack.clear_faults()
    page.goto(f"/t/acme/operations/{stuck['old']['id']}/")
    expect(page.get_by_role("main")).to_contain_text("The removal is stuck")
    press(page, "Try again")
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=30_000)
    expect(page.get_by_role("main")).not_to_contain_text(": done..")
