"""Ranges of VNIs over the API, and who has or had a number."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from apps.mirror.models import Kind
from tests import builders
from tests.api.conftest import Api, problem_of

RANGES, VNIS = "/fabric/vni-ranges/", "/fabric/vnis/"


@pytest.fixture
def platform(db) -> Api:
    return Api(builders.a_token(None))


def test_a_range_is_told_as_the_contract_says(lists, platform):
    lists.pool("1000-1099")
    lists.network("net-1", 1001)
    lists.taken(1002)
    lists.vnet(9, 1099, "by hand")
    lists.look()

    [told] = platform.get(RANGES).json()["results"]

    names = ("kind", "start", "end", "used", "lost", "reserved", "free", "largest_free_run", "full_at", "is_stale")
    assert [told[name] for name in names] == ["l2", 1000, 1099, 1, 1, 1, 97, 96, None, False]
    assert (told["system"], told["is_configured"], told["zone"]["name"]) == ("cloudstack", True, "Zone-1")
    assert told["read_at"]
    assert platform.get(told["url"]).json() == told


def test_a_list_that_is_too_old_is_said_to_be(lists, platform, clock):
    lists.pool("1000-1099")
    lists.look()
    clock.shift(timedelta(hours=1))
    [told] = platform.get(RANGES).json()["results"]
    assert told["is_stale"] is True and told["used"] == 0


def test_who_has_a_number_and_who_had_it(lists, platform, acme):
    vpc = builders.a_vpc(acme, lists.zone)
    tier = builders.a_tier(vpc, cloudstack_id="11111111-2222-3333-4444-555555555555", netris_id=7)
    lists.network(str(tier.cloudstack_id), 1001)
    lists.vnet(7, 1001)
    lists.look()
    then = timezone.now().isoformat()
    lists.forget(Kind.CLOUDSTACK_NETWORK, tier.cloudstack_id)
    lists.look()

    def of(address: str) -> set[tuple[str, str, str | None]]:
        rows = platform.get(address).json()["results"]
        return {(row["system"], row["kind"], row["tenant"] and row["tenant"]["slug"]) for row in rows}

    assert of(f"{VNIS}?vni=1001") == {("cloudstack", "lost", None), ("netris", "vnet", "acme")}
    assert of(f"{VNIS}?vni=1001&at={quote(then)}") == {("cloudstack", "network", "acme"), ("netris", "vnet", "acme")}
    assert of(f"{VNIS}?vni=1002") == set()
    assert of(f"{VNIS}?tenant=acme") == {("netris", "vnet", "acme")}
    assert of(f"{VNIS}?kind=lost") == {("cloudstack", "lost", None)}
    [gone] = platform.get(f"{VNIS}?at={quote(then)}&kind=network").json()["results"]
    assert gone["ended_at"] > gone["began_at"] and gone["remote_id"] == str(tier.cloudstack_id)


def test_a_second_holder_is_called_a_duplicate(lists, platform):
    lists.vnet(7, 1001)
    lists.look()
    lists.vnet(8, 1001)
    lists.look()
    rows = platform.get(f"{VNIS}?vni=1001").json()["results"]
    assert [(row["remote_id"], row["is_duplicate"]) for row in rows] == [("8", True), ("7", False)]


@pytest.mark.parametrize("at", ["yesterday", "2026-03-02", "2026-03-02T09:00:00", "2026-02-30T09:00:00Z", "9999"])
def test_a_time_that_is_none_is_refused_with_one_that_is(platform, at):
    problem = problem_of(platform.get(f"{VNIS}?at={at}"), 422)
    assert (problem["field"], problem["code"]) == ("at", "at-invalid")


@pytest.mark.parametrize("vni", ["-1", "16777216", "1.5", "1e3", "٣", "99999999999999999999"])
def test_a_number_that_is_no_vni_is_refused(platform, vni):
    problem = problem_of(platform.get(f"{VNIS}?vni={vni}"), 422)
    assert (problem["field"], problem["code"]) == ("vni", "vni-invalid")


def test_zones_are_told_apart(lists, platform, clock):
    other = type(lists)(builders.a_zone("Zone-2"), clock)
    for each in (lists, other):
        each.pool("1000-1099")
        each.vnet(1, 1001)
        each.look()
    assert len(platform.get(f"{VNIS}?vni=1001").json()["results"]) == 2
    for path in (f"{VNIS}?vni=1001&zone={other.zone.slug}", f"{RANGES}?zone={other.zone.slug}"):
        assert [row["zone"]["name"] for row in platform.get(path).json()["results"]] == ["Zone-2"]


def test_lists_cost_the_same_however_long_they_are(lists, platform, django_assert_num_queries):
    lists.pool("1000-1099,2000-2099")
    for number in range(30):
        lists.vnet(number, 1000 + number)
        if number == 2:
            lists.look()
            platform.get(VNIS)
            with django_assert_num_queries(3):  # the token, the rows, the readings
                platform.get(VNIS)
            with django_assert_num_queries(3):
                platform.get(RANGES)
    lists.look()
    with django_assert_num_queries(3):
        platform.get(VNIS)
    with django_assert_num_queries(3):
        platform.get(RANGES)


def test_to_tenants_there_is_no_such_thing(lists, acme):
    builders.a_claim(lists.zone, 1001, tenant=acme)
    for path in (RANGES, VNIS, f"{RANGES}{builders.a_vni_range(lists.zone).pk}/"):
        assert Api(builders.a_token(acme)).get(path).status_code == 404
