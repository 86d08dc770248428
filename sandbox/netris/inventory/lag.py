"""Link aggregation by hand, and ports that are freed of every service (2.16).

The body of `freeup` is documented nowhere: `{ports: [...]}` and a bare list of references are understood. A LAG is a
port of its own, called agg<n> (unverified); its members lie in one switch and carry nothing else.
"""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, not_found


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    members = [net.resolve(net.ports, item, "ports") for item in fields.items("ports", fields.raw("ports"))]
    if len({port["id"] for port in members}) < len(members):
        raise invalid("ports", "A port can be in a LAG once.")  # unverified
    if not members or len({port["hw"] for port in members}) > 1:
        raise invalid("ports", "The ports of a LAG must be of one device.")  # unverified text
    for port in members:
        if port.get("lag") or port.get("members") or fabric.is_in_use(net, port):
            raise invalid("ports", f"Port {port['name']} is in use.")  # unverified
    device = net.devices.table.rows[members[0]["hw"]]
    tenant = net.one_of(net.tenants, fields, "tenant")
    facts = {
        "description": fields.text("description", ""),
        "mtu": fields.integer("mtu", 68, 9216),
        "lacp": fields.choice("lacp", ("on", "off"), "off"),
        "mclagId": fields.integer("mclagId", 1, 65535) if "mclagId" in fields else None,
    }
    number = 1 + max(
        (port["index"] - 1000 for port in net.ports.by("hw", device["id"]) if port["index"] > 1000), default=0
    )
    short = f"agg{number}"
    row = net.ports.add(
        **{name: value for name, value in members[0].items() if name not in ("id", *facts)},
        **facts,
    )
    net.ports.change(
        row,
        name=f"{short}@{device['name']}",
        shortName=short,
        index=1000 + number,
        tenant=tenant,
        members=[port["id"] for port in members],
        carrier=None,
        adminDown=False,
        createdDate=now,
        modifiedDate=now,
    )
    for port in members:
        net.ports.change(port, lag=row["id"])
    return Reply.of({"id": row["id"]}, CREATED)


def delete(net: Controller, call: Call) -> Reply:
    """Only a LAG can be deleted, and only while nothing uses it."""
    row = net.ports.get(call.id)
    if row is None:
        raise not_found()
    if not row.get("members"):
        raise Refusal(400, "Only aggregated ports can be deleted.")  # unverified
    if fabric.is_in_use(net, row):
        raise Refusal(400, "The port is in use.")  # unverified
    for number in row["members"]:
        if port := net.ports.get(number):
            net.ports.change(port, lag=None)
    net.ports.drop(row["id"])
    return Reply.of({}, DELETED)


def free_up(net: Controller, call: Call) -> Reply:
    """Take the ports out of every V-Net and E-BGP session; cables stay."""
    body: Any = call.body
    items = body if isinstance(body, list) else Fields(body if isinstance(body, dict) else {}).items("ports")
    if not items:
        text = "Must have required property 'ports'"
        raise Refusal(403, text, {"ports": text})
    for port in [net.resolve(net.ports, item, "ports") for item in items]:
        _free(net, port)
    return Reply.of({}, UPDATED)


def _free(net: Controller, port: Row) -> None:
    for vnet in net.vnets:
        if any(entry["port"] == port["id"] for entry in vnet["ports"]):
            kept = [entry for entry in vnet["ports"] if entry["port"] != port["id"]]
            net.vnets.change(vnet, ports=kept, modifiedDate=net.stamp())
    for session in net.sessions.by("port", port["id"]):
        net.sessions.drop(session["id"])
