"""What an admin sees while something is wrong in the fabric: told once, under its own name, and gone when it is."""

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
from tests.chromium import needs_chromium
from tests.processes import SANDBOX_ENV
from tests.sandbox.cloudstack.client import Caller
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    needs_chromium,
    pytest.mark.timeout(420),
]

#: Lists that are read every few minutes are read now.
READ = """
from apps.mirror.services import request_refresh
from apps.mirror.models import Kind
from apps.vnis.feed import LISTS
from apps.zones.models import Zone
request_refresh(Zone.objects.get(), *LISTS, Kind.NETRIS_BGP)
"""


def until(stack: Stack, holds: Callable[[], Any], *, seconds: float = 150) -> Any:
    """What `holds` gives. Lists are read again and again meanwhile, as time would bring it."""
    give_up_at = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < give_up_at
        stack.manage("shell", "-c", READ)
        time.sleep(2)
    return found


def told(stack: Stack, path: str) -> list[dict[str, Any]]:
    with stack.api("admin") as api:
        results: list[dict[str, Any]] = api.get(path).json()["results"]
    return results


def is_well(page: Page) -> None:
    page.evaluate(AXE)
    assert page.evaluate(RUN, []) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture(scope="module")
def vnis(stack: Stack) -> dict[str, int]:
    """The VNIs of three tiers, by the tier's name, as both systems have them."""
    with stack.api() as api:
        body = {"name": "looms", "zone": api.get("/zones/").json()["results"][0]["name"], "cidr": "10.78.0.0/20"}
        tiers = [{"name": name, "cidr": f"10.78.{number}.0/24"} for number, name in enumerate(("web", "app", "db"))]
        made = api.post("/vpcs/", json=body | {"tiers": tiers})
        assert stack.settled(made.json())["phase"] == "succeeded", made.text
    with stack.netris() as netris:
        [vpc] = [each for each in netris.vpcs() if not each.is_system and each.name.startswith("D")]
        vnets = netris.vnets(vpc.id)
    # The plugin names a V-Net after its network, and that has Weft's id of the tier in its name.
    with stack.api() as api:
        names = {each["id"][:8]: each["name"] for each in api.get("/tiers/").json()["results"]}
    found = {
        name: vnet.vxlan_id
        for vnet in vnets
        for key, name in names.items()
        if key in vnet.name and vnet.vxlan_id is not None
    }
    assert set(found) == {"web", "app", "db"}, [vnet.name for vnet in vnets]
    return found


def test_a_session_that_flaps_is_told_once_beside_each_time_that_it_went_down(stack: Stack, visit: Visit) -> None:
    page = visit("admin", "/fabric/events/?kind=session-flapping")
    expect(page.locator("main")).to_contain_text(re.compile("No event"))
    with stack.netris() as netris:
        [system] = [each for each in netris.vpcs() if each.is_system]
        session = next(each for each in netris.ebgp_sessions(system.id) if each.device.name == "SoftGate-1")

    def peer(state: str) -> None:
        order = {"table": "ebgp", "id": session.id, "fields": {"peerState": state}}
        httpx.post(f"{stack.netris_url}/_sandbox/change", json=order).raise_for_status()

    def downs(state: str) -> int:
        path = f"/fabric/events/?kind=session-down&subject={session.id}&state={state}"
        return len(told(stack, path))

    for times in (1, 2, 3):
        peer("Idle")
        until(stack, lambda: downs("open"))
        if times < 3:
            peer("")
            until(stack, lambda times=times: downs("ended") == times)  # type: ignore[misc]
    table = page.get_by_role("table", name="Events")
    expect(table.get_by_role("row")).to_have_count(2, timeout=90_000)  # the open page shows it by itself
    expect(table).to_contain_text("Session flapping")
    expect(table).to_contain_text("SoftGate-1 with ISP-")
    expect(table).to_contain_text("went down 3 times within 15 minutes")
    is_well(page)
    page.goto("/fabric/events/?kind=session-down")
    expect(page.get_by_role("table", name="Events").get_by_role("row")).to_have_count(4)
    peer("")
    until(stack, lambda: not downs("open"))
    page.goto("/fabric/events/?kind=session-flapping")  # it was down often: nobody calls that well at once
    expect(page.get_by_role("table", name="Events")).to_contain_text("Warning")


