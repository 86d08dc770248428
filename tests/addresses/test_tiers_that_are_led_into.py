"""A tier does not go while something that leads into it is stuck: nobody could bring that to an end then."""

from __future__ import annotations

from typing import Any

import pytest

from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.tenancy.actors import Actor
from tests import builders
from tests.api.conftest import problem_of

MAKERS: dict[str, Any] = {
    "static-nat": lambda public_ip, tier: builders.a_static_nat(public_ip, tier, Status.STUCK),
    "port-forward": lambda public_ip, tier: builders.a_port_forward(public_ip, tier, status=Status.STUCK),
    "load-balancer": lambda public_ip, tier: builders.a_balancer(public_ip, tier, status=Status.STUCK),
    "static-route": lambda public_ip, tier: builders.a_static_route(tier, status=Status.STUCK),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_tier_into_which_something_stuck_leads_stays_and_says_what_to_do(api, site, acme, kind):
    builders.an_account(acme, site)
    vpc = builders.a_vpc(acme, site)
    tier, other = builders.a_tier(vpc), builders.a_tier(vpc, "db", "10.20.1.0/24")
    row = MAKERS[kind](builders.a_public_ip(vpc), tier)
    options = {"tenant": acme, "zone": site, "lane": vpc.lane, "lock_key": row.lock_key, "by": Actor.system("bea")}
    operations.start(kind, row, Goal.PRESENT, **options)
    Operation.unscoped.update(phase=Phase.STUCK)

    reason = api.get(f"/tiers/{tier.pk}/").json()["can"]["delete"]
    assert "is stuck. Retry or cancel it first." in reason
    assert problem_of(api.delete(f"/tiers/{tier.pk}/"), 409)["detail"] == reason
    assert api.delete(f"/tiers/{other.pk}/").status_code == 202
    assert [each.kind for each in Operation.unscoped.order_by("created_at")] == [kind, "tier"]
