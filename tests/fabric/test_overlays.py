"""What is laid over the map: who carries a VNI or a tenant, what is busy, down, or in maintenance."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Account
from apps.fabric.drawings import plan_of, state_of
from apps.fabric.queries import basis_of
from apps.fabric.sights import Sight
from apps.fabric.surveys import survey
from apps.mirror.models import Item, Kind
from apps.tenancy.models import Scope, Tenant
from apps.vnis.models import Claim, Holder, Ledger
from apps.zones.models import System, Zone
from sandbox.world import World
from tests import builders
from tests.fabric.conftest import Order, Sweep
from tests.fabric.test_views import HTMX, page

VNI = 10234


@pytest.fixture
def platform(db: None) -> dict[str, str]:
    return {"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"}


def told(client: Client, platform: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/fabric/topology/", query, headers=platform)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def lit(topology: dict[str, Any]) -> dict[str, int]:
    return {node["name"]: node["figure"] for node in topology["nodes"] if node["lit"]}


def figures(topology: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        node["name"]: (node["figure"], node["figure_of"]) for node in topology["nodes"] if node["figure"] is not None
    }


def test_a_map_of_a_vni_is_drawn_anew_when_the_ledger_is_written(zone: Zone, read: Sweep) -> None:
    read()
    survey(zone)
    basis, sights = basis_of(zone), [Sight(zone.slug, overlay=overlay, vni=VNI) for overlay in ("vni", "links")]
    Ledger.objects.create(zone=zone, looked_at=timezone.now())
    plan = plan_of(zone, basis)
    before = [state_of(basis, plan, sight) for sight in sights]
    Ledger.objects.update(looked_at=timezone.now() + timedelta(seconds=1))
    after = [state_of(basis, plan, sight) for sight in sights]
    assert (before[0] == after[0], before[1] == after[1]) == (False, True)


@pytest.fixture
def account(acme: Tenant, zone: Zone, read: Sweep) -> Account:
    """Of acme, with two instances in a network with a VNI on Server-2, one on Server-3, and a stopped one. All lists
    are read."""
    read()
    account = builders.an_account(acme, zone)
    network = {"nic": [{"id": "n", "networkid": "the-network", "ipaddress": "10.20.0.5"}]}
    for name, host, state in (
        ("a", "Server-2", "Running"),
        ("b", "server-2.example.org", "Running"),
        ("c", "Server-3", "Running"),
        ("d", "Server-4", "Stopped"),
    ):
        builders.an_instance(account, name, state=state, hostname=host, **network)
    builders.an_instance(builders.an_account(builders.a_tenant("Globex"), zone), "g", hostname="Server-4")
    Claim.unscoped.create(
        zone=zone,
        system=System.CLOUDSTACK,
        vnis=NumericRange(VNI, VNI + 1),
        kind=Holder.NETWORK,
        holder="the-network",
        name="web",
        owner="acme",
        is_first=True,
        began_at=timezone.now(),
        seen_at=timezone.now(),
    )
    return account


def test_the_footprint_of_a_vni_is_where_its_instances_run(
    client: Client, browser: Client, platform: dict[str, str], account: Account
) -> None:
    builders.an_instance(account, "e", hostname="Server-9", nic=[{"id": "n", "networkid": "the-network"}])

    topology = told(client, platform, overlay="vni", vni=VNI)

    assert lit(topology) == {"Server-2": 2, "Server-3": 1}
    assert topology["words"] == (
        "VNI 10234 is the network web of acme: 4 running instances on 2 of the hypervisors. 1 of them on hosts that "
        "Netris does not have under CloudStack's name."
    )
    html = page(browser, f"?overlay=vni&vni={VNI}")
    assert "VNI 10234 is the network web of acme" in html
    assert html.count("topo-device--lit") == 2
    assert re.search(r"Server-2<.*?2 instances<", html)
    assert "Instances in CloudStack" in html  # with its age


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("?overlay=vni", "Give a VNI"),
        ("?overlay=vni&vni=4242", "No network has VNI 4242 now."),
        ("?overlay=vni&vni=0", "A VNI is a number from 1 to 16777215, and “0” is none."),
        ("?overlay=vni&vni=99999999", "and “99999999” is none."),
        ("?overlay=vni&vni=<script>", "“&lt;script&gt;” is none."),
        ("?overlay=tenant", "Give a tenant&#x27;s short name"),
        ("?overlay=tenant&tenant=nobody", "There is no tenant with the short name “nobody”."),
        ("?overlay=maintenance", "No device is in maintenance."),
    ],
)
def test_an_overlay_that_shows_nothing_says_why(browser: Client, read: Sweep, asked: str, words: str) -> None:
    read()
    html = page(browser, asked)

    assert words in html
    assert "topo-device--lit" not in html
    assert html.count('class="topo-device ') == 15


def test_an_overlay_that_there_is_not_is_refused(browser: Client, read: Sweep) -> None:
    assert browser.get(f"{reverse('fabric:topology')}?overlay=weather").status_code == 400


def test_the_footprint_of_a_tenant_is_where_its_instances_run(
    client: Client, platform: dict[str, str], account: Account
) -> None:
    assert lit(told(client, platform, overlay="tenant", tenant="acme")) == {"Server-2": 2, "Server-3": 1}
    assert lit(told(client, platform, overlay="tenant", tenant="globex")) == {"Server-4": 1}


def test_a_poll_of_an_overlay_hears_of_its_own_lists(
    browser: Client, account: Account, clock: time_machine.Traveller
) -> None:
    first = page(browser, f"?overlay=vni&vni={VNI}", **HTMX)
    [poll] = re.findall(r'hx-get="([^"]+seen[^"]+)"', first)
    poll = poll.replace("&amp;", "&")
    assert browser.get(poll, headers=HTMX).status_code == 204
    clock.shift(1)

    builders.mirrored(account.zone, Kind.CLOUDSTACK_INSTANCE, [])  # it is read anew, and the same
    same = browser.get(poll, headers=HTMX)
    assert same.status_code == 200
    assert 'id="fabric-map"' not in same.content.decode()

    clock.shift(1)
    Item.objects.filter(name="c").update(data={"id": "c", "state": "Stopped"})
    builders.mirrored(account.zone, Kind.CLOUDSTACK_INSTANCE, [])
    moved = browser.get(poll, headers=HTMX).content.decode()
    assert 'id="fabric-map"' in moved
    assert "2 running instances on 1 of the hypervisors" in moved


def test_links_bgp_and_how_busy_ports_are(
    client: Client, platform: dict[str, str], read: Sweep, world: World, order: Order, clock: time_machine.Traveller
) -> None:
    port = world.netris.net.ports.one("name", "swp31@Leaf-1")
    assert port is not None
    order("/change", table="port", id=port["id"], fields={"carrier": False})
    clock.shift(45)
    read()

    ports = figures(told(client, platform, overlay="links"))
    assert ports["Leaf-2"] == (13, 13)
    assert ports["Leaf-1"] == (12, 13)
    assert ports["Spine-1"][0] == ports["Spine-1"][1] - 1
    sessions = figures(told(client, platform, overlay="bgp"))
    assert sessions["ISP-1"] == (6, 6)
    assert sessions["SoftGate-1"] == (2, 2)
    assert "Spine-1" not in sessions
    busy = told(client, platform, overlay="utilisation")
    loads = {link["utilisation"] for link in busy["links"] if link["plane"] == "underlay" and link["status"] == "up"}
    assert loads
    assert all(0 <= load <= 100 for load in loads)
    assert figures(busy)["Leaf-2"][1] == 100
    assert {link["utilisation"] for link in told(client, platform)["links"]} == {None}


def test_a_port_that_does_not_tell_how_busy_it_is_is_not_known(
    client: Client, browser: Client, platform: dict[str, str], read: Sweep
) -> None:
    read()
    for item in Item.objects.filter(kind=Kind.NETRIS_DEVICE):
        item.data["checks"] = [check | {"message": "up"} for check in item.data["checks"]]
        item.save()

    topology = told(client, platform, overlay="utilisation")

    assert topology["words"] == "Netris tells of no port how busy it is."
    assert figures(topology) == {}


def test_what_is_in_maintenance_is_lit(client: Client, platform: dict[str, str], read: Sweep) -> None:
    read()
    item = Item.objects.get(kind=Kind.NETRIS_DEVICE, name="SoftGate-2")
    item.data["maintenance_mode"] = True
    item.save()

    topology = told(client, platform, overlay="maintenance")

    assert lit(topology) == {"SoftGate-2": 1}
    assert topology["words"] == "1 of 15 devices are in maintenance."


def test_programs_are_told_the_whole_fabric_in_layers(client: Client, platform: dict[str, str], read: Sweep) -> None:
    read()
    topology = told(client, platform)

    names = {node["id"]: node["name"] for node in topology["nodes"]}
    assert [layer["name"] for layer in topology["layers"]] == [
        "Internet", "Spines", "Leaves", "SoftGates", "Servers and hypervisors", "Out of band",
    ]  # fmt: skip
    assert sorted(id_ for layer in topology["layers"] for id_ in layer["nodes"]) == sorted(names)
    assert {(link["a"] in names, link["b"] in names) for link in topology["links"]} == {(True, True)}
    assert len(topology["links"]) == 36
    assert len(topology["sessions"]) == 12
    assert topology["read_at"]
    assert topology["is_stale"] is False


def test_a_stale_topology_says_so(
    client: Client, platform: dict[str, str], read: Sweep, world: World, clock: time_machine.Traveller
) -> None:
    read()
    world.netris.faults.order("down")
    clock.shift(600)
    read()
    topology = told(client, platform)

    assert topology["is_stale"] is True
    assert {node["status"] for node in topology["nodes"]} == {"stale"}
    assert {link["status"] for link in topology["links"]} == {"unknown"}


def test_the_table_says_what_the_map_shows(browser: Client, read: Sweep) -> None:
    read()
    url = reverse("fabric:topology_table")
    html = browser.get(url).content.decode()

    assert len(re.findall(r'<tr id="row-', html)) == 15
    assert "swp31" in html
    assert "2 BGP sessions" not in html
    assert "BGP session" in html
    assert "6 of 6 sessions" in browser.get(f"{url}?overlay=bgp").content.decode()
    assert browser.get(f"{url}?stauts=x").status_code == 400


def test_the_map_is_a_file_that_shows_itself(browser: Client, zone: Zone, read: Sweep) -> None:
    read()
    answer = browser.get(reverse("fabric:topology_svg"), {"overlay": "links"})

    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="topology-{zone.slug}.svg"'
    drawn = answer.content.decode()
    root = ElementTree.fromstring(drawn)  # noqa: S314 - what is parsed has just been drawn
    style = root.find("{http://www.w3.org/2000/svg}style")
    assert style is not None
    assert ".topo-box" in (style.text or "")
    assert "--surface:" in (style.text or "")
    assert "href=" not in drawn
    assert "inventory read at 2026-03-02 09:00:00 UTC" in drawn


def test_the_fabric_is_a_file_of_its_cables(browser: Client, read: Sweep) -> None:
    read()
    text = browser.get(reverse("fabric:topology_dot")).content.decode()

    assert '    "Spine-1":"swp1" -- "Leaf-1":"swp31"\n' in text or '    "Leaf-1":"swp31" -- "Spine-1":"swp1"\n' in text
    assert text.count(" -- ") == 36
    assert text.count("{") == text.count("}") == 1


def test_names_break_neither_file(browser: Client, read: Sweep) -> None:
    hostile = 'Leaf"]; }\n--><script>&'
    read()
    item = Item.objects.get(kind=Kind.NETRIS_DEVICE, name="Leaf-1")
    item.data["name"] = hostile
    item.save()

    drawn = browser.get(reverse("fabric:topology_svg")).content.decode()
    graph = browser.get(reverse("fabric:topology_dot")).content.decode()

    ElementTree.fromstring(drawn)  # noqa: S314 - what is parsed has just been drawn
    assert "<script>" not in drawn
    lines = [line for line in graph.splitlines() if "script" in line]
    assert lines
    assert all(line.count('"') % 2 == 0 and "Leaf']; } --><script>&" in line for line in lines)
