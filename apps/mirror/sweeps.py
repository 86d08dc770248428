"""The table of sweeps: how each list is read, and by which fields its rows are found again.

How often stands in `Kind.interval`.

    kind                  key                  what is listed
    cloudstack.vpc                             the VPCs of the zone
    cloudstack.network    id of its VPC        the networks of the zone
    cloudstack.pool                            the zone's physical networks with their ranges of VNIs
    cloudstack.vni        VNI                  the VNIs that are taken out of these ranges
    netris.vpc                                 all VPCs of the controller
    netris.vnet           VNI                  the V-Nets of all VPCs
    netris.device         name                 the inventory
    netris.link           local port           the links
    netris.bgp            name of the device   the BGP sessions of the System VPC

Two zones may share a CloudStack: a row that names another zone is left out. A controller's rows are kept whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from apps.cloudstack.wire import GuestVlan, Network, PhysicalNetwork
from apps.cloudstack.wire import Vpc as CloudStackVpc
from apps.kernel.remote import Wire
from apps.mirror.models import Item, Kind
from apps.netris.wire import Device, EBgp, Link, VNet
from apps.netris.wire import Vpc as NetrisVpc
from apps.zones.clouds import Clouds
from apps.zones.models import System

Row = TypeVar("Row", bound=Wire)
Zoned = TypeVar("Zoned", CloudStackVpc, Network)

#: JSON's spelling of the character that PostgreSQL's text cannot hold; CloudStack passes on whatever it was given.
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True)
class Sweep(Generic[Row]):
    """One list. `listing` makes the calls; `remote_id`, `key` and `name` say how its rows are called."""

    system: System
    model: type[Row]
    listing: Callable[[Clouds], Iterable[Row]]
    remote_id: Callable[[Row], object]
    key: Callable[[Row], object]
    name: Callable[[Row], str]

    def read(self, clouds: Clouds) -> dict[str, dict[str, Any]]:
        """The list as it is now, by remote id; each row as the columns of an `Item`."""
        return {str(self.remote_id(row))[:64]: self._columns(row) for row in self.listing(clouds)}

    def _columns(self, row: Row) -> dict[str, Any]:
        text = row.model_dump_json()
        if "\\u0000" in text:
            text = NUL.sub(r"\1", text)
        key, name = (str(value).replace("\0", "")[:255] for value in (self.key(row), self.name(row)))
        return {"key": key, "name": name, "data": json.loads(text)}

    def row_of(self, data: Mapping[str, Any]) -> Row:
        return self.model.model_validate(data)

    def rows_of(self, items: Iterable[Item]) -> list[Row]:
        return [self.row_of(item.data) for item in items]


def _of_zone(clouds: Clouds, rows: Iterable[Zoned]) -> list[Zoned]:
    return [row for row in rows if row.zoneid in ("", str(clouds.zone.cloudstack_zone_id))]


def _vnets(clouds: Clouds) -> list[VNet]:
    """The list shows the Default VPC alone unless it is asked for VPCs by id."""
    return clouds.netris.all_vnets([vpc.id for vpc in clouds.netris.vpcs()])


def _sessions(clouds: Clouds) -> list[EBgp]:
    """SoftGates end their sessions in the System VPC, of which there is one."""
    return [session for vpc in clouds.netris.vpcs() if vpc.is_system for session in clouds.netris.ebgp_sessions(vpc.id)]


SWEEPS: dict[Kind, Sweep[Any]] = {
    Kind.CLOUDSTACK_VPC: Sweep(
        system=System.CLOUDSTACK,
        model=CloudStackVpc,
        listing=lambda clouds: _of_zone(clouds, clouds.cloudstack.all_vpcs()),
        remote_id=lambda vpc: vpc.id,
        key=lambda vpc: "",
        name=lambda vpc: vpc.name,
    ),
    Kind.CLOUDSTACK_NETWORK: Sweep(
        system=System.CLOUDSTACK,
        model=Network,
        listing=lambda clouds: _of_zone(clouds, clouds.cloudstack.all_networks()),
        remote_id=lambda network: network.id,
        key=lambda network: network.vpcid,
        name=lambda network: network.name,
    ),
    Kind.CLOUDSTACK_POOL: Sweep(
        system=System.CLOUDSTACK,
        model=PhysicalNetwork,
        listing=lambda clouds: clouds.cloudstack.physical_networks(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda network: network.id,
        key=lambda network: "",
        name=lambda network: network.name,
    ),
    Kind.CLOUDSTACK_VNI: Sweep(
        system=System.CLOUDSTACK,
        model=GuestVlan,
        listing=lambda clouds: clouds.cloudstack.allocated_vnis(str(clouds.zone.cloudstack_zone_id)),
        remote_id=lambda number: f"{number.physicalnetworkid}:{number.vlan}",
        key=lambda number: number.vlan,
        name=lambda number: number.vlan,
    ),
    Kind.NETRIS_VPC: Sweep(
        system=System.NETRIS,
        model=NetrisVpc,
        listing=lambda clouds: clouds.netris.vpcs(),
        remote_id=lambda vpc: vpc.id,
        key=lambda vpc: "",
        name=lambda vpc: vpc.name,
    ),
    Kind.NETRIS_VNET: Sweep(
        system=System.NETRIS,
        model=VNet,
        listing=_vnets,
        remote_id=lambda vnet: vnet.id,
        key=lambda vnet: "" if vnet.vxlan_id is None else vnet.vxlan_id,
        name=lambda vnet: vnet.name,
    ),
    Kind.NETRIS_DEVICE: Sweep(
        system=System.NETRIS,
        model=Device,
        listing=lambda clouds: clouds.netris.devices(),
        remote_id=lambda device: device.id,
        key=lambda device: device.name,
        name=lambda device: device.name,
    ),
    Kind.NETRIS_LINK: Sweep(
        system=System.NETRIS,
        model=Link,
        listing=lambda clouds: clouds.netris.links(),
        # Some releases send links without an id; a port is in one link only.
        remote_id=lambda link: link.id or f"port-{link.local.id or link.local.name}",
        key=lambda link: link.local.name,
        name=lambda link: f"{link.local.name} - {link.remote.name}",
    ),
    Kind.NETRIS_BGP: Sweep(
        system=System.NETRIS,
        model=EBgp,
        listing=_sessions,
        remote_id=lambda session: session.id,
        key=lambda session: session.device.name,
        name=lambda session: session.name,
    ),
}
