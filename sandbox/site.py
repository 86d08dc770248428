"""The reference site that both services start with: one fabric, and the CloudStack zone that uses it.

Addresses, names and numbers are those of the vendor's CloudStack guide; where the guide is silent (management
addresses of switches, uplink ports, ISP links) the values continue its pattern. Everything here is what operators
build before the first tenant arrives. A test that needs another size says `replace(REFERENCE, zone=replace(...))`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

DEFAULT_VPC = "vpc-1:Default"
TENANT = "Admin"


@dataclass(frozen=True)
class Allocation:
    """An address range in the System VPC."""

    prefix: str
    name: str


@dataclass(frozen=True)
class Subnet:
    prefix: str
    name: str
    purpose: str
    gateway: str = ""


@dataclass(frozen=True)
class Device:
    """A switch, SoftGate or server. `role` is spine or leaf; general or snat; generic or hyperv_cs."""

    name: str
    kind: str
    role: str
    main_address: str
    management_address: str
    asn: int | None
    ports: int
    tags: tuple[str, ...] = ()
    custom_data: str = ""

    @property
    def port_prefix(self) -> str:
        return "eth" if self.kind == "server" else "swp"


@dataclass(frozen=True)
class Link:
    """`local` and `remote` are ports in the controller's spelling, such as swp1@Leaf-1."""

    local: str
    remote: str
    underlay: bool


@dataclass(frozen=True)
class NatRule:
    name: str
    action: str
    protocol: str
    source: str
    destination: str
    target: str
    destination_port: str = ""
    target_port: int | None = None


@dataclass(frozen=True)
class VNet:
    name: str
    vni: int
    gateway: str
    tags: tuple[str, ...] = ()
    port_tags: tuple[str, ...] = ()
    has_vlan: bool = True


@dataclass(frozen=True)
class IspSession:
    """One e-BGP session with an ISP router, in the System VPC: of a SoftGate, or of the leaf with the cable in `port`.

    An ISP router is no device of the inventory, and a link joins two ports of the inventory: that its cable is plugged
    into a port is told by the sessions alone. `vlan` 0 is untagged.
    """

    name: str
    device: str
    port: str
    vlan: int
    local_address: str
    remote_address: str
    remote_asn: int


@dataclass(frozen=True)
class Fabric:
    """What the Netris controller knows before CloudStack arrives."""

    name: str
    tenant: str
    asn: int
    allocations: tuple[Allocation, ...]
    subnets: tuple[Subnet, ...]
    devices: tuple[Device, ...]
    links: tuple[Link, ...]
    nat_rules: tuple[NatRule, ...]
    vnets: tuple[VNet, ...]
    isp_sessions: tuple[IspSession, ...]
    oob_switch: str = "OOB-1"


@dataclass(frozen=True)
class PublicRange:
    """A public IP range of the zone. `vlan` is `untagged` or `vxlan://<vni>`; the last address is inclusive."""

    gateway: str
    prefix_length: int
    start: str
    end: str
    vlan: str = "untagged"
    is_for_system_vms: bool = False
    is_for_netris: bool = False

    @classmethod
    def of(cls, cidr: str, *, is_for_netris: bool = False) -> PublicRange:
        """The whole of a block: the first address is its gateway, the last one stays free for the broadcast."""
        block = IPv4Network(cidr)
        first, second, last = str(block[1]), str(block[2]), str(block[-2])
        return cls(first, block.prefixlen, second, last, is_for_netris=is_for_netris)


@dataclass(frozen=True)
class Hypervisor:
    name: str
    address: str


@dataclass(frozen=True)
class CloudStackZone:
    """What the CloudStack management server knows once the zone wizard is through."""

    name: str
    netris_tag: str
    pod: str
    pod_gateway: str
    pod_netmask: str
    pod_start: str
    pod_end: str
    cluster: str
    hypervisors: tuple[Hypervisor, ...]
    public_ranges: tuple[PublicRange, ...]  # system VMs, then virtual routers, then the Netris pools: the order counts
    vni_first: int
    vni_last: int
    dns1: str = "1.1.1.1"
    dns2: str = "8.8.8.8"
    guest_domain_suffix: str = "cloud.internal"


