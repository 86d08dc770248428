"""From a machine that CloudStack starts to what its tenant sees of it."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydantic import SecretStr

from apps import cloudstack, netris
from apps.accounts.models import Account
from apps.instances import queries
from apps.mirror.models import Kind, Reading
from apps.mirror.services import refresh
from apps.tenancy.models import Tenant
from apps.zones.clouds import Clouds, connect, hooks_for
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.conftest import KEYS, LOGIN, zone_of
from tests.sandbox.cloudstack.client import root_of


@pytest.fixture
def world(clock: time_machine.Traveller) -> World:
    """Jobs are over at once: what CloudStack does is not what is looked at."""
    return World(cloudstack_keys=KEYS, netris_login=LOGIN)


MANY = 10_000


def swept(world: World, zone: Zone) -> None:
    transports = (world.cloudstack_transport(), world.netris_transport())
    with closing(connect(zone, hooks_for(zone), transports=transports)) as clouds:
        assert refresh(zone, Kind.CLOUDSTACK_INSTANCE, clouds)


def test_what_cloudstack_runs_its_tenant_sees_until_it_is_gone(acme: Tenant, globex: Tenant, world: World) -> None:
    root, zone = root_of(world), zone_of(world)
    account = builders.an_account(acme, zone)
    builders.an_account(globex, zone)
    domain = root.domain(account.remote_name)
    account.cloudstack_domain_id = UUID(domain["id"])
    account.save()
    root.account(account.remote_name, domain)
    whose = {"account": account.remote_name, "domainid": domain["id"]}
    made = root.vpc(**whose)
    network = root.tier(made, **whose)
    machine = root.machine(network, "shop", **whose)
    second = root.done("addIpToNic", nicid=machine["nic"][0]["id"])["nicsecondaryip"]["ipaddress"]
    vpc = builders.a_vpc(acme, zone, cidr=made["cidr"], cloudstack_id=UUID(made["id"]))
    tier = builders.a_tier(vpc, cidr=network["cidr"], cloudstack_id=UUID(network["id"]))

    swept(world, zone)

    [shop] = queries.choices(acme, "shop")
    assert (str(shop.id), shop.state, shop.tier, shop.is_stale) == (machine["id"], "Running", tier, False)
    assert [str(each.address) for each in shop.addresses] == [machine["nic"][0]["ipaddress"], second]
    assert shop.host
    assert [each.id for each in queries.choices(acme, second)] == [shop.id]
    assert queries.find(globex, shop.id) is None

    root.done("destroyVirtualMachine", id=machine["id"], expunge=True)
    swept(world, zone)
    assert queries.find(acme, shop.id) is None


def test_a_list_of_ten_thousand_is_read_and_written_page_by_page(acme: Tenant) -> None:
    """Whatever is on a page, it costs four queries; what has not changed is not written again."""
    zone = builders.a_zone()
    owner = builders.an_account(acme, zone)
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        said = dict(parse_qsl(request.content.decode()))
        assert (said["command"], said["listall"]) == ("listVirtualMachines", "true")
        assert said["zoneid"] == str(zone.cloudstack_zone_id)
        page, size = int(said["page"]), int(said["pagesize"])
        asked.append(size)
        numbers = range((page - 1) * size, min(page * size, MANY))
        rows = [a_machine(number, owner) for number in numbers]
        return httpx.Response(200, json={"listvirtualmachinesresponse": {"count": MANY, "virtualmachine": rows}})

    secret = SecretStr("secret")
    remote = cloudstack.connect("http://cloudstack.invalid", secret, secret, transport=httpx.MockTransport(answer))
    netris_ = netris.connect("http://netris.invalid", "weft", secret, transport=httpx.MockTransport(answer))

    with CaptureQueriesContext(connection) as first:
        assert refresh(zone, Kind.CLOUDSTACK_INSTANCE, Clouds(zone, remote, netris_))
    with CaptureQueriesContext(connection) as second:
        assert refresh(zone, Kind.CLOUDSTACK_INSTANCE, Clouds(zone, remote, netris_))

    assert Reading.objects.get(zone=zone, kind=Kind.CLOUDSTACK_INSTANCE).error == ""
    assert queries.of(acme).count() == MANY
    pages = len(asked) // 2
    assert pages <= MANY // max(asked) + 1
    of_items = [query["sql"] for query in first.captured_queries if "mirror_item" in query["sql"]]
    assert len(of_items) <= 2 * pages + 1
    assert not [query for query in second.captured_queries if query["sql"].startswith('INSERT INTO "mirror_item"')]


def a_machine(number: int, owner: Account) -> dict[str, Any]:
    machine_id = str(UUID(int=number + 1))
    nic = {"id": machine_id, "ipaddress": f"10.20.{number // 250}.{number % 250}", "isdefault": True}
    whose = {"account": owner.remote_name, "domainid": str(owner.cloudstack_domain_id)}
    return {"id": machine_id, "name": f"vm-{number}", "state": "Running", "nic": [nic], **whose}
