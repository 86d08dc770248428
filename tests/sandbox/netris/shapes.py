"""What the rows of each list are made of: each key with its JSON type (netris-api.md 2 and 3).

An object has exactly the keys of its dictionary, a list holds what its element says, a tuple is one of several, and a
type is itself: a boolean is no number.
"""

from __future__ import annotations

from typing import Any

Shape = Any

ANY = object()
NONE = type(None)


def shape(texts: str = "", **others: Shape) -> dict[str, Shape]:
    return dict.fromkeys(texts.split(), str) | others


def misfit(value: Any, wanted: Shape, path: str = "") -> str:
    """Where the value is not of this shape; empty when it is."""
    if wanted is ANY:
        return ""
    if isinstance(wanted, tuple):
        misfits = [misfit(value, each, path) for each in wanted]
        return "" if "" in misfits else misfits[0]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return f"{path}: {value!r} is no list"
        return next((found for item in value if (found := misfit(item, wanted[0], f"{path}[]"))), "")
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            return f"{path}: {value!r} is no object"
        if value.keys() != wanted.keys():
            return f"{path}: {sorted(value.keys() ^ wanted.keys())} are missing or unknown"
        return next((found for key in wanted if (found := misfit(value[key], wanted[key], f"{path}.{key}"))), "")
    return "" if type(value) is wanted else f"{path}: {value!r} is no {wanted.__name__}"


def keys(wanted: Shape) -> set[str]:
    """The names of all keys, those within objects too."""
    inner = wanted.values() if isinstance(wanted, dict) else wanted if isinstance(wanted, list | tuple) else ()
    return set(wanted if isinstance(wanted, dict) else ()).union(*map(keys, inner))


REF = shape("name", id=int)
DATES = {"createdDate": int, "modifiedDate": int}
TEXT_DATES = {"createdDate": str, "modifiedDate": str}
STATUS = shape("label value")
WRITES = [shape("name tenant_name", id=int, tenant_id=int, tenant_read=bool, tenant_write=bool)]
OLD_DATES = {"create_date": int, "modified_date": int}

# v1: tenants, people, sites (2.17, 2.18)
TENANT = shape("name description", id=int, tenant_id=int, create_date=int, modified_date=int)
USER = shape(
    "name fullname email email_cc phone company position perm_name rolename",
    id=int,
    perm_id=(int, NONE),
    role_id=(int, NONE),
    tenants=WRITES,
    auth_scheme_id=int,
    **OLD_DATES,
)
ROLE = shape("name description perm_name", id=int, perm_id=int, tenants=WRITES, **OLD_DATES)
GROUP = shape("name description hidden readonly external_acl", id=int, externalACL=bool, **OLD_DATES)
OLD_SITE = shape(
    "name acl_policy switchFabric vlanRange",
    **{"id": int, "publicASN": int, "asn": int, "rohASN": int, "vmASN": int, "vpn": NONE, "siteToSiteVpn": NONE},
)
SITE = shape(
    "name aclPolicy switchFabric vlanRange vlanRangeAutoAssign vlanRangeSysReserved",
    id=int,
    **dict.fromkeys(("publicAsn", "rohAsn", "vmAsn"), int),
    siteMesh=shape("name value"),
    rohProfile=(shape("name value", id=int), NONE),
    switchFabricProviders=NONE,
    **DATES,
)

