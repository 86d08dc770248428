"""An e-BGP session in both dialects at once: camel case as in OpenAPI, snake case as seen on the wire (quirk 8)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller

_OWN = ("startedAt", "peerState", "peerPrefixes", "hw")
_BOTH = {
    "state": "status",
    "bgpPassword": "bgp_password",
    "localIP": "local_ip",
    "remoteIP": "remote_ip",
    "prefixLength": "prefix_length",
    "neighborAS": "neighbor_as",
    "prefixInboundMax": "prefix_limit",
    "inboundRouteMap": "inbound_route_map",
    "outboundRouteMap": "outbound_route_map",
    "allowAsIn": "allowas_in",
    "defaultOriginate": "default_originate",
    "ipFamily": "ip_version",
    "localPreference": "local_preference",
    "neighborAddress": "neighbor_address",
    "prefixListInbound": "prefix_list_inbound",
    "prefixListOutbound": "prefix_list_outbound",
    "prependInbound": "prepend_inbound",
    "prependOutbound": "prepend_outbound",
    "updateSource": "update_source",
}


def render(net: Controller, row: Row) -> dict[str, Any]:
    site, device = net.ref(net.sites, row["site"]), net.devices.get(row["hw"])
    port, vnet = net.ports.get(row["port"]), net.vnets.get(row["vnet"])
    hardware = {"id": device["id"], "name": device["name"]} if device else {"id": "auto", "name": "auto"}
    return {
        **{name: value for name, value in row.items() if name not in _OWN},  # the password in clear (unverified)
        **{snake: row[camel] for camel, snake in _BOTH.items()},
        "prefixLength": str(row["prefixLength"]),  # text in OpenAPI (quirk 15)
        "community": row["bgpCommunity"].replace("\n", ","),  # Terraform splits it there
        "originate": row["defaultOriginate"],
        "inboundRouteMapName": _name_of(net, row["inboundRouteMap"]),
        "outboundRouteMapName": _name_of(net, row["outboundRouteMap"]),
        "site": site,
        "site_id": site["id"],
        "site_name": site["name"],
        "siteName": site["name"],
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "hardware": hardware,
        "term_switch_id": device["id"] if device else None,
        "term_sw_name": hardware["name"],
        "switch_id": device["id"] if device else None,
        "switch_name": device["name"] if device else "",
        "terminate_on_switch": "yes" if device and device["type"] == "switch" else "no",
        "port": {"id": port["id"], "ifName": port["shortName"], "name": port["name"]} if port else None,
        "portName": port["shortName"] if port else "",
        "port_name": port["name"] if port else "",
        "switch_port_id": row["port"],
        "vnet": {
            "id": vnet["id"] if vnet else "none",
            "name": vnet["name"] if vnet else "",
            "internal": 0,
        },
        "tenantName": "",
        "circuitName": "",
        "circuit_internal": 0,
        "routeId": None,
        "route_id": None,
        "internal": 0,
        "created_date": row["createdDate"],
        "modified_date": row["modifiedDate"],
        "createdDate": str(row["createdDate"]),  # strings here, unlike everywhere else (quirk 44)
        "modifiedDate": str(row["modifiedDate"]),
    }


def _name_of(net: Controller, route_map: int | None) -> str:
    return str(net.ref(net.route_maps, route_map)["name"]) if route_map else ""
