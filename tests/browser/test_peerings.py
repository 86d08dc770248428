"""What two tenants see of a peering: one asks, the other answers, both watch it, and one ends it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_acls import has_no_fault, is_done
from tests.chromium import needs_chromium
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
]

#: In milliseconds: Netris' peerings are read once a minute.
READ = 150_000


@pytest.fixture(scope="module")
def vpcs(stack: Stack) -> dict[str, str]:
    """One of each tenant, with a tier: their ids, by name."""
    found = {}
    for tenant, name, block in (("acme", "shop", "10.77"), ("globex", "stock", "10.78")):
        with stack.api(tenant) as api:
            body = {"name": name, "zone": api.get("/zones/").json()["results"][0]["name"], "cidr": f"{block}.0.0/20"}
            made = api.post("/vpcs/", json=body | {"tiers": [{"name": "web", "cidr": f"{block}.0.0/24"}]})
            assert stack.settled(made.json(), who=tenant)["phase"] == "succeeded", made.text
            found[name] = api.get(f"/vpcs/?name={name}").json()["results"][0]["id"]
    return found


def test_one_asks_the_other_accepts_both_see_it_and_one_ends_it(
    stack: Stack, visit: Visit, vpcs: dict[str, str]
) -> None:
    asks = visit("alice", "/t/acme/peerings/")
    asks.get_by_role("link", name="Peer two VPCs").first.click()
    asks.get_by_label("What it offers").fill("10.77.0.0/24")
    asks.get_by_label("The other side").select_option(label="Another tenant")
    asks.get_by_role("textbox", name=re.compile("^Tenant")).fill("globex")
    asks.get_by_role("textbox", name=re.compile("^Name")).fill("shop of Acme")
    expect(asks.locator("#preview")).to_contain_text("web 10.77.0.0/24")
    has_no_fault(asks)
    asks.get_by_role("button", name="Peer or ask").click()
    state = asks.get_by_role("region", name="On Netris")
    expect(state).to_contain_text("Requested")
    has_no_fault(asks)

    answers = visit("gina", "/t/globex/")
    expect(answers.locator("main")).to_contain_text("Another tenant asks to peer a VPC with one of yours")
    answers.get_by_role("link", name=re.compile("^Answer it")).first.click()
    answers.get_by_label("What it offers").fill("10.78.0.0/24")
    expect(answers.locator("#preview")).to_contain_text("web 10.78.0.0/24")
    expect(answers.locator("#preview")).to_contain_text("10.77.0.0/24")
    expect(answers.locator("body")).not_to_contain_text("10.77.0.0/20")
    has_no_fault(answers)
    answers.get_by_role("button", name="Accept").click()
    is_done(answers)

    answers.goto("/t/globex/peerings/")
    answers.get_by_role("link", name="shop of Acme", exact=True).click()
    for page, learned in ((asks, "10.78.0.0/24"), (answers, "10.77.0.0/24")):
        expect(page.get_by_role("region", name="On Netris")).to_contain_text("as both sides have said", timeout=READ)
        expect(page.get_by_role("region", name="What passes")).to_contain_text(learned)
        has_no_fault(page)
    expect(answers.locator("main")).not_to_contain_text(re.compile("acme hosting|alice|10.77.0.0/20", re.IGNORECASE))
    expect(asks.locator("main")).not_to_contain_text(re.compile("stock|gina|10.78.0.0/20"))

    routes = visit("alice", f"/t/acme/vpcs/{vpcs['shop']}/routes/")
    expect(routes.get_by_role("row").filter(has_text="10.78.0.0/24")).to_contain_text("Peering shop of Acme")
    routes.goto(f"/t/acme/vpcs/{vpcs['shop']}/delete/")
    expect(routes.locator("main")).to_contain_text("A peering is attached to the VPC.")
    third = visit("victor", asks.url.replace(stack.url, ""))
    expect(third.get_by_role("link", name="Revoke")).to_have_count(0)

    answers.get_by_role("link", name="Revoke").click()
    has_no_fault(answers)
    answers.get_by_role("button", name="Revoke peering").click()
    is_done(answers)
    expect(state).to_contain_text("revoked by the other side", timeout=60_000)
