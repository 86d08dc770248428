"""What the vendor's Go SDK offers for the fields of an e-BGP session. `id` narrows a list to a site (1.8)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.inventory import inventory, sites
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Call, Reply


def ebgp_sites(net: Controller, call: Call) -> Reply:
    return sites.old_listing(net, call)


def ebgp_vnets(net: Controller, call: Call) -> Reply:
    """Sessions end on gateways, so those V-Nets that have one, of every VPC (unverified)."""
    return Reply.of([{"id": row["id"], "name": row["name"]} for row in net.vnets if row["gateways"]])


def ebgp_offloaders(net: Controller, call: Call) -> Reply:
    """SoftGates, as the inventory shows them."""
    return Reply.of([inventory.render(net, row) for row in _of_site(net, call, "softgate")])


def ebgp_switches(net: Controller, call: Call) -> Reply:
    """`location` is the name of the switch, `port_id` is 0 (both unverified)."""
    found: list[dict[str, Any]] = [
        {"switch_id": row["id"], "location": row["name"], "port_id": 0, "type": row["type"]}
        for row in _of_site(net, call, "switch")
    ]
    return Reply.of(found)


def _of_site(net: Controller, call: Call, kind: str) -> list[Row]:
    asked = call.ids("id")
    return [row for row in net.devices.by("type", kind) if asked is None or row["site"] in asked]
