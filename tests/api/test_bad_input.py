"""Whatever is wrong with a request is said by field, and nothing is written."""

from __future__ import annotations

import json

import pytest
from django.db import OperationalError, connection

from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, IdempotencyKey
from tests import builders
from tests.api.conftest import problem_of
from tests.api.test_networks import a_body

TIER = {"name": "web", "cidr": "10.20.0.0/24"}


def snapshot():
    rows = [Vpc.unscoped, Tier.unscoped, Operation.unscoped, AuditEntry.unscoped, IdempotencyKey.objects]
    return [list(manager.order_by("pk").values()) for manager in rows]


VPCS = [
    ({"cidr": "10.20.0.0"}, "cidr-malformed", "cidr"),
    ({"cidr": "10.20.0.0/33"}, "cidr-malformed", "cidr"),
    ({"cidr": "10.20.0.0/255.255.240.0"}, "cidr-malformed", "cidr"),
    ({"cidr": "10.20.0.0/20\x00"}, "cidr-unprintable", "cidr"),
    ({"cidr": "everything"}, "cidr-malformed", "cidr"),
    ({"cidr": ""}, "cidr-missing", "cidr"),
    ({"cidr": "10.20.0.1/20"}, "cidr-host-bits", "cidr"),
    ({"cidr": "fd00::/48"}, "cidr-not-ipv4", "cidr"),
    ({"cidr": "8.8.8.0/24", "tiers": []}, "cidr-not-private", "cidr"),
    ({"cidr": "10.20.0.0/29"}, "cidr-size", "cidr"),
    ({"cidr": 10}, "wrong-type", "cidr"),
    ({"cidr": None}, "wrong-type", "cidr"),
    ({"name": ""}, "name-missing", "name"),
    ({"name": "   "}, "name-missing", "name"),
    ({"name": "n" * 64}, "name-too-long", "name"),
    ({"name": "two\nlines"}, "name-unprintable", "name"),
    ({"name": "nul\x00"}, "name-unprintable", "name"),
    ({"name": "half \ud800"}, "name-unprintable", "name"),
    ({"name": "pr\u202eod"}, "name-unprintable", "name"),
    ({"name": "pr\u200dod"}, "name-unprintable", "name"),
    ({"name": "z" + "\u0335\u0336\u0337\u0338\u0321"}, "name-unprintable", "name"),
    ({"name": "\u200b"}, "name-unprintable", "name"),
    ({"name": "t\u0430ken"}, "name-taken", "name"),
    ({"name": "  Taken\u00a0"}, "name-taken", "name"),
    ({"description": "a\u2066b"}, "description-unprintable", "description"),
    ({"tiers": [TIER | {"name": "a\u202eb"}]}, "name-unprintable", "tiers.0.name"),
    ({"name": 7}, "wrong-type", "name"),
    ({"name": True}, "wrong-type", "name"),
    ({"name": ["prod"]}, "wrong-type", "name"),
    ({"name": {"is": "prod"}}, "wrong-type", "name"),
    ({"name": "taken"}, "name-taken", "name"),
    ({"name": "TAKEN"}, "name-taken", "name"),
    ({"description": "d" * 181}, "description-too-long", "description"),
    ({"description": "a\x07bell"}, "description-unprintable", "description"),
    ({"description": None}, "wrong-type", "description"),
    ({"zone": "Atlantis"}, "zone-unknown", "zone"),
    ({"zone": "Closed"}, "zone-unknown", "zone"),
    ({"zone": "0e3c4f3e-6a36-4f66-8a0c-111111111111"}, "zone-unknown", "zone"),
    ({"zone": "\x00"}, "zone-unprintable", "zone"),
    ({"zone": ""}, "zone-missing", "zone"),
    ({"zone": {"id": 1}}, "wrong-type", "zone"),
    ({"tiers": "web"}, "wrong-type", "tiers"),
    ({"tiers": {"name": "web"}}, "wrong-type", "tiers"),
    ({"tiers": None}, "wrong-type", "tiers"),
    ({"tiers": ["web"]}, "wrong-type", "tiers.0"),
    ({"tiers": [TIER, {"name": "db"}]}, "cidr-missing", "tiers.1.cidr"),
    ({"tiers": [TIER, TIER | {"name": "db"}]}, "cidr-overlap", "tiers.1.cidr"),
    ({"tiers": [TIER, {"name": "WEB", "cidr": "10.20.1.0/24"}]}, "name-taken", "tiers.1.name"),
    ({"tiers": [{"name": "out", "cidr": "10.21.0.0/24"}]}, "cidr-outside-vpc", "tiers.0.cidr"),
    ({"tiers": [{"name": "bits", "cidr": "10.20.0.1/24"}]}, "cidr-host-bits", "tiers.0.cidr"),
    ({"tiers": [{"name": "big", "cidr": "10.20.0.0/20"}]}, "cidr-size", "tiers.0.cidr"),
    ({"tiers": [TIER | {"vlan": 7}]}, "unknown-field", "tiers.0.vlan"),
    ({"tiers": [{"name": f"t{n}", "cidr": f"10.20.{n}.0/24"} for n in range(4)]}, "too-many-tiers", "tiers"),
    ({"cidrs": "10.0.0.0/8"}, "unknown-field", "cidrs"),
    ({"status": "ready"}, "unknown-field", "status"),
    ({"half \ud800": 1}, "unknown-field", "half ?"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "field"), VPCS)
