"""A public IP is applied when both systems have it as it is meant: CloudStack, and Netris once it has to know it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.dateparse import parse_datetime

from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.addresses.queries.public_ips import applied_of
from apps.addresses.services.static_nats import create_static_nat
from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.services import refresh
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant, User
from tests import builders
from tests.addresses.place import Place
from tests.api.conftest import Api

OURS, ANOTHERS = "D1-A2-Z1-V3", "D1-A2-Z1-V9"


@pytest.fixture
def vpc(acme: Tenant) -> Vpc:
    return builders.a_vpc(acme, builders.a_zone(), cloudstack_id=uuid4(), netris_id=7)


@pytest.fixture
def row(vpc: Vpc) -> PublicIp:
    return builders.a_public_ip(vpc, acquired_at=clock.now() - timedelta(hours=1))


def ago(**time: float) -> datetime:
    return clock.now() - timedelta(**time)


def used(row: PublicIp, model: type[StaticNat] | type[PortForward] = StaticNat, **fields: Any) -> None:
    """Something leads from it, since half an hour ago."""
    make = builders.a_static_nat if model is StaticNat else builders.a_port_forward
    made: Any = make(row, builders.a_tier(row.vpc), **({"settled_at": ago(minutes=30)} | fields))
    assert made.pk


def in_cloudstack(vpc: Vpc, address: object, *, at: datetime | None = None, **facts: Any) -> None:
    data = {"ipaddress": str(address), "state": "Allocated", "forprovider": True, "vpcid": str(vpc.cloudstack_id)}
    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_ADDRESS, [uuid4()], data=data | facts, read_at=at)


def in_netris(vpc: Vpc, *addresses: str, whose: str = OURS, at: datetime | None = None) -> None:
    """What Netris lists: the VPC, and the /32 of these addresses under a VPC's name."""
    builders.mirrored(vpc.zone, Kind.NETRIS_VPC, [vpc.netris_id], data={"name": f"{OURS}-{vpc.remote_name}"})
    builders.mirrored(vpc.zone, Kind.NETRIS_ADDRESS, [], read_at=at)
    for number, address in enumerate(addresses):
        data = {"name": f"{whose}-{address}/32", "prefix": f"{address}/32", "vpc": {"id": 1}}
        builders.mirrored(vpc.zone, Kind.NETRIS_ADDRESS, [number + 1], data=data, read_at=at)


def told(api: Api, row: PublicIp) -> Any:
    return api.get(f"/public-ips/{row.pk}/").json()


def test_an_address_that_nothing_leads_from_is_cloudstacks_alone_to_tell(api: Api, vpc: Vpc, row: PublicIp) -> None:
    in_cloudstack(vpc, row)
    assert told(api, row)["applied"] is True
    in_netris(vpc)
    assert told(api, row)["applied"] is True


def test_an_address_that_netris_still_has_for_another_is_not_applied(api: Api, vpc: Vpc, row: PublicIp) -> None:
    in_cloudstack(vpc, row)
    in_netris(vpc, str(row), whose=ANOTHERS)
    assert told(api, row)["applied"] is False


@pytest.mark.parametrize("model", [StaticNat, PortForward])
def test_one_that_something_leads_from_is_applied_when_netris_has_it_too(
    api: Api, vpc: Vpc, row: PublicIp, model: Any
) -> None:
    used(row, model)
    in_cloudstack(vpc, row, at=ago(seconds=20))
    assert told(api, row)["applied"] is None, "Netris was never read"
    in_netris(vpc, str(row), at=ago(seconds=50))
    shown = told(api, row)
    assert shown["applied"] is True
    assert clock.now() - parse_datetime(shown["read_at"]) > timedelta(seconds=40), "the older of the two readings"


@pytest.mark.parametrize("netris", [{"addresses": []}, {"addresses": ["198.51.100.20"], "whose": ANOTHERS}])
def test_one_that_netris_lacks_or_has_for_another_is_not_applied(
    api: Api, vpc: Vpc, row: PublicIp, netris: Any
) -> None:
    used(row)
    in_cloudstack(vpc, row)
    in_netris(vpc, *netris.pop("addresses"), **netris)
    assert told(api, row)["applied"] is False


@pytest.mark.parametrize("minutes", [31, 20])
def test_nothing_is_known_from_a_list_of_netris_that_is_old_or_from_before(
    api: Api, vpc: Vpc, row: PublicIp, minutes: int
) -> None:
    used(row, settled_at=ago(minutes=30) if minutes == 31 else ago(minutes=40))
    in_cloudstack(vpc, row)
    in_netris(vpc, at=ago(minutes=minutes))
    assert told(api, row)["applied"] is None
    Item.objects.filter(kind=Kind.NETRIS_VPC).delete()
    in_netris(vpc, str(row), at=ago(minutes=minutes))
    assert told(api, row)["applied"] is None


def test_what_one_of_them_says_is_wrong_is_wrong_whatever_is_known_of_the_other(
    api: Api, vpc: Vpc, row: PublicIp
) -> None:
    used(row)
    in_cloudstack(vpc, row, state="Free", vpcid="")
    assert told(api, row)["applied"] is False


