"""The platform's pages of Direct Connect: locations, their ports and who has them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.directconnect.models import Connection, FabricPort, Interface, Location, PortKind
from apps.directconnect.stages import Stage
from apps.fabric.models import SurveyedPort
from apps.fabric.surveys import survey
from apps.kernel import clock as now
from apps.mirror.services import refresh_due, request_refresh
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry
from tests import builders

pytestmark = pytest.mark.django_db

LIST = "/platform/locations/"


@pytest.fixture
def root(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def surveyed(zone, clouds_of):
    zone.netris_site = "sv"
    zone.save()
    request_refresh(zone)
    refresh_due(clouds_of)
    survey(zone)
    return zone


def text(client: Client, path: str, status: int = 200, data: Any = None, **headers: str) -> str:
    answer = client.get(path, headers=headers) if data is None else client.post(path, data, headers=headers)
    assert answer.status_code == status, answer.content.decode()
    main = answer.content.decode().partition("<main")[2] or answer.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def a_body(zone, /, **said: str) -> dict[str, str]:
    body = {"name": "Lyon 1", "address": "1 quai", "room": "MMR 1", "zone": zone.slug, "loa_text": "One pair.\nRack 4."}
    body |= {"loa_days": "45", "is_open": "on"}
    body |= {"offering-0-speed": "10000", "offering-0-kind": "dedicated", "offering-0-price": "100 a month"}
    body |= {"offering-0-is_open": "on", "offering-1-speed": "", "offering-1-kind": "hosted", "offering-1-price": ""}
    return body | said


def test_tenants_have_no_such_pages(acme, location):
    port = builders.a_fabric_port(location)
    person = Client()
    person.force_login(builders.a_member(acme))
    paths = ("", "new/", "choices/", f"{location.pk}/", f"{location.pk}/edit/", f"{location.pk}/delete/")
    for path in (
        *(f"{LIST}{each}" for each in paths),
        f"{LIST}{location.pk}/ports/new/",
        f"/platform/ports/{port.pk}/remove/",
    ):
        assert person.get(path).status_code == 404
        assert person.post(path, {"name": "mine"}).status_code in (404, 405)
    assert (Location.objects.count(), FabricPort.objects.count()) == (1, 1)


# --- locations ----------------------------------------------------------------------------------------------------


def test_a_location_is_created_with_what_it_offers(root, zone):
    assert "No location yet" in text(root, LIST)
    answer = root.post(f"{LIST}new/", a_body(zone))
    row = Location.objects.get()
    assert answer.headers["Location"] == f"{LIST}{row.pk}/"
    assert (row.zone, row.loa_text, row.loa_days, row.is_open) == (zone, "One pair.\nRack 4.", 45, True)
    [offering] = row.offerings.all()
    assert (offering.speed, offering.kind, offering.price) == (10_000, PortKind.DEDICATED, "100 a month")
    shown = text(root, f"{LIST}{row.pk}/")
    for words in ("Lyon 1", "1 quai", "10 Gbit/s, dedicated port", "100 a month", "45 days", "No port yet", "Nobody."):
        assert words in shown
    assert AuditEntry.unscoped.get(action="location.create").tenant is None


def test_it_is_edited_and_lines_come_and_go(root, zone, location):
    page = f"{LIST}{location.pk}/edit/"
    assert root.get(page).content.decode().count('-speed" value=') == 2
    body = a_body(zone, **{"offering-1-speed": "25000", "is_open": ""})
    more = text(root, page, 200, {**body, "more": "lines"})
    assert "Line 4" in more
    assert "Line 5" not in more
    location.refresh_from_db()
    assert location.name == "Paris 2"
    assert root.post(page, body).status_code == 302
    location.refresh_from_db()
    assert (location.name, location.is_open) == ("Lyon 1", False)
    assert {(each.speed, each.kind) for each in location.offerings.all()} == {(10_000, "dedicated"), (25_000, "hosted")}
    answer = root.post(page, body, follow=True)
    assert "it is so already" in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 200}, "at most"),
        ({"name": "paris 2"}, "already a location called"),
        ({"address": ""}, "address"),
        ({"room": "\u202e"}, "Room"),
        ({"zone": ""}, "Choose the zone"),
        ({"zone": "nowhere"}, "There is no such zone any more"),
        ({"loa_days": "0"}, "1 to 365"),
        ({"loa_text": "x" * 2001}, "2000"),
        ({"offering-0-speed": "fast"}, "Line 1 of what it offers: Give a speed"),
        ({"offering-0-kind": "wireless"}, "Line 1, Kind"),
        ({"offering-1-price": "cheap"}, "Line 2 of what it offers: Give a speed"),
        ({"offering-1-speed": "10000", "offering-1-kind": "dedicated"}, "Each speed of a kind once"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_made(root, zone, location, said, told):
    assert told in text(root, f"{LIST}new/", 422, a_body(zone, **said))
    assert Location.objects.get() == location


def test_the_list_is_searched_and_filtered_and_costs_the_same(root, acme, zone, location, django_assert_num_queries):
    builders.a_fabric_port(location)
    builders.a_connection(acme, location, stage=Stage.LOA_ISSUED)
    builders.a_connection(acme, location, "paris-b", stage=Stage.APPROVED)
    builders.a_location(zone, "Lyon 1", is_open=False)
    shown = text(root, LIST)
    assert "1 of 2 unused" in shown
    assert "1 for a port" in shown
    assert "Paris 2" not in text(root, f"{LIST}?q=lyon")
    assert "Lyon 1" not in text(root, f"{LIST}?state=open")
    assert "Nothing matches" in text(root, f"{LIST}?zone={zone.slug}&q=nowhere")
    with CaptureQueriesContext(database) as few:
        root.get(LIST)
    for number in range(20):
        builders.a_fabric_port(builders.a_location(zone, f"More {number}"), f"swp{number}@Leaf-2")
    with django_assert_num_queries(len(few)):
        root.get(LIST)


def test_one_is_deleted_only_while_nobody_ever_ordered_there(root, acme, location):
    page = f"{LIST}{location.pk}/delete/"
    port = builders.a_fabric_port(location)
    assert "It has ports. Remove them first." in text(root, page)
    assert "It has ports. Remove them first." in text(root, page, 422, {})
    port.delete()
    order = builders.a_connection(acme, location)
    assert "Edit it to take no orders instead" in text(root, page, 422, {})
    Connection.unscoped.filter(pk=order.pk).delete()
    assert "Paris 2" in text(root, page)
    assert root.post(page).headers["Location"] == LIST
    assert not Location.objects.exists()
    assert root.get(page).status_code == 404


# --- ports --------------------------------------------------------------------------------------------------------


def free_ports() -> list[SurveyedPort]:
    return list(SurveyedPort.objects.filter(is_used=False, link_id="", device__startswith="Leaf").order_by("sort_key"))


def test_a_port_is_picked_from_the_free_ones_and_who_waits_has_it(root, acme, surveyed):
    location = builders.a_location(surveyed)
    waits = builders.a_connection(acme, location, stage=Stage.APPROVED)
    page, port = f"{LIST}{location.pk}/ports/new/", free_ports()[0]
    choices = root.get(f"{LIST}choices/", {"location": location.pk, "words": port.name}).content.decode()
    assert f'value="{port.pk}"' in choices
    assert "<html" not in choices
    shown = root.post(page, {"port_words": port.name, "search": "port", "kind": "dedicated"})
    assert shown.status_code == 200
    assert f'value="{port.pk}"' in shown.content.decode()
    assert not FabricPort.objects.exists()

    answer = root.post(page, {"port": str(port.pk), "kind": "dedicated", "speed": "10000"})
    assert answer.headers["Location"] == f"{LIST}{location.pk}/"
    waits.refresh_from_db()
    assert (waits.stage, waits.port.remote_id) == (Stage.PORT_RESERVED, port.remote_id)
    assert "paris-a of Acme" in text(root, f"{LIST}{location.pk}/")
    wrong = {"port": str(port.pk), "kind": "dedicated", "speed": "10000"}
    assert f"{port.name} belongs to Paris 2 already" in text(root, page, 422, wrong)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"port": ""}, "Choose one"),
        ({"port": str(uuid4())}, "There is no such port any more"),
        ({"port": "x" * 5000}, "There is no such port any more"),
        ({"kind": "wireless"}, "wireless"),
        ({"speed": "fast"}, "Give a speed"),
    ],
)
def test_a_port_that_cannot_be_is_refused_with_its_field(root, surveyed, said, told):
    location = builders.a_location(surveyed)
    body = {"port": str(free_ports()[0].pk), "kind": "dedicated", "speed": "10000"} | said
    assert told in text(root, f"{LIST}{location.pk}/ports/new/", 422, body)
    assert not FabricPort.objects.exists()


def test_choices_are_of_a_location_that_there_is(root, location):
    assert root.get(f"{LIST}choices/").status_code == 404
    assert root.get(f"{LIST}choices/", {"location": str(uuid4())}).status_code == 404
    assert root.get(f"{LIST}choices/", {"location": str(location.pk), "zone": "x"}).status_code == 400


def test_what_each_port_is_used_for_is_told(root, acme, globex, zone, location):
    shared = builders.a_fabric_port(location, "swp9@Leaf-1", kind=PortKind.HOSTED)
    builders.a_fabric_port(location, "swp1@Leaf-1")
    facts: dict[str, Any] = {"kind": PortKind.HOSTED, "port": shared}
    ours = builders.a_connection(acme, location, "ours", Stage.IN_SERVICE, speed=1000, **facts)
    builders.a_connection(globex, location, "theirs", Stage.LOA_ISSUED, speed=3000, **facts)
    vpc = builders.a_vpc(acme, zone)
    builders.an_interface(ours, vpc, "a", 100)
    gone: dict[str, Any] = {"status": Status.DELETED, "rests_until": now.now() + timedelta(hours=5)}
    builders.an_interface(ours, vpc, "b", 101, **gone)
    shown = text(root, f"{LIST}{location.pk}/")
    assert "swp1@Leaf-1 10 Gbit/s, dedicated port not in the inventory free" in shown
    assert "ours of Acme, theirs of Globex" in shown
    assert "4 Gbit/s of 10 Gbit/s, 1 VLAN " in shown
    assert "VLAN 101 rests" in shown


def test_what_was_read_too_long_ago_is_grey(root, surveyed, clock):
    location = builders.a_location(surveyed)
    port = free_ports()[0]
    builders.a_fabric_port(location, port.name, port.remote_id)
    assert "Stale" not in text(root, f"{LIST}{location.pk}/")
    clock.shift(timedelta(days=1))
    assert "Stale" in text(root, f"{LIST}{location.pk}/")


def test_who_waits_is_told_in_the_order_of_approval(root, acme, globex, location):
    builders.a_connection(globex, location, "first", stage=Stage.APPROVED)
    builders.a_connection(acme, location, "second", stage=Stage.APPROVED)
    shown = text(root, f"{LIST}{location.pk}/")
    assert shown.index("1 first of Globex") < shown.index("2 second of Acme")


def test_a_location_costs_as_much_with_many_ports(root, acme, location, django_assert_num_queries):
    def add(count: int, start: int) -> None:
        for number in range(start, start + count):
            port = builders.a_fabric_port(location, f"swp{number}@Leaf-1")
            builders.a_connection(acme, location, f"c{number}", Stage.LOA_ISSUED, port=port)
            builders.a_connection(acme, location, f"w{number}", Stage.APPROVED)

    add(2, 1)
    page = f"{LIST}{location.pk}/"
    with CaptureQueriesContext(database) as few:
        root.get(page)
    add(20, 10)
    with django_assert_num_queries(len(few)):
        root.get(page)


def test_a_port_is_removed_once_nothing_has_it(root, acme, zone, location):
    port = builders.a_fabric_port(location, kind=PortKind.HOSTED)
    page = f"/platform/ports/{port.pk}/remove/"
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE, kind=PortKind.HOSTED, port=port)
    assert "is that of “paris-a” of Acme. Close that connection first." in text(root, page)
    assert "Close that connection first." in text(root, page, 422, {})
    resting: dict[str, Any] = {"status": Status.DELETED, "rests_until": now.now() + timedelta(hours=5)}
    builders.an_interface(row, builders.a_vpc(acme, zone), **resting)
    Connection.unscoped.filter(pk=row.pk).update(stage=Stage.CLOSED, port=None, closed_at=now.now())
    assert "VLAN 100 of swp7@Leaf-1 rests" in text(root, page, 422, {})
    Interface.unscoped.all().delete()
    assert root.post(page).headers["Location"] == f"{LIST}{location.pk}/"
    assert not FabricPort.objects.exists()
    assert AuditEntry.unscoped.get(action="location.remove-port").old["port"] == "swp7@Leaf-1"


# --- connections of all tenants -----------------------------------------------------------------------------------

ALL = "/platform/direct-connects/"


def move_of(row: Connection, to: str) -> str:
    return f"{ALL}{row.pk}/move/?to={to}"


def move(client: Client, row: Connection, to: str, status: int = 302, **said: str) -> str:
    answer = client.post(move_of(row, to), said)
    assert answer.status_code == status, answer.content.decode()
    row.refresh_from_db()
    return text(client, f"{ALL}{row.pk}/") if status == 302 else html.unescape(answer.content.decode())


def test_tenants_see_and_move_nothing_there(acme, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    person = Client()
    person.force_login(builders.a_member(acme))
    for path in (ALL, f"{ALL}{row.pk}/", f"{ALL}{row.pk}/loa/", move_of(row, "approved")):
        assert person.get(path).status_code == 404
    assert person.post(move_of(row, "approved")).status_code == 404
    row.refresh_from_db()
    assert row.stage == Stage.SUBMITTED


def test_all_are_listed_searched_and_filtered_and_cost_the_same(
    root, acme, globex, location, django_assert_num_queries
):
    assert "No connection yet" in text(root, ALL)
    before = now.now() - timedelta(minutes=1)
    builders.a_connection(acme, location, stage=Stage.SUBMITTED, created_at=before)
    builders.a_connection(globex, location, "their-own", stage=Stage.LOA_ISSUED)
    shown = text(root, ALL)
    assert "paris-a" in shown
    assert "their-own" in shown
    assert "their-own" not in text(root, f"{ALL}?tenant=acme")
    assert "paris-a" not in text(root, f"{ALL}?stage=loa-issued&location={location.pk}")
    assert "Nothing matches" in text(root, f"{ALL}?q=nowhere")
    assert shown.index("their-own") < shown.index("paris-a 10")
    sorted_shown = text(root, f"{ALL}?sort=name")
    assert sorted_shown.index("paris-a 10") < sorted_shown.index("their-own 10")
    with CaptureQueriesContext(database) as few:
        root.get(ALL)
    for number in range(20):
        builders.a_connection(acme, location, f"c{number}", stage=Stage.APPROVED)
    with django_assert_num_queries(len(few)):
        root.get(ALL)


def test_the_platform_brings_an_order_all_the_way_it_can(root, acme, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    shown = text(root, f"{ALL}{row.pk}/")
    assert "Whose turn You" in shown
    for verb in ("Approve", "Reject", "Put on hold"):
        assert verb in shown
    assert "By root" in move(root, row, "approved")
    assert row.stage == Stage.APPROVED
    assert "place 1 in the queue" in text(root, f"{ALL}{row.pk}/")
    assert "No port of its location fits it" in text(root, move_of(row, "port-reserved"))
    small = builders.a_fabric_port(location, "swp1@Leaf-1", speed=1000)
    port = builders.a_fabric_port(location)
    offered = root.get(move_of(row, "port-reserved")).content.decode()
    assert str(port.pk) in offered
    assert str(small.pk) not in offered
    assert "of which the order" in move(root, row, "port-reserved", 422, port=str(small.pk))
    assert "has no such port" in move(root, row, "port-reserved", 422, port="x")
    assert "Port swp7@Leaf-1." in move(root, row, "port-reserved", port=str(port.pk))

    assert "Give a date such as" in move(root, row, "loa-issued", 422, valid_until="soon")
    assert "within the next year" in move(root, row, "loa-issued", 422, valid_until="2001-01-01")
    assert root.get(f"{ALL}{row.pk}/loa/").status_code == 404
    assert "LOA-9" in move(root, row, "loa-issued", number="LOA-9")
    assert root.get(f"{ALL}{row.pk}/loa/").content.startswith(b"%PDF")

    assert "reason" in move(root, row, "on-hold", 422).lower()
    assert "“The room is shut.”" in move(root, row, "on-hold", reason="The room is shut.")
    assert "Goes on at: LOA issued" in move(root, row, "loa-issued")
    assert "cannot be opened again" in text(root, move_of(row, "closing"))
    assert "Port swp7@Leaf-1 is free again." in move(root, row, "closing")
    assert row.stage == Stage.CLOSED


def test_it_is_suspended_and_resumed(root, acme, location):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    assert "Nothing passes over it until it is resumed" in text(root, move_of(row, "suspended"))
    move(root, row, "suspended")
    assert row.stage == Stage.SUSPENDED
    move(root, row, "in-service")
    assert row.stage == Stage.IN_SERVICE


def test_who_comes_late_is_told_and_nothing_is_changed(root, acme, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    move(root, row, "rejected", reason="No room.")
    assert "at “Rejected” now: it cannot be brought to “Approved”" in move(root, row, "approved")
    assert row.stage == Stage.REJECTED
    for to in ("", "nowhere", "x" * 500):
        assert root.get(move_of(row, to)).status_code == 404
    assert root.get(f"{ALL}{row.pk}/?to=approved").status_code == 400


def test_an_answer_to_htmx_is_a_part(root, acme, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    for path in (f"{ALL}{row.pk}/", f"{LIST}{location.pk}/", ALL, LIST):
        assert "<html" not in root.get(path, headers={"HX-Request": "true"}).content.decode()
