"""Two tenants in one zone, each with instances; acme's are in the tiers of a VPC."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from apps.accounts.models import Account
from apps.networks.models import Tier, Vpc
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders


class Place(NamedTuple):
    account: Account
    vpc: Vpc
    web: Tier
    db: Tier


@pytest.fixture
def site(db: None) -> Zone:
    return builders.a_zone()


def a_place(tenant: Tenant, zone: Zone) -> Place:
    account = builders.an_account(tenant, zone)
    vpc = builders.a_vpc(tenant, zone, cloudstack_id=uuid4())
    web = builders.a_tier(vpc, cloudstack_id=uuid4())
    return Place(account, vpc, web, builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4()))


@pytest.fixture
def place(acme: Tenant, site: Zone) -> Place:
    return a_place(acme, site)


@pytest.fixture
def theirs(globex: Tenant, site: Zone) -> Place:
    return a_place(globex, site)


@pytest.fixture
def web_1(place: Place) -> UUID:
    return builders.an_instance(
        place.account, tier=place.web, secondary=["10.20.0.12"], hostname="Server-2", hostid=str(uuid4())
    )


@pytest.fixture
def secret(theirs: Place) -> UUID:
    return builders.an_instance(theirs.account, "web-secret", tier=theirs.web, address="10.20.0.99")
