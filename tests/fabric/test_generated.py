"""A bigger fabric of several pods: the internet is still at the leaves that have its cables, and nowhere else."""

from __future__ import annotations

import pytest
import time_machine

from apps.fabric.queries import picture_of
from apps.zones.models import Zone
from sandbox.generator import Size, site_of
from sandbox.world import World
from tests.conftest import KEYS, LOGIN
from tests.fabric.conftest import Sweep
from tests.fabric.test_queries import ISPS, LEAVES, each_with_each, joined

SIZE = Size(leaves=40, softgates=8, hypervisors=30)


@pytest.fixture
def world(clock: time_machine.Traveller) -> World:
    return World(site=site_of(SIZE), cloudstack_keys=KEYS, netris_login=LOGIN)


def test_the_border_of_a_generated_fabric_is_drawn(zone: Zone, read: Sweep) -> None:
    read()
    picture = picture_of(zone)

    assert picture.topology is not None
    names = {one.id: one.name for one in picture.topology.devices}
    gates = [f"SoftGate-{number}" for number in range(1, SIZE.softgates + 1)]
    assert {row.status for row in picture.links} == {"up"}
    assert joined(picture, "leaf", "isp") == each_with_each(LEAVES, ISPS)
    assert not joined(picture, "softgate", "isp") | joined(picture, "spine", "isp")
    drawn = {frozenset((names[one.router], names[one.device])) for one in picture.topology.sessions}
    assert drawn == each_with_each(ISPS, [*LEAVES, *gates])
    # Each leaf hangs on two spines, and each SoftGate on two leaves.
    for number in range(1, SIZE.leaves + 1):
        assert len([pair for pair in joined(picture, "leaf", "spine") if f"Leaf-{number}" in pair]) == 2
    for gate in gates:
        assert len([pair for pair in joined(picture, "leaf", "softgate") if gate in pair]) == 2
