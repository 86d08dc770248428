"""What Netris sends, as far as Weft reads it.

The controller decodes and encodes loosely: numbers arrive as strings and strings as numbers, a reference is an object
or a bare id, an enum is a word or a `{label, value}` pair, and several objects have two dialects of field names. These
types accept every form that any of the vendor's SDKs or schemas knows, and everything but an id may be missing: what is
not understood is None or "", because one odd row must not spoil a list of thousands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from math import isfinite
from typing import Annotated

from pydantic import (
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from apps.kernel.inet import interface_of, network_of
from apps.kernel.remote import Wire


def new_id(data: object) -> int:
    """The id in the answer to a write: 7, {"id": 7}, [{"id": 7}] or {"staticRouteID": 7}, the number also as text."""
    match data:
        case [first]:
            return new_id(first)
        case {"id": inner} | {"staticRouteID": inner}:
            return new_id(inner)
        case int() | str() if not isinstance(data, bool):
            return int(data)
        case _:
            raise ValueError("no id")


def _or_none(parse: Callable[[str], object]) -> BeforeValidator:
    def lenient(value: object) -> object:
        try:
            return parse(str(value).strip())
        except ValueError:
            return None

    return BeforeValidator(lenient)


def _finite(text: str) -> float | None:
    """A number; none of those that are called NaN and Infinity."""
    return number if isfinite(number := float(text)) else None


_MOMENT = TypeAdapter(datetime)


def _moment(text: str) -> datetime | None:
    """Milliseconds since 1970, or an ISO date. 0 is never. (The unit of `lastSeen` is inferred; seconds work too.)"""
    try:
        return None if text == "0" else _MOMENT.validate_python(text)
    except ValidationError:
        return None


def bare(value: object) -> object:
    """What may be wrapped as {label, value}."""
    return value.get("value") or value.get("label") or "" if isinstance(value, dict) else value


def _word(value: object) -> str:
    """An enum, bare or wrapped as {label, value}."""
    value = bare(value)
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _truth(value: object) -> bool:
    return _word(value).lower() in ("true", "1", "yes", "on", "enabled", "enable")


def _reference(value: object) -> object:
    """{id, name}, a bare id or a bare name. "none" and "auto" stand where there is no id."""
    if isinstance(value, dict | Ref):
        return value
    text = _word(value)
    return {"id": text} if text.lstrip("-").isdecimal() else {"name": text}


def _rows(value: object) -> object:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _words(value: object) -> object:
    """A list of words, as such or as JSON in a text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return ()
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()


Number = Annotated[int | None, _or_none(int)]
Share = Annotated[float | None, _or_none(_finite)]
Prefix = Annotated[IPv4Network | IPv6Network | None, _or_none(network_of)]
Address = Annotated[
    IPv4Address | IPv6Address | None, _or_none(lambda text: interface_of(text).ip)
]  # with or without /32
Gateway = Annotated[IPv4Interface | IPv6Interface | None, _or_none(interface_of)]
Moment = Annotated[datetime | None, _or_none(_moment)]
Word = Annotated[str, BeforeValidator(_word)]
Flag = Annotated[bool, BeforeValidator(_truth)]
Rows = BeforeValidator(_rows)
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class NetrisWire(Wire):
    model_config = ConfigDict(alias_generator=to_camel)


class Ref(NetrisWire):
    id: Number = None
    name: Word = ""


Reference = Annotated[Ref, BeforeValidator(_reference)]
NO_REF = Ref()


class Site(NetrisWire):
    id: int
    name: str = ""
    public_asn: Number = Field(default=None, validation_alias=AliasChoices("publicASN", "publicAsn"))
    acl_policy: Word = Field(default="", validation_alias=AliasChoices("acl_policy", "aclPolicy"))
    switch_fabric: Word = ""  # netris, dot1q_trunk, equinix_metal, phoenixnap_bmc
    vlan_range: Word = ""  # 2-4094


class Tenant(NetrisWire):
    id: int = Field(validation_alias=AliasChoices("id", "tenant_id"))
    name: str = ""


