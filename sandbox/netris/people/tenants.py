"""Tenants (v1 API): a name and a description (2.18)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, not_found, weak_int


def render(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "tenant_id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "create_date": row["createdDate"],
        "modified_date": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    return Reply.rows(net.tenants.json(row, render) for row in net.tenants)


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    row = net.tenants.add(
        name=net.unique_name(net.tenants, fields),
        description=fields.text("description", ""),
        createdDate=now,
        modifiedDate=now,
    )
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = _named(net, call.fields)
    net.tenants.change(
        row,
        name=net.unique_name(net.tenants, call.fields, row),
        description=call.fields.text("description", row["description"]),
        modifiedDate=net.stamp(),
    )
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = _named(net, call.fields)
    owned = (net.vpcs, "adminTenant"), *((shelf, "tenant") for shelf in (net.vnets, net.allocations, net.subnets))
    if any(item[field] == row["id"] for shelf, field in owned for item in shelf):
        raise Refusal(400, "The tenant owns objects and cannot be deleted.")  # unverified
    net.tenants.drop(row["id"])
    return Reply.of({}, DELETED)


def _named(net: Controller, fields: Fields) -> Row:
    row = net.tenants.get(weak_int(fields.raw("id")))
    if row is None:
        raise not_found()
    return row
