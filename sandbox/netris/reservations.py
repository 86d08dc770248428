"""The ledgers of VXLAN ids, VLANs and addresses, to be read (2.3)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from sandbox.netris.controller import Controller
from sandbox.netris.ledger import Owner
from sandbox.netris.wire import Call, Reply


def _consumer(owner: Owner) -> dict[str, Any]:
    return {"id": owner.id, "type": owner.kind, "name": owner.name}


def vxlan(net: Controller, call: Call) -> Reply:
    entries = sorted((number, owner.kind, owner.id, owner) for _, number, owner, _ in net.ledger.entries("vni"))
    rows = enumerate(entries, start=1)
    return Reply.of([{"id": at, "vxlan": entry[0], "consumer": _consumer(entry[3])} for at, entry in rows])


def vlan(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySite")
    found: list[dict[str, Any]] = []
    for pool, number, owner, _ in net.ledger.entries("vlan"):
        if sites is None or pool[1] in sites:
            site = net.ref(net.sites, pool[1])
            found.append({"id": len(found) + 1, "vlan": number, "site": site, "consumer": _consumer(owner)})
    return Reply.of(found)


def ip(net: Controller, call: Call) -> Reply:
    """Every address in use, with the subnet it is in. `filterByType` is a consumer type."""
    kinds = call.values("filterByType")
    found: list[dict[str, Any]] = []
    for (_, vpc, version), number, owner, tag in net.ledger.entries("ip"):
        if kinds and owner.kind not in kinds:
            continue
        bits, to_address = (32, IPv4Address) if version == 4 else (128, IPv6Address)
        node = next((n for n in net.tree.enclosing(vpc, version, number, bits) if n.kind == "subnet"), None)
        names = ("id", "prefix", "name", "purpose")
        host = {
            "id": len(found) + 1,
            "address": str(to_address(number)),
            "subnet": {name: node.row[name] for name in names} if node else None,
        }
        found.append({"id": len(found) + 1, "host": host, "consumer": _consumer(owner), "meta": {"tag": tag}})
    return Reply.of(found)
