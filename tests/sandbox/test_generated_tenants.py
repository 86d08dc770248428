"""The tenants of generated worlds: both systems tell of the same, a seed repeats, and tenants go on from there."""

from __future__ import annotations

import re

import httpx
import pytest

from sandbox.generator import Size
from tests.sandbox.cloudstack.client import Caller, root_of
from tests.sandbox.controller import netris_of
from tests.sandbox.generated import every_vpc, world_of
from tests.sandbox.mirror import contradictions, differences

_PLUGIN_S = re.compile(r"D\d+-A\d+-Z\d+-V\d+-")
SIZE = "leaves=4,tenants=3,vpcs=25,tiers=2,machines=2,rules=3,forwards=2,balancers=2,staticnats=2,routes=2,peerings=3"


@pytest.fixture(scope="module")
def world():
    """To be looked at only."""
    return world_of(f"{SIZE},seed=7")


@pytest.fixture(scope="module")
def root(world):
    return root_of(world)


@pytest.fixture(scope="module")
def netris(world):
    ask = netris_of(world)
    everywhere = every_vpc(ask)
    return lambda path: ask(path, filterByVpc=everywhere)


def all_of(root, command, **more):
    return root.list(command, listall="true", pagesize=500, page=1, **more)


# agreement


def test_netris_has_what_the_plugin_would_have_made_of_cloudstack_s_rows_and_nothing_else(world):
    """Peerings are Netris's alone: CloudStack knows of no such thing."""
    assert [line.split()[1] for line in differences(world)] == ["vpcpeering"] * 5
    assert contradictions(world) == []


def test_everything_that_was_asked_for_is_listed_on_both_sides(root, netris):
    listed = {
        "listAccounts": 3 + 1,
        "listVPCs": 25,
        "listNetworks": 25 * 2,
        "listVirtualMachines": 25 * 2 * 2,
        "listPublicIpAddresses": 25 * (1 + 1 + 1 + 1 + 2),  # router, source NAT, forwards, balancers, static NATs
        "listPortForwardingRules": 25 * 2,
        "listLoadBalancerRules": 25 * 2,
        "listStaticRoutes": 25 * 2,
        "listNetworkACLs": 25 * 3 + 4,  # those of the two lists that everybody has
    }
    plugins = {
        "/api/v2/vpc": 25,
        "/api/v2/ipam": 25,
        "/api/v2/vnet": 25 * 2,
        "/api/v2/ipam/subnets": 25 * (2 + 1 + 1 + 1 + 2),
        "/api/v2/nat": 25 * (1 + 2 + 2),
        "/api/v2/l4lb": 25 * 2,
        "/api/acl": 25 * 2 * 3,
    }

    assert {command: len(all_of(root, command)) for command in listed} == listed
    assert {path: sum(bool(_PLUGIN_S.match(row["name"])) for row in netris(path)) for path in plugins} == plugins
    assert len(netris("/api/routes")) == 25 * 2
    assert {len(row["backendIps"]) for row in netris("/api/v2/l4lb")} == {2}


def test_peerings_join_vpcs_of_one_tenant(netris):
    rows = netris("/api/v2/vpc-peering")

    assert len(rows) == 2 * 3 - 1  # the second tenant's five VPCs make two pairs
    for row in rows:
        one, other = (row[side]["name"].split("-V")[0] for side in ("vpcA", "vpcB"))
        assert one == other
        assert row["vpcA"]["prefixListInbound"] != row["vpcB"]["prefixListInbound"]


def test_machines_have_names_and_addresses_of_their_own(root):
    machines = all_of(root, "listVirtualMachines")
    volumes = all_of(root, "listVolumes")

    assert len(machines) == 25 * 2 * 2
    assert len({row["instancename"] for row in machines}) == len(machines)
    assert len({row["nic"][0]["macaddress"] for row in machines}) == len(machines)
    assert len({(row["nic"][0]["networkid"], row["nic"][0]["ipaddress"]) for row in machines}) == len(machines)
    assert len({row["name"] for row in volumes}) == len(machines)
    assert {row["id"] for row in machines} == {row["virtualmachineid"] for row in volumes}


def test_a_printed_vpc_has_every_field_of_one_that_the_services_made(world):
    made = {
        *("vpc", "network", "router", "vm", "nic", "vni", "volume", "loadbalancer", "lbmember", "staticroute"),
        *("vnet", "subnet", "nat", "allocation", "l4lb", "route", "acl", "vpcpeering"),
    }
    for store in (world.cloudstack.cloud.store, world.netris.store):
        for table in store.tables:
            if table.name in made:
                shapes = {frozenset(row) - {"jobid", "defaultGateway"} for row in list(table.rows.values())[-40:]}
                assert len(shapes) == 1, table.name


# seeds

