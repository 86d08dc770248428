"""Pages that stay true and calm while one uses them: what changes elsewhere shows, and nobody loses their place.

Nothing is announced but what changes, and the focus stays where it is, whatever is drawn anew around it.
"""

from __future__ import annotations

import re
from typing import Any

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

#: Focuses each control of the page, has its part drawn anew, and tells which of them have lost the focus, and what was
#: read out meanwhile.
WALK = """async () => {
    const lost = [], said = [];
    const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    const name = (one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 160);
    const controls = [...document.querySelectorAll(`main :is(${all})`)].filter((one) => one.checkVisibility());
    new MutationObserver((changes) => said.push(...changes.map((one) => one.target.textContent))).observe(
        document.getElementById("live"), {childList: true, characterData: true, subtree: true});
    for (const control of controls) {
        control.focus();
        if (document.activeElement !== control) {
            lost.push(`gone before it had the focus: ${name(control)}`);
            continue;
        }
        const drawn = new Promise((done) => document.addEventListener("htmx:afterSettle", done, {once: true}));
        const late = new Promise((done) => setTimeout(done, 5000, "late"));
        htmx.trigger("#follow", "heard");
        if ((await Promise.race([drawn, late])) === "late") { lost.push("nothing was drawn anew"); break; }
        const now = document.activeElement;
        if (now !== control) lost.push(`${name(control)} lost the focus to ${name(now).slice(0, 60)}`);
    }
    const alerts = document.querySelectorAll("main [role=alert]").length;
    return {count: controls.length, lost, said, alerts};
}"""


#: What is still green of what the page knows from readings.
GREEN = """() => {
    const dye = getComputedStyle(document.documentElement).getPropertyValue("--sage").trim();
    const covered = [...document.querySelectorAll("main [data-fresh-until]")].map(
        (one) => document.querySelector(one.dataset.covers || "nowhere") || one);
    const known = covered.flatMap((one) => [one, ...one.querySelectorAll("*")]);
    return known.filter((one) => getComputedStyle(one).getPropertyValue("--tone").trim() === dye)
        .map((one) => one.outerHTML.slice(0, 100));
}"""


def changed_each_time(page: Page) -> None:
    """Each part that the page asks for differs from the last, and begins with something that was not there."""
    number = 0

    def answer(route: Route) -> None:
        nonlocal number
        if "weft-seen" not in route.request.headers:
            route.fallback()
            return
        number += 1
        url = re.sub("seen=[^&]+", "seen=none", route.request.url)
        headers = {**route.request.headers, "weft-seen": "nothing"}
        found = route.fetch(url=url, headers=headers)
        route.fulfill(response=found, body=f"<p>{number}</p><ul><li>{number}</li></ul>{found.text()}")

    page.route("**/*", answer)


def make(stack: Stack, name: str, cidr: str, *tiers: str) -> str:
    """A VPC of Acme's that is there."""
    with stack.api() as api:
        zone = api.get("/zones/").json()["results"][0]["id"]
        named = [{"name": f"t{number}", "cidr": tier} for number, tier in enumerate(tiers, 1)]
        answer = api.post("/vpcs/", json={"name": name, "zone": zone, "cidr": cidr, "tiers": named})
    made = stack.settled(answer.json())
    assert made["phase"] == "succeeded", made
    return str(made["resource"]["id"])


def sign_in(page: Page, stack: Stack, who: str = "alice") -> None:
    passwords = {user["username"]: user["password"] for user in stack.demo["users"]}
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(passwords[who])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")


@pytest.fixture(scope="module")
def shop(stack: Stack) -> str:
    return make(stack, "shop", "10.80.0.0/20", "10.80.0.0/24", "10.80.1.0/24")


@pytest.fixture(scope="module")
def stuck(stack: Stack) -> dict[str, Any]:
    """A removal that CloudStack has refused."""
    vpc = make(stack, "old", "10.81.0.0/20", "10.81.0.0/24")
    stack.fault("cloudstack", kind="refuse", call="deleteNetwork")
    with stack.api() as api:
        operation = stack.settled(api.delete(f"/vpcs/{vpc}/").json())
    stack.clear_faults()
    assert operation["phase"] == "stuck", operation
    return operation


