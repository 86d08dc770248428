"""Many who want what there are few of, at the same time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.addresses.models import PublicIp
from apps.addresses.services.public_ips import acquire
from apps.addresses.specs import PublicIpSpec
from apps.kernel.errors import Refused
from apps.kernel.locks import try_again
from apps.networks.models import Vpc
from apps.quotas.resources import PUBLIC_IP
from apps.quotas.services import set_limits
from tests import builders


@pytest.mark.django_db(transaction=True)
def test_fifty_requests_for_the_last_ten_addresses_give_ten_owners_and_forty_clear_refusals():
    zone = builders.a_zone()
    builders.a_pool(zone, 100, 109)
    tenants = [builders.a_tenant(name) for name in ("Acme", "Globex")]
    for tenant in tenants:
        set_limits(tenant, {PUBLIC_IP: 100})
    vpcs = [builders.a_vpc(tenant, zone, f"vpc {number}") for number in range(5) for tenant in tenants]

    def ask(vpc: Vpc) -> str:
        try:
            try_again(lambda: acquire(vpc, PublicIpSpec(), by=builders.BY))
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()
        return "got one"

    with ThreadPoolExecutor(10) as threads:
        answers = Counter(threads.map(ask, vpcs * 5))

    assert answers == {"got one": 10, "no-address-free": 40}
    assert PublicIp.unscoped.values("address").distinct().count() == 10
