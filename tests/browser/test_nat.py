"""The story of a port forward: made with a form, deleted in CloudStack behind our back, found, shown, applied again."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.browser.test_instances import REFRESH, started
from tests.chromium import needs_chromium
from tests.processes import SANDBOX_ENV
from tests.sandbox.cloudstack.client import Caller
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

READ_RULES = REFRESH.replace("CLOUDSTACK_INSTANCE", "NETRIS_NAT")


def deleted_in_cloudstack(stack: Stack, port: int) -> None:
    keys = (SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"], SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"])
    with httpx.Client(base_url=stack.cloudstack_url, timeout=30) as http:
        root = Caller(http, keys)
        rules = root.list("listPortForwardingRules", listall="true")
        [rule] = [each for each in rules if each["publicport"] == str(port)]
        job = root("deletePortForwardingRule", id=rule["id"])["jobid"]
        give_up_at = time.monotonic() + 30
        while not root("queryAsyncJobResult", jobid=job)["jobstatus"]:
            assert time.monotonic() < give_up_at
            time.sleep(0.2)


def test_a_forward_that_was_deleted_behind_our_back_is_found_shown_and_applied_again(
    stack: Stack, visit: Visit
) -> None:
    started(stack)
    with stack.api() as api:
        vpc = api.get("/vpcs/?name=shop").json()["results"][0]["id"]
        assert stack.settled(api.post("/public-ips/", json={"vpc": vpc}).json())["phase"] == "succeeded"

    page = visit("alice", "/t/acme/port-forwards/")
    page.get_by_role("link", name="Create port forward").first.click()
    page.get_by_role("combobox", name="Instance", exact=True).press_sequentially("lamp-1")
    page.get_by_role("option", name=re.compile("^lamp-1")).click()
    page.get_by_label("Public ports").fill("8000-8002")
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    page.get_by_role("button", name="Create port forward").click()
    expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)

    page.goto("/t/acme/port-forwards/")
    table = page.get_by_role("table", name="Port forwards")
    expect(table).to_contain_text("tcp 8000-8002")
    expect(table).to_contain_text("Ready", timeout=60_000)
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []

    deleted_in_cloudstack(stack, 8001)
    stack.manage("shell", "-c", READ_RULES)
    # The open page shows it by itself.
    expect(table).to_contain_text("Not applied", timeout=60_000)
    table.get_by_role("button", name=re.compile("^Apply again")).click()
    expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)
    page.goto("/t/acme/port-forwards/")
    expect(table).to_contain_text("Ready", timeout=60_000)
    expect(table).not_to_contain_text("Not applied")
