"""The zone's IPv4 subnets, which the ranges of ROUTED VPCs may lie in (cloudstack-api.md 3.3, 3.8)."""

from __future__ import annotations

from ipaddress import IPv4Network

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.cloudstack.resources.zone import dedication
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


def check_free(cloud: Cloud, zone: Row, owner: Row, cidr: IPv4Network) -> None:
    """A ROUTED VPC's range is nobody else's, and lies in a subnet of the zone that its owner may use, or in none.

    Only the first refusal was seen; the others are read from the source (unverified).
    """
    routed = [IPv4Network(vpc["cidr"], strict=False) for vpc in cloud.table("vpc") if _is_routed(cloud, vpc)]
    if cidr in routed:
        raise InvalidValue("The subnet is in use")
    for row in cloud.table(SUBNET).where(zoneid=zone["id"]):
        subnet = IPv4Network(row["subnet"])
        if subnet.overlaps(cidr) and not cidr.subnet_of(subnet):
            raise InvalidValue(f"Existing zone subnet {subnet} has overlap with: {cidr}")
        if subnet.overlaps(cidr) and not dedication.serves(row, owner):
            raise InvalidValue("The owner of the network has no permission to access the subnet")
    for other in routed:
        if other.overlaps(cidr):
            raise InvalidValue(f"Existing subnet {other} has overlap with: {cidr}")


def _is_routed(cloud: Cloud, vpc: Row) -> bool:
    return bool(cloud.get("vpcoffering", vpc["vpcofferingid"])["networkmode"] == ROUTED)
