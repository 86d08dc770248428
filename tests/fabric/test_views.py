from __future__ import annotations

import re

import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.tenancy.models import User
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.fabric.conftest import Sweep

HTMX = {"HX-Request": "true"}


def page(client: Client, query: str = "", **headers: str) -> str:
    response = client.get(f"{reverse('fabric:topology')}{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_the_map_and_its_tables(browser: Client, read: Sweep) -> None:
    read()
    html = page(browser)

    assert html.count("<svg") > 1
    assert html.count('class="topo-device ') == 13 + 2
    assert len(re.findall(r'<tr id="row-\d+">', html)) == 13
    assert "swp31" in html
    assert "ISP-1-SoftGate-1" in html
    assert "read just now" in html
    assert "<h1>" in html


def test_it_is_the_platforms_alone(client: Client, engineer: User) -> None:
    url = reverse("fabric:topology")
    assert client.get(url).status_code == 302
    client.force_login(engineer)
    assert client.get(url).status_code == 404


def test_the_page_costs_nine_queries(
    browser: Client, read: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read()
    # session, user, zones, five for the picture; and for the frame the stuck operations
    with django_assert_num_queries(9):
        page(browser)
    with django_assert_num_queries(8):
        page(browser, **HTMX)


def test_a_map_that_has_not_changed_is_not_sent_again(
    browser: Client, read: Sweep, clock: time_machine.Traveller
) -> None:
    read()
    first = page(browser, **HTMX)
    poll = re.search(r'hx-get="[^"?]*(\?[^"]+)"', first)
    assert poll is not None
    assert 'id="fabric-map"' in first
    assert "<html" not in first
    clock.shift(15)
    read()

    second = page(browser, poll[1].replace("&amp;", "&"), **HTMX)

    assert 'id="fabric-map"' not in second
    assert 'id="device-rows"' in second
    assert len(second) < len(first)


def test_before_the_first_reading(browser: Client, zone: Zone) -> None:
    html = page(browser)
    assert "Netris has not been read yet" in html
    assert 'hx-trigger="every 5s"' in html


def test_without_a_zone(browser: Client, db: None) -> None:
    assert "No zone yet" in page(browser)


def test_netris_down_shows_the_last_picture_with_its_age(
    browser: Client, read: Sweep, world: World, clock: time_machine.Traveller
) -> None:
    read()
    world.netris.faults.order("down")
    clock.shift(600)
    read()
    html = page(browser)

    assert "Netris does not answer" in html
    assert "read 10 min ago, stale" in html
    assert html.count('class="topo-device topo-device--stale"') == 15
    assert 'class="status tone-sage"' not in html


def test_zones_can_be_chosen_among(browser: Client, zone: Zone, read: Sweep) -> None:
    builders.a_zone("Another")
    read()

    assert "Zones" in page(browser)
    assert "Netris has not been read yet" in page(browser, "?zone=another")
    assert "Leaf-1" in page(browser, f"?zone={zone.slug}")
    assert browser.get(f"{reverse('fabric:topology')}?zone=nowhere").status_code == 404