class User(NetrisWire):
    """Somebody who may log in. A permission group says what of the API; without one of their own it is their role's."""

    name: str = ""
    perm_id: Number = Field(default=None, validation_alias=AliasChoices("perm_id", "permId"))
    role_id: Number = Field(default=None, validation_alias=AliasChoices("role_id", "roleId"))


class UserRole(NetrisWire):
    id: int
    perm_id: Number = Field(default=None, validation_alias=AliasChoices("perm_id", "permId"))


class PermissionGroup(NetrisWire):
    """`hidden` and `readonly` are names of sections; they come as JSON text inside of a string (2.18)."""

    id: int
    name: str = ""
    hidden: Words = ()
    readonly: Words = Field(default=(), validation_alias=AliasChoices("readonly", "readOnly"))


class Build(NetrisWire):
    """`buildVersion` is a text such as 4.15.0; its form is unverified."""

    build_version: str = ""


class Vpc(NetrisWire):
    id: int
    name: str = ""
    vni: Number = None
    is_system: Flag = False
    is_default: Flag = False
    admin_tenant: Reference = NO_REF


class VpcResources(NetrisWire):
    """What lives in a VPC, by name only."""

    id: Number = None
    allocations: Annotated[tuple[Ref, ...], Rows] = Field(default=(), validation_alias=AliasChoices("allocation"))
    subnets: Annotated[tuple[Ref, ...], Rows] = Field(default=(), validation_alias=AliasChoices("ipam"))
    vnets: Annotated[tuple[Ref, ...], Rows] = Field(default=(), validation_alias=AliasChoices("vnet"))
    routes: Annotated[tuple[Ref, ...], Rows] = Field(default=(), validation_alias=AliasChoices("route"))
    ebgp: Annotated[tuple[Ref, ...], Rows] = Field(default=(), validation_alias=AliasChoices("bgp"))


class Utilization(NetrisWire):
    percent: Share = None


class Subnet(NetrisWire):
    """A node below an allocation. Its id may equal an allocation's: key by (type, id)."""

    id: int
    name: str = ""
    prefix: Prefix = None
    purpose: Word = ""  # common, loopback, management, load-balancer, nat, bgp, inactive
    description: Word = ""
    sites: Annotated[tuple[Ref, ...], Rows] = ()
    is_read_only: Flag = Field(default=False, validation_alias=AliasChoices("readonly", "readOnly"))
    vpc: Reference = NO_REF
    tenant: Reference = NO_REF
    allocation_id: Number = Field(default=None, validation_alias=AliasChoices("allocationID", "allocationId"))
    parent_id: Number = Field(default=None, validation_alias=AliasChoices("parentID", "parentId"))
    default_gateway: Address = None
    hosts_count: Number = None
    utilization: Utilization = Utilization()
    children: Annotated[tuple[Subnet, ...], Rows] = ()

    @property
    def is_single(self) -> bool:
        """It holds one address, as the plugin makes them for what a VPC has."""
        return self.prefix is not None and self.prefix.num_addresses == 1


class Allocation(NetrisWire):
    """A root of the IPAM tree."""

    id: int
    name: str = ""
    prefix: Prefix = None
    description: Word = ""
    is_read_only: Flag = Field(default=False, validation_alias=AliasChoices("readonly", "readOnly"))
    vpc: Reference = NO_REF
    tenant: Reference = NO_REF
    utilization: Utilization = Utilization()
    children: Annotated[tuple[Subnet, ...], Rows] = ()


