"""A scene whose packets are looked at, and what tests of them share."""

from __future__ import annotations

from sandbox.packets import End, Packet
from tests.sandbox.cloudstack.client import client_of
from tests.sandbox.control import order
from tests.sandbox.traps.scene import ANYWHERE, Scene

PATIENCE = 5
SOMEWHERE = "192.0.2.7"


class Plane(Scene):
    """A scene whose packets are looked at. The site permits by default (6.1)."""

    def sent(self, to, port=443, *, source=SOMEWHERE, **more):
        """From the internet."""
        protocol = more.pop("protocol", "tcp")
        return self.world.would_pass(
            Packet(to, protocol, port if protocol in ("tcp", "udp") else 0, source=source, **more)
        )

    def inside(self, vm, to, port=443, protocol="tcp", **more):
        """From a machine."""
        port = port if protocol in ("tcp", "udp") else 0
        return self.world.would_pass(Packet(to, protocol, port, instance=vm["id"], **more))

    def denies(self):
        """The site's default."""
        body = self.netris.get("/api/v2/sites").json()["data"][0]
        assert self.netris.put(f"/api/v2/sites/{body['id']}", json={"aclPolicy": "deny"}).is_success

    def ruled(self, name, **more):
        """A rule in the VPC, or in another one."""
        body = {"name": name, "action": "permit", "proto": "tcp", "src_prefix": ANYWHERE, "dst_prefix": "10.10.1.0/24"}
        body |= {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 1, "dst_port_to": 65535}
        response = self.netris.post("/api/acl", json={**body, "vpc": {"id": self.netris_vpc}, **more})
        assert response.is_success, response.text

    def balanced(self, address=None, port=443, members=None, **more):
        given = {"name": "web", "algorithm": "roundrobin", "publicport": port, "privateport": 8443, **more}
        given |= {"publicipid": (address or self.address)["id"], "networkid": self.tier["id"]}
        rule = self.root.done("createLoadBalancerRule", **given)["loadbalancer"]
        ids = ",".join(vm["id"] for vm in members or (self.vm, self.other_vm))
        self.root.done("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=ids)
        return rule

    def written(self, **body):
        """A change of the only balancer, past CloudStack."""
        (row,) = self.netris.get("/api/v2/l4lb").json()["data"]
        assert self.netris.put(f"/api/v2/l4lb/{row['id']}", json=body).is_success

    def told(self, vm, does, **more):
        order(client_of(self.world), "manners", instance=vm["id"], does=does, **more)

    def posted(self, path, **body):
        response = self.netris.post(path, json=body)
        assert response.is_success, response.text
        return response.json()["data"]

    def routed(self, destination, hop):
        given = {"vpcid": self.vpc["id"], "nexthop": hop, "cidr": destination}
        return self.root.done("createStaticRoute", **given)["staticroute"]

    @property
    def public(self):
        return self.address["ipaddress"]

    @property
    def stem(self):
        """What the names of the VPC's objects begin with."""
        (mine,) = [row["name"] for row in self.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("prod")]
        return mine.removesuffix("-prod")


def at(vm, port):
    return (End(vm["ipaddress"], port, vm["id"]),)


def peered(plane, **lists):
    other = plane.root.vpc("shared", cidr="10.20.0.0/16")
    tier = plane.root.tier(other, "files", gateway="10.20.1.1")
    files = plane.root.machine(tier, "files-1")
    (shared,) = [row["id"] for row in plane.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("-shared")]
    mine = {"id": plane.netris_vpc, **lists}
    plane.posted("/api/v2/vpc-peering", name="to shared", vpcA=mine, vpcB={"id": shared})
    return files
