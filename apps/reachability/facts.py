"""What a walk goes over, and what it says: facts alone, each with the age of the reading that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from apps.acls.fabric import Site
from apps.acls.rules import Protocol, Rule


class Verdict(StrEnum):
    REACHABLE = "reachable"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Hop:
    #: Such as "Access list web".
    what: str
    verdict: Verdict
    sentence: str
    #: Where one sees it, and puts it right.
    url: str = ""


@dataclass(frozen=True)
class Seen:
    """Whether the systems have something as it is meant; None while no fresh reading tells."""

    #: Such as "NAT rules in Netris".
    what: str
    is_there: bool | None
    #: How old that is; None where it was never read, or not since the thing was changed.
    minutes: int | None = None
    trouble: str = ""

    @property
    def why_unknown(self) -> str:
        if self.minutes is None:
            return f"{self.what}: not read since the last change."
        return f"The reading of {self.what} is {self.minutes} minute{'s'[: self.minutes != 1]} old."


@dataclass(frozen=True)
class ListOfTier:
    name: str
    url: str
    #: All of it, and which of the rules are in force.
    rules: Sequence[Rule]
    in_force: Sequence[int]
    denies_rest: bool
    site: Site
    seen: Seen


@dataclass(frozen=True)
class Network:
    """A tier."""

    name: str
    vpc: str
    cidr: IPv4Network
    url: str
    #: Why nothing of it works: it is being built, or stuck; blank when it is ready.
    trouble: str
    #: None where no list was chosen: the site's default decides, which Weft does not read for it.
    acl: ListOfTier | None


@dataclass(frozen=True)
class Machine:
    name: str
    url: str
    address: IPv4Address
    state: str
    network: Network
    seen: Seen


@dataclass(frozen=True)
class Lead:
    """Something that leads from a public IP to an instance: ports, or all of it."""

    what: str
    url: str
    address: IPv4Address
    machine: Machine | None
    machine_name: str
    seen: Seen
    protocol: Protocol | None = None
    public: tuple[int, int] = (0, 0)
    private_first: int = 0
    is_on: bool = True
    #: No instance runs in the tier, so that CloudStack has taken it off Netris.
    is_asleep: bool = False

    def takes(self, traffic: Traffic) -> bool:
        if self.protocol is None:
            return True
        return traffic.protocol is self.protocol and self.public[0] <= (traffic.port or 0) <= self.public[1]

    def leads_to(self, traffic: Traffic) -> bool:
        """The traffic as it arrives at the instance."""
        if self.protocol is None:
            return True
        last = self.private_first + self.public[1] - self.public[0]
        return traffic.protocol is self.protocol and self.private_first <= (traffic.port or 0) <= last

    def inside(self, traffic: Traffic) -> Traffic:
        if self.protocol is None or traffic.port is None:
            return traffic
        return Traffic(traffic.protocol, traffic.port - self.public[0] + self.private_first)

    def outside(self, traffic: Traffic) -> Traffic:
        if self.protocol is None or traffic.port is None:
            return traffic
        return Traffic(traffic.protocol, traffic.port - self.private_first + self.public[0])


@dataclass(frozen=True)
class Mate:
    """A member of a load balancer."""

    name: str
    #: None where it is gone from CloudStack, or has left its tier.
    machine: Machine | None
    is_drained: bool = False
    #: Netris sends to it.
    is_sent: bool = True
    #: What the SoftGates find, and their words; None where nobody checks.
    probe: Verdict | None = None
    words: str = ""


@dataclass(frozen=True)
class Balanced:
    """A load balancer: a port of a public IP, and whom it passes on to."""

    name: str
    url: str
    address: IPv4Address
    protocol: Protocol
    port: int
    member_port: int
    #: In which all its members are.
    network: Network
    mates: Sequence[Mate]
    #: Who may connect; nobody named is everybody.
    sources: Sequence[IPv4Network]
    sources_seen: Seen
    #: Why it is not known whether Netris has it; blank where it is.
    unknown: str = ""
    #: Why nothing passes: what Netris lacks of it.
    trouble: str = ""
    #: To whom Netris also sends, though nobody means it.
    foreign: str = ""

    @property
    def what(self) -> str:
        return f"Load balancer {self.name}"

    @property
    def inside(self) -> Traffic:
        """As it arrives at a member."""
        return Traffic(self.protocol, self.member_port)

    @property
    def outside(self) -> Traffic:
        return Traffic(self.protocol, self.port)

    def mates_at(self, machine: Machine | None) -> list[Mate]:
        return [mate for mate in self.mates if machine is None or mate.machine == machine]


@dataclass(frozen=True)
class Way:
    """An effective route of a VPC."""

    destination: IPv4Network
    #: "tier", "source_nat", "peering", "direct_connect", or what passes it on where Weft does not see.
    kind: str
    via: str
    seen: Seen


@dataclass(frozen=True)
class Peered:
    """A peering of a VPC, as its tenant knows it."""

    name: str
    url: str
    #: A word such as "ready", "requested" or "expired".
    state: str
    #: Of the routes of the other VPC, where that is the tenant's own; blank where it is another's.
    peer_url: str
    #: What the other VPC offers, and what of that was chosen here.
    offered: Sequence[IPv4Network]
    learned: Sequence[IPv4Network]
    #: The same the other way round.
    shown: Sequence[IPv4Network]
    told: Sequence[IPv4Network]


@dataclass(frozen=True)
class Linked:
    """A virtual interface of Direct Connect in a VPC, as its tenant knows it."""

    name: str
    url: str
    #: A word such as "ready", "down" or "stale".
    state: str
    #: What is not well, and what to do about it; blank where all is.
    trouble: str
    #: What the two ends have their addresses of.
    link: IPv4Network
    #: What the tenant's router may announce of itself; which of it does, Netris does not tell.
    accepts: Sequence[IPv4Network]
    #: The tiers that the router hears of.
    announces: Sequence[IPv4Network]
    #: How many prefixes its session takes; None where that is not known.
    takes: int | None = None

    @property
    def what(self) -> str:
        return f"Direct Connect {self.name}"

    @property
    def is_off(self) -> bool:
        """For sure: nothing leads over it."""
        return self.state in ("down", "suspended")

    @property
    def is_at_rest(self) -> bool:
        """What it accepts and announces is what Netris was told last."""
        return self.state in ("ready", "warning", "stale")

    def leads_to(self, address: IPv4Address) -> bool:
        """Where its router announces that; the default route aside."""
        return any(address in each for each in self.accepts if each.prefixlen)

    @property
    def leads_everywhere(self) -> bool:
        return any(not each.prefixlen for each in self.accepts)


@dataclass(frozen=True)
class Door:
    """A public IP of the tenant's."""

    address: IPv4Address
    url: str
    vpc: str
    seen: Seen
    #: Why nothing can lead from it: blank where something may.
    trouble: str
    leads: Sequence[Lead]
    #: Those that may take what is asked about.
    balancers: Sequence[Balanced] = ()
    #: Some of what answers there, such as "Load balancer shop at tcp 443".
    answering: Sequence[str] = ()
    #: Of its VPC.
    links: Sequence[Linked] = ()


