"""The pages of the inventory, on the reference site."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort
from apps.tenancy.models import Tenant, User
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.fabric.conftest import Order, Sweep
from tests.web.conftest import words

HTMX = {"HX-Request": "true"}


def names(client: Client, view: str, query: str = "") -> list[str]:
    answer = client.get(f"{reverse(view)}{query}")
    assert answer.status_code == 200
    return [line.name for line in answer.context["rows"]]


def detail(client: Client, row: Any, view: str = "fabric:device_detail", **headers: str) -> Any:
    answer = client.get(reverse(view, args=[row.zone.slug, row.remote_id]), headers=headers)
    assert answer.status_code == 200
    return answer


def device(name: str) -> SurveyedDevice:
    return SurveyedDevice.objects.select_related("zone").get(name=name)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?role=spine", ["Spine-1", "Spine-2"]),
        ("?role=softgate&sort=-name", ["SoftGate-4", "SoftGate-3", "SoftGate-2", "SoftGate-1"]),
        ("?q=oob", ["OOB-1"]),
        ("?q=10.0.8.2", ["Server-2"]),
        ("?q=4200000042", ["Server-2"]),
        ("?status=unknown", ["Server-1"]),
        ("?pair=Leaf-1+%2B+Leaf-2&role=leaf", ["Leaf-1", "Leaf-2"]),
        ("?zone=zone-1&role=server", ["Server-1"]),
        ("?role=leaf&status=critical", []),
    ],
)
def test_devices_are_found(browser: Client, zone: Zone, surveyed: Sweep, query: str, found: list[str]) -> None:
    assert names(browser, "fabric:device_list", query.replace("zone-1", zone.slug)) == found


def test_what_is_wrong_comes_first_and_consequences_after_their_cause(
    browser: Client, surveyed: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-2/kill")
    clock.shift(600)
    surveyed()

    assert names(browser, "fabric:device_list")[0] == "Leaf-2"
    assert "Leaf-2" in names(browser, "fabric:link_list", "?status=down")[0]
    assert "because of Leaf-2" in words(browser.get(reverse("fabric:link_list")))
    page = words(detail(browser, device("Leaf-1")))
    assert "because of Leaf-2" in page


def test_the_page_of_a_device_tells_all_that_is_known_of_it(browser: Client, surveyed: Sweep) -> None:
    page = words(detail(browser, device("SoftGate-1")))

    for told in ("SoftGate, general", "check_memory", "ISP-1-SoftGate-1", "Leaf-1", "swp1", "Leaf-1 + Leaf-2", "OOB-1"):
        assert told in page, told
    assert "check_port" not in page
    assert "up, rx utilisation" in page, "what its agent found at the port stands with the port"


def test_links_lead_to_both_ends_and_border_cables_are_known_by_their_sessions(
    browser: Client, surveyed: Sweep
) -> None:
    link = SurveyedLink.objects.select_related("zone").get(name="swp1@Leaf-1 - eth1@Server-1")
    page = detail(browser, link, "fabric:link_detail")
    for name in ("Leaf-1", "Server-1"):
        assert reverse("fabric:device_detail", args=[link.zone.slug, device(name).remote_id]) in page.content.decode()
    assert "nobody reports on this port" in words(page)

    border = SurveyedLink.objects.select_related("zone").filter(plane="border").order_by("sort_key")[0]
    page = detail(browser, border, "fabric:link_detail")
    assert "not in the inventory" in words(page)
    assert "ISP-1-Leaf-1" in words(page)


def test_what_is_not_there_is_404(browser: Client, zone: Zone, surveyed: Sweep) -> None:
    other = builders.a_zone("Other")
    assert browser.get(reverse("fabric:device_detail", args=[zone.slug, "99999"])).status_code == 404
    assert (
        browser.get(reverse("fabric:device_detail", args=[other.slug, device("Leaf-1").remote_id])).status_code == 404
    )
    assert browser.get(reverse("fabric:link_detail", args=[zone.slug, "99999"])).status_code == 404


def test_it_is_the_platforms_alone(client: Client, engineer: User, surveyed: Sweep) -> None:
    client.force_login(engineer)
    for url in (reverse("fabric:device_list"), reverse("fabric:device_detail", args=["zone-1", "1"])):
        assert client.get(url).status_code == 404


def test_netris_away_for_an_hour_leaves_the_pages_up_and_nothing_green(
    browser: Client, zone: Zone, surveyed: Sweep, world: World, clock: time_machine.Traveller
) -> None:
    world.netris.faults.order("down")
    clock.shift(3600)
    surveyed()

    for url in (
        reverse("fabric:device_list"),
        reverse("fabric:link_list"),
        reverse("fabric:session_list"),
        reverse("fabric:port_list"),
        reverse("fabric:subnet_list"),
        reverse("fabric:device_detail", args=[zone.slug, device("SoftGate-1").remote_id]),
    ):
        html = browser.get(url).content.decode()
        main = html[html.index("<main") :]
        assert "read 1 h ago, stale" in main, url
        assert "tone-sage" not in main, url
    assert names(browser, "fabric:device_list", "?status=ok") == []
    assert len(names(browser, "fabric:device_list", "?status=stale")) == 13


#: Of the part that follows: session and user; surveys; pairs to choose from; count, page, what Netris sent of it.
COSTS = {"device_list": 7, "link_list": 5, "session_list": 6, "port_list": 5, "subnet_list": 5}


@pytest.mark.parametrize(("view", "cost"), [(f"fabric:{name}", cost) for name, cost in COSTS.items()])
def test_a_list_costs_the_same_however_long_it_is(
    browser: Client, surveyed: Sweep, view: str, cost: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(cost):
        browser.get(reverse(view), headers=HTMX)


def test_the_page_of_a_device_costs_the_same_however_much_it_carries(
    browser: Client, surveyed: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Without sessions, with some, and as a hypervisor of CloudStack's that runs nothing."""
    for name, cost in (("Server-1", 7), ("Spine-1", 7), ("SoftGate-1", 8), ("Leaf-1", 8), ("Server-2", 10)):
        row = device(name)
        with django_assert_num_queries(cost):
            detail(browser, row, **HTMX)


