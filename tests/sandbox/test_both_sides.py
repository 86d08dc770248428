"""CloudStack and Netris tell of the same objects, whatever was done, and after restarts and outages."""

from __future__ import annotations

import random

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import Refused, root_of
from tests.sandbox.mirror import contradictions, differences

SETTLED = 400  # seconds after which everybody has noticed everything
PROTOCOLS = ("tcp", "udp", "icmp", "all", "17")


class Builder:
    """Somebody who does what comes to mind. What the services refuse is left at that."""

    def __init__(self, world, seed):
        self.random = random.Random(seed)
        self.count = self.done = 0
        self.enter(world)

    def enter(self, world):
        self.world = world
        self.api = root_of(world)

    def number(self):
        self.count += 1
        return self.count

    def one(self, command, **filters):
        rows = self.api.list(command, **filters)
        return self.random.choice(rows) if rows else None

    def do(self, command, **parameters):
        """The answer, or the finished job; None when it was refused or has failed."""
        try:
            body = self.api(command, **parameters)
            if "jobid" in body:
                body = self.api("queryAsyncJobResult", jobid=body["jobid"])
        except Refused:
            return None
        if body.get("jobstatus", 1) != 1:
            return None
        self.done += 1
        return body

    # making

    def vpc(self):
        number, mode = self.number(), self.random.choice(["NAT", "NAT", "NAT", "Route"])
        offering = self.api.list("listVPCOfferings", name=f"{mode} Mode")[0]["id"]
        given = {"cidr": f"10.{number % 250}.0.0/16", "zoneid": self.api.zone, "vpcofferingid": offering}
        self.do("createVPC", name=f"vpc-{number}", **given)

    def tier(self):
        vpc = self.one("listVPCs")
        if vpc is None:
            return
        number, block = self.number(), vpc["cidr"].split(".")[1]
        mode = "Routed" if "Route" in vpc["vpcofferingname"] else "NAT"
        offering = self.api.list("listNetworkOfferings", name=f"Default{mode}NetrisNetworkOfferingForVpc")[0]["id"]
        acl = self.one("listNetworkACLLists", vpcid=vpc["id"]) or self.one("listNetworkACLLists", name="default_allow")
        given = {"gateway": f"10.{block}.{number % 250}.1", "netmask": "255.255.255.0", "vpcid": vpc["id"]}
        given |= {"zoneid": self.api.zone, "networkofferingid": offering, "aclid": acl["id"]}
        self.do("createNetwork", name=f"tier-{number}", **given)

    def machine(self):
        tier = self.one("listNetworks")
        if tier is not None:
            self.do(
                "deployVirtualMachine",
                name=f"vm-{self.number()}",
                zoneid=self.api.zone,
                networkids=tier["id"],
                serviceofferingid=self.one("listServiceOfferings")["id"],
                templateid=self.one("listTemplates", templatefilter="executable")["id"],
                startvm=self.random.choice(["true", "true", "false"]),
            )

    def address(self):
        vpc = self.one("listVPCs")
        free = self.one("listPublicIpAddresses", state="Free", forprovider="true", pagesize=20, page=1)
        if vpc and free:
            self.do("associateIpAddress", vpcid=vpc["id"], ipaddress=free["ipaddress"])

    def secondary(self):
        if vm := self.one("listVirtualMachines"):
            self.do("addIpToNic", nicid=vm["nic"][0]["id"])

    def _target(self):
        """A machine, a tier and address of it, and a public address of its VPC."""
        vm = self.one("listVirtualMachines")
        if vm is None:
            return None
        nic = self.random.choice(vm["nic"])
        address = self.one("listPublicIpAddresses", vpcid=nic["vpcid"], issourcenat="false")
        guest = self.random.choice([nic["ipaddress"], *(each["ipaddress"] for each in nic["secondaryip"])])
        return address and (vm, nic["networkid"], guest, address)

    def static_nat(self):
        """Not a second one of a machine: CloudStack would show it, and Netris have none."""
        if (target := self._target()) and "publicip" not in target[0]:
            vm, tier, guest, address = target
            given = {"virtualmachineid": vm["id"], "networkid": tier, "vmguestip": guest}
            self.do("enableStaticNat", ipaddressid=address["id"], **given)

    def forward(self):
        """Now and then of a range of ports, which Netris cannot take as the plugin sends it."""
        if target := self._target():
            vm, tier, guest, address = target
            first = 1000 + 10 * self.number()
            end = first + self.random.choice([0, 0, 0, 3])
            given = {"publicport": first, "publicendport": end, "privateport": first, "privateendport": end}
            given |= {"virtualmachineid": vm["id"], "networkid": tier, "vmguestip": guest}
            protocol = self.random.choice(["tcp", "udp"])
            self.do("createPortForwardingRule", ipaddressid=address["id"], protocol=protocol, **given)

    def balancer(self):
        if target := self._target():
            vm, tier, _, address = target
            number = self.number()
            body = self.do(
                "createLoadBalancerRule",
                name=f"lb-{number}",
                publicipid=address["id"],
                networkid=tier,
                algorithm="roundrobin",
                publicport=2000 + number,
                privateport=80,
                cidrlist=self.random.choice([None, "192.0.2.0/24", "192.0.2.0/25,198.18.0.0/15"]),
            )
            if body:
                rule = body["jobresult"]["loadbalancer"]["id"]
                self.do("assignToLoadBalancerRule", id=rule, virtualmachineids=vm["id"])

    def member(self):
        rule, vm = self.one("listLoadBalancerRules"), self.one("listVirtualMachines")
        if rule and vm:
            command = self.random.choice(["assignToLoadBalancerRule", "removeFromLoadBalancerRule"])
            self.do(command, id=rule["id"], virtualmachineids=vm["id"])

    def acl_list(self):
        if vpc := self.one("listVPCs"):
            self.do("createNetworkACLList", name=f"acl-{self.number()}", vpcid=vpc["id"])

    def acl_item(self):
        vpc = self.one("listVPCs")
        if vpc and (acl := self.one("listNetworkACLLists", vpcid=vpc["id"])) and acl.get("vpcid"):
            self._item("createNetworkACL", self.random.choice([1, 2]), aclid=acl["id"])

    def _item(self, command, ranges, **about):
        number, protocol = self.number(), self.random.choice(PROTOCOLS)
        ports = {"startport": 3000 + number, "endport": 3000 + number} if protocol in ("tcp", "udp", "17") else {}
        if protocol == "icmp":
            ports = {"icmptype": number % 37, "icmpcode": -1}
        cidrs = [f"192.168.{number % 250}.0/24", f"198.51.100.{number % 250}/32"]
        self.do(
            command,
            protocol=protocol,
            action=self.random.choice(["allow", "deny"]),
            traffictype=self.random.choice(["ingress", "egress"]),
            cidrlist=",".join(cidrs[:ranges]),
            **ports,
            **about,
        )

    def route(self):
        if vpc := self.one("listVPCs"):
            number = self.number()
            block = vpc["cidr"].split(".")[1]
            self.do("createStaticRoute", vpcid=vpc["id"], cidr=f"172.16.{number % 250}.0/24", nexthop=f"10.{block}.0.9")

    # changing

    def change_item(self):
        """With as many ranges as before, as other numbers leave rules behind."""
        if item := self.one("listNetworkACLs"):
            ranges = item["cidrlist"].count(",") + 1
            self._item("updateNetworkACLItem", ranges, id=item["id"], partialupgrade="false")

    def move_item(self):
        if item := self.one("listNetworkACLs"):
            others = [row for row in self.api.list("listNetworkACLs", aclid=item["aclid"]) if row["id"] != item["id"]]
            if others:
                self.do("moveNetworkAclItem", id=item["id"], previousaclruleid=self.random.choice(others)["id"])

    def replace_list(self):
        """By one with items, as another leaves the rules of the one before."""
        tier = self.one("listNetworks")
        acl = tier and self.one("listNetworkACLLists", vpcid=tier["vpcid"])
        if acl and self.one("listNetworkACLs", aclid=acl["id"]):
            self.do("replaceNetworkACLList", aclid=acl["id"], networkid=tier["id"])

    def rename(self):
        if self.random.random() < 0.5 and (vpc := self.one("listVPCs")):
            self.do("updateVPC", id=vpc["id"], name=f"renamed-{self.number()}")
        elif tier := self.one("listNetworks"):
            self.do("updateNetwork", id=tier["id"], name=f"renamed-{self.number()}")

    def change_forward(self):
        if rule := self.one("listPortForwardingRules"):
            self.do("updatePortForwardingRule", id=rule["id"], privateport=7000 + self.number())

    def change_balancer(self):
        """Of several sources none is taken off, as it stays on Netris."""
        rule = self.one("listLoadBalancerRules")
        if rule and "," not in rule.get("cidrlist", ""):
            self.do("updateLoadBalancerRule", id=rule["id"], cidrlist=f"203.0.113.{self.number() % 250}/32")

    def power(self):
        if vm := self.one("listVirtualMachines"):
            command = self.random.choice(["stop", "start", "reboot"])
            self.do(f"{command}VirtualMachine", id=vm["id"])

    def restart(self):
        if vpc := self.one("listVPCs"):
            self.do("restartVPC", id=vpc["id"], cleanup=self.random.choice(["true", "false"]))

    def move_source_nat(self):
        if vpc := self.one("listVPCs"):
            address = self.one("listPublicIpAddresses", vpcid=vpc["id"], forprovider="true")
            if address:
                self.do("updateVPC", id=vpc["id"], name=vpc["name"], sourcenatipaddress=address["ipaddress"])

    def wait(self):
        self.world.clock.advance(self.random.choice([1, 60, 700, 1300]))

    # taking down

    def drop(self):
        kind = self.random.choice(list(self._DROPS))
        command, parameter = self._DROPS[kind]
        more = {"isstaticnat": "true"} if kind == "disableStaticNat" else {}
        if row := self.one(command, **more):
            expunge = {"expunge": self.random.choice(["true", "false"])} if kind == "destroyVirtualMachine" else {}
            self.do(kind, **{parameter: row["id"]}, **expunge)

    _DROPS = {
        "deleteNetworkACL": ("listNetworkACLs", "id"),
        "deletePortForwardingRule": ("listPortForwardingRules", "id"),
        "deleteLoadBalancerRule": ("listLoadBalancerRules", "id"),
        "deleteStaticRoute": ("listStaticRoutes", "id"),
        "disableStaticNat": ("listPublicIpAddresses", "ipaddressid"),
        "disassociateIpAddress": ("listPublicIpAddresses", "id"),
        "destroyVirtualMachine": ("listVirtualMachines", "id"),
        "deleteNetwork": ("listNetworks", "id"),
    }

    def build(self, steps):
        for _ in range(3):
            self.vpc()
        for _ in range(5):
            self.tier()
        makers = [self.machine, self.address, self.static_nat, self.forward, self.balancer, self.acl_list, self.route]
        makers += [self.acl_item, self.acl_item, self.tier, self.member, self.address, self.machine, self.secondary]
        for _ in range(steps):
            self.random.choice(makers)()

    def alter(self, steps):
        changers = [self.change_item, self.move_item, self.replace_list, self.rename, self.change_forward, self.power]
        changers += [self.change_balancer, self.restart, self.move_source_nat, self.wait, self.member, self.forward]
        for _ in range(steps):
            self.random.choice(changers)()

    def take_down(self, steps):
        for _ in range(steps):
            self.drop()
        for vpc in self.api.list("listVPCs")[:1]:
            self.take_down_whole(vpc)

    def take_down_whole(self, vpc):
        for tier in vpc["network"]:
            for vm in self.api.list("listVirtualMachines", networkid=tier["id"]):
                if vm["state"] != "Expunging":
                    self.do("destroyVirtualMachine", id=vm["id"], expunge="true")
            self.do("deleteNetwork", id=tier["id"])
        for route in self.api.list("listStaticRoutes", vpcid=vpc["id"]):
            self.do("deleteStaticRoute", id=route["id"])
        self.do("deleteVPC", id=vpc["id"])

    def outage(self, names):
        """A device dies or comes back, by an order on either side."""
        name, what = self.random.choice(names), self.random.choice(["kill", "revive"])
        side = self.random.choice([self.world.cloudstack_transport, self.world.netris_transport])
        with httpx.Client(transport=side(), base_url="http://sandbox.test") as client:
            client.post(f"/_sandbox/devices/{name}/{what}").raise_for_status()

    def check_members(self):
        """Have the members of every balancer checked, as an operator may."""
        net = self.world.netris.net
        with net.store.lock:
            for row in net.lbs:
                if row["protocol"] == "TCP":
                    net.lbs.change(row, healthCheck="TCP")