@dataclass(frozen=True)
class Place:
    """The VPC in which an instance is, as far as the way goes through it."""

    vpc: str
    url: str
    cidr: IPv4Network
    networks: Sequence[Network]
    ways: Sequence[Way]
    #: Where public IPs are seen to.
    addresses_url: str = ""
    peerings: Sequence[Peered] = ()
    links: Sequence[Linked] = ()


@dataclass(frozen=True)
class Traffic:
    protocol: Protocol
    port: int | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {self.port}" if self.port is not None else str(self.protocol)


@dataclass(frozen=True)
class Outside:
    """Whoever is in no VPC of Weft's. Without an address: the internet as a whole."""

    address: IPv4Address | None = None

    def __str__(self) -> str:
        return "the internet" if self.address is None else str(self.address)


@dataclass(frozen=True)
class Beyond:
    """An address that is no instance's of the tenant: behind a peering, a Direct Connect or a route."""

    address: IPv4Address


@dataclass(frozen=True)
class Start:
    """An instance that sends, with its VPC, and the static NAT that it leaves by where it has one."""

    machine: Machine
    place: Place
    static_nat: Lead | None = None
    egress: IPv4Address | None = None


@dataclass(frozen=True)
class End:
    """An instance that is to be reached, with its VPC and all that leads to it."""

    machine: Machine
    place: Place
    leads: Sequence[Lead] = ()
    #: Those that it is a member of.
    balancers: Sequence[Balanced] = ()


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    hops: Sequence[Hop]

    @property
    def blocked_by(self) -> Hop | None:
        return next((hop for hop in self.hops if hop.verdict is Verdict.BLOCKED), None)

    @property
    def unknown(self) -> Hop | None:
        return next((hop for hop in self.hops if hop.verdict is Verdict.UNKNOWN), None)
