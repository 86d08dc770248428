"""The pages of connections: the order form, one timeline with the step that is next, and nothing of anybody else."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.directconnect import stages
from apps.directconnect.models import Connection, Location, PortKind, StageEntry
from apps.directconnect.services import keeping, orders
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock as now
from apps.quotas.models import Limit
from apps.tenancy.actors import Actor
from apps.tenancy.models import Role, Tenant
from tests import builders

pytestmark = pytest.mark.django_db

PROVIDER = Actor.system("carol of the data centre")


def person(tenant: Tenant, role: Role = Role.ENGINEER) -> Client:
    client = Client()
    client.force_login(builders.a_member(tenant, role, username=f"{role}-of-{tenant.slug}"))
    return client


@pytest.fixture
def ann(acme: Tenant) -> Client:
    return person(acme)


def text(client: Client, path: str, status: int = 200, data: Any = None, **headers: str) -> str:
    answer = client.get(path, headers=headers) if data is None else client.post(path, data, headers=headers)
    assert answer.status_code == status, answer.content.decode()
    main = answer.content.decode().partition("<main")[2] or answer.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def page_of(row: Connection, verb: str = "") -> str:
    return f"/t/{row.tenant.slug}/direct-connects/{row.pk}/{verb}"


def press(client: Client, row: Connection, to: str, status: int = 302, **said: str) -> str:
    answer = client.post(page_of(row, "move/"), {"to": to, **said})
    assert answer.status_code == status
    row.refresh_from_db()
    return html.unescape(client.get(page_of(row)).content.decode())


def provider(row: Connection, to: Stage, **said: str) -> None:
    orders.transition(row, to, said, party=Party.PLATFORM, by=PROVIDER)
    row.refresh_from_db()


def an_order(at: Location, **said: str) -> dict[str, str]:
    body = {"name": "paris-a", "location": str(at.pk), "offering": "dedicated-10000", "apart_from": ""}
    return body | {"then": "draft"} | said


# --- nobody else --------------------------------------------------------------------------------------------------


def test_another_tenant_finds_nothing_of_it(acme, globex, location):
    row = builders.a_connection(acme, location, stage=Stage.LOA_ISSUED, name="secret-a")
    bob = person(globex)
    assert "secret-a" not in text(bob, "/t/globex/direct-connects/")
    for verb in ("", "edit/", "rename/", "suspend/", "close/", "loa/"):
        assert bob.get(page_of(row, verb)).status_code == 404
        assert bob.get(page_of(row, verb).replace("acme", "globex")).status_code == 404
    for verb in ("move/", "edit/", "rename/", "suspend/", "close/"):
        for path in (page_of(row, verb), page_of(row, verb).replace("acme", "globex")):
            assert bob.post(path, {"to": "cross-connect-reported", "reference": "X", "name": "mine"}).status_code == 404
    assert "secret-a" not in text(bob, f"/t/globex/direct-connects/new/?apart_from={row.pk}")
    body = an_order(location, apart_from=str(row.pk))
    assert "There is no such connection" in text(bob, "/t/globex/direct-connects/new/", 422, body)
    row.refresh_from_db()
    assert row.stage == Stage.LOA_ISSUED


def test_who_only_looks_is_offered_nothing_and_told_why(acme, location):
    row, viewer = builders.a_connection(acme, location), person(acme, Role.VIEWER)
    shown = viewer.get(page_of(row)).content.decode()
    assert 'name="to"' not in shown
    assert "Danger zone" not in shown
    assert viewer.post(page_of(row, "move/"), {"to": "submitted"}).status_code == 403
    assert "Order a connection" not in text(viewer, "/t/acme/direct-connects/")
    row.refresh_from_db()
    assert row.stage == Stage.DRAFT


# --- the order ----------------------------------------------------------------------------------------------------


def test_an_empty_list_says_how_one_begins_or_why_it_cannot(acme, ann, location):
    assert "You order a port at a location" in text(ann, "/t/acme/direct-connects/")
    Location.objects.update(is_open=False)
    assert "No location takes orders at present" in text(ann, "/t/acme/direct-connects/")
    assert "No location takes orders at present" in text(ann, "/t/acme/direct-connects/new/")


def test_a_draft_is_created_edited_and_submitted(acme, ann, location):
    shown = text(ann, "/t/acme/direct-connects/new/")
    for word in ("0 of 10 Direct Connect connections", "114 rue Ambroise Croizat", "MMR 2.1", "on request"):
        assert word in shown
    answer = ann.post("/t/acme/direct-connects/new/", an_order(location))
    row = Connection.objects.of(acme).get()
    assert answer.headers["Location"] == page_of(row)
    assert (row.stage, row.speed, row.kind) == (Stage.DRAFT, 10_000, PortKind.DEDICATED)
    assert ann.post(page_of(row, "edit/"), an_order(location, offering="hosted-10000")).status_code == 302
    row.refresh_from_db()
    assert (row.stage, row.kind) == (Stage.DRAFT, PortKind.HOSTED)
    ann.post(page_of(row, "edit/"), an_order(location, name="paris-c", then="submit"))
    row.refresh_from_db()
    assert (row.stage, row.name, row.kind) == (Stage.SUBMITTED, "paris-c", PortKind.DEDICATED)
    assert "Only a draft can be changed" in text(ann, page_of(row, "edit/"))


def test_it_can_be_submitted_at_once(acme, ann, location):
    ann.post("/t/acme/direct-connects/new/", an_order(location, then="submit"))
    assert Connection.objects.of(acme).get().stage == Stage.SUBMITTED


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": ""}, "Give it a name"),
        ({"name": "x" * 200}, "at most"),
        ({"name": "\u202e"}, "Name"),
        ({"location": ""}, "Choose where it is to be"),
        ({"location": "nowhere"}, "There is no such location, or it takes no orders any more."),
        ({"offering": ""}, "Choose what you want to have"),
        ({"offering": "dedicated-1"}, "does not offer that"),
        ({"offering": "x" * 5000}, "does not offer that"),
        ({"apart_from": "nobody"}, "There is no such connection"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_made(acme, ann, location, said, told):
    assert told in text(ann, "/t/acme/direct-connects/new/", 422, an_order(location, **said))
    assert not Connection.objects.of(acme).exists()


def test_a_name_is_taken_once(acme, ann, location):
    builders.a_connection(acme, location)
    assert "already a connection called" in text(ann, "/t/acme/direct-connects/new/", 422, an_order(location))


def test_no_room_is_told_before_one_tries(acme, ann, location):
    for number in range(10):
        builders.a_connection(acme, location, f"c{number}")
    assert "10 of 10 Direct Connect connections are in use" in text(ann, "/t/acme/direct-connects/new/")
    assert "10 of 10" in text(ann, "/t/acme/direct-connects/new/", 422, an_order(location))
    assert Connection.objects.of(acme).count() == 10


def test_another_location_shows_what_it_offers_with_and_without_scripts(acme, ann, zone, location):
    other = builders.a_location(zone, "Lyon 1", speeds=(25_000,), address="1 quai")
    path = f"/t/acme/direct-connects/new/?location={other.pk}&name=kept&offering=dedicated-10000"
    part = text(ann, path, **{"HX-Request": "true"})
    assert "25 Gbit/s, dedicated port: on request" in part
    assert "1 quai" in part
    assert "Name" not in part
    shown = ann.post("/t/acme/direct-connects/new/", an_order(other, name="kept", then="look"))
    assert shown.status_code == 200
    assert 'value="kept"' in shown.content.decode()
    assert "25 Gbit/s" in shown.content.decode()
    assert not Connection.objects.of(acme).exists()


def test_a_second_one_is_offered_on_another_leaf(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    shown = ann.get(page_of(row)).content.decode()
    assert "It is alone" in shown
    assert "It is alone" in text(ann, "/t/acme/direct-connects/")
    found = re.search(r'href="([^"]+apart_from=[^"]+)"', shown)
    assert found is not None
    form = ann.get(html.unescape(found[1])).content.decode()
    assert 'value="paris-a-b"' in form
    assert f'<option value="{row.pk}" selected>' in form
    ann.post("/t/acme/direct-connects/new/", an_order(location, name="paris-a-b", apart_from=str(row.pk)))
    second = Connection.objects.of(acme).get(name="paris-a-b")
    assert second.apart_from == row
    assert "It is alone" not in text(ann, "/t/acme/direct-connects/")
    assert "Kept on another leaf than paris-a-b" in text(ann, page_of(row))
    assert "Kept on another leaf than paris-a" in text(ann, page_of(second))


# --- the timeline -------------------------------------------------------------------------------------------------


def test_a_whole_life_on_one_page(acme, ann, zone, location, later):
    builders.a_fabric_port(location)
    ann.post("/t/acme/direct-connects/new/", an_order(location))
    row = Connection.objects.of(acme).get()
    shown = text(ann, page_of(row))
    assert "Submit the order, or discard it." in shown
    assert shown.index("Draft") < shown.index("Submitted to come") < shown.index("In service to come")
    press(ann, row, "submitted")
    shown = text(ann, page_of(row))
    assert "Whose turn Your provider" in shown
    assert "Time until" in shown
    press(ann, row, "draft")
    assert "Withdrawn, a draft again" in text(ann, page_of(row))
    press(ann, row, "submitted")
    provider(row, Stage.APPROVED)
    shown = text(ann, page_of(row))
    assert "Port swp7@Leaf-1." in shown
    assert "carol" not in shown
    assert "By your provider." in shown
    provider(row, Stage.LOA_ISSUED, number="LOA-77")
    shown = text(ann, page_of(row))
    assert "LOA-77, valid until" in shown
    assert "Report the cross-connect" in shown
    letter = ann.get(page_of(row, "loa/"))
    assert letter.headers["Content-Type"] == "application/pdf"
    assert BytesIO(letter.content).read(5) == b"%PDF-"
    assert "Give the reference" in text(ann, page_of(row, "move/"), 422, {"to": "cross-connect-reported"})
    wrong = {"to": "cross-connect-reported", "reference": "x" * 65}
    assert "at most 64" in text(ann, page_of(row, "move/"), 422, wrong)
    assert "XC-1" in press(ann, row, "cross-connect-reported", reference="XC-1")
    assert row.reference == "XC-1"
    read(row, Stage.LIGHT_SEEN, "up")
    shown = text(ann, page_of(row))
    assert "Read on Netris: up" in shown
    assert "By Weft." in shown
    assert "To its virtual interfaces" in shown
    for stage in stages.READ[2:]:
        read(row, stage, "well")
    press(ann, row, "in-service")
    assert row.stage == Stage.IN_SERVICE
    assert "to come" not in text(ann, page_of(row))
    assert ann.post(page_of(row, "suspend/")).status_code == 302
    assert "Resume" in text(ann, page_of(row))
    press(ann, row, "in-service")
    assert "In service again" in text(ann, page_of(row))
    gone = text(ann, page_of(row, "close/"))
    assert "swp7@Leaf-1" in gone
    assert "cannot be opened again" in gone
    assert ann.post(page_of(row, "close/")).status_code == 302
    shown = text(ann, page_of(row))
    assert "Port swp7@Leaf-1 is free again." in shown
    assert "Danger zone" not in shown


def read(row: Connection, to: Stage, said: str) -> None:
    """As beat notes it."""
    at = now.now()
    evidence = {"said": said, "read_at": at.isoformat()}
    before, row.stage = row.stage, to
    row.save(update_fields=["stage"])
    StageEntry(
        connection=row, from_stage=before, to_stage=to, at=at, party=Party.WEFT, actor="Weft", evidence=evidence
    ).save()


def test_the_place_in_the_queue_is_told_in_words_and_of_the_others_nothing(acme, globex, ann, location):
    for number in range(3):
        builders.a_connection(globex, location, f"theirs-{number}", stage=Stage.APPROVED)
    row = builders.a_connection(acme, location, stage=Stage.APPROVED)
    last = builders.a_connection(acme, location, "paris-b", stage=Stage.APPROVED)
    for path in (page_of(row), "/t/acme/direct-connects/"):
        shown = text(ann, path)
        assert "3 orders get a port before yours." in shown
        assert "theirs" not in shown
    assert "4 orders get a port before yours." in text(ann, page_of(last))
    Connection.unscoped.filter(tenant=globex).delete()
    assert "it gets the next port that fits it" in text(ann, page_of(row))
    assert "1 order gets a port before yours." in text(ann, page_of(last))


@pytest.mark.parametrize("stage", list(Stage))
def test_each_stage_has_its_page_and_its_way_out(acme, ann, location, stage):
    row = builders.a_connection(acme, location, stage=stage)
    shown, listed = text(ann, page_of(row)), text(ann, "/t/acme/direct-connects/")
    assert stage.label in shown
    assert stage.label in listed
    moves = {move.to for move in row.order.moves_of(Party.TENANT)}
    assert ("Danger zone" in shown) == bool(moves & {Stage.CLOSING, Stage.CLOSED})
    if row.order.facts.next_action and stage is not Stage.APPROVED:
        assert row.order.facts.next_action in shown
    for verb in ("suspend/", "close/"):
        assert ann.get(page_of(row, verb)).status_code == 200


def test_why_it_broke_off_is_told_with_the_way_on(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    provider(row, Stage.REJECTED, reason="No fibre there.")
    shown = text(ann, page_of(row))
    assert "“No fibre there.”" in shown
    press(ann, row, "draft")
    assert "Revised, a draft again" in text(ann, page_of(row))
    press(ann, row, "submitted")
    provider(row, Stage.ON_HOLD, reason="We wait for optics.")
    assert "“We wait for optics.”" in text(ann, page_of(row))
    provider(row, Stage.SUBMITTED)
    assert "Goes on at: Submitted" in text(ann, page_of(row))
    Connection.unscoped.filter(pk=row.pk).update(due_at=now.now() - timedelta(seconds=1))
    assert "It is overdue" in text(ann, page_of(row))
    keeping.expire()
    shown = text(ann, page_of(row))
    assert "It had time until" in shown
    assert "Close the order; to go on, make a new one." in shown


def test_a_letter_that_is_over_says_so(acme, ann, location, later):
    row = builders.a_connection(acme, location, stage=Stage.PORT_RESERVED)
    provider(row, Stage.LOA_ISSUED)
    assert "Valid until" in text(ann, page_of(row))
    later(days=61)
    assert "Was valid until" in text(ann, page_of(row))


def test_no_step_is_taken_that_the_stage_does_not_have(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.PORT_RESERVED)
    for to in ("in-service", "submitted", "draft", "loa-issued", "nonsense", ""):
        press(ann, row, to)
        assert row.stage == Stage.PORT_RESERVED
    assert "does not lead" in press(ann, row, "submitted")
    assert "does not lead" in press(ann, row, "cross-connect-reported", reference="X")
    assert "there is nothing to suspend" in text(ann, page_of(row, "suspend/"))
    assert text(ann, page_of(row, "suspend/"), 422, {})
    row.refresh_from_db()
    assert row.stage == Stage.PORT_RESERVED
    assert ann.post(page_of(row, "move/"), {"to": "closing"}).headers["Location"] == page_of(row, "close/")


def test_it_is_renamed_at_any_time_until_it_is_closed(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    builders.a_connection(acme, location, "taken")
    assert ann.post(page_of(row, "rename/"), {"name": "paris-main"}).status_code == 302
    row.refresh_from_db()
    assert row.name == "paris-main"
    assert "already a connection called" in text(ann, page_of(row, "rename/"), 422, {"name": "taken"})
    assert "characters" in text(ann, page_of(row, "rename/"), 422, {"name": "x" * 300})
    closed = builders.a_connection(acme, location, "old", stage=Stage.CLOSED)
    assert "The connection is closed." in text(ann, page_of(closed, "rename/"))


def test_what_goes_is_said_before_it_is_closed(acme, ann, zone, location):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    builders.an_interface(row, builders.a_vpc(acme, zone))
    shown = text(ann, page_of(row, "close/"))
    for word in ("VLAN 100 into prod", str(row.port), row.loa_number, "and all that is in it"):
        assert word in shown
    assert "it is taken down" in text(ann, page_of(row, "suspend/"))
    ann.post(page_of(row, "close/"))
    row.refresh_from_db()
    assert row.stage == Stage.CLOSING


def test_the_page_follows_by_itself_and_keeps_what_is_typed(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.LOA_ISSUED)
    part = ann.get(page_of(row), headers={"HX-Request": "true"}).content.decode()
    assert 'id="follow"' in part
    assert "<main" not in part
    assert re.search(r'<input[^>]*name="reference"[^>]*data-kept', part)
    refused = ann.post(page_of(row, "move/"), {"to": "cross-connect-reported", "reference": ""})
    assert f'hx-get="{page_of(row)}"' in refused.content.decode()


# --- what needs somebody ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", list(Stage))
def test_an_order_whose_turn_is_the_tenants_needs_somebody(acme, globex, ann, location, stage):
    row = builders.a_connection(acme, location, stage=stage)
    builders.a_connection(globex, location, "theirs", stage=stage)
    waits = row.order.facts.owner is Party.TENANT and stage not in (Stage.DRAFT, Stage.IN_SERVICE, Stage.SUSPENDED)
    shown = text(ann, "/t/acme/")
    assert ("Connection paris-a" in shown) == waits
    assert "theirs" not in shown
    if waits:
        assert row.order.facts.next_action in shown
        assert page_of(row) in ann.get("/t/acme/").content.decode()


def test_one_that_expires_soon_needs_somebody(acme, ann, location):
    row = builders.a_connection(acme, location, stage=Stage.SUBMITTED, due_at=now.now() + timedelta(days=4))
    assert "Connection paris-a" not in text(ann, "/t/acme/")
    Connection.unscoped.filter(pk=row.pk).update(due_at=now.now() + timedelta(days=2))
    assert "Ask your provider." in text(ann, "/t/acme/")


def test_the_audit_log_tells_what_became_of_it(acme, ann, location):
    ann.post("/t/acme/direct-connects/new/", an_order(location, then="submit"))
    shown = text(ann, "/t/acme/activity/changes/")
    assert "direct-connect.move paris-a" in shown
    assert "stage draft submitted" in shown


# --- what it costs ------------------------------------------------------------------------------------------------


def costs(client: Client, path: str) -> int:
    text(client, path)
    with CaptureQueriesContext(database) as queries:
        text(client, path)
    return len(queries)


def test_pages_cost_the_same_with_one_and_with_many(acme, globex, ann, zone, location):
    row = builders.a_connection(acme, location, stage=Stage.APPROVED)
    alone, vpc = builders.a_connection(acme, location, "alone", stage=Stage.IN_SERVICE), builders.a_vpc(acme, zone)
    builders.an_interface(alone, vpc)
    Limit.unscoped.create(tenant=acme, resource="direct_connect", most=100)
    paths = ("/t/acme/direct-connects/", page_of(row), "/t/acme/direct-connects/new/")
    few = [costs(ann, path) for path in paths]
    for number in range(8):
        builders.a_connection(acme, location, f"c{number}", stage=Stage.APPROVED, apart_from=row)
        builders.a_connection(globex, location, f"g{number}", stage=Stage.APPROVED)
        other = builders.a_connection(acme, location, f"s{number}", stage=Stage.IN_SERVICE)
        link = {"link": f"169.254.11.{4 * number}/30", "local_address": f"169.254.11.{4 * number + 1}"}
        builders.an_interface(other, vpc, **link, remote_address=f"169.254.11.{4 * number + 2}")
        StageEntry(connection=row, to_stage=Stage.DRAFT, party=Party.TENANT, actor="ann").save()
    assert [costs(ann, path) for path in paths] == few
    assert few == [16, 8, 7]
