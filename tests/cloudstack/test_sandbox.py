"""The client against the emulated CloudStack, which checks signatures, runs jobs and keeps its own rules."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import SecretStr

from apps.cloudstack import CloudStack, connect
from apps.cloudstack.wire import Account, Network, ResourceType, StartedJob
from apps.kernel.remote import Rejected, Unauthorized, Unavailable
from sandbox.kit.faults import Kind
from sandbox.world import World

KEYS = ("sandbox-api-key", "sandbox-secret-key")
NOBODY = "00000000-0000-4000-8000-000000000000"
URL = "http://cloudstack.test/client/api"


def a_client(world: World, secret_key: str = KEYS[1]) -> CloudStack:
    return connect(URL, SecretStr(KEYS[0]), SecretStr(secret_key), transport=world.cloudstack_transport())


@pytest.fixture
def world():
    world = World(cloudstack_keys=KEYS)
    yield world
    world.close()


@pytest.fixture
def client(world):
    with a_client(world) as client:
        yield client


@pytest.fixture
def acme(client):
    domain = client.create_domain("acme")
    return client.create_account(
        name="acme",
        domain_id=domain.id,
        email="it@acme.example",
        first_name="Ada",
        last_name="Lovelace",
        password=SecretStr("hunter2 ~*+é"),
    )


def start_vpc(client: CloudStack, owner: Account, name: str = "vpc-1") -> StartedJob:
    return client.create_vpc(
        name=name,
        displaytext="Café & bar: 50% (a+b) *x ~",
        zone_id=client.list_zones()[0].id,
        offering_id=client.list_vpc_offerings()[0].id,
        cidr=IPv4Network("10.10.0.0/16"),
        account=owner.name,
        domain_id=owner.domainid,
    )


def make_tier(client: CloudStack, owner: Account, vpc_id: str, name: str = "tier-1") -> Network:
    return client.create_network(
        name=name,
        displaytext="web",
        vpc_id=vpc_id,
        zone_id=client.list_zones()[0].id,
        offering_id=client.list_network_offerings()[0].id,
        gateway=IPv4Address("10.10.1.1"),
        netmask=IPv4Address("255.255.255.0"),
        account=owner.name,
        domain_id=owner.domainid,
        acl_id=next(acl.id for acl in client.acl_lists() if acl.name == "default_deny"),
    )


def test_a_vpc_lives_from_order_to_removal(world, client, acme):
    started = start_vpc(client, acme)
    assert client.check_job(started.job)
    tier = make_tier(client, acme, started.id)

    found = client.find_vpc("vpc-1", account="acme", domain_id=acme.domainid)
    assert found == client.get_vpc(started.id) == client.all_vpcs()[0]
    assert found is not None
    assert (found.cidr, found.displaytext) == (IPv4Network("10.10.0.0/16"), "Café & bar: 50% (a+b) *x ~")
    assert found.is_enabled
    assert [router.state for router in client.routers_of(found.id)] == ["Running"]
    assert client.find_network("tier-1", vpc_id=started.id) == client.get_network(tier.id) == client.all_networks()[0]
    assert (tier.vpcname, tier.aclname, tier.cidr) == ("vpc-1", "default_deny", IPv4Network("10.10.1.0/24"))
    assert tier.vni is not None
    sources = [address for address in client.list_public_ips(started.id) if address.issourcenat]
    assert sorted(address.forprovider for address in sources) == [False, True]

    assert client.check_job(client.delete_network(tier.id))
    assert client.check_job(client.delete_vpc(started.id))
    assert client.check_job(client.delete_account(acme.id))
    assert client.check_job(client.delete_domain(acme.domainid))
    assert client.get_vpc(started.id) is None
    assert client.find_domain("acme") is None
    assert world.what_is_left() == []


def test_only_the_job_tells_that_a_vpc_is_being_built_w1():
    world = World(cloudstack_keys=KEYS, job_seconds=30)
    with a_client(world) as client:
        domain = client.create_domain("acme")
        owner = Account(id="unused", name="admin", domainid=domain.parentdomainid)
        started = start_vpc(client, owner)

        building = client.get_vpc(started.id)
        assert building is not None
        assert building.is_enabled
        assert [job.id for job in client.pending_jobs("createVPC")] == [started.job]
        assert client.pending_jobs("deleteVPC") == []
        assert not client.check_job(started.job)

        world.clock.advance(31)
        assert client.check_job(started.job)
        assert client.pending_jobs("createVPC") == []
    world.close()


def test_what_was_never_there_is_none(client, acme):
    assert client.get_vpc(NOBODY) is None
    assert client.get_network(NOBODY) is None
    assert client.networks_of(NOBODY) == []
    assert client.list_public_ips(NOBODY) == []
    assert client.find_vpc("vpc", account="acme", domain_id=acme.domainid) is None
    assert client.find_account("globex", acme.domainid) is None


def test_the_zone_is_described(client):
    [zone] = client.list_zones()

    assert zone.is_netris
    assert client.capabilities().cloudstackversion == "4.22.0.0"
    assert {offering.networkmode for offering in client.list_vpc_offerings() if offering.is_netris} == {
        "NATTED",
        "ROUTED",
    }
    assert all(offering.forvpc for offering in client.list_network_offerings())
    assert {acl.name for acl in client.acl_lists()} == {"default_allow", "default_deny"}


def test_a_limit_that_is_reached_is_rejected_in_words(client, acme):
    client.update_resource_limit(account="acme", domain_id=acme.domainid, resource_type=ResourceType.VPC, maximum=0)

    with pytest.raises(Rejected, match="Maximum amount of resources") as caught:
        start_vpc(client, acme)

    assert caught.value.code == 535


def test_a_failed_job_tells_why(world, client, acme):
    world.cloudstack.faults.order(Kind.FAIL_JOB, "createVPC", text="Failed to create VPC")

    with pytest.raises(Rejected, match="Failed to create VPC"):
        client.check_job(start_vpc(client, acme).job)


def test_a_tier_blocks_its_vpc(client, acme):
    started = start_vpc(client, acme)
    make_tier(client, acme, started.id)

    with pytest.raises(Rejected, match="used by"):
        client.check_job(client.delete_vpc(started.id))


def test_a_wrong_secret_is_a_fault_for_a_person(world):
    with a_client(world, "not-the-secret") as client, pytest.raises(Unauthorized):
        client.list_zones()


def test_a_lost_reply_leaves_a_vpc_that_can_be_found(world, client, acme):
    world.cloudstack.faults.order(Kind.LOSE_REPLY, "createVPC", times=1)

    with pytest.raises(Unavailable) as caught:
        start_vpc(client, acme)

    assert caught.value.maybe_sent
    assert len(client.vpcs_named("vpc-1", account="acme", domain_id=acme.domainid)) == 1


def test_a_read_survives_one_lost_reply(world, client):
    world.cloudstack.faults.order(Kind.LOSE_REPLY, "listZones", times=1)

    assert len(client.list_zones()) == 1


def test_a_server_that_is_down_was_sent_nothing(world, client, acme):
    world.cloudstack.faults.order(Kind.DOWN)

    with pytest.raises(Unavailable) as caught:
        client.delete_account(acme.id)

    assert not caught.value.maybe_sent


def test_the_client_works_over_real_connections(world):
    cloudstack, _ = world.serve()
    with connect(f"{cloudstack.url}/client/api", SecretStr(KEYS[0]), SecretStr(KEYS[1])) as client:
        assert [zone.name for zone in client.list_zones()] == ["zone1"]
        cloudstack.shutdown()
        cloudstack.server_close()

    with connect(f"{cloudstack.url}/client/api", SecretStr(KEYS[0]), SecretStr(KEYS[1])) as client:
        with pytest.raises(Unavailable, match="could not be reached") as caught:
            client.delete_vpc(NOBODY)
        assert not caught.value.maybe_sent