def test_a_vpc_that_cannot_be(change, code, field, api, acme, site):
    builders.a_vpc(acme, site, "taken", "10.1.0.0/20")
    builders.a_zone("Closed", is_enabled=False)
    before = snapshot()

    problem = problem_of(api.post("/vpcs/", a_body(**change), Idempotency_Key="k"), 422)

    assert (problem["code"], problem["field"]) == (code, field)
    assert snapshot() == before


TIERS = [
    ({"cidr": "10.20.0.0/25"}, "cidr-overlap", "cidr"),
    ({"cidr": "10.21.0.0/24"}, "cidr-outside-vpc", "cidr"),
    ({"cidr": "10.20.4.0/30"}, "cidr-size", "cidr"),
    ({"name": "Web"}, "name-taken", "name"),
    ({"vpc": "nonsense"}, "vpc-unknown", "vpc"),
    ({"vpc": ""}, "vpc-unknown", "vpc"),
    ({"vpc": 5}, "wrong-type", "vpc"),
    ({"vpc": None}, "wrong-type", "vpc"),
    ({"gateway": "10.20.4.1"}, "unknown-field", "gateway"),
]


@pytest.mark.parametrize(("change", "code", "field"), TIERS)
def test_a_tier_that_cannot_be(change, code, field, api, vpc):
    before = snapshot()
    body = {"vpc": str(vpc.pk), "name": "app", "cidr": "10.20.4.0/24"} | change

    problem = problem_of(api.post("/tiers/", body), 422)

    assert (problem["code"], problem["field"]) == (code, field)
    assert snapshot() == before


@pytest.mark.parametrize(
    "change", [{"cidr": "10.0.0.0/8"}, {"nmae": "x"}, {"name": ""}, {"name": 1}, {"name": "x" * 64}]
)
def test_a_change_that_cannot_be(change, api, vpc):
    before = snapshot()

    problem = problem_of(api.patch(f"/vpcs/{vpc.pk}/", change), 422)

    assert problem["field"] == next(iter(change))
    assert snapshot() == before


def test_everything_that_is_missing_is_said_at_once(api):
    problem = problem_of(api.post("/vpcs/", {}), 422)

    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "name": "name-missing",
        "zone": "zone-missing",
        "cidr": "cidr-missing",
    }