# networks (2.1 to 2.3, 2.12, 2.19)
VPC = shape(
    "name",
    id=int,
    adminTenant=REF,
    guestTenant=[REF],
    tags=[str],
    isSystem=bool,
    isDefault=bool,
    vni=int,
    vlans=[{"siteId": int, "vlan": int}],
    **DATES,
)
_OWNED = shape("name", id=int, tenant=int)
RESOURCES = shape(
    id=int, site=REF, **{name: [_OWNED] for name in ("bgp", "roh", "vnet", "ipam", "route", "allocation")}
)
_SIDE = shape("name prefixListInbound prefixListInboundIPv4 prefixListInboundIPv6", id=int)
PEERING = shape("name", id=int, vpcA=_SIDE, vpcB=_SIDE, **TEXT_DATES)
OPTION_SET = shape(
    "name description domainSearch",
    id=int,
    dnsServers=[str],
    ntpServers=[str],
    leaseTime=int,
    additionalOptions=[shape("type value", code=int, isCustom=bool)],
    isDefault=bool,
    **DATES,
)
_DHCP = shape("start end", optionSet=REF)
VNET = shape(
    "name state vlans customAnycastMac ipFamily macAddress",
    id=int,
    vpc=REF,
    tenant=REF,
    guestTenants=[REF],
    sites=[REF],
    tenantID=int,
    vlan=int,
    vxlanID=int,
    provisioning=bool,
    vlanAware=bool,
    nativeVlan=int,
    l3vpn=bool,
    gateways=[shape("prefix ipFamily", vlan=(int, NONE), dhcpEnabled=bool, dhcp=(_DHCP, NONE), dhcpLeaseCount=int)],
    ports=[ANY],
    portTags=[shape("name", accessMode=bool)],
    tags=[str],
    dhcpRelay=(shape("primaryAddr secondaryAddr", enabled=bool, vpc=REF), NONE),
    status=STATUS,
    portsCount=int,
    internal=int,
    **DATES,
)
NODE = shape(
    "name fullName description ipFamily readonly prefix type defaultGateway",
    id=int,
    vpc=REF,
    parentID=int,
    allocationID=int,
    tenant=REF,
    sites=[REF],
    subnet=shape("prefix", length=int),
    purpose=(str, NONE),
    globalRouting=bool,
    tags=[str],
    hasHosts=bool,
    hostsCount=int,
    utilization=shape("type", percent=int),
    children=[ANY],
    **DATES,
)
SUBNET = NODE | {"purpose": str}
HOST = shape("name address type readonly ipFamily description", id=int, subnetID=int, meta=ANY)

# ledgers (2.3)
CONSUMER = shape("name type", id=int)
_RANGE = shape("start end", option_set_id=int)
_META: Shape = ({}, shape("tag"), shape("tag", dhcp=_RANGE))
RESERVED_IP = {
    "id": int,
    "host": shape("address", id=(int, NONE), subnet=(shape("prefix name purpose", id=int), NONE)),
    "consumer": CONSUMER,
    "meta": _META,
}
RESERVED_VLAN = {"id": int, "vlan": int, "site": REF, "consumer": CONSUMER, "meta": _META}
RESERVED_VXLAN = {"id": int, "vxlan": int, "consumer": CONSUMER, "meta": _META}

# services (2.4 to 2.7, 2.9)
_GROUPED = shape("name", id=int, ports=[str])
PORT_GROUP = _GROUPED | {
    "port_grp_id": int,
    "port_from": [int],
    "port_to": [int],
    "created_date": int,
    "modified_date": int,
}
NAT = shape(
    "name sourceAddress destinationAddress sourcePort destinationPort comment",
    id=int,
    site=REF,
    vpc=REF,
    state=shape("label value status"),
    action=STATUS,
    protocol=STATUS,
    creator=REF,
    editor=REF,
    snatToIP=(str, NONE),
    snatToPool=(str, NONE),
    dnatToIP=(str, NONE),
    dnatToPort=(int, NONE),
    portGroup=(_GROUPED, NONE),
    pool=bool,
    **DATES,
)
_STAT = shape("response", hardware=REF, status=STATUS)
_MEMBER = shape("ip status response", id=int, port=int, maintenance=bool, stats=[_STAT])
_CHECK = shape("timeOut requestPath")
BALANCER = shape(
    "name description protocol status ip ipFamily tenantName siteName",
    id=int,
    vpc=REF,
    site=REF,
    tenant=REF,
    tenantId=int,
    siteId=int,
    port=int,
    tags=[str],
    automatic=bool,
    internal=int,
    backendIps=[_MEMBER],
    backend=[_MEMBER],
    healthcheck=(shape("protocol requestPath", timeout=int), NONE),
    healthCheck=({}, {"TCP": _CHECK}, {"HTTP": _CHECK}),
    label=shape("status text"),
    state=STATUS,
    **DATES,
)
ACL = shape(
    "name action proto protocol src_prefix dst_prefix reverse comment ip_version source destination status creator "
    "editor tenants tenantsID approval approve acl_src_grp_name acl_src_grp_ports acl_dst_grp_name acl_dst_grp_ports",
    id=int,
    src_port_from=int,
    src_port_to=int,
    dst_port_from=int,
    dst_port_to=int,
    src_port_group=(int, NONE),
    dst_port_group=(int, NONE),
    established=int,
    icmp_type=(int, NONE),
    valid_until=(str, NONE),
    vpc=REF,
    src_length=int,
    dst_length=int,
    sites=[REF],
    admin_role_approve=int,
    creator_id=int,
    editor_id=int,
    create_date=int,
    edit_date=int,
)
ROUTE = shape(
    "name prefix next_hop description state stateStatus site_name",
    id=int,
    internal=bool,
    prefix_length=int,
    site_id=int,
    switches=[REF],
    filteredSwitches=[REF],
    vpc=shape("name", id=int, isDefault=bool, isSystem=bool),
    create_date=int,
    modified_date=int,
)

