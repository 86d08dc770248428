"""The world that most tests of the CloudStack side live in: root, a tenant, and a look at what stands on Netris."""

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of
from tests.sandbox.controller import operator_of


@pytest.fixture
def world():
    return World()


@pytest.fixture
def root(world):
    return root_of(world)


@pytest.fixture
def acme(root):
    return root.account("acme", root.domain("acme"))


@pytest.fixture
def globex(root):
    return root.account("globex", root.domain("globex"))


@pytest.fixture
def netris(world):
    return operator_of(world)
