"""Route-maps of BGP sessions (2.11). v1: ids in bodies.

A match names a BGP object or carries a value. The object's id is a number when it is sent and a text when it is shown.
"""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, weak_int

OBJECT_MATCHES = {
    "as_path": "aspath",
    "community": "community",
    "extended_community": "extended",
    "large_community": "large",
    "ipv4_prefix_list": "ipv4",
    "ipv4_next_hop": "ipv4",
    "route_source": "ipv4",
    "ipv6_prefix_list": "ipv6",
}
VALUE_MATCHES = ("ipv6_next_hop", "local_preference", "med", "origin", "route_tag")
ACTIONS = ("set", "goto", "next")
PARAMETERS = (
    "as_path",
    "community",
    "large_community",
    "ipv4_next_hop",
    "ipv6_next_hop",
    "local_preference",
    "med",
    "origin",
    "route_tag",
    "weight",
)
_LAST = 65535
_MAX_ENTRIES = 1000


def render(net: Controller, row: Row) -> dict[str, Any]:
    entries = [
        {**entry, "matches": [_match_view(net, match) for match in entry["matches"]]} for entry in row["sequences"]
    ]
    return {**row, "sequences": entries}


def _match_view(net: Controller, match: Row) -> Row:
    """Terraform's provider falls over any `ebgpObject` that is not a text."""
    found = net.bgp_objects.get(match["object"])
    return {
        "type": match["type"],
        "ebgpObject": str(found["id"]) if found else "",
        "ebgpObjectType": found["type"] if found else "",
        "value": match["value"],
    }


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of([render(net, row) for row in net.route_maps])


def choices(net: Controller, call: Call) -> Reply:
    return Reply.of([{"id": row["id"], "name": row["name"]} for row in net.route_maps])


def create(net: Controller, call: Call) -> Reply:
    """What `data` holds is unverified."""
    now = net.stamp()
    row = net.route_maps.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.route_maps, call)
    net.route_maps.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.route_maps, call)
    for session in net.sessions:
        if row["id"] in (session["inboundRouteMap"], session["outboundRouteMap"]):
            raise Refusal(400, f"The route-map is used by the E-BGP session {session['name']}.")  # unverified
    net.route_maps.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    name = net.unique_name(net.route_maps, fields, was)
    if was and "sequences" not in fields:
        return {"name": name}
    entries = [_entry(net, entry, at) for at, entry in enumerate(fields.objects("sequences"), start=1)]
    numbers = [entry["number"] for entry in entries]
    if len(set(numbers)) < len(numbers) or len(numbers) > _MAX_ENTRIES:
        raise invalid("sequences", "Sequence numbers must be unique.")  # unverified
    for entry in entries:
        for action in entry["actions"]:
            if action["type"] == "goto" and int(action["value"]) not in numbers:
                raise invalid("sequences", "There is no sequence to go to with this number.")  # unverified
    return {"name": name, "sequences": sorted(entries, key=lambda entry: int(entry["number"]))}


def _entry(net: Controller, entry: Fields, position: int) -> Row:
    return {
        "number": entry.integer("number", 1, _LAST, 5 * position),
        "description": entry.text("description", ""),
        "policy": entry.choice("policy", ("permit", "deny")),
        "matches": [_match(net, match) for match in entry.objects("matches")],
        "actions": [_action(action) for action in entry.objects("actions")],
    }


def _match(net: Controller, match: Fields) -> Row:
    kind = match.choice("type", (*OBJECT_MATCHES, *VALUE_MATCHES))
    if kind in VALUE_MATCHES:
        return {"type": kind, "value": match.text("value"), "object": None}
    row = net.bgp_objects.get(weak_int(match.raw("ebgpObject")))
    if row is None:
        raise Refusal(404, "Not found", {"matches": "Not Found"})
    if row["type"] != OBJECT_MATCHES[kind]:
        raise invalid("matches", f"{row['name']} is no object for a match of {kind}.")  # unverified
    return {"type": kind, "value": None, "object": row["id"]}


def _action(action: Fields) -> Row:
    kind = action.choice("type", ACTIONS)
    if kind == "set":
        return {"type": kind, "parameter": action.choice("parameter", PARAMETERS), "value": action.text("value")}
    value = str(action.integer("value", 1, _LAST)) if kind == "goto" else ""
    return {"type": kind, "parameter": "", "value": value}