class Block(NetrisWire):
    """An allocation or a subnet by itself, with how many single addresses lie in it as subnets of their own."""

    id: int
    type: Word = ""  # allocation, subnet
    name: str = ""
    prefix: Prefix = None
    purpose: Word = ""  # blank for an allocation
    description: Word = ""
    sites: Annotated[tuple[Ref, ...], Rows] = ()  # none for an allocation
    is_read_only: Flag = False
    tenant: Reference = NO_REF
    parent: str = ""  # the block around it, as "allocation-3"
    default_gateway: Address = None
    hosts_count: Number = None
    utilization: Utilization = Utilization()
    addresses: int = 0

    @classmethod
    def of(cls, allocation: Allocation) -> Iterator[Block]:
        """It and the subnets in it, each behind what it lies in."""
        shared = ("id", "name", "prefix", "description", "is_read_only", "tenant", "utilization")
        facts = {name: getattr(allocation, name) for name in shared}
        singles = sum(child.is_single for child in allocation.children)
        yield cls(type="allocation", addresses=singles, **facts)
        for child in allocation.children:
            yield from cls._below(child, f"allocation-{allocation.id}")

    @classmethod
    def _below(cls, subnet: Subnet, parent: str) -> Iterator[Block]:
        if subnet.is_single:
            return
        shared = ["id", "name", "prefix", "description", "is_read_only", "tenant", "utilization"]
        shared += ["purpose", "default_gateway", "hosts_count"]
        singles = sum(child.is_single for child in subnet.children)
        facts = {name: getattr(subnet, name) for name in shared}
        facts["sites"] = [site.model_dump() for site in subnet.sites]
        yield cls(type="subnet", parent=parent, addresses=singles, **facts)
        for child in subnet.children:
            yield from cls._below(child, f"subnet-{subnet.id}")


class VNetGateway(NetrisWire):
    prefix: Gateway = None


class VNetPort(NetrisWire):
    """A port of a V-Net; only a V-Net that is read by its id shows them. `vlan` is 1 where it is untagged."""

    id: Number = None
    name: Word = ""
    vlan: Number = None
    is_untagged: Flag = Field(default=False, validation_alias=AliasChoices("accessMode", "untagged", "access"))
    state: Word = ""  # active, disabled
    status: Word = ""  # up, down: unverified
    mac_count: Number = None  # addresses seen on it


class VNet(NetrisWire):
    id: int
    name: str = ""
    vxlan_id: Number = Field(default=None, validation_alias=AliasChoices("vxlanID", "vxlanId"))
    vpc: Reference = NO_REF
    tenant: Reference = NO_REF
    gateways: Annotated[tuple[VNetGateway, ...], Rows] = ()
    state: Word = ""  # active, disabled, unmanaged
    status: Word = ""  # values unverified
    ports_count: Number = None
    tags: tuple[str, ...] = ()
    ports: Annotated[tuple[VNetPort, ...], Rows] = ()


class NatRule(NetrisWire):
    id: int
    name: str = ""
    action: Word = ""  # DNAT, SNAT, ACCEPT_SNAT
    protocol: Word = ""
    state: Word = ""  # what is wanted; Netris has no runtime state of a rule
    vpc: Reference = NO_REF
    source_address: Prefix = None
    destination_address: Prefix = None
    source_port: Word = ""  # "1-65535" where it means nothing
    destination_port: Word = ""  # "22", "8000-8010"
    snat_to_ip: Address = Field(default=None, validation_alias=AliasChoices("snatToIP", "snatToIp"))
    dnat_to_ip: Address = Field(default=None, validation_alias=AliasChoices("dnatToIP", "dnatToIp"))
    dnat_to_port: Number = None  # 0 and absent: every port of protocol "all"
    comment: str = ""

    @property
    def is_enabled(self) -> bool:
        return self.state.lower() != "disabled"


class Acl(NetrisWire):
    """A rule. Its prefixes come without their lengths, which stand beside them; one without either is None, and not
    a single address. Ports are 0 or absent where they mean nothing (REAL)."""

    id: int
    name: str = ""
    vpc: Reference = NO_REF
    action: Word = ""  # permit, deny
    protocol: Word = Field(
        default="", validation_alias=AliasChoices("proto", "protocol")
    )  # all, ip, tcp, udp, icmp ...
    source: Prefix = Field(default=None, validation_alias="src_prefix")
    destination: Prefix = Field(default=None, validation_alias="dst_prefix")
    source_port_from: Number = Field(default=None, validation_alias="src_port_from")
    source_port_to: Number = Field(default=None, validation_alias="src_port_to")
    port_from: Number = Field(default=None, validation_alias="dst_port_from")
    port_to: Number = Field(default=None, validation_alias="dst_port_to")
    source_port_group: Number = Field(default=None, validation_alias="src_port_group")
    port_group: Number = Field(default=None, validation_alias="dst_port_group")
    is_established: Flag = Field(default=False, validation_alias="established")  # TCP: answers pass
    is_reversed: Flag = Field(default=False, validation_alias="reverse")  # others: there is a mirrored rule
    icmp_type: Number = Field(default=None, validation_alias="icmp_type")
    status: Word = ""  # enabled, disabled: unverified
    valid_until: Moment = Field(default=None, validation_alias="valid_until")
    comment: str = ""

    @model_validator(mode="before")
    @classmethod
    def _with_lengths(cls, row: object) -> object:
        if not isinstance(row, dict):
            return row
        lengths = {"src_prefix": row.get("src_length"), "dst_prefix": row.get("dst_length")}
        return row | {name: _with_length(row.get(name), length) for name, length in lengths.items()}

    @property
    def is_enabled(self) -> bool:
        return self.status.lower() != "disabled"


