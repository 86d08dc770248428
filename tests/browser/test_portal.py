"""The portal as people use it: a real browser before web, worker and beat, and both emulated systems.

Tests share one stack and leave it as they found it, or with things in it that are in nobody's way.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

EGRESS = re.compile(r"198\.51\.100\.\d+")
PHONE = {"width": 390, "height": 844}
AT_REST = re.compile("Succeeded|Rolled back|Stuck|Cancelled")


# --- what people do over and over


def fill_in(page: Page, name: str, cidr: str, **tiers: str) -> None:
    """The form of a new VPC, which comes with two tiers."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("CIDR", exact=True).fill(cidr)
    for number, (tier, cidr) in enumerate(tiers.items()):
        page.get_by_label(f"Name of tier {number + 1}").fill(tier)
        page.get_by_label(f"CIDR of tier {number + 1}").fill(cidr)


def press(page: Page, label: str) -> None:
    """A button or a link that looks like one."""
    page.get_by_role("main").locator("a.button, button:not(.visually-hidden)").filter(has_text=label).first.click()


def watch_until_done(page: Page) -> None:
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=30_000)


def refresh_until_done(page: Page) -> None:
    """As the page offers it to who has no JavaScript."""
    for _ in range(100):
        if AT_REST.search(page.locator("#operation-badge").inner_text()):
            break
        page.wait_for_timeout(300)
        page.get_by_role("link", name="Refresh").click()
    expect(page.locator("#operation-badge")).to_have_text("Succeeded")


def without_polling(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace(", every 10s", ""))


def fabric_of(stack: Stack, vpc_id: str) -> tuple[list[str], set[int]]:
    """What Netris has of a VPC: its name in its list, and the VNIs of its V-Nets."""
    with stack.netris() as netris:
        vpcs = [vpc for vpc in netris.vpcs() if vpc.name.endswith(f"-vpc-{vpc_id.replace('-', '')[:12]}")]
        vnets = netris.all_vnets([vpc.id for vpc in vpcs]) if vpcs else []
    return [vpc.name for vpc in vpcs], {vnet.vxlan_id or 0 for vnet in vnets}


def id_in(page: Page) -> str:
    found = re.search(r"[0-9a-f-]{36}", page.url)
    assert found, page.url
    return found[0]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> dict[str, Any]:
    """A VPC of Acme's that is there, for who looks at one. Its names are as long as names may be, without a space."""
    with stack.api() as api:
        zone = api.get("/zones/").json()["results"][0]["id"]
        tiers = [{"name": "front", "cidr": "10.99.0.0/24"}, {"name": "x" * 63, "cidr": "10.99.1.0/24"}]
        body = {
            "name": f"shop{'w' * 59}",
            "description": "y" * 160,
            "zone": zone,
            "cidr": "10.99.0.0/20",
            "tiers": tiers,
        }
        answer = api.post("/vpcs/", json=body)
    assert answer.status_code == 202, answer.text
    operation = stack.settled(answer.json())
    assert operation["phase"] == "succeeded", operation
    return {"vpc": operation["resource"]["id"], "operation": operation["id"]}


# --- the life of a VPC ------------------------------------------------------------------------------------------------


