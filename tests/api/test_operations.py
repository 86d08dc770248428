from __future__ import annotations

from datetime import UTC, datetime

from apps.operations.models import Operation
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