def _with_length(prefix: object, length: object) -> str | None:
    text = "" if prefix is None else str(prefix).strip()
    if "/" in text:
        return text
    return f"{text}/{length}" if text and str(length).isdecimal() else None


class Probe(NetrisWire):
    """What one SoftGate last found at a member. When, Netris does not say."""

    softgate: Reference = Field(default=NO_REF, validation_alias=AliasChoices("hardware"))
    status: Word = ""  # ok, failed
    response: Word = ""  # the reason: "connection timed out"; other texts unverified


class Backend(NetrisWire):
    """A member. `probes` is there in newer releases alone; older ones say one `status` for all SoftGates."""

    ip: Address = None
    port: Number = None
    maintenance: Flag = False
    status: Word = ""  # ok, failed
    response: Word = ""
    probes: Annotated[tuple[Probe, ...], Rows] = Field(default=(), validation_alias=AliasChoices("stats", "probes"))


class HealthCheck(NetrisWire):
    """`protocol` is blank where nothing is probed. `timeout` is in milliseconds."""

    protocol: Word = ""  # TCP, HTTP
    timeout: Number = Field(default=None, validation_alias=AliasChoices("timeout", "timeOut"))
    request_path: Word = ""


def _health_check(value: object) -> object:
    """{"TCP": {timeOut, requestPath}} of the Go SDK, {protocol, timeout, requestPath} of the Java SDK, the bare word
    that is written, or nothing."""
    if isinstance(value, HealthCheck):
        return value
    if not isinstance(value, dict):
        value = {"protocol": _word(value)}
    for protocol in ("TCP", "HTTP"):
        if isinstance(inner := value.get(protocol), dict):
            value = inner | {"protocol": protocol}
    protocol = _word(value.get("protocol")).upper()
    return value | {"protocol": protocol} if protocol in ("TCP", "HTTP") else {}


NO_CHECK = HealthCheck()


class Balancer(NetrisWire):
    """An L4 load balancer, in the older shape, the newer, or both at once (2.5)."""

    id: int
    name: str = ""
    protocol: Word = ""  # TCP, UDP
    ip: Address = None
    port: Number = None
    status: Word = Field(default="", validation_alias=AliasChoices("status", "state"))  # enable, disable
    vpc: Reference = NO_REF
    site: Reference = Field(default=NO_REF, validation_alias=AliasChoices("site", "siteId", "siteID"))
    tenant: Reference = Field(default=NO_REF, validation_alias=AliasChoices("tenant", "tenantId", "tenantID"))
    check: Annotated[HealthCheck, BeforeValidator(_health_check)] = NO_CHECK
    backends: Annotated[tuple[Backend, ...], Rows] = Field(
        default=(), validation_alias=AliasChoices("backendIps", "backend", "backends")
    )

    @model_validator(mode="before")
    @classmethod
    def _with_its_check(cls, row: object) -> object:
        """Where both spellings are sent, whichever says something counts."""
        if not isinstance(row, dict):
            return row
        found = (row.get(name) for name in ("healthCheck", "healthcheck", "check"))
        return row | {"check": next((each for each in found if each), None)}

    @property
    def is_enabled(self) -> bool:
        return self.status.lower() not in ("disable", "disabled")