def test_a_part_is_what_follows_and_no_page(browser: Client, surveyed: Sweep) -> None:
    row = device("Leaf-1")
    url = reverse("fabric:device_detail", args=[row.zone.slug, row.remote_id])
    html = browser.get(url, headers=HTMX).content.decode()
    assert "<html" not in html
    assert re.search(rf'hx-get="{url}"', html)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=swp1%40leaf-1", ["swp1@Leaf-1"]),
        ("?status=down", []),
        ("?q=%40server-1&use=free", ["eth3@Server-1"]),
        ("?q=%40server-1&use=used&sort=-name", ["eth2@Server-1", "eth1@Server-1", "eth0@Server-1"]),
    ],
)
def test_ports_are_found(browser: Client, surveyed: Sweep, query: str, found: list[str]) -> None:
    assert [name for name in names(browser, "fabric:port_list", query) if name[:4] != "eth4"] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=198.51.100.0/25", ["Subnet for Netris Services"]),
        ("?type=allocation&q=public", ["Public Allocation for Netris Services", "Public Allocation 1"]),
        ("?purpose=loopback", ["Loopback IP Subnet"]),
        ("?purpose=nat&type=allocation", []),
    ],
)
def test_subnets_are_found_in_the_order_of_their_addresses(
    browser: Client, surveyed: Sweep, query: str, found: list[str]
) -> None:
    assert names(browser, "fabric:subnet_list", query) == found