def test_everything_that_makes_no_sense_is_said_at_once(api):
    tiers = [{"name": "", "cidr": "10.20.0.1/24"}, {"name": "db", "cidr": "x"}]

    problem = problem_of(api.post("/vpcs/", a_body(name="", cidr="fd00::/8", tiers=tiers)), 422)

    fields = [error["field"] for error in problem["errors"]]
    assert fields == ["name", "cidr", "tiers.0.name", "tiers.0.cidr", "tiers.1.cidr"]
    assert all(error["detail"] for error in problem["errors"])


def test_no_more_than_twenty_things_are_told_and_the_others_counted(api):
    tiers = [{"name": "web", "cidr": "10.20.0.0/24"}] * 24

    problem = problem_of(api.post("/vpcs/", a_body(tiers=tiers)), 422)

    assert len(problem["errors"]) == 21
    assert problem["errors"][-1] == {"code": "more-errors", "field": None, "detail": "And 26 more."}
    unknown = problem_of(api.post("/vpcs/", {f"x{n}": n for n in range(5_000)}), 422)
    assert len(unknown["errors"]) == 21


@pytest.mark.parametrize("rows", [[{"name": "web", "cidr": "10.20.0.0/24"}] * 2_000, [0] * 10_000, [{}] * 25])
def test_a_list_that_is_too_long_is_one_thing_that_is_wrong(rows, api):
    answer = api.post("/vpcs/", a_body(tiers=rows))

    (error,) = problem_of(answer, 422)["errors"]
    assert (error["code"], error["field"]) == ("too-many-tiers", "tiers")
    assert f"{len(rows):,}" in error["detail"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"name=prod", b'{"name": NaN}', b'{"name": "\xff"}', b"[" * 50_000, b"\x00", b"1" * 10_000, b"'a'"],
)
def test_json_that_is_not_json(content, api):
    before = snapshot()

    assert problem_of(api.post("/vpcs/", content), 400)["code"] == "malformed-json"
    assert snapshot() == before


@pytest.mark.parametrize("body", [[], [{"name": "prod"}], "prod", 7, True])
def test_a_body_that_is_no_object(body, api):
    assert problem_of(api.post("/vpcs/", json.dumps(body)), 422)["code"] == "not-an-object"


def test_an_empty_body_lacks_everything(api):
    assert problem_of(api.post("/vpcs/"), 422)["code"] == "name-missing"
    assert problem_of(api.post("/vpcs/", "null"), 422)["code"] == "not-an-object"


def test_a_body_in_another_format(api):
    response = api.post("/vpcs/", b"name=prod", Content_Type="application/x-www-form-urlencoded")

    assert problem_of(response, 415)["code"] == "unsupported-media-type"


def test_an_answer_in_another_format(api):
    for accept in ("text/html", "application/xml", "nonsense", "application/problem+xml"):
        assert problem_of(api.get("/vpcs/", Accept=accept), 406)["code"] == "not-acceptable"


@pytest.mark.parametrize(
    "accept",
    [
        "application/problem+json",
        "application/problem+json, application/json",
        "application/problem+json;q=0.9",
        "text/html, application/problem+json",
        "application/json; indent=4",
        "application/*",
        "*/*",
        "",
    ],
)
def test_who_takes_json_or_problems_gets_an_answer(accept, api, vpc):
    response = api.get(f"/vpcs/{vpc.pk}/", Accept=accept)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json()["name"] == "prod"
    assert problem_of(api.get("/vpcs/?limit=x", Accept=accept), 422)["field"] == "limit"


def test_a_method_that_is_not_there(api, vpc):
    response = api.call("PUT", f"/vpcs/{vpc.pk}/", {})

    assert problem_of(response, 405)["code"] == "method-not-allowed"
    assert "PATCH" in response["Allow"]
    problem_of(api.delete("/vpcs/"), 405)
    problem_of(api.call("OPTIONS", "/vpcs/"), 405)
    problem_of(api.post("/instances/", {}), 405)