class StaticRoute(NetrisWire):
    """Its name is its destination (netris-api.md 2.9)."""

    id: int
    destination: Prefix = Field(default=None, validation_alias=AliasChoices("name", "destination"))
    next_hop: Address = Field(default=None, validation_alias="next_hop")
    vpc: Reference = NO_REF
    description: str = ""
    state: Word = Field(default="", validation_alias=AliasChoices("stateStatus", "state"))

    @property
    def is_enabled(self) -> bool:
        return self.state.lower() != "disabled"

    def __str__(self) -> str:
        return f"{self.destination} via {self.next_hop}"


class Link(NetrisWire):
    id: Word = ""  # an int or a string; absent where a device lists its own links
    local: Reference = NO_REF
    remote: Reference = NO_REF
    underlay: Flag = False


class Check(NetrisWire):
    """One line of a device's health as last reported."""

    name: str = Field(default="", validation_alias=AliasChoices("check_name", "checkName"))
    status: Word = ""  # ok, warning, critical, unknown, in any case
    severity: Word = ""
    message: Word = ""
    port: Word = ""
    checked_at: Moment = Field(default=None, validation_alias=AliasChoices("last_check_time", "lastCheckTime"))


class Health(NetrisWire):
    """How many checks are in each state."""

    ok: Number = None
    warning: Number = None
    critical: Number = None
    unknown: Number = None


class Nos(NetrisWire):
    """An operating system of switches, such as cumulus_linux."""

    id: Number = None
    name: str = ""
    tag: str = ""


class Device(NetrisWire):
    id: int
    name: str = ""
    type: Word = ""  # switch, softgate, server, controller
    description: str = ""
    status: Word = ""  # "ok" in the one sample; other values unverified
    last_seen: Moment = None
    uptime: Word = ""
    main_address: Address = None
    mgmt_address: Address = None
    asn: Number = None
    port_count: Number = None
    sw_role: Word = ""  # generic, leaf, spine, super-spine; from 4.10 on
    srv_role: Word = ""  # generic, hyperv_cs
    sg_role: Word = ""  # general, snat
    sg_flavor: Word = ""
    maintenance_mode: Flag = False
    site: Reference = NO_REF
    tenant: Reference = NO_REF
    nos: Reference = NO_REF
    profile: Reference = NO_REF
    mac_address: Word = ""
    tags: Words = ()
    custom_data: Word = ""  # any text; JSON for hypervisors of CloudStack
    version: Word = Field(default="", validation_alias=AliasChoices("conductorVersion"))
    checks: Annotated[tuple[Check, ...], Rows] = Field(default=(), validation_alias=AliasChoices("hardwareHealth"))
    health: Annotated[Health, BeforeValidator(lambda value: value if isinstance(value, dict) else {})] = Health()
    links: Annotated[tuple[Link, ...], Rows] = ()


class Port(NetrisWire):
    id: int
    name: str = ""  # swp1@leaf-1
    short_name: str = ""
    description: str = ""
    status: Word = ""  # up, down; the exact words are unverified
    transceiver: Word = ""
    speed: Word = ""
    desired_speed: Word = ""
    mtu: Number = None
    auto_neg: Word = ""  # on, off, none
    duplex: Word = ""  # full, half, none
    fec: Word = ""  # auto, base-r, rs, off
    is_admin_down: Flag = Field(default=False, validation_alias=AliasChoices("adminDown"))
    is_used: Flag = Field(default=False, validation_alias=AliasChoices("inUse", "used"))
    switch: Reference = Field(default=NO_REF, validation_alias=AliasChoices("switch", "switchName"))
    site: Reference = NO_REF
    tenant: Reference = NO_REF


def _points(value: object) -> tuple[tuple[float, int], ...]:
    """`[[value|null, seconds], ...]`. A moment without a value says nothing, and neither does what is no number."""
    found = []
    for point in value if isinstance(value, list) else ():
        match point:
            case [int() | float() as number, int() | float() as at] if not isinstance(number, bool):
                if isfinite(number):
                    found.append((float(number), int(at)))
    return tuple(found)


class Series(NetrisWire):
    """What the collector has of one target: values with the seconds since 1970 at which they were measured."""

    target: str = ""
    points: Annotated[tuple[tuple[float, int], ...], BeforeValidator(_points)] = Field(
        default=(), validation_alias=AliasChoices("datapoints")
    )