# BGP (2.10, 2.11)
SESSION = shape(
    "name description ipFamily localIP remoteIP state bfd defaultOriginate originate removePrivateAs bgpPassword "
    "neighborAddress updateSource prefixListInbound prefixListOutbound bgpCommunity inboundRouteMapName "
    "outboundRouteMapName status local_ip remote_ip community default_originate ip_version neighbor_address "
    "prefix_list_inbound prefix_list_outbound update_source site_name siteName term_sw_name terminate_on_switch "
    "tenantName circuitName bgp_state bgp_prefixes bgpPrefixes bgp_uptime bgpUptime port_status prefixLength "
    "localAsn bgp_password switch_name portName port_name",
    id=int,
    vpc=REF,
    site=REF,
    hardware=(REF, shape("id name")),
    port=(shape("ifName name", id=int), NONE),
    vnet=(shape("name", id=int, internal=int), shape("id name", internal=int)),
    untagged=bool,
    timers={"hello": int, "hold": int, "connect": int},
    tags=[str],
    **dict.fromkeys(("internal", "circuit_internal", "created_date", "modified_date"), int),
    **dict.fromkeys(("term_switch_id", "switch_id", "switch_port_id"), (int, NONE)),
    **dict.fromkeys(("routeId", "route_id"), NONE),
    **dict.fromkeys(("inboundRouteMap", "outboundRouteMap", "inbound_route_map", "outbound_route_map"), (int, NONE)),
    **dict.fromkeys(("vlan", "site_id", "multihop", "weight", "prefixInboundMax", "prefix_limit"), int),
    **dict.fromkeys(("prefix_length", "neighborAS", "neighbor_as", "allowAsIn", "allowas_in"), int),
    **dict.fromkeys(("localPreference", "local_preference", "prependInbound", "prepend_inbound"), int),
    **dict.fromkeys(("prependOutbound", "prepend_outbound"), int),
    **TEXT_DATES,
)
BGP_OBJECT = shape("name type typeValue", id=int, **DATES)
ROUTE_MAP = shape(
    "name",
    id=int,
    sequences=[
        shape(
            "description policy",
            number=int,
            matches=[shape("type ebgpObject ebgpObjectType", value=(str, NONE))],
            actions=[shape("type parameter value")],
        )
    ],
    **DATES,
)

