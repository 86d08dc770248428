"""The emulated plugin says to Netris what a real one did, operation by operation, call by call, in the same order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from sandbox.world import World
from tests.recordings.plugin_calls import Call, lines, recorded
from tests.sandbox.cloudstack.client import Refused, root_of
from tests.sandbox.control import order

RECORDED = recorded()


class Play:
    """The recorded operations, done to a world of our own. `said` is what its plugin said in each."""

    def __init__(self) -> None:
        self.world = World()
        self.root = root_of(self.world)
        self.said: dict[str, list[Call]] = {}
        self._now: list[Call] = []
        client = self.world.cloudstack.cloud.plugin.client
        client.event_hooks = {"response": [self._hear]}
        self.acct = self.root.account("acct", self.root.domain("dom"))

    def _hear(self, answer: httpx.Response) -> None:
        asked = answer.request
        body = json.loads(asked.read() or b"null")
        self._now.append(Call(asked.method, asked.url.raw_path.decode(), body, answer.status_code))

    @contextmanager
    def __call__(self, operation: str) -> Iterator[None]:
        assert operation not in self.said
        self._now.clear()
        yield
        self.said[operation] = list(self._now)

    def fails(self, command: str, **parameters: Any) -> None:
        try:
            assert self.root.job(command, **parameters)["jobstatus"] == 2
        except Refused:
            return

    # the operations

    def run(self) -> None:
        with self("connect"):
            order(self.root.http, "restart")
        self.vpcs()
        self.tiers()
        self.machines()
        self.addresses()
        self.balancers()
        self.acls()
        self.routes()
        self.taking_down()

    def vpcs(self) -> None:
        root, offering = self.root, self.root.list("listVPCOfferings", name="NAT Mode")[0]["id"]
        mine = {"account": "acct", "domainid": self.acct.account_view["domainid"]}
        given = {"name": "vpc one", "zoneid": root.zone, "vpcofferingid": offering, **mine}
        with self("createVPC, allocation refused"):
            self.fails("createVPC", cidr="10.10.0.5/16", **given)
        with self("createVPC"):
            gone = root.vpc("vpc one", **mine)
        with self("deleteVPC"):
            root.done("deleteVPC", id=gone["id"])
        self.vpc = root.vpc("vpc one", **mine)
        with self("createVPC ROUTED"):
            self.routed = root.vpc("routed", cidr="10.30.0.0/16", mode="Route", **mine)
        self.other = root.vpc("tenant vpc", cidr="10.20.0.0/16", **mine)
        root.done("updateVPC", id=self.other["id"], name="renamed vpc")
        with self("updateVPC displaytext"):
            root.done("updateVPC", id=self.other["id"], displaytext="no name")
        with self("createNetwork after updateVPC displaytext"), pytest.raises(Refused):
            root.tier(self.other, gateway="10.20.2.1")
        with self("updateVPC name"):
            root.done("updateVPC", id=self.vpc["id"], name="vpc one")
        with self("updateVPC sourcenatipaddress not acquired"):
            root.done("updateVPC", id=self.vpc["id"], name="vpc one", sourcenatipaddress="198.51.100.99")

    def tiers(self) -> None:
        root, allow = self.root, self.root.list("listNetworkACLLists", name="default_allow")[0]["id"]
        with self("createNetwork ROUTED"):
            first = root.tier(self.vpc, "web", mode="Routed")
        with self("deleteNetwork without list"):
            root.done("deleteNetwork", id=first["id"])
        with self("createNetwork"):
            self.web = root.tier(self.vpc, "web")
        self.app = root.tier(self.vpc, "app", gateway="10.10.2.1", aclid=allow)
        self.db = root.tier(self.vpc, "db", gateway="10.10.3.1")
        with self("updateNetwork name"):
            root.done("updateNetwork", id=self.db["id"], name="db2")
        with self("updateNetwork nothing"):
            root.done("updateNetwork", id=self.db["id"])
        with self("updateNetwork displaytext"):
            root.done("updateNetwork", id=self.db["id"], displaytext="text")

    def machines(self) -> None:
        root, mine = self.root, {"account": "acct", "domainid": self.acct.account_view["domainid"]}
        self.vms = [root.machine(self.web, f"vm{number}", **mine) for number in (1, 2)]
        with self("deployVirtualMachine, first of a tier with a list"):
            self.third = root.machine(self.app, "vm3", **mine)
        with self("stopVirtualMachine"):
            root.done("stopVirtualMachine", id=self.third["id"])
        with self("startVirtualMachine"):
            root.done("startVirtualMachine", id=self.third["id"])

    def addresses(self) -> None:
        root, vm = self.root, self.vms[0]["id"]
        with self("associateIpAddress"):
            self.static = root.public_ip(self.vpc["id"])
        self.forwarded, self.balanced = (root.public_ip(self.vpc["id"]) for _ in range(2))
        with self("enableStaticNat"):
            root("enableStaticNat", ipaddressid=self.static["id"], virtualmachineid=vm, networkid=self.web["id"])
        with self("restartNetwork with static NAT"):
            self.fails("restartNetwork", id=self.web["id"])

        def forward(public: int, private: int = 0, *, protocol: str = "tcp", **more: Any) -> Any:
            given = {"ipaddressid": self.forwarded["id"], "virtualmachineid": vm, "networkid": self.web["id"], **more}
            given |= {"protocol": protocol, "publicport": public, "privateport": private or public}
            return root.done("createPortForwardingRule", **given)["portforwardingrule"]

        with self("createPortForwardingRule"):
            first = forward(22)
        with self("createPortForwardingRule range"), pytest.raises(AssertionError):
            forward(8000, publicendport=8010, privateendport=8010)
        with self("createPortForwardingRule second"):
            second = forward(53, protocol="udp")
        for each, protocol in ((22, "icmp"), (99, "tcp"), (8005, "tcp")):
            forward(each, protocol=protocol)
        with self("updatePortForwardingRule"):
            root.done("updatePortForwardingRule", id=first["id"], privateport=2222)
        with self("deletePortForwardingRule"):
            root.done("deletePortForwardingRule", id=second["id"])

    def balancers(self) -> None:
        root, (one, two) = self.root, (vm["id"] for vm in self.vms)

        def balance(name: str, port: int, private: int = 0, *, protocol: str = "tcp", cidrs: str = "0.0.0.0/0") -> str:
            given = {"publicipid": self.balanced["id"], "networkid": self.web["id"], "algorithm": "roundrobin"}
            given |= {"name": name, "publicport": port, "privateport": private or port, "protocol": protocol}
            return str(root.done("createLoadBalancerRule", cidrlist=cidrs, **given)["loadbalancer"]["id"])

        with self("createLoadBalancerRule"):
            rule = balance("lb one", 80, 8080)
        empty = balance("empty", 82)
        with self("deleteLoadBalancerRule without members"):
            root.done("deleteLoadBalancerRule", id=empty)
        with self("assignToLoadBalancerRule"):
            root.done("assignToLoadBalancerRule", id=rule, virtualmachineids=f"{one},{two}")
        with self("removeFromLoadBalancerRule"):
            root.done("removeFromLoadBalancerRule", id=rule, virtualmachineids=two)
        with self("updateLoadBalancerRule name"):
            self.fails("updateLoadBalancerRule", id=rule, name="lb two")
        self.fails("updateLoadBalancerRule", id=rule, cidrlist="192.0.2.0/24")
        narrow = balance("lbc", 443, cidrs="192.0.2.0/24,203.0.113.0/24")
        with self("assignToLoadBalancerRule two CIDRs"):
            root.done("assignToLoadBalancerRule", id=narrow, virtualmachineids=one)
        datagrams = balance("lbudp", 53, protocol="udp")
        with self("assignToLoadBalancerRule udp"):
            root.done("assignToLoadBalancerRule", id=datagrams, virtualmachineids=one)
        with self("deleteLoadBalancerRule"):
            root.done("deleteLoadBalancerRule", id=datagrams)
        for each in (rule, narrow):
            root.done("deleteLoadBalancerRule", id=each)

    def acls(self) -> None:
        root = self.root
        acl = root.done("createNetworkACLList", name="acl one", vpcid=self.vpc["id"])["networkacllist"]["id"]

        def item(**given: Any) -> str:
            return str(root.done("createNetworkACL", aclid=acl, **given)["networkacl"]["id"])

        web = {"protocol": "tcp", "cidrlist": "0.0.0.0/0", "reason": "web"}
        with self("createNetworkACL in a list without tiers"):
            first = item(number=10, startport=80, endport=80, **web)
        pair = item(protocol="tcp", startport=443, endport=444, cidrlist="192.0.2.0/24,198.51.100.0/24", number=20)
        icmp = item(
            **{"protocol": "icmp", "icmptype": 8, "icmpcode": 0, "cidrlist": "192.0.2.0/24", "action": "Deny"},
            traffictype="Egress",
        )
        item(protocol="all", cidrlist="0.0.0.0/0")
        item(protocol="47", cidrlist="192.0.2.0/24")
        item(number=31, startport=80, endport=80, **web)
        item(number=36, **web)
        with self("replaceNetworkACLList, last refused"):
            self.fails("replaceNetworkACLList", aclid=acl, networkid=self.web["id"])
        with self("updateNetworkACLItem"):
            root.done("updateNetworkACLItem", id=first, cidrlist="10.0.0.0/8", reason="changed")
        with self("updateNetworkACLItem number"):
            root.done("updateNetworkACLItem", id=first, number=15)
        with self("moveNetworkAclItem"):
            root.done("moveNetworkAclItem", id=pair, nextaclruleid=first)
        with self("createNetworkACL without cidrlist"):
            self.fails("createNetworkACL", networkid=self.db["id"], protocol="tcp", startport=1, endport=2)
        with self("deleteNetworkACL"):
            root.done("deleteNetworkACL", id=icmp)

    def routes(self) -> None:
        root, vpc = self.root, self.vpc["id"]
        with self("createStaticRoute"):
            first = root.done("createStaticRoute", vpcid=vpc, cidr="192.168.50.0/24", nexthop="10.10.1.10")
        with self("createStaticRoute second"):
            root.done("createStaticRoute", vpcid=vpc, cidr="192.168.52.0/24", nexthop="203.0.113.250")
        with self("restartVPC"):
            root.done("restartVPC", id=vpc)
        with self("deleteStaticRoute"):
            root.done("deleteStaticRoute", id=first["staticroute"]["id"])

    def taking_down(self) -> None:
        root = self.root
        with self("disableStaticNat"):
            root.done("disableStaticNat", ipaddressid=self.static["id"])
        with self("disassociateIpAddress with rules"):
            root.done("disassociateIpAddress", id=self.forwarded["id"])
        with self("disassociateIpAddress"):
            root.done("disassociateIpAddress", id=self.balanced["id"])
        for vm in (*self.vms, self.third):
            root.done("destroyVirtualMachine", id=vm["id"], expunge="true")
        with self("deleteNetwork with list and route"):
            root.done("deleteNetwork", id=self.web["id"])
        with self("deleteNetwork with default list and route"):
            root.done("deleteNetwork", id=self.app["id"])
        root.done("deleteNetwork", id=self.db["id"])
        with self("deleteVPC with route"):
            self.fails("deleteVPC", id=self.vpc["id"])
        with self("deleteVPC with route again"):
            self.fails("deleteVPC", id=self.vpc["id"])
        with self("deleteVPC ROUTED"):
            root.done("deleteVPC", id=self.routed["id"])


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    play = Play()
    play.run()
    return {operation: lines(calls) for operation, calls in play.said.items()}


def test_every_recorded_operation_is_played(said: dict[str, list[str]]) -> None:
    assert said.keys() == RECORDED.keys()


@pytest.mark.parametrize("operation", RECORDED)
def test_an_operation_is_what_a_real_plugin_said(operation: str, said: dict[str, list[str]]) -> None:
    assert said[operation] == RECORDED[operation]


def test_labels_tell_what_is_the_same_and_what_is_not() -> None:
    def vnet(number: int, vpc: int) -> Call:
        return Call(
            "PUT", f"/api/v2/vnet/{number}", {"vxlanID": number, "vpc": {"id": vpc, "name": f"D1-A2-Z1-V{vpc}-x"}}
        )

    assert lines([vnet(3, 4), vnet(3, 4)]) == lines([vnet(7, 8), vnet(7, 8)])
    assert lines([vnet(3, 4), vnet(3, 4)]) != lines([vnet(3, 4), vnet(3, 5)])
    assert lines([vnet(3, 4), vnet(3, 4)]) != lines([vnet(3, 4), vnet(5, 4)])
