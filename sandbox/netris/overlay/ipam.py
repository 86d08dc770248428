"""IPAM: allocations, and subnets nested in them (2.3).

Allocation ids and subnet ids are sequences of their own and collide (quirk 1); a changed `vpc` is silently ignored
(quirk 2); deleting takes everything below along (quirk 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.shelf import Shelf
from sandbox.netris.state.tree import Node
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, dumps, invalid, weak_int

PURPOSES = ("common", "loopback", "management", "load-balancer", "nat", "bgp", "inactive")
Keep = Callable[[Node], bool]
_OLD_ENVELOPE = {"statusCode": 200, "status": "success", "error": ""}  # what they hold is unverified


def hosts_pool(node: Node) -> tuple[str, int, int]:
    return "ip", node.vpc, node.key[1]


def _own_part(net: Controller, node: Node) -> str:
    """A node without its children, as JSON that is still open at the end."""
    row, version, length = node.row, node.key[1], node.key[2]
    is_subnet = node.kind == "subnet"
    allocation = _root_of(node)
    hosts = net.ledger.count(hosts_pool(node), node.first, node.last)
    used = sum(child.size for child in node.children.values()) if node.children or not is_subnet else hosts
    enclosing = node.parent.row["id"] if node.parent and node.parent.kind == "subnet" else 0  # 0 at the top: unverified
    shown = {
        "id": row["id"],
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "parentID": enclosing,
        "allocationID": allocation.row["id"] if allocation else row["id"],
        "name": row["name"],
        "fullName": f"{row['prefix']} ({row['name']})",
        "description": row["description"],
        "tenant": net.ref(net.tenants, row["tenant"]),
        "sites": net.refs(net.sites, row["sites"]),
        "ipFamily": f"ipv{version}",
        "readonly": "no",
        "prefix": row["prefix"],
        "subnet": {"prefix": row["prefix"].split("/")[0], "length": length},
        "type": node.kind,
        "purpose": row["purpose"] if is_subnet else None,
        "defaultGateway": row["defaultGateway"] if is_subnet else "",
        "globalRouting": row["globalRouting"] if is_subnet else False,
        "tags": row["tags"] if is_subnet else [],
        "hasHosts": bool(hosts),
        "hostsCount": hosts,
        "utilization": {"percent": min(100, round(100 * used / node.size)), "type": "ip" if is_subnet else "subnet"},
        "createdDate": row["createdDate"],
        "modifiedDate": row["modifiedDate"],
    }
    return dumps(shown)[:-1]


def _root_of(node: Node) -> Node | None:
    top: Node | None = node
    while top is not None and top.kind != "allocation":
        top = top.parent
    return top


def _json(net: Controller, node: Node, *, deep: bool, keep: Keep = lambda node: True) -> str:
    if node.json is None:
        node.json = _own_part(net, node)
    children = ""
    if deep and node.children:
        children = ",".join(_json(net, child, deep=True, keep=keep) for child in node.children.values() if keep(child))
    return f'{node.json},"children":[{children}]}}'


def tree(net: Controller, call: Call) -> Reply:
    """Allocations of the VPCs asked for. A site filter leaves allocations alone: they belong to no site."""
    sites = call.ids("filterBySites")

    def keep(node: Node) -> bool:
        return sites is None or not sites.isdisjoint(node.row["sites"])

    rows = (row for vpc in net.scope(call) for row in net.allocations.by("vpc", vpc))
    return Reply.rows(_json(net, net.tree.nodes["allocation", row["id"]], deep=True, keep=keep) for row in rows)


def subnets(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySites")
    rows = net.asked(net.subnets, call)
    return flat(net, (row for row in rows if sites is None or not sites.isdisjoint(row["sites"])))


def flat(net: Controller, rows: Iterable[Row]) -> Reply:
    """Subnets as nodes without those below them."""
    return Reply.rows(_json(net, net.tree.nodes["subnet", row["id"]], deep=False) for row in rows)


def hosts(net: Controller, call: Call) -> Reply:
    node = net.tree.nodes.get(("subnet", call.id or 0))
    if node is None:
        raise Refusal(404, "Not found")
    to_address = IPv4Address if node.key[1] == 4 else IPv6Address
    found: list[dict[str, Any]] = []
    for number, owners in net.ledger.between(hosts_pool(node), node.first, node.last):
        owner, tag = next(iter(owners.items()))
        found.append(
            {
                "id": host_id(node, number),
                "subnetID": node.row["id"],
                "name": owner.name,
                "address": str(to_address(number)),
                "type": "host",
                "meta": {"consumer": owner.kind, "tag": tag},
                "readonly": "no",
                "ipFamily": f"ipv{node.key[1]}",
                "description": "",
            }
        )
    return replace(Reply.of(found), beside=_OLD_ENVELOPE)


def host_id(node: Node, number: int) -> int:
    """A host is counted within its subnet (unverified): the ids of two subnets are the same."""
    return number - node.first + 1


def create_allocation(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    prefix, vpc = fields.network("prefix"), net.vpc_of(fields)
    if net.tree.overlapping_allocation(vpc, prefix) is not None:
        raise invalid("prefix", "IP prefix overlaps with another allocation.")  # unverified
    row = net.allocations.add(
        vpc=vpc, prefix=str(prefix), sites=[], **_common(net, net.allocations, fields, None), createdDate=now
    )
    return _named(row, CREATED)


def create_subnet(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    prefix, vpc = fields.network("prefix"), net.vpc_of(fields)
    if not any(node.kind == "allocation" for node in net.tree.around(vpc, prefix)):
        raise invalid("prefix", "IP prefix is out of any allocation")
    if net.tree.at("subnet", vpc, prefix):
        raise invalid("prefix", "IP prefix already exists.")  # unverified
    row = net.subnets.add(vpc=vpc, prefix=str(prefix), **_subnet_facts(net, fields, None), createdDate=now)
    return _named(row, CREATED)


def update_allocation(net: Controller, call: Call) -> Reply:
    row, fields = net.row(net.allocations, call.id), call.fields
    _demand_same_prefix(fields, row)
    net.allocations.change(row, **_common(net, net.allocations, fields, row))
    return _named(row, UPDATED)


def update_subnet(net: Controller, call: Call) -> Reply:
    row, fields = net.row(net.subnets, call.id), call.fields
    _demand_same_prefix(fields, row)
    net.subnets.change(row, **_subnet_facts(net, fields, row))
    return _named(row, UPDATED)


def delete_allocation(net: Controller, call: Call) -> Reply:
    return _delete(net, "allocation", _by_id_or_prefix(net, "allocation", call))


def delete_subnet(net: Controller, call: Call) -> Reply:
    return _delete(net, "subnet", _by_id_or_prefix(net, "subnet", call))


def _delete(net: Controller, kind: str, row: Row) -> Reply:
    doomed = [net.tree.nodes[kind, row["id"]]]
    for node in doomed:
        doomed.extend(node.children.values())
    for node in reversed(doomed):
        (net.subnets if node.kind == "subnet" else net.allocations).drop(node.row["id"])
    return Reply.of({}, DELETED)


def _named(row: Row, message: str) -> Reply:
    return Reply.of({"id": row["id"], "name": row["name"]}, message)


def _common(net: Controller, shelf: Shelf, fields: Fields, was: Row | None) -> dict[str, Any]:
    return {
        "name": net.unique_name(shelf, fields, was),
        "description": fields.text("description", was["description"] if was else ""),
        "tenant": net.one_of(net.tenants, fields, "tenant", *([was["tenant"]] if was else [])),
        "modifiedDate": net.stamp(),
    }


def _subnet_facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    facts = _common(net, net.subnets, fields, was)
    sites = net.many_of(net.sites, fields, "sites", *([was["sites"]] if was else [fields.raw("sites")]))
    if not sites:
        raise invalid("sites", "At least one site is required.")  # unverified
    purpose = fields.choice("purpose", PURPOSES, *([was["purpose"]] if was else []))
    gateway = fields.text("defaultGateway", was["defaultGateway"] if was else "")
    if gateway and purpose == "management":
        gateway = str(fields.address("defaultGateway", gateway))
    return facts | {
        "sites": sites,
        "purpose": purpose,
        "defaultGateway": gateway if purpose == "management" else "",
        "globalRouting": fields.flag("globalRouting", was["globalRouting"] if was else False),
        "tags": fields.tags(was["tags"] if was else ()),
    }


def _demand_same_prefix(fields: Fields, row: Row) -> None:
    if "prefix" in fields and str(fields.network("prefix")) != row["prefix"]:
        raise invalid("prefix", "IP prefix can not be changed.")  # unverified


def _by_id_or_prefix(net: Controller, kind: str, call: Call) -> Row:
    """A prefix means the one in the VPCs of the filter, else in the Default VPC; which one is meant is unverified."""
    target = call.target
    node = net.tree.nodes.get((kind, number)) if (number := weak_int(target)) is not None else None
    if node is None and "/" in target:
        try:
            network = ip_network(target)
        except ValueError as mistake:
            raise invalid("prefix", "Invalid IP prefix.") from mistake  # unverified
        node = next((found for vpc in net.scope(call) if (found := net.tree.at(kind, vpc, network))), None)
    if node is None:
        raise Refusal(404, "Not found")
    return node.row


def next_address(net: Controller, purpose: str, site: int, *, version: int = 0) -> str | None:
    """The next free address of the System VPC's subnets of one purpose: what "auto" means to devices and balancers.

    Version 0 is either IP version.
    """
    for row in net.subnets.by("vpc", net.system_vpc):
        if row["purpose"] != purpose or site not in row["sites"]:
            continue
        node = net.tree.nodes["subnet", row["id"]]
        if version not in (0, node.key[1]):
            continue
        taken = {number for number, _ in net.ledger.between(hosts_pool(node), node.first, node.last)}
        if row["defaultGateway"]:
            taken.add(int(ip_address(row["defaultGateway"])))
        first, last = (node.first, node.last) if node.size <= 2 else (node.first + 1, node.last - 1)
        number = next((number for number in range(first, last + 1) if number not in taken), None)
        if number is not None:
            return str(IPv4Address(number) if node.key[1] == 4 else IPv6Address(number))
    return None
