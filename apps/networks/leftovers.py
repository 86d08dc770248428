"""What CloudStack's plugin left on Netris, and how it goes.

The plugin takes nothing back when a step of its fails (netris-api.md 4.4): a tier that Netris refuses has no row in
CloudStack, but its subnet stays on Netris, and its range would be lost for as long as the VPC lives. Weft never makes
and never changes what the plugin names `D1-A2-Z1-V3-...`. It deletes of that only what CloudStack has provably
forgotten:

    1. CloudStack was asked in the same turn, and nothing of it claims the thing any more.
    2. No order that could still claim it is on its way.
    3. The thing lies in the Netris VPC that is known to be the VPC's, and has exactly the plugin's name for it.

Where something that the plugin did not name lies in the way, nothing is deleted, and a person is told what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from itertools import product
from typing import Protocol

from apps.kernel.remote import Rejected
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.netris import wire as fabric
from apps.netris.names import PREFIX
from apps.networks.models import Tier
from apps.zones.clouds import Clouds
from apps.zones.models import System


@dataclass(frozen=True)
class Leftover:
    what: str
    delete: Callable[[], None]


class Named(Protocol):
    @property
    def remote_name(self) -> str: ...


class Fabric:
    """One VPC of the plugin's on Netris, and what is in it under the plugin's names."""

    def __init__(self, clouds: Clouds, found: fabric.Vpc, subject: Named) -> None:
        self.clouds = clouds
        self.netris = clouds.netris
        self.vpc = found
        self.prefix = found.name.removesuffix(f"-{subject.remote_name}")
        if PREFIX.fullmatch(self.prefix) is None:
            raise _in_the_way(f"the VPC {found.name}, whose name is not one of CloudStack's")

    def of_tier(self, tier: Tier) -> list[Leftover]:
        """V-Net and subnet of one tier, in the order in which they can go."""
        name = re.compile(rf"{self.prefix}-N\d+-{re.escape(tier.remote_name)}")
        vnets = [self._vnet(net) for net in self.netris.vnets(self.vpc.id) if name.fullmatch(net.name)]
        subnets = self._subnets()
        for net in subnets:
            if net.prefix == tier.cidr and not self._is_a_tiers(net):
                raise _in_the_way(f"the subnet {net.name or net.prefix}, which CloudStack did not make")
        return vnets + self._alone(subnets, [net for net in subnets if net.prefix == tier.cidr])

    def of_tiers(self) -> list[Leftover]:
        """Everything that any tier had: ACLs and routes too, which would keep CloudStack from deleting the VPC."""
        ours = re.compile(rf"{self.prefix}-N\d+-")
        tenant = self.vpc.admin_tenant.id or 0
        acls = [
            Leftover(f"the ACL {acl.name}", partial(self.netris.delete_acl, acl.id, netris_tenant_id=tenant))
            for acl in self.netris.acls(self.vpc.id)
            if ours.match(acl.name)
        ]
        routes = [
            route_left(self.clouds, route)
            for route in self.netris.static_routes(self.vpc.id)
            if route.description.startswith(self.prefix)
        ]
        vnets = [self._vnet(net) for net in self.netris.vnets(self.vpc.id) if ours.match(net.name)]
        subnets = self._subnets()
        return acls + routes + vnets + self._alone(subnets, [net for net in subnets if self._is_a_tiers(net)])

    def of_all(self) -> list[Leftover]:
        """The whole VPC, itself last."""
        rules = [
            Leftover(f"the NAT rule {rule.name}", partial(self.netris.delete_nat_rule, rule.id))
            for rule in nat_rules_of(self.clouds, self.vpc.id)
            if rule.name.startswith(f"{self.prefix}-")
        ]
        for net in self._subnets():
            if not self._is_a_tiers(net):  # the allocation would take it along
                raise _in_the_way(f"the subnet {net.name or net.prefix}, which CloudStack did not make")
        allocations = [
            Leftover(f"the allocation {each.name}", partial(self.netris.delete_allocation, each.id))
            for each in self.netris.ipam(self.vpc.id)
            if each.name.lower() == f"{self.prefix}-{each.prefix}".lower()
        ]
        itself = Leftover(f"the VPC {self.vpc.name}", partial(self.netris.delete_vpc, self.vpc.id))
        return [*rules, *self.of_tiers(), *allocations, itself]

    def _subnets(self) -> list[fabric.Subnet]:
        """Those in the VPC itself. The list may hold public IPs of its too, which lie in the System VPC."""
        return [net for net in self.netris.subnets(self.vpc.id) if net.vpc.id == self.vpc.id]

    def _is_a_tiers(self, net: fabric.Subnet) -> bool:
        return net.name.lower() == f"{self.prefix}-{net.prefix}".lower()

    def _alone(self, subnets: Sequence[fabric.Subnet], found: Sequence[fabric.Subnet]) -> list[Leftover]:
        """To delete a subnet takes along whatever lies in it, so nothing may."""
        for net, other in product(found, subnets):
            if other.id != net.id and _lies_in(other.prefix, net.prefix):
                raise _in_the_way(f"the subnet {other.name or other.prefix} in the range {net.prefix}")
        return [Leftover(f"the subnet {net.name}", partial(self.netris.delete_subnet, net.id)) for net in found]

    def _vnet(self, net: fabric.VNet) -> Leftover:
        return Leftover(f"the V-Net {net.name}", partial(self.netris.delete_vnet, net.id))


def route_left(clouds: Clouds, route: fabric.StaticRoute) -> Leftover:
    return Leftover(f"the static route {route}", partial(clouds.netris.delete_static_route, route.id))


def nat_rules_of(clouds: Clouds, netris_vpc_id: int) -> list[fabric.NatRule]:
    """Those that serve a VPC. If the controller's filter does not find them (unverified), the mirror tells which ids to
    ask about."""
    found = {rule.id: rule for rule in clouds.netris.nat_rules(netris_vpc_id)}
    for remote_id in mirror.hint(clouds.zone, Kind.NETRIS_NAT, netris_vpc_id).remote_ids:
        if int(remote_id) not in found and (rule := clouds.netris.get_nat_rule(int(remote_id))):
            found[rule.id] = rule
    return [rule for rule in found.values() if rule.vpc.id == netris_vpc_id]


def clear(leftovers: Sequence[Leftover]) -> None:
    """Delete them in order. The caller looks again: nothing is believed to be gone because a delete was accepted."""
    for leftover in leftovers:
        try:
            leftover.delete()
        except Rejected as refusal:
            text = f"Netris still has {leftover.what}, which CloudStack no longer knows, and keeps it: {refusal.text}"
            raise Rejected(text, refusal.code, refusal.field, system=System.NETRIS, call=refusal.call) from refusal


def _lies_in(inner: object, outer: object) -> bool:
    return isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network) and inner.subnet_of(outer)


def _in_the_way(what: str) -> Rejected:
    text = f"Netris still has {what}. It has to be removed there first."
    return Rejected(text, system=System.NETRIS, call="DELETE /api/v2/ipam/subnet/{id}")
