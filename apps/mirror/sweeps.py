"""The table of sweeps: how each list is read, and by which fields its rows are found again.

How often stands in `Kind.interval`.

    kind                  key                  what is listed
    cloudstack.vpc                             the VPCs of the zone
    cloudstack.network    id of its VPC        the networks of the zone
    cloudstack.pool                            the zone's physical networks with their ranges of VNIs
    cloudstack.vni        VNI                  the VNIs that are taken out of these ranges
    cloudstack.address    id of its VPC        the public IPs of the zone's Netris pools; "" for the free ones
    cloudstack.instance   domain's id/account   the instances of the zone, with their NICs
    cloudstack.acl        id of its list       the items of all access lists
    cloudstack.host       its address          the hypervisors of the zone
    cloudstack.domain     its name             all domains
    cloudstack.account    its name             all accounts
    netris.vpc            name in CloudStack   all VPCs of the controller; "" for what the plugin did not make
    netris.vnet           VNI                  the V-Nets of all VPCs
    netris.range          id of its VPC        the allocations of all VPCs but the System VPC, with their subnets
    netris.nat            id of its VPC        all NAT rules
    netris.acl            id of its VPC        all rules of access lists
    netris.route          id of its VPC        the static routes of all VPCs but the System VPC
    netris.balancer       id of its VPC        all load balancers, with what each SoftGate finds at each member
    netris.address        the address          the subnets of the System VPC that hold one address for a tenant's VPC
    netris.block          its purpose          the allocations of the System VPC, and their subnets of several addresses
    netris.site           name                 the sites
    netris.device         name                 the inventory
    netris.port           name of the device   the ports of all devices
    netris.link           local port           the links
    netris.bgp            name of the device   the BGP sessions of the System VPC
    netris.session        id of its VPC        the BGP sessions of all other VPCs, without their passwords
    netris.peering        ids of its VPCs      the VPC peerings; the key is "5 9"

Two zones may share a CloudStack: a row that names another zone is left out. A controller's rows are kept whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models.fields.json import KT

from apps.cloudstack.wire import Account, AclItem, Domain, GuestVlan, Host, Instance, Network, PhysicalNetwork, PublicIp
from apps.cloudstack.wire import Vpc as CloudStackVpc
from apps.kernel.named import joined
from apps.kernel.remote import Wire
from apps.mirror.models import Item, Kind, Reading
from apps.netris.names import name_in_cloudstack
from apps.netris.wire import (
    Acl,
    Allocation,
    Balancer,
    Block,
    Device,
    EBgp,
    Link,
    NatRule,
    Peering,
    Port,
    Site,
    StaticRoute,
    Subnet,
    VNet,
)
from apps.netris.wire import Vpc as NetrisVpc
from apps.zones.clouds import Clouds
from apps.zones.models import System

Row = TypeVar("Row", bound=Wire)
Zoned = TypeVar("Zoned", CloudStackVpc, Network)

#: Up to how many VPCs are all asked each time what sessions they have, and in how many sweeps more than that are.
AT_ONCE, TURNS = 1000, 15
#: Rows that are held and written at once.
BATCH = 2000
#: JSON's spelling of the character that PostgreSQL's text cannot hold; CloudStack passes on whatever it was given.
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True)
class Sweep(Generic[Row]):
    """One list. `pages` makes the calls; `remote_id`, `key` and `name` say how its rows are called."""

    system: System
    model: type[Row]
    pages: Callable[[Clouds], Iterable[Sequence[Row]]]
    remote_id: Callable[[Row], object]
    key: Callable[[Row], object]
    name: Callable[[Row], str]
    #: What people search it by.
    words: Callable[[Row], Iterable[object]] = lambda _row: ()

    def read(self, clouds: Clouds) -> Iterator[dict[str, dict[str, Any]]]:
        """The list as it is now, in the portions in which it comes, none of them large."""
        for page in self.pages(clouds):
            for start in range(0, len(page), BATCH):
                yield self.columns_of(page[start : start + BATCH])

    def columns_of(self, rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
        """By remote id; each row as the columns of an `Item`."""
        return {str(self.remote_id(row))[:64]: self._columns(row) for row in rows}

    def _columns(self, row: Row) -> dict[str, Any]:
        text = row.model_dump_json()
        if "\\u0000" in text:
            text = NUL.sub(r"\1", text)
        key, name = (str(value).replace("\0", "")[:255] for value in (self.key(row), self.name(row)))
        words = joined(str(word).replace("\0", "") for word in self.words(row))
        return {"key": key, "name": name, "search_key": words, "data": json.loads(text)}

    def row_of(self, data: Mapping[str, Any]) -> Row:
        return self.model.model_validate(data)

    def rows_of(self, items: Iterable[Item]) -> list[Row]:
        return [self.row_of(item.data) for item in items]


def _of_zone(clouds: Clouds, pages: Iterable[Sequence[Zoned]]) -> Iterator[Sequence[Zoned]]:
    here = ("", str(clouds.zone.cloudstack_zone_id))
    return ([row for row in page if row.zoneid in here] for page in pages)


def _vnets(clouds: Clouds) -> Iterator[Sequence[VNet]]:
    """The list shows the Default VPC alone unless it is asked for VPCs by id."""
    return clouds.netris.vnets_of([vpc.id for vpc in clouds.netris.vpcs()])


def _ranges(clouds: Clouds) -> Iterator[Sequence[Allocation]]:
    return clouds.netris.ipam_of([vpc.id for vpc in clouds.netris.vpcs() if not vpc.is_system])


def _routes(clouds: Clouds) -> Iterator[Sequence[StaticRoute]]:
    return clouds.netris.static_routes_of([vpc.id for vpc in clouds.netris.vpcs() if not vpc.is_system])


def system_vpcs(clouds: Clouds) -> list[int]:
    """There is one, which never changes: once seen, it is asked about by id."""
    known = Item.objects.filter(zone=clouds.zone, kind=Kind.NETRIS_VPC, data__is_system=True)
    return [int(each) for each in known.values_list("remote_id", flat=True)] or [
        vpc.id for vpc in clouds.netris.vpcs() if vpc.is_system
    ]


def _sessions_of_vpcs(clouds: Clouds) -> Iterator[Sequence[EBgp]]:
    """Few VPCs have any, and a controller is asked about a hundred of them at a time. Where there are many, those that
    are known to have some are asked about each time, and a share of the others: so what somebody makes past Weft is
    seen within `TURNS` sweeps."""
    vpcs = Item.objects.filter(zone=clouds.zone, kind=Kind.NETRIS_VPC, data__is_system=False)
    every = {int(each) for each in vpcs.values_list("remote_id", flat=True)}
    every = every or {vpc.id for vpc in clouds.netris.vpcs() if not vpc.is_system}
    if len(every) > AT_ONCE:
        turn = (
            Reading.objects.filter(zone=clouds.zone, kind=Kind.NETRIS_SESSION).values_list("fence", flat=True).first()
        )
        every = {vpc for vpc in every if vpc % TURNS == (turn or 0) % TURNS} | _with_sessions(clouds)
    return clouds.netris.ebgp_sessions_of(every)


def _with_sessions(clouds: Clouds) -> set[int]:
    """The VPCs that had any when they were asked about last, and those in which a V-Net of Weft's waits for one."""
    items = Item.objects.filter(zone=clouds.zone)
    known = items.filter(kind=Kind.NETRIS_SESSION).values_list("key", flat=True)
    vnets = items.filter(kind=Kind.NETRIS_VNET, name__startswith="weft-").values_list(KT("data__vpc__id"), flat=True)
    return {int(each) for each in (*known, *vnets) if each}


