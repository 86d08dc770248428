import pytest

from tests.sandbox.packets.plane import Plane


@pytest.fixture
def plane(world, root, netris):
    return Plane(world, root, netris)
