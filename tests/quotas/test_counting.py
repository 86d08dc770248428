"""What a migration needs to have the rows of a table counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.db.migrations import RunSQL

from apps.quotas.counting import counted
from apps.quotas.models import Usage
from apps.tenancy.models import Tenant

pytestmark = pytest.mark.django_db


def run(statements: Iterable[Any]) -> None:
    """`%(acme)s` and `%(globex)s` are the tenants."""
    tenants = {tenant.slug: tenant.pk for tenant in Tenant.objects.all()}
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, tenants)


def apply(*operations: RunSQL) -> None:
    run(each.sql for each in operations)


def used(resource: str, *tenants: Tenant) -> list[int]:
    return [
        sum(Usage.objects.of(tenant).filter(resource=resource).values_list("used", flat=True)) for tenant in tenants
    ]


@pytest.fixture
def things(acme: Tenant, globex: Tenant) -> Tenant:
    """One of Acme's lives with three in it, one does not."""
    tables = ("things", "others")
    run(f"CREATE TABLE {name} (id int, tenant_id uuid, status text, inside int)" for name in tables)
    run(["INSERT INTO things VALUES (1, %(acme)s, 'ready', 3), (2, %(acme)s, 'deleted', 5)"])
    return acme


def test_what_is_there_already_is_counted(things: Tenant, globex: Tenant) -> None:
    apply(*counted("thing", "things"), *counted("inside", "things", amount="inside"))

    assert used("thing", things, globex) == [1, 0]
    assert used("inside", things, globex) == [3, 0]


def test_a_row_may_count_for_more_than_one(things: Tenant, globex: Tenant) -> None:
    apply(*counted("inside", "things", amount="inside"))
    told = []
    for statement in (
        "INSERT INTO things SELECT n, tenant, 'ready', n FROM generate_series(3, 4) n, "
        "(VALUES (%(acme)s::uuid), (%(globex)s)) AS t(tenant)",
        "UPDATE things SET inside = inside + 1",
        "UPDATE things SET inside = 0 WHERE id = 3",
        "UPDATE things SET tenant_id = %(globex)s WHERE id = 1",
        "UPDATE things SET status = 'ready'",
        "UPDATE things SET status = 'deleted' WHERE id = 4",
        "DELETE FROM things",
    ):
        run([statement])
        told.append(used("inside", things, globex))

    assert told == [[10, 7], [13, 9], [9, 5], [5, 9], [11, 9], [6, 4], [0, 0]]


def test_what_is_live_is_for_the_app_to_say(things: Tenant) -> None:
    apply(*counted("thing", "things", live="status <> 'deleted' AND inside <> 3"))
    assert used("thing", things) == [0]
    run(["UPDATE things SET inside = 4"])
    assert used("thing", things) == [1]


def test_a_row_that_comes_to_life_later_is_counted_though_nothing_was_known_of_its_tenant(
    things: Tenant, globex: Tenant
) -> None:
    apply(*counted("thing", "things"))
    run(["INSERT INTO things VALUES (3, %(globex)s, 'deleted', 1)", "UPDATE things SET status = 'ready'"])
    assert used("thing", things, globex) == [2, 1]


def test_a_resource_may_lie_in_several_tables_and_leave_one_again(things: Tenant) -> None:
    first, second = list(counted("thing", "things")), list(counted("thing", "others"))
    apply(*first, *second)
    run(["INSERT INTO others VALUES (1, %(acme)s, 'ready', 1), (2, %(acme)s, 'ready', 1)"])
    assert used("thing", things) == [3]

    run(each.reverse_sql for each in reversed(second))

    assert used("thing", things) == [1]
    run(["DELETE FROM others", "DELETE FROM things"])
    assert used("thing", things) == [0]


def test_a_change_that_counts_for_nothing_writes_nothing(things: Tenant) -> None:
    """Otherwise whoever notes something in a row would wait for whoever holds what the tenant uses."""
    apply(*counted("thing", "things"))
    before = Usage.unscoped.extra(select={"version": "xmin::text || ctid::text"}).values_list("version", flat=True)
    versions = list(before)
    run(["UPDATE things SET status = 'stuck', inside = 7 WHERE id = 1"])
    assert list(before.all()) == versions
