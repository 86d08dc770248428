"""Where a VPC sends what is for an address: its V-Nets, its static routes (2.9), and the V-Nets of its peers (2.12)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import NamedTuple

from sandbox.kit.store import Row
from sandbox.netris.routing import prefix_lists
from sandbox.netris.routing.peering import SIDES, of_vpc
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Network


class Hop(NamedTuple):
    """To whom in which V-Net. `via` is the route or the peering that led there; blank for a V-Net of its own."""

    network: Network
    vnet: Row
    address: str
    via: str = ""
    is_doubtful: bool = False

    @property
    def rank(self) -> tuple[int, bool]:
        """The longest prefix, and of equal ones the V-Net that is connected."""
        return -self.network.prefixlen, bool(self.via)


def way(net: Controller, vpc: int, to: str) -> Hop | None:
    address = ip_address(to)
    hops = [*_connected(net, vpc, to), *_static(net, vpc, to), *_peers(net, vpc, to)]
    return min((hop for hop in hops if address in hop.network), key=lambda hop: hop.rank, default=None)


def networks_of(vnet: Row) -> list[Network]:
    return [ip_interface(gateway["prefix"]).network for gateway in vnet["gateways"]]


def gateways_of(vnet: Row) -> list[str]:
    return [str(ip_interface(gateway["prefix"]).ip) for gateway in vnet["gateways"]]


def _connected(net: Controller, vpc: int, to: str) -> Iterator[Hop]:
    for vnet in net.vnets.by("vpc", vpc):
        for network in networks_of(vnet):
            yield Hop(network, vnet, to)


def _static(net: Controller, vpc: int, to: str) -> Iterator[Hop]:
    """A route is there where its next hop is connected. One that names switches is somewhere only."""
    for route in net.static_routes.by("vpc", vpc):
        vnet = None if route["state"] == "disabled" else _vnet_of(net, vpc, ip_address(route["next_hop"]))
        if vnet is not None and route["next_hop"] not in gateways_of(vnet):
            network = ip_network(route["name"])
            yield Hop(network, vnet, route["next_hop"], f"route {route['name']}", bool(route["switches"]))


def _vnet_of(net: Controller, vpc: int, address: IPv4Address | IPv6Address) -> Row | None:
    vnets = net.vnets.by("vpc", vpc)
    return next((vnet for vnet in vnets if any(address in network for network in networks_of(vnet))), None)


def _peers(net: Controller, vpc: int, to: str) -> Iterator[Hop]:
    """The V-Nets of the VPCs that are peered, as far as the list of this side lets them in."""
    for peering in of_vpc(net, vpc):
        mine, other = SIDES if peering["vpcA"] == vpc else SIDES[::-1]
        for vnet in net.vnets.by("vpc", peering[other]):
            for network in networks_of(vnet):
                entries = prefix_lists.entries(peering[f"{mine} prefixListInboundIPv{network.version}"])
                if not entries or _is_permitted(entries, network):
                    yield Hop(network, vnet, to, f"peering {peering['name']}")


def _is_permitted(entries: list[str], network: Network) -> bool:
    """The first entry that the prefix fits decides; where none does it stays out."""
    for action, prefix, shortest, longest in map(prefix_lists.parts, entries):
        if prefix is not None and not network.subnet_of(prefix):  # type: ignore[arg-type]
            continue
        if shortest <= network.prefixlen <= longest:
            return action == "permit"
    return False