def _secret(value: object) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr("" if value is None else str(value))


def _lines(value: object) -> str:
    """A prefix list: an entry a line, without blank ones."""
    text = "" if value is None else str(value)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


Lines = Annotated[str, BeforeValidator(_lines)]


class EBgp(NetrisWire):
    """A BGP session, in the snake case that controllers answer with or the camel case of the OpenAPI schema."""

    id: int
    name: str = ""
    description: str = ""
    # The admin state. Both words exist; `status` is the one that controllers were seen to send.
    admin_state: Word = Field(default="", validation_alias=AliasChoices("status", "state"))
    bgp_state: Word = Field(default="", validation_alias=AliasChoices("bgp_state", "bgpState"))
    bgp_prefixes: Number = Field(default=None, validation_alias=AliasChoices("bgp_prefixes", "bgpPrefixes"))
    bgp_uptime: Word = Field(default="", validation_alias=AliasChoices("bgp_uptime", "bgpUptime"))
    port_status: Word = Field(default="", validation_alias=AliasChoices("port_status", "portStatus"))
    device: Reference = Field(
        default=NO_REF, validation_alias=AliasChoices("hardware", "term_sw_name", "terminate_on_switch")
    )
    vpc: Reference = NO_REF
    port: Reference = NO_REF
    vlan: Number = None
    local_address: Address = Field(default=None, validation_alias=AliasChoices("local_ip", "localIP"))
    remote_address: Address = Field(default=None, validation_alias=AliasChoices("remote_ip", "remoteIP"))
    neighbor_as: Number = Field(default=None, validation_alias=AliasChoices("neighbor_as", "neighborAS"))
    local_as: Word = Field(default="", validation_alias=AliasChoices("localAsn", "local_asn"))  # or public-as
    prefix_length: Number = Field(default=None, validation_alias=AliasChoices("prefix_length", "prefixLength"))
    vnet: Reference = NO_REF
    bfd: Flag = False
    prefix_limit: Number = Field(default=None, validation_alias=AliasChoices("prefix_limit", "prefixInboundMax"))
    accepts: Lines = Field(default="", validation_alias=AliasChoices("prefix_list_inbound", "prefixListInbound"))
    announces: Lines = Field(default="", validation_alias=AliasChoices("prefix_list_outbound", "prefixListOutbound"))
    # Sent in clear (inferred from the schema). Never written down, and never shown.
    password: Annotated[SecretStr, BeforeValidator(_secret)] = Field(
        default=SecretStr(""), exclude=True, repr=False, validation_alias=AliasChoices("bgp_password", "bgpPassword")
    )

    @property
    def is_enabled(self) -> bool:
        return self.admin_state.lower() != "disabled"

    @property
    def is_established(self) -> bool:
        return self.bgp_state.lower() == "established"


class PeeringSide(NetrisWire):
    """A VPC of a peering. `accepts` is what it takes from the other: one list, or one for each family (2.12). Where
    nobody wrote one it is what Netris fills in."""

    id: Number = None
    name: Word = ""
    accepts: Lines = Field(default="", validation_alias=AliasChoices("prefixListInbound"))

    @model_validator(mode="before")
    @classmethod
    def _with_one_list(cls, row: object) -> object:
        if not isinstance(row, dict):
            return row
        split = [row[name] for name in ("prefixListInboundIPv4", "prefixListInboundIPv6") if row.get(name)]
        return row | {"prefixListInbound": "\n".join(map(str, split))} if split else row


def _side(value: object) -> object:
    return value if isinstance(value, PeeringSide) else _reference(value)


OneSide = Annotated[PeeringSide, BeforeValidator(_side)]
NO_SIDE = PeeringSide()


class Peering(NetrisWire):
    """Two VPCs that exchange routes. Netris has no state of one."""

    id: int
    name: str = ""
    a: OneSide = Field(default=NO_SIDE, validation_alias=AliasChoices("vpcA"))
    b: OneSide = Field(default=NO_SIDE, validation_alias=AliasChoices("vpcB"))
