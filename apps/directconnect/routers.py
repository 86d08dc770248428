"""What a tenant writes into its own router, in the syntax of its vendor. Pure text; no secret is ever in it.

Each configuration says the same: a tagged interface with the peer's address, a session to ours, the filters as seen
from the other side, and the community `0:7` on what is announced, without which Netris takes no more into a VPC than a
default route (netris-api.md 2.10). Where a key is to stand is a word that no router takes for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from apps.directconnect.filters import DEFAULT

#: By which Netris imports what is no default route.
IMPORTED = "0:7"
#: Stands where the key goes that was shown once.
KEY = "<your MD5 key>"
_GROUP = "WEFT"


@dataclass(frozen=True)
class Far:
    """All that the router at the far end has to know. `announce` and `accept` are the VPC's, as everywhere."""

    #: Of the interface: letters, digits and hyphens, as it comes from its id.
    label: str
    vlan: int
    local: IPv4Interface
    remote: IPv4Address
    #: None: Netris' site has not said it yet.
    our_asn: int | None
    peer_asn: int
    announce: Sequence[IPv4Network]
    accept: Sequence[IPv4Network]
    has_key: bool
    bfd: bool

    @property
    def address(self) -> str:
        return f"{self.remote}/{self.local.network.prefixlen}"

    @property
    def policy(self) -> str:
        """What its filters are called: a router may have several interfaces, each with filters of its own."""
        return self.label[:16].upper()

    @property
    def asn(self) -> str:
        return str(self.our_asn) if self.our_asn else "<our ASN>"

    @property
    def mask(self) -> str:
        return str(self.local.network.netmask)


@dataclass(frozen=True)
class Vendor:
    slug: str
    title: str
    write: Callable[[Far], list[str]]


def configuration(far: Far, slug: str) -> str:
    """Raises `KeyError` for a vendor that is not known."""
    return "\n".join(VENDORS[slug].write(far)) + "\n"


def _entries(prefixes: Sequence[IPv4Network]) -> list[tuple[int, str, bool]]:
    """Number, prefix, and whether its parts pass with it."""
    return [
        (number * 10, str(each), each not in (DEFAULT,) and each.prefixlen < 32)
        for number, each in enumerate(prefixes, 1)
    ]


def _lists(name: str, prefixes: Sequence[IPv4Network]) -> list[str]:
    """Prefix lists as FRR, IOS XE and EOS write them. One without entries would let everything through."""
    rows = [
        f"ip prefix-list {name} seq {number} permit {prefix}{' le 32' if parts else ''}"
        for number, prefix, parts in _entries(prefixes)
    ]
    return rows or [f"ip prefix-list {name} seq 10 deny 0.0.0.0/0 le 32"]


def _maps(name: str) -> list[str]:
    return [
        f"route-map {name}-OUT permit 10",
        f" match ip address prefix-list {name}-OUT",
        f" set community {IMPORTED} additive",
        "!",
        f"route-map {name}-IN permit 10",
        f" match ip address prefix-list {name}-IN",
        "!",
    ]


def _frr(far: Far) -> list[str]:
    peer = far.local.ip
    return [
        f"! {far.label}: FRRouting. Replace eth1 with your port; the VLAN is made by the system:",
        f"!   ip link add link eth1 name eth1.{far.vlan} type vlan id {far.vlan}",
        f"interface eth1.{far.vlan}",
        f" ip address {far.address}",
        "!",
        *_lists(f"{far.policy}-OUT", far.accept),
        *_lists(f"{far.policy}-IN", far.announce),
        "!",
        *_maps(far.policy),
        f"router bgp {far.peer_asn}",
        f" neighbor {peer} remote-as {far.asn}",
        f" neighbor {peer} description {far.label}",
        *([f" neighbor {peer} password {KEY}"] if far.has_key else []),
        f" neighbor {peer} timers 3 10",
        *([f" neighbor {peer} bfd"] if far.bfd else []),
        " address-family ipv4 unicast",
        f"  neighbor {peer} activate",
        f"  neighbor {peer} send-community",
        f"  neighbor {peer} soft-reconfiguration inbound",
        f"  neighbor {peer} route-map {far.policy}-IN in",
        f"  neighbor {peer} route-map {far.policy}-OUT out",
        " exit-address-family",
        "!",
    ]