# fabric (2.13 to 2.16)
PROFILE = shape(
    "name description ipv4_ssh ipv6_ssh ntp_servers dns_servers timezone",
    id=int,
    customRules=[shape("description srcSubnet srcPort dstPort protocol", id=int)],
    fabricProps=shape("fabricType")
    | dict.fromkeys(("optimiseBgpOverlay", "optimiseBgpOverlayHypervisor", "optimizeBgpOverlayHypervisor"), bool)
    | dict.fromkeys(("unnumberedBgpUnderlay", "automaticLinkAggregation", "mclag", "serverBasedESI"), bool),
    gpuClusterProps=shape("refArch")
    | dict.fromkeys(("roce", "roceAdaptiveRouting", "congestionControl", "asicMonitoring", "hwmp"), bool)
    | {"aggregateL3VpnPrefix": bool},
    snmpv2Props=shape("community contact location", enabled=bool, ipv4_list=[str]),
    ztpProps=shape("nosImage password"),
    netqProps={"enabled": bool, "serverAddrs": [str], "serverPort": int},
    syslogDestinations={"enabled": bool, "useRfc5424": bool, "servers": [shape("host protocol severity", port=int)]},
    aaa={
        "authOrder": [str],
        "radius": {"enabled": bool, "priorityServers": [shape("host authType secret", port=int, priority=int)]},
        "local": {"enabled": bool},
    },
    created_date=int,
    modified_date=int,
    **DATES,
)
_NUMBER = (int, float)
CHECK = shape(
    "check_name message status port",
    severity=int,
    last_check_time=int,
    properties=[shape("Property Unit", Value=_NUMBER, WHigh=_NUMBER, CHigh=_NUMBER)],
)
_ADDRESS = shape("name address type readonly ipFamily description", id=int, subnetID=int, meta=shape("tag"))
DEVICE = shape(
    "name description type status mainAddress mgmtAddress customData macAddress platform uuid timezone uptime "
    "conductorVersion cumulusVersion",
    id=int,
    site=REF,
    tenant=REF,
    profile=(REF, NONE),
    mainIP=(_ADDRESS, NONE),
    mgmtIP=(_ADDRESS, NONE),
    asn=(int, NONE),
    asnID=(int, NONE),
    asnNumber=({"id": int, "asn": int}, NONE),
    nos=shape("name tag", id=int),
    tags=[str],
    maintenanceMode=bool,
    hardwareHealth=[CHECK],
    health={"critical": int, "ok": int, "unknown": int, "warning": int},
    links=[{"local": REF, "remote": REF}],
    openstackVersion=NONE,
    proxmoxVersion=NONE,
    **dict.fromkeys(("portCount", "lastSeen", "routes", "macs", "ingressAcls", "rangecut", "macAddrUbit"), int),
    **DATES,
)
DEVICES = {
    "switch": DEVICE | shape("swRole"),
    "softgate": DEVICE | shape("sgRole sgFlavor"),
    "server": DEVICE | shape("srvRole"),
    "controller": DEVICE,
}
_END = shape("name ipv4 ipv6", id=int)
LINK = shape(
    "underlay",
    id=int,
    local=_END,
    remote=_END,
    mclagPeerLink=(shape("sharedIPv4Addr anycastMACAddr"), NONE),
    **DATES,
)
PORT = shape(
    "name shortName ifName port _port description switchName speed desiredSpeed transceiver lacp adminDown autoNeg "
    "duplex breakout fec",
    id=int,
    info=shape("port ifName"),
    portIndex=int,
    switch=shape("name type platform mainAddress", id=int),
    status=STATUS,
    mtu=int,
    mclagId=int,
    extension=int,
    parentPort=int,
    tenant=REF,
    site=REF,
    inUse=bool,
    used=bool,
    slavePorts=[ANY],
    stateInHierarchy=dict.fromkeys(("aggregated", "breakout", "breakoutChild", "lagMember"), bool)
    | {"extended": int, "extensionsParent": int},
    bgp=shape("state prefix time"),
    portReservationCount=int,
    **DATES,
)
VNET_PORT = PORT | shape(
    "vlan ipv4 ipv6",
    **dict.fromkeys(("access", "accessMode", "untagged"), bool),
    state=shape("id label value"),
    macCount=int,
)


# health (3.1, 3.2)
HEALTH = shape(
    "name site_name",
    checks=[
        shape(
            "check_name status message ok_brief_message port",
            properties=[shape("property", value=_NUMBER)],
        )
    ],
)
HEARTBEAT = shape("name", healthMonitoring=shape("port_status"))
