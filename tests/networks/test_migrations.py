"""Data that migrations change."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.networks.models import Tier, Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.quotas.models import Limit
from apps.quotas.queries import quotas_of
from apps.quotas.resources import TIER, VPC
from apps.tenancy.models import Tenant
from tests import builders


def migrate(*targets: tuple[str, str]) -> None:
    MigrationExecutor(connection).migrate(targets)


def migrate_to_the_end() -> None:
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())


def used(tenant: Tenant) -> tuple[int, int]:
    quotas = quotas_of(tenant)
    return quotas.of(VPC).used, quotas.of(TIER).used


def test_operations_that_renames_once_were_are_forgotten(acme, zone):
    vpc = builders.a_vpc(acme, zone)
    shared = {"tenant": acme, "zone": zone, "resource_id": vpc.pk, "size": 1, "goal": "present", "phase": Phase.STUCK}
    kept = Operation.unscoped.create(kind="vpc", lock_key="one", **shared)
    for kind in ("vpc-rename", "tier-rename"):
        gone = Operation.unscoped.create(kind=kind, lock_key=kind, **shared)
        Event.unscoped.create(operation=gone, text="Asked for.")

    (forget,) = import_module("apps.networks.migrations.0003_renames_are_no_operations").Migration.operations
    with connection.cursor() as cursor:
        for statement in forget.sql:
            cursor.execute(statement)

    assert list(Operation.unscoped.all()) == [kept]
    assert not Event.unscoped.exists()


@pytest.mark.django_db(transaction=True)
def test_tiers_get_their_tenants_and_what_there_is_is_counted():
    acme = builders.a_tenant("Acme")
    vpc = builders.a_vpc(acme, builders.a_zone())
    builders.a_tier(vpc)
    builders.a_tier(vpc, "old", status=Status.DELETED)

    migrate(("networks", "0007_names_that_look_the_same_are_one"))
    migrate_to_the_end()

    assert {tier.tenant for tier in Tier.unscoped.all()} == {acme}
    assert used(acme) == (1, 1)
    assert Vpc.unscoped.get().search_key == vpc.search_key == "prod\n\n10.20.0.0/20"
    builders.a_tier(vpc, "new", "10.20.2.0/24")
    assert used(acme) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_limits_and_use_move_to_tables_of_their_own_and_back():
    acme, globex = builders.a_tenant("Acme", max_vpcs=3), builders.a_tenant("Globex")
    builders.a_tier(builders.a_vpc(acme, builders.a_zone()))

    migrate(
        ("networks", "0008_usage_and_ways_to_many_rows"),
        ("tenancy", "0015_invitations_know_whose_they_are"),
        ("quotas", "0001_limits_and_what_is_used"),
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, max_vpcs, max_tiers FROM tenancy_tenant ORDER BY name")
        assert cursor.fetchall() == [("Acme", 3, 60), ("Globex", 20, 60)]
        cursor.execute("UPDATE tenancy_tenant SET max_tiers = 7 WHERE name = 'Globex'")
        cursor.execute("UPDATE networks_tier SET status = 'deleted'")
        cursor.execute("SELECT vpcs, tiers FROM networks_usage WHERE tenant_id = %s", [acme.pk])
        assert cursor.fetchall() == [(1, 0)]
    migrate_to_the_end()

    assert [builders.limits_of(tenant, VPC, TIER) for tenant in (acme, globex)] == [[3, 60], [20, 7]]
    assert sorted(Limit.unscoped.values_list("resource", "most")) == [("tier", 7), ("vpc", 3)]
    assert (used(acme), used(globex)) == ((1, 0), (0, 0))
