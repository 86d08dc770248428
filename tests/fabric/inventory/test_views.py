"""The pages of the inventory, on the reference site."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.fabric.models import SurveyedDevice, SurveyedLink
from apps.tenancy.models import User
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


def detail(client: Client, row: Any, view: str = "fabric:device_detail") -> Any:
    answer = client.get(reverse(view, args=[row.zone.slug, row.remote_id]))
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
        reverse("fabric:device_detail", args=[zone.slug, device("SoftGate-1").remote_id]),
    ):
        html = browser.get(url).content.decode()
        main = html[html.index("<main") :]
        assert "read 1 h ago, stale" in main, url
        assert "tone-sage" not in main, url
    assert names(browser, "fabric:device_list", "?status=ok") == []
    assert len(names(browser, "fabric:device_list", "?status=stale")) == 13


@pytest.mark.parametrize(
    ("view", "cost"), [("fabric:device_list", 11), ("fabric:link_list", 9), ("fabric:session_list", 10)]
)
def test_a_list_costs_the_same_however_long_it_is(
    browser: Client, surveyed: Sweep, view: str, cost: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Session and user; surveys; pairs where they can be chosen; count, page and what Netris sent of it; and the
    frame's four."""
    with django_assert_num_queries(cost):
        browser.get(reverse(view))
    with django_assert_num_queries(cost - 4):
        browser.get(reverse(view), headers=HTMX)


def test_the_page_of_a_device_costs_the_same_however_much_it_carries(
    browser: Client, surveyed: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name, cost in (
        ("Server-1", 10),
        ("Spine-1", 10),
        ("SoftGate-1", 11),
        ("Leaf-1", 11),
    ):  # with sessions, and without
        row = device(name)
        with django_assert_num_queries(cost):
            detail(browser, row)


def test_a_part_is_what_follows_and_no_page(browser: Client, surveyed: Sweep) -> None:
    row = device("Leaf-1")
    url = reverse("fabric:device_detail", args=[row.zone.slug, row.remote_id])
    html = browser.get(url, headers=HTMX).content.decode()
    assert "<html" not in html
    assert re.search(rf'hx-get="{url}"', html)
