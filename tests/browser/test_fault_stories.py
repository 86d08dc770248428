"""What people see while things go wrong around their addresses and forwards, and that all is right in the end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.browser.test_instances import REFRESH, started
from tests.browser.test_portal import id_in
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
#: As if the clock had gone on: all that Weft compares with it is so much longer ago.
TEN_MINUTES_PASS = """
from datetime import timedelta
from django.db.models import F
from apps.operations.models import Operation
from apps.zones.models import Remote
ago = timedelta(minutes=10)
Operation.unscoped.running().update(
    created_at=F("created_at") - ago, started_at=F("started_at") - ago, deadline_at=F("deadline_at") - ago
)
Remote.objects.update(down_since=F("down_since") - ago)
"""


@pytest.fixture(scope="module")
def vpc(stack: Stack) -> str:
    """A VPC with two instances, and one public IP for forwards: its id."""
    started(stack)
    with stack.api() as api:
        found: str = api.get("/vpcs/?name=shop").json()["results"][0]["id"]
        made = api.post("/public-ips/", json={"vpc": found, "name": "front"})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
    return found


@pytest.fixture
def root(stack: Stack) -> Any:
    """Somebody who works in CloudStack itself."""
    keys = (SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"], SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"])
    with httpx.Client(base_url=stack.cloudstack_url, timeout=30) as http:
        yield Caller(http, keys)


def eventually(holds: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 60
    while not (found := holds()):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    return found


def ask_for_forward(page: Page, ports: str) -> None:
    page.goto("/t/acme/port-forwards/")
    page.get_by_role("link", name="Create port forward").first.click()
    page.get_by_role("combobox", name="Instance", exact=True).press_sequentially("lamp-1")
    page.get_by_role("option", name=re.compile("^lamp-1")).click()
    page.get_by_label("Public ports").fill(ports)
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    page.get_by_role("button", name="Create port forward").click()


def test_a_forward_that_was_deleted_behind_our_back_is_found_shown_and_applied_again(
    stack: Stack, visit: Visit, vpc: str, root: Caller
) -> None:
    page = visit("alice", "/t/acme/")
    ask_for_forward(page, "8000-8002")
    expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)

    page.goto("/t/acme/port-forwards/")
    table = page.get_by_role("table", name="Port forwards")
    expect(table).to_contain_text("tcp 8000-8002")
    expect(table).to_contain_text("Ready", timeout=60_000)
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []

    rules = root.list("listPortForwardingRules", listall="true")
    [rule] = [each for each in rules if each["publicport"] == "8001"]
    job = root("deletePortForwardingRule", id=rule["id"])["jobid"]
    eventually(lambda: root("queryAsyncJobResult", jobid=job)["jobstatus"])
    stack.manage("shell", "-c", READ_RULES)
    # The open page shows it by itself.
    expect(table).to_contain_text("Not applied", timeout=60_000)
    table.get_by_role("button", name=re.compile("^Apply again")).click()
    expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)
    page.goto("/t/acme/port-forwards/")
    expect(table).to_contain_text("Ready", timeout=60_000)
    expect(table).not_to_contain_text("Not applied")


def test_the_sources_of_a_forward_become_a_rule_of_a_list_that_the_tier_has(
    stack: Stack, visit: Visit, vpc: str
) -> None:
    page = visit("alice", "/t/acme/port-forwards/new/")
    page.get_by_role("combobox", name="Instance", exact=True).press_sequentially("lamp-1")
    page.get_by_role("option", name=re.compile("^lamp-1")).click()
    page.get_by_label("Public ports").fill("2222")
    page.get_by_label("Private ports").fill("22")
    page.get_by_label("Allowed sources").fill("203.0.113.0/24, 198.51.100.7/32")
    page.get_by_role("button", name="Create port forward").click()
    expect(page.locator("main")).to_contain_text("has no access list, so nothing can limit who comes in")
    expect(page.get_by_label("Public ports")).to_have_value("2222")

    with stack.api() as api:
        [tier] = {row["tier"]["id"] for row in api.get(f"/instances/?vpc={vpc}&q=lamp-1").json()["results"]}
        made = stack.settled(api.post("/acls/", json={"vpc": vpc, "name": "inward", "rules": []}).json())
        given = api.patch(f"/tiers/{tier}/", json={"acl": made["resource"]["id"]})
        assert stack.settled(given.json())["phase"] == "succeeded", given.text
        page.get_by_role("button", name="Create port forward").click()
        expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)
        page.goto("/t/acme/port-forwards/?q=lamp-1")
        row = page.get_by_role("row").filter(has_text="tcp 2222")
        row.get_by_role("link", name="198.51.100.7/32, 203.0.113.0/24").click()
        expect(page.locator("main")).to_contain_text("inward")

        # What comes after stands on a tier without a list, as it was found.
        [forward] = api.get("/port-forwards/?q=lamp-1&protocol=tcp").json()["results"][:1]
        assert forward["public_ports"] == "2222"
        for ended in (api.delete(forward["url"]), api.patch(f"/tiers/{tier}/", json={"acl": None})):
            assert stack.settled(ended.json())["phase"] == "succeeded", ended.text


def test_an_address_whose_reply_is_lost_is_found_again_and_no_second_one_is_taken(
    stack: Stack, visit: Visit, vpc: str, root: Caller
) -> None:
    def taken() -> set[str]:
        addresses = root.list("listPublicIpAddresses", listall="true", allocatedonly="true", forvirtualnetwork="true")
        return {each["ipaddress"] for each in addresses}

    before, calls = taken(), stack.calls()["associateIpAddress"]
    stack.fault("cloudstack", kind="lose_reply", call="associateIpAddress", times=1)
    page = visit("alice", "/t/acme/public-ips/new/")
    page.get_by_label("VPC", exact=True).select_option(value=vpc)
    page.get_by_label("Name").fill("lost and found")
    page.get_by_role("button", name="Acquire public IP").click()
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=60_000)

    page.goto("/t/acme/public-ips/?q=lost")
    rows = page.get_by_role("table", name="Public IPs").get_by_role("row")
    expect(rows).to_have_count(2)
    [address] = taken() - before
    expect(rows.nth(1)).to_contain_text(address)
    expect(rows.nth(1)).to_contain_text("Ready", timeout=60_000)
    assert stack.calls()["associateIpAddress"] == calls + 1


def test_a_session_that_ends_under_a_forward_is_told_and_what_waited_is_right_in_the_end(
    stack: Stack, visit: Visit, vpc: str
) -> None:
    httpx.post(f"{stack.netris_url}/_sandbox/sessions/end").raise_for_status()
    page = visit("alice", "/t/acme/")
    ask_for_forward(page, "9000-9001")
    # One order that fails closes nothing: it is tried again, and says so.
    expect(page.locator("main")).to_contain_text("It is tried again by itself.", timeout=60_000)
    expect(page.locator("#operation-badge")).not_to_have_text("Succeeded")
    listed = visit("erin", "/t/acme/port-forwards/")
    table = listed.get_by_role("table", name="Port forwards")
    expect(table.get_by_role("row").filter(has_text="9000-9001")).to_contain_text("Building")

    httpx.post(f"{stack.cloudstack_url}/_sandbox/reconnect").raise_for_status()
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=90_000)
    expect(table.get_by_role("row").filter(has_text="9000-9001")).to_contain_text("Ready", timeout=90_000)
    with stack.netris() as netris:
        ports = {str(rule.destination_port) for rule in netris.all_nat_rules()}
    assert {"9000", "9001"} <= ports


def test_twenty_changes_asked_for_while_cloudstack_is_down_are_done_in_that_order_when_it_is_back(
    stack: Stack, visit: Visit, vpc: str
) -> None:
    with stack.api() as api:
        instance = api.get("/instances/?q=lamp-2").json()["results"][0]["id"]
        front = api.get("/public-ips/?q=front").json()["results"][0]["id"]
    page = visit("alice", "/t/acme/public-ips/new/")
    stack.fault("cloudstack", kind="down")
    try:
        # The first one by hand, the others by a script.
        page.get_by_label("VPC", exact=True).select_option(value=vpc)
        page.get_by_label("Name").fill("asked 0")
        page.get_by_role("button", name="Acquire public IP").click()
        expect(page.locator("#operation-badge")).to_be_visible()
        asked = [id_in(page)]
        bodies = {
            "public-ips": {"vpc": vpc},
            "port-forwards": {"public_ip": front, "instance": instance, "protocol": "tcp"},
            "acls": {"vpc": vpc, "rules": []},
        }
        with stack.api() as api:
            for number in range(1, 20):
                path = ("public-ips", "port-forwards", "acls", "acls", "acls", "acls")[number % 6]
                named = {"public_ports": str(9100 + number)} if path == "port-forwards" else {"name": f"asked {number}"}
                answer = api.post(f"/{path}/", json=bodies[path] | named)
                assert answer.status_code == 202, answer.text
                asked.append(answer.json()["id"])
        stack.manage("shell", "-c", TEN_MINUTES_PASS)
        expect(page.locator("main")).to_contain_text("It goes on by itself.", timeout=60_000)
        last = visit("alice", f"/t/acme/operations/{asked[-1]}/")
        expect(last.locator("main")).to_contain_text("is done one after the other, in that order")
    finally:
        stack.clear_faults()
    expect(last.locator("#operation-badge")).to_have_text("Succeeded", timeout=120_000)
    with stack.api() as api:
        done = [api.get(f"/operations/{each}/").json() for each in asked]
    assert {each["phase"] for each in done} == {"succeeded"}
    finished = [each["finished_at"] for each in done]
    assert finished == sorted(finished)
