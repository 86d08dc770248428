"""What a tenant may have: the default, or what the platform said; and one who takes the last place."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from apps.kernel.errors import Refused
from apps.networks.services import create_vpc
from apps.operations.models import Operation
from apps.quotas import resources
from apps.quotas.models import Limit, Usage
from apps.quotas.queries import Quota, Quotas, quotas_of, quotas_of_several
from apps.quotas.resources import ACL_RULE, TIER, VPC, Resource
from apps.quotas.services import change_quotas, hold_use, need_quota
from apps.tenancy.models import AuditEntry, Tenant
from tests import builders

BY = builders.the_platform()


@pytest.mark.django_db
def test_only_what_is_not_the_default_has_a_row(acme: Tenant, globex: Tenant) -> None:
    assert builders.limits_of(acme, VPC, TIER) == [VPC.default, TIER.default]

    assert change_quotas(acme, {VPC: 3, TIER: TIER.default}, by=BY)
    assert list(Limit.objects.of(acme).values_list("resource", "most")) == [("vpc", 3)]
    assert change_quotas(acme, {VPC: VPC.default}, by=BY)
    assert not change_quotas(acme, {VPC: VPC.default, TIER: TIER.default}, by=BY)

    assert not Limit.unscoped.exists()
    told = AuditEntry.objects.of(acme).order_by("id").values_list("action", "old", "new")
    assert list(told) == [
        ("tenant.quotas", {"max_vpcs": 20}, {"max_vpcs": 3}),
        ("tenant.quotas", {"max_vpcs": 3}, {"max_vpcs": 20}),
    ]
    assert not AuditEntry.objects.of(globex).exists()


@pytest.mark.django_db
def test_a_resource_is_shown_once_an_app_has_registered_it(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_registered", {VPC})
    Usage.objects.of(acme).bulk_create([Usage(tenant=acme, resource=ACL_RULE.key, used=ACL_RULE.default)])
    assert list(quotas_of(acme)) == [Quota(VPC, 0, 20)]
    assert quotas_of(acme).full == []

    resources.register(ACL_RULE)

    assert list(quotas_of(acme)) == [Quota(VPC, 0, 20), Quota(ACL_RULE, 2000, 2000)]
    assert quotas_of(acme).full == [
        "2000 of 2000 access list rules are in use. Delete one, or ask your provider for a higher limit."
    ]
    with pytest.raises(ValueError, match="order"):
        resources.register(Resource("cloud", "cloud", 1))


def test_a_refusal_has_the_code_and_the_words_of_its_resource() -> None:
    quotas = Quotas({"acl_rule": 6}, {"acl_rule": 10})
    quotas.need(ACL_RULE, 4)
    quotas.need(ACL_RULE, 0)
    with pytest.raises(Refused) as refused:
        quotas.need(ACL_RULE, 5, field="rules")
    told = "Used 6 of 10 access list rules, this needs 5. Delete one, or ask your provider for a higher limit."
    assert (refused.value.code, refused.value.message, refused.value.field) == ("quota-acl-rules", told, "rules")


@pytest.mark.django_db(transaction=True)
def test_the_last_place_goes_to_one_of_two_and_other_tenants_do_not_wait() -> None:
    acme, globex = builders.a_tenant("Acme", max_vpcs=1), builders.a_tenant("Globex")
    zone = builders.a_zone()
    for tenant in (acme, globex):
        builders.an_account(tenant, zone)
    came: list[Operation] = []
    refused: list[str] = []

    def ask(tenant: Tenant, name: str) -> None:
        try:
            came.append(create_vpc(tenant, builders.a_vpc_spec(zone, name=name), by=builders.BY))
        except Refused as refusal:
            refused.append(refusal.code)
        finally:
            connection.close()

    waits = [threading.Thread(target=ask, args=(acme, f"vpc {number}")) for number in range(4)]
    with transaction.atomic():
        need_quota(acme, VPC)
        for thread in waits:
            thread.start()
        passes = threading.Thread(target=ask, args=(globex, "theirs"))
        passes.start()
        passes.join(20)
        assert [operation.tenant for operation in came] == [globex]
        assert refused == []
    for thread in waits:
        thread.join(20)

    assert sorted(operation.tenant.name for operation in came) == ["Acme", "Globex"]
    assert refused == ["quota-vpcs"] * 3
    assert quotas_of(acme).of(VPC) == Quota(VPC, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_those_who_find_nothing_to_hold_make_it_once() -> None:
    """A new tenant has no rows yet: of many at once each waits for the one before."""
    acme = builders.a_tenant("Acme")
    errors: list[BaseException] = []

    def hold() -> None:
        try:
            with transaction.atomic():
                hold_use(acme)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=hold) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert errors == []
    assert Usage.objects.of(acme).count() == len(resources.resources())


@pytest.mark.django_db
def test_quotas_cost_one_query_however_many_tenants_and_resources_there_are(
    acme: Tenant, globex: Tenant, django_assert_num_queries: Any
) -> None:
    for number, tenant in enumerate((acme, globex)):
        builders.limit(tenant, vpc=number, tier=7)
        builders.a_tier(builders.a_vpc(tenant, builders.a_zone(f"Zone-{number}")))
    with django_assert_num_queries(1):
        assert list(quotas_of(globex))[:2] == [Quota(VPC, 1, 1), Quota(TIER, 1, 7)]
    with django_assert_num_queries(1):
        found = quotas_of_several([acme, globex], lambda door: door.across(BY))
    assert [found[tenant.pk].of(VPC) for tenant in (acme, globex)] == [Quota(VPC, 1, 0), Quota(VPC, 1, 1)]
    with django_assert_num_queries(1):
        found = quotas_of_several([acme, globex], lambda door: door.of(acme))
    assert found[globex.pk].of(VPC) == Quota(VPC, 0, 20)
    with django_assert_num_queries(0):
        assert quotas_of_several([], lambda door: door.across(BY)) == {}
