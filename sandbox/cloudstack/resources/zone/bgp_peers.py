"""BGP peers of the zone, for VPCs with dynamic routing (cloudstack-api.md 3.8). Netris never hears of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.cloudstack.resources.zone import dedication
from sandbox.cloudstack.resources.zone.as_numbers import HIGHEST
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

PEER = "bgppeer"


@handles("createBgpPeer")
def create_peer(call: Call) -> Row:
    """Known by one address or two, and dedicated to whom the arguments name."""
    cloud, zone, number = call.cloud, call["zoneid"], call["asnumber"]
    if not 1 <= number <= HIGHEST:
        raise InvalidValue(f"Please specify a valid AS number: {number}")
    addresses = _addresses(call)
    for name, address in addresses.items():
        if cloud.table(PEER).find(zoneid=zone["id"], asnumber=number, **{name: address}) is not None:
            raise InvalidValue(f"There is already a BGP peer {address} with AS number {number} in the zone")
    owner = dedication.owner_named(call)
    call.row = cloud.new(
        PEER,
        zoneid=zone["id"],
        asnumber=number,
        password=call.get("password"),
        details=(call.get("details") or [None])[0],
        ownerid=owner["id"] if owner else None,
        **addresses,
    )
    return {"bgppeer": peer_view(cloud, call.row)}


def _addresses(call: Call) -> dict[str, str]:
    found = {}
    for name, type_ in (("ipaddress", IPv4Address), ("ip6address", IPv6Address)):
        if name in call:
            try:
                found[name] = str(type_(call[name]))
            except ValueError:
                raise InvalidValue(f"Invalid {name}: {call[name]}") from None
    if not found:
        raise InvalidValue("At least one of IPv4 and IPv6 address must be specified.")
    return found


@handles("listBgpPeers")
def list_peers(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table(PEER), "id", "zoneid", "asnumber")
    if (wanted := call.get("isdedicated")) is not None:
        rows = [row for row in rows if (row["ownerid"] is not None) == wanted]
    rows = call.searched(dedication.of_owner(call, rows), "ipaddress", "ip6address")
    return call.page(rows, lambda row: peer_view(call.cloud, row))


def peer_view(cloud: Cloud, row: Row) -> Row:
    """The sheet lists no fields of a peer: these are what its command takes, without the password (unverified)."""
    shown = view(row, "id", "ipaddress", "ip6address", "asnumber", "zoneid", "details")
    zone = cloud.get("zone", row["zoneid"])
    owner = dedication.owner_view(cloud, row["ownerid"])
    return {**shown, **owner, "zonename": zone["name"], "created": created(row)}


def of_vpc(cloud: Cloud, vpc: Row) -> list[Row]:
    peers = (cloud.table(PEER).get(peer) for peer in vpc.get("bgppeerids", ()))
    return [peer_view(cloud, peer) for peer in peers if peer is not None]


def check_usable(peers: list[Row], *, zone_id: str, owner: Row, is_dynamic: bool) -> None:
    """Peers are for VPCs with dynamic routing, of their zone, of those that they are dedicated to."""
    if peers and not is_dynamic:
        raise InvalidValue("The VPC offering does not support Dynamic routing")
    for peer in peers:
        if peer["zoneid"] != zone_id:
            raise InvalidValue(f"BGP peer {peer['id']} is in another zone")
        if not dedication.serves(peer, owner):
            raise InvalidValue(f"BGP peer {peer['id']} is dedicated to another account or domain")