def _sessions(clouds: Clouds) -> Iterator[Sequence[EBgp]]:
    """SoftGates end their sessions in the System VPC. That those of leaves stand there as well is unverified: no source
    shows a leaf's session with the internet. Where they are in another VPC, the map has none of them, and no cable."""
    return (clouds.netris.ebgp_sessions(vpc_id) for vpc_id in system_vpcs(clouds))


def _addresses(clouds: Clouds) -> Iterator[Sequence[Subnet]]:
    """What the plugin nests in the pool (netris-api.md 4.3)."""
    for vpc_id in system_vpcs(clouds):
        found = clouds.netris.subnets(vpc_id)
        yield [net for net in found if net.is_single and net.vpc.id == vpc_id]


def _blocks(clouds: Clouds) -> Iterator[Sequence[Block]]:
    """What the plugin nests in the pool counts, and is no block of its own."""
    for vpc_id in system_vpcs(clouds):
        yield [block for allocation in clouds.netris.ipam(vpc_id) for block in Block.of(allocation)]


def _words_of_instance(instance: Instance) -> list[object]:
    """Its names, and all of its addresses."""
    addresses = (at for nic in instance.nic for at in (nic.ipaddress, *(each.ipaddress for each in nic.secondaryip)))
    return [instance.displayname, instance.name, *filter(None, addresses)]


