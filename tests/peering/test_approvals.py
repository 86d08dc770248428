"""Requests between tenants among what waits for the platform, which may answer for the one that is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.peering.models import Peering, Stage
from apps.tenancy import approvals
from apps.tenancy.models import AuditEntry, Tenant
from tests import builders

pytestmark = pytest.mark.django_db

BY = builders.the_platform()


@pytest.fixture
def asked(acme: Tenant, globex: Tenant, zone: Any) -> Peering:
    vpc = builders.a_vpc(acme, zone, "front", "10.20.0.0/16", Status.READY, netris_id=1)
    return builders.a_peering(vpc, None, peer_tenant=globex, name="shop of Acme")


def a_ready_vpc(tenant: Tenant, zone: Any, name: str, cidr: str, number: int) -> Vpc:
    return builders.a_vpc(tenant, zone, name, cidr, Status.READY, netris_id=number)


def refusal(call: Any, code: str, field: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        call()
    assert (caught.value.code, caught.value.field) == (code, field)
    assert not Operation.unscoped.exists()
    return caught.value.message


def test_a_request_is_told_with_whom_it_waits_for(asked, django_assert_num_queries):
    with django_assert_num_queries(3):  # orders, peerings, quotas
        [told] = approvals.waiting(BY)

    assert (told.id, told.name, told.tenant, told.label) == (asked.pk, "shop of Acme", asked.tenant, "Peering")
    assert told.asks == "front offers 10.20.0.0/16; waits for Globex to accept it"
    with django_assert_num_queries(1):
        assert approvals.count(BY) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"stage": Stage.REJECTED, "status": Status.DELETED},
        {"answer_by": timedelta(0)},
    ],
)
def test_what_is_over_waits_no_more(asked, fields):
    passed = {name: clock.now() - value if name == "answer_by" else value for name, value in fields.items()}
    Peering.unscoped.filter(pk=asked.pk).update(**passed)

    assert (approvals.waiting(BY), approvals.count(BY)) == ([], 0)
    assert not approvals.decide(asked.pk, "approve", "", BY)


def test_a_request_that_nobody_can_answer_waits_for_nobody(asked):
    Peering.unscoped.filter(pk=asked.pk).update(peer_tenant=None)

    assert (approvals.waiting(BY), approvals.count(BY)) == ([], 0)
    assert not approvals.decide(asked.pk, "reject", "no", BY)


def test_an_approval_accepts_what_was_offered_in_the_place_of_the_other_tenant(asked, globex, zone):
    there = a_ready_vpc(globex, zone, "stock", "10.30.0.0/16", 2)

    assert approvals.decide(asked.pk, "approve", "", BY)

    row = Peering.unscoped.get(pk=asked.pk)
    assert (row.stage, row.peer_vpc, row.peer_accepted) == (Stage.ACCEPTED, there, ["10.20.0.0/16"])
    assert row.peer_offered == row.accepted == ["10.30.0.0/16"]
    assert Operation.unscoped.get().tenant == globex
    # Who asked learns what is offered, and of the other one's VPC and of who did it nothing.
    told = AuditEntry.objects.of(asked.tenant).get(action="peering.accept")
    assert (told.actor, told.new) == ("the other side", {"peer_prefixes": ["10.30.0.0/16"]})
    assert not approvals.decide(asked.pk, "approve", "", BY)


def test_a_rejection_tells_both_why(asked, globex):
    refusal(lambda: approvals.decide(asked.pk, "reject", "", BY), "reason-missing", "reason")
    assert Peering.unscoped.get(pk=asked.pk).stage == Stage.REQUESTED

    assert approvals.decide(asked.pk, "reject", "Not between these two.", BY)

    assert Peering.unscoped.get(pk=asked.pk).stage == Stage.REJECTED
    for tenant in (asked.tenant, globex):
        assert AuditEntry.objects.of(tenant).get(action="peering.reject").new == {"reason": "Not between these two."}


def test_without_a_vpc_at_the_other_end_or_with_several_nothing_is_approved(asked, globex, zone):
    approve = lambda: approvals.decide(asked.pk, "approve", "", BY)  # noqa: E731
    assert "no VPC" in refusal(approve, "not-now")
    for number in (2, 3):
        a_ready_vpc(globex, zone, f"stock-{number}", f"10.3{number}.0.0/16", number)

    assert "its own choice" in refusal(approve, "not-now")

    assert Peering.unscoped.get(pk=asked.pk).stage == Stage.REQUESTED


def test_ranges_that_overlap_are_refused_as_they_are_to_the_tenant(asked, globex, zone):
    a_ready_vpc(globex, zone, "stock", "10.20.0.0/20", 2)

    with pytest.raises(Refused) as caught:
        approvals.decide(asked.pk, "approve", "", BY)

    assert caught.value.code == "prefix-overlap"
    assert Peering.unscoped.get(pk=asked.pk).stage == Stage.REQUESTED