@dataclass(frozen=True)
class Site:
    """`seed` makes the public ids of the zone repeat; without it each world draws its own."""

    fabric: Fabric
    zone: CloudStackZone
    seed: int | None = None

    def sized(
        self,
        *,
        public_pool: tuple[str, ...] = (),
        router_pool: tuple[str, ...] = (),
        vnis: tuple[int, int] | None = None,
    ) -> Site:
        """The same site with other pools: blocks for the Netris pool and for virtual routers, first and last VNI."""
        zone = self.zone
        ranges = [each for each in zone.public_ranges if each.is_for_system_vms]
        routers = [each for each in zone.public_ranges if not each.is_for_system_vms and not each.is_for_netris]
        netris = [each for each in zone.public_ranges if each.is_for_netris]
        ranges += [PublicRange.of(cidr) for cidr in router_pool] or routers
        ranges += [PublicRange.of(cidr, is_for_netris=True) for cidr in public_pool] or netris
        first, last = vnis or (zone.vni_first, zone.vni_last)
        return replace(self, zone=replace(zone, public_ranges=tuple(ranges), vni_first=first, vni_last=last))


_NETRIS_TAG = "CS-Cloud1-Compute"
_MANAGEMENT_TAG = "CS-Cloud1-MGMT"


def _switch(name: str, role: str, number: int) -> Device:
    return Device(name, "switch", role, f"10.0.1.{number}", f"10.10.10.{100 + number}", 4200000000 + number, 32)


def _softgate(number: int, role: str) -> Device:
    return Device(
        f"SoftGate-{number}", "softgate", role, f"10.0.4.{number}", f"10.10.10.{120 + number}", 4200000020 + number, 2
    )


def _hypervisor(number: int) -> Device:
    address = f"10.100.1.{number}/21"
    custom = (
        '{"cloudstack": {"mgmt": {"bridge-name": "cloudbr0", "ipv4": "%s", "nameservers": ["1.1.1.1", "8.8.8.8"]}}}'
    )
    tags = (f"iface.eth1={_NETRIS_TAG}", f"iface.eth2={_NETRIS_TAG}")
    main, management = f"10.0.8.{number}", f"10.10.10.{number}"
    name, asn = f"Server-{number}", 4200000040 + number
    return Device(name, "server", "hyperv_cs", main, management, asn, 4, tags, custom % address)


_DEVICES = (
    _switch("Spine-1", "spine", 1),
    _switch("Spine-2", "spine", 2),
    _switch("Leaf-1", "leaf", 3),
    _switch("Leaf-2", "leaf", 4),
    _softgate(1, "general"),
    _softgate(2, "general"),
    _softgate(3, "snat"),
    _softgate(4, "snat"),
    Device(
        "Server-1",
        "server",
        "generic",
        "",
        "10.10.10.1",
        None,
        4,
        (f"iface.eth1={_MANAGEMENT_TAG}", f"iface.eth2={_MANAGEMENT_TAG}"),
    ),
    _hypervisor(2),
    _hypervisor(3),
    _hypervisor(4),
)

_LINKS = (
    # leaf ports: 1-4 servers, 9-12 SoftGates, 29-30 the ISP routers, 31-32 the spines; the others are free
    *(
        Link(f"swp{leaf}@Spine-{spine}", f"swp{30 + spine}@Leaf-{leaf}", underlay=True)
        for spine in (1, 2)
        for leaf in (1, 2)
    ),
    *(
        Link(f"swp{8 + softgate}@Leaf-{leaf}", f"swp{leaf}@SoftGate-{softgate}", underlay=True)
        for softgate in (1, 2, 3, 4)
        for leaf in (1, 2)
    ),
    *(
        Link(f"swp{server}@Leaf-{leaf}", f"eth{leaf}@Server-{server}", underlay=server != 1)
        for server in (1, 2, 3, 4)
        for leaf in (1, 2)
    ),
)

ISPS = (1, 2)


def isp_port(isp: int, leaf: int) -> str:
    """Where the cable of an ISP router is plugged into a leaf."""
    return f"swp{28 + isp}@Leaf-{leaf}"


