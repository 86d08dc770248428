import pytest

from tests.sandbox.traps.scene import Scene


@pytest.fixture
def scene(world, root, netris):
    return Scene(world, root, netris)
