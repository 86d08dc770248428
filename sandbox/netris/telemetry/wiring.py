"""What LLDP sees at the far end of a cable, against what the links say (3.8). Only `check_topology` tells of it.

Cables between switches and SoftGates are always checked. One to a server is when the server's `customData` says under
`topology-validation` what its names are. `neighbour` of a port's row is what the cable was plugged into by mistake,
such as `swp7@Leaf-2`; it can only be ordered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller


def mismatches(net: Controller, device: Row) -> Iterator[tuple[Row, str]]:
    """Ports whose cable leads elsewhere, and the name of the port that it ought to lead to. A dead end says nothing."""
    for port in net.misplugged.rows.values():
        far = fabric.far_end(net, port)
        if port["hw"] != device["id"] or far is None or not fabric.is_port_up(net, port):
            continue
        other = net.devices.get(far["hw"])
        if other and not _is_expected(str(port["neighbour"]), far, other):
            yield port, far["name"]


def _is_expected(seen: str, far: Row, device: Row) -> bool:
    if device["type"] != "server":
        return bool(seen == far["name"])
    rules = _rules(device)
    nic, _, host = seen.partition("@")
    if not rules or host in _texts(rules.get("ignore-check-if-hostname")):
        return True
    hosts = _texts(rules.get("hostname")) or [device["name"]]
    nics = _texts(rules.get(far["shortName"])) or [far["shortName"]]
    return nic in nics and host in (*hosts, *_texts(rules.get("hostname-alias")))


def _rules(server: Row) -> dict[str, Any]:
    data = json.loads(server["customData"] or "{}")
    rules = data.get("topology-validation") if isinstance(data, dict) else None
    return rules if isinstance(rules, dict) else {}


def _texts(value: Any) -> list[str]:
    """A name, or a list of names."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]
