"""What people see of load balancers: made, watched, broken and mended; and the list that keeps everybody out."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_acls import has_no_fault, is_done
from tests.browser.test_fault_stories import eventually, root
from tests.browser.test_instances import started
from tests.chromium import needs_chromium
from tests.sandbox.cloudstack.client import Caller
from tests.stack import Stack

__all__ = ["root"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

#: In milliseconds: from when a member breaks until an open page says so.
SOON = 15_000
#: A SoftGate that nobody has heard for 45 s is silent; readings are too old after some time without another.
SILENT, AWAY = 90_000, 90_000
#: As if Netris had been away for ten minutes by now.
TEN_MINUTES_PASS = """
from datetime import timedelta
from django.db.models import F
from apps.mirror.models import Item, Reading
ago = timedelta(minutes=10)
Reading.objects.filter(kind__startswith="netris").update(read_at=F("read_at") - ago)
Item.objects.filter(kind__startswith="netris").update(read_at=F("read_at") - ago)
"""


@pytest.fixture(scope="module")
def vpc(stack: Stack) -> str:
    """A VPC with two instances, and a public IP for load balancers: its id."""
    started(stack)
    with stack.api() as api:
        found: str = api.get("/vpcs/?name=shop").json()["results"][0]["id"]
        made = api.post("/public-ips/", json={"vpc": found, "name": "front"})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
    return found


def tell(stack: Stack, instance: str, port: int, does: str) -> None:
    order = {"instance": instance, "port": port, "does": does}
    httpx.post(f"{stack.cloudstack_url}/_sandbox/manners", json=order).raise_for_status()


def cells(page: Page, member: str) -> Locator:
    """What the SoftGates find at a member."""
    table = page.get_by_role("table", name="Members, and what each SoftGate finds")
    return table.get_by_role("row", name=re.compile(f"^{member}"))


def made(stack: Stack, vpc: str, port: int, **more: Any) -> dict[str, Any]:
    """One with a TCP check for both instances, by REST."""
    with stack.api() as api:
        ids = [each["id"] for each in api.get(f"/instances/?vpc={vpc}").json()["results"]]
        [ip] = api.get("/public-ips/?q=front").json()["results"]
        body = {"vpc": vpc, "public_ip": ip["id"], "name": f"at-{port}", "protocol": "tcp", "port": port}
        body |= {"members": [{"instance": each} for each in ids], "health_check": {"type": "tcp"}} | more
        answer = api.post("/load-balancers/", json=body)
        assert stack.settled(answer.json())["phase"] == "succeeded", answer.text
        found: dict[str, Any] = api.get(f"/load-balancers/?q=at-{port}").json()["results"][0]
    return found


def test_one_is_made_breaks_is_drained_mended_and_put_back(stack: Stack, visit: Visit, vpc: str) -> None:
    page = visit("alice", "/t/acme/load-balancers/")
    page.get_by_role("link", name="Create load balancer").first.click()
    page.get_by_label("Name").fill("store")
    page.get_by_label("Port", exact=True).fill("443")
    page.get_by_label("Members' port").fill("8443")
    page.get_by_label("Tier").select_option(label="web in shop")
    find = page.get_by_role("searchbox", name="Find instances")
    find.fill("lamp-2")
    expect(page.get_by_role("checkbox", name=re.compile("^lamp-1,"))).to_have_count(0)
    page.get_by_role("checkbox", name=re.compile("^lamp-2,")).check()
    find.fill("lamp")
    page.get_by_role("checkbox", name=re.compile("^lamp-1,")).check()
    expect(page.get_by_role("checkbox", name=re.compile("^lamp-2,"))).to_be_checked()
    find.press("Enter")  # looks, and sends nothing off
    page.get_by_label("Allowed sources").fill("192.0.2.0/24")
    page.get_by_label("Health check").select_option("http")
    page.get_by_label("Path").fill("/up")
    has_no_fault(page)
    page.get_by_role("button", name="Create load balancer").last.click()
    is_done(page)

    page.goto("/t/acme/load-balancers/")
    page.get_by_role("link", name="store", exact=True).first.click()
    working = page.get_by_role("region", name="Working?")
    expect(working).to_contain_text("Every member answers every SoftGate.", timeout=60_000)
    expect(page.get_by_role("region", name="Configured?")).to_contain_text("as it is meant")
    has_no_fault(page)

    began = time.monotonic()
    tell(stack, "lamp-2", 8443, "refuse")
    broken = cells(page, "lamp-2")
    expect(broken).to_contain_text("Down", timeout=SOON)
    assert time.monotonic() - began < SOON / 1000
    expect(cells(page, "lamp-1")).not_to_contain_text("Down")
    said = re.compile(
        "SoftGate-1 and SoftGate-2 get “.*refused.*” from lamp-2; the instance runs, .*: look at the service"
    )
    expect(working).to_contain_text(said)
    has_no_fault(page)
    overview = visit("alice", "/t/acme/load-balancers/")
    expect(overview.get_by_role("row", name=re.compile("^store"))).to_contain_text("look at the service")
    has_no_fault(overview)

    page.get_by_role("button", name="Drain lamp-2").click()
    expect(cells(page, "lamp-2")).to_contain_text("Drained", timeout=60_000)
    expect(working).to_contain_text("Every member answers every SoftGate.", timeout=60_000)
    tell(stack, "lamp-2", 8443, "well")
    page.get_by_role("button", name="Put back lamp-2").click()
    expect(cells(page, "lamp-2")).to_contain_text("Healthy", timeout=60_000)
    expect(working).to_contain_text("Every member answers every SoftGate.", timeout=60_000)

    page.get_by_role("link", name="Remove lamp-2").click()
    expect(page.locator("main")).to_contain_text("with 1 member in rotation")
    has_no_fault(page)
    page.get_by_role("button", name="Remove member").click()
    is_done(page)
    page.goto("/t/acme/load-balancers/")
    page.get_by_role("link", name="store", exact=True).first.click()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("main")).to_contain_text("TCP 443")
    page.get_by_role("button", name="Delete load balancer").click()
    is_done(page)


def test_a_softgate_that_dies_greys_its_column_and_nothing_stays_green_while_netris_is_away(
    stack: Stack, visit: Visit, vpc: str
) -> None:
    one = made(stack, vpc, 8001)
    page = visit("alice", f"/t/acme/load-balancers/{one['id']}/")
    row = cells(page, "lamp-1")
    expect(row.get_by_role("cell").nth(0)).to_contain_text("Healthy", timeout=60_000)
    expect(row.get_by_role("cell").nth(1)).to_contain_text("Healthy")
    order = f"{stack.netris_url}/_sandbox/devices/SoftGate-1"
    httpx.post(f"{order}/kill").raise_for_status()
    try:
        expect(row.get_by_role("cell").nth(0)).to_contain_text("SoftGate-1 is silent", timeout=SILENT)
        expect(row.get_by_role("cell").nth(1)).to_contain_text("Healthy")
        expect(page.get_by_role("region", name="Working?")).to_contain_text("Not every probe is known")
        has_no_fault(page)
    finally:
        httpx.post(f"{order}/revive").raise_for_status()
    expect(row.get_by_role("cell").nth(0)).to_contain_text("Healthy", timeout=AWAY)

    stack.fault("netris", kind="down")
    try:
        stack.manage("shell", "-c", TEN_MINUTES_PASS)
        expect(row).to_contain_text("Stale", timeout=AWAY)
        for what in ("Configured?", "Working?"):
            expect(page.get_by_role("region", name=what)).to_contain_text(re.compile(r"1\d minutes old"))
        expect(page.locator("main")).not_to_contain_text("Healthy")
        overview = visit("alice", "/t/acme/load-balancers/")
        expect(overview.get_by_role("row", name=re.compile("^at-8001"))).not_to_contain_text("Healthy")
    finally:
        stack.clear_faults()
    expect(row).to_contain_text("Healthy", timeout=AWAY)


def test_a_member_added_in_cloudstack_resets_the_check_which_is_put_back_and_told(
    stack: Stack, visit: Visit, vpc: str, root: Caller
) -> None:
    one = made(stack, vpc, 8002)
    _, second = one["members"]
    with stack.api() as api:
        answer = api.delete(f"/load-balancers/{one['id']}/members/{second['id']}/")
        assert stack.settled(answer.json())["phase"] == "succeeded", answer.text
    page = visit("alice", f"/t/acme/load-balancers/{one['id']}/")
    working = page.get_by_role("region", name="Working?")
    expect(working).to_contain_text("Every member answers", timeout=60_000)

    rules = root.list("listLoadBalancerRules", listall="true")
    [rule] = [each for each in rules if each["publicport"] == "8002"]
    job = root("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=second["instance"]["id"])["jobid"]
    eventually(lambda: root("queryAsyncJobResult", jobid=job)["jobstatus"])

    activity = page.get_by_role("region", name="Activity")
    expect(activity).to_contain_text("Weft, as CloudStack had reset it", timeout=60_000)
    expect(working).to_contain_text("Every member answers", timeout=60_000)
    # The member is somebody's in CloudStack: it is left alone, and told.
    address = second["address"]
    expect(page.get_by_role("region", name="Configured?")).to_contain_text(f"Netris also sends to {address}:8002.")
    has_no_fault(page)


def test_why_finds_the_list_that_blocks_and_leads_to_it(stack: Stack, visit: Visit, vpc: str) -> None:
    one = made(stack, vpc, 8003)
    with stack.api() as api:
        [tier] = {row["tier"]["id"] for row in api.get(f"/instances/?vpc={vpc}&q=lamp-1").json()["results"]}
        rule = {"action": "deny", "direction": "ingress", "protocol": "tcp", "ports": "8003", "cidrs": ["0.0.0.0/0"]}
        acl = stack.settled(api.post("/acls/", json={"vpc": vpc, "name": "closed", "rules": [rule]}).json())
        given = api.patch(f"/tiers/{tier}/", json={"acl": acl["resource"]["id"]})
        assert stack.settled(given.json())["phase"] == "succeeded", given.text
    page = visit("alice", f"/t/acme/load-balancers/{one['id']}/")
    page.get_by_role("link", name="Why can't it be reached?").click()

    def asked() -> str:
        page.get_by_role("button", name="Find out").click()
        return page.get_by_role("heading", level=2).first.inner_text()

    eventually(lambda: asked() == "Blocked")
    answer = page.get_by_role("region", name=re.compile("Blocked"))
    expect(answer).to_contain_text("closed")
    has_no_fault(page)
    asked_at = page.url
    answer.get_by_role("paragraph").first.get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("closed")
    if not page.get_by_role("link", name="Edit rules").count():
        page.get_by_role("link", name="closed").first.click()
    page.get_by_role("link", name="Edit rules").click()
    page.get_by_label("Action of rule 1").select_option("allow")
    page.get_by_role("button", name="Review").last.click()
    page.get_by_role("button", name="Apply", exact=True).click()
    is_done(page)

    page.goto(asked_at)
    eventually(lambda: asked() == "Reachable")
    has_no_fault(page)
    with stack.api() as api:
        assert stack.settled(api.patch(f"/tiers/{tier}/", json={"acl": None}).json())["phase"] == "succeeded"
