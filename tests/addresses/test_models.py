"""What the database itself keeps true of public IPs and of what leads from them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.addresses.models import Holding, PublicIp, Purpose
from apps.kernel import clock
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status
from apps.quotas.queries import quotas_of
from apps.quotas.resources import PUBLIC_IP
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def zone() -> Zone:
    return builders.a_zone()


@pytest.fixture
def vpc(acme: Tenant, zone: Zone) -> Vpc:
    return builders.a_vpc(acme, zone)


@pytest.fixture
def tier(vpc: Vpc) -> Tier:
    return builders.a_tier(vpc)


@pytest.fixture
def public_ip(vpc: Vpc) -> PublicIp:
    return builders.a_public_ip(vpc)


def refused(name: str):
    return pytest.raises(IntegrityError, match=name)


def purpose_of(row: PublicIp) -> str:
    return PublicIp.unscoped.get(pk=row.pk).purpose


def gone(row) -> None:
    type(row).unscoped.filter(pk=row.pk).update(status=Status.DELETED, deleted_at=clock.now())


# --- whose an address is ---


def test_an_address_has_one_owner_in_a_zone_whichever_tenant_asks(public_ip, vpc, globex, zone):
    theirs = builders.a_vpc(globex, zone)
    with refused("address_has_one_owner"), transaction.atomic():
        builders.a_public_ip(theirs, status=Status.BUILDING)
    builders.a_public_ip(builders.a_vpc(globex, builders.a_zone("Zone-2"), "far"))

    gone(public_ip)
    builders.a_public_ip(theirs)


@pytest.mark.django_db(transaction=True)
def test_a_public_ip_is_its_vpcs_tenants(acme, globex):
    vpc = builders.a_vpc(acme, builders.a_zone())
    with refused("public_ip_tenant_of_vpc"):
        builders.a_public_ip(vpc, tenant=globex)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wrong", ["tenant", "vpc", "address"])
def test_what_leads_from_an_address_says_of_it_what_is_true(acme, globex, wrong):
    vpc = builders.a_vpc(acme, builders.a_zone())
    tier, public_ip = builders.a_tier(vpc), builders.a_public_ip(vpc)
    others = {"tenant": globex, "vpc": builders.a_vpc(acme, vpc.zone, "other"), "address": "198.51.100.21"}
    with refused("static_nat_of_public_ip"):
        builders.a_static_nat(public_ip, tier, **{wrong: others[wrong]})
    with refused("forward_of_public_ip"):
        builders.a_port_forward(public_ip, tier, **{wrong: others[wrong]})


# --- what it is for ---


def test_an_address_serves_one_purpose_and_says_which(public_ip, tier):
    assert purpose_of(public_ip) == Purpose.UNUSED
    web, ssh = builders.a_port_forward(public_ip, tier, 80), builders.a_port_forward(public_ip, tier, 22)
    assert purpose_of(public_ip) == Purpose.PORT_FORWARD
    with refused("address_has_one_purpose"), transaction.atomic():
        builders.a_static_nat(public_ip, tier)

    gone(web)
    assert purpose_of(public_ip) == Purpose.PORT_FORWARD
    gone(ssh)
    assert purpose_of(public_ip) == Purpose.UNUSED
    nat = builders.a_static_nat(public_ip, tier)
    assert purpose_of(public_ip) == Purpose.STATIC_NAT
    with refused("address_has_one_static_nat"), transaction.atomic():
        builders.a_static_nat(public_ip, tier)
    nat.delete()
    assert purpose_of(public_ip) == Purpose.UNUSED


def test_nothing_leads_from_an_address_that_is_gone_or_the_vpcs_own(public_ip, tier, vpc):
    gone(public_ip)
    with refused("address_has_one_purpose"), transaction.atomic():
        builders.a_port_forward(public_ip, tier)
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    own = PublicIp.unscoped.get(purpose=Purpose.SOURCE_NAT)
    with refused("address_has_one_purpose"), transaction.atomic():
        builders.a_static_nat(own, tier)


def test_an_instance_has_one_static_nat_whichever_address_it_is_for(vpc, tier):
    nat = builders.a_static_nat(builders.a_public_ip(vpc), tier)
    other = builders.a_public_ip(vpc, "198.51.100.21")
    with refused("instance_has_one_static_nat"), transaction.atomic():
        builders.a_static_nat(other, tier, instance_id=nat.instance_id, guest_address="10.20.0.12")
    gone(nat)
    builders.a_static_nat(other, tier, instance_id=nat.instance_id)


# --- forwards ---


@pytest.mark.parametrize("ports", [(8000, 8000), (8010, 8010), (7990, 8000), (8005, 8020), (7000, 9000)])
def test_forwards_of_an_address_and_a_protocol_share_no_port(public_ip, tier, ports):
    builders.a_port_forward(public_ip, tier, 8000, 8010)
    with refused("forwards_do_not_overlap"), transaction.atomic():
        builders.a_port_forward(public_ip, tier, *ports)
    builders.a_port_forward(public_ip, tier, *ports, protocol="udp")


def test_forwards_beside_each_other_and_of_other_addresses_are_taken(public_ip, tier, vpc):
    builders.a_port_forward(public_ip, tier, 8000, 8010)
    builders.a_port_forward(public_ip, tier, 8011, 8020)
    builders.a_port_forward(public_ip, tier, 7999)
    builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.21"), tier, 8000, 8010)


@pytest.mark.parametrize(
    "ports",
    [
        {"public_first": 0},
        {"public_first": 81, "public_last": 80},
        {"public_first": 65535, "public_last": 65536},
        {"private_first": 0},
        {"public_first": 1, "public_last": 2, "private_first": 65535},
    ],
)
def test_a_forward_has_ports_that_there_are(public_ip, tier, ports):
    with refused("forward_has_ports"), transaction.atomic():
        builders.a_port_forward(public_ip, tier, **({"private_first": 80} | ports))


def test_a_range_reads_as_it_is_written(public_ip, tier):
    forward = builders.a_port_forward(public_ip, tier, 8000, 8010, private_first=80)
    assert (forward.public_ports, forward.private_ports) == ("8000-8010", "80-90")
    assert builders.a_port_forward(public_ip, tier, 22).public_ports == "22"


# --- the source NAT address ---


def sources(vpc):
    rows = PublicIp.unscoped.filter(vpc=vpc, purpose=Purpose.SOURCE_NAT)
    return [(str(row.address), row.status) for row in rows.order_by("created_at")]


def test_the_source_nat_address_of_a_vpc_is_in_the_list_for_as_long_as_it_is_its(vpc):
    assert sources(vpc) == []
    vpc.egress_ip = "198.51.100.9"
    vpc.save(update_fields=["egress_ip"])
    vpc.save()
    assert sources(vpc) == [("198.51.100.9", "ready")]
    row = PublicIp.unscoped.get()
    assert row.search_key == "\n\n198.51.100.9" and row.tenant == vpc.tenant and row.zone == vpc.zone
    row.save()
    assert PublicIp.unscoped.get().search_key == "\n\n198.51.100.9"

    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.10")
    assert sources(vpc) == [("198.51.100.9", "deleted"), ("198.51.100.10", "ready")]
    gone(vpc)
    assert sources(vpc) == [("198.51.100.9", "deleted"), ("198.51.100.10", "deleted")]


def test_cloudstack_may_choose_for_a_vpc_what_somebody_has_just_reserved(public_ip, vpc):
    """Whoever wants it is refused by CloudStack; the VPC is not to suffer from it."""
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip=public_ip.address)
    assert sources(vpc) == [(str(public_ip.address), "ready")]


# --- who had it ---


def test_who_had_an_address_is_told_from_when_cloudstack_gave_it_until_it_was_released(vpc, globex, zone):
    row = builders.a_public_ip(vpc, status=Status.BUILDING)
    assert not Holding.unscoped.exists()
    given = clock.now()
    row.acquired_at, row.cloudstack_id = given, uuid4()
    row.save(update_fields=["acquired_at", "cloudstack_id"])
    row.save()
    held = Holding.unscoped.get()
    assert (held.tenant, held.vpc_name, str(held.address)) == (vpc.tenant, vpc.name, str(row.address))
    assert (held.held_from, held.held_until, held.rests_until) == (given, None, None)

    gone(row)
    row.refresh_from_db()
    held.refresh_from_db()
    assert held.held_until == row.deleted_at
    assert held.rests_until == row.deleted_at + timedelta(hours=24)
    row.delete()
    builders.a_public_ip(builders.a_vpc(globex, zone), str(held.address))
    assert Holding.unscoped.count() == 2


def test_what_cloudstack_never_gave_nobody_had(vpc):
    gone(builders.a_public_ip(vpc, status=Status.BUILDING))
    assert not Holding.unscoped.exists()


def test_how_long_an_address_rests_is_its_zones(vpc, public_ip, zone):
    Zone.objects.filter(pk=zone.pk).update(quarantine_hours=2)
    gone(public_ip)
    held = Holding.unscoped.get()
    assert held.rests_until - held.held_until == timedelta(hours=2)


# --- what goes with what ---


def statuses(*rows):
    return [type(row).unscoped.get(pk=row.pk).status for row in rows]


def test_all_addresses_of_a_vpc_go_with_it_and_what_leads_from_them(vpc, tier, public_ip, globex, zone):
    forward = builders.a_port_forward(public_ip, tier)
    nat = builders.a_static_nat(builders.a_public_ip(vpc, "198.51.100.21"), tier)
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    own = PublicIp.unscoped.get(purpose=Purpose.SOURCE_NAT)
    other = builders.a_public_ip(builders.a_vpc(globex, zone), "198.51.100.30")
    all_of_it = (public_ip, forward, nat, own)

    Vpc.unscoped.filter(pk=vpc.pk).update(status=Status.REMOVING)
    assert statuses(*all_of_it) == [Status.REMOVING] * 4
    Vpc.unscoped.filter(pk=vpc.pk).update(status=Status.READY)
    assert statuses(*all_of_it) == [Status.READY] * 4
    Vpc.unscoped.filter(pk=vpc.pk).update(status=Status.REMOVING)
    Vpc.unscoped.filter(pk=vpc.pk).update(status=Status.STUCK)
    assert statuses(*all_of_it) == [Status.REMOVING] * 4
    gone(vpc)
    assert statuses(*all_of_it, other) == [Status.DELETED] * 4 + [Status.READY]
    assert {each.held_until is None for each in Holding.unscoped.exclude(tenant=globex)} == {False}


def test_what_leads_into_a_tier_goes_with_it_and_the_address_stays(tier, public_ip):
    forward = builders.a_port_forward(public_ip, tier)
    gone(tier)
    assert statuses(forward, public_ip) == [Status.DELETED, Status.READY]
    assert purpose_of(public_ip) == Purpose.UNUSED


def test_the_address_of_a_vpc_itself_counts_for_nobodys_quota(vpc, acme, public_ip):
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    assert quotas_of(acme).of(PUBLIC_IP).used == 1
    gone(vpc)
    assert quotas_of(acme).of(PUBLIC_IP).used == 0
