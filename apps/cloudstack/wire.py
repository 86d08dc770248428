"""What CloudStack sends, as far as Weft reads it. Field names are CloudStack's own.

Null fields are left out of CloudStack's JSON, so everything except an id has a default. Fields that only a root key
gets to see (`broadcasturi`, `details`) are here because the portal's key is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from apps.kernel.remote import Wire

# A VPC made by hand may have host bits in its range; that must not spoil a whole list.
Cidr = Annotated[IPv4Network | None, BeforeValidator(lambda value: ip_network(value, strict=False))]
# "10.0.0.0/8,192.0.2.7/32" in one text. Host bits are passed on to Netris, which refuses them, so they are kept here.
CidrTexts = Annotated[tuple[str, ...], BeforeValidator(lambda value: _parts(value))]


def _parts(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Capabilities(Wire):
    cloudstackversion: str = ""


class Api(Wire):
    """A command that the caller may give."""

    name: str = ""


class Entity(Wire):
    id: str


class Zone(Entity):
    name: str = ""
    networktype: str = ""
    allocationstate: str = ""
    provider: str = ""  # "Netris" on a Netris zone, from 4.21

    @property
    def is_netris(self) -> bool:
        return self.provider.lower() == "netris"


class Host(Entity):
    """A machine, or what CloudStack treats as one: a network controller is a host of type L2Networking."""

    name: str = ""
    type: str = ""
    state: str = ""  # Up, Connecting, Disconnected, Alert, Down ...: the connection, not the health behind it
    resourcestate: str = ""  # Enabled, Disabled, Maintenance, PrepareForMaintenance ...: what people want of it
    zoneid: str = ""
    ipaddress: str = ""  # of its management; a controller's is its URL, or blank
    podname: str = ""
    clustername: str = ""
    hypervisor: str = ""
    version: str = ""
    cpunumber: int | None = None
    cpuallocated: str = ""  # "4.69%"
    memorytotal: int | None = None  # bytes
    memoryallocated: int | None = None  # bytes

    @property
    def is_up(self) -> bool:
        return self.state == "Up"


class IpRange(Entity):
    """A public range of a zone. Without provider it is the virtual routers', or the system VMs'."""

    vlan: str = ""  # vlan://untagged, vxlan://13 ...
    startip: str = ""
    endip: str = ""
    provider: str = ""
    forsystemvms: bool = False


class Domain(Entity):
    name: str = ""
    level: int = 0
    parentdomainid: str = ""
    path: str = ""


class Account(Entity):
    name: str = ""
    domainid: str = ""
    state: str = ""
    accounttype: int = 0


class Provider(Wire):
    name: str = ""


class Service(Wire):
    name: str = ""
    provider: tuple[Provider, ...] = ()


class Offering(Entity):
    name: str = ""
    displaytext: str = ""
    state: str = ""
    networkmode: str = ""  # NATTED or ROUTED
    zoneid: str = ""  # "" is every zone; several ids are joined by commas
    service: tuple[Service, ...] = ()

    @property
    def is_netris(self) -> bool:
        return any(provider.name == "Netris" for service in self.service for provider in service.provider)


class VpcOffering(Offering):
    isdefault: bool = False


class NetworkOffering(Offering):
    forvpc: bool = False
    guestiptype: str = ""
    specifyvlan: bool = False


class Vpc(Entity):
    name: str = ""
    displaytext: str = ""
    state: str = ""
    cidr: Cidr = None
    zoneid: str = ""
    vpcofferingid: str = ""
    account: str = ""
    domainid: str = ""
    service: tuple[Service, ...] = ()
    restartrequired: bool = False
    created: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        """Says little alone: CloudStack calls a VPC Enabled while the job that builds it is still running, and after
        that was broken off. No row tells that a job works on it."""
        return self.state == "Enabled"

    @property
    def has_router(self) -> bool:
        """Something of it is served by a virtual router, so CloudStack starts one with it."""
        return any(provider.name == "VpcVirtualRouter" for each in self.service for provider in each.provider)


class Network(Entity):
    name: str = ""
    displaytext: str = ""
    state: str = ""
    cidr: Cidr = None
    gateway: IPv4Address | None = None
    netmask: IPv4Address | None = None
    zoneid: str = ""
    networkofferingid: str = ""
    vpcid: str = ""
    vpcname: str = ""
    aclid: str = ""
    aclname: str = ""
    account: str = ""
    domainid: str = ""
    broadcasturi: str = ""
    details: dict[str, Any] = Field(default_factory=dict)
    created: datetime | None = None

    @property
    def vni(self) -> int | None:
        """The tier's VXLAN number. The detail outlives garbage collection, the broadcast URI does not."""
        scheme, _, number = self.broadcasturi.partition("://")
        candidates = (self.details.get("netrisvxlanid"), number if scheme == "netris" else "")
        return next((int(text) for text in map(str, candidates) if text.isdecimal()), None)


