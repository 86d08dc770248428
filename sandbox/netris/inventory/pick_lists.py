"""What there is to choose from for the fields of an e-BGP session. `id` narrows a list to a site (1.8, 2.10)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.inventory import inventory, sites
from sandbox.netris.routing.ebgp import TERMINATING
from sandbox.netris.state import fabric, port_view
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Call, Reply


def ebgp_sites(net: Controller, call: Call) -> Reply:
    return sites.old_listing(net, call)


def ebgp_vnets(net: Controller, call: Call) -> Reply:
    """Sessions end on gateways, so those V-Nets that have one, of every VPC (unverified)."""
    return Reply.of([{"id": row["id"], "name": row["name"]} for row in net.vnets if row["gateways"]])


def ebgp_hardwares(net: Controller, call: Call) -> Reply:
    """What may terminate a session: SoftGates and switches."""
    rows = _of_site(net, call, *TERMINATING)
    return Reply.of([{"id": row["id"], "name": row["name"], "type": row["type"]} for row in rows])


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


def ebgp_ports(net: Controller, call: Call) -> Reply:
    """Switch ports that carry no cable of the fabric itself."""
    rows = [port for switch in _of_site(net, call, "switch") for port in net.ports.by("hw", switch["id"])]
    return Reply.of([_port(net, row) for row in rows if fabric.link_of(net, row) is None])


def _port(net: Controller, row: Row) -> dict[str, Any]:
    """What the port list says, in the words of this one. `name` and `portName` might be shorter (unverified)."""
    shown = port_view.render(net, row)
    return {
        **{name: shown[name] for name in ("id", "name", "port", "speed", "mtu", "lacp", "transceiver", "switchName")},
        "port_id": shown["id"],
        "portName": shown["name"],
        "port_index": shown["portIndex"],
        "status": shown["status"]["value"],
        "switch_id": row["hw"],
        "switch_name": shown["switchName"],
        "switch_type": shown["switch"]["type"],
        "tenant_id": row["tenant"],
    }


def ebgp_update_sources(net: Controller, call: Call) -> Reply:
    """The loopbacks that a multihop session may come from."""
    rows = [row for row in _of_site(net, call, *TERMINATING) if row["mainAddress"]]
    return Reply.of(
        [{"switch_id": row["id"], "location": row["name"], "ip_address": row["mainAddress"]} for row in rows]
    )


def _of_site(net: Controller, call: Call, *kinds: str) -> list[Row]:
    asked = call.ids("id")
    return [row for row in net.devices if row["type"] in kinds and (asked is None or row["site"] in asked)]
