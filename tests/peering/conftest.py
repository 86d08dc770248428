from __future__ import annotations

from typing import Any

import pytest

from tests.peering.scene import Scene
from tests.questions import Watch


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    """Every operation of these tests goes through the watch."""
    return watch.clouds_of


@pytest.fixture
def scene(acme: Any, globex: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Watch, clock: Any) -> Scene:
    return Scene(acme, globex, zone, run, world, watch, clock)
