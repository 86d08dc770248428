"""The Ansible modules for CloudStack, unchanged, from PyPI's `ansible`: cloudstack-api.md section 8.

They are large and have a lock of their own, requirements-clients.txt, so this runs on request alone:
`./weft test --clients`.
"""

import os
import subprocess
from pathlib import Path

import pytest

from house.checkout import VAR
from house.environment import Environment
from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of

KEYS = ("key-of-the-clients", "secret-of-the-clients")
HERE = Path(__file__).parent / "ansible"

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _on_request(request):
    if not request.config.getoption("--clients", default=False):
        pytest.skip("only with --clients")


@pytest.fixture
def ansible():
    """ansible-playbook in an environment of its own, which is kept for the next time."""
    environment = Environment(VAR / "clients")
    environment.prepare("clients")
    return environment.python.with_name("ansible-playbook")


def test_ansible_builds_a_vpc_twice_and_takes_it_down_8(ansible, tmp_path):
    world = World(cloudstack_keys=KEYS)
    try:
        server, _ = world.serve()
        free = root_of(world).list("listPublicIpAddresses", state="Free", forprovider="true")
        environment = {
            **os.environ,
            "CLOUDSTACK_ENDPOINT": f"{server.url}/client/api",
            "CLOUDSTACK_KEY": KEYS[0],
            "CLOUDSTACK_SECRET": KEYS[1],
            "PUBLIC_IP": free[0]["ipaddress"],
            "BALANCED_IP": free[1]["ipaddress"],
            "ANSIBLE_HOME": str(tmp_path),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_PYTHON_INTERPRETER": str(ansible.with_name("python")),
        }
        done = subprocess.run(
            [ansible, HERE / "lifecycle.yml"], env=environment, cwd=HERE, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert world.are_empty(), world.what_is_left()
    finally:
        world.close()
