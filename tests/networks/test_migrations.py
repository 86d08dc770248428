"""Data that migrations change."""

from importlib import import_module

from django.db import connection

from apps.operations.models import Event, Operation
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
