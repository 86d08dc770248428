from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apps.operations import services
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.api.conftest import problem_of
from tests.api.test_networks import a_body


def test_an_operation_tells_how_far_it_is(api):
    created = api.post("/vpcs/", a_body()).json()
    operation = Operation.unscoped.get()
    operation.phase, operation.cursor = "building", 1
    operation.started_at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    operation.steps[0] |= {"state": "done", "started_at": "2026-03-02T09:00:00+00:00"}
    operation.steps[0]["finished_at"] = "2026-03-02T09:00:04.500000+00:00"
    operation.steps[1] |= {"state": "running", "detail": "Waiting for Netris."}
    operation.error = "Netris said no."
    operation.save()

    body = api.get(f"/operations/{created['id']}/").json()

    assert (body["phase"], body["progress"], body["error"]) == ("building", 14, "Netris said no.")
    assert body["started_at"] == "2026-03-02T09:00:00Z"
    assert body["steps"][0]["finished_at"] == "2026-03-02T09:00:04.500000Z"
    assert body["steps"][1]["detail"] == "Waiting for Netris."


def test_a_removal_shows_no_line_for_what_only_looks(api, vpc):
    steps = api.delete(f"/vpcs/{vpc.pk}/").json()["steps"]

    assert [step["title"] for step in steps] == [step["title"] for step in steps if step["title"]]
    assert "Remove the tier from CloudStack" in steps[0]["title"]


def test_an_operation_that_nobody_has_begun_is_cancelled_at_once(api):
    created = api.post("/vpcs/", a_body()).json()

    response = api.post(f"/operations/{created['id']}/cancel/")

    assert (response.status_code, response["Location"]) == (202, created["url"])
    assert response.json()["phase"] == "cancelled"
    assert api.get("/vpcs/").json()["results"] == []
    again = problem_of(api.post(f"/operations/{created['id']}/cancel/"), 422)
    assert (again["code"], again["detail"]) == ("not-cancellable", "It is over.")


def test_a_stuck_operation_is_retried(api, vpc):
    created = api.delete(f"/vpcs/{vpc.pk}/").json()
    assert problem_of(api.post(f"/operations/{created['id']}/retry/"), 422)["code"] == "not-stuck"
    Operation.unscoped.update(phase="stuck", stopped_in="removing", error="It is in use.")

    response = api.post(f"/operations/{created['id']}/retry/")

    assert (response.status_code, response.json()["phase"], response.json()["error"]) == (202, "removing", None)


def test_the_platform_cancels_and_retries_for_anybody(api, platform):
    created = api.post("/vpcs/", a_body()).json()

    response = platform.post(f"/operations/{created['id']}/cancel/")

    assert (response.json()["phase"], response.json()["tenant"]["slug"]) == ("cancelled", "acme")


def test_a_verb_takes_no_fields(api):
    created = api.post("/vpcs/", a_body()).json()

    problem = problem_of(api.post(f"/operations/{created['id']}/cancel/", {"force": True}), 422)

    assert (problem["code"], problem["field"]) == ("unknown-field", "force")
    assert api.post(f"/operations/{created['id']}/cancel/", {}).status_code == 202


def test_operations_are_narrowed(api, vpc):
    body = {"vpc": str(vpc.pk), "name": "app", "cidr": "10.20.2.0/24"}
    added = api.post("/tiers/", body).json()
    created = api.post("/vpcs/", a_body(name="lab")).json()
    Operation.unscoped.filter(pk=added["id"]).update(phase="succeeded")

    def ids(query):
        return [row["id"] for row in api.get(f"/operations/?{query}").json()["results"]]

    assert ids("") == [created["id"], added["id"]]
    assert ids("phase=queued") == ids("kind=vpc") == [created["id"]]
    assert ids("phase=queued&phase=succeeded") == [created["id"], added["id"]]
    assert ids(f"resource={added['resource']['id']}") == [added["id"]]


# --- giving up, and many at once ---


@pytest.fixture
def stuck(api, vpc):
    """The removal of a VPC with one tier, stuck at the tier."""
    created = api.delete(f"/vpcs/{vpc.pk}/").json()
    Operation.unscoped.update(phase="stuck", stopped_in="removing", error="It is in use.", cursor=3)
    return created


