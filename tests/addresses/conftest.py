"""A VPC with a tier in which two instances run, and public IPs for it, on the emulated systems; and callers."""

from __future__ import annotations

from typing import Any

import pytest

from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from sandbox.cloudstack.inhabitants import Order
from tests import builders
from tests.addresses.place import Place
from tests.api.conftest import Api
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


# --- where nothing has to be real -------------------------------------------------------------------------------------


@pytest.fixture
def site(db: None) -> Zone:
    """A zone that nothing reaches."""
    return builders.a_zone()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return Api(builders.a_token(acme))


@pytest.fixture
def platform(db: None) -> Api:
    return Api(builders.a_token(None))
