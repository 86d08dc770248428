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


@pytest.fixture
def spy(world):
    """The calls that the plugin makes from now on, in order, ids left out."""
    made = []
    send = world.cloudstack.cloud.plugin.client.send

    def listen(request, **more):
        body = request.read()
        made.append((request.method, request.url.path, body))
        return send(request, **more)

    world.cloudstack.cloud.plugin.client.send = listen
    return made
