"""What both systems listed last of a VPC, over REST."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.mirror.models import Kind
from apps.networks.models import Tier, Vpc
from tests import builders
from tests.api.conftest import problem_of


@pytest.fixture
def prod(acme, site):
    """A VPC that both systems know by their ids, with two tiers."""
    vpc = builders.a_vpc(acme, site, cloudstack_id=uuid4(), netris_id=7)
    builders.a_tier(vpc, "web", "10.20.0.0/24", cloudstack_id=uuid4(), netris_id=11)
    builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4(), netris_id=12)
    return vpc


def listed(vpc: Vpc, *, besides: str = "", read_at=None) -> None:
    """All of it is in the mirror, but for one tier that Netris lacks. An instance runs in `web`."""
    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_VPC, [vpc.cloudstack_id], read_at=read_at)
    builders.mirrored(vpc.zone, Kind.NETRIS_VPC, [vpc.netris_id], read_at=read_at)
    builders.mirrored(vpc.zone, Kind.NETRIS_VNET, [], read_at=read_at)
    for tier in Tier.objects.of(vpc.tenant).filter(vpc=vpc):
        state = {"state": "Implemented" if tier.name == "web" else "Allocated"}
        builders.mirrored(vpc.zone, Kind.CLOUDSTACK_NETWORK, [tier.cloudstack_id], data=state, read_at=read_at)
        if tier.name != besides:
            builders.mirrored(vpc.zone, Kind.NETRIS_VNET, [tier.netris_id], read_at=read_at)


def findings_of(body):
    return {row["name"]: (row["type"], row["cloudstack"], row["netris"], row["is_dormant"]) for row in body["findings"]}


def test_both_have_everything_and_an_idle_tier_sleeps(api, prod):
    listed(prod)

    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "agree"
    assert body["cloudstack"]["read_at"].endswith("Z")
    assert body["cloudstack"]["is_stale"] is body["netris"]["is_stale"] is False
    assert findings_of(body) == {
        "prod": ("vpc", "there", "there", None),
        "web": ("tier", "there", "there", False),
        "db": ("tier", "there", "there", True),
    }


def test_what_one_lacks_is_missing(api, prod):
    listed(prod, besides="db")

    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "differ"
    assert findings_of(body)["db"] == ("tier", "there", "missing", True)


def test_an_old_reading_claims_nothing(api, prod):
    listed(prod, read_at=timezone.now() - timedelta(hours=1))

    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "stale"
    assert body["netris"]["is_stale"] is True
    assert findings_of(body)["web"] == ("tier", "stale", "stale", None)


def test_what_was_never_read_is_unread(api, prod):
    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "stale"
    assert body["cloudstack"] == {"read_at": None, "is_stale": True}
    assert findings_of(body)["prod"] == ("vpc", "unread", "unread", None)


def test_another_tenants_is_not_there(other, prod):
    problem_of(other.get(f"/vpcs/{prod.pk}/agreement/"), 404)


def test_it_costs_the_same_however_many_tiers(api, prod, django_assert_max_num_queries):
    listed(prod)
    api.get("/zones/")
    for number in range(2, 12):
        builders.a_tier(prod, f"more-{number}", f"10.20.{number}.0/24", cloudstack_id=uuid4(), netris_id=100 + number)

    with django_assert_max_num_queries(10):
        assert len(api.get(f"/vpcs/{prod.pk}/agreement/").json()["findings"]) == 13
