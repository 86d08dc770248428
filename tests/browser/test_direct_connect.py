"""Two people and a router: a tenant orders a connection, an admin brings it on its way, and traffic can pass."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_acls import has_no_fault, is_done
from tests.browser.test_fault_stories import eventually
from tests.browser.test_portal import press
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
    pytest.mark.timeout(600),
]

PORT = "swp7@Leaf-1"
#: Nothing fades in while its colours are looked at.
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
#: In milliseconds: lists are read at most once a minute, and so does beat look for what goes on by them.
READ = 120_000
READ_NOW = """
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.zones.models import Zone
request_refresh(Zone.objects.get(), Kind.NETRIS_PORT, Kind.NETRIS_VNET, Kind.NETRIS_SESSION)
"""


@pytest.fixture(scope="module")
def vpc(stack: Stack) -> str:
    """The id of a VPC of the tenant, with a tier."""
    with stack.api("acme") as api:
        body = {"name": "shop", "zone": api.get("/zones/").json()["results"][0]["name"], "cidr": "10.77.0.0/20"}
        made = api.post("/vpcs/", json=body | {"tiers": [{"name": "web", "cidr": "10.77.0.0/24"}]})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
        return str(api.get("/vpcs/?name=shop").json()["results"][0]["id"])


def opened(admin: Page) -> None:
    """A location with a port that nobody has yet."""
    admin.get_by_label("Name", exact=True).fill("Lyon 1")
    admin.get_by_label("Room").fill("MMR 3")
    admin.get_by_label("Address").fill("1 rue de la Part-Dieu, Lyon")
    admin.get_by_label("Speed in Mbit/s").first.fill("10000")
    admin.get_by_label("Price").first.fill("on request")
    has_no_fault(admin)
    press(admin, "Create location")
    press(admin, "Add a port")
    admin.get_by_role("combobox", name=re.compile("^Port")).press_sequentially(PORT)
    admin.get_by_role("option", name=re.compile(f"^{PORT}")).click()
    admin.get_by_label("Speed in Mbit/s").fill("10000")
    has_no_fault(admin)
    press(admin, "Add port")
    expect(admin.get_by_role("table", name="Ports")).to_contain_text(PORT)
    has_no_fault(admin)


def router(stack: Stack, row: dict[str, Any], key: str, **facts: Any) -> None:
    """The tenant's, as the portal tells to set it up."""
    length = row["addresses"]["local"].partition("/")[2]
    side = {"port": PORT, "vlan": row["vlan"], "address": f"{row['addresses']['remote']}/{length}"}
    side |= {"asn": row["peer_asn"], "password": key, "announces": ["192.168.7.0/24"]}
    httpx.post(f"{stack.netris_url}/_sandbox/routers", json=side | facts).raise_for_status()
    stack.manage("shell", "-c", READ_NOW)


