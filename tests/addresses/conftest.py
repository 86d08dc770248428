"""A VPC with a tier in which two instances run, and public IPs for it, on the emulated systems."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cloudstack.inhabitants import Order
from tests.addresses.place import Place
from tests.questions import Watch


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    """Every operation of these tests goes through the watch."""
    return watch.clouds_of


@pytest.fixture
def place(acme: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Watch, clock: Any) -> Place:
    place = Place(acme, zone, run, world, watch, clock)
    place.move_in(Order(place.tier.remote_name, count=2, secondary=1, name="web"))
    return place
