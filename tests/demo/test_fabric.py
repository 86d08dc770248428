"""The demo's fabric has a past: what happened in it once, and is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.demo import fabric
from apps.history.models import Event
from apps.history.series import past_of, span_of
from apps.kernel import clock as now
from apps.operations.models import Operation
from apps.softgates.queries import fleets
from tests import builders
from tests.fabric.conftest import order, read, zone  # noqa: F401  # fixtures
from tests.softgates.test_fleet import surveyed  # noqa: F401  # a fixture


@pytest.fixture
def orders(order: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: F811
    """What the sandbox was ordered."""
    told: list[str] = []

    def tell(_zone: Any, session: int, state: str) -> None:
        told.append(state)
        order("/change", table="ebgp", id=session, fields={"peerState": state})

    monkeypatch.setattr(fabric, "tell", tell)
    return told


def test_a_session_was_down_and_a_softgate_in_maintenance_and_both_are_well_again(
    zone: Any,  # noqa: F811
    surveyed: Any,  # noqa: F811
    orders: list[str],
    run: Any,
    clock: Any,
) -> None:
    builders.a_vni_range(zone, used=30)
    for _ in range(10):
        is_more = fabric.furnish()
        if not is_more:
            break
        for operation in Operation.unscoped.running():
            run(operation)
        clock.shift(20)
        surveyed()
    assert not is_more
    [event] = Event.objects.filter(kind="session-down")
    assert event.ended_at is not None and event.subject_name == fabric.HUNG_UP
    assert [each.goal for each in Operation.unscoped.order_by("created_at")] == ["present", "absent"]
    assert {each.phase for each in Operation.unscoped.all()} == {"succeeded"}
    [fleet] = fleets()
    assert (fleet.general.status, fleet.snat.status) == ("ok", "ok")
    before = list(orders)
    assert not fabric.furnish() and orders == before  # what was asked for does not come again


def test_a_range_of_vnis_has_filled_over_a_day_with_a_gap_in_it(zone: Any) -> None:  # noqa: F811
    row = builders.a_vni_range(zone, used=30)
    assert fabric._filled(row) and fabric._filled(row)
    day = span_of("day")
    assert day
    used, _, free = past_of(zone, "vni-range", str(row.pk), day).lines
    assert used.steps[0].value == pytest.approx(10, abs=1) and used.steps[-1].value == pytest.approx(30, abs=1)
    assert used.steps[-1].value + free.steps[-1].value == row.free + row.used
    gap = [step for step in used.steps if timedelta(hours=9.2) < now.now() - step.at < timedelta(hours=9.8)]
    assert gap == []