def test_each_control_of_each_live_page_keeps_the_focus_when_the_page_changes(
    stack: Stack, visit: Visit, shop: str, stuck: dict[str, Any]
) -> None:
    pages = {
        "alice": [
            "/t/acme/",
            "/t/acme/vpcs/",
            f"/t/acme/vpcs/{shop}/",
            f"/t/acme/vpcs/{shop}/tiers/",
            f"/t/acme/vpcs/{shop}/addresses/",
            f"/t/acme/vpcs/{shop}/acls/",
            f"/t/acme/vpcs/{stuck['resource']['id']}/",
            f"/t/acme/operations/{stuck['id']}/",
            "/t/acme/activity/",
            "/t/acme/activity/changes/",
            "/t/acme/members/",
        ],
        "admin": [
            f"/platform/operations/{stuck['id']}/",
            "/platform/operations/",
            "/platform/tenants/",
            "/platform/tenants/acme/",
            "/platform/people/",
            "/platform/zones/",
            "/platform/health/",
            "/platform/strays/",
            "/fabric/topology/",
            "/fabric/events/",
            "/fabric/findings/",
        ],
    }
    wrong: dict[str, Any] = {}
    for who, paths in pages.items():
        page = visit(who, paths[0])
        changed_each_time(page)
        for path in paths:
            answer = page.goto(path)
            assert answer and answer.ok, path
            if path.endswith("topology/"):
                expect(page.locator("#fabric-map [data-device]")).not_to_have_count(0, timeout=40_000)
            page.wait_for_load_state("load")
            found = page.evaluate(WALK)
            assert found["count"] or "strays" in path or "health" in path, path
            if found["lost"] or found["said"] or found["alerts"]:
                wrong[path] = found
    assert wrong == {}


def test_a_vpc_deleted_in_another_tab_is_seen_to_go_at_once_and_nobody_loses_the_focus(
    stack: Stack, visit: Visit
) -> None:
    vpc = make(stack, "brief", "10.82.0.0/20", "10.82.0.0/24")
    page = visit("alice", f"/t/acme/vpcs/{vpc}/")
    vpcs, activity, other = (page.context.new_page() for _ in range(3))
    vpcs.goto("/t/acme/vpcs/")
    activity.goto("/t/acme/activity/")
    expect(page.locator("#vpc-badge")).to_contain_text("Ready")
    page.locator("#vpc-actions a", has_text="Rename").focus()
    vpcs.get_by_role("searchbox").fill("bri")
    expect(vpcs).to_have_url(re.compile("q=bri"))
    stack.fault("cloudstack", kind="slow", call="deleteNetwork", seconds=2, times=1)

    other.goto(f"/t/acme/vpcs/{vpc}/delete/")
    other.get_by_label("Type the VPC's name").fill("brief")
    other.locator("main button.button--danger-solid").click()
    other.wait_for_url("**/operations/*/")

    # Long before any of them would have looked by itself.
    expect(page.locator("#vpc-badge")).to_contain_text("Removing", timeout=5_000)
    expect(vpcs.locator("#results")).to_contain_text("Removing", timeout=5_000)
    expect(activity.locator("#results tbody tr").first).to_contain_text("Delete VPC brief", timeout=5_000)
    expect(page.locator("#live")).to_contain_text("Delete VPC brief: ")
    rename = page.locator("#vpc-actions button", has_text="Rename")
    expect(rename).to_be_focused()
    expect(rename).to_be_disabled()
    expect(page.get_by_role("main")).to_contain_text("This VPC is gone", timeout=20_000)
    assert page.locator("main").count() == page.locator("h1").count() == 1
    expect(vpcs.locator("#results")).to_contain_text("Nothing matches")
    expect(vpcs.get_by_role("searchbox")).to_be_focused()
    expect(activity.locator("#results tbody tr").first).to_contain_text("Succeeded")


def test_a_whole_vpc_is_made_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit("alice", "/t/acme/vpcs/")
    key = page.keyboard

    def walk_to(name: str, key_pressed: str = "Tab") -> None:
        for _ in range(60):
            key.press(key_pressed)
            named = page.evaluate(
                """() => { const one = document.activeElement;
                    return (one.ariaLabel || one.labels?.[0]?.textContent || one.textContent).trim(); }"""
            )
            if re.sub(r"\s+", " ", named) == name:
                return
        raise AssertionError(f"the keyboard does not reach {name}")

    def is_at() -> str:
        return str(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))

    key.press("Tab")
    key.press("Enter")  # past the navigation
    walk_to("Create VPC")
    key.press("Enter")
    page.wait_for_url("**/vpcs/new/")
    walk_to("Name")
    key.type("by hand")
    walk_to("CIDR")
    key.press("Control+A")
    key.type("10.0.0.1")
    walk_to("Next free")
    key.press("Enter")
    expect(page.get_by_label("CIDR", exact=True)).to_have_value(re.compile(r"/20$"))
    assert is_at() == "Next free"
    for action in ("Fit into the CIDR", "Next free CIDR for tier 1"):
        walk_to(action)
        with page.expect_response("**/vpcs/new/"):
            key.press("Enter")
        page.wait_for_timeout(150)
        assert is_at() == action
    walk_to("Add a tier")
    key.press("Enter")
    expect(page.get_by_label("Name of tier 3")).to_be_focused()
    key.type("third")
    for left in (2, 1):
        walk_to(f"Remove tier {left + 1}")
        key.press("Enter")
        expect(page.locator(".tier-row")).to_have_count(left)
        assert is_at() == f"Remove tier {left}"
        key.press("Shift+Tab")
    expect(page.get_by_label("Name", exact=True)).to_have_value("by hand")
    walk_to("Create VPC")
    key.press("Enter")
    page.wait_for_url("**/operations/*/")
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=30_000)
    page.get_by_role("main").focus()
    walk_to("Open the VPC")
    key.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("by hand")


