"""VPCs: one is System for ever, one is Default at any time (2.1)."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import peering
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Refusal, Reply


def render(net: Controller, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "adminTenant": net.ref(net.tenants, row["adminTenant"]),
        "guestTenant": net.refs(net.tenants, row["guestTenant"]),
        "tags": row["tags"],
        "isSystem": row["isSystem"],
        "isDefault": row["isDefault"],
        "vni": row["vni"],
        "vlans": row["vlans"],
        "createdDate": row["createdDate"],
        "modifiedDate": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    show = partial(render, net)
    return Reply.rows(net.vpcs.json(row, show) for row in net.vpcs)


def read(net: Controller, call: Call) -> Reply:
    return Reply(net.vpcs.json(_row(net, call), partial(render, net)))


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    is_first = not len(net.vpcs)
    row = net.vpcs.add(
        name=net.unique_name(net.vpcs, fields),  # duplicates refused: unverified (quirk 47)
        adminTenant=net.one_of(net.tenants, fields, "adminTenant"),
        guestTenant=net.many_of(net.tenants, fields, "guestTenant"),
        tags=fields.tags(),
        isSystem=is_first,
        isDefault=is_first,
        vni=net.take_vni(),
        vlans=net.vlans_of_a_new_vpc(),
        createdDate=now,
        modifiedDate=now,
    )
    return Reply(net.vpcs.json(row, partial(render, net)), CREATED)  # an object, not a list (quirk 26)


def update(net: Controller, call: Call) -> Reply:
    """The owner stays what it was at creation, whatever is sent (2.1)."""
    row, fields = _row(net, call), call.fields
    is_renamed = fields.text("name", row["name"]) != row["name"]
    net.vpcs.change(
        row,
        name=net.unique_name(net.vpcs, fields, row),
        guestTenant=net.many_of(net.tenants, fields, "guestTenant", row["guestTenant"]),
        tags=fields.tags(row["tags"]),
        modifiedDate=net.stamp(),
    )
    if is_renamed:
        peered = (each[side] for each in peering.of_vpc(net, row["id"]) for side in peering.SIDES)
        for vpc in {row["id"], *peered}:  # V-Nets show the peered VPC that they relay DHCP to
            net.render_vpc_again(vpc)
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = _row(net, call)
    if row["isSystem"]:
        raise Refusal(400, "System VPC can not be deleted.")  # unverified
    if row["isDefault"]:
        raise Refusal(400, "Default VPC can not be deleted.")  # unverified
    used_by = [word for word, shelf in net.scoped.items() if shelf.one("vpc", row["id"])]
    if peering.of_vpc(net, row["id"]):
        used_by.append("vpc-peering")
    if used_by:
        raise Refusal(400, f"VPC is in use by: {', '.join(used_by)}.", {"vpc": "VPC is in use."})  # unverified
    net.vpcs.drop(row["id"])
    return Reply.of({"id": row["id"]}, DELETED)


def make_default(net: Controller, call: Call) -> Reply:
    row = _row(net, call)
    for other in list(net.vpcs.by("isDefault", True)):
        net.vpcs.change(other, isDefault=False)
    net.vpcs.change(row, isDefault=True, modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def resources(net: Controller, call: Call) -> Reply:
    """What lives in the VPC: always one element, of the first site."""
    vpc = _row(net, call)["id"]
    site = next(iter(net.sites), None)

    def short(row: Row, tenant: int | None = None) -> dict[str, Any]:
        return {"id": row["id"], "name": row["name"], "tenant": tenant or row["tenant"]}

    owner = _row(net, call)["adminTenant"]
    element = {
        "id": site["id"] if site else 0,
        "site": net.ref(net.sites, site["id"]) if site else None,
        "bgp": [short(row, owner) for row in net.sessions.by("vpc", vpc)],
        "roh": [],
        "vnet": [short(row) for row in net.vnets.by("vpc", vpc)],
        "ipam": [short(row) for row in net.subnets.by("vpc", vpc)],
        "route": [short(row, owner) for row in net.static_routes.by("vpc", vpc)],
        "allocation": [short(row) for row in net.allocations.by("vpc", vpc)],
    }
    return Reply.of([element])


def _row(net: Controller, call: Call) -> Row:
    row = net.vpcs.get(call.id)
    if row is None:
        raise Refusal(404, "VPC is not found.")
    return row
