"""The questions that every recipe must answer, asked at every call of a removal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_vpc
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.strays.finder import look
from apps.strays.models import Stray
from apps.strays.services import remove
from tests import builders
from tests.builders import BY, a_vpc_spec
from tests.questions import Killed, Watch, every_part_twice

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    return watch.clouds_of


@pytest.fixture
def a_new_stray(acme, zone, run, clock, watch) -> Any:
    acme.max_vpcs = acme.max_tiers = 500
    acme.save()

    def made(number: int) -> Stray:
        watch.disturb(0, "")
        assert run(create_vpc(acme, a_vpc_spec(zone, name=f"vpc {number}"), by=BY)).phase == "succeeded"
        Tier.unscoped.update(status=Status.DELETED)
        Vpc.unscoped.update(status=Status.DELETED)
        clock.shift(timedelta(seconds=1))
        for kind in (Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VPC, Kind.NETRIS_VNET):
            refresh(zone, kind, watch.clouds_of(zone))
        look(zone)
        return Stray.objects.there().get()

    return made


def test_a_removal_run_twice_ends_as_one(a_new_stray, run, world):
    stray = a_new_stray(1)
    with every_part_twice("removal"):
        assert run(remove(stray, confirmed=stray.name, by=builders.the_platform())).phase == "succeeded"
    assert world.are_empty()


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late", "refused"])
def test_a_disturbance_at_any_call_of_a_removal_leaves_nothing_in_the_end(a_new_stray, run, watch, world, clock, how):
    for nth in range(1, 40):
        stray = a_new_stray(nth)
        watch.disturb(nth, how)
        operation = remove(stray, confirmed=stray.name, by=builders.the_platform())
        try:
            operation = run(operation)
        except Killed:
            operation = run(operation)
        if operation.phase == "stuck":
            assert how == "refused"
            operation = run(retry(operation, by=BY))
        assert operation.phase == "succeeded", (watch.struck, operation.steps)
        has_struck = watch.has_struck
        watch.let_everything_late_happen(clock)
        assert world.are_empty(), watch.struck
        if not has_struck:
            assert nth > 5
            return
    raise AssertionError("a removal makes too many calls")
