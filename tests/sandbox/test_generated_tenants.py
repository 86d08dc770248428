"""The tenants of generated worlds: both systems tell of the same, a seed repeats, and tenants go on from there."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from sandbox.generator import Size
from tests.sandbox.cloudstack_client import Caller, root_of
from tests.sandbox.generated import every_vpc, netris_of, world_of

SIZE = "leaves=4,tenants=3,vpcs=25,tiers=2,machines=2,rules=3,forwards=2,balancers=2,staticnats=2,routes=2,peerings=3"


@pytest.fixture(scope="module")
def world():
    """To be looked at only."""
    return world_of(f"{SIZE},seed=7")


# agreement: what CloudStack tells, said as the plugin says it (netris-api.md 4.2), is what Netris has


class Plugin:
    """The names that the plugin gives. Internal numbers are in no list of CloudStack, hence the look at the store."""

    def __init__(self, world, root):
        self.store = world.cloudstack.cloud.store
        self.vpcs = {row["id"]: row for row in root.list("listVPCs", listall="true", pagesize=500, page=1)}

    def number(self, kind, key):
        return self.store[kind].get(key)["number"]

    def stem(self, vpc):
        row = self.store["vpc"].get(vpc)
        domain, account = self.number("domain", row["domainid"]), self.number("account", row["accountid"])
        return f"D{domain}-A{account}-Z{self.number('zone', row['zoneid'])}-V{row['number']}"

    def vpc(self, vpc):
        return f"{self.stem(vpc)}-{self.vpcs[vpc]['name']}"


@pytest.fixture(scope="module")
def root(world):
    return root_of(world)


@pytest.fixture(scope="module")
def plugin(world, root):
    return Plugin(world, root)


@pytest.fixture(scope="module")
def netris(world):
    ask = netris_of(world)
    everywhere = every_vpc(ask)
    return lambda path: ask(path, filterByVpc=everywhere)


def of_tenants(rows):
    return [row for row in rows if re.match(r"D\d+-", row["name"])]


def all_of(root, command, **more):
    return root.list(command, listall="true", pagesize=500, page=1, **more)


def test_vpcs_and_their_ranges_agree(root, plugin, netris):
    vpcs = all_of(root, "listVPCs")

    assert len(vpcs) == 25
    assert {row["name"] for row in of_tenants(netris("/api/v2/vpc"))} == {plugin.vpc(vpc["id"]) for vpc in vpcs}
    assert Counter(
        (row["name"], row["prefix"], row["vpc"]["name"]) for row in of_tenants(netris("/api/v2/ipam"))
    ) == Counter((f"{plugin.stem(vpc['id'])}-{vpc['cidr']}", vpc["cidr"], plugin.vpc(vpc["id"])) for vpc in vpcs)


def test_tiers_agree(root, plugin, netris):
    tiers = all_of(root, "listNetworks")
    found = {(row["name"], row["vxlanID"], row["gateways"][0]["prefix"], row["vpc"]["name"])
             for row in of_tenants(netris("/api/v2/vnet"))}  # fmt: skip

    assert len(tiers) == 50
    assert found == {
        (
            f"{plugin.stem(tier['vpcid'])}-N{plugin.number('network', tier['id'])}-{tier['name']}",
            int(tier["broadcasturi"].removeprefix("netris://")),
            f"{tier['gateway']}/24",
            plugin.vpc(tier["vpcid"]),
        )
        for tier in tiers
    }


def test_subnets_agree(root, plugin, netris):
    """One for each tier, and a /32 for each public address with a purpose, in the System VPC."""
    system = next(row["name"] for row in netris("/api/v2/vpc") if row["isSystem"])
    balanced = {row["publicipid"] for row in all_of(root, "listLoadBalancerRules")}
    wanted = Counter(
        (f"{plugin.stem(tier['vpcid'])}-{tier['cidr']}", tier["cidr"], "common", plugin.vpc(tier["vpcid"]))
        for tier in all_of(root, "listNetworks")
    )
    for address in all_of(root, "listPublicIpAddresses"):
        if address.get("forprovider"):
            prefix, purpose = f"{address['ipaddress']}/32", "load-balancer" if address["id"] in balanced else "nat"
            wanted[f"{plugin.stem(address['vpcid'])}-{prefix}", prefix, purpose, system] += 1

    assert sum(wanted.values()) == 25 * (2 + 1 + 1 + 1 + 2)
    assert wanted == Counter(
        (row["name"], row["prefix"], row["purpose"], row["vpc"]["name"])
        for row in of_tenants(netris("/api/v2/ipam/subnets"))
    )


def test_address_translation_agrees(root, plugin, netris):
    wanted = set()
    for address in all_of(root, "listPublicIpAddresses"):
        stem, public = plugin.stem(address["vpcid"]), f"{address['ipaddress']}/32"
        if address.get("forprovider") and address["issourcenat"]:
            wanted.add((f"{stem}-SNAT", "SNAT", plugin.vpcs[address["vpcid"]]["cidr"], "0.0.0.0/0", public, "1-65535"))
        if address["isstaticnat"]:
            number = plugin.number("vm", address["virtualmachineid"])
            inside = f"{address['vmipaddress']}/32"
            wanted.add((f"{stem}-VM{number}-STATICNAT", "DNAT", "0.0.0.0/0", public, inside, "1-65535"))
    for rule in all_of(root, "listPortForwardingRules"):
        stem = plugin.stem(plugin.store["network"].get(rule["networkid"])["vpcid"])
        name = f"{stem}-DNAT-R{plugin.number('portforwardingrule', rule['id'])}"
        public, inside = f"{rule['ipaddress']}/32", f"{rule['vmguestip']}/32"
        wanted.add((name, "DNAT", "0.0.0.0/0", public, inside, rule["publicport"]))
    rows = of_tenants(netris("/api/v2/nat"))

    found = {
        (
            row["name"],
            row["action"]["value"],
            row["sourceAddress"],
            row["destinationAddress"],
            row["snatToIP"] or row["dnatToIP"],
            row["destinationPort"],
        )
        for row in rows
    }
    assert len(rows) == len(wanted) == 25 * (1 + 2 + 2)
    assert found == wanted


def test_balancers_agree(root, plugin, netris):
    wanted = set()
    for rule in all_of(root, "listLoadBalancerRules"):
        vpc = plugin.store["network"].get(rule["networkid"])["vpcid"]
        machines = root.list("listLoadBalancerRuleInstances", id=rule["id"])
        members = frozenset((machine["ipaddress"], int(rule["privateport"])) for machine in machines)
        name = f"{plugin.stem(vpc)}-LB{plugin.number('loadbalancer', rule['id'])}"
        wanted.add((name, rule["publicip"], int(rule["publicport"]), members, plugin.vpc(vpc)))
    rows = netris("/api/v2/l4lb")

    assert len(rows) == 25 * 2
    assert all(len(members) == 2 for _, _, _, members, _ in wanted)
    assert wanted == {
        (
            row["name"],
            row["ip"],
            row["port"],
            frozenset((backend["ip"], int(backend["port"])) for backend in row["backendIps"]),
            row["vpc"]["name"],
        )
        for row in rows
    }


def test_acls_agree(root, plugin, netris):
    items = {}
    for item in all_of(root, "listNetworkACLs"):
        items.setdefault(item["aclid"], []).append(item)
    wanted = Counter(
        (
            f"{plugin.stem(tier['vpcid'])}-N{plugin.number('network', tier['id'])}"
            f"-ACL{plugin.number('networkacl', item['id'])}",
            "0.0.0.0/0" if item["traffictype"] == "Ingress" else tier["cidr"],
            tier["cidr"] if item["traffictype"] == "Ingress" else "0.0.0.0/0",
            int(item["startport"]),
            plugin.vpc(tier["vpcid"]),
        )
        for tier in all_of(root, "listNetworks")
        for item in items[tier["aclid"]]
    )

    assert sum(wanted.values()) == 25 * 2 * 3
    assert wanted == Counter(
        (row["name"], row["src_prefix"], row["dst_prefix"], row["dst_port_from"], row["vpc"]["name"])
        for row in netris("/api/acl")
    )


def test_static_routes_agree(root, plugin, netris):
    wanted = Counter(
        (plugin.stem(route["vpcid"]), route["cidr"], route["nexthop"], plugin.vpc(route["vpcid"]))
        for route in all_of(root, "listStaticRoutes")
    )

    assert sum(wanted.values()) == 25 * 2
    assert wanted == Counter(
        (row["description"], row["name"], row["next_hop"], row["vpc"]["name"]) for row in netris("/api/routes")
    )


def test_peerings_join_vpcs_of_one_tenant(netris):
    """Netris alone knows of them."""
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
    made = ("vpc", "network", "router", "vm", "nic", "vni", "volume", "loadbalancer", "lbmember", "staticroute")
    made += ("vnet", "subnet", "nat", "allocation", "l4lb", "route", "acl", "vpcpeering")
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
TIMES = {"created", "allocated", "lastpinged", "createdDate", "modifiedDate", "createDate", "create_date"}
TIMES |= {"modified_date", "edit_date", "bgp_uptime", "bgpUptime", "uptime"}


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
    stem = next(row["name"] for row in netris("/api/v2/vpc") if row["name"].endswith("vpc-00003")).split("vpc-")[0]
    root.done("deleteVPC", id=vpc["id"])

    everywhere = every_vpc(netris)
    for path in PATHS[:7]:
        rows = netris(path, filterByVpc=everywhere)
        assert not [row["name"] for row in rows if row["name"].startswith(stem)], path
        assert not [row for row in rows if row.get("description") == stem[:-1]], path
    assert len([row for row in netris("/api/v2/nat") if row["name"].endswith("-SNAT")]) == 4
    assert root.vpc("another")["state"] == "Enabled"


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
