"""Instances over REST: read only, one's own alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.tenancy.models import Tenant
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.instances.conftest import Place


@pytest.fixture
def api(acme: Tenant) -> Api:
    return Api(builders.a_token(acme))


@pytest.fixture
def platform(db: None) -> Api:
    return Api(builders.a_token(None))


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_an_instance_is_told_with_its_place_and_addresses(api: Api, place: Place, web_1: UUID) -> None:
    read = api.get(f"/instances/{web_1}/").json()

    root = "http://testserver/api/v1"
    tier = {"id": str(place.web.pk), "url": f"{root}/tiers/{place.web.pk}/"}
    assert read.pop("read_at")
    assert read == {
        "id": str(web_1),
        "url": f"{root}/instances/{web_1}/",
        "name": "web-1",
        "state": "Running",
        "vpc": {"id": str(place.vpc.pk), "url": f"{root}/vpcs/{place.vpc.pk}/"},
        "tier": tier,
        "addresses": [
            {"address": "10.20.0.11", "primary": True, "tier": tier},
            {"address": "10.20.0.12", "primary": False, "tier": tier},
        ],
        "created_at": "2026-03-02T08:00:00Z",
    }


def test_the_list_is_narrowed_by_vpc_tier_state_and_words(api: Api, place: Place, web_1: UUID) -> None:
    builders.an_instance(place.account, "db-1", tier=place.db, address="10.20.1.5", state="Stopped")

    assert sorted(names(api.get("/instances/"))) == ["db-1", "web-1"]
    assert sorted(names(api.get(f"/instances/?vpc={place.vpc.pk}"))) == ["db-1", "web-1"]
    assert names(api.get(f"/instances/?tier={place.db.pk}")) == ["db-1"]
    assert names(api.get("/instances/?state=Stopped")) == ["db-1"]
    assert names(api.get("/instances/?q=0.12")) == names(api.get("/instances/?q=WEB")) == ["web-1"]


def test_what_is_another_tenants_is_not_there(api: Api, web_1: UUID, theirs: Place, secret: UUID) -> None:
    assert names(api.get("/instances/")) == ["web-1"]
    assert names(api.get("/instances/?q=secret")) == []
    assert problem_of(api.get(f"/instances/{secret}/"), 404) == problem_of(api.get(f"/instances/{uuid4()}/"), 404)
    for theirs_, nobodys in (
        (f"vpc={theirs.vpc.pk}", f"vpc={uuid4()}"),
        (f"tier={theirs.web.pk}", f"tier={uuid4()}"),
        ("tenant=globex", "tenant=nobody"),
    ):
        problem = problem_of(api.get(f"/instances/?{theirs_}"), 422)
        assert problem == problem_of(api.get(f"/instances/?{nobodys}"), 422)
        assert problem["code"].endswith("-unknown")


@pytest.mark.parametrize("query", ["vpc=x", "tier=x", "state=Flying", "zebra=1", "q=%00", "cursor=x", "limit=0"])
def test_a_slip_is_refused(query: str, api: Api, web_1: UUID) -> None:
    assert api.get(f"/instances/?{query}").status_code in (400, 422)


def test_instances_cannot_be_changed_here(api: Api, web_1: UUID) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.call(method, f"/instances/{web_1}/", {}).status_code == 405
    assert api.post("/instances/", {}).status_code == 405


def test_the_platform_sees_everybodys_with_tenant_and_host(platform: Api, web_1: UUID, secret: UUID) -> None:
    rows = {row["name"]: row for row in platform.get("/instances/").json()["results"]}

    assert {name: row["tenant"]["slug"] for name, row in rows.items()} == {"web-1": "acme", "web-secret": "globex"}
    assert rows["web-1"]["host"] == "Server-2"
    assert names(platform.get("/instances/?tenant=globex")) == ["web-secret"]


def test_the_pages_of_the_list_hold_each_once(api: Api, place: Place) -> None:
    made = {f"vm-{n}" for n in range(7)}
    for name in made:
        builders.an_instance(place.account, name)  # all made in the same second

    found, path = [], "/instances/?limit=3"
    while path:
        page = api.get(path)
        found += names(page)
        path = page.json()["next"]

    assert sorted(found) == sorted(made)
