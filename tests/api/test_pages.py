"""Pages by cursor, tags of states, and how much the database is asked."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network

import pytest
from django.utils import timezone

from apps.networks.models import Vpc
from apps.operations.models import Operation
from tests import builders
from tests.api.conftest import problem_of


def many_vpcs(tenant, zone, count, *, at_once=False):
    now = timezone.now()
    for number in range(count):
        at = now if at_once else now - timedelta(minutes=number)
        vpc = builders.a_vpc(tenant, zone, f"vpc-{number}", f"10.{number}.0.0/20", created_at=at)
        for tier, network in enumerate(list(IPv4Network(vpc.cidr).subnets(new_prefix=24))[:2]):
            builders.a_tier(vpc, f"tier-{tier}", str(network))


def walk(api, path, direction="next"):
    names: list[str] = []
    pages = 0
    while path:
        page = api.get(path).json()
        assert set(page) == {"next", "previous", "results"}
        rows = [row["name"] for row in page["results"]]
        names = names + rows if direction == "next" else rows + names
        path, pages = page[direction], pages + 1
        last = page
    return names, pages, last


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at the same moment"])
def test_pages_lead_to_every_row_once(at_once, api, acme, site):
    many_vpcs(acme, site, 7, at_once=at_once)

    names, pages, last = walk(api, "/vpcs/?limit=3")

    assert sorted(names) == [f"vpc-{number}" for number in range(7)]
    assert pages == 3
    back, _, first = walk(api, last["previous"], "previous")
    assert back == names[:6]
    assert walk(api, first["next"])[0] == names[3:]


def test_the_newest_comes_first_and_newcomers_shift_nothing(api, acme, site):
    many_vpcs(acme, site, 4)
    first = api.get("/vpcs/?limit=2").json()
    builders.a_vpc(acme, site, "newcomer", "10.200.0.0/20")

    second = api.get(first["next"]).json()

    assert [row["name"] for row in first["results"] + second["results"]] == [f"vpc-{number}" for number in range(4)]
    assert second["next"] is None


def test_a_page_has_fifty_rows_unless_asked_for_more(api, acme, site):
    Vpc.unscoped.bulk_create(
        Vpc(tenant=acme, zone=site, name=f"vpc-{number}", cidr=IPv4Network("10.0.0.0/20"), status="ready")
        for number in range(501)
    )

    assert len(api.get("/vpcs/").json()["results"]) == 50
    assert len(api.get("/vpcs/?limit=200").json()["results"]) == 200
    assert len(api.get("/vpcs/?limit=100000").json()["results"]) == 500


def test_filters_stay_on_when_turning_the_page(api, acme, site):
    many_vpcs(acme, site, 4)
    builders.a_vpc(acme, site, "other", "10.200.0.0/20")

    names, _, _ = walk(api, "/vpcs/?q=vpc-&limit=1")

    assert names == [f"vpc-{number}" for number in range(4)]


@pytest.mark.parametrize(
    ("path", "most"), [("/vpcs/", 5), ("/quotas/", 3), ("/tiers/", 4), ("/operations/", 3), ("/tenants/", 4)]
)
@pytest.mark.parametrize("who", ["api", "platform"])
def test_the_database_is_not_asked_more_often_for_more_rows(
    path, most, who, request, acme, globex, site, django_assert_max_num_queries
):
    caller = request.getfixturevalue(who)
    for tenant in (acme, globex):
        many_vpcs(tenant, site, 5)
        for vpc in Vpc.unscoped.filter(tenant=tenant):
            fields = {"tenant": tenant, "zone": site, "resource_type": "vpc", "resource_id": vpc.pk, "size": 1}
            Operation.unscoped.create(kind="vpc", goal="present", lock_key=vpc.lane, **fields)

    # One finds the token, one notes its use, the rest are for the rows.
    with django_assert_max_num_queries(most + 1):
        caller.get(path)
    with django_assert_max_num_queries(most):
        assert caller.get(path).status_code == 200


def test_one_object_costs_few_queries(api, vpc, django_assert_max_num_queries):
    api.get("/zones/")
    with django_assert_max_num_queries(5):
        api.get(f"/vpcs/{vpc.pk}/")


def test_an_object_has_a_tag_that_changes_with_it(api, vpc):
    first = api.get(f"/vpcs/{vpc.pk}/")
    assert first["ETag"] == api.get(f"/vpcs/{vpc.pk}/")["ETag"]
    assert "private" in first["Cache-Control"]

    builders.a_tier(vpc, "db", "10.20.1.0/24")

    assert api.get(f"/vpcs/{vpc.pk}/")["ETag"] != first["ETag"]


def test_what_has_not_changed_is_not_sent_again(api, vpc):
    etag = api.get(f"/vpcs/{vpc.pk}/")["ETag"]

    response = api.get(f"/vpcs/{vpc.pk}/", If_None_Match=etag)

    assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
    assert api.get(f"/vpcs/{vpc.pk}/", If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["vpcs", "tiers"])
def test_a_change_is_never_answered_as_if_nothing_had_been_asked(kind, method, api, vpc):
    """`If-None-Match` makes a condition of a change as well: 412 and never 304, and only when it is not met."""
    path = f"/vpcs/{vpc.pk}/" if kind == "vpcs" else f"/tiers/{vpc.tiers.get().pk}/"
    body = {"name": "mine"} if method == "PATCH" else None
    etag = api.get(path)["ETag"]

    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        assert problem_of(api.call(method, path, body, If_None_Match=known), 412)["code"] == "not-changed"
    assert api.get(path)["ETag"] == etag
    assert not Operation.unscoped.exists()

    answer = api.call(method, path, body, If_None_Match='"another"')
    assert answer.status_code == {"PATCH": 200, "DELETE": 202}[method]
    assert answer.content


def test_a_change_that_changes_nothing_is_answered_with_the_thing(api, vpc):
    """Its state before the change is not what the caller makes a condition of, but the one after it could be."""
    renamed = api.patch(f"/vpcs/{vpc.pk}/", {"name": "b"})["ETag"]
    api.patch(f"/vpcs/{vpc.pk}/", {"name": "a"})

    answer = api.patch(f"/vpcs/{vpc.pk}/", {"name": "b"}, If_None_Match=renamed)

    assert (answer.status_code, answer.json()["name"], answer["ETag"]) == (200, "b", renamed)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["vpcs", "tiers"])
def test_nobody_changes_what_they_have_not_seen(kind, method, api, vpc):
    path = f"/vpcs/{vpc.pk}/" if kind == "vpcs" else f"/tiers/{vpc.tiers.get().pk}/"
    body = {"name": "mine"} if method == "PATCH" else None
    etag = api.get(path)["ETag"]
    Vpc.unscoped.update(name="theirs", description="theirs")
    vpc.tiers.update(name="theirs")

    for stale in (etag, '"nonsense"', "nonsense", f"W/{etag}", ""):
        assert problem_of(api.call(method, path, body, If_Match=stale), 412)["code"] == "changed-meanwhile"
    assert not Operation.unscoped.exists()

    accepted = {"PATCH": 200, "DELETE": 202}[method]
    assert api.call(method, path, body, If_Match=api.get(path)["ETag"]).status_code == accepted


def test_any_state_will_do_for_a_star_and_for_who_does_not_say(api, vpc):
    assert api.patch(f"/vpcs/{vpc.pk}/", {"name": "a"}, If_Match="*").json()["name"] == "a"
    assert api.patch(f"/vpcs/{vpc.pk}/", {"name": "b"}).json()["name"] == "b"


def test_an_unchanged_object_comes_with_its_tag(api, vpc):
    response = api.patch(f"/vpcs/{vpc.pk}/", {})

    assert response["ETag"] == api.get(f"/vpcs/{vpc.pk}/")["ETag"]