LISTS = (
    *("listZones", "listPods", "listClusters", "listVPCOfferings", "listVlanIpRanges", "listDomains", "listAccounts"),
    *("listUsers", "listVPCs", "listNetworks", "listPublicIpAddresses", "listVirtualMachines", "listVolumes"),
    *("listRouters", "listNetworkACLLists", "listNetworkACLs", "listPortForwardingRules", "listLoadBalancerRules"),
    *("listStaticRoutes", "listResourceLimits", "listHosts"),
)
PATHS = (
    *("/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam", "/api/v2/nat", "/api/v2/l4lb", "/api/acl", "/api/routes"),
    *("/api/v2/vpc-peering", "/api/v2/link", "/api/v2/ebgp", "/api/v2/reservation/ip", "/api/v2/reservation/vxlan"),
)
TIMES = {
    "created",
    "allocated",
    "lastupdated",
    "lastpinged",
    "createdDate",
    "modifiedDate",
    "createDate",
    "create_date",
}
TIMES |= {"created_date", "modified_date", "edit_date", "bgp_uptime", "bgpUptime", "uptime"}


def told(text):
    """Every list of both services, without times."""
    world = world_of(text)
    root, netris = root_of(world), netris_of(world)
    everywhere = every_vpc(netris)
    lists = {command: all_of(root, command) for command in LISTS}
    lists |= {path: netris(path, filterByVpc=everywhere) for path in PATHS}
    return {name: timeless(rows) for name, rows in lists.items()}


def timeless(value):
    if isinstance(value, dict):
        return {name: timeless(each) for name, each in value.items() if name not in TIMES}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def test_a_seed_makes_the_same_lists_again_and_another_seed_does_not():
    once, again, other = (told(f"leaves=3,vpcs=6,seed={seed}") for seed in (4, 4, 5))

    for name, rows in once.items():
        assert rows, name
        assert rows == again[name], name
    assert once["listVPCs"] != other["listVPCs"]
    assert once["/api/v2/reservation/vxlan"] != other["/api/v2/reservation/vxlan"]


# sizes


def test_softgates_and_hypervisors_grow_with_what_they_carry():
    assert (Size.parse("").softgates, Size.parse("").hypervisors) == (4, 3)
    size = Size.parse("leaves=1000,vpcs=20000")
    assert (size.softgates, size.hypervisors) == (8, 1000)
    assert Size.parse("leaves=4,vpcs=20000").hypervisors == 31  # as many as there are ports for
    assert Size.parse("leaves=1000,vpcs=20000,hypervisors=7").hypervisors == 7


def test_more_addresses_than_there_are_in_the_world_are_refused():
    with pytest.raises(ValueError, match="950000"):
        Size.parse("vpcs=100000,machines=9,staticnats=9")


def test_a_vpc_may_have_nothing_in_it():
    world = world_of("vpcs=3,tiers=0,routes=0,peerings=0")
    root = root_of(world)

    assert len(all_of(root, "listVPCs")) == 3
    assert all_of(root, "listNetworks") == all_of(root, "listLoadBalancerRules") == []
    assert netris_of(world)("/api/v2/vpc-peering") == []


# going on


def test_a_tenant_of_a_generated_world_goes_on():
    world = world_of("vpcs=21")
    root, netris = root_of(world), netris_of(world)
    account = root.list("listAccounts", name="tenant-00002", listall="true")[0]
    keys = root("registerUserKeys", id=account["user"][0]["id"])["userkeys"]
    tenant = Caller(world_client(world), (keys["apikey"], keys["secretkey"]))

    mine = tenant.list("listVPCs")
    made = tenant.vpc("one-more")

    assert [vpc["name"] for vpc in mine] == ["vpc-00021"]
    assert {vpc["name"] for vpc in tenant.list("listVPCs")} == {"vpc-00021", "one-more"}
    assert any(row["name"].endswith("-one-more") for row in netris("/api/v2/vpc"))
    tenant.done("deleteVPC", id=made["id"])
    assert not any(row["name"].endswith("-one-more") for row in netris("/api/v2/vpc"))
    assert "used by 1 networks" in tenant.job("deleteVPC", id=mine[0]["id"])["jobresult"]["errortext"]


def world_client(world):
    return root_of(world).http


def test_a_tenant_logs_in_with_a_password_of_its_own(world):
    client = world_client(world)

    def login(password):
        form = {"command": "login", "username": "tenant-00002", "password": password, "domain": "/generated"}
        return client.post("/client/api", data=form | {"response": "json"}).status_code

    assert login("tenant-00002-password") == 200
    assert login("tenant-00001-password") == 531


