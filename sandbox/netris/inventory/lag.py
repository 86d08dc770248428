"""Link aggregation by hand, and ports that are freed of every service (2.16).

The body of `freeup` is a bare list of references; `{ports: [...]}` is understood too (unverified). A LAG is a
port of its own, called agg<n> after its first member's switch (unverified); its members carry nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, not_found


def listing(net: Controller, call: Call) -> Reply:
    """LAGs alone, in the words of their own list. Java reads a number for `lacp` and Go any text."""
    found: list[dict[str, Any]] = [
        {
            "id": row["id"],
            "name": row["name"],
            "lagMembers": [{"id": port["id"], "port": port["shortName"]} for port in fabric.members_of(net, row)],
            "tenant": net.ref(net.tenants, row["tenant"]),
            "lacp": int(row["lacp"] == "on"),
        }
        for row in net.ports
        if row.get("members")
    ]
    return Reply.of(found)


def create(net: Controller, call: Call) -> Reply:
    """With the `id` of a LAG it is changed. Whether a body with an id is answered otherwise is unverified."""
    asked = call.fields.integer("id", 0, 2**31, 0)
    if asked:
        return _change(net, call.fields, asked)
    facts, members = _facts(net, call.fields, None)
    first, now = members[0], net.stamp()
    device = net.devices.table.rows[first["hw"]]
    number = 1 + max((port["index"] - 1000 for port in net.ports.by("hw", first["hw"])), default=0)
    short = f"agg{max(number, 1)}"
    row = net.ports.add(**{name: value for name, value in first.items() if name not in ("id", *facts)}, **facts)
    net.ports.change(
        row,
        name=f"{short}@{device['name']}",
        shortName=short,
        index=1000 + max(number, 1),
        carrier=None,
        adminDown=False,
        createdDate=now,
        modifiedDate=now,
    )
    for port in members:
        net.ports.change(port, lag=row["id"])
    return Reply.of({"id": row["id"]}, CREATED)


def _change(net: Controller, fields: Fields, asked: int) -> Reply:
    row = net.ports.get(asked)
    if row is None or not row.get("members"):
        raise not_found()
    facts, members = _facts(net, fields, row)
    for port in fabric.members_of(net, row):
        net.ports.change(port, lag=None)
    for port in members:
        net.ports.change(port, lag=row["id"])
    net.ports.change(row, **facts, modifiedDate=net.stamp())
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> tuple[dict[str, Any], list[Row]]:
    """What is asked for, and its members. Those of an MC-LAG lie in two switches, all others in one."""
    mclag = fields.integer("mclagId", 0, 65535, 0)
    members = [net.resolve(net.ports, item, "ports") for item in fields.items("ports", fields.raw("ports"))]
    if len({port["id"] for port in members}) < len(members):
        raise invalid("ports", "A port can be in a LAG once.")  # unverified
    if not members or len({port["hw"] for port in members}) > (2 if mclag else 1):
        raise invalid("ports", "The ports of a LAG must be of one device.")  # unverified text
    own = was["members"] if was else []
    for port in members:
        if port["id"] not in own and (port.get("lag") or port.get("members") or fabric.is_in_use(net, port)):
            raise invalid("ports", f"Port {port['name']} is in use.")  # unverified
    facts = {
        "description": fields.text("description", ""),
        "mtu": fields.integer("mtu", 68, 9216),
        "lacp": fields.choice("lacp", ("on", "off"), "off"),
        "mclagId": mclag,
        "tenant": net.one_of(net.tenants, fields, "tenant"),
        "members": [port["id"] for port in members],
    }
    return facts, members


def delete(net: Controller, call: Call) -> Reply:
    return _delete(net, [net.ports.get(call.id)])


def delete_many(net: Controller, call: Call) -> Reply:
    """References in the body, or `ids` in the query as OpenAPI has it."""
    if asked := call.ids("ids"):
        return _delete(net, [net.ports.get(number) for number in sorted(asked)])
    return _delete(net, _named(net, call))


def _delete(net: Controller, rows: Sequence[Row | None]) -> Reply:
    """Only LAGs can be deleted, and only while nothing uses them."""
    found = [row for row in rows if row is not None]
    if len(found) < len(rows):
        raise not_found()
    if not all(row.get("members") for row in found):
        raise Refusal(400, "Only aggregated ports can be deleted.")  # unverified
    if any(fabric.is_in_use(net, row) for row in found):
        raise Refusal(400, "The port is in use.")  # unverified
    for row in found:
        for port in fabric.members_of(net, row):
            net.ports.change(port, lag=None)
        net.ports.drop(row["id"])
    return Reply.of({}, DELETED)


def free_up(net: Controller, call: Call) -> Reply:
    """Take the ports out of every V-Net and E-BGP session; cables stay."""
    for port in _named(net, call):
        _free(net, port)
    return Reply.of({}, UPDATED)


def _named(net: Controller, call: Call) -> list[Row]:
    """The ports that a body is about: a bare list of references, or one under `ports`."""
    body: Any = call.body
    items = body if isinstance(body, list) else Fields(body if isinstance(body, dict) else {}).items("ports")
    if not items:
        text = "Must have required property 'ports'"
        raise Refusal(403, text, {"ports": text})
    return [net.resolve(net.ports, item, "ports") for item in items]


def _free(net: Controller, port: Row) -> None:
    for vnet in net.vnets:
        if any(entry["port"] == port["id"] for entry in vnet["ports"]):
            kept = [entry for entry in vnet["ports"] if entry["port"] != port["id"]]
            net.vnets.change(vnet, ports=kept, modifiedDate=net.stamp())
    for session in net.sessions.by("port", port["id"]):
        net.sessions.drop(session["id"])
