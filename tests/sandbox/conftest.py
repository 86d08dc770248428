"""The world that most tests of the CloudStack side live in: root, a tenant, and a look at what stands on Netris."""

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.cloudstack_client import root_of


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
    client = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
    client.post("/api/auth", json={"user": "sandbox", "password": "sandbox", "auth_scheme_id": 1}).raise_for_status()
    return client
