"""Rows are sent once each, not too many at a time and in their order, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from psycopg import errors

from apps.imports import services
from apps.imports.models import Import, Row
from apps.imports.queries import counts
from apps.kernel.errors import Refused
from apps.operations.models import Operation, Priority
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import AuditEntry, User
from tests import builders
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.imports import conftest
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures

HEAD = "name,maintenance,rank\n"


@pytest.fixture(autouse=True)
def _site(surveyed):  # noqa: F811
    """With SoftGates."""


def the_admin() -> Platform:
    return Platform(Actor.of_user(User.objects.filter(is_platform_admin=True).first() or builders.a_platform_admin()))


def brought(*names: str, **ranks: int) -> Import:
    """Each of them on; by a rank where one is given."""
    rows = [f"{name},on,{ranks.get(name.replace('-', '_'), 0)}\n" for name in names]
    return services.bring("maintenance", HEAD + "".join(rows), by=the_admin())


def sent(*names: str, **ranks: int) -> Import:
    return services.send(brought(*names, **ranks), by=the_admin())


def ordered() -> list[str]:
    """In the order in which they were."""
    entries = AuditEntry.unscoped.filter(action="device.maintenance-on").order_by("id")
    return list(entries.values_list("object_name", flat=True))


def rows_of(imported: Import) -> dict[str, Row]:
    return {row.cells["name"]: row for row in imported.rows.select_related("operation")}


def standing(imported: Import) -> str:
    return Import.objects.get(pk=imported.pk).standing


@pytest.fixture
def ordering() -> Iterator[Callable[[Callable[[Operation], None]], None]]:
    """Have something happen behind each order, in its transaction."""
    good = conftest.MAINTENANCE.order

    def set_up(happens: Callable[[Operation], None]) -> None:
        def order(values: Any, by: Any) -> Operation:  # noqa: F811
            operation = good(values, by)
            happens(operation)
            return operation

        object.__setattr__(conftest.MAINTENANCE, "order", order)

    yield set_up
    object.__setattr__(conftest.MAINTENANCE, "order", good)


class TestSending:
    def test_nothing_is_sent_before_somebody_says_so(self):
        imported = brought("SoftGate-1", "No-1")
        assert services.go_on() == 0 and ordered() == []
        assert (imported.standing, counts(imported).words) == ("checked", "1 to be sent, 1 faulty")

    def test_each_right_row_becomes_an_operation_with_its_result_beside_it(self, run):
        imported = sent("SoftGate-1", "No-1", "SoftGate-3")
        assert services.go_on() == 2
        assert ordered() == ["SoftGate-1", "SoftGate-3"]
        assert counts(imported).words == "2 at work, 1 faulty"
        for row in rows_of(imported).values():
            if row.operation:
                assert run(row.operation).phase == "succeeded"
        assert services.go_on() == 0 and standing(imported) == "over"
        assert counts(imported).words == "2 done, 1 faulty"
        assert rows_of(imported)["SoftGate-1"].outcome == "succeeded"

    def test_run_twice_is_run_once(self):
        sent("SoftGate-1", "SoftGate-3")
        services.go_on()
        services.go_on()
        assert len(ordered()) == 2

    def test_a_worker_that_is_killed_half_way_is_followed_by_another(self, monkeypatch):
        imported, calls = sent("SoftGate-1", "SoftGate-3"), []
        good = conftest.MAINTENANCE.order

        def dies(values: Any, by: Any) -> Operation:
            calls.append(values)
            if len(calls) == 2:
                good(values, by)
                raise KeyboardInterrupt
            return good(values, by)

        object.__setattr__(conftest.MAINTENANCE, "order", dies)
        try:
            with pytest.raises(KeyboardInterrupt):
                services.go_on()
            assert ordered() == ["SoftGate-1"], "what it had begun was not kept"
            services.go_on()
        finally:
            object.__setattr__(conftest.MAINTENANCE, "order", good)
        assert ordered() == ["SoftGate-1", "SoftGate-3"] and counts(imported).at_work == 2

    def test_what_is_not_right_any_more_is_refused_beside_its_row(self):
        sent("SoftGate-1")
        second = sent("SoftGate-1", "SoftGate-3")
        services.go_on()
        assert ordered() == ["SoftGate-1", "SoftGate-3"]
        row = rows_of(second)["SoftGate-1"]
        assert row.standing == "refused" and "still under way" in row.faults[0]["message"]

    def test_a_mistake_of_ours_keeps_no_other_row_from_going(self, caplog):
        imported = sent("SoftGate-1", "SoftGate-3")
        Row.objects.filter(pk=rows_of(imported)["SoftGate-1"].pk).update(order={"what": 1})
        services.go_on()
        assert ordered() == ["SoftGate-3"]
        row = rows_of(imported)["SoftGate-1"]
        assert (row.standing, row.faults[0]["code"]) == ("refused", "our-mistake") and "KeyError" in caplog.text

    @pytest.mark.parametrize("how", [{"kind": "x" * 99}, {"requested_by_user_id": 10**9}], ids=["too long", "nobody's"])
    def test_what_the_database_does_not_take_keeps_no_other_row_from_going(self, how, ordering):
        imported = sent("SoftGate-1", "SoftGate-3")

        def odd(operation: Operation) -> None:
            if operation.resource_name == "SoftGate-1":
                Operation.unscoped.filter(pk=operation.pk).update(**how)

        ordering(odd)
        services.go_on()
        assert ordered() == ["SoftGate-3"]
        assert rows_of(imported)["SoftGate-1"].faults[0]["code"] == "our-mistake"

    @pytest.mark.parametrize("is_lost", [False, True])
    def test_what_the_database_does_not_end_keeps_no_other_import_from_going(self, is_lost, ordering):
        """One that loses whenever it is tried is tried again by the next ring; what takes too long is told."""
        first, second = sent("SoftGate-1"), sent("SoftGate-3")

        def slow(operation: Operation) -> None:
            if operation.resource_name == "SoftGate-1":
                raise OperationalError from errors.DeadlockDetected() if is_lost else errors.QueryCanceled()

        ordering(slow)
        services.go_on()
        assert ordered() == ["SoftGate-3"] and counts(second).at_work == 1
        assert rows_of(first)["SoftGate-1"].standing == ("ready" if is_lost else "refused")

    def test_a_higher_rank_waits_for_the_lower_ones(self, run):
        imported = sent("SoftGate-1", "SoftGate-3", SoftGate_1=1)
        services.go_on()
        assert ordered() == ["SoftGate-3"]
        run(rows_of(imported)["SoftGate-3"].operation)
        services.go_on()
        assert ordered() == ["SoftGate-3", "SoftGate-1"]

    def test_not_too_many_are_at_work_at_once(self, monkeypatch):
        monkeypatch.setattr(services, "AT_WORK", 1)
        sent("SoftGate-1", "SoftGate-3")
        services.go_on()
        assert ordered() == ["SoftGate-1"]
        assert services.go_on() == 0

    def test_people_who_wait_go_before_a_long_sheet(self):
        sent("SoftGate-1")
        services.go_on()
        [operation] = Operation.unscoped.filter(kind="maintenance")
        assert operation.priority == Priority.BULK

    def test_it_is_done_in_the_name_of_whoever_sends_it(self):
        sent("SoftGate-1")
        services.go_on()
        [operation] = Operation.unscoped.filter(kind="maintenance")
        assert operation.requested_by == the_admin().actor.name
        actions = AuditEntry.unscoped.order_by("id").values_list("action", flat=True)
        assert [each for each in actions if each.startswith(("import", "device"))] == [
            "import.bring",
            "import.send",
            "device.maintenance-on",
        ]

    def test_whoever_is_no_admin_any_more_sends_nothing(self):
        imported = sent("SoftGate-1")
        user = imported.sender_user
        assert user is not None
        user.is_platform_admin = False
        user.save()
        services.go_on()
        assert ordered() == []
        imported.refresh_from_db()
        assert imported.standing == "stopped" and "may not do this any more" in imported.stopped_for


class TestStopping:
    def test_what_was_not_sent_can_be_sent_later(self, monkeypatch):
        monkeypatch.setattr(services, "AT_WORK", 1)
        imported = sent("SoftGate-1", "SoftGate-3")
        services.go_on()
        services.stop(imported, by=the_admin())
        monkeypatch.setattr(services, "AT_WORK", 9)
        assert services.go_on() == 0 and standing(imported) == "stopped"
        services.send(imported, by=the_admin())
        services.go_on()
        assert ordered() == ["SoftGate-1", "SoftGate-3"]

    def test_what_is_not_offered_is_refused_with_the_reason(self, run):
        imported = brought("No-1")
        with pytest.raises(Refused, match="There is no row to be sent"):
            services.send(imported, by=the_admin())
        with pytest.raises(Refused, match="It is not being sent"):
            services.stop(imported, by=the_admin())
        imported = sent("SoftGate-1")
        with pytest.raises(Refused, match="It is being sent"):
            services.send(imported, by=the_admin())

    def test_not_too_many_wait(self, monkeypatch):
        monkeypatch.setattr(services, "MOST_KEPT", 1)
        brought("SoftGate-1")
        with pytest.raises(Refused, match="wait to be sent already"):
            brought("SoftGate-1")


def test_they_are_forgotten(clock, run):
    from portal.retention import forget

    idle, over = brought("SoftGate-3"), sent("SoftGate-1")
    services.go_on()
    run(rows_of(over)["SoftGate-1"].operation)
    services.go_on()
    clock.shift(8 * 86400)
    forget()
    assert list(Import.objects.all()) == [over] and not Row.objects.filter(imported_id=idle.pk).exists()
    clock.shift(400 * 86400)
    forget()
    assert not Import.objects.exists()


def test_one_that_was_stopped_keeps_its_report(clock, monkeypatch):
    from portal.retention import forget

    monkeypatch.setattr(services, "AT_WORK", 1)
    imported = sent("SoftGate-1", "SoftGate-3")
    services.go_on()
    services.stop(imported, by=the_admin())
    clock.shift(8 * 86400)
    forget()
    assert [row.standing for row in imported.rows.all()] == ["ordered", "ready"]
    clock.shift(400 * 86400)
    forget()
    assert not Import.objects.exists()
