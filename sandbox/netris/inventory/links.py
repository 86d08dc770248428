"""Cables between two ports (2.15).

Ids are numbers: Go clients read nothing else, and Java clients, whose schema says text, read numbers as well.
"""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Reply, invalid, not_found


def render(net: Controller, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "local": {**net.ref(net.ports, row["local"]), "ipv4": row["localIPv4"], "ipv6": row["localIPv6"]},
        "remote": {**net.ref(net.ports, row["remote"]), "ipv4": row["remoteIPv4"], "ipv6": row["remoteIPv6"]},
        "underlay": row["underlay"],
        "mclagPeerLink": row["mclagPeerLink"],
        "createdDate": row["createdDate"],
        "modifiedDate": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySites")
    rows = (row for row in net.links if sites is None or _site_of(net, row) in sites)
    return Reply.of([render(net, row) for row in rows])


def _site_of(net: Controller, row: Row) -> int | None:
    port = net.ports.get(row["local"])
    device = net.devices.get(port["hw"]) if port else None
    return device["site"] if device else None


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(render(net, net.row(net.links, call.id)))


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    local, remote = _end(net, fields, "local"), _end(net, fields, "remote")
    if local["id"] == remote["id"]:
        raise invalid("remote", "A port can not be linked to itself.")  # unverified
    for name, port in (("local", local), ("remote", remote)):
        if net.links.one("local", port["id"]) or net.links.one("remote", port["id"]):
            raise invalid(name, f"Port {port['name']} is already linked.")  # unverified
    facts = _facts(net, fields, None)
    _demand_same_peer(net, {local["hw"], remote["hw"]}, facts["mclagPeerLink"])
    row = net.links.add(local=local["id"], remote=remote["id"], **facts, createdDate=now, modifiedDate=now)
    net.render_again()
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.links, call.id)
    net.links.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    return _drop(net, net.row(net.links, call.id))


def delete_by_body(net: Controller, call: Call) -> Reply:
    """The deprecated form: both ends in the body (quirk 41)."""
    local, remote = _end(net, call.fields, "local"), _end(net, call.fields, "remote")
    row = net.links.one("local", local["id"]) or net.links.one("local", remote["id"])
    if row is None or {row["local"], row["remote"]} != {local["id"], remote["id"]}:
        raise not_found()
    return _drop(net, row)


def _drop(net: Controller, row: Row) -> Reply:
    net.links.drop(row["id"])
    net.render_again()
    return Reply.of({}, DELETED)


def _end(net: Controller, fields: Fields, name: str) -> Row:
    return net.resolve(net.ports, fields.object(name).values, name)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old = was or {"underlay": "enabled", "mclagPeerLink": None}
    addresses = {
        f"{end}IP{family}": fields.object(end, {}).text(f"ip{family}", old.get(f"{end}IP{family}", ""))
        for end in ("local", "remote")
        for family in ("v4", "v6")
    }
    peer = fields.object("mclagPeerLink", {})
    return {
        "underlay": fields.choice("underlay", ("enabled", "disabled"), old["underlay"]),
        **addresses,
        "mclagPeerLink": _mclag(net, peer) if peer.values else old["mclagPeerLink"],
    }


def _mclag(net: Controller, peer: Fields) -> Row:
    """What the two switches of an MC-LAG share; the address is one of a loopback subnet."""
    address = peer.network("sharedIPv4Addr")
    nodes = net.tree.around(net.system_vpc, address)
    if not any(node.kind == "subnet" and node.row["purpose"] == "loopback" for node in nodes):
        raise invalid("sharedIPv4Addr", "IP address is out of any loopback subnet.")  # unverified
    return {"sharedIPv4Addr": peer.text("sharedIPv4Addr"), "anycastMACAddr": peer.text("anycastMACAddr")}


def _demand_same_peer(net: Controller, pair: set[int], mclag: Row | None) -> None:
    """Several peer links between two switches are one MC-LAG."""
    for other in net.links if mclag else ():
        ends = {port["hw"] for key in (other["local"], other["remote"]) if (port := net.ports.get(key))}
        if ends == pair and other["mclagPeerLink"] not in (None, mclag):
            raise invalid("mclagPeerLink", "Peer links of two switches share address and MAC.")  # unverified