def test_a_vpc_lives_from_its_form_to_its_end(stack: Stack, visit: Visit):
    page = visit("alice", "/t/acme/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="VPCs").click()
    press(page, "Create VPC")

    # The map follows the typing.
    fill_in(page, "prod", "10.20.0.0/20", web="10.20.4.0/24", db="10.20.9.0/24")
    plan = page.locator("#plan")
    expect(plan.locator("svg").first).to_contain_text("Tier db: 10.20.9.0/24, gateway 10.20.9.1, planned.")
    expect(plan).to_contain_text("prod")
    press(page, "Create VPC")

    # Its operation is watched step by step, by the stream of events alone; the page is never loaded again.
    page.wait_for_url("**/operations/*/")
    page.route("**/t/acme/operations/*/", without_polling)
    page.reload()
    page.evaluate("window.isTheSame = true")
    steps = page.locator(".step")
    expect(page.locator(".step--now")).to_have_count(1)
    expect(page.locator(".step--done").first).to_be_visible()
    watch_until_done(page)
    assert steps.count() == page.locator(".step--done").count() >= 3
    assert page.evaluate("window.isTheSame")
    expect(page).to_have_title(re.compile("Done"))
    expect(page.locator("#live")).to_have_text("Done")

    press(page, "Open the VPC")
    expect(page.get_by_role("heading", level=1)).to_have_text("prod")
    expect(page.locator("#vpc-badge")).to_contain_text("Ready")
    expect(page.locator("dl")).to_contain_text(EGRESS)
    vpc_id = id_in(page)
    page.locator(".tabs").get_by_role("link", name="Tiers").click()
    expect(page.get_by_role("table", name="Tiers").get_by_role("row")).to_contain_text(["", "web", "db"])
    page.locator(".tabs").get_by_role("link", name="Overview").click()
    names, vnis = fabric_of(stack, vpc_id)
    assert len(names) == 1
    assert len(vnis) == 2 and all(1_000_000 <= vni <= 2_000_000 for vni in vnis)

    press(page, "Rename")
    page.get_by_label("Name", exact=True).fill("live")
    press(page, "Rename VPC")
    expect(page.get_by_role("heading", level=1)).to_have_text("live")
    expect(page.get_by_role("status")).to_contain_text("Saved. The name is live.")

    # Nothing is deleted before everything that goes was shown, and the name typed.
    press(page, "Delete VPC")
    expect(page.locator(".goes").first).to_contain_text(re.compile(f"live.*web.*db.*{EGRESS.pattern}", re.DOTALL))
    page.get_by_label("Type the VPC's name").fill("prod")
    press(page, "Delete VPC")
    expect(page.get_by_role("alert")).to_contain_text("This is not the VPC's name.")
    page.get_by_label("Type the VPC's name").fill("live")
    press(page, "Delete VPC")
    watch_until_done(page)
    press(page, "All VPCs")
    expect(page.get_by_role("heading", level=1)).to_have_text("VPCs")
    expect(page.get_by_role("main")).not_to_contain_text("live")
    assert fabric_of(stack, vpc_id) == ([], set())
    with stack.netris() as netris:
        assert not [vnet for vnet in netris.all_vnets([vpc.id for vpc in netris.vpcs()]) if vnet.vxlan_id in vnis]


def test_a_page_follows_its_operation_and_is_quiet_once_it_is_over(stack: Stack, visit: Visit, shop: dict[str, Any]):
    page = visit("alice", f"/t/acme/vpcs/{shop['vpc']}/tiers/new/")
    page.clock.install()
    page.get_by_label("Name", exact=True).fill("late")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(stack.url)))
    over: list[str] = []
    page.on("requestfailed", lambda request: over.append(request.url.removeprefix(stack.url)))
    page.on("requestfinished", lambda request: over.append(request.url.removeprefix(stack.url)))
    stack.fault("cloudstack", kind="slow", call="createNetwork", seconds=2, times=1)
    press(page, "Create tier")
    page.wait_for_url("**/operations/*/")
    path, stream = f"/t/acme/operations/{id_in(page)}/", f"/events/operations/{id_in(page)}"
    expect(page.locator(".step--now")).to_have_count(1)
    assert stream in asked
    # Who copies something meanwhile has it selected still, though a line has come before it.
    page.get_by_text(id_in(page), exact=True).select_text()

    # Without a word from the stream it asks by itself.
    before = asked.count(path)
    page.clock.fast_forward(11_000)
    page.wait_for_timeout(100)
    assert asked.count(path) > before

    watch_until_done(page)
    page.wait_for_timeout(300)
    assert page.evaluate("getSelection().toString()") == id_in(page)
    assert stream in over
    del asked[:]
    page.clock.fast_forward(120_000)
    page.wait_for_timeout(500)
    assert asked == []


