"""What both systems listed last of a VPC, over REST."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.mirror.models import Item, Kind
from apps.networks.models import Tier, Vpc
from tests import builders
from tests.api.conftest import problem_of


@pytest.fixture
def prod(acme, site):
    """A VPC that both systems know by their ids, with two tiers."""
    old = {"created_at": timezone.now() - timedelta(days=1)}
    vpc = builders.a_vpc(acme, site, cloudstack_id=uuid4(), netris_id=7, egress_ip="198.51.100.17", **old)
    builders.a_tier(vpc, "web", "10.20.0.0/24", cloudstack_id=uuid4(), netris_id=11, vni=1000007, **old)
    builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4(), netris_id=12, vni=1000008, **old)
    return vpc


def listed(vpc: Vpc, **options) -> None:
    """All of it is in the mirror. An instance runs in `web`."""
    builders.truly_mirrored(vpc, states={"db": "Allocated"}, **options)


def change(kind: Kind, remote_id: object, **fields) -> None:
    item = Item.objects.get(kind=kind, remote_id=str(remote_id))
    item.data |= fields
    item.save()


def differences_of(body):
    return {(row["name"], each["about"]): each for row in body["findings"] for each in row["differences"]}


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
    listed(prod, besides=["db"])

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


def test_a_reading_that_is_older_than_the_row_is_not_read_yet(api, prod):
    Vpc.objects.of(prod.tenant).update(created_at=timezone.now())
    listed(prod, read_at=timezone.now() - timedelta(seconds=5))

    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "unread"
    assert findings_of(body)["prod"] == ("vpc", "unread", "unread", None)


@pytest.mark.parametrize(
    ("kind", "remote_id", "fields", "where", "values"),
    [
        (Kind.NETRIS_VPC, 7, {"name": "D1-A2-Z1-V3-null"}, ("prod", "name"), (None, "null")),
        (Kind.NETRIS_RANGE, 7, {"prefix": "10.21.0.0/20"}, ("prod", "CIDR"), ("10.20.0.0/20", "10.21.0.0/20")),
        (
            Kind.NETRIS_NAT,
            7,
            {"snat_to_ip": "198.51.100.99"},
            ("prod", "source NAT"),
            ("198.51.100.17", "198.51.100.99"),
        ),
        (
            Kind.NETRIS_NAT,
            7,
            {"state": "disabled"},
            ("prod", "source NAT"),
            ("198.51.100.17", "198.51.100.17 (disabled)"),
        ),
        (Kind.NETRIS_NAT, 7, {"action": "DNAT"}, ("prod", "source NAT"), ("198.51.100.17", "none")),
        (Kind.NETRIS_VNET, 11, {"state": "disabled"}, ("web", "state"), (None, "disabled")),
        (
            Kind.NETRIS_VNET,
            11,
            {"gateways": [{"prefix": "10.20.0.9/24"}]},
            ("web", "gateway"),
            ("10.20.0.1", "10.20.0.9"),
        ),
        (Kind.NETRIS_VNET, 11, {"vpc": {"id": 8}}, ("web", "VPC"), (None, "8")),
    ],
)
def test_a_value_that_differs_is_told_with_both_and_when_they_were_read(
    api, prod, kind, remote_id, fields, where, values
):
    listed(prod)
    change(kind, remote_id, **fields)

    body = api.get(f"/vpcs/{prod.pk}/agreement/").json()

    assert body["verdict"] == "differ"
    [(found, difference)] = differences_of(body).items()
    assert found == where
    if values[0] is not None:
        assert difference["cloudstack"] == difference["weft"] == values[0]
        assert difference["cloudstack_read_at"]
    assert difference["netris"] == values[1]
    assert difference["netris_read_at"].endswith("Z")


def test_cloudstacks_own_values_are_compared_too(api, prod):
    listed(prod)
    change(Kind.CLOUDSTACK_VPC, prod.cloudstack_id, state="Inactive")
    web = Tier.objects.of(prod.tenant).get(name="web")
    change(Kind.CLOUDSTACK_NETWORK, web.cloudstack_id, gateway="10.20.0.254", state="Destroy")

    found = differences_of(api.get(f"/vpcs/{prod.pk}/agreement/").json())

    assert {where: (each["weft"], each["cloudstack"]) for where, each in found.items()} == {
        ("prod", "state"): ("Enabled", "Inactive"),
        ("web", "state"): ("Implemented", "Destroy"),
        ("web", "gateway"): ("10.20.0.1", "10.20.0.254"),
    }


def test_vnis_are_compared_and_told_to_the_platform_alone(api, platform, prod):
    listed(prod)
    change(Kind.NETRIS_VNET, 11, vxlan_id=1000099)
    url = f"/vpcs/{prod.pk}/agreement/"

    for client, values in ((api, (None, None)), (platform, ("1000007", "1000099"))):
        body = client.get(url).json()
        [(where, difference)] = differences_of(body).items()
        assert (body["verdict"], where) == ("differ", ("web", "VNI"))
        assert (difference["weft"], difference["netris"]) == values


def test_two_v_nets_of_different_vpcs_with_one_vni_differ(api, platform, prod, globex):
    listed(prod)
    theirs = {"name": "D1-A9-Z1-V9-N9-tier-x", "vxlanID": 1000007, "vpc": {"id": 9, "name": "D1-A9-Z1-V9-vpc-x"}}
    builders.mirrored(prod.zone, Kind.NETRIS_VNET, [77], data=theirs)
    url = f"/vpcs/{prod.pk}/agreement/"

    [(where, difference)] = differences_of(platform.get(url).json()).items()
    assert where == ("web", "VNI")
    assert (difference["weft"], difference["cloudstack"]) == ("1000007", "1000007")
    assert difference["netris"] == "1000007 (and that of D1-A9-Z1-V9-N9-tier-x of VPC D1-A9-Z1-V9-vpc-x)"
    told = api.get(url)
    assert told.json()["verdict"] == "differ"
    assert "V9" not in told.text


def test_another_tenants_is_not_there(other, prod):
    problem_of(other.get(f"/vpcs/{prod.pk}/agreement/"), 404)


def test_it_costs_the_same_however_many_tiers(api, prod, django_assert_max_num_queries):
    listed(prod)
    api.get("/zones/")
    for number in range(2, 12):
        builders.a_tier(prod, f"more-{number}", f"10.20.{number}.0/24", cloudstack_id=uuid4(), netris_id=100 + number)

    with django_assert_max_num_queries(10):
        assert len(api.get(f"/vpcs/{prod.pk}/agreement/").json()["findings"]) == 13
