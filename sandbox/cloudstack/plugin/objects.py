"""What the Netris plugin names things and what it writes about them: no HTTP, no state (netris-api.md 4.2, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from sandbox.kit.store import Row


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


@dataclass(frozen=True)
class Route:
    """A static route; one that is neither new nor revoked is known to stand."""

    cidr: str
    hop: str
    is_new: bool = False
    is_revoked: bool = False


@dataclass(frozen=True)
class PortForward:
    """`public` and `private` are first and last port."""

    vpc: VpcName
    rule: int
    protocol: str
    address: str
    public: tuple[int, int]
    machine: str
    private: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.vpc.prefix}-DNAT-R{self.rule}"


@dataclass(frozen=True)
class StaticNat:
    """One address for one machine, whose number the rule's name carries."""

    vpc: VpcName
    vm: int
    address: str
    machine: str

    @property
    def name(self) -> str:
        return f"{self.vpc.prefix}-VM{self.vm}-STATICNAT"


@dataclass(frozen=True)
class Balancer:
    """A load balancer with all its members, as (address, port), and the sources that may reach it: none is anyone.

    It has no protocol: whatever CloudStack was asked for, Netris is told TCP.
    """

    vpc: VpcName
    rule: int
    title: str
    address: str
    port: int
    members: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.vpc.prefix}-LB{self.rule}"

    def acl_name(self, index: int | str) -> str:
        return f"{self.vpc.prefix}-LBACL{index}-{self.title}"


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
    """The tier has no IPv6 range, so against one it stands for nothing."""
    source, destination = rule.cidr, "" if ":" in rule.cidr else str(tier.cidr)
    if not rule.is_ingress:
        source, destination = destination, source
    ports = (rule.start_port or 1, rule.end_port or rule.start_port or 65535)
    body = _acl(acl_name(tier, rule), rule.reason or "null", source, destination, ports, is_allowed=rule.is_allowed)
    if rule.protocol == "icmp":
        body["icmp_type"] = -1 if rule.icmp_type is None else rule.icmp_type
    return {name: value for name, value in body.items() if value != ""} | _protocol(rule.protocol)


def balancer_acls(balancer: Balancer) -> list[Row]:
    """Nobody but the sources reaches the address: one rule that denies, then one for each that may."""
    ports, target = (balancer.port, balancer.port), f"{balancer.address}/32"
    rules = []
    for index, source in enumerate(["0.0.0.0/0", *balancer.sources] if balancer.sources else []):
        name = balancer.acl_name(index)
        reason = f"ACL Rule for CIDR {name[name.index('-V') + 1 :]} of LB {balancer.name} "
        rules.append(_acl(name, reason, source, target, ports, is_allowed=index > 0) | _protocol("tcp"))
    return rules


def _acl(name: str, reason: str, source: str, target: str, ports: tuple[int, int], *, is_allowed: bool) -> Row:
    return {
        "name": name,
        "comment": f"ACL rule: {name}. {reason}",
        "action": "permit" if is_allowed else "deny",
        "src_prefix": source,
        "dst_prefix": target,
        "src_port_from": 1,
        "src_port_to": 65535,
        "dst_port_from": ports[0],
        "dst_port_to": ports[1],
    }


def _protocol(name: str) -> Row:
    """TCP is stateful, the rest is mirrored. A protocol number is lost, whichever it is (quirk 49)."""
    word = name if name in ("tcp", "udp", "icmp", "all") else "ip"
    return {"proto": word} | ({"established": 1} if word == "tcp" else {"reverse": "yes"})


def balancer_body(balancer: Balancer) -> Row:
    """No algorithm, no stickiness, no health check: whatever CloudStack knows of them is not sent (5.6)."""
    return {
        "name": balancer.name,
        "protocol": "TCP",
        "automatic": False,
        "ipFamily": "ipv4",
        "ip": balancer.address,
        "port": balancer.port,
        "status": "enable",
        "healthCheck": "None",
        "backendIps": [{"ip": address, "port": port} for address, port in balancer.members],
    }


def port_range(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"