@pytest.mark.parametrize("path", ["/", "/vpc/", "/vpcs/nonsense/", "/vpcs/%00/", "/tiers/1/", "/operations/x/cancel/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_is_not_there(method, path, api, anonymous):
    assert problem_of(api.call(method, path), 404)["code"] == "not-found"
    problem_of(anonymous.call(method, path), 404)


def test_an_address_without_its_last_slash_says_so(api):
    assert "slash" in problem_of(api.post("/vpcs", a_body()), 404)["detail"]
    assert not Vpc.unscoped.exists()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stauts=ready", "stauts"),
        ("status=fine", "status"),
        ("status=deleted", "status"),
        ("q=%00", "q"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=b2xkZXIgdGhlbiAwZTNjNGYzZS02YTM2LTRmNjYtOGEwYy0xMTExMTExMTExMTE=", "cursor"),
        ("cursor=b2xkZXIgMjAyNi0wMS0wMVQwMDowMDowMCB0aGF0", "cursor"),
        ("cursor=bmV3ZXN0IDIwMjYtMDEtMDFUMDA6MDA6MDAgMGUzYzRmM2UtNmEzNi00ZjY2LThhMGMtMTExMTExMTExMTEx", "cursor"),
    ],
)
def test_a_list_that_cannot_be(query, field, api, vpc):
    assert problem_of(api.get(f"/vpcs/?{query}"), 422)["field"] == field


@pytest.mark.parametrize("query", ["phase=done", "resource=1", "kind=%00", "tenants=acme"])
def test_a_list_of_operations_that_cannot_be(query, api):
    assert problem_of(api.get(f"/operations/?{query}"), 422)["field"] == query.split("=")[0]


def test_what_is_not_offered_now_is_a_conflict(api, acme, site):
    vpc = builders.a_vpc(acme, site, status=Status.BUILDING)
    body = {"vpc": str(vpc.pk), "name": "app", "cidr": "10.20.4.0/24"}

    for response in (
        api.delete(f"/vpcs/{vpc.pk}/"),
        api.post("/tiers/", body),
    ):
        problem = problem_of(response, 409)
        assert (problem["code"], problem["detail"]) == ("not-now", "The VPC is still being built.")


def test_what_another_operation_holds_is_a_conflict(api, vpc):
    tier = {"vpc": str(vpc.pk), "name": "app", "cidr": "10.20.2.0/24"}
    assert api.post("/tiers/", tier).status_code == 202
    before = snapshot()

    problem = problem_of(api.delete(f"/vpcs/{vpc.pk}/"), 409)

    assert (problem["code"], problem["field"]) == ("busy", None)
    assert "Create tier app" in problem["detail"]
    assert snapshot() == before


def test_a_quota_is_a_refusal(api, acme):
    builders.limit(acme, vpc=0)

    assert problem_of(api.post("/vpcs/", a_body()), 422)["code"] == "quota-vpcs"


def test_a_zone_without_an_account_is_a_refusal(api, acme):
    builders.a_zone("Zone-2")

    problem = problem_of(api.post("/vpcs/", a_body(zone="Zone-2")), 422)

    assert (problem["code"], problem["field"]) == ("account-not-ready", "zone")


def test_a_database_that_is_away(api):
    def away(*_args):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        response = api.get("/vpcs/")

    assert problem_of(response, 503)["code"] == "unavailable"
    assert response["Retry-After"] == "5"


def test_a_mistake_of_ours_shows_nothing_of_itself(api, caplog):
    def mistake(*_args):
        raise RuntimeError("a secret detail")

    api.client.raise_request_exception = False
    with connection.execute_wrapper(mistake):
        response = api.get("/vpcs/")

    assert problem_of(response, 500)["code"] == "internal-error"
    assert b"secret" not in response.content
    assert "a secret detail" in caplog.text