def _ios_xe(far: Far) -> list[str]:
    peer = far.local.ip
    return [
        f"! {far.label}: Cisco IOS XE. Replace TenGigabitEthernet0/0/1 with your port.",
        "ip bgp-community new-format",
        "!",
        f"interface TenGigabitEthernet0/0/1.{far.vlan}",
        f" description {far.label}",
        f" encapsulation dot1Q {far.vlan}",
        f" ip address {far.remote} {far.mask}",
        *([" bfd interval 300 min_rx 300 multiplier 3"] if far.bfd else []),
        "!",
        *_lists(f"{far.policy}-OUT", far.accept),
        *_lists(f"{far.policy}-IN", far.announce),
        "!",
        *_maps(far.policy),
        f"router bgp {far.peer_asn}",
        f" neighbor {peer} remote-as {far.asn}",
        f" neighbor {peer} description {far.label}",
        *([f" neighbor {peer} password {KEY}"] if far.has_key else []),
        f" neighbor {peer} timers 3 10",
        *([f" neighbor {peer} fall-over bfd"] if far.bfd else []),
        " address-family ipv4",
        f"  neighbor {peer} activate",
        f"  neighbor {peer} send-community",
        f"  neighbor {peer} route-map {far.policy}-IN in",
        f"  neighbor {peer} route-map {far.policy}-OUT out",
        " exit-address-family",
        "!",
    ]


def _eos(far: Far) -> list[str]:
    peer = far.local.ip
    return [
        f"! {far.label}: Arista EOS. Replace Ethernet1 with your port.",
        "interface Ethernet1",
        "   no switchport",
        f"interface Ethernet1.{far.vlan}",
        f"   description {far.label}",
        f"   encapsulation dot1q vlan {far.vlan}",
        f"   ip address {far.address}",
        "!",
        *_lists(f"{far.policy}-OUT", far.accept),
        *_lists(f"{far.policy}-IN", far.announce),
        "!",
        *_maps(far.policy),
        f"router bgp {far.peer_asn}",
        f"   neighbor {peer} remote-as {far.asn}",
        f"   neighbor {peer} description {far.label}",
        *([f"   neighbor {peer} password {KEY}"] if far.has_key else []),
        f"   neighbor {peer} timers 3 10",
        *([f"   neighbor {peer} bfd"] if far.bfd else []),
        f"   neighbor {peer} send-community",
        f"   neighbor {peer} route-map {far.policy}-IN in",
        f"   neighbor {peer} route-map {far.policy}-OUT out",
        "   address-family ipv4",
        f"      neighbor {peer} activate",
        "!",
    ]


def _junos(far: Far) -> list[str]:
    port, peer = f"xe-0/0/0 unit {far.vlan}", far.local.ip
    session = f"set protocols bgp group {_GROUP} neighbor {peer}"
    return [
        f"# {far.label}: Juniper Junos. Replace xe-0/0/0 with your port.",
        "set interfaces xe-0/0/0 flexible-vlan-tagging",
        f"set interfaces {port} description {far.label}",
        f"set interfaces {port} vlan-id {far.vlan}",
        f"set interfaces {port} family inet address {far.address}",
        *_junos_policy(f"{far.policy}-OUT", far.accept, [f"then community add {_GROUP}", "then accept"]),
        f"set policy-options community {_GROUP} members {IMPORTED}",
        *_junos_policy(f"{far.policy}-IN", far.announce, ["then accept"]),
        f"set routing-options autonomous-system {far.peer_asn}",
        f"set protocols bgp group {_GROUP} type external",
        f"{session} peer-as {far.asn}",
        *([f'{session} authentication-key "{KEY}"'] if far.has_key else []),
        f"{session} hold-time 10",
        *([f"{session} bfd-liveness-detection minimum-interval 300 multiplier 3"] if far.bfd else []),
        f"{session} import {far.policy}-IN",
        f"{session} export {far.policy}-OUT",
    ]


def _junos_policy(policy: str, prefixes: Sequence[IPv4Network], then: Sequence[str]) -> list[str]:
    name = f"set policy-options policy-statement {policy}"
    matches = [
        f"{name} term taken from route-filter {prefix} {'orlonger' if parts else 'exact'}"
        for _, prefix, parts in _entries(prefixes)
    ]
    taken = [*matches, *(f"{name} term taken {each}" for each in then)] if matches else []
    return [*taken, f"{name} term rest then reject"]


VENDORS: Mapping[str, Vendor] = {
    vendor.slug: vendor
    for vendor in (
        Vendor("frr", "FRRouting", _frr),
        Vendor("cisco-ios-xe", "Cisco IOS XE", _ios_xe),
        Vendor("juniper-junos", "Juniper Junos", _junos),
        Vendor("arista-eos", "Arista EOS", _eos),
    )
}
