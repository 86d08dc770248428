"""VPC peering: two VPCs exchange routes, each side taking what its inbound list permits (2.12).

There are two dialects of the lists: one text for each side (OpenAPI), or one for each side and IP family (the Go SDK of
2026). Both are read, and both are shown: which keys a release has is unverified. A list that nobody wrote is filled by
the controller with the prefixes of the other side, as they are when it is read. Overlapping ranges are not refused: no
source says that they are.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import prefix_lists
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Reply, invalid

SIDES = ("vpcA", "vpcB")
_LISTS = {"prefixListInboundIPv4": 4, "prefixListInboundIPv6": 6}


def render(net: Controller, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        **{side: _side(net, row, side) for side in SIDES},
        "createdDate": str(row["createdDate"]),  # text, unlike almost everywhere else (quirk 44)
        "modifiedDate": str(row["modifiedDate"]),
    }


def _side(net: Controller, row: Row, side: str) -> dict[str, Any]:
    other = row["vpcB" if side == "vpcA" else "vpcA"]
    lists = {name: row[f"{side} {name}"] or _automatic(net, other, version=version) for name, version in _LISTS.items()}
    both = "\n".join(text for text in lists.values() if text)
    return {**net.ref(net.vpcs, row[side]), **lists, "prefixListInbound": both}


def _automatic(net: Controller, vpc: int, *, version: int) -> str:
    networks = (ip_network(allocation["prefix"]) for allocation in net.allocations.by("vpc", vpc))
    return prefix_lists.permitting(network for network in networks if network.version == version)


def listing(net: Controller, call: Call) -> Reply:
    vpcs = call.ids("filterByVpc")  # unverified on this list
    rows = (row for row in net.peerings if vpcs is None or not vpcs.isdisjoint((row["vpcA"], row["vpcB"])))
    return Reply.of([render(net, row) for row in rows])


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(render(net, net.row(net.peerings, call.id)))


def create(net: Controller, call: Call) -> Reply:
    """201 as in OpenAPI (1.5); what `data` holds is unverified."""
    now = net.stamp()
    row = net.peerings.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED, status=201)


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.peerings, call.id)
    net.peerings.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    net.peerings.drop(net.row(net.peerings, call.id)["id"])
    return Reply.of({}, DELETED)


def of_vpc(net: Controller, vpc: int) -> list[Row]:
    return [*net.peerings.by("vpcA", vpc), *net.peerings.by("vpcB", vpc)]


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": net.unique_name(net.peerings, fields, was)}
    for side in SIDES:
        if was and side not in fields:
            facts |= {name: value for name, value in was.items() if name.startswith(side)}
            continue
        given = fields.object(side)
        facts[side] = net.one_of(net.vpcs, fields, side)
        facts |= _lists(side, given, was)
    if facts["vpcA"] == facts["vpcB"]:
        raise invalid("vpcB", "A VPC can not be peered with itself.")  # unverified
    pair = {facts["vpcA"], facts["vpcB"]}
    if any(row is not was and {row["vpcA"], row["vpcB"]} == pair for row in of_vpc(net, facts["vpcA"])):
        raise invalid("vpcB", "These VPCs are peered already.")  # unverified
    return facts


def _lists(side: str, given: Fields, was: Row | None) -> dict[str, str]:
    """Of the two dialects the one split by family wins where both are sent."""
    both = prefix_lists.entries(prefix_lists.demand("prefixListInbound", given.text("prefixListInbound", ""), 4, 6))
    found = {}
    for name, version in _LISTS.items():
        if name in given:
            found[f"{side} {name}"] = prefix_lists.demand(name, given.text(name), version)
        elif "prefixListInbound" in given:
            found[f"{side} {name}"] = "\n".join(line for line in both if (":" in line) == (version == 6))
        else:
            found[f"{side} {name}"] = was[f"{side} {name}"] if was else ""
    return found
