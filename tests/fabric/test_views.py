from __future__ import annotations

import re
import time

import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.fabric.surveys import survey
from apps.mirror.models import Item, Kind, Reading
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


def test_the_map_leads_to_the_pages_of_what_is_on_it(browser: Client, zone: Zone, read: Sweep) -> None:
    read()
    html = page(browser)

    assert html.count("<svg") > 1
    assert html.count('class="topo-device ') == 13 + 2
    assert "<table" not in html  # they have pages of their own
    devices = {str(row.remote_id) for row in Item.objects.filter(kind=Kind.NETRIS_DEVICE)}
    links = {str(row.remote_id) for row in Item.objects.filter(kind=Kind.NETRIS_LINK)}
    assert set(re.findall(rf'href="/fabric/devices/{zone.slug}/([^"]+)/"', html)) == devices
    assert links <= set(re.findall(rf'href="/fabric/links/{zone.slug}/([^"]+)/"', html))
    assert f'href="/fabric/sessions/?zone={zone.slug}&amp;q=ISP-1"' in html
    assert f'href="/fabric/devices/?zone={zone.slug}"' in html
    assert "read just now" in html
    assert "<h1>" in html


def test_it_is_the_platforms_alone(client: Client, engineer: User) -> None:
    url = reverse("fabric:topology")
    assert client.get(url).status_code == 302
    client.force_login(engineer)
    assert client.get(url).status_code == 404


