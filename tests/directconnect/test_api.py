"""Orders by REST alone: two tenants, and the platform."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.directconnect.stages import Stage
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
