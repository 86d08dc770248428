"""Many who want what there are few of, at the same time: over REST, in threads and transactions of their own."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.addresses.models import PublicIp
from apps.operations.models import Operation
from apps.quotas.resources import PUBLIC_IP
from apps.quotas.services import set_limits
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.api.conftest import Api

CALLERS = 50


@pytest.mark.django_db(transaction=True)
def test_fifty_requests_for_the_last_ten_addresses_give_ten_owners_and_forty_clear_refusals() -> None:
    zone = builders.a_zone()
    builders.a_pool(zone, 100, 109)
    asked: list[tuple[str, str]] = []
    for name in ("Acme", "Globex"):
        tenant = builders.a_tenant(name)
        set_limits(tenant, {PUBLIC_IP: 100})
        token = builders.a_token(tenant)
        asked += [(token, str(builders.a_vpc(tenant, zone, f"vpc {number}").pk)) for number in range(5)] * 5
    all_are_here = Barrier(CALLERS, timeout=60)

    def ask(call: tuple[str, str]) -> tuple[int, str, str]:
        token, vpc = call
        try:
            all_are_here.wait()
            answer = Api(token).post("/public-ips/", {"vpc": vpc})
        finally:
            connection.close()
        told = answer.json()
        return answer.status_code, told.get("code", ""), told.get("detail", "")

    with ThreadPoolExecutor(CALLERS) as threads:
        answers = Counter(threads.map(ask, asked))

    no_more = "No public IP is free in Zone-1 now. Release one of yours, or tell your provider, who can add some."
    assert answers == {(202, "", ""): 10, (422, "no-address-free", no_more): 40}
    owned = PublicIp.unscoped.values_list("address", flat=True)
    assert sorted(map(str, owned)) == [f"198.51.100.{number}" for number in range(100, 110)]
    assert Operation.unscoped.count() == AuditEntry.unscoped.count() == 10
