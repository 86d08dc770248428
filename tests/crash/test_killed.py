"""Processes are killed in the middle of every recipe; what is left is exactly one of everything, or nothing.

Each test lets a remote dawdle over one call, kills the worker with SIGKILL while that call is on its way, so that the
call takes effect and nobody hears of it, and starts another worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cs
import httpx
import pytest

from tests.stack import Stack

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def _healthy(stack: Stack) -> Iterator[None]:
    yield
    stack.clear_faults()


def post(stack: Stack, path: str, body: dict[str, Any], who: str = "acme") -> dict[str, Any]:
    with stack.api(who) as api:
        answer = api.post(path, json=body)
    assert answer.status_code == 202, answer.text
    operation: dict[str, Any] = answer.json()
    return operation


def a_vpc(stack: Stack, name: str, *, tiers: int = 1, who: str = "acme") -> dict[str, Any]:
    with stack.api(who) as api:
        zone = api.get("/zones/").json()["results"][0]["id"]
    rows = [{"name": f"tier-{number}", "cidr": f"10.20.{number}.0/24"} for number in range(tiers)]
    body = {"name": name, "description": "", "zone": zone, "cidr": "10.20.0.0/20", "tiers": rows}
    return post(stack, "/vpcs/", body, who)


def built(stack: Stack, name: str, **options: Any) -> dict[str, Any]:
    operation = stack.settled(a_vpc(stack, name, **options))
    assert operation["phase"] == "succeeded", operation
    with stack.api() as api:
        vpc: dict[str, Any] = api.get(f"/vpcs/{operation['resource']['id']}/").json()
    return vpc


def killed_during(stack: Stack, call: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Start an operation, kill the worker while `call` is on its way, start another one, and wait for the end."""
    before = stack.calls().get(call, 0)
    stack.fault("cloudstack", kind="slow", call=call, seconds=1.5, times=1)
    operation = act()
    give_up_at = time.monotonic() + 30
    while stack.calls().get(call, 0) == before:
        assert time.monotonic() < give_up_at, f"{call} was never made"
        time.sleep(0.02)
    stack.kill_worker()
    stack.start_worker()
    return stack.settled(operation)


def remote_vpcs(stack: Stack, vpc_id: str) -> tuple[list[Any], list[Any]]:
    name = f"vpc-{vpc_id.replace('-', '')[:12]}"
    with stack.cloudstack() as cloudstack, stack.netris() as netris:
        return (
            [vpc for vpc in cloudstack.all_vpcs() if vpc.name == name],
            [vpc for vpc in netris.vpcs() if vpc.name.endswith(f"-{name}")],
        )


def assert_exactly_one(stack: Stack, vpc_id: str, *, tiers: int) -> None:
    theirs, fabric = remote_vpcs(stack, vpc_id)
    assert (len(theirs), len(fabric)) == (1, 1)
    with stack.cloudstack() as cloudstack, stack.netris() as netris:
        networks = cloudstack.networks_of(theirs[0].id)
        vnets = netris.vnets(fabric[0].id)
        rules = [rule for rule in netris.all_nat_rules() if rule.vpc.id == fabric[0].id and rule.action == "SNAT"]
        assert len(netris.ipam(fabric[0].id)) == 1
    assert len(networks) == len(vnets) == tiers
    assert {network.vni for network in networks} == {vnet.vxlan_id for vnet in vnets}
    assert len(rules) == 1


@pytest.mark.parametrize("call", ["createVPC", "createNetwork", "queryAsyncJobResult"])
def test_a_vpc_survives_its_worker(stack: Stack, call: str):
    operation = killed_during(stack, call, lambda: a_vpc(stack, f"killed in {call}"))
    assert operation["phase"] == "succeeded", operation
    assert_exactly_one(stack, operation["resource"]["id"], tiers=1)