_ISP_SESSIONS = (
    # what the CloudStack guide asks for: SoftGates x routers, each router's through the leaf of its number
    *(
        IspSession(
            name=f"ISP-{isp}-SoftGate-{softgate}",
            device=f"SoftGate-{softgate}",
            port=isp_port(isp, leaf=isp),
            vlan=100 * isp + softgate,
            local_address=f"192.0.2.{16 * isp + 2 * softgate}/31",
            remote_address=f"192.0.2.{16 * isp + 2 * softgate + 1}/31",
            remote_asn=64496 + isp,
        )
        for isp in ISPS
        for softgate in (1, 2, 3, 4)
    ),
    # what the guide's diagram shows: leaf switches are connected to external networks via eBGP
    *(
        IspSession(
            name=f"ISP-{isp}-Leaf-{leaf}",
            device=f"Leaf-{leaf}",
            port=isp_port(isp, leaf),
            vlan=0,
            local_address=f"192.0.2.{16 * isp + 8 + 2 * leaf}/31",
            remote_address=f"192.0.2.{16 * isp + 8 + 2 * leaf + 1}/31",
            remote_asn=64496 + isp,
        )
        for isp in ISPS
        for leaf in (1, 2)
    ),
)

_FABRIC = Fabric(
    name="sv",
    tenant=TENANT,
    asn=65001,
    allocations=(
        Allocation("10.0.0.0/8", "Private IP Allocation"),
        Allocation("203.0.113.0/24", "Public Allocation 1"),
        Allocation("198.51.100.0/24", "Public Allocation for Netris Services"),
    ),
    subnets=(
        Subnet("10.0.0.0/16", "Loopback IP Subnet", "loopback"),
        Subnet("10.10.0.0/16", "OOB Management Subnet", "management", "10.10.0.1"),
        Subnet("10.99.0.0/21", "CloudStack Management Nodes", "common"),
        Subnet("10.100.0.0/21", "CloudStack Hypervisor Nodes", "common"),
        Subnet("203.0.113.0/27", "Public Subnet for System VMs", "common"),
        Subnet("203.0.113.32/27", "Public Subnet for Infrastructure NAT", "nat"),
        Subnet("203.0.113.128/25", "Subnet for Virtual Routers", "common"),
        Subnet("198.51.100.0/25", "Subnet for Netris Services", "common"),
    ),
    devices=_DEVICES,
    links=_LINKS,
    nat_rules=(
        NatRule("SNAT CloudStack Management Nodes", "SNAT", "all", "10.99.0.0/21", "0.0.0.0/0", "203.0.113.32/32"),
        NatRule(
            "SNAT CloudStack Management Hypervisors", "SNAT", "all", "10.100.0.0/21", "0.0.0.0/0", "203.0.113.32/32"
        ),
        NatRule(
            "DNAT CloudStack GUI", "DNAT", "tcp", "0.0.0.0/0", "203.0.113.33/32", "10.99.1.1/32", "80", target_port=8080
        ),
    ),
    vnets=(
        VNet("CloudStack Management (Management Nodes)", 10, "10.99.0.1/21", port_tags=(_MANAGEMENT_TAG,)),
        VNet(
            "CloudStack Management (Hypervisor Nodes)",
            11,
            "10.100.0.1/21",
            tags=(_NETRIS_TAG, "system.cloudstack.management"),
        ),
        VNet("CloudStack System VMs", 12, "203.0.113.1/27", tags=(_NETRIS_TAG,), has_vlan=False),
        VNet("CloudStack VRs", 13, "203.0.113.129/25", tags=(_NETRIS_TAG,), has_vlan=False),
    ),
    isp_sessions=_ISP_SESSIONS,
)

_ZONE = CloudStackZone(
    name="zone1",
    netris_tag=_NETRIS_TAG,
    pod="pod1",
    pod_gateway="10.100.0.1",
    pod_netmask="255.255.248.0",
    pod_start="10.100.5.1",
    pod_end="10.100.5.255",
    cluster="cluster1",
    hypervisors=tuple(Hypervisor(f"Server-{number}", f"10.100.1.{number}") for number in (2, 3, 4)),
    public_ranges=(
        PublicRange("203.0.113.1", 27, "203.0.113.2", "203.0.113.30", "vxlan://12", is_for_system_vms=True),
        PublicRange("203.0.113.129", 25, "203.0.113.130", "203.0.113.254", "vxlan://13"),
        PublicRange("198.51.100.1", 25, "198.51.100.2", "198.51.100.126", is_for_netris=True),
    ),
    vni_first=1000000,
    vni_last=2000000,
)

REFERENCE = Site(_FABRIC, _ZONE)
