"""The zone's IPv4 subnets, which the ranges of ROUTED VPCs are carved from (cloudstack-api.md 3.3, 3.8)."""

from __future__ import annotations

from ipaddress import IPv4Network

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, NoCapacity
from sandbox.cloudstack.resources.zone import configuration, dedication
from sandbox.cloudstack.seed import ROUTED
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

SUBNET = "zoneipv4subnet"


@handles("createIpv4SubnetForZone")
def create_subnet(call: Call) -> Row:
    cloud, zone = call.cloud, call["zoneid"]
    try:
        wanted = IPv4Network(call["subnet"])
    except ValueError:
        raise InvalidValue(f"Invalid IPv4 subnet: {call['subnet']}") from None
    for row in cloud.table(SUBNET).where(zoneid=zone["id"]):
        if wanted.overlaps(IPv4Network(row["subnet"])):
            raise InvalidValue(f"Subnet {wanted} overlaps the subnet {row['subnet']} of zone {zone['name']}")
    owner = dedication.owner_named(call)
    call.row = cloud.new(SUBNET, zoneid=zone["id"], subnet=str(wanted), ownerid=owner["id"] if owner else None)
    return {"zoneipv4subnet": subnet_view(cloud, call.row)}


def subnet_view(cloud: Cloud, row: Row) -> Row:
    """The sheet lists no fields of a subnet: these are what its command takes (unverified)."""
    zone, owner = cloud.get("zone", row["zoneid"]), dedication.owner_view(cloud, row["ownerid"])
    return {**view(row, "id", "zoneid", "subnet"), **owner, "zonename": zone["name"], "created": created(row)}


def carve(cloud: Cloud, zone: Row, owner: Row, size: int) -> IPv4Network:
    """The first free block of that prefix length: of the owner's own subnets, then of everybody's (unverified)."""
    largest = configuration.number(cloud, "routed.ipv4.vpc.min.cidr.size", owner)
    smallest = configuration.number(cloud, "routed.ipv4.vpc.max.cidr.size", owner)
    if not largest <= size <= smallest:
        raise InvalidValue(f"CIDR size {size} must be between {largest} and {smallest}")
    rows = [row for row in cloud.table(SUBNET).where(zoneid=zone["id"]) if dedication.serves(row, owner)]
    taken = [IPv4Network(vpc["cidr"]) for vpc in cloud.table("vpc") if _is_routed(cloud, vpc)]
    for row in sorted(rows, key=lambda row: row["ownerid"] is None):
        block = _free(IPv4Network(row["subnet"]), size, taken)
        if block is not None:
            return block
    raise NoCapacity(f"Failed to find a free subnet of size /{size} in the zone's IPv4 subnets")


def _is_routed(cloud: Cloud, vpc: Row) -> bool:
    return bool(cloud.get("vpcoffering", vpc["vpcofferingid"])["networkmode"] == ROUTED)


def _free(subnet: IPv4Network, size: int, taken: list[IPv4Network]) -> IPv4Network | None:
    if subnet.prefixlen > size:
        return None
    inside = [each for each in taken if each.overlaps(subnet)]
    blocks = subnet.subnets(new_prefix=size)
    return next((block for block in blocks if not any(block.overlaps(each) for each in inside)), None)
