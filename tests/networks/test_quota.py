"""A limit that is reached is a reason like any other: said before one tries, in the words that refuse it afterwards."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.quotas.queries import Quota
from apps.quotas.resources import TIER
from apps.tenancy.models import Scope, Tenant
from apps.zones.models import Zone
from tests import builders

pytestmark = pytest.mark.django_db

FULL = "2 of 2 VPCs are in use. Delete one, or ask your provider for a higher limit."
NO_TIER = "3 of 3 tiers are in use. Delete one, or ask your provider for a higher limit."


@pytest.fixture
def zone(acme: Tenant) -> Zone:
    zone = builders.a_zone(max_tiers_per_vpc=8)
    builders.an_account(acme, zone)
    return zone


@pytest.fixture
def script(acme: Tenant) -> Client:
    return Client(headers={"Authorization": f"Bearer {builders.a_token(acme, Scope.WRITE)}"})


@pytest.fixture
def ann(acme: Tenant) -> Client:
    client = Client()
    client.force_login(builders.a_member(acme, username="ann"))
    return client


@pytest.fixture
def full(acme: Tenant, zone: Zone) -> Tenant:
    first = builders.a_vpc(acme, zone, "prod", "10.20.0.0/20")
    second = builders.a_vpc(acme, zone, "test", "10.30.0.0/20")
    for vpc, name, cidr in (
        (first, "web", "10.20.0.0/24"),
        (first, "db", "10.20.1.0/24"),
        (second, "web", "10.30.0.0/24"),
    ):
        builders.a_tier(vpc, name, cidr)
    builders.limit(acme, vpc=2, tier=3)
    return acme


@pytest.mark.parametrize(("used", "most", "more", "said"), [
    (1, 2, 1, None),
    (2, 2, 1, "2 of 2 tiers are in use. Delete one, or ask your provider for a higher limit."),
    (3, 2, 1, "3 of 2 tiers are in use. Delete 2, or ask your provider for a higher limit."),
    (1, 3, 3, "Used 1 of 3 tiers, this needs 3. Delete one, or ask your provider for a higher limit."),
    (0, 0, 1, "0 of 0 tiers are in use. Ask your provider for a higher limit."),
    (2, 3, 4, "Used 2 of 3 tiers, this needs 4. Ask your provider for a higher limit."),
])  # fmt: skip
def test_what_is_said(used: int, most: int, more: int, said: str | None):
    assert Quota(TIER, used, most).why_not(more) == said


def test_pages_say_it_before_anything_is_filled_in(full: Tenant, ann: Client):
    for path in ("/t/acme/", "/t/acme/vpcs/", "/t/acme/vpcs/new/"):
        page = ann.get(path)
        assert FULL in page.content.decode(), path
    assert "2 of 2 VPCs" in ann.get("/t/acme/vpcs/").content.decode()
    vpc = ann.get("/t/acme/vpcs/").context["rows"][0]["pk"]
    for path in (f"/t/acme/vpcs/{vpc}/", f"/t/acme/vpcs/{vpc}/tiers/new/"):
        assert NO_TIER in ann.get(path).content.decode(), path


def test_the_overview_knows_it(full: Tenant, ann: Client):
    page = ann.get("/t/acme/")
    assert page.context["attention"].full == [FULL, NO_TIER]
    builders.limit(full, vpc=3, tier=4)
    page = ann.get("/t/acme/")
    assert page.context["attention"].is_empty
    assert "Limit reached" not in page.content.decode()


def test_a_zone_that_allows_no_more_tiers_says_so(full: Tenant, zone: Zone, ann: Client, script: Client):
    Zone.objects.update(max_tiers_per_vpc=1)
    builders.limit(full, tier=99)
    rows = script.get("/api/v1/vpcs/?name=prod").json()["results"]
    reason = f"2 of 1 tiers: a VPC in {zone} has no more."

    assert rows[0]["can"]["add_tier"] == reason
    assert reason in ann.get(f"/t/acme/vpcs/{rows[0]['id']}/").content.decode()


def test_what_can_says_is_what_refuses(full: Tenant, script: Client):
    [quota] = script.get("/api/v1/quotas/").json()["results"]
    assert quota["resources"][:2] == [
        {"resource": "vpc", "used": 2, "limit": 2, "can": {"add": FULL}},
        {"resource": "tier", "used": 3, "limit": 3, "can": {"add": NO_TIER}},
    ]
    assert script.get(f"/api/v1/quotas/{full.pk}/").json() == quota
    vpc = script.get("/api/v1/vpcs/").json()["results"][0]
    assert vpc["can"]["add_tier"] == NO_TIER

    body = {"name": "more", "zone": "Zone-1", "cidr": "10.40.0.0/20"}
    refused = script.post("/api/v1/vpcs/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["detail"]) == (422, FULL)
    body = {"vpc": vpc["id"], "name": "more", "cidr": vpc["cidr"].replace("0.0/20", "9.0/24")}
    refused = script.post("/api/v1/tiers/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["detail"]) == (422, NO_TIER)


def test_with_room_nothing_is_in_the_way(acme: Tenant, zone: Zone, script: Client):
    builders.a_vpc(acme, zone)
    [quota] = script.get("/api/v1/quotas/").json()["results"]
    assert [each["can"] for each in quota["resources"][:2]] == [{"add": None}, {"add": None}]
    assert script.get("/api/v1/vpcs/").json()["results"][0]["can"]["add_tier"] is None


def test_a_tenant_sees_no_quota_but_its_own_and_the_platform_all(full: Tenant, globex: Tenant, script: Client):
    assert [each["tenant"]["slug"] for each in script.get("/api/v1/quotas/").json()["results"]] == ["acme"]
    assert script.get(f"/api/v1/quotas/{globex.pk}/").status_code == 404
    platform = Client(headers={"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"})
    found = {
        each["tenant"]["slug"]: each["resources"][0]["used"]
        for each in platform.get("/api/v1/quotas/").json()["results"]
    }
    assert found == {"acme": 2, "globex": 0}