def test_from_the_order_to_traffic_and_to_its_end(stack: Stack, visit: Visit, vpc: str) -> None:
    with stack.api("admin") as api:
        eventually(lambda: api.get(f"/fabric/ports/?q={PORT}").json()["results"])
    admin = visit("admin", "/platform/locations/new/", **STILL)
    opened(admin)

    tenant = visit("alice", "/t/acme/direct-connects/", **STILL)
    press(tenant, "Order a connection")
    tenant.get_by_label("Name", exact=True).fill("lyon-a")
    expect(tenant.locator("#offered")).to_contain_text("1 rue de la Part-Dieu")
    has_no_fault(tenant)
    press(tenant, "Submit order")
    way = tenant.get_by_role("region", name="The way of this order")
    expect(way).to_contain_text("Submitted")
    has_no_fault(tenant)

    admin.goto("/platform/approvals/")
    waiting = admin.get_by_role("row", name=re.compile("lyon-a"))
    expect(waiting).to_contain_text("10 Gbit/s, dedicated, at Lyon 1")
    has_no_fault(admin)
    waiting.get_by_role("button", name=re.compile("^Approve")).click()
    expect(admin.locator("main")).to_contain_text("Nothing waits")

    # The tenant's page follows by itself.
    expect(way).to_contain_text("Port reserved", timeout=60_000)
    expect(tenant.get_by_role("region", name="Connection")).to_contain_text(PORT)
    admin.goto("/platform/direct-connects/")
    admin.get_by_role("link", name="lyon-a", exact=True).click()
    has_no_fault(admin)
    press(admin, "Issue LOA")
    admin.get_by_label("Number of the LOA").fill("LYN-7")
    has_no_fault(admin)
    press(admin, "Issue LOA")
    expect(admin.locator("main")).to_contain_text("LYN-7")
    letter = tenant.get_by_role("region", name="Letter of authorization")
    expect(letter).to_contain_text("LYN-7", timeout=60_000)
    with tenant.expect_download() as download:
        letter.get_by_role("link", name="Download the LOA").click()
    assert download.value.suggested_filename == "LYN-7.pdf"
    tenant.get_by_label("Your carrier's reference").fill("XC-4711")
    press(tenant, "Report the cross-connect")
    expect(way).to_contain_text("XC-4711")

    page = visit("alice", tenant.url.replace(stack.url, ""), **STILL)
    press(page, "Create interface")
    page.get_by_label("ASN of your router").fill("65010")
    page.get_by_label("Announced to your router").fill("10.77.0.0/20")
    page.get_by_label("Accepted from your router").fill("192.168.0.0/16")
    has_no_fault(page)
    page.get_by_label("Prefix limit").fill("0")
    press(page, "Create virtual interface")
    expect(page.locator("main")).to_contain_text("from 1 to 1000")
    expect(page.get_by_label("Accepted from your router")).to_have_value("192.168.0.0/16")
    page.get_by_label("Prefix limit").fill("20")
    press(page, "Create virtual interface")
    is_done(page)
    with stack.api("acme") as api:
        connection = api.get("/direct-connects/?q=lyon-a").json()["results"][0]["id"]
        [row] = api.get(f"/direct-connects/{connection}/interfaces/").json()["results"]
    interface = f"/t/acme/direct-connects/{connection}/interfaces/{row['id']}/"
    page.goto(interface)
    expect(page.get_by_role("region", name="Virtual interface")).to_contain_text("Ready")
    has_no_fault(page)

    press(page, "Show key once")
    expect(page.locator("main")).to_contain_text("Have your router at hand")
    has_no_fault(page)
    press(page, "Show key once")
    expect(page.locator("main")).to_contain_text("You see it only now")
    key = page.locator("main .copyable, main .mono").first.inner_text().strip()
    page.goto(interface)
    expect(page.get_by_role("region", name="MD5 key")).to_contain_text("shown")
    expect(page.locator("body")).not_to_contain_text(key)
    expect(page.get_by_role("region", name="Configuration of your router")).to_contain_text("router bgp 65010")

    router(stack, row, "not-the-key-of-it")
    layers = page.get_by_role("table", name="Checks, from the cable up")
    expect(layers).to_contain_text("The port sees the other side.", timeout=READ)
    expect(layers).to_contain_text("The MD5 key differs", timeout=READ)
    has_no_fault(page)
    router(stack, row, key)
    expect(layers).to_contain_text("1 of at most 20 prefixes are taken. 1 tier is announced.", timeout=READ)
    has_no_fault(page)

    expect(way).to_contain_text("Prefixes accepted", timeout=READ)
    press(tenant, "Take into service")
    expect(tenant.locator("main")).to_contain_text("It is in service.")
    has_no_fault(tenant)

    press(page, "Test fail-over")
    page.get_by_label("Minutes").fill("5")
    has_no_fault(page)
    press(page, "Take the session down")
    is_done(page)
    page.goto(interface)
    expect(page.locator("main")).to_contain_text("A test of fail-over runs")
    has_no_fault(page)
    page.get_by_role("button", name="End the test now").click()
    is_done(page)
    page.goto(interface)
    stack.manage("shell", "-c", READ_NOW)
    expect(layers).to_contain_text("The session is established", timeout=READ)

    page.goto(f"/t/acme/vpcs/{vpc}/delete/")
    expect(page.locator("main")).to_contain_text("A virtual interface is attached to the VPC.")
    other = visit("gina", interface.replace("/acme/", "/globex/"))
    expect(other.get_by_role("heading", level=1)).to_have_text(re.compile("not found|Nothing", re.IGNORECASE))

    tenant.get_by_role("link", name="Close", exact=True).click()
    expect(tenant.get_by_role("heading", level=1)).to_have_text("Close lyon-a")
    has_no_fault(tenant)
    press(tenant, "Close connection")
    expect(way).to_contain_text("Closed", timeout=READ)
    has_no_fault(tenant)
