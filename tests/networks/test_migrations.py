"""Data that migrations change."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.networks.models import Tier, Usage, Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from tests import builders


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
    before, after = "0007_names_that_look_the_same_are_one", "0008_usage_and_ways_to_many_rows"

    MigrationExecutor(connection).migrate([("networks", before)])
    MigrationExecutor(connection).migrate([("networks", after)])

    assert {tier.tenant for tier in Tier.unscoped.all()} == {acme}
    assert (Usage.unscoped.get().vpcs, Usage.unscoped.get().tiers) == (1, 1)
    assert Vpc.unscoped.get().search_key == vpc.search_key == "prod\n\n10.20.0.0/20"
    builders.a_tier(vpc, "new", "10.20.2.0/24")
    assert Usage.unscoped.get().tiers == 2
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