class Router(Entity):
    name: str = ""
    state: str = ""  # Starting, Running, Stopping, Stopped ...
    vpcid: str = ""


class StaticRoute(Entity):
    """It has a next hop in the VPC, or a private gateway."""

    cidr: Cidr = None
    nexthop: IPv4Address | None = None
    vpcgatewayip: str = ""
    state: str = ""
    vpcid: str = ""

    def __str__(self) -> str:
        return f"{self.cidr} via {self.nexthop or self.vpcgatewayip or 'a private gateway'}"


class PhysicalNetwork(Entity):
    """`vlan` is the pool that tiers get their VNIs from, such as "1000000-1999999,3000000-3000099"."""

    name: str = ""
    zoneid: str = ""
    state: str = ""
    isolationmethods: str = ""
    vlan: str = ""

    @property
    def vnis(self) -> tuple[range, ...]:
        """The pool; what is no range is left out."""
        found = (re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", part) for part in self.vlan.split(","))
        return tuple(range(int(match[1]), int(match[2]) + 1) for match in found if match)


class GuestVlan(Entity):
    """One number of the pool. CloudStack names no network with it, not for live tiers either (4.22)."""

    vlan: str = ""
    zoneid: str = ""
    physicalnetworkid: str = ""
    allocationstate: str = ""
    taken: datetime | None = None


class PublicIp(Entity):
    """Two addresses of a Netris VPC say `issourcenat`; the one with `forprovider` is the real source NAT IP."""

    ipaddress: IPv4Address | IPv6Address
    state: str = ""
    issourcenat: bool = False
    isstaticnat: bool = False
    forprovider: bool = False
    hasrules: bool = False  # port forwards or balancers: static NAT does not count
    vpcid: str = ""
    associatednetworkid: str = ""  # the tier; `networkid` is the public network and says nothing
    virtualmachineid: str = ""  # with static NAT alone, as is the next
    vmipaddress: IPv4Address | IPv6Address | None = None
    allocated: datetime | None = None
    zoneid: str = ""
    account: str = ""
    domainid: str = ""

    @property
    def is_free(self) -> bool:
        return self.state == "Free"


class PortForward(Entity):
    """`vmguestip` is what was asked for; Netris gets the instance's first address in the tier whatever it is (REAL).
    `cidrlist` means nothing (REAL)."""

    protocol: str = ""
    publicport: int
    publicendport: int | None = None
    privateport: int
    privateendport: int | None = None
    ipaddressid: str = ""
    ipaddress: IPv4Address | IPv6Address | None = None
    networkid: str = ""
    virtualmachineid: str = ""
    vmguestip: IPv4Address | IPv6Address | None = None
    cidrlist: CidrTexts = ()
    state: str = ""  # Add: not applied; Active; Deleting: a removal that failed

    @property
    def is_active(self) -> bool:
        return self.state == "Active"


class BalancerRule(Entity):
    """A load balancer. Its members are not in it. `algorithm` means nothing on Netris (REAL)."""

    name: str = ""
    protocol: str = ""  # tcp, udp, and whatever else was sent
    publicport: int
    privateport: int
    publicipid: str = ""
    publicip: IPv4Address | IPv6Address | None = None
    networkid: str = ""
    cidrlist: CidrTexts = ()
    state: str = ""  # Add: not applied, as while it has no members; Active; Deleting: a removal that failed

    @property
    def is_active(self) -> bool:
        return self.state == "Active"


class SecondaryIp(Entity):
    ipaddress: IPv4Address | IPv6Address | None = None


class Nic(Entity):
    """Whether it has its address before the instance was ever started is (unverified). It keeps it when stopped."""

    networkid: str = ""
    networkname: str = ""
    vpcid: str = ""
    ipaddress: IPv4Address | IPv6Address | None = None
    macaddress: str = ""
    isdefault: bool = False
    secondaryip: tuple[SecondaryIp, ...] = ()


class Instance(Entity):
    name: str = ""
    displayname: str = ""
    instancename: str = ""  # i-2-31-VM
    state: str = ""  # Starting, Running, Stopping, Stopped, Destroyed, Expunging, Error, Migrating ...
    account: str = ""
    domainid: str = ""
    zoneid: str = ""
    hostid: str = ""  # while it runs
    hostname: str = ""
    nic: tuple[Nic, ...] = ()
    created: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.state == "Running"

    def nic_in(self, network_id: str) -> Nic | None:
        return next((nic for nic in self.nic if nic.networkid == network_id), None)


class Setting(Entity):
    """A setting of the management server: its name is all the id it has."""

    id: str = Field(alias="name")
    value: str = ""


class AclList(Entity):
    name: str = ""
    description: str = ""
    vpcid: str = ""  # "" is a list that every VPC may use


class AclItem(Entity):
    """One rule of a list. Without ports it is about all of them; `icmpcode` never reaches Netris (REAL)."""

    aclid: str = ""
    number: int
    action: str = ""  # Allow, Deny
    traffictype: str = ""  # Ingress, Egress
    protocol: str = ""  # tcp, udp, icmp, all, or a number
    startport: int | None = None
    endport: int | None = None
    icmptype: int | None = None
    icmpcode: int | None = None
    cidrlist: CidrTexts = ()
    reason: str = ""
    state: str = ""  # Add: not applied, Active, Deleting: a removal that failed

    @property
    def is_active(self) -> bool:
        return self.state == "Active"


class ResourceType(IntEnum):
    """CloudStack's numbers for what it counts and limits, as far as Weft sets them."""

    USER_VM = 0
    PUBLIC_IP = 1
    NETWORK = 6
    VPC = 7


class JobStatus(IntEnum):
    PENDING = 0
    SUCCEEDED = 1
    FAILED = 2

    @classmethod
    def _missing_(cls, value: object) -> JobStatus:
        # 3 (cancelled) exists in the server's enum and is practically unseen: the job is over and did not succeed.
        return cls.FAILED


class Job(Entity):
    """An asynchronous job. A failed one may come without a result, and then even with code 0 (a cancelled job).

    What it works on is not told for VPCs, networks and domains: their jobs have no `jobinstanceid`.
    """

    id: str = Field(validation_alias=AliasChoices("jobid", "id"))
    cmd: str = ""  # org.apache.cloudstack.api.command.user.vpc.CreateVPCCmd, or ...CmdByAdmin
    created: datetime | None = None
    status: Annotated[JobStatus, BeforeValidator(lambda value: JobStatus(int(value)))] = Field(
        validation_alias=AliasChoices("jobstatus", "status")
    )
    code: int = Field(default=0, validation_alias=AliasChoices("jobresultcode", "code"))
    # A dict as a rule; older commands answer with plain text (`jobresulttype` "text").
    answer: Any = Field(default=None, validation_alias=AliasChoices("jobresult", "answer"))

    @property
    def command(self) -> str:
        """`CreateVPC` of `org.apache...CreateVPCCmdByAdmin`."""
        return self.cmd.rpartition(".")[2].removesuffix("ByAdmin").removesuffix("Cmd")

    @property
    def result(self) -> dict[str, Any]:
        return self.answer if isinstance(self.answer, dict) else {}

    @property
    def error_text(self) -> str:
        """The job's own words; "" when it left none."""
        return str(self.result.get("errortext") or "") or (self.answer if isinstance(self.answer, str) else "")

    @property
    def error_code(self) -> int:
        code = self.result.get("errorcode")
        return int(code) if isinstance(code, int | str) and str(code).isdecimal() else self.code


@dataclass(frozen=True)
class StartedJob:
    """What an async-create command answers: the object already exists, the job goes on building it."""

    id: str
    job: str