def test_a_vpc_is_created_on_a_phone(visit: Visit):
    page = visit("alice", "/t/acme/", viewport=PHONE, has_touch=True, timezone_id="Asia/Tokyo")
    page.locator("summary", has_text="Menu").tap()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="VPCs").tap()
    page.locator(".page-header").get_by_role("link", name="Create VPC").tap()
    fill_in(page, "pocket", "10.31.0.0/20", web="10.31.4.0/24", db="10.31.5.0/24")
    expect(page.locator("#plan")).to_contain_text("pocket")
    page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC").tap()
    watch_until_done(page)
    page.get_by_role("link", name="Open the VPC").tap()
    expect(page.locator("#vpc-badge")).to_contain_text("Ready")
    page.locator(".tabs").get_by_role("link", name="Tiers").tap()
    for column in ("Status", "CIDR", "Gateway"):
        expect(page.locator(f"#vpc .table td[data-label='{column}']").first).to_be_visible()
    page.locator(".tabs").get_by_role("link", name="Overview").tap()

    # A touch tells a time to the second, with the day and the person's own zone.
    time = page.locator(".page-header .when")
    expect(time).to_have_text(re.compile(r"created (just now|\d+ s ago)"))
    time.tap()
    expect(time).to_be_focused()
    told = time.evaluate("(one) => getComputedStyle(one, '::after').content")
    assert re.fullmatch(r'"\d+ \w+ 20\d\d, \d\d:\d\d:\d\d JST"', told)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    press(page, "Delete VPC")
    expect(page.get_by_label("Type the VPC's name")).to_be_focused()
    page.keyboard.type("pocket")
    press(page, "Delete VPC")
    watch_until_done(page)


def test_a_vpc_lives_as_well_without_javascript(stack: Stack, visit: Visit):
    page = visit("erin", "/t/acme/vpcs/new/", java_script_enabled=False)
    fill_in(page, "plain", "10.30.0.0/20", web="10.30.4.0/24", db="10.30.5.0/24")
    press(page, "Add a tier")
    expect(page.get_by_label("Name", exact=True)).to_have_value("plain")
    page.get_by_label("Name of tier 3").fill("third")
    page.get_by_role("button", name="Remove tier 2").click()
    press(page, "Update the map")
    expect(page.locator("#plan svg").first).to_contain_text("Tier third:")
    press(page, "Create VPC")

    refresh_until_done(page)
    press(page, "Open the VPC")
    page.locator(".tabs").get_by_role("link", name="Tiers").click()
    expect(page.get_by_role("table", name="Tiers").get_by_role("row")).to_contain_text(["", "third", "web"])
    vpc_id = id_in(page)
    page.locator(".tabs").get_by_role("link", name="Overview").click()
    assert len(fabric_of(stack, vpc_id)[1]) == 2

    press(page, "Delete VPC")
    page.get_by_label("Type the VPC's name").fill("plain")
    press(page, "Delete VPC")
    refresh_until_done(page)
    press(page, "All VPCs")
    expect(page.get_by_role("main")).not_to_contain_text("plain")
    assert fabric_of(stack, vpc_id) == ([], set())


def test_a_remote_that_is_down_is_told_in_plain_words_and_the_work_goes_on(stack: Stack, visit: Visit):
    page = visit("gina", "/t/globex/vpcs/new/")
    fill_in(page, "patient", "10.40.0.0/20", web="10.40.0.0/24", db="10.40.1.0/24")
    stack.fault("cloudstack", kind="down")
    try:
        press(page, "Create VPC")
        expect(page.locator(".step--now")).to_contain_text("CloudStack does not answer; trying again.")
    finally:
        stack.clear_faults()
    watch_until_done(page)
    expect(page.locator(".step").first).not_to_contain_text("does not answer")


def test_bad_input_is_told_at_its_fields_and_nothing_that_was_typed_is_lost(visit: Visit):
    page = visit("alice", "/t/acme/vpcs/new/")
    typed = {"web": "10.0.4.0/24", "db": "10.0.5"}
    fill_in(page, "", "10.0.0.1/20", **typed)
    page.get_by_label("Description").fill("Kept <b>as it is</b>")
    press(page, "Create VPC")

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    for label, words in {
        "Name": "Give a name.",
        "CIDR": "Did you mean 10.0.0.0/20?",
        "CIDR of tier 2": "Write the CIDR with its prefix length",
    }.items():
        field = page.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(re.escape(words)))
    expect(page.get_by_label("CIDR of tier 1")).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Description")).to_have_value("Kept <b>as it is</b>")
    expect(page.get_by_label("CIDR", exact=True)).to_have_value("10.0.0.1/20")
    for number, (name, cidr) in enumerate(typed.items(), 1):
        expect(page.get_by_label(f"Name of tier {number}")).to_have_value(name)
        expect(page.get_by_label(f"CIDR of tier {number}")).to_have_value(cidr)
    summary.get_by_role("link", name="CIDR", exact=True).click()
    expect(page.get_by_label("CIDR", exact=True)).to_be_focused()


