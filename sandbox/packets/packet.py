"""A packet, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

PROTOCOLS = ("tcp", "udp", "icmp", "other")
EPHEMERAL = 50_000
ECHO_REQUEST = 8


class Why(StrEnum):
    """What stops a packet."""

    SOURCE_OFF = "source_off"  # the machine that sends is off, or its hypervisor cannot be reached
    VNET_OFF = "vnet_off"  # a V-Net is disabled
    RULE = "rule"  # a rule of an access list, by name
    DEFAULT = "default"  # the site's default, by the name of the site
    NO_SERVICE = "no_service"  # neither NAT nor a balancer at the public address, protocol and port
    NO_SOFTGATE = "no_softgate"  # none is left that would carry it
    NO_UPLINK = "no_uplink"  # no session with the internet is up
    NO_MEMBER = "no_member"  # no member in rotation that a SoftGate finds well
    NO_ROUTE = "no_route"  # the VPC, by name, has no way to the address
    NO_DEFAULT_ROUTE = "no_default_route"  # the VPC has neither NAT nor a balancer
    NO_SOURCE_NAT = "no_source_nat"  # a private address would have to leave as it is
    NO_SESSION = "no_session"  # of a tenant's router, by port and VLAN, none is up
    NO_WAY_BACK = "no_way_back"  # who is asked, by session or peering, has no route to who asks
    NOBODY = "nobody"  # the address is in a V-Net and nobody has it
    MACHINE_OFF = "machine_off"
    REFUSED = "refused"  # by the machine, as it was told
    TIMED_OUT = "timed_out"


_BY_THE_MACHINE = (Why.REFUSED, Why.TIMED_OUT)


@dataclass(frozen=True)
class Packet:
    """`source` is an address of the internet or, with `instance` (a uuid), one of that machine's; blank for its first.
    With `router`, a port and a VLAN of it (swp7@Leaf-1/1200), it is one behind the tenant's router there.

    `protocol` is tcp, udp, icmp or other; ports are for the first two. ValueError for what makes no sense.
    """

    to: str
    protocol: str
    port: int = 0
    source: str = ""
    instance: str = ""
    router: str = ""
    source_port: int = EPHEMERAL
    icmp_type: int = ECHO_REQUEST

    def __post_init__(self) -> None:
        versions = {_version_of("to", self.to)}
        if self.source or not self.instance:
            versions.add(_version_of("source", self.source))
        if len(versions) > 1:
            raise ValueError("source: must be of the IP family of the other address")
        if self.router and self.instance:
            raise ValueError("router: a packet comes from a machine or from a router")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol: must be one of {', '.join(PROTOCOLS)}")
        has_port = self.protocol in ("tcp", "udp")
        if type(self.port) is not int or not has_port <= self.port <= 65535 * has_port:
            raise ValueError(f"port: must be {'1 to 65535' if has_port else '0, as this protocol has none'}")


def _version_of(name: str, value: object) -> int:
    try:
        return ip_address(value).version if isinstance(value, str) else ip_address("").version
    except ValueError:
        raise ValueError(f"{name}: must be an IP address") from None


@dataclass(frozen=True)
class Stop:
    what: Why
    name: str


@dataclass(frozen=True)
class End:
    address: str
    port: int
    machine: str = ""
    stop: Stop | None = None

    @property
    def is_delivered(self) -> bool:
        return self.stop is None or self.stop.what in _BY_THE_MACHINE


@dataclass(frozen=True)
class Outcome:
    ends: tuple[End, ...]
    via: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=())

    @property
    def arrives(self) -> bool:
        return any(end.stop is None for end in self.ends)

    @property
    def is_always(self) -> bool:
        return all(end.stop is None for end in self.ends)

    @property
    def is_delivered(self) -> bool:
        return any(end.is_delivered for end in self.ends)

    @property
    def is_sure(self) -> bool:
        return not self.doubts

    @property
    def stopped_by(self) -> Stop | None:
        return None if self.arrives else self.ends[0].stop

    def as_json(self) -> dict[str, Any]:
        names = ("arrives", "is_always", "is_delivered", "is_sure")
        stop = asdict(self.stopped_by) if self.stopped_by else None
        return {**asdict(self), **{name: getattr(self, name) for name in names}, "stopped_by": stop}