def test_a_vpcs_removal_survives_its_worker(stack: Stack):
    vpc = built(stack, "to be removed")

    def remove() -> dict[str, Any]:
        with stack.api() as api:
            operation: dict[str, Any] = api.delete(f"/vpcs/{vpc['id']}/").json()
        return operation

    assert killed_during(stack, "deleteVPC", remove)["phase"] == "succeeded"
    assert remote_vpcs(stack, vpc["id"]) == ([], [])


def test_a_tier_survives_its_worker_coming_and_going(stack: Stack):
    vpc = built(stack, "with a tier")
    body = {"vpc": vpc["id"], "name": "extra", "cidr": "10.20.8.0/24"}
    operation = killed_during(stack, "createNetwork", lambda: post(stack, "/tiers/", body))
    assert operation["phase"] == "succeeded", operation
    assert_exactly_one(stack, vpc["id"], tiers=2)

    def remove() -> dict[str, Any]:
        with stack.api() as api:
            answer: dict[str, Any] = api.delete(f"/tiers/{operation['resource']['id']}/").json()
        return answer

    assert killed_during(stack, "deleteNetwork", remove)["phase"] == "succeeded"
    assert_exactly_one(stack, vpc["id"], tiers=1)


@pytest.mark.parametrize("call", ["createDomain", "createAccount"])
def test_a_tenants_account_survives_its_worker(stack: Stack, call: str):
    name = f"Killed in {call}"

    def create() -> dict[str, Any]:
        with stack.api("admin") as api:
            answer = api.post("/tenants/", json={"name": name})
        assert answer.status_code == 202, answer.text
        operation: dict[str, Any] = answer.json()["operations"][0]
        return operation

    before = stack.calls().get(call, 0)
    stack.fault("cloudstack", kind="slow", call=call, seconds=1.5, times=1)
    operation = create()
    while stack.calls().get(call, 0) == before:
        time.sleep(0.02)
    stack.kill_worker()
    stack.start_worker()
    assert stack.settled(operation, who="admin")["phase"] == "succeeded"
    keys = stack.demo["cloudstack"]
    domains = cs.CloudStack(keys["url"], keys["api_key"], keys["secret_key"]).listDomains(listall=True)["domain"]
    slug = name.lower().replace(" ", "-")
    assert len([domain for domain in domains if domain["name"].startswith(slug)]) == 1


def test_a_flushed_redis_loses_nothing(stack: Stack):
    operations = [a_vpc(stack, f"flushed {number}") for number in range(4)]
    stack.flush_redis()
    for operation in operations:
        assert stack.settled(operation)["phase"] == "succeeded"
        assert_exactly_one(stack, operation["resource"]["id"], tiers=1)


def test_work_goes_on_after_postgresql_restarts(stack: Stack):
    operations = [a_vpc(stack, f"restarted {number}") for number in range(4)]
    stack.restart_postgres()
    for operation in operations:
        assert stack.settled(operation)["phase"] == "succeeded"
        assert_exactly_one(stack, operation["resource"]["id"], tiers=1)


def test_a_worker_that_dies_again_and_again_finishes_in_the_end(stack: Stack):
    operation = a_vpc(stack, "stubborn", tiers=3)
    for _ in range(3):
        time.sleep(0.7)
        stack.kill_worker()
        stack.start_worker()
    assert stack.settled(operation)["phase"] == "succeeded"
    assert_exactly_one(stack, operation["resource"]["id"], tiers=3)


@pytest.mark.parametrize("name", ["sweeps", "beat"])
def test_who_ends_in_order_is_missed_at_once_and_who_comes_is_seen(stack: Stack, name: str):
    """Nothing is read from a process that has gone; what was killed is missed after 35 s (tests/portal/test_health)."""
    _wait_for(stack, name, "up")
    stack.processes[name].terminate()
    stack.processes[name].wait(30)
    _wait_for(stack, name, "down")
    stack.start(name)
    _wait_for(stack, name, "up")


def _wait_for(stack: Stack, part: str, state: str, *, seconds: float = 20) -> None:
    give_up_at = time.monotonic() + seconds
    while (told := httpx.get(f"{stack.url}/healthz").json())[part] != state:
        assert time.monotonic() < give_up_at, told
        time.sleep(0.2)
