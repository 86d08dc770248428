"""Lists, filters and references keep tenants apart. Every single route is in tests/test_access.py."""

from __future__ import annotations

from uuid import uuid4

import pytest

from apps.operations.models import Operation
from tests.api.conftest import problem_of
from tests.api.test_networks import a_body

MANY = ["/vpcs/", "/tiers/", "/operations/", "/tenants/"]


@pytest.fixture
def ids(secret, other, globex):
    """Things of globex's."""
    tier = secret.tiers.get()
    operation = other.delete(f"/tiers/{tier.pk}/").json()["id"]
    return {"vpc": secret.pk, "tier": tier.pk, "operation": operation, "tenant": globex.pk, "zone": secret.zone_id}


@pytest.mark.parametrize("path", MANY)
def test_lists_hold_only_the_callers_own(path, ids, api, vpc, acme):
    api.delete(f"/vpcs/{vpc.pk}/")

    answer = api.get(path)

    assert len(answer.json()["results"]) == 1
    assert not [
        one for one in (*map(str, list(ids.values())[:4]), "Globex", "hidden") if one in answer.content.decode()
    ]


@pytest.mark.parametrize("path", ["/vpcs/", "/tiers/", "/operations/"])
def test_filters_do_not_reach_into_another_tenant(path, ids, api, vpc):
    pairs = [
        (f"{path}?tenant=globex", f"{path}?tenant=nobody", "tenant-unknown"),
        (f"/tiers/?vpc={ids['vpc']}", f"/tiers/?vpc={uuid4()}", "vpc-unknown"),
        (f"/operations/?resource={ids['vpc']}", f"/operations/?resource={uuid4()}", "resource-unknown"),
    ]

    for theirs, nobodys, code in pairs:
        problem = problem_of(api.get(theirs), 422)
        assert problem == problem_of(api.get(nobodys), 422)
        assert problem["code"] == code
    assert api.get(f"{path}?tenant=acme").status_code == 200
    assert api.get(f"/tiers/?vpc={vpc.pk}").json()["results"] != []


def test_a_tier_cannot_be_put_into_anothers_vpc(api, secret):
    def refused(vpc):
        return problem_of(api.post("/tiers/", {"vpc": str(vpc), "name": "mine", "cidr": "10.99.5.0/24"}), 422)

    theirs, nobodys = refused(secret.pk), refused(uuid4())

    assert theirs == nobodys
    assert (theirs["code"], theirs["field"]) == ("vpc-unknown", "vpc")
    assert not Operation.unscoped.exists()


def test_two_tenants_use_the_same_names_and_ranges_without_noticing(api, other):
    assert api.post("/vpcs/", a_body()).status_code == other.post("/vpcs/", a_body()).status_code == 202


def test_the_platform_sees_everybodys(platform, vpc, secret, acme):
    assert {row["name"] for row in platform.get("/vpcs/").json()["results"]} == {"prod", "secret"}
    assert {row["name"] for row in platform.get("/tiers/").json()["results"]} == {"web", "hidden"}
    assert [row["name"] for row in platform.get("/vpcs/?tenant=acme").json()["results"]] == ["prod"]
    assert [row["name"] for row in platform.get("/tiers/?tenant=globex").json()["results"]] == ["hidden"]
    assert platform.get(f"/vpcs/{secret.pk}/").json()["tenant"]["slug"] == "globex"
    assert {row["slug"] for row in platform.get("/tenants/").json()["results"]} == {"acme", "globex"}


@pytest.mark.parametrize("slug", ["nobody", "Acme"])
def test_the_platform_hears_when_it_misspells_a_tenant(slug, platform):
    problem = problem_of(platform.get(f"/vpcs/?tenant={slug}"), 422)

    assert (problem["code"], problem["field"]) == ("tenant-unknown", "tenant")


def test_the_platform_hears_whose_token_is_needed(platform, secret):
    problem = problem_of(platform.patch(f"/vpcs/{secret.pk}/", {"name": "mine"}), 403)

    assert problem["code"] == "tenant-token-needed"
    assert "owner of the tenant" in problem["detail"]


def test_who_may_only_look_hears_why(reader, vpc):
    assert problem_of(reader.delete(f"/vpcs/{vpc.pk}/"), 403)["code"] == "read-only"


def test_who_has_no_token_hears_what_is_expected(anonymous):
    response = anonymous.get("/vpcs/")

    assert problem_of(response, 401)["code"] == "not-authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="Weft"'