def test_usage_is_listed_in_pages_of_one_order(root):
    span = {"startdate": "2020-01-01", "enddate": "2100-01-01", "type": 31}

    whole = [row for page in range(1, 4) for row in root.list("listUsageRecords", page=page, pagesize=500, **span)]
    pieces = [row for page in range(3, 40) for row in root.list("listUsageRecords", page=page, pagesize=7, **span)]

    assert pieces == whole[14 : 14 + len(pieces)]
    assert [row["startdate"] for row in whole] == sorted(row["startdate"] for row in whole)
    assert len({(row["usageid"], row["startdate"]) for row in whole}) == len(whole) > 100
    assert {row["usageid"] for row in whole} == {row["id"] for row in all_of(root, "listVPCs")} - _made_today(root)


def _made_today(root):
    """Their records come with the next midnight."""
    today = max(row["created"] for row in all_of(root, "listVPCs"))[:10]
    return {row["id"] for row in all_of(root, "listVPCs") if row["created"][:10] == today}


def test_a_full_account_has_room_for_as_much_again(root):
    domain = root.list("listDomains", name="generated")[0]
    account = root.list("listAccounts", name="tenant-00001", listall="true")[0]

    assert domain["vpclimit"] == "Unlimited"
    for word, total in (("vpc", 20), ("ip", 20 * 6), ("network", 40), ("vm", 80), ("cpu", 80)):
        assert (account[f"{word}total"], account[f"{word}limit"]) == (total, str(2 * total)), word


def test_a_printed_vpc_can_be_used_and_removed():
    world = world_of("vpcs=5,tiers=2,forwards=2,peerings=0")
    root, netris = root_of(world), netris_of(world)
    (vpc,) = root.list("listVPCs", listall="true", name="vpc-00003")
    for address in root.list("listPublicIpAddresses", listall="true", vpcid=vpc["id"]):
        if not address["issourcenat"]:
            root.done("disassociateIpAddress", id=address["id"])
    for tier in vpc["network"]:
        for machine in root.list("listVirtualMachines", listall="true", networkid=tier["id"]):
            root.done("destroyVirtualMachine", id=machine["id"], expunge="true")
        root.done("deleteNetwork", id=tier["id"])
    for route in root.list("listStaticRoutes", listall="true", vpcid=vpc["id"]):
        root.done("deleteStaticRoute", id=route["id"])
    stem = next(row["name"] for row in netris("/api/v2/vpc") if row["name"].endswith("vpc-00003")).split("vpc-")[0]
    root.done("deleteVPC", id=vpc["id"])

    everywhere = every_vpc(netris)
    for path in PATHS[:7]:
        rows = netris(path, filterByVpc=everywhere)
        assert not [row["name"] for row in rows if row["name"].startswith(stem)], path
        assert not [row for row in rows if row.get("description") == stem[:-1]], path
    assert len([row for row in netris("/api/v2/nat") if row["name"].endswith("-SNAT")]) == 4
    assert root.vpc("another")["state"] == "Enabled"


def test_what_is_made_in_a_generated_world_agrees_with_the_rest():
    world = world_of("vpcs=3,peerings=0")
    root = root_of(world)

    root.vpc("one-more")
    root.done("deletePortForwardingRule", id=all_of(root, "listPortForwardingRules")[0]["id"])
    root.done("deleteLoadBalancerRule", id=all_of(root, "listLoadBalancerRules")[0]["id"])

    assert differences(world) == []


def test_a_hypervisor_of_a_generated_world_takes_its_machines_with_it():
    world = world_of("leaves=4,vpcs=20")
    root = root_of(world)
    host = all_of(root, "listVirtualMachines")[-1]["hostname"]
    alive = [row["id"] for row in all_of(root, "listVirtualMachines") if row["hostname"] != host]

    httpx.Client(transport=world.netris_transport(), base_url="http://netris.test").post(
        f"/_sandbox/devices/{host}/kill"
    ).raise_for_status()
    world.clock.advance(600)
    root("listZones")

    assert [row["state"] for row in root.list("listHosts", name=host)] == ["Down"]
    running = [row["id"] for row in all_of(root, "listVirtualMachines", state="Running")]
    assert running == alive
    assert contradictions(world) == []


def test_a_renamed_vpc_shows_its_new_name_in_every_list():
    world = world_of("vpcs=4")
    root, netris = root_of(world), netris_of(world)
    everywhere = every_vpc(netris)
    before = {path: netris(path, filterByVpc=everywhere) for path in PATHS}
    vpc = root.list("listVPCs", listall="true", name="vpc-00002")[0]

    root.done("updateVPC", id=vpc["id"], name="other-name")

    for path, rows in before.items():
        names = {row["id"]: row["name"] for row in netris("/api/v2/vpc")}
        after = netris(path, filterByVpc=everywhere)
        assert len(after) == len(rows)
        assert "vpc-00002" not in str([row.get("vpc") for row in after])
        for row in after:
            if isinstance(row.get("vpc"), dict) and row["vpc"]["id"] in names:
                assert row["vpc"]["name"] == names[row["vpc"]["id"]], path
