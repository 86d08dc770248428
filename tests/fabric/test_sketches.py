"""What maps are drawn from is kept by the survey, and stands for what was judged and for nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from apps.fabric import drawings, sketches, surveys
from apps.fabric.drawings import Drawing, drawing_of, plan_of
from apps.fabric.models import Sketch
from apps.fabric.queries import basis_of, picture_of
from apps.fabric.rows import Picture
from apps.fabric.sights import Sight
from apps.fabric.surveys import survey
from apps.kernel import clock as now
from apps.mirror.models import Kind
from apps.zones.models import Zone
from sandbox.generator import Size, site_of
from sandbox.world import World
from tests.conftest import KEYS, LOGIN
from tests.fabric.conftest import Order, Sweep

SIZE = Size(leaves=60, softgates=4, hypervisors=30)


@pytest.fixture
def world(clock: time_machine.Traveller, request: pytest.FixtureRequest) -> World:
    size = getattr(request, "param", None)
    site = {"site": site_of(size)} if size else {}
    return World(**site, cloudstack_keys=KEYS, netris_login=LOGIN)


def drawn(zone: Zone, **sight: Any) -> Drawing:
    """As by a process that has drawn nothing before."""
    drawings._plans.clear()
    drawings._drawings.clear()
    return drawing_of(zone, basis_of(zone), Sight(zone.slug, **sight))


def read_at(zone: Zone) -> object:
    return plan_of(zone, basis_of(zone)).picture.readings[Kind.NETRIS_DEVICE].read_at


@pytest.mark.parametrize("world", [SIZE], indirect=True)
def test_a_map_of_what_is_kept_is_the_one_that_is_judged(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller, world: World,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    order("/devices/Leaf-2/kill")
    clock.shift(300)
    read()
    pod = next(fold.id for fold in plan_of(zone, basis_of(zone)).folds if fold.kind == "pod")
    sights: tuple[dict[str, Any], ...] = (
        {},
        {"opened": (pod,)},
        {"overlay": "links"},
        {"overlay": "bgp", "opened": (pod,)},
    )
    judged = [drawn(zone, **sight) for sight in sights]
    survey(zone)

    for sight, before in zip(sights, judged, strict=True):
        with django_assert_num_queries(5 if sight else 4):
            after = drawn(zone, **sight)
        assert after.svg == before.svg
        assert len(after.opened) == len(before.opened) == ("opened" in sight)
        assert after.plan.picture.notices == before.plan.picture.notices
        assert [tally.counts for tally in after.plan.picture.tallies] == [
            tally.counts for tally in before.plan.picture.tallies
        ]
        [cause], [wanted] = after.plan.picture.causes, before.plan.picture.causes
        assert (cause.device.id, cause.device.name) == (wanted.device.id, "Leaf-2")
        assert cause.device.device.last_seen == wanted.device.device.last_seen
        assert cause.consequences == wanted.consequences != ""


def test_until_the_next_survey_a_map_is_of_the_last_one_and_says_so(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    read()
    survey(zone)
    first, moment = drawn(zone), read_at(zone)
    order("/devices/Leaf-2/kill")
    clock.shift(15)
    read()

    assert (drawn(zone).map, read_at(zone)) == (first.map, moment)
    survey(zone)
    assert read_at(zone) > moment
    # When surveys come no more, a map is judged by itself.
    clock.shift(300)
    read()
    assert drawn(zone).map != first.map
    assert now.now() - read_at(zone) < timedelta(seconds=15)


def test_nothing_is_judged_again_while_nothing_can_be_read(
    zone: Zone, read: Sweep, world: World, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    read()
    survey(zone)
    drawn(zone)
    world.netris.faults.order("down")
    clock.shift(300)
    read()
    drawing_of(zone, basis_of(zone), Sight(zone.slug))
    monkeypatch.delattr(sketches, "picture_of")
    for _ in range(3):
        clock.shift(60)
        read()
        drawing = drawing_of(zone, basis_of(zone), Sight(zone.slug))
    assert drawing.topology is not None
    assert {device.status for device in drawing.topology.devices} == {"stale"}


@pytest.mark.parametrize("is_surveyed", [True, False])
def test_a_list_that_grows_stale_while_it_is_judged_is_not_drawn_as_well(
    zone: Zone, read: Sweep, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, is_surveyed: bool
) -> None:
    read()

    def slowly(*known: Any) -> Picture:
        picture = picture_of(*known)
        clock.shift(300)
        return picture

    with monkeypatch.context() as patch:
        patch.setattr(surveys if is_surveyed else sketches, "picture_of", slowly)
        assert survey(zone) if is_surveyed else drawn(zone)
    drawing = drawn(zone) if is_surveyed else drawing_of(zone, basis_of(zone), Sight(zone.slug))
    assert drawing.topology is not None
    assert {device.status for device in drawing.topology.devices} == {"stale"}


def test_what_another_release_has_kept_is_not_gone_by(zone: Zone, read: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    read()
    survey(zone)
    Sketch.objects.update(outline={"of": "another time"})
    monkeypatch.setattr("apps.fabric.queries.FORMAT", 0)
    assert drawn(zone).svg
