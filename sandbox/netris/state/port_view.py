"""A port as its own list shows it, and V-Nets too (2.16, 2.2)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller

_OWN = ("hw", "carrier", "neighbour", "index", "members", "lag")


def render(net: Controller, row: Row) -> dict[str, Any]:
    device = net.devices.get(row["hw"]) or {"id": row["hw"], "name": "", "type": "", "mainAddress": "", "site": 0}
    is_up, is_used = fabric.is_port_up(net, row), fabric.is_in_use(net, row)
    return {
        **{name: value for name, value in row.items() if name not in _OWN},
        "ifName": row["shortName"],
        "port": row["shortName"],
        "_port": row["shortName"],
        "info": {"port": row["shortName"], "ifName": row["shortName"]},
        "portIndex": row["index"],
        "switchName": device["name"],
        "switch": {**{k: device[k] for k in ("id", "name", "type", "mainAddress")}, "platform": "VX"},
        "status": {"label": "UP" if is_up else "DOWN", "value": "up" if is_up else "down"},
        "transceiver": "",
        "lacp": row.get("lacp", "off"),
        "mclagId": row.get("mclagId", 0),
        "adminDown": "yes" if row["adminDown"] else "no",
        "extension": 0,
        "parentPort": 0,
        "tenant": net.ref(net.tenants, row["tenant"]),
        "site": net.ref(net.sites, device["site"]),
        "inUse": is_used,
        "used": is_used,
        "slavePorts": [render(net, member) for member in fabric.members_of(net, row)],
        "stateInHierarchy": {
            "aggregated": bool(row.get("members")),
            "lagMember": bool(row.get("lag")),
            **dict.fromkeys(("breakout", "breakoutChild"), False),
            **dict.fromkeys(("extended", "extensionsParent"), 0),
        },
        "bgp": fabric.port_bgp(net, row),
        "portReservationCount": 0,
    }
