"""A VPC with a tier and what a tenant does in it, as root orders it and as it stands on Netris."""

from __future__ import annotations

from functools import cached_property

from tests.sandbox.control import after_each_change, data

ANYWHERE = "0.0.0.0/0"
TCP_443 = {"protocol": "tcp", "startport": 443, "endport": 443}
REFUSED = {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
POST_ACL, PUT_ACL, DELETE_ACL = "POST /api/acl", "PUT /api/acl", "DELETE /api/acl"
POST_NAT, DELETE_NAT = "POST /api/v2/nat", "DELETE /api/v2/nat/{id}"
POST_SUBNET, DELETE_SUBNET = "POST /api/v2/ipam/subnet", "DELETE /api/v2/ipam/subnet/{id}"
POST_LB, PUT_LB, DELETE_LB = "POST /api/v2/l4lb", "PUT /api/v2/l4lb/{id}", "DELETE /api/v2/l4lb/{id}"


class Scene:
    def __init__(self, world, root, netris):
        self.world = world
        self.root = root
        self.netris = netris

    vpc = cached_property(lambda self: self.root.vpc())
    tier = cached_property(lambda self: self.root.tier(self.vpc))
    vm = cached_property(lambda self: self.root.machine(self.tier))
    other_vm = cached_property(lambda self: self.root.machine(self.tier, "web-2"))
    address = cached_property(lambda self: self.root.public_ip(self.vpc["id"]))
    other_address = cached_property(lambda self: self.root.public_ip(self.vpc["id"]))

    def refuse(self, call, times=1):
        self.world.netris.faults.order("refuse", call, times=times)

    def lose_reply(self, call):
        self.world.netris.faults.order("lose_reply", call, times=1)

    def passes(self, seconds):
        """The collector comes by, among others."""
        self.world.clock.advance(seconds)
        self.root("listZones")

    # ACLs

    def acl(self, name="list", vpc=None):
        made = self.root.done("createNetworkACLList", name=name, vpcid=(vpc or self.vpc)["id"])
        return made["networkacllist"]

    def item(self, acl, number, **more):
        given = {"cidrlist": ANYWHERE, **TCP_443, "aclid": acl["id"], "number": number, **more}
        return self.root.job("createNetworkACL", **given)

    def made(self, acl, number, **more):
        job = self.item(acl, number, **more)
        assert job["jobstatus"] == 1, job
        return job["jobresult"]["networkacl"]

    def deny_all(self, acl, number=1, **more):
        return self.made(acl, number, protocol="all", startport=None, endport=None, action="deny", **more)

    def permits(self, acl, ports, start=10):
        return [self.made(acl, start + at, startport=port, endport=port) for at, port in enumerate(ports)]

    def tier_with(self, acl, name="web", third=1):
        return self.root.tier(self.vpc, name, gateway=f"10.10.{third}.1", aclid=acl["id"])

    def items(self, acl):
        """The list as CloudStack has it: number and state."""
        found = self.root.list("listNetworkACLs", aclid=acl["id"])
        return sorted((each["number"], each["state"]) for each in found)

    def replace(self, acl, tier):
        return self.root.job("replaceNetworkACLList", aclid=acl["id"], networkid=tier["id"])

    def list_of(self, tier):
        return self.root.list("listNetworks", id=tier["id"], listall="true")[0].get("aclname")

    @property
    def acls(self):
        """Every rule on Netris but balancers': action, protocol, ports and source, in the order of their making."""
        rows = sorted(self.acl_rows, key=lambda row: row["id"])
        return [(row["action"], row["proto"], row["dst_port_from"], _source(row)) for row in rows]

    @property
    def acl_rows(self):
        return [row for row in data(self.netris, "/api/acl") if "-LBACL" not in row["name"]]

    @property
    def suffixes(self):
        """How the names of the tier's rules end beyond their item: "-1", "-2" of an item with several ranges."""
        return sorted(row["name"].rpartition("-ACL")[2].partition("-")[2] for row in self.acl_rows)

    def guard(self, tier, proto="ip", name="weft-guard"):
        """A rule of somebody else's in the VPC, that closes a tier."""
        body = {"name": name, "action": "deny", "proto": proto, "src_prefix": ANYWHERE, "dst_prefix": tier["cidr"]}
        body |= {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 1, "dst_port_to": 65535, "reverse": "yes"}
        response = self.netris.post("/api/acl", json={**body, "vpc": {"id": self.netris_vpc}})
        assert response.is_success, response.text
        return response.json()["id"]

    def delete_acls(self, *ids):
        assert self.netris.request("DELETE", "/api/acl", json={"id": list(ids), "tenantsID": "1"}).is_success

    @property
    def netris_vpc(self):
        (mine,) = [
            row["id"] for row in data(self.netris, "/api/v2/vpc") if row["name"].endswith(f"-{self.vpc['name']}")
        ]
        return mine

    # addresses

    def static(self, address=None, vm=None, tier=None, **more):
        given = {"ipaddressid": (address or self.address)["id"], "virtualmachineid": (vm or self.vm)["id"]}
        return self.root("enableStaticNat", networkid=(tier or self.tier)["id"], **given, **more)

    def forward(self, port=22, address=None, vm=None, tier=None, **more):
        given = {"ipaddressid": (address or self.address)["id"], "virtualmachineid": (vm or self.vm)["id"]}
        given |= {"networkid": (tier or self.tier)["id"], "protocol": "tcp", "publicport": port, "privateport": port}
        return self.root.job("createPortForwardingRule", **{**given, **more})

    def forwarded(self, *given, **more):
        job = self.forward(*given, **more)
        assert job["jobstatus"] == 1, job
        return job["jobresult"]["portforwardingrule"]

    def disable(self, address=None):
        return self.root.job("disableStaticNat", ipaddressid=(address or self.address)["id"])

    def release(self, address=None):
        return self.root.job("disassociateIpAddress", id=(address or self.address)["id"])

    def shown(self, address=None):
        given = {"id": (address or self.address)["id"], "allocatedonly": "false"}
        return self.root.list("listPublicIpAddresses", **given)[0]

    @property
    def forwards(self):
        """As CloudStack has them: port, private port and state."""
        rows = self.root.list("listPortForwardingRules")
        return sorted((row["publicport"], row["privateport"], row["state"]) for row in rows)

    @property
    def nat(self):
        """The DNAT rules on Netris: their kind, the public address, and where they lead."""
        return sorted((_kind(row["name"]), row["destinationAddress"], row["dnatToIP"]) for row in self.nat_rows)

    @property
    def nat_rows(self):
        rows = [row for row in data(self.netris, "/api/v2/nat") if row["action"]["value"] == "DNAT"]
        return [row for row in rows if row["name"].startswith("D") and "-V" in row["name"]]

    def has_subnet(self, address=None):
        wanted = f"{(address or self.address)['ipaddress']}/32"
        rows = self.netris.get("/api/v2/ipam/subnets", params={"filterByVpc": 1}).json()["data"]
        return wanted in [row["prefix"] for row in rows]

    def secondary(self, vm=None):
        nic = (vm or self.vm)["nic"][0]["id"]
        return self.root.done("addIpToNic", nicid=nic)["nicsecondaryip"]["ipaddress"]

    def state(self, tier=None):
        return self.root.list("listNetworks", id=(tier or self.tier)["id"], listall="true")[0]["state"]

    def is_static(self, address, vm, machine=None):
        """`(public, machine)` of a static NAT rule as `nat` shows it."""
        return ("static", f"{address['ipaddress']}/32", f"{machine or vm['ipaddress']}/32")

    def is_forward(self, address, vm):
        return ("forward", f"{address['ipaddress']}/32", f"{vm['ipaddress']}/32")

    def sampled(self):
        """What `acls` is after each call of the plugin that changes something."""
        return after_each_change(self.world, lambda: self.acls)


def _source(row):
    return f"{row['src_prefix']}/{row['src_length']}"


def _kind(name):
    return "static" if name.endswith("-STATICNAT") else "forward"


def told(spy):
    """The methods of what the plugin has changed on Netris, without the reads."""
    return [method for method, _, _ in spy if method != "GET"]
