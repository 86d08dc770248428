"""The story of an access list: begun with a preset, given to tiers, edited, read from a sheet, asked about, and applied
again after somebody has taken a rule from it in CloudStack."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from apps.cloudstack.wire import JobStatus
from tests.browser.conftest import Visit
from tests.browser.test_axe import AXE, RUN
from tests.browser.test_instances import started
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

#: Reads the lists until what is missing is found, as the sweeps do by themselves.
READ = """
import time
from apps.acls.models import TierAcl
from apps.acls.tasks import compare_all
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.zones.clouds import open_clouds
from apps.zones.models import Zone
give_up_at = time.monotonic() + 30
while not TierAcl.unscoped.filter(is_applied=False).exists():
    assert time.monotonic() < give_up_at
    for kind in (Kind.CLOUDSTACK_NETWORK, Kind.CLOUDSTACK_ACL, Kind.NETRIS_ACL):
        refresh(Zone.objects.get(), kind, open_clouds(Zone.objects.get()))
    compare_all()
"""


def has_no_fault(page: Page) -> None:
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []


def is_done(page: Page) -> None:
    expect(page.locator("main")).to_contain_text("Done.", timeout=60_000)


def taken_in_cloudstack(stack: Stack, port: int) -> None:
    with stack.cloudstack() as cloudstack:
        items = [item for page in cloudstack.acl_item_pages() for item in page if item.startport == port]
        jobs = [cloudstack.delete_acl_item(item.id) for item in items]
        give_up_at = time.monotonic() + 30
        while any((job := cloudstack.job(each)) and job.status is JobStatus.PENDING for each in jobs):
            assert time.monotonic() < give_up_at
            time.sleep(0.2)


def test_a_list_is_written_given_to_tiers_changed_asked_about_and_applied_again(stack: Stack, visit: Visit) -> None:
    started(stack)
    with stack.api() as api:
        vpc = api.get("/vpcs/?name=shop").json()["results"][0]
    tier = vpc["tiers"][0]["id"]

    page = visit("alice", "/t/acme/acls/")
    page.get_by_role("link", name="Create access list").first.click()
    page.get_by_label("VPC").select_option(label="shop")
    page.get_by_label("Name").fill("front")
    page.get_by_label("Ping from everywhere").check()
    has_no_fault(page)
    page.get_by_role("button", name="Create access list").click()
    is_done(page)

    page.goto(f"/t/acme/tiers/{tier}/acl/")
    expect(page.locator("main")).to_contain_text("None. The tier has no rules")
    page.get_by_label("Access list").select_option(label="front")
    page.get_by_role("button", name="Assign").click()
    is_done(page)
    page.goto(f"/t/acme/tiers/{tier}/acl/")
    page.get_by_role("link", name=re.compile("^lamp-1")).click()
    expect(page.get_by_role("table", name="Rules that touch the instance")).to_contain_text("allow tcp 80,443")
    has_no_fault(page)

    # Several rules are one change.
    page.get_by_role("link", name="front").first.click()
    page.get_by_role("link", name="Edit rules").click()
    page.get_by_role("button", name="Insert above rule 1").click()
    expect(page.get_by_label("Ports of rule 3")).to_be_visible()
    page.get_by_label("Action of rule 1").select_option("deny")
    page.get_by_label("Ports of rule 1").fill("80")
    page.get_by_label("CIDRs of rule 1").fill("192.0.2.0/24")
    page.get_by_role("button", name="Insert below rule 1").click()
    expect(page.get_by_label("Ports of rule 4")).to_be_visible()
    page.get_by_label("Ports of rule 2").fill("22,8000-8010")
    page.get_by_label("CIDRs of rule 2").fill("198.51.100.0/25")
    page.get_by_role("button", name="Review").last.click()
    differs = page.get_by_role("table", name="What differs")
    expect(differs).to_contain_text("deny tcp 80 from 192.0.2.0/24")
    expect(differs).to_contain_text("allow tcp 22,8000-8010 from 198.51.100.0/25")
    has_no_fault(page)
    page.get_by_role("button", name="Apply", exact=True).click()
    is_done(page)

    page.goto("/t/acme/acls/")
    expect(page.get_by_role("row", name=re.compile("front"))).to_contain_text("Applied")
    page.get_by_role("link", name="front").click()
    expect(page.get_by_role("table", name="Rules as written").get_by_role("row").nth(1)).to_contain_text("deny tcp 80")

    # A packet, in both orders.
    page.get_by_role("textbox", name=re.compile("^Port")).fill("8005")
    page.get_by_label("Address at the other end").fill("198.51.100.7")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Would this packet pass?")).to_contain_text("It passes, by rule 2")
    has_no_fault(page)

    # A sheet that is wrong in two lines, then right.
    page.get_by_role("link", name="Import").click()
    sheet = page.get_by_label("Rules as CSV")
    right = sheet.input_value()
    sheet.fill("action,direction,protocol,ports,cidrs\nallow,ingress,tcp,99999,10.0.0.0/8\nmaybe,ingress,tcp,1,::/0\n")
    page.get_by_role("button", name="Show what differs").click()
    expect(page.locator("main")).to_contain_text("Line 2, ports")
    expect(page.locator("main")).to_contain_text("Line 3, action")
    has_no_fault(page)
    sheet.fill(right + "allow,ingress,udp,53,10.0.0.0/8,DNS,\n")
    page.get_by_role("button", name="Show what differs").click()
    expect(page.get_by_role("table", name="What differs")).to_contain_text("allow udp 53 from 10.0.0.0/8")

    # Somebody else is faster.
    [acl] = re.findall("/acls/([0-9a-f-]{36})/", page.url)
    with stack.api() as api:
        rules = api.get(f"/acls/{acl}/rules/").json()["rules"]
        faster = api.put(f"/acls/{acl}/rules/", json={"rules": [{**rules[0], "ports": "81"}, *rules[1:]]})
        assert stack.settled(faster.json())["phase"] == "succeeded", faster.text
    page.get_by_role("button", name="Apply", exact=True).click()
    since = page.get_by_role("table", name="What was changed since you read it")
    expect(since).to_contain_text("deny tcp 81 from 192.0.2.0/24")
    expect(page.get_by_role("table", name="What differs")).to_contain_text("allow udp 53 from 10.0.0.0/8")
    has_no_fault(page)

    # A new tier is made with it.
    page.goto(f"/t/acme/vpcs/{vpc['id']}/tiers/new/")
    page.get_by_label("Name").fill("back")
    page.get_by_label("Access list").select_option(label="front")
    has_no_fault(page)
    page.get_by_role("button", name="Create tier").click()
    is_done(page)
    page.goto("/t/acme/acls/")
    expect(page.get_by_role("row", name=re.compile("front"))).to_contain_text("back, web")

    # Somebody takes a rule from it in CloudStack.
    taken_in_cloudstack(stack, 443)
    stack.manage("shell", "-c", READ)
    page.goto(f"/t/acme/tiers/{tier}/acl/")
    expect(page.locator("main")).to_contain_text("Not applied")
    page.get_by_role("button", name="Apply again").click()
    is_done(page)
    page.goto(f"/t/acme/tiers/{tier}/acl/")
    expect(page.locator("main")).to_contain_text("Applied")
    expect(page.locator("main")).not_to_contain_text("Not applied")