def test_the_page_costs_twelve_queries(
    browser: Client, zone: Zone, read: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read()
    survey(zone)
    # session, user, zones, four for the map; and for the frame what waits, is stuck, in trouble, astray, and found
    with django_assert_num_queries(12):
        page(browser)
    with django_assert_num_queries(6):  # the frame is there, and the drawing is kept
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
    assert 'id="fabric-tallies"' in second
    assert len(second) < len(first)


def test_a_poll_is_told_nothing_until_something_else_is_read_and_draws_nothing_meanwhile(
    browser: Client, read: Sweep, clock: time_machine.Traveller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read()
    url = reverse("fabric:topology")

    def poll(html: str) -> HttpResponse:
        [query] = re.findall(r'hx-get="[^"?]*(\?[^"]+)"', html)
        return browser.get(f"{url}{query.replace('&amp;', '&')}", headers=HTMX)

    first = page(browser, **HTMX)
    with django_assert_num_queries(6):  # session, user, zones, and what the picture was drawn from
        answer = poll(first)
    assert (answer.status_code, answer.content) == (204, b"")

    # Another person's page is made of the same drawing.
    with django_assert_num_queries(6):
        assert 'id="fabric-map"' in page(browser, **HTMX)

    clock.shift(15)
    read()
    second = poll(first)
    assert second.status_code == 200
    assert poll(second.content.decode()).status_code == 204
    # What grows stale is news as well.
    clock.shift(600)
    assert poll(second.content.decode()).status_code == 200


def test_before_the_first_reading(browser: Client, zone: Zone) -> None:
    html = page(browser)
    assert "Netris has not been read yet" in html
    assert 'hx-trigger="heard, every 5s"' in html


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


def test_a_fabric_that_fits_on_no_screen_opens_piece_by_piece(browser: Client, zone: Zone) -> None:
    a_big_fabric(zone, leaves=40, servers=450)
    started = time.process_time()
    html = page(browser)
    took = time.process_time() - started

    assert "Leaf-1, 2<" in html
    assert "Server-20<" not in html
    assert took < 1  # 0.14 s when nothing else runs
    [opening] = re.findall(r'href="(\?[^"]*open=rack-5)" data-fold="rack-5"', html)

    answer = browser.get(f"{reverse('fabric:topology')}{opening.replace('&amp;', '&')}", headers=HTMX)
    part = answer.content.decode()
    assert answer.headers["HX-Push-Url"] == f"{reverse('fabric:topology')}?zone={zone.slug}&open=rack-5"
    assert "Server-20<" in part
    assert "Server-21<" not in part
    assert "Close Leaf-1, 2" in part
    # What a page asks by itself changes no address, and is told nothing while nothing changes.
    [poll] = re.findall(r'hx-get="([^"]+)"', part)
    again = browser.get(poll.replace("&amp;", "&"), headers=HTMX)
    assert (again.status_code, "HX-Push-Url" in again.headers) == (204, False)
    # The same as a page, for who has no JavaScript or was sent the address.
    assert "Server-20<" in page(browser, opening.replace("&amp;", "&"))


def test_a_device_that_is_looked_for_is_in_a_part_that_is_open(browser: Client, zone: Zone) -> None:
    a_big_fabric(zone, leaves=40, servers=450)
    server = Item.objects.get(name="Server-20").remote_id
    url = reverse("fabric:topology")

    answer = browser.get(url, {"zone": zone.slug, "device": server})

    assert answer.headers["Location"] == f"{url}?zone={zone.slug}&open=rack-5#device-{server}"
    assert browser.get(url, {"device": "<x>"}).headers["Location"].startswith(f"{url}?zone={zone.slug}#device-%3C")


def test_a_map_is_compressed_unless_words_of_the_query_come_back_in_it(browser: Client, read: Sweep) -> None:
    read()

    def encoding(query: str) -> str:
        answer = browser.get(f"{reverse('fabric:topology')}{query}", headers={"Accept-Encoding": "gzip"})
        return answer.headers.get("Content-Encoding", "")

    assert encoding("") == encoding("?overlay=links") == encoding("?open=rack-4242") == "gzip"
    assert encoding("?overlay=tenant&tenant=acme") == encoding("?overlay=vni&vni=7") == ""
    assert "rack-4242" not in page(browser, "?open=rack-4242")


def test_what_is_open_is_named_as_the_maps_links_do(browser: Client, zone: Zone) -> None:
    url = reverse("fabric:topology")
    for wrong in ("<script>", "rack-1,", "rack--1", "zone-1", ",".join(f"rack-{n}" for n in range(13))):
        assert browser.get(url, {"open": wrong}).status_code == 400, wrong
    assert browser.get(url, {"open": "rack-999,pod-7"}).status_code == 200


def a_big_fabric(zone: Zone, *, leaves: int, servers: int) -> None:
    now = timezone.now()
    facts = {"status": "ok", "last_seen": now.isoformat(), "main_address": "10.0.0.1", "asn": 65000}
    names = [f"Spine-{n}" for n in range(1, 5)] + [f"Leaf-{n}" for n in range(1, leaves + 1)]
    kinds = dict.fromkeys(names, "switch") | {f"Server-{n}": "server" for n in range(1, servers + 1)}
    cables = [
        (f"swp{leaf}@Spine-{n}", f"swp{60 + n}@Leaf-{leaf}") for leaf in range(1, leaves + 1) for n in range(1, 5)
    ]
    for server in range(1, servers + 1):
        pair = 2 * (server % (leaves // 2)) + 1
        cables += [(f"swp{server}@Leaf-{pair + n}", f"eth{n + 1}@Server-{server}") for n in (0, 1)]
    rows = [
        Item(kind=Kind.NETRIS_DEVICE, remote_id=str(n), name=name, data={"id": n, "name": name, "type": kind, **facts})
        for n, (name, kind) in enumerate(kinds.items(), start=1)
    ] + [
        Item(
            kind=Kind.NETRIS_LINK,
            remote_id=str(n),
            data={"id": str(n), "local": {"name": local}, "remote": {"name": remote}, "underlay": True},
        )
        for n, (local, remote) in enumerate(cables, start=1)
    ]
    for row in rows:
        row.zone, row.changed_at = zone, now
    Item.objects.bulk_create(rows)
    for kind in (Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP):
        Reading.objects.create(zone=zone, kind=kind, read_at=now)
