"""Orders by REST alone: two tenants, and the platform."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from apps.directconnect.models import Connection, Location
from apps.directconnect.stages import Evidence, Order, Party, Stage
from apps.kernel import clock
from apps.tenancy.models import AuditEntry
from tests import builders

pytestmark = pytest.mark.django_db

API = "/api/v1"


def client(tenant, **fields):
    return Client(headers={"Authorization": f"Bearer {builders.a_token(tenant, **fields)}"})


@pytest.fixture
def ours(acme):
    return client(acme)


@pytest.fixture
def theirs(globex):
    return client(globex)


@pytest.fixture
def platform():
    return client(None)


def post(who, path, body, status):
    answer = who.post(f"{API}{path}", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def go(who, row, to, status=200, **said):
    return post(who, f"/direct-connects/{row['id']}/transition/", {"to": to, **said}, status)


@pytest.fixture
def row(ours, location):
    return post(
        ours,
        "/direct-connects/",
        {"name": "paris-a", "location": "Paris 2", "speed": 10_000, "kind": "dedicated"},
        201,
    )


def test_a_whole_order_by_rest(ours, platform, row, location):
    builders.a_fabric_port(location)
    assert (row["stage"], row["owner"], row["moves"]) == ("draft", "tenant", ["submitted", "closed"])

    assert go(ours, row, "submitted")["owner"] == "platform"
    [waiting] = platform.get(f"{API}/approvals/").json()["results"]
    assert (waiting["id"], waiting["asks"]) == (row["id"], "10 Gbit/s, dedicated, at Paris 2")
    post(platform, f"/approvals/{row['id']}/decide/", {"verdict": "approve"}, 204)
    post(platform, f"/approvals/{row['id']}/decide/", {"verdict": "approve"}, 404)

    issued = go(platform, row, "loa-issued", number="LOA 7")
    assert issued["due_at"] == issued["loa_valid_until"]
    letter = ours.get(f"{API}/direct-connects/{row['id']}/loa/")
    assert letter["Content-Type"] == "application/pdf" and letter.content.startswith(b"%PDF")
    assert letter["Content-Disposition"] == 'attachment; filename="LOA-7.pdf"'

    told = go(ours, row, "cross-connect-reported", reference="XC-77")
    assert [each["stage"] for each in told["history"]][-2:] == ["loa-issued", "cross-connect-reported"]
    assert told["history"][-1]["evidence"] == {"reference": "XC-77"}
    assert go(ours, row, "closing")["stage"] == "closed"
    # The port is somebody else's from now on: nobody gets a letter for it that reads as if it were valid.
    assert ours.get(f"{API}/direct-connects/{row['id']}/loa/").status_code == 404


def test_a_rejection_has_a_reason_and_an_order_is_changed_after_it(ours, platform, row):
    go(ours, row, "submitted")
    problem = post(platform, f"/approvals/{row['id']}/decide/", {"verdict": "reject"}, 422)
    assert problem["field"] == "reason"
    post(platform, f"/approvals/{row['id']}/decide/", {"verdict": "reject", "reason": "No room."}, 204)

    shown = ours.get(f"{API}/direct-connects/{row['id']}/").json()
    assert (shown["stage"], shown["history"][-1]["evidence"]) == ("rejected", {"reason": "No room."})
    go(ours, row, "draft")
    changed = ours.patch(
        f"{API}/direct-connects/{row['id']}/", {"kind": "hosted"}, content_type="application/json"
    ).json()
    assert changed["kind"] == "hosted"


def test_anothers_order_is_not_there_for_anything(theirs, row):
    address = f"/direct-connects/{row['id']}/"

    assert theirs.get(f"{API}/direct-connects/").json()["results"] == []
    for path in (address, f"{address}loa/"):
        assert theirs.get(f"{API}{path}").status_code == 404
    post(theirs, f"{address}transition/", {"to": "submitted"}, 404)
    assert theirs.patch(f"{API}{address}", {}, content_type="application/json").status_code == 404


def test_who_waits_learns_the_own_place_and_nothing_of_others(ours, globex, location, row):
    builders.a_connection(globex, location, "theirs", stage=Stage.APPROVED)
    go(ours, row, "submitted")
    go(client(None), row, "approved")

    answer = ours.get(f"{API}/direct-connects/{row['id']}/")
    assert (answer.json()["stage"], answer.json()["queue_place"]) == ("approved", 2)
    assert "theirs" not in answer.content.decode() and "globex" not in answer.content.decode().lower()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"to": "approved"}, "move-impossible"),
        ({"to": "gone"}, None),
        ({"to": "submitted", "reason": "x"}, "evidence-unknown"),
        ({"to": 7}, None),
        ({}, None),
    ],
)
def test_a_transition_that_cannot_be_changes_nothing(ours, row, said, code):
    problem = post(ours, f"/direct-connects/{row['id']}/transition/", said, 422)

    assert code in (None, problem["code"])
    assert ours.get(f"{API}/direct-connects/{row['id']}/").json()["stage"] == "draft"


def test_the_platform_makes_locations_and_tenants_see_the_open_ones(ours, platform, zone):
    body = {"zone": zone.slug, "name": "Lyon", "address": "1 rue X", "room": "MMR 1"}
    made = post(platform, "/locations/", {**body, "offerings": [{"speed": 10_000, "kind": "dedicated"}]}, 201)
    [seen] = ours.get(f"{API}/locations/").json()["results"]
    assert seen["offerings"][0]["speed"] == 10_000
    assert not {"ports", "loa_text"} & set(seen)

    platform.patch(f"{API}/locations/{made['id']}/", {"is_open": False}, content_type="application/json")
    assert ours.get(f"{API}/locations/").json()["results"] == []
    assert [each["name"] for each in platform.get(f"{API}/locations/").json()["results"]] == ["Lyon"]


def test_a_list_costs_the_same_however_long_it_is(ours, acme, location, django_assert_max_num_queries):
    for number in range(12):
        builders.a_connection(acme, location, f"c{number}", stage=Stage.APPROVED)

    with django_assert_max_num_queries(8):
        assert len(ours.get(f"{API}/direct-connects/").json()["results"]) == 12


def test_a_location_goes_while_nobody_ever_ordered_there_and_its_ports_while_nothing_has_them(
    ours, platform, row, zone
):
    """Each refusal says what is in the way, and changes nothing."""

    def gone(path, status=204):
        answer = platform.delete(f"{API}{path}")
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    location = row["location"]["id"]
    used, free = (builders.a_fabric_port(Location.objects.get(pk=location), name) for name in ("swp1@a", "swp2@b"))
    Connection.unscoped.filter(pk=row["id"]).update(stage=Stage.PORT_RESERVED, port=used)

    problem = gone(f"/locations/{location}/ports/{used.pk}/", 409)
    assert "“paris-a” of Acme. Close that connection first." in problem["detail"]
    gone(f"/locations/{location}/ports/{free.pk}/")
    gone(f"/locations/{location}/ports/{free.pk}/", 404)
    assert "Orders were made for it, so it stays." in gone(f"/locations/{location}/", 409)["detail"]

    body = {"zone": zone.slug, "name": "Lyon", "address": "1 rue X", "room": "MMR 1"}
    empty = post(platform, "/locations/", body, 201)["id"]
    gone(f"/locations/{empty}/ports/{used.pk}/", 404)
    port = builders.a_fabric_port(Location.objects.get(pk=empty), "swp3@c")
    assert gone(f"/locations/{empty}/", 409)["detail"] == "It has ports. Remove them first."
    for path in (f"/locations/{empty}/ports/{port.pk}/", f"/locations/{empty}/"):
        assert ours.delete(f"{API}{path}").status_code == 403
        gone(path)
    assert [each["id"] for each in platform.get(f"{API}/locations/").json()["results"]] == [location]
    told = AuditEntry.unscoped.filter(
        object_id__in=[location, empty], action__in=["location.delete", "location.remove-port"]
    )
    assert sorted(told.values_list("action", "object_id")) == sorted(
        [("location.remove-port", location), ("location.remove-port", empty), ("location.delete", empty)]
    )


def test_a_vlan_that_rests_keeps_its_port(platform, acme, location, vpc):
    port = builders.a_fabric_port(location)
    rests = {"status": "deleted", "rests_until": clock.now() + timedelta(hours=3), "port": port}
    builders.an_interface(builders.a_connection(acme, location, stage=Stage.CLOSED), vpc, **rests)

    answer = platform.delete(f"{API}/locations/{location.pk}/ports/{port.pk}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "VLAN 100 of swp7@Leaf-1 rests after its last interface. Wait until that is over."


@pytest.mark.parametrize("at", Stage)
def test_whatever_the_table_does_not_have_is_refused_to_either_and_changes_nothing(ours, platform, acme, location, at):
    """Each pair that begins at this stage, by the hand of the tenant and by that of the platform."""
    row = builders.a_connection(acme, location, stage=at)
    order = Order(at, Stage(row.held_stage) if row.held_stage else None, has_port=row.port_id is not None)
    was, audited = Connection.unscoped.values().get(pk=row.pk), AuditEntry.unscoped.count()

    for who, party in ((ours, Party.TENANT), (platform, Party.PLATFORM)):
        for to in set(Stage) - {move.to for move in order.moves_of(party)}:
            problem = go(who, {"id": row.pk}, to, status=422)
            assert (problem["code"], problem["field"]) == ("move-impossible", "to"), (party, to)
    assert Connection.unscoped.values().get(pk=row.pk) == was
    assert (row.entries.count(), AuditEntry.unscoped.count()) == (0, audited)


#: What moves ask for, as somebody would say it.
SAID = {"reason": "It has to be.", "reference": "XC-1"}


@pytest.mark.parametrize("at", [stage for stage in Stage if stage is not Stage.CLOSED])
def test_whatever_the_table_has_is_done_by_whoever_may(ours, platform, acme, location, at):
    """Each pair that begins at this stage, each from where it was before."""
    for name, who, party in (("of-tenant", ours, Party.TENANT), ("of-platform", platform, Party.PLATFORM)):
        first = builders.a_connection(acme, location, name, stage=at)
        for move in first.order.moves_of(party):
            row = builders.a_connection(acme, location, f"{name}-{move.to}", stage=at)
            said = {each.value: SAID[each.value] for each in move.evidence if each.value in SAID}
            if Evidence.PORT in move.evidence:
                said["port"] = builders.a_fabric_port(location, f"swp9@{name}").name
            shown = go(who, {"id": row.pk}, move.to, **said)
            # What is approved gets a free port at once, what closes without interfaces is closed.
            further = {Stage.APPROVED: Stage.PORT_RESERVED, Stage.CLOSING: Stage.CLOSED}
            assert shown["stage"] in (move.to, further.get(move.to)), (party, move.to)
            assert move.to in [entry["stage"] for entry in shown["history"]]