def test_a_hypervisor_shows_its_host_in_cloudstack_and_what_it_carries(
    browser: Client, acme: Tenant, zone: Zone, surveyed: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = device("Server-2")
    vpc = builders.a_vpc(acme, zone)
    tier = builders.a_tier(vpc, cloudstack_id=uuid4())
    account = builders.an_account(acme, zone)
    for name in ("web-1", "web-2"):
        builders.an_instance(account, name, tier=tier, hostid=row.host_id)
    builders.an_instance(account, "elsewhere", tier=tier, hostid=str(uuid4()))

    with django_assert_num_queries(12):
        page = words(detail(browser, row, **HTMX))

    assert "In CloudStack" in page
    assert "KVM" in page
    assert "2 instances of 1 tenant" in page
    assert f"{tier.name}" in page
    assert acme.name in page


def sheet(client: Client, noun: str, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{reverse(f'fabric:{noun}_sheet')}{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{noun}s.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_a_list_is_a_sheet_as_well_narrowed_and_sorted_as_it_is(browser: Client, zone: Zone, surveyed: Sweep) -> None:
    rows = sheet(browser, "device", "?role=softgate&sort=-name")
    assert [row["name"] for row in rows] == [f"SoftGate-{n}" for n in (4, 3, 2, 1)]
    assert {(row["zone"], row["status"], row["pair"]) for row in rows} == {(zone.slug, "ok", "Leaf-1 + Leaf-2")}
    assert rows[-1]["loopback"] == "10.0.4.1"
    assert len(sheet(browser, "port")) == SurveyedPort.objects.count() > 50
    assert sheet(browser, "session", "?q=ISP-1-SoftGate-1")[0]["bgp_state"] == "Established"
    assert sheet(browser, "link", "?q=swp1%40leaf-1")[0]["b_port"]
    assert "198.51.100.0/25" in [row["prefix"] for row in sheet(browser, "subnet")]
    page = browser.get(f"{reverse('fabric:device_list')}?role=softgate").content.decode()
    assert f'href="{reverse("fabric:device_sheet")}?role=softgate"' in page


def test_a_sheet_is_refused_where_its_filter_can_match_nothing(browser: Client, surveyed: Sweep) -> None:
    assert browser.get(f"{reverse('fabric:device_sheet')}?role=router").status_code == 400
    assert browser.get(f"{reverse('fabric:device_sheet')}?rolle=leaf").status_code == 400


def test_a_sheet_runs_nothing_in_a_spreadsheet(browser: Client, zone: Zone) -> None:
    builders.a_port(zone, "=1+1@Leaf-1")
    assert sheet(browser, "port")[0]["name"] == "'=1+1@Leaf-1"


def test_a_sheet_costs_the_same_however_long_it_is(
    browser: Client, surveyed: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for query in ("", "?role=spine"):
        with django_assert_num_queries(6):  # session and user, surveys, pairs, the rows, what Netris sent of them
            sheet(browser, "device", query)


def test_what_happened_to_a_link_stands_on_its_page(
    browser: Client, surveyed: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    link = SurveyedLink.objects.select_related("zone").get(name="swp2@Leaf-1 - eth1@Server-2")
    assert "Link down" not in words(detail(browser, link, "fabric:link_detail"))
    port = SurveyedPort.objects.get(name="swp2@Leaf-1")
    order("/change", table="port", id=int(port.remote_id), fields={"carrier": False})
    clock.shift(60)
    surveyed()

    assert "Link down" in words(detail(browser, link, "fabric:link_detail"))


@pytest.mark.parametrize(("view", "table"), [("device", SurveyedDevice), ("link", SurveyedLink)])
def test_what_is_read_and_not_judged_yet_has_a_page_that_says_so(
    browser: Client, surveyed: Sweep, view: str, table: Any
) -> None:
    row = table.objects.select_related("zone").exclude(name="ISP").filter(remote_id__regex=r"^\d+$").first()
    table.objects.filter(pk=row.pk).delete()
    page = detail(browser, row, f"fabric:{view}_detail")
    assert "has not been judged yet" in words(page) and "tone-sage" not in page.content.decode().partition("<main")[2]
    part = detail(browser, row, f"fabric:{view}_detail", **HTMX)
    assert "<html" not in part.content.decode() and "every 5s" in part.content.decode()
    missing = reverse(f"fabric:{view}_detail", args=[row.zone.slug, "99999"])
    assert browser.get(missing).status_code == 404
    surveyed()