def test_the_reason_survives_a_retry(api, stuck):
    body = api.post(f"/operations/{stuck['id']}/retry/").json()

    assert (body["error"], body["was_stuck"]) == (None, "It is in use.")
    assert body["sentence"].startswith("Trying again: ")


def test_the_platform_gives_up_what_it_has_been_shown(api, platform, vpc, stuck):
    path = f"/operations/{stuck['id']}/give-up/"
    shown = platform.get(path).json()
    assert shown["reason"] is None
    tier = vpc.tiers.get()
    assert f"CloudStack: the network {tier.remote_name}" in shown["left"]

    less: tuple[list[str], ...] = ([], shown["left"][:1])
    for left in less:
        problem = problem_of(platform.post(path, {"left": left}), 422)
        assert (problem["code"], problem["field"]) == ("left-unconfirmed", "left")
    body = platform.post(path, {"left": shown["left"]}).json()

    assert (body["phase"], body["given_up"]["left"]) == ("given_up", shown["left"])
    assert api.get(f"/operations/{stuck['id']}/").json()["given_up"] == body["given_up"]
    assert api.get(f"/vpcs/{vpc.pk}/").status_code == 404
    assert problem_of(platform.post(path, {"left": shown["left"]}), 409)["detail"] == "It is over."


def test_an_operation_says_what_can_be_done_to_it(api, platform, stuck):
    can = api.get(f"/operations/{stuck['id']}/").json()["can"]
    assert can == {
        "cancel": "A removal that has begun is not taken back.",
        "retry": None,
        "apply": "Only a change whose undoing is stuck can be tried anew.",
        "give_up": "Only your provider can give it up.",
        "dismiss": "Only what has failed can be dismissed.",
    }
    assert platform.get(f"/operations/{stuck['id']}/").json()["can"]["give_up"] is None
    assert (
        problem_of(api.post(f"/operations/{stuck['id']}/give-up/", {"left": []}), 403)["code"]
        == "platform-token-needed"
    )
    assert problem_of(api.post(f"/operations/{stuck['id']}/cancel/"), 422)["detail"] == can["cancel"]
    assert api.post(f"/operations/{stuck['id']}/retry/").status_code == 202


def test_many_are_retried_at_once_each_for_itself_and_so_many_at_a_call(api, platform, other, acme, globex, site):
    for number in range(services.MOST_AT_ONCE + 2):
        vpc = builders.a_vpc(acme, site, f"vpc-{number}", status=Status.READY)
        assert api.delete(f"/vpcs/{vpc.pk}/").status_code == 202
    secret = builders.a_vpc(globex, site, "secret")
    other.delete(f"/vpcs/{secret.pk}/")
    Operation.unscoped.update(phase="stuck", stopped_in="removing", error="Not now.")

    assert problem_of(platform.post("/operations/retry-stuck/", {"tenant": "nobody"}), 422)["code"] == "tenant-unknown"
    assert problem_of(api.post("/operations/retry-stuck/", {"tenant": "globex"}), 422)["code"] == "tenant-unknown"
    assert problem_of(api.post("/operations/retry-stuck/", {"kind": "cat"}), 422)["code"] == "kind-unknown"
    for field in ("kind", "tenant"):  # from a variable that happened to be empty: this is not "all"
        assert problem_of(api.post("/operations/retry-stuck/", {field: ""}), 422)["field"] == field
    assert api.post("/operations/retry-stuck/", {"kind": "tier"}).json() == {"results": [], "more": 0}
    first = api.post("/operations/retry-stuck/", {"kind": "vpc"}).json()
    assert (len(first["results"]), first["more"]) == (services.MOST_AT_ONCE, 2)
    assert {each["reason"] for each in first["results"]} == {None}
    assert len(api.post("/operations/retry-stuck/", {}).json()["results"]) == 2
    assert AuditEntry.objects.of(acme).filter(action="operation.retry").count() == services.MOST_AT_ONCE + 2
    assert Operation.objects.of(globex).get().phase == "stuck"
    assert len(platform.post("/operations/retry-stuck/", {"tenant": "globex"}).json()["results"]) == 1


def test_many_are_retried_once_for_one_key(api, stuck):
    first = api.post("/operations/retry-stuck/", {}, Idempotency_Key="k")
    again = api.post("/operations/retry-stuck/", {}, Idempotency_Key="k")

    assert first.json() == again.json() and again["Idempotency-Replayed"] == "true"