SWEEPS: dict[Kind, Sweep[Any]] = {
    Kind.CLOUDSTACK_VPC: Sweep(
        system=System.CLOUDSTACK,
        model=CloudStackVpc,
        pages=lambda clouds: _of_zone(clouds, clouds.cloudstack.vpc_pages()),
        remote_id=lambda vpc: vpc.id,
        key=lambda vpc: "",
        name=lambda vpc: vpc.name,
    ),
    Kind.CLOUDSTACK_NETWORK: Sweep(
        system=System.CLOUDSTACK,
        model=Network,
        pages=lambda clouds: _of_zone(clouds, clouds.cloudstack.network_pages()),
        remote_id=lambda network: network.id,
        key=lambda network: network.vpcid,
        name=lambda network: network.name,
    ),
    Kind.CLOUDSTACK_POOL: Sweep(
        system=System.CLOUDSTACK,
        model=PhysicalNetwork,
        pages=lambda clouds: [clouds.cloudstack.physical_networks(str(clouds.zone.cloudstack_zone_id))],
        remote_id=lambda network: network.id,
        key=lambda network: "",
        name=lambda network: network.name,
    ),
    Kind.CLOUDSTACK_VNI: Sweep(
        system=System.CLOUDSTACK,
        model=GuestVlan,
        pages=lambda clouds: clouds.cloudstack.vni_pages(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda number: f"{number.physicalnetworkid}:{number.vlan}",
        key=lambda number: number.vlan,
        name=lambda number: number.vlan,
    ),
    Kind.CLOUDSTACK_ADDRESS: Sweep(
        system=System.CLOUDSTACK,
        model=PublicIp,
        pages=lambda clouds: clouds.cloudstack.public_ip_pages(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda address: address.id,
        key=lambda address: address.vpcid,
        name=lambda address: str(address.ipaddress),
    ),
    Kind.CLOUDSTACK_INSTANCE: Sweep(
        system=System.CLOUDSTACK,
        model=Instance,
        pages=lambda clouds: clouds.cloudstack.instance_pages(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda instance: instance.id,
        key=lambda instance: f"{instance.domainid}/{instance.account}",
        name=lambda instance: instance.displayname or instance.name,
        words=_words_of_instance,
    ),
    Kind.CLOUDSTACK_ACL: Sweep(
        system=System.CLOUDSTACK,
        model=AclItem,
        pages=lambda clouds: clouds.cloudstack.acl_item_pages(),
        remote_id=lambda item: item.id,
        key=lambda item: item.aclid,
        name=lambda item: "",
    ),
    Kind.CLOUDSTACK_HOST: Sweep(
        system=System.CLOUDSTACK,
        model=Host,
        pages=lambda clouds: clouds.cloudstack.hypervisor_pages(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda host: host.id,
        key=lambda host: host.ipaddress,
        name=lambda host: host.name,
    ),
    Kind.CLOUDSTACK_DOMAIN: Sweep(
        system=System.CLOUDSTACK,
        model=Domain,
        pages=lambda clouds: clouds.cloudstack.domain_pages(),
        remote_id=lambda domain: domain.id,
        key=lambda domain: domain.name,
        name=lambda domain: domain.path or domain.name,
    ),
    Kind.CLOUDSTACK_ACCOUNT: Sweep(
        system=System.CLOUDSTACK,
        model=Account,
        pages=lambda clouds: clouds.cloudstack.account_pages(),
        remote_id=lambda account: account.id,
        key=lambda account: account.name,
        name=lambda account: account.name,
    ),
    Kind.NETRIS_VPC: Sweep(
        system=System.NETRIS,
        model=NetrisVpc,
        pages=lambda clouds: [clouds.netris.vpcs()],
        remote_id=lambda vpc: vpc.id,
        key=lambda vpc: name_in_cloudstack(vpc.name),
        name=lambda vpc: vpc.name,
    ),
    Kind.NETRIS_VNET: Sweep(
        system=System.NETRIS,
        model=VNet,
        pages=_vnets,
        remote_id=lambda vnet: vnet.id,
        key=lambda vnet: "" if vnet.vxlan_id is None else vnet.vxlan_id,
        name=lambda vnet: vnet.name,
    ),
    Kind.NETRIS_RANGE: Sweep(
        system=System.NETRIS,
        model=Allocation,
        pages=_ranges,
        remote_id=lambda allocation: allocation.id,
        key=lambda allocation: allocation.vpc.id or "",
        name=lambda allocation: allocation.name,
    ),
    Kind.NETRIS_NAT: Sweep(
        system=System.NETRIS,
        model=NatRule,
        pages=lambda clouds: [clouds.netris.all_nat_rules()],
        remote_id=lambda rule: rule.id,
        key=lambda rule: rule.vpc.id or "",
        name=lambda rule: rule.name,
    ),
    Kind.NETRIS_ACL: Sweep(
        system=System.NETRIS,
        model=Acl,
        pages=lambda clouds: [clouds.netris.all_acls()],
        remote_id=lambda rule: rule.id,
        key=lambda rule: rule.vpc.id or "",
        name=lambda rule: rule.name,
    ),
    Kind.NETRIS_ROUTE: Sweep(
        system=System.NETRIS,
        model=StaticRoute,
        pages=_routes,
        remote_id=lambda route: route.id,
        key=lambda route: route.vpc.id or "",
        name=lambda route: str(route.destination),
    ),
    Kind.NETRIS_BALANCER: Sweep(
        system=System.NETRIS,
        model=Balancer,
        pages=lambda clouds: [clouds.netris.all_balancers()],
        remote_id=lambda balancer: balancer.id,
        key=lambda balancer: balancer.vpc.id or "",
        name=lambda balancer: balancer.name,
    ),
    Kind.NETRIS_ADDRESS: Sweep(
        system=System.NETRIS,
        model=Subnet,
        pages=_addresses,
        remote_id=lambda net: net.id,
        key=lambda net: net.prefix.network_address if net.prefix else "",
        name=lambda net: net.name,
    ),
    Kind.NETRIS_BLOCK: Sweep(
        system=System.NETRIS,
        model=Block,
        pages=_blocks,
        # Ids of allocations and of subnets may be equal (quirk 1).
        remote_id=lambda block: f"{block.type}-{block.id}",
        key=lambda block: block.purpose,
        name=lambda block: block.name,
    ),
    Kind.NETRIS_SITE: Sweep(
        system=System.NETRIS,
        model=Site,
        pages=lambda clouds: [clouds.netris.sites()],
        remote_id=lambda site: site.id,
        key=lambda site: site.name,
        name=lambda site: site.name,
    ),
    Kind.NETRIS_DEVICE: Sweep(
        system=System.NETRIS,
        model=Device,
        pages=lambda clouds: [clouds.netris.devices()],
        remote_id=lambda device: device.id,
        key=lambda device: device.name,
        name=lambda device: device.name,
    ),
    Kind.NETRIS_PORT: Sweep(
        system=System.NETRIS,
        model=Port,
        pages=lambda clouds: clouds.netris.port_pages(),
        remote_id=lambda port: port.id,
        key=lambda port: port.name.rpartition("@")[2] or port.switch.name,
        name=lambda port: port.name,
    ),
    Kind.NETRIS_LINK: Sweep(
        system=System.NETRIS,
        model=Link,
        pages=lambda clouds: [clouds.netris.links()],
        # Some releases send links without an id; a port is in one link only.
        remote_id=lambda link: link.id or f"port-{link.local.id or link.local.name}",
        key=lambda link: link.local.name,
        name=lambda link: f"{link.local.name} - {link.remote.name}",
    ),
    Kind.NETRIS_BGP: Sweep(
        system=System.NETRIS,
        model=EBgp,
        pages=_sessions,
        remote_id=lambda session: session.id,
        key=lambda session: session.device.name,
        name=lambda session: session.name,
    ),
    Kind.NETRIS_SESSION: Sweep(
        system=System.NETRIS,
        model=EBgp,
        pages=_sessions_of_vpcs,
        remote_id=lambda session: session.id,
        key=lambda session: session.vpc.id or "",
        name=lambda session: session.name,
    ),
    Kind.NETRIS_PEERING: Sweep(
        system=System.NETRIS,
        model=Peering,
        pages=lambda clouds: [clouds.netris.all_peerings()],
        remote_id=lambda peering: peering.id,
        key=lambda peering: f"{peering.a.id or ''} {peering.b.id or ''}",
        name=lambda peering: peering.name,
    ),
}
