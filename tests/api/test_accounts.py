from __future__ import annotations

import pytest

from apps.accounts.models import Account
from apps.operations.models import Operation
from apps.quotas.resources import resources
from apps.tenancy.models import AuditEntry, Membership, Tenant
from tests import builders
from tests.api.conftest import problem_of
from tests.api.test_networks import HOST, TIME


def test_the_platform_makes_a_tenant_with_an_account_in_every_zone(platform, site):
    builders.a_zone("Zone-2")
    builders.a_zone("Zone-3", is_enabled=False)
    owner = builders.a_user("zoe")

    response = platform.post("/tenants/", {"name": "New Co", "max_vpcs": 5, "owner": "zoe"})

    assert response.status_code == 202
    tenant = Tenant.objects.get(slug="new-co")
    body = response.json()
    operations = body.pop("operations")
    assert TIME.fullmatch(body.pop("created_at"))
    assert body == {
        "id": str(tenant.pk),
        "url": f"{HOST}/tenants/{tenant.pk}/",
        "name": "New Co",
        "slug": "new-co",
        **{resource.field: resource.default for resource in resources()},
        "max_vpcs": 5,
        "accounts": [
            {"zone": {"id": str(account.zone_id), "name": account.zone.name}, "status": "building"}
            for account in Account.unscoped.filter(tenant=tenant).order_by("zone__name")
        ],
        "is_disabled": False,
        "can": {"disable": None, "enable": "It is enabled already."},
    }
    assert [operation["kind"] for operation in operations] == ["account", "account"]
    assert operations[0]["resource"]["url"] is None
    assert response["Location"] == operations[0]["url"]
    assert platform.get(response["Location"]).json() == operations[0]
    assert Membership.objects.get(tenant=tenant).user == owner
    assert AuditEntry.unscoped.get(action="tenant.create").actor == "token test"


def test_a_tenant_sees_itself_and_makes_no_other(api, acme):
    (row,) = api.get("/tenants/").json()["results"]

    assert row["slug"] == "acme"
    assert row == api.get(f"/tenants/{acme.pk}/").json()
    assert row["accounts"] == [{"zone": {"id": row["accounts"][0]["zone"]["id"], "name": "Zone-1"}, "status": "ready"}]
    assert problem_of(api.post("/tenants/", {"name": "Mine"}), 403)["code"] == "platform-token-needed"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "name-missing", "name"),
        ({"name": ""}, "name-missing", "name"),
        ({"name": "n" * 64}, "name-too-long", "name"),
        ({"name": "a\nb"}, "name-unprintable", "name"),
        ({"name": "ACME", "slug": "acme-2"}, "name-taken", "name"),
        ({"name": "Acme Two", "slug": "acme"}, "slug-taken", "slug"),
        ({"name": "\u0410\u0441me", "slug": "acme-2"}, "name-taken", "name"),
        ({"name": "Acme!"}, "slug-taken", "slug"),
        ({"name": "東京"}, "slug-missing", "slug"),
        ({"name": "pr\u202eod"}, "name-unprintable", "name"),
        ({"name": "9 Lives"}, "slug-invalid", "slug"),
        ({"name": "X", "slug": "Not A Slug"}, "slug-invalid", "slug"),
        ({"name": "X", "max_vpcs": "5"}, "wrong-type", "max_vpcs"),
        ({"name": "X", "max_vpcs": True}, "wrong-type", "max_vpcs"),
        ({"name": "X", "max_tiers": -1}, "min-value", "max_tiers"),
        ({"name": "X", "max_tiers": 10**12}, "max-value", "max_tiers"),
        ({"name": "X", "owner": "nobody"}, "owner-unknown", "owner"),
        ({"name": "X", "quota": 5}, "unknown-field", "quota"),
    ],
)
def test_a_tenant_that_cannot_be(body, code, field, platform, acme):
    problem = problem_of(platform.post("/tenants/", body), 422)

    assert (problem["code"], problem["field"]) == (code, field)
    assert Tenant.objects.count() == 2
    assert not Operation.unscoped.exists()


def test_where_there_is_no_zone_a_tenant_is_made_at_once(platform, site):
    site.is_enabled = False
    site.save()

    response = platform.post("/tenants/", {"name": "Early"})

    assert (response.status_code, response.json()["operations"]) == (201, [])
    assert response["Location"] == response.json()["url"]


def test_zones_show_nothing_of_how_they_are_reached(api, platform, site):
    (row,) = api.get("/zones/").json()["results"]

    assert TIME.fullmatch(row.pop("created_at"))
    assert row == {
        "id": str(site.pk),
        "url": f"{HOST}/zones/{site.pk}/",
        "name": "Zone-1",
        "description": "The first one",
        "max_tiers_per_vpc": 3,
        "is_enabled": True,
        "paused": None,
    }
    reached = platform.get(f"/zones/{site.pk}/").json()["reached"]
    assert reached["cloudstack_url"] == site.cloudstack_url
    assert not [name for name in reached if "key" in name or "password" in name]
