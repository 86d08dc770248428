"""Where a VPC sends what is for an address: its V-Nets, its static routes (2.9), what tenants' routers announce (2.10),
and the V-Nets of its peers (2.12)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import NamedTuple

from sandbox.kit.store import Row
from sandbox.netris.routing import ebgp, prefix_lists, routers
from sandbox.netris.routing.peering import SIDES, of_vpc
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Network

NO_VNET: Row = {"gateways": []}


class Hop(NamedTuple):
    """To whom in which V-Net. `via` is the route, the session or the peering that led there; blank for a V-Net of its
    own. What a session taught leads to a router, out of the fabric: there is no V-Net then."""

    network: Network
    vnet: Row | None
    address: str
    via: str = ""
    is_doubtful: bool = False
    session: Row | None = None
    peering: Row | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """The longest prefix; of equal ones what is connected, then what somebody wrote, then what was learned."""
        is_learned = self.session is not None or self.peering is not None
        return -self.network.prefixlen, 2 if is_learned else 1 if self.via else 0


def way(net: Controller, vpc: int, to: str) -> Hop | None:
    address = ip_address(to)
    hops = [*_connected(net, vpc, to), *_static(net, vpc, to), *_learned(net, vpc, to), *_peers(net, vpc, to)]
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


# what sessions with tenants' routers teach: 2.10


def up(net: Controller, vpc: int) -> Iterator[tuple[Row, Row]]:
    """The sessions of a VPC that are up, with the sides of the routers that they met."""
    for session in net.sessions.by("vpc", vpc):
        side = routers.side_of(net, session)
        if side is not None and ebgp.seen(net, session).state == "Established":
            yield session, side


def _learned(net: Controller, vpc: int, to: str) -> Iterator[Hop]:
    for session, side in up(net, vpc):
        for network in routers.imported(session, side):
            yield Hop(network, None, to, f"bgp {session['name']}", session=session)


def is_announced(net: Controller, session: Row, address: str) -> bool:
    """Whether the router at the far end has a route to an address of the VPC: to the link, to a V-Net or to a whole
    allocation that the outbound list lets out, or a default route. An empty list lets the VPC's own ranges out."""
    here, vpc = ip_address(address), session["vpc"]
    vnet = net.vnets.get(session["vnet"])
    if session["defaultOriginate"] == "enabled" or any(here in network for network in networks_of(vnet or NO_VNET)):
        return True
    ranges = [ip_network(allocation["prefix"]) for allocation in net.allocations.by("vpc", vpc)]
    ranges += [network for each in net.vnets.by("vpc", vpc) for network in networks_of(each)]
    return any(here in each and prefix_lists.permits(session["prefixListOutbound"], each) for each in ranges)


# peerings: 2.12


def _peers(net: Controller, vpc: int, to: str) -> Iterator[Hop]:
    """The V-Nets of the VPCs that are peered, as far as the list of this side lets them in. What the other learned by
    itself, from its own peers or sessions, is not passed on."""
    for peering in of_vpc(net, vpc):
        mine, other = SIDES if peering["vpcA"] == vpc else SIDES[::-1]
        for vnet in net.vnets.by("vpc", peering[other]):
            for network in networks_of(vnet):
                if _lets_in(peering, mine, network):
                    yield Hop(network, vnet, to, f"peering {peering['name']}", peering=peering)


def is_let_back(net: Controller, peering: Row, vpc: int, source: str) -> bool:
    """Whether the other VPC of a peering has a route to an address of this one. One that is of no V-Net here came in
    by a SoftGate, which the answer finds by the default route."""
    vnet = _vnet_of(net, vpc, ip_address(source))
    other = SIDES[1] if peering["vpcA"] == vpc else SIDES[0]
    networks = [network for network in networks_of(vnet or NO_VNET) if ip_address(source) in network]
    return all(_lets_in(peering, other, network) for network in networks)


def _lets_in(peering: Row, side: str, network: Network) -> bool:
    return prefix_lists.permits(peering[f"{side} prefixListInboundIPv{network.version}"], network)