# --- who may what -----------------------------------------------------------------------------------------------------


def test_a_viewer_sees_once_why_nothing_can_be_changed(visit: Visit, shop: dict[str, Any]):
    why = "can look but not change. Ask an owner"
    vpc = f"/t/acme/vpcs/{shop['vpc']}/"
    tabs = [f"{vpc}{tab}/" for tab in ("tiers", "addresses", "acls", "activity")]
    page = visit("victor", "/t/acme/vpcs/")
    expect(page.get_by_role("button", name="Create VPC")).to_have_count(0)

    for path in (f"{vpc}rename/", f"{vpc}delete/", f"{vpc}tiers/new/", "/t/acme/vpcs/new/", "/t/acme/", vpc, *tabs):
        page.goto(path)
        expect(page.get_by_role("main").get_by_text(why)).to_have_count(1)
        ways = page.locator("main form[method=post] [type=submit].button--primary, main form .button--danger-solid")
        assert [one for one in ways.all() if one.is_enabled() and one.get_attribute("aria-disabled") != "true"] == []
        assert page.locator("main a[href$='/new/'], main a[href$='/rename/'], main a[href$='/delete/']").count() == 0
    # Nor by writing a request by hand.
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    for change in ("rename/", "delete/", "tiers/new/"):
        body = {"csrfmiddlewaretoken": token, "name": "shop"}
        assert page.request.post(f"{vpc}{change}", form=body, max_redirects=0).status == 403


def test_who_is_in_two_tenants_goes_from_one_to_the_other(visit: Visit):
    page = visit("dana", "/t/acme/")
    page.get_by_label("Tenant: Acme Hosting").locator("visible=true").click()
    page.get_by_role("button", name="Globex").locator("visible=true").click()

    page.wait_for_url("**/t/globex/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Globex")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="VPCs").click()
    expect(page.get_by_text("Your role in Globex is viewer")).to_be_visible()  # a viewer here, an engineer there
    expect(page.get_by_role("button", name="Create VPC")).to_have_count(0)


def test_nobody_opens_the_addresses_of_another_tenant(visit: Visit, shop: dict[str, Any]):
    page = visit("gina", "/t/globex/")
    things = [f"vpcs/{shop['vpc']}/", f"vpcs/{shop['vpc']}/delete/", f"operations/{shop['operation']}/"]

    for path in ("/t/acme/", *(f"/t/{tenant}/{thing}" for tenant in ("acme", "globex") for thing in things)):
        answer = page.goto(path)
        assert answer and answer.status == 404, path
        expect(page.get_by_role("main")).to_contain_text("does not exist, or it belongs to another tenant")
    assert page.request.get(f"/events/operations/{shop['operation']}").status == 404
    assert page.request.get("/platform/operations/").status == 404


