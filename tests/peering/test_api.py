"""A request from asking to revoking over REST alone, by two tenants; and a third, which finds nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.mirror.models import Kind
from apps.operations import engine
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.peering.models import Peering
from apps.tenancy.models import AuditEntry, Tenant
from tests import builders
from tests.peering.test_services import here, nobody, there

__all__ = ["here", "nobody", "there"]  # fixtures
ROOT = "/api/v1/peerings/"


class Caller:
    def __init__(self, tenant: Tenant) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {builders.a_token(tenant)}"})

    def answer(self, method: str, path: str = "", body: Any = None) -> Any:
        text = json.dumps({} if body is None else body) if method in ("POST", "PATCH") else ""
        return self.client.generic(method, f"{ROOT}{path}", text, "application/json")

    def send(self, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
        answer = self.answer(method, path, body)
        assert answer.status_code == status, answer.content
        return answer.json()


@pytest.fixture
def acme_calls(here: Any) -> Caller:
    return Caller(here.tenant)


@pytest.fixture
def globex_calls(there: Any) -> Caller:
    return Caller(there.tenant)


@pytest.fixture
def third() -> Caller:
    return Caller(builders.a_tenant("Initech"))


def asked(caller: Caller, vpc: Any, **fields: Any) -> Any:
    body = {"vpc": str(vpc.pk), "peer": {"tenant": "globex", "name": "the front of Acme"}, "prefixes": ["10.20.0.0/24"]}
    return caller.send("POST", "", body | fields, 201)


def settle(operation_id: str, phase: Phase = Phase.SUCCEEDED) -> None:
    operation = Operation.unscoped.get(pk=operation_id)
    operation.recipe.settle(engine.resource_of(operation), operation.goal, phase)
    Operation.unscoped.filter(pk=operation.pk).update(phase=phase)


def test_a_request_lives_by_rest_alone(
    here: Any, there: Any, acme_calls: Caller, globex_calls: Caller, third: Caller
) -> None:
    request = asked(acme_calls, here)
    assert (request["status"], request["direction"], request["peer"]["tenant"]) == ("requested", "outgoing", "globex")
    one = f"{request['id']}/"
    seen = globex_calls.send("GET", one)
    assert (seen["direction"], seen["vpc"], seen["peer_prefixes"]) == ("incoming", None, ["10.20.0.0/24"])
    assert seen["can"]["accept"] is None
    assert request["can"]["accept"] == "The other side has to answer it."

    preview = globex_calls.send("GET", f"{one}preview/?vpc={there.pk}")
    assert preview == {
        "routes": ["10.20.0.0/24"],
        "peer_routes": ["10.30.0.0/16"],
        "tiers": [],
        "overlaps": [],
        "possible": True,
    }
    answer = {"vpc": str(there.pk), "prefixes": ["10.30.1.0/24"], "accept": ["10.20.0.0/25"]}
    settle(globex_calls.send("POST", f"{one}accept/", answer, 202)["id"])
    mine, theirs = acme_calls.send("GET", one), globex_calls.send("GET", one)
    assert (mine["routes"], mine["peer_routes"]) == (["10.30.1.0/24"], ["10.20.0.0/25"])
    assert (theirs["routes"], theirs["peer_routes"]) == (["10.20.0.0/25"], ["10.30.1.0/24"])
    assert mine["applied"] is None, "nobody has read Netris yet"

    calls: list[tuple[str, str, Any]] = [
        ("GET", one, None),
        ("PATCH", one, {"accept": []}),
        ("GET", f"{one}preview/", None),
        *[("POST", f"{one}{verb}/", {}) for verb in ("accept", "reject", "revoke", "apply")],
    ]
    for method, path, body in calls:
        assert third.send(method, path, body, 404)["code"] == "not-found"
    assert third.send("GET")["results"] == []

    settle(acme_calls.send("PATCH", one, {"accept": []}, 202)["id"])
    settle(globex_calls.send("POST", f"{one}revoke/", {}, 202)["id"])
    assert acme_calls.send("GET", one)["ended"] == "by the other side"
    assert globex_calls.send("GET", one)["status"] == "revoked"


def test_a_request_to_nobody_is_answered_like_one_that_waits(
    here: Any, there: Any, nobody: str, acme_calls: Caller, globex_calls: Caller
) -> None:
    builders.a_tier(here, name="web", cidr="10.20.0.0/24")

    def life(slug: str) -> list[Any]:
        """All answers of one, without what tells one request from another."""
        body = {"vpc": str(here.pk), "peer": {"tenant": slug, "name": "the front"}, "prefixes": ["10.20.0.0/24"]}
        made = acme_calls.answer("POST", "", body)
        pk = made.json()["id"]
        one = f"{pk}/"
        calls: list[tuple[str, str, Any]] = [
            *[("GET", path, None) for path in (one, "", "?q=front&status=requested")],
            *[("GET", f"{one}preview/{query}", None) for query in ("", "?prefixes=10.20.0.0/25")],
            ("POST", "", body),
            ("PATCH", one, {"prefixes": ["10.20.0.0/25"]}),
            ("POST", f"{one}accept/", {"vpc": str(here.pk)}),
            *[("POST", f"{one}{verb}/", {}) for verb in ("reject", "apply", "revoke", "revoke")],
            ("GET", one, None),
        ]
        answers = [made, *[acme_calls.answer(*call) for call in calls]]
        Peering.unscoped.filter(pk=pk).update(deleted_at="2001-01-01T00:00Z")  # no longer listed
        own = {"X-Request-ID", "ETag", "Content-Length"}  # they go by the id and the short name
        headers = [{name: value for name, value in each.items() if name not in own} for each in answers]
        all_of_it = [(each.status_code, head, each.json()) for each, head in zip(answers, headers, strict=True)]
        told: list[Any] = json.loads(json.dumps(all_of_it).replace(pk, "<id>").replace(slug, "<peer>"))
        assert (told[0][0], told[0][2]["status"], told[-1][2]["status"]) == (201, "requested", "withdrawn")
        return told

    waits, vain = life("globex"), life(nobody)
    for left, right in zip(waits, vain, strict=True):
        assert left == right
    assert globex_calls.send("GET")["results"] == []
    assert Peering.unscoped.filter(peer_tenant=None).count() == 1


def test_a_preview_tries_no_ranges_but_those_that_could_be_offered(
    here: Any, there: Any, acme_calls: Caller, globex_calls: Caller
) -> None:
    one = f"{asked(acme_calls, here)['id']}/"
    for query, code in (
        (f"vpc={there.pk}&prefixes=10.20.0.0/16", "prefix-not-own"),
        (f"vpc={there.pk}&prefixes=10.0.0.0/8", "prefix-not-own"),
        (f"vpc={there.pk}&accept=10.20.0.0/16", "prefix-not-offered"),
    ):
        problem = globex_calls.send("GET", f"{one}preview/?{query}", None, 422)
        assert problem["code"] == code
        assert "other side" not in json.dumps(problem)


def test_a_tenant_says_whether_it_takes_requests(
    here: Any, there: Any, acme_calls: Caller, globex_calls: Caller
) -> None:
    assert globex_calls.send("GET", "settings/") == {"takes_requests": True}
    assert globex_calls.send("PATCH", "settings/", {}) == {"takes_requests": True}
    for _ in range(2):
        assert globex_calls.send("PATCH", "settings/", {"takes_requests": False}) == {"takes_requests": False}
    assert globex_calls.send("GET", "settings/") == {"takes_requests": False}
    assert acme_calls.send("GET", "settings/") == {"takes_requests": True}
    asked(acme_calls, here)
    assert globex_calls.send("GET")["results"] == []
    globex_calls.send("PATCH", "settings/", {"takes_requests": True})
    asked(acme_calls, here, peer={"tenant": "globex", "name": "another"})
    assert [each["name"] for each in globex_calls.send("GET")["results"]] == ["another"]
    entries = AuditEntry.objects.of(there.tenant).filter(action="peering.take-requests").order_by("id")
    assert [entry.new for entry in entries] == [{"takes_requests": False}, {"takes_requests": True}]


@pytest.mark.parametrize("body", [{"takes_requests": "perhaps"}, {"takes_requests": None}, {"takes": True}])
def test_what_is_no_answer_to_that_changes_nothing(globex_calls: Caller, body: Any) -> None:
    globex_calls.send("PATCH", "settings/", body, 422)
    assert globex_calls.send("GET", "settings/") == {"takes_requests": True}


def test_each_sees_of_the_other_what_it_named_and_was_offered(
    here: Any, there: Any, acme_calls: Caller, globex_calls: Caller
) -> None:
    for vpc in (here, there):
        builders.a_tier(vpc, name=f"tier-of-{vpc.name}", cidr=str(next(vpc.cidr.subnets(new_prefix=24))))
    one = f"{asked(acme_calls, here)['id']}/"
    settle(globex_calls.send("POST", f"{one}accept/", {"vpc": str(there.pk), "prefixes": ["10.30.0.0/25"]}, 202)["id"])
    secret = {
        acme_calls: [there.name, there.pk, "Globex", "10.30.0.0/16", "10.30.0.0/24", there.tenant.pk],
        globex_calls: [here.name + " ", here.pk, "acme", "Acme Corp", "10.20.0.0/16", here.tenant.pk],
    }
    for caller, words in secret.items():
        pages = [json.dumps(caller.send("GET", path)) for path in ("", one, f"{one}preview/")]
        others = [caller.client.get(f"/api/v1/{path}/") for path in ("operations", "attention", "approvals")]
        assert [each.status_code for each in others] == [200, 200, 404]
        pages += [each.content.decode() for each in others]
        for word in words:
            for page in pages:
                assert str(word) not in page.replace("the front of Acme", ""), word


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"vpc": "nonsense"}, "vpc-unknown", "vpc"),
        ({"prefixes": []}, "prefixes-missing", "prefixes"),
        ({"prefixes": ["10.20.0.1/24"]}, "cidr-host-bits", "prefixes"),
        ({"prefixes": ["10.20.0.0/24", "10.20.0.0/25"]}, "prefix-twice", "prefixes"),
        ({"prefixes": ["10.99.0.0/24"]}, "prefix-not-own", "prefixes"),
        ({"prefixes": ["fd00::/64"]}, "cidr-not-ipv4", "prefixes"),
        ({"peer": {}}, "peer-missing", "peer"),
        ({"peer": {"tenant": "globex"}}, "name-missing", "peer.name"),
        ({"peer": {"tenant": "no body", "name": "x"}}, "tenant-malformed", "peer.tenant"),
        ({"peer": {"tenant": "n" * 33, "name": "x"}}, "tenant-malformed", "peer.tenant"),
        ({"peer": {"tenant": "acme", "name": "x"}}, "peer-is-you", "peer.tenant"),
        (
            {"peer": {"tenant": "globex", "name": "x", "prefixes": ["10.30.0.0/24"]}},
            "prefixes-not-yours",
            "peer.prefixes",
        ),
        ({"peer": {"tenant": "globex", "name": "x", "vpc": "y"}}, "peer-twice", "peer"),
        ({"peer": {"vpc": "00000000-0000-0000-0000-000000000000"}}, "vpc-unknown", "peer.vpc"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "time-past", "expires_at"),
        ({"expires_at": "soon"}, "time-malformed", "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "time-too-far", "expires_at"),
    ],
)
def test_bad_input_says_which_field_and_changes_nothing(
    here: Any, there: Any, acme_calls: Caller, changes: Any, code: str, field: str
) -> None:
    body = {"vpc": str(here.pk), "peer": {"tenant": "globex", "name": "x"}, "prefixes": ["10.20.0.0/24"]}
    problem = acme_calls.send("POST", "", body | changes, 422)
    assert (problem["code"], problem["field"]) == (code, field), problem
    assert not Peering.unscoped.exists()


def test_another_tenants_vpc_is_no_vpc(here: Any, there: Any, acme_calls: Caller) -> None:
    body = {"vpc": str(here.pk), "peer": {"vpc": str(there.pk)}, "prefixes": ["10.20.0.0/24"]}
    gone = body | {"peer": {"vpc": "00000000-0000-0000-0000-000000000000"}}
    assert acme_calls.send("POST", "", body, 422) == acme_calls.send("POST", "", gone, 422)


def test_who_asks_very_often_is_told_to_wait(here: Any, there: Any, acme_calls: Caller) -> None:
    body = {"vpc": str(here.pk), "peer": {"tenant": "nobody", "name": "x"}, "prefixes": ["10.20.0.0/24"]}
    acme_calls.send("POST", "", body, 201)
    for _ in range(19):
        acme_calls.send("POST", "", body, 422)
    answer = acme_calls.client.post(ROOT, body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_list_asks_the_database_as_often_for_many_as_for_one(here: Any, acme_calls: Caller) -> None:
    def cost(many: int) -> int:
        for number in range(many):
            other = builders.a_vpc(
                here.tenant, here.zone, f"v{number}-{many}", f"10.{100 + number + many}.0.0/20", netris_id=100 + number
            )
            builders.a_peering(here, other, name=f"p{number}-{many}")
        builders.mirrored(here.zone, Kind.NETRIS_PEERING, [])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            acme_calls.send("GET")
        return len(queries)

    acme_calls.send("GET")  # the token's last use is noted once
    assert cost(1) == cost(8)
