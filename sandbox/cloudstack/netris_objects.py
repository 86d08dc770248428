"""What the Netris plugin names things and what it writes about them: no HTTP, no state (netris-api.md 4.2, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from sandbox.store import Row


@dataclass(frozen=True)
class VpcName:
    """`D1-A2-Z1-V3` and the VPC's name, which only the Netris VPC itself carries."""

    domain: int
    account: int
    zone: int
    vpc: int
    name: str

    @property
    def prefix(self) -> str:
        return f"D{self.domain}-A{self.account}-Z{self.zone}-V{self.vpc}"

    def __str__(self) -> str:
        return f"{self.prefix}-{self.name}"


@dataclass(frozen=True)
class Tier:
    vpc: VpcName
    network: int
    name: str
    cidr: IPv4Network
    gateway: IPv4Address
    vni: int
    is_routed: bool = False

    @property
    def vnet_name(self) -> str:
        return f"{self.vpc.prefix}-N{self.network}-{self.name}"

    @property
    def subnet_name(self) -> str:
        return f"{self.vpc.prefix}-{self.cidr}"


@dataclass(frozen=True)
class AclRule:
    """One ACL item for one of its CIDRs. `suffix` is `-1`, `-2` ... when the item has several."""

    item: int
    suffix: str
    is_ingress: bool
    is_allowed: bool
    protocol: str
    cidr: str
    start_port: int | None
    end_port: int | None
    icmp_type: int | None
    reason: str


def covering(first: IPv4Address, last: IPv4Address) -> IPv4Network:
    """The smallest block that holds both."""
    length = 32 - (int(first) ^ int(last)).bit_length()
    return IPv4Network((int(first), length), strict=False)


def vnet_body(gateways: list[str], vni: int, tags: list[str]) -> Row:
    no_dhcp = {"start": "", "end": "", "optionSet": {}}
    return {
        "state": "active",
        "vxlanID": vni,
        "vlan": 0,
        "vlanAware": False,
        "vlans": "",
        "nativeVlan": 0,
        "l3vpn": False,
        "customAnycastMac": "",
        "guestTenants": [],
        "ports": [],
        "gateways": [{"prefix": gateway, "dhcpEnabled": False, "dhcp": no_dhcp} for gateway in gateways],
        "tags": tags,
    }


def acl_name(tier: Tier, rule: AclRule) -> str:
    return f"{tier.vpc.prefix}-N{tier.network}-ACL{rule.item}{rule.suffix}"


def acl_body(tier: Tier, rule: AclRule) -> Row:
    name, source, destination = acl_name(tier, rule), rule.cidr, str(tier.cidr)
    if not rule.is_ingress:
        source, destination = destination, source
    protocol = {"all": "ip"}.get(rule.protocol, rule.protocol)
    body: Row = {
        "name": name,
        "comment": f"ACL rule: {name}. {rule.reason}",
        "action": "permit" if rule.is_allowed else "deny",
        "proto": protocol if protocol in ("tcp", "udp", "icmp", "ip") else "ip",
        "src_prefix": source,
        "dst_prefix": destination,
        "src_port_from": 1,
        "src_port_to": 65535,
        "dst_port_from": rule.start_port or 1,
        "dst_port_to": rule.end_port or rule.start_port or 65535,
    }
    if rule.icmp_type is not None:
        body["icmp_type"] = rule.icmp_type
    return body | ({"established": 1} if protocol == "tcp" else {"reverse": "yes"})