# --- the fabric -------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_a_leaf_dies_and_comes_back(stack: Stack, visit: Visit):
    page = visit("admin", "/fabric/topology/", viewport=PHONE)
    with stack.netris() as netris:
        devices = netris.devices()
    drawing = page.locator("#fabric-map svg")
    expect(drawing.locator("[data-device]")).to_have_count(len(devices) + 2, timeout=40_000)  # and two routers
    for device in devices:
        expect(drawing.locator(f"#device-{device.id}")).to_contain_text(device.name)
    expect(page.locator("#fabric-tallies .age")).not_to_have_count(0)
    expect(page.locator("#fabric-tallies .age--stale, #fabric .topo-device--stale")).to_have_count(0)
    leaf = next(device for device in devices if device.name == "Leaf-2")
    shape = drawing.locator(f"#device-{leaf.id}")
    expect(shape).to_contain_text("OK")

    order = f"{stack.netris_url}/_sandbox/devices/Leaf-2"
    httpx.post(f"{order}/kill").raise_for_status()
    try:
        # One notice names the cause; the rest is due to it.
        notice = page.locator("#fabric-notices .callout")
        told = re.compile(r"Leaf-2\s+has not reported for \d+ (s|min): 10 links and 6 sessions are down because of it")
        # Silence is told by the remote's clock, which another story sets ahead by 80 s.
        expect(notice).to_contain_text(told, timeout=165_000)
        expect(notice).to_have_count(1)
        expect(shape).to_contain_text("Critical")
        expect(drawing.locator(".topo-device--due")).not_to_have_count(0)
        # Who opens it on a phone sees what is wrong, not the empty side of a wide map.
        page.reload()
        frame = page.locator(".topology-frame").bounding_box()
        box = shape.bounding_box()
        assert frame and box
        assert frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
        shape.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Leaf-2")
        page.get_by_role("link", name="On the map").click()
        expect(shape).to_contain_text("Critical")
    finally:
        httpx.post(f"{order}/revive").raise_for_status()
    expect(page.locator("#fabric-notices .callout")).to_have_count(0, timeout=75_000)
    # Its sessions with the routers are up half a minute to a minute after it, and are read every 15 s.
    expect(shape).to_contain_text("OK", timeout=90_000)


def test_an_admin_reconnects_the_plugin_and_what_waited_goes_on(stack: Stack, visit: Visit):
    httpx.post(f"{stack.netris_url}/_sandbox/sessions/end").raise_for_status()
    operations = []
    for who, name in (("acme", "first"), ("globex", "second")):
        with stack.api(who) as api:
            zone = api.get("/zones/").json()["results"][0]["id"]
            answer = api.post(
                "/vpcs/", json={"name": f"waits {name}", "zone": zone, "cidr": "10.90.0.0/20", "tiers": []}
            )
        operations.append((who, answer.json()))

    page = visit("admin", "/platform/zones/")
    expect(page.get_by_text("CloudStack has lost its connection to Netris")).to_be_visible(timeout=60_000)
    waiting = visit("alice", f"/t/acme/operations/{operations[0][1]['id']}/")
    expect(waiting.get_by_text("Your provider has been told").first).to_be_visible(timeout=30_000)

    press(page, "Reconnect the Netris host")
    press(page, "Reconnect the host")
    with stack.cloudstack() as cloudstack:
        while cloudstack.controllers(cloudstack.list_zones()[0].id)[0].is_up:
            page.wait_for_timeout(200)
    httpx.post(f"{stack.cloudstack_url}/_sandbox/clock", json={"advance": 80}).raise_for_status()
    watch_until_done(page)
    expect(waiting.locator("#operation-badge")).to_have_text("Succeeded", timeout=60_000)
    assert [stack.settled(operation, who=who)["phase"] for who, operation in operations] == ["succeeded"] * 2
    page.goto("/platform/zones/")
    expect(page.get_by_text("No operation is held back")).to_be_visible(timeout=30_000)


# --- for everybody ----------------------------------------------------------------------------------------------------


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Visit, shop: dict[str, Any]):
    page = visit("alice", f"/t/acme/vpcs/{shop['vpc']}/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()

    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => {
                const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
                const shape = one.querySelector(".map-node, .topo-box");
                const isShown = shape ? getComputedStyle(shape).strokeWidth === "3px"
                    : style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                const isThere = box.bottom > 0 && box.top < innerHeight && box.width > 0;
                return {name: one.outerHTML.slice(0, 150), isShown, isThere, isBody: one === document.body};
            }"""
        )
        if where["isBody"]:
            break
        seen.add(where["name"])
        assert where["isShown"] and where["isThere"], where
    assert any("delete/" in name for name in seen)

    menu = page.locator("summary:visible").filter(has_text="alice")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out").locator("visible=true")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out").locator("visible=true")).to_have_count(0)
    expect(menu).to_be_focused()


def test_a_theme_is_kept(visit: Visit):
    page = visit("erin", "/t/acme/")
    page.locator("summary:visible").filter(has_text="erin").click()
    page.get_by_role("button", name="Dark").locator("visible=true").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    page.goto("/t/acme/vpcs/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
