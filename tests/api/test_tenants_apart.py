"""What is another tenant's does not exist: on every route, in the same words as for what never was."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import URLResolver, get_resolver

from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from tests.api.conftest import problem_of
from tests.api.test_networks import a_body

ONE = [
    ("GET", "/vpcs/{vpc}/", None),
    ("PATCH", "/vpcs/{vpc}/", {"name": "mine"}),
    ("DELETE", "/vpcs/{vpc}/", None),
    ("GET", "/tiers/{tier}/", None),
    ("PATCH", "/tiers/{tier}/", {"name": "mine"}),
    ("DELETE", "/tiers/{tier}/", None),
    ("GET", "/operations/{operation}/", None),
    ("POST", "/operations/{operation}/cancel/", None),
    ("POST", "/operations/{operation}/retry/", None),
    ("GET", "/tenants/{tenant}/", None),
]
MANY = ["/vpcs/", "/tiers/", "/operations/", "/tenants/"]
#: Nobody's in particular: every caller sees all of them.
SHARED = {"/zones/", "/zones/{zone}/", "/schema/", "/docs/"}


@pytest.fixture
def ids(secret, other, globex):
    """Things of globex's."""
    operation = other.patch(f"/vpcs/{secret.pk}/", {"description": "changed"}).json()["id"]
    tier = secret.tiers.get()
    return {"vpc": secret.pk, "tier": tier.pk, "operation": operation, "tenant": globex.pk, "zone": secret.zone_id}


def rows():
    managers = (Vpc.unscoped, Tier.unscoped, Operation.unscoped)
    return [list(manager.order_by("pk").values()) for manager in managers]


def test_the_tables_here_name_every_route():
    """A route that is missing above is a route that nobody has tried as a stranger."""
    resolvers = [one for one in get_resolver().url_patterns if isinstance(one, URLResolver)]
    (tree,) = (one for one in resolvers if one.namespace == "api")
    groups = [getattr(one, "url_patterns", [one]) for one in tree.url_patterns]
    known = {path.format_map(dict.fromkeys(("vpc", "tier", "operation", "tenant", "zone"), "<uuid:pk>")) for path in (
        *(path for _method, path, _body in ONE), *MANY, *SHARED
    )}  # fmt: skip

    assert {f"/{route.pattern}" for group in groups for route in group if str(route.pattern)} == known


@pytest.mark.parametrize(("method", "path", "body"), ONE, ids=lambda value: str(value))
def test_what_is_anothers_does_not_exist(method, path, body, ids, api):
    before = rows()
    nowhere = dict.fromkeys(ids, uuid4())

    theirs = problem_of(api.call(method, path.format(**ids), body), 404)
    nobodys = problem_of(api.call(method, path.format(**nowhere), body), 404)

    assert theirs == nobodys
    assert rows() == before


@pytest.mark.parametrize("path", MANY)
def test_lists_hold_only_the_callers_own(path, ids, api, vpc, acme):
    api.patch(f"/vpcs/{vpc.pk}/", {"name": "shop"})

    answer = api.get(path)

    assert len(answer.json()["results"]) == 1
    assert not [
        one for one in (*map(str, list(ids.values())[:4]), "Globex", "hidden") if one in answer.content.decode()
    ]


@pytest.mark.parametrize("path", ["/vpcs/", "/tiers/", "/operations/"])
def test_filters_do_not_reach_into_another_tenant(path, ids, api):
    assert api.get(f"{path}?tenant=globex").json()["results"] == []
    assert api.get(f"{path}?tenant=nobody").json()["results"] == []
    assert api.get(f"/tiers/?vpc={ids['vpc']}").json()["results"] == []
    assert api.get(f"/operations/?resource={ids['vpc']}").json()["results"] == []


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


@pytest.mark.parametrize("slug", ["nobody", "Acme", "%00", ""])
def test_the_platform_hears_when_it_misspells_a_tenant(slug, platform):
    problem = problem_of(platform.get(f"/vpcs/?tenant={slug}"), 422)

    assert (problem["code"], problem["field"]) == ("tenant-unknown", "tenant")


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "/vpcs/", {}),
    ("POST", "/tiers/", {}),
    ("PATCH", "/vpcs/{vpc}/", {"name": "mine"}),
    ("DELETE", "/vpcs/{vpc}/", None),
    ("PATCH", "/tiers/{tier}/", {"name": "mine"}),
    ("DELETE", "/tiers/{tier}/", None),
])  # fmt: skip
def test_the_platform_changes_nothing_that_belongs_to_a_tenant(method, path, body, ids, platform):
    before = rows()

    problem = problem_of(platform.call(method, path.format(**ids), body), 403)

    assert problem["code"] == "tenant-token-needed"
    assert "owner of the tenant" in problem["detail"]
    assert rows() == before


@pytest.mark.parametrize(("method", "path", "body"), [*ONE, *(("POST", path, {}) for path in MANY[:2])])
def test_who_may_only_look_changes_nothing(method, path, body, reader, vpc, acme):
    ids = {"vpc": vpc.pk, "tier": vpc.tiers.get().pk, "operation": uuid4(), "tenant": acme.pk}
    if method != "GET":
        before = rows()
        assert problem_of(reader.call(method, path.format(**ids), body), 403)["code"] == "read-only"
        assert rows() == before
    elif "operation" not in path:
        assert reader.get(path.format(**ids)).status_code == 200


@pytest.mark.parametrize("path", [*MANY, "/zones/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_gets_in_without_proof(method, path, anonymous):
    response = anonymous.call(method, path, {} if method == "POST" else None)

    assert problem_of(response, 401)["code"] == "not-authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="Weft"'