@pytest.mark.parametrize(
    "fields",
    [{"model": PortForward, "enabled": False}, {"status": Status.BUILDING}, {"settled_at": None}],
    ids=["switched off", "being built", "never at rest"],
)
def test_of_what_does_not_lead_yet_netris_need_not_know(
    api: Api, vpc: Vpc, row: PublicIp, fields: dict[str, Any]
) -> None:
    used(row, **fields)
    in_cloudstack(vpc, row)
    in_netris(vpc)
    assert told(api, row)["applied"] is True


def test_a_newer_reading_that_says_the_same_makes_nobodys_condition_fail(api: Api, vpc: Vpc, row: PublicIp) -> None:
    """Else whoever reads an address, and names it a minute later, would be told that somebody was faster."""
    path = f"/public-ips/{row.pk}/"
    in_cloudstack(vpc, row, at=ago(seconds=60))
    seen = api.get(path)
    Reading.objects.update(read_at=ago(seconds=1))
    Item.objects.update(read_at=None)

    assert api.get(path).json()["read_at"] != seen.json()["read_at"]
    assert api.get(path, If_None_Match=seen["ETag"]).status_code == 304
    assert api.patch(path, {"name": "shop"}, If_Match=seen["ETag"]).status_code == 200
    assert api.patch(path, {"name": "other"}, If_Match=seen["ETag"]).status_code == 412
    seen = api.get(path)
    Item.objects.all().delete()
    assert api.patch(path, {"name": "other"}, If_Match=seen["ETag"]).status_code == 412, "it is not applied any more"


# --- the source NAT address -------------------------------------------------------------------------------------------


@pytest.fixture
def egress(vpc: Vpc) -> PublicIp:
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    PublicIp.unscoped.filter(vpc=vpc).update(acquired_at=ago(hours=1))
    in_cloudstack(vpc, "198.51.100.9", issourcenat=True)
    return PublicIp.unscoped.get()


@pytest.mark.parametrize(
    ("change", "applied"),
    [
        ({}, True),
        ({"snatToIP": "198.51.100.8/32"}, False),
        ({"sourceAddress": "10.99.0.0/20"}, False),
        ({"state": "disabled"}, False),
        ({"action": "DNAT"}, False),
        ({"vpc": {"id": 8}}, False),
    ],
)
def test_the_source_nat_address_is_applied_when_netris_lets_the_vpc_leave_with_it(
    api: Api, vpc: Vpc, egress: PublicIp, change: dict[str, Any], applied: bool
) -> None:
    assert told(api, egress)["applied"] is None, "Netris was never read"
    rule = {"action": "SNAT", "state": "enabled", "sourceAddress": str(vpc.cidr), "snatToIP": "198.51.100.9/32"}
    builders.mirrored(vpc.zone, Kind.NETRIS_NAT, [1], data=rule | {"vpc": {"id": vpc.netris_id}} | change)
    assert told(api, egress)["applied"] is applied


def test_its_page_says_what_is_wrong(engineer: User, vpc: Vpc, row: PublicIp) -> None:
    used(row)
    in_cloudstack(vpc, row)
    in_netris(vpc)
    browser = Client()
    browser.force_login(engineer)
    page = browser.get(f"/t/acme/public-ips/{row.pk}/")
    assert page.context["status"] == "differs"
    assert "Netris does not have it for this VPC" in page.content.decode()
    assert browser.get("/t/acme/public-ips/").context["rows"][0]["status"] == "differs"


# --- on the emulated systems ------------------------------------------------------------------------------------------


def test_what_both_systems_really_list_is_understood(place: Place) -> None:
    def applied() -> dict[str, bool | None]:
        place.clock.shift(timedelta(minutes=5))
        for kind in (Kind.CLOUDSTACK_ADDRESS, Kind.NETRIS_ADDRESS, Kind.NETRIS_VPC, Kind.NETRIS_NAT):
            refresh(place.zone, kind, place.watch.clouds_of(place.zone))
        rows = list(PublicIp.unscoped.select_related("vpc"))
        told = applied_of(rows, lambda door: door.of(place.acme))
        return {row.purpose: told[row.pk].is_applied for row in rows}

    # The trigger that makes the row goes by the database's own clock.
    PublicIp.unscoped.update(acquired_at=clock.now())
    public_ip = place.public_ip()
    assert applied() == {"source_nat": True, "unused": True}
    place.done(create_static_nat(public_ip, place.instance(), by=builders.BY))
    assert applied() == {"source_nat": True, "static_nat": True}
    netris = place.watch.clouds_of(place.zone).netris
    for item in Item.objects.filter(kind=Kind.NETRIS_ADDRESS, key=str(public_ip.address)):
        netris.delete_subnet(int(item.remote_id))
    assert applied() == {"source_nat": True, "static_nat": False}
    for rule in netris.all_nat_rules():
        if rule.action == "SNAT":
            netris.delete_nat_rule(rule.id)
    assert applied() == {"source_nat": False, "static_nat": False}
