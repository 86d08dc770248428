"""The Ansible modules for CloudStack, unchanged, from PyPI's `ansible`: cloudstack-api.md section 8.

They need a download of their own, so this runs on request alone: `./weft test --clients`.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of

ANSIBLE, CS = "ansible==12.3.0", "cs==5.2.0"
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
    home = (
        Path(__file__).parents[2] / "var" / "clients" / f"{ANSIBLE}-{sys.version_info.major}.{sys.version_info.minor}"
    )
    playbook = home / "bin" / "ansible-playbook"
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, ANSIBLE, CS], check=True)
        (home / "ready").touch()
    return playbook


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