@pytest.mark.parametrize("seed", range(4))
def test_both_sides_agree_object_by_object_whatever_was_done(seed):
    world = World()
    builder = Builder(world, seed)

    builder.build(120)
    assert differences(world) == []
    builder.alter(80)
    assert differences(world) == []
    builder.take_down(40)
    assert differences(world) == []

    assert builder.done > 100
    while vpcs := builder.api.list("listVPCs"):
        builder.take_down_whole(vpcs[0])
    assert world.are_empty(), world.what_is_left()


def test_both_sides_agree_after_restarts(tmp_path):
    world = World(state_dir=tmp_path)
    builder = Builder(world, 7)
    for act in (builder.build, builder.alter, builder.take_down):
        act(60)
        world.close()
        world = World(state_dir=tmp_path)
        builder.enter(world)
        assert differences(world) == []
        assert contradictions(world) == []
    world.close()


@pytest.mark.parametrize("seed", range(3))
def test_both_sides_agree_while_devices_die_and_come_back(seed, tmp_path):
    world = World(state_dir=tmp_path)
    builder = Builder(world, seed)
    builder.build(100)
    names = ["Server-2", "Server-3", "Server-4", "Leaf-1", "Leaf-2", "Spine-1", "SoftGate-1"]
    states = set()
    for turn in range(12):
        for _ in range(2):
            builder.outage(names)
        builder.alter(6)
        builder.check_members()
        world.clock.advance(SETTLED)
        states |= {host["state"] for host in builder.api.list("listHosts")}
        assert differences(world) == []
        assert contradictions(world) == []
        if turn % 4 == 3:
            world.close()
            world = World(state_dir=tmp_path)
            builder.enter(world)
            world.clock.advance((turn + 1) * 2000)
            assert differences(world) == []
            assert contradictions(world) == []
    assert states >= {"Up", "Down"}
    world.close()


def test_the_comparison_sees_what_is_missing_too_many_and_other_than_it_was():
    world = World()
    Builder(world, 0).build(120)
    net = world.netris.net
    rule = next(row for row in net.nats if row["name"].endswith("-SNAT"))
    vnet = next(row for row in net.vnets if row["name"].startswith("D1-"))
    net.nats.drop(rule["id"])
    net.vnets.change(vnet, vxlanID=vnet["vxlanID"] + 1)
    net.static_routes.add(vpc=vnet["vpc"], name="172.31.0.0/16", next_hop="10.1.0.7")

    found = differences(world)

    assert [line[:8] for line in found] == ["- nat | ", "- vnet |", "+ route ", "+ vnet |"]
    assert contradictions(world) == []
    cloud = world.cloudstack.cloud
    vm = next(vm for vm in cloud.table("vm") if vm["state"] == "Running")
    cloud.change("host", cloud.get("host", vm["hostid"]), state="Down")
    assert any(vm["name"] in line for line in contradictions(world))
