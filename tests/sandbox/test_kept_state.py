"""State that outlives the process, and state that another version has written."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest

from sandbox.kit import store as stores
from sandbox.kit.store import OtherSchemaError, Store
from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of
from tests.sandbox.control import SIDES, data, order
from tests.sandbox.controller import operator_of


def write_schema(path, version):
    with sqlite3.connect(path) as database:
        if version is None:
            database.execute("DELETE FROM row WHERE tab = 'fact' AND key = '\"schema\"'")
        else:
            body = json.dumps({"id": "schema", "version": version})
            database.execute("UPDATE row SET body = ? WHERE tab = 'fact' AND key = '\"schema\"'", (body,))
    database.close()


ENVIRONMENT = {**os.environ, **{f"SANDBOX_{name}": "x" for name in ("CLOUDSTACK_API_KEY", "CLOUDSTACK_SECRET_KEY")}}


def command_in(state_dir):
    options = ["--state-dir", state_dir, "--cloudstack-port", "0", "--netris-port", "0"]
    return [sys.executable, "-m", "sandbox", *map(str, options)]


def start(state_dir):
    return subprocess.run(
        command_in(state_dir), env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
    )


def test_it_serves_within_two_seconds_and_again_after_a_kill(tmp_path):
    for _ in range(2):
        began = time.monotonic()
        with subprocess.Popen(command_in(tmp_path), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as child:
            try:
                assert child.stdout is not None
                url = next(line.split()[1] for line in child.stdout if line.startswith("Netris "))
                assert httpx.get(f"{url}/_sandbox/health").json()["service"] == "netris"
                assert time.monotonic() - began < 2
            finally:
                child.kill()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("version", [None, stores.SCHEMA - 1, stores.SCHEMA + 1, "noise"])
def test_the_state_of_another_version_stops_the_start_in_one_line(tmp_path, side, version):
    World(state_dir=tmp_path).close()
    path = tmp_path / f"{side}.sqlite3"
    if version == "noise":
        for each in tmp_path.iterdir():
            each.unlink()
        path.write_bytes(b"noise" * 1000)
    else:
        write_schema(path, version)
    kept = path.read_bytes()

    ended = start(tmp_path)

    assert ended.returncode == 2
    assert ended.stderr == (
        f"python -m sandbox: {path} was not written by this version of the sandbox: delete {tmp_path} to start anew\n"
    )
    assert path.read_bytes() == kept


def test_a_state_is_read_by_the_version_that_wrote_it(tmp_path):
    for _ in range(2):
        World(state_dir=tmp_path).close()

    write_schema(tmp_path / "netris.sqlite3", stores.SCHEMA - 1)
    with pytest.raises(OtherSchemaError):
        World(state_dir=tmp_path)


def test_what_fails_in_one_go_leaves_the_file_as_it_was(tmp_path):
    store = Store(tmp_path / "store")
    store["vpc"].put({"id": 1})

    def fail():
        with store.in_one_go():
            store["vpc"].put({"id": 2})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.in_one_go():
        store["vpc"].put({"id": 3})
    store.close()

    again = Store(tmp_path / "store")
    assert list(again["vpc"].rows) == [1, 3]
    again.close()


def test_a_start_that_was_killed_in_the_middle_is_a_new_start(tmp_path):
    """Planting is one transaction: a file either has all of it, or only says which version it is of."""
    for name in SIDES:
        Store(tmp_path / f"{name}.sqlite3").close()

    world = World(state_dir=tmp_path)

    assert root_of(world)("listHosts")["count"] == 4
    assert len(data(operator_of(world), "/api/v2/hw")) == 13
    world.close()


SCHEMA_AND_ROWS = (8, "9b68c1212585877b")


def test_rows_of_other_fields_have_another_schema():
    """Of all tables of a world with one of most things, the fields that any row has. A changed digest is a changed row:
    raise `store.SCHEMA` unless no release has had it yet, and note the digest here."""
    world = World()
    root = root_of(world)
    acme = root.account("acme", root.domain("acme"))
    vpc = acme.vpc()
    acl = acme.done("createNetworkACLList", name="acl", vpcid=vpc["id"])["networkacllist"]
    acme.done("createNetworkACL", aclid=acl["id"], protocol="all", cidrlist="0.0.0.0/0")
    tier = acme.tier(vpc, aclid=acl["id"])
    vm = acme.machine(tier)
    free = acme.list("listPublicIpAddresses", state="Free", forprovider="true")
    first, second = (
        acme.done("associateIpAddress", vpcid=vpc["id"], ipaddress=each["ipaddress"])["ipaddress"] for each in free[:2]
    )
    acme("enableStaticNat", ipaddressid=first["id"], virtualmachineid=vm["id"], networkid=tier["id"])
    balancer = acme.done(
        "createLoadBalancerRule",
        **{"publicipid": second["id"], "networkid": tier["id"], "name": "lb", "algorithm": "roundrobin"},
        **{"publicport": 80, "privateport": 80},
    )["loadbalancer"]
    acme.done("assignToLoadBalancerRule", id=balancer["id"], virtualmachineids=vm["id"])
    order(operator_of(world), "routers", port="swp20@Leaf-1", vlan=1200, address="169.254.10.2/30", asn=65010)
    tables = [
        (side, table.name, sorted({field for row in table for field in row}))
        for side, store in (("cloudstack", world.cloudstack.cloud.store), ("netris", world.netris.net.store))
        for table in sorted(store.tables, key=lambda table: table.name)
        if len(table) and table.name != "fact"
    ]

    assert (stores.SCHEMA, hashlib.sha256(json.dumps(tables).encode()).hexdigest()[:16]) == SCHEMA_AND_ROWS
