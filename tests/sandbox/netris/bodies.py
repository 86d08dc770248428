"""A whole body for every object of the controller: each field that the fact sheet gives it (netris-api.md 2).

`bodies(netris)` makes what the bodies refer to, and says nothing twice that another one of them may take.
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.controller import LOGIN, SITE, SYSTEM, TENANT, Controller, direct_connect, dnat, snat

Body = dict[str, Any]

SITE_BODY = {"publicAsn": 65009, "aclPolicy": "permit", "switchFabric": "netris", "vlanRange": "2-4094"}
PORTS = {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 80, "dst_port_to": 80}
PORT = {"tenant": TENANT, "mtu": 9000, "autoNeg": "off", "speed": "auto", "duplex": "full"}


def acl(name: str, **more: Any) -> Body:
    """A rule for TCP port 80 of the management nodes of the reference site."""
    prefixes = {"src_prefix": "0.0.0.0/0", "dst_prefix": "10.99.0.0/21"}
    return {"name": name, "action": "permit", "proto": "tcp", **prefixes, **PORTS, **more}


def bodies(netris: Controller) -> dict[str, Body]:
    """By the path that they are posted to."""
    vpc = netris.vpc()
    netris.subnet("acme-10.1.1.0/24", "10.1.1.0/24", vpc)
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    return {
        "/api/auth": LOGIN | {"authSchemeID": 1},
        **_organisation(netris),
        **_networks(vpc),
        **_services(netris, vpc),
        **_routing(netris, vpc),
        **_fabric(),
        **_ledgers(),
    }


def rich_controller() -> Controller:
    """A controller with one of everything."""
    netris = Controller()
    for path, body in bodies(netris).items():
        answer = netris.http.post(path, json=body)
        assert answer.status_code in (200, 201), (path, answer.text)
    netris.post("/api/v2/nat", **dnat("y", SYSTEM, "203.0.113.35/32"))
    return netris


def _organisation(netris: Controller) -> dict[str, Body]:
    group = netris.post("/api/permissiongroups", name="g", hidden=[], readOnly=[])["id"]
    role = netris.post("/api/userroles", name="r", permissionGroup={"id": group}, tenants=[])["id"]
    return {
        "/api/tenants": {"name": "t", "description": ""},
        "/api/v2/sites": {
            "name": "s",
            **SITE_BODY,
            "vlanRangeAutoAssign": "700-800",
            "vlanRangeSysReserved": "900-999",
            "rohAsn": 65502,
            "vmAsn": 65503,
            "siteMesh": {"value": "hub"},
            "rohProfile": {"id": 2},
            "switchFabricProviders": None,
        },
        "/api/permissiongroups": {
            "name": "pg",
            "description": "",
            "hidden": ["ACL"],
            "readOnly": [],
            "externalACL": True,
        },
        "/api/userroles": {
            "name": "ur",
            "description": "",
            "permissionGroup": {"id": group},
            "tenants": [{"id": -1, "tenant_read": True, "tenant_write": False}],
        },
        "/api/users": {
            "name": "jane",
            "fullname": "Jane",
            "email": "j@example.net",
            "email_cc": "",
            "phonenumber": "",
            "company": "",
            "position": "",
            "userRole": {"id": role},
            "permissionGroup": {"id": group},
            "tenants": [{"id": 1, "tenant_write": True}],
        },
    }


def _networks(vpc: Body) -> dict[str, Body]:
    dhcp = {"start": "10.1.1.10", "end": "10.1.1.20", "optionSet": {"id": 1}}
    return {
        "/api/v2/vpc": {"name": "v", "adminTenant": TENANT, "guestTenant": [TENANT], "tags": ["a_=-.Z9"]},
        "/api/v2/vpc-peering": {
            "name": "pc",
            "vpcA": {"id": 1, "prefixListInbound": "permit any"},
            "vpcB": vpc | {"prefixListInboundIPv4": "permit any", "prefixListInboundIPv6": "deny any"},
        },
        "/api/v2/vnet": {
            "name": "n",
            "vpc": vpc,
            "tenant": TENANT,
            "sites": [SITE],
            "guestTenants": [TENANT],
            "vlan": 77,
            "vxlanID": 55,
            "state": "active",
            "provisioning": False,
            "vlanAware": False,
            "vlans": "",
            "nativeVlan": 0,
            "l3vpn": False,
            "customAnycastMac": "",
            "ipFamily": "dual",
            "gateways": [{"prefix": "10.1.1.1/24", "vlan": 77, "dhcpEnabled": True, "dhcp": dhcp}],
            "ports": [
                {"name": "swp20@Leaf-1", "state": "active", "vlan": "77", "accessMode": False, "ipv4": "", "ipv6": ""}
            ],
            "portTags": [{"name": "label", "accessMode": True}],
            "dhcpRelay": {"enabled": False, "vpc": None, "primaryAddr": None, "secondaryAddr": None},
            "tags": ["a"],
        },
        "/api/v2/dhcp-option-set": {
            "name": "dhcp",
            "description": "",
            "domainSearch": "example.net",
            "dnsServers": ["1.1.1.1"],
            "ntpServers": ["pool.ntp.org"],
            "leaseTime": 86400,
            "additionalOptions": [{"code": 67, "type": "string", "value": "", "isCustom": False}],
        },
        "/api/v2/ipam/allocation": {
            "name": "a",
            "description": "",
            "prefix": "10.2.0.0/16",
            "vpc": vpc,
            "tenant": TENANT,
        },
        "/api/v2/ipam/subnet": {
            "name": "s",
            "prefix": "10.1.2.0/24",
            "tenant": TENANT,
            "sites": [SITE],
            "purpose": "management",
            "vpc": vpc,
            "defaultGateway": "10.1.2.1",
            "globalRouting": True,
            "description": "",
            "tags": ["a"],
        },
    }


def _services(netris: Controller, vpc: Body) -> dict[str, Body]:
    ports = netris.post("/api/aclportgroups", name="p", ports=[80])["id"]
    rule = acl("acl-1", established=1, reverse="no", icmp_type=None, valid_until="2099-01-01T00:00:00Z", comment="")
    rule |= {"dst_prefix": "10.1.1.0/24", "vpc": vpc}
    return {
        "/api/v2/nat": snat("x", vpc, "203.0.113.34/32", destinationPort="1-65535", pool=False, comment=""),
        "/api/v2/l4lb": {
            "name": "lb",
            "description": "",
            "vpc": vpc,
            "site": SITE,
            "siteID": 1,
            "tenant": TENANT,
            "tenantID": 1,
            "protocol": "TCP",
            "automatic": False,
            "ip": "198.51.100.9",
            "ipFamily": "IPv4",
            "port": 80,
            "status": "enable",
            "healthCheck": "HTTP",
            "timeOut": "2000",
            "requestPath": "/",
            "backendIps": [{"ip": "10.1.1.5", "port": 80, "maintenance": False}],
            "tags": ["a"],
        },
        "/api/acl": rule | {"src_port_group": None, "dst_port_group": None},
        "/api/v2/acl": rule | {"name": "acl-2", "src_port_group": ports, "dst_port_group": ports},
        "/api/aclportgroups": {"name": "pg", "ports": [80, "90-95"]},
    }


def _routing(netris: Controller, vpc: Body) -> dict[str, Body]:
    number = netris.post("/api/ebgpobjects", name="o", type="ipv4", typeValue="permit any")
    route_map = netris.post("/api/ebgproutemaps", name="used", sequences=[{"policy": "permit"}])["id"]
    session = direct_connect(netris.port("swp24@Leaf-1")["id"], vpc)
    session |= {"inboundRouteMap": route_map, "outboundRouteMap": route_map, "bgpCommunity": "65001:7\nlocal-AS"}
    return {
        "/api/routes": {
            "prefix": "10.9.0.0/16",
            "next_hop": "10.1.1.9",
            "description": "",
            "site_id": 1,
            "stateStatus": "active",
            "switches": [{"id": 3}],
            "vpc": vpc,
        },
        "/api/v2/ebgp": session,
        "/api/ebgpobjects": {"name": "pl", "type": "ipv6", "typeValue": "permit fd00::/8 ge 16 le 64"},
        "/api/ebgproutemaps": {
            "name": "rm",
            "sequences": [
                {
                    "number": 5,
                    "description": "",
                    "policy": "permit",
                    "matches": [
                        {"type": "ipv4_prefix_list", "ebgpObject": number, "value": None},
                        {"type": "med", "value": "5"},
                    ],
                    "actions": [{"type": "set", "parameter": "med", "value": "5"}],
                }
            ],
        },
    }


def _fabric() -> dict[str, Body]:
    device = {"description": "", "tenant": TENANT, "site": SITE, "mainAddress": "auto", "mgmtAddress": "auto"}
    device |= {"tags": ["a"]}
    switch = {"asn": "auto", "portCount": 32, "nos": {"id": 3, "name": "SONiC", "tag": "sonic"}, "swRole": "leaf"}
    profile = {"profile": {"id": 1}}
    return {
        "/api/v2/hw/switch": {"name": "dev-1"} | device | switch | profile | {"macAddress": "00:00:5e:00:53:01"},
        "/api/v2/hw/softgate": {"name": "dev-2"} | device | profile | {"sgFlavor": "sg-hs", "sgRole": "snat"},
        "/api/v2/hw/server": {"name": "dev-3"}
        | device
        | {"asn": "0", "portCount": 4, "customData": "{}", "srvRole": "generic"},
        "/api/v2/hw/controller": {"name": "dev-4"} | device,
        "/api/inventoryProfiles": {
            "name": "ip",
            "description": "",
            "ipv4_list": "10.0.0.0/8",
            "ipv6_list": "",
            "timezone": {"label": "UTC", "offset": "+00:00", "tzCode": "Etc/UTC"},
            "ntp_servers": "a,b",
            "dns_servers": "1.1.1.1",
            "customRules": [
                {"description": "d", "srcSubnet": "10.0.0.0/8", "srcPort": "", "dstPort": "22", "protocol": "tcp"}
            ],
            **_properties(),
        },
        "/api/v2/link": {
            "local": {"name": "swp21@Leaf-1", "ipv4": "192.0.2.2/31", "ipv6": "2001:db8::2/127"},
            "remote": {"name": "swp21@Leaf-2", "ipv4": "192.0.2.3/31", "ipv6": "2001:db8::3/127"},
            "underlay": "disabled",
            "mclagPeerLink": {"sharedIPv4Addr": "10.0.9.1", "anycastMACAddr": "44:38:39:ff:00:01"},
        },
        "/api/v2/ports/lag": {
            "ports": [{"name": "swp25@Leaf-1"}],
            "description": "",
            "tenant": TENANT,
            "mtu": 9000,
            "lacp": "on",
            "mclagId": 1,
        },
    }


def _properties() -> Body:
    """Of a profile; every flag is on."""
    flags = ("optimiseBgpOverlay", "optimiseBgpOverlayHypervisor", "unnumberedBgpUnderlay", "automaticLinkAggregation")
    gpu = ("roce", "roceAdaptiveRouting", "congestionControl", "asicMonitoring", "hwmp", "aggregateL3VpnPrefix")
    syslog = {"host": "192.0.2.10", "port": 514, "protocol": "UDP", "severity": "Error"}
    radius = {"host": "192.0.2.11", "port": 1812, "priority": 1, "authType": "pap", "secret": ""}
    return {
        "fabricProps": dict.fromkeys((*flags, "mclag", "serverBasedESI"), True) | {"fabricType": "generic"},
        "gpuClusterProps": dict.fromkeys(gpu, True) | {"refArch": "none"},
        "snmpv2Props": {
            "enabled": True,
            "community": "public",
            "ipv4_list": ["10.0.0.0/8"],
            "contact": "noc",
            "location": "sv",
        },
        "ztpProps": {"nosImage": "cumulus.bin", "password": ""},
        "netqProps": {"enabled": True, "serverAddrs": ["192.0.2.9"], "serverPort": 32708},
        "syslogDestinations": {"enabled": True, "useRfc5424": True, "servers": [syslog]},
        "aaa": {
            "authOrder": ["radius", "local"],
            "radius": {"enabled": True, "priorityServers": [radius]},
            "local": {"enabled": True},
        },
    }


def _ledgers() -> dict[str, Body]:
    consumer = {"id": 0, "type": "vnet", "name": ""}
    host = {"address": "10.0.0.77", "subnet": {"id": 1}}
    return {
        "/api/v2/reservation/ip": {"host": host, "consumer": consumer, "meta": {}},
        "/api/v2/reservation/vlan": {"vlan": 0, "site": SITE, "consumer": consumer, "meta": {}},
        "/api/v2/reservation/vxlan": {"vxlan": 0, "consumer": consumer, "meta": {}},
    }
