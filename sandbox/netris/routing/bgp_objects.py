"""BGP objects: the lists that route-maps match against (2.11). v1: ids in bodies."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import prefix_lists
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid

TYPES = ("ipv4", "ipv6", "aspath", "community", "extended", "large")
_MAX_TEXT = 100_000


def render(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "type", "typeValue", "createdDate", "modifiedDate")}


def listing(net: Controller, call: Call) -> Reply:
    """Also what a route-map may match: `?type=` is one of the types."""
    types = {text.lower() for text in call.values("type")}
    return Reply.of([render(row) for row in net.bgp_objects if not types or row["type"] in types])


def create(net: Controller, call: Call) -> Reply:
    """The answer is a bare number (1.6)."""
    now = net.stamp()
    row = net.bgp_objects.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of(row["id"], CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.bgp_objects, call)
    net.bgp_objects.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.bgp_objects, call)
    for route_map in net.route_maps:
        if any(match["object"] == row["id"] for entry in route_map["sequences"] for match in entry["matches"]):
            raise Refusal(400, f"The object is used by the route-map {route_map['name']}.")  # unverified
    net.bgp_objects.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    kept = was or {}
    type_ = fields.choice("type", TYPES, *([kept["type"]] if was else []))
    text = fields.text("typeValue", *([kept["typeValue"]] if was else []))
    if not text.strip() or len(text) > _MAX_TEXT:
        raise invalid("typeValue", "Must hold at least one line.")  # unverified
    if type_ in ("ipv4", "ipv6"):
        prefix_lists.demand("typeValue", text, int(type_[-1]))
    return {"name": net.unique_name(net.bgp_objects, fields, was), "type": type_, "typeValue": text}
