"""Static routes in the v1 API (2.9): a route's name is its CIDR."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Reply, dumps, invalid

_STATES = ("active", "enabled", "disabled")  # the first two mean the same (quirk 12)


def render(net: Controller, row: Row) -> dict[str, Any]:
    prefix, _, length = row["name"].partition("/")
    vpc = net.vpcs.get(row["vpc"]) or {"isDefault": False, "isSystem": False}
    switches = net.refs(net.devices, row["switches"])
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": prefix,
        "prefix_length": int(length),
        "next_hop": row["next_hop"],
        "description": row["description"],
        "site_id": row["site"],
        "site_name": net.ref(net.sites, row["site"])["name"],
        "state": row["state"],
        "stateStatus": "active" if row["state"] == "enabled" else row["state"],
        "internal": False,
        "switches": switches,
        "filteredSwitches": switches,
        "vpc": net.ref(net.vpcs, row["vpc"]) | {flag: vpc[flag] for flag in ("isDefault", "isSystem")},
        "create_date": row["createdDate"],
        "modified_date": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySites")
    rows = (row for vpc in net.scope(call) for row in net.static_routes.by("vpc", vpc))
    return Reply.rows(dumps(render(net, row)) for row in rows if sites is None or row["site"] in sites)


def create(net: Controller, call: Call) -> Reply:
    """The id comes as `staticRouteID`; the Java model of IPAM is shared, hence `id` and `name` too (1.6)."""
    fields, now = call.fields, net.stamp()
    vpc = net.vpc_of(fields)
    row = net.static_routes.add(vpc=vpc, **_facts(net, fields, vpc, None), createdDate=now, modifiedDate=now)
    return Reply.of({"staticRouteID": row["id"], "id": row["id"], "name": row["name"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    fields = call.fields
    row = net.row(net.static_routes, fields.raw("route_id"))
    net.static_routes.change(row, **_facts(net, fields, row["vpc"], row), modifiedDate=net.stamp())
    return Reply.of({"staticRouteID": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    net.static_routes.drop(net.row(net.static_routes, call.fields.raw("id"))["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, vpc: int, was: Row | None) -> dict[str, Any]:
    old = was or {"description": "", "state": "active", "switches": []}
    prefix = fields.network("prefix", *([was["name"]] if was else []))
    hop = fields.address("next_hop", *([was["next_hop"]] if was else []))
    if prefix.version != hop.version:
        raise invalid("next_hop", "Must be of the IP family of the prefix.")  # unverified
    for row in net.static_routes.by("vpc", vpc):
        if row is not was and (row["name"], row["next_hop"]) == (str(prefix), str(hop)):
            raise invalid("prefix", "This route already exists.")  # unverified
    return {
        "name": str(prefix),
        "next_hop": str(hop),
        "description": fields.text("description", old["description"]),
        "site": net.one_of(net.sites, fields, "site_id", *([was["site"]] if was else [])),
        "state": fields.choice("stateStatus", _STATES, old["state"]),
        "switches": net.many_of(net.devices, fields, "switches", old["switches"]),
    }
