"""What a tenant uses is counted by the database as it changes, whatever changes it."""

from __future__ import annotations

import random
from ipaddress import IPv4Network

import pytest
from django.db import IntegrityError, connection, transaction

from apps.networks.addressing import span_of
from apps.networks.models import LIVE, Tier, Vpc
from apps.networks.queries import LOOKED_THROUGH, free_range, used_spans
from apps.operations.provisioned import Status
from apps.quotas.queries import quotas_of
from apps.quotas.resources import TIER, VPC
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def zone() -> Zone:
    return builders.a_zone()


def counted(tenant: Tenant) -> tuple[int, int]:
    quotas = quotas_of(tenant)
    return quotas.of(VPC).used, quotas.of(TIER).used


def there(tenant: Tenant) -> tuple[int, int]:
    vpcs, tiers = Vpc.objects.of(tenant).filter(LIVE), Tier.objects.of(tenant).filter(LIVE)
    return vpcs.count(), tiers.count()


@pytest.mark.parametrize("seed", range(5))
def test_after_any_history_what_is_counted_is_what_is_there(
    acme: Tenant, globex: Tenant, zone: Zone, seed: int
) -> None:
    """Statements that bring many rows to life or end many, of both tenants at once, and some that are taken back."""
    source = random.Random(seed)
    statuses = [status for status in Status.values if status != Status.DELETED]
    most = 0
    for step in range(40):
        tenant = source.choice((acme, globex))
        some = [vpc for vpc in Vpc.unscoped.all() if source.random() < 0.4]
        try:
            with transaction.atomic():
                match source.randrange(6):
                    case 0 | 1:
                        vpc = builders.a_vpc(tenant, zone, f"vpc {step}", status=source.choice(Status.values))
                        builders.a_tier(vpc, status=source.choice(Status.values))
                    case 2:
                        Vpc.unscoped.bulk_create(
                            Vpc(tenant=each, zone=zone, name=f"{step} {number}", cidr="10.20.0.0/20")
                            for number in range(3)
                            for each in (acme, globex)
                        )
                    case 3:
                        Tier.unscoped.filter(vpc__in=some).update(status=Status.DELETED)
                        Vpc.unscoped.filter(pk__in=[vpc.pk for vpc in some]).update(status=Status.DELETED)
                    case 4:
                        Vpc.unscoped.filter(LIVE, pk__in=[vpc.pk for vpc in some]).update(
                            status=source.choice(statuses)
                        )
                    case 5:
                        Tier.unscoped.filter(vpc__in=some).delete()
                        Vpc.unscoped.filter(pk__in=[vpc.pk for vpc in some]).delete()
                if source.random() < 0.2:
                    raise IntegrityError("taken back")
        except IntegrityError:
            pass
        assert (counted(acme), counted(globex)) == (there(acme), there(globex)), step
        most = max(most, *counted(acme))
    assert most > 3


def test_a_tier_has_its_vpcs_tenant_whoever_writes_it(acme: Tenant, globex: Tenant, zone: Zone) -> None:
    tier = builders.a_tier(builders.a_vpc(acme, zone))

    def give_away() -> None:
        Tier.unscoped.filter(pk=tier.pk).update(tenant=globex)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="tier_tenant_of_vpc"), transaction.atomic():
        give_away()


def test_a_range_is_told_once_however_many_share_it_and_not_when_nothing_has_it(acme: Tenant, zone: Zone) -> None:
    for number, cidr in enumerate(["10.40.0.0/20", "10.20.0.0/20", "10.20.0.0/20", "10.20.0.0/16"]):
        builders.a_vpc(acme, zone, f"vpc {number}", cidr)
    builders.a_vpc(acme, zone, "gone", "10.90.0.0/20", status=Status.DELETED)
    told = ["10.20.0.0/16", "10.20.0.0/20", "10.40.0.0/20"]
    assert used_spans(acme) == [span_of(IPv4Network(each)) for each in told]
    assert used_spans(builders.a_tenant("Empty")) == []


@pytest.mark.parametrize(
    ("besides", "prefixlen", "free"),
    [
        # A gap among those that are looked through, however many there are.
        (["10.0.16.0/20"], 20, "10.0.0.0/20"),
        # None there: behind the last, and behind what the last lies in.
        (["10.0.0.0/20"], 20, "10.16.0.0/20"),
        (["10.0.0.0/20", "10.0.0.0/10"], 20, "10.64.0.0/20"),
        # None in ten: the next private range, though there would be room between.
        (["10.0.0.0/20", "10.255.240.0/20"], 20, "172.16.0.0/20"),
        # Nothing behind any: then all of them are looked through.
        (["10.0.0.0/20", "10.255.255.0/24", "172.31.255.0/24", "192.168.255.0/24"], 20, "10.16.0.0/20"),
        (["10.0.0.0/20", "10.64.0.0/10", "10.128.0.0/9", "172.31.255.0/24", "192.168.255.0/24"], 10, None),
    ],
)
def test_a_free_range_is_found_among_very_many(
    besides: list[str], prefixlen: int, free: str | None, acme: Tenant, zone: Zone
) -> None:
    without_a_gap = list(IPv4Network("10.0.0.0/12").subnets(new_prefix=20))[2:]
    assert len(without_a_gap) > LOOKED_THROUGH
    ranges = [*without_a_gap, IPv4Network("10.0.16.0/20"), *map(IPv4Network, besides)]
    Vpc.unscoped.bulk_create(
        Vpc(tenant=acme, zone=zone, name=f"vpc {n}", name_key=f"vpc {n}", cidr=cidr) for n, cidr in enumerate(ranges)
    )
    assert free_range(acme, prefixlen) == (free and IPv4Network(free))