def test_two_vnets_with_one_vni_are_one_finding_that_leads_to_the_number(
    stack: Stack, visit: Visit, vnis: dict[str, int]
) -> None:
    page = visit("admin", "/fabric/findings/")
    until(stack, lambda: told(stack, f"/fabric/vnis/?vni={vnis['web']}"))
    expect(page.locator("#results")).not_to_contain_text("Duplicate VNI")
    with stack.netris() as netris:
        vpc_of = {vnet.vxlan_id: vnet for each in netris.vpcs() for vnet in netris.vnets(each.id)}
    order = {"from": vpc_of[vnis["web"]].id, "to": vpc_of[vnis["app"]].id}
    httpx.post(f"{stack.netris_url}/_sandbox/duplicate-vni", json=order).raise_for_status()

    found = until(stack, lambda: told(stack, "/fabric/findings/?kind=vni-duplicate"))
    assert [each["subject"]["id"] for each in found] == [str(vnis["web"])]
    table = page.get_by_role("table", name="Findings")
    expect(table.get_by_role("row").filter(has_text="Duplicate VNI")).to_have_count(1, timeout=60_000)
    is_well(page)
    table.get_by_role("link", name=f"VNI {vnis['web']}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"VNI {vnis['web']}")
    expect(page.locator("main")).to_contain_text("2 things have it in Netris: their traffic may mix.")
    is_well(page)
    page.get_by_role("link", name="On the map").click()
    expect(page).to_have_url(re.compile(f"overlay=vni&vni={vnis['web']}"))
    expect(page.locator("#fabric-overlay")).to_contain_text(f"VNI {vnis['web']} is the network")

    # Another look finds the same one, and no second; what the number of the other lacks is no finding of its own.
    seen = found[0]["last_seen_at"]
    until(stack, lambda: told(stack, "/fabric/findings/?kind=vni-duplicate")[0]["last_seen_at"] > seen)
    pair = {str(vnis["web"]), str(vnis["app"])}  # of the third tier another test may tell something
    about = [each for each in told(stack, "/fabric/findings/") if each["subject"]["id"] in pair]
    assert [each["kind"] for each in about] == ["vni-duplicate"]

    fields = {"table": "vnet", "id": order["to"], "fields": {"vxlanID": vnis["app"]}}
    httpx.post(f"{stack.netris_url}/_sandbox/change", json=fields).raise_for_status()
    until(stack, lambda: not told(stack, "/fabric/findings/?kind=vni-duplicate"))
    page.goto("/fabric/findings/")
    expect(page.locator("#results")).not_to_contain_text("Duplicate VNI")


def test_a_vnet_whose_tier_is_gone_is_a_finding_with_its_number(
    stack: Stack, visit: Visit, vnis: dict[str, int]
) -> None:
    keys = (SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"], SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"])
    with httpx.Client(base_url=stack.cloudstack_url, timeout=30) as http:
        networks = Caller(http, keys).list("listNetworks", listall="true")
        [gone] = [each for each in networks if each.get("cidr") == "10.78.2.0/24"]
        order = {"table": "network", "id": gone["id"]}
        http.post("/_sandbox/forget", json=order).raise_for_status()

    found = until(stack, lambda: told(stack, "/fabric/findings/?kind=vni-leaked"))
    assert [each["subject"]["id"] for each in found] == [str(vnis["db"])]
    page = visit("admin", "/fabric/findings/", viewport={"width": 390, "height": 844})
    row = page.get_by_role("table", name="Findings").get_by_role("row").filter(has_text="V-Net whose tier is gone")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("No network in CloudStack has it any more; Netris still has")
    is_well(page)
    row.get_by_role("link", name=f"VNI {vnis['db']}").click()
    expect(page.locator("main")).to_contain_text("Its tier is gone from CloudStack, and Netris still uses it.")
    is_well(page)
