"""What the map, its table, its files and the API say while something is wrong, and once it is right again."""

from __future__ import annotations

import re
from datetime import timedelta

import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.mirror.models import Reading
from apps.zones.models import Zone
from sandbox.world import World
from tests.fabric.conftest import Order, Sweep
from tests.fabric.test_overlays import platform as platform
from tests.fabric.test_overlays import told
from tests.fabric.test_views import a_big_fabric, page

LEGEND = re.compile(r'<ul class="legend".*?</ul>', re.DOTALL)


def is_green(html: str) -> bool:
    """Whether anything but the legend is said to be well."""
    return bool(re.search(r'class="[^"]*tone-sage', LEGEND.sub("", html)))


def test_a_cable_in_the_wrong_port_is_told_and_its_link_needs_a_look(
    client: Client, browser: Client, platform: dict[str, str], read: Sweep, order: Order, world: World,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    port = world.netris.net.ports.one("name", "swp31@Leaf-1")
    assert port is not None

    def plug(into: str) -> dict[str, str]:
        order("/change", table="port", id=port["id"], fields={"neighbour": into})
        clock.shift(45)
        read()
        names = {node["id"]: node["name"] for node in told(client, platform)["nodes"]}
        return {
            " - ".join(sorted((names[link["a"]], names[link["b"]]))): link["status"]
            for link in told(client, platform)["links"]
            if link["plane"] == "underlay" and "Leaf-1" in (names[link["a"]], names[link["b"]])
        }

    links = plug("swp1@Spine-2")
    assert links["Leaf-1 - Spine-1"] == "warning"
    assert {status for pair, status in links.items() if pair != "Leaf-1 - Spine-1"} == {"up"}
    html = page(browser)
    assert "A cable is in the wrong port" in html
    assert "swp31@Leaf-1 is wired to swp1@Spine-2 instead of swp1@Spine-1" in html
    assert html.count('class="callout tone-') == 1  # one fault, one notice

    assert set(plug("swp1@Spine-1").values()) == {"up"}
    assert "in the wrong port" not in page(browser)


def test_while_netris_is_unreachable_for_an_hour_pages_stay_up_and_nothing_is_green(
    client: Client, browser: Client, platform: dict[str, str], read: Sweep, world: World,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    read()
    assert is_green(page(browser))
    world.netris.faults.order("down")
    for _ in range(6):
        clock.shift(600)
        read()
    paths = [reverse(f"fabric:{name}") for name in ("topology", "topology_table", "topology_svg", "topology_dot")]
    for path in [*paths, f"{paths[0]}?overlay=links", f"{paths[0]}?overlay=utilisation", f"{paths[1]}?overlay=bgp"]:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert not is_green(answer.content.decode()), path
    html = page(browser)
    assert "Netris does not answer" in html
    assert "read 60 min ago, stale" in html or "read 1 h ago, stale" in html
    assert "Leaf-1<" in html  # the last picture is there
    assert told(client, platform)["is_stale"] is True
    assert "-60 min" not in html

    world.netris.faults.clear()
    clock.shift(30)
    read()
    assert is_green(page(browser))
    assert "Netris does not answer" not in page(browser)
    assert told(client, platform)["is_stale"] is False


def test_a_dead_leaf_is_told_on_the_table_and_by_every_overlay_that_it_concerns(
    client: Client, browser: Client, platform: dict[str, str], read: Sweep, order: Order,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    order("/devices/Leaf-2/kill")
    clock.shift(60)
    read()

    table = browser.get(reverse("fabric:topology_table")).content.decode()
    assert re.search(r"Leaf-2</a>.*?Critical", table, re.DOTALL)
    assert "because of another" in table
    figures = {
        node["name"]: (node["figure"], node["figure_of"]) for node in told(client, platform, overlay="links")["nodes"]
    }
    assert figures["Leaf-2"][0] == 0
    assert figures["Spine-1"][0] < figures["Spine-1"][1]
    sessions = {
        node["name"]: (node["figure"], node["figure_of"]) for node in told(client, platform, overlay="bgp")["nodes"]
    }
    assert sessions["Leaf-2"] == (0, 2)


def test_a_fabric_that_falls_silent_is_told_in_a_few_lines(
    browser: Client, zone: Zone, clock: time_machine.Traveller
) -> None:
    """When Netris goes on answering and hears of no device, each of them would be a cause of its own."""
    a_big_fabric(zone, leaves=40, servers=450)
    Reading.objects.update(read_at=timezone.now() + timedelta(seconds=200))

    html = page(browser)

    assert html.count('data-verb="has not reported"') == 5
    assert "489 more devices</a> have not reported." in html
    assert len(html) < 150_000
