"""ACL port groups, which ACL rules and DNAT rules share (2.7). v1: ids in bodies."""

from __future__ import annotations

import re
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, weak_int

_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")


def brief(row: Row) -> dict[str, Any]:
    """As a NAT rule shows it."""
    return {"id": row["id"], "name": row["name"], "ports": [str(port) for port in row["ports"]]}


def render(row: Row) -> dict[str, Any]:
    """Ports as text, and each as the range it is."""
    ranges = [str(port).partition("-") for port in row["ports"]]
    return {
        **brief(row),
        "port_grp_id": row["id"],
        "port_from": [int(first) for first, _, _ in ranges],
        "port_to": [int(last or first) for first, _, last in ranges],
        "created_date": row["createdDate"],
        "modified_date": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of([render(row) for row in net.port_groups])


def create(net: Controller, call: Call) -> Reply:
    now = net.stamp()
    row = net.port_groups.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"], "portGroupId": row["id"]}, CREATED)  # Go clients read the second


def update(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.port_groups, call)
    net.port_groups.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    for shelf in (net.nats, net.acls):
        shelf.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    """By `id`. The Go SDK sends the name along as a number; nobody looks at it (quirk 20)."""
    row = net.by_body(net.port_groups, call)
    users = [rule["name"] for rule in net.nats if rule["portGroup"] == row["id"]]
    users += [rule["name"] for rule in net.acls if row["id"] in (rule["src_port_group"], rule["dst_port_group"])]
    if users:
        raise Refusal(400, f"The port group is used by {users[0]}.")  # unverified
    net.port_groups.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    name = net.unique_name(net.port_groups, fields, was)
    if was and "ports" not in fields:
        return {"name": name}
    ports = [_port(item) for item in fields.items("ports")]
    if not ports:
        raise invalid("ports", "At least one port is required.")  # unverified
    return {"name": name, "ports": ports}


def _port(item: Any) -> int | str:
    """A number, or a range as text (unverified)."""
    number = weak_int(item)
    if number is not None and 1 <= number <= 65535:
        return number
    match = _RANGE.fullmatch(item.strip()) if isinstance(item, str) else None
    if match and 1 <= int(match[1]) <= int(match[2]) <= 65535:
        return match.group()
    raise invalid("ports", "Ports must be numbers between 1 and 65535.")  # unverified