def test_that_weft_did_not_answer_is_seen_from_the_end_of_a_long_page_and_what_was_in_vain_is_done_again(
    visit: Visit,
) -> None:
    page = visit("alice", "/t/acme/vpcs/new/", viewport={"width": 390, "height": 700})
    page.get_by_label("Name", exact=True).fill("patient")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    create = page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC")
    create.scroll_into_view_if_needed()
    create.click()
    notice = page.locator("#messages [data-notice=unreachable]")
    expect(notice).to_contain_text("Weft did not answer")
    expect(notice).to_be_in_viewport(ratio=1)
    again = notice.get_by_role("button", name="Try again")
    again.click()
    expect(notice).to_have_count(1)

    page.context.set_offline(False)
    page.mouse.wheel(0, 3000)
    expect(again).to_be_in_viewport()
    again.click()
    page.wait_for_url("**/operations/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("patient")
    # What moves still would change the pages of the other stories.
    expect(page.locator("#operation-badge")).to_have_text("Succeeded", timeout=60_000)


def test_what_a_reading_told_greys_by_itself_once_that_is_too_old(visit: Visit, shop: str) -> None:
    pages = {"/t/acme/vpcs/": "Ready", f"/t/acme/vpcs/{shop}/": "Ready", "/fabric/topology/": "OK"}
    for path, word in pages.items():
        page = visit("admin" if "fabric" in path else "alice", path)
        page.clock.install()
        page.reload()
        expect(page.locator("main :is(.status, .topo-status).tone-sage:visible", has_text=word).first).to_be_visible(
            timeout=40_000
        )
        expect(page.locator("main .is-stale")).to_have_count(0)
        drawn = page.locator("main svg:not(.legend *) text:visible", has_text=re.compile(f"^{word}$"))
        if not path.endswith("/vpcs/"):
            expect(drawn.first).to_be_visible()
        page.clock.fast_forward(30 * 60_000)
        expect(page.locator("main .is-stale").first).to_be_visible()
        expect(drawn).to_have_count(0)
        assert page.evaluate(GREEN) == []


def test_the_times_of_a_list_are_one_stop_and_the_arrows_go_from_one_to_the_next(visit: Visit) -> None:
    page = visit("alice", "/t/acme/activity/changes/")
    times = page.locator("main td time")
    page.wait_for_load_state("networkidle")
    assert times.count() > 1
    expect(page.locator("main td time[tabindex='0']")).to_have_count(1)

    times.first.focus()
    page.keyboard.press("ArrowDown")
    expect(times.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(times.first).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.localName") != "time"


def test_a_form_half_filled_in_outlives_the_session(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/")
    page.context.clear_cookies()
    page.goto("/t/acme/vpcs/new/")
    sign_in(page, stack)  # a session of its own: signing out would end that of the other tests
    page.get_by_label("Name", exact=True).fill("half")
    other = page.context.new_page()
    other.goto("/t/acme/")
    other.locator("summary", has_text="alice").last.click()
    other.get_by_role("button", name="Sign out").last.click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")

    page.get_by_label("Name", exact=True).fill("half-filled")
    notice = page.locator("#messages [data-notice=signed-out]")
    expect(notice).to_contain_text("You are signed out. What you have typed is still here. Sign in again")
    page.get_by_label("CIDR", exact=True).fill("10.77.0.0/20")  # asks again, and is told again
    page.get_by_role("button", name="Add a tier").click()
    expect(notice).to_have_count(1)
    assert page.locator("main").count() == page.locator("h1").count() == 1

    with page.context.expect_page() as opened:
        notice.get_by_role("link", name="Sign in again").click()
    sign_in(opened.value, stack)
    opened.value.close()
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")  # without a window there is nothing that comes to the front
    expect(notice).to_have_count(0)
    expect(page.get_by_label("Name", exact=True)).to_have_value("half-filled")
    for number, tier in enumerate(("web", "db"), 1):
        page.get_by_label(f"Name of tier {number}").fill(tier)
        page.get_by_label(f"CIDR of tier {number}").fill(f"10.77.{number}.0/24")
    page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC").click()
    page.wait_for_url("**/operations/*/")


def test_a_form_that_is_sent_off_after_the_sessions_end_keeps_what_was_typed(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/vpcs/new/")
    page.get_by_label("Name", exact=True).fill("kept")
    page.wait_for_load_state("networkidle")  # what follows the typing has been drawn: nothing else asks from now on
    cookies = page.context.cookies()
    page.context.clear_cookies()
    create = page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC")
    create.click()

    notice = page.locator("#messages [data-notice]")
    expect(notice).to_contain_text("You are signed out. What you have typed is still here.")
    create.click()
    expect(notice).to_have_count(1)
    page.context.add_cookies(cookies)
    page.context.set_offline(True)
    create.click()
    expect(notice).to_contain_text(["You are signed out.", "Weft did not answer."])
    page.context.set_offline(False)
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")
    page.get_by_label("Name of tier 1").fill("")
    create.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()  # it has arrived, and lacks names of tiers
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")


def test_a_form_is_not_sent_off_as_somebody_else_who_has_signed_in_meanwhile(stack: Stack, visit: Visit) -> None:
    page = visit("alice", "/t/acme/vpcs/new/")
    cookies = page.context.cookies()
    page.get_by_label("Name", exact=True).fill("alice's")
    page.wait_for_load_state("networkidle")
    create = page.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC")
    notice = page.locator("#messages [data-notice]")
    page.context.clear_cookies()
    create.click()
    expect(notice).to_contain_text("You are signed out.")
    for who in ("gina", "erin"):  # of another tenant, and of the same
        page.context.clear_cookies()
        other = page.context.new_page()
        other.goto("/login/")
        sign_in(other, stack, who)
        other.close()
        create.click()
        expect(notice).to_have_count(1)
        expect(notice).to_contain_text("and somebody else has opened this page. What was typed is still here.")
        expect(page.get_by_label("Name", exact=True)).to_have_value("alice's")
        assert page.locator("main").count() == page.locator("h1").count() == 1

    page.context.clear_cookies()
    page.context.add_cookies(cookies)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(notice).to_have_count(0)
    page.get_by_label("Name of tier 1").fill("")
    create.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()  # it has arrived
    expect(page.get_by_label("Name", exact=True)).to_have_value("alice's")


def test_a_quota_that_fills_up_while_one_looks_is_on_every_button(stack: Stack, visit: Visit) -> None:
    with stack.api("globex") as api:
        used = api.get("/quotas/").json()["results"][0]["resources"][0]["used"]
        allow = f"Limit.unscoped.create(tenant=Tenant.objects.get(slug='globex'), resource='vpc', most={used + 1})"
        models = "from apps.quotas.models import Limit; from apps.tenancy.models import Tenant"
        stack.manage("shell", "-c", f"{models}; {allow}")
        listed, overview = visit("gina", "/t/globex/vpcs/"), visit("gina", "/t/globex/")
        create = listed.get_by_role("link", name="Create VPC", exact=True).first
        expect(create).to_be_visible()
        form = visit("gina", "/t/globex/vpcs/new/")
        form.get_by_label("Name", exact=True).fill("one too many")

        answer = api.post("/vpcs/", json={"name": "the last", "zone": "zone1", "cidr": "10.88.0.0/20"})
        assert answer.status_code == 202, answer.text

        reason = f"{used + 1} of {used + 1} VPCs are in use."
        for page in (listed, overview):
            expect(create if page is listed else page.get_by_role("link", name="Create VPC", exact=True)).to_have_count(
                0
            )
            expect(page.get_by_role("button", name="Create VPC", exact=True).first).to_have_accessible_description(
                re.compile(re.escape(reason))
            )
        expect(overview.get_by_role("region", name="Needs attention")).to_contain_text(reason)
        form.get_by_role("main").locator("button:not(.visually-hidden)").filter(has_text="Create VPC").click()
        expect(form.locator("[data-error-summary]")).to_contain_text(reason)
        expect(form.get_by_label("Name", exact=True)).to_have_value("one too many")

        stack.settled(answer.json(), who="globex")
        gone = api.delete(f"/vpcs/{answer.json()['resource']['id']}/")
        stack.settled(gone.json(), who="globex")
        expect(listed.get_by_role("link", name="Create VPC", exact=True).first).to_be_visible()
        expect(overview.get_by_text(reason)).to_have_count(0)
