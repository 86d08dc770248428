"""The ledgers of VXLAN ids, VLANs and addresses (2.3): what objects hold, and what somebody reserved by hand.

A reservation by hand keeps its number away from everybody but the consumer it names. Ids of what objects hold are
counted in the list and lie above those of reservations; they cannot be deleted, since their objects still hold them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from sandbox.netris.overlay.ipam import host_id
from sandbox.netris.state.controller import LAST_VLAN, Controller
from sandbox.netris.state.ledger import LAST_VNI, Claim, Owner
from sandbox.netris.state.tree import Node
from sandbox.netris.wire import CREATED, DELETED, Address, Call, Fields, Refusal, Reply, invalid, not_found

HELD = 1_000_000  # ids above are those of numbers that objects hold
_VLAN_CONSUMERS = ("bgp", "hw", "vnet", "vrf")
_IP_CONSUMERS = ("vnet", "bgp", "hw", "nat", "roh", "l4lb", "sys")


class _Ids:
    def __init__(self) -> None:
        self._held = HELD

    def of(self, owner: Owner) -> int:
        if owner.reservation:
            return owner.reservation
        self._held += 1
        return self._held


def _consumer(owner: Owner) -> dict[str, Any]:
    return {"id": owner.id, "type": owner.kind, "name": owner.name}


def _meta(net: Controller, owner: Owner, tag: str) -> dict[str, Any]:
    row = net.reservations.get(owner.reservation)
    return dict(row["meta"]) if row else {"tag": tag}


def vxlan(net: Controller, call: Call) -> Reply:
    entries = [(number, owner, tag) for _, number, owner, tag in net.ledger.entries("vni")]
    entries.sort(key=lambda entry: (entry[0], entry[1].kind, entry[1].id))
    ids = _Ids()
    return Reply.of(
        [
            {"id": ids.of(owner), "vxlan": number, "consumer": _consumer(owner), "meta": _meta(net, owner, tag)}
            for number, owner, tag in entries
        ]
    )


def vlan(net: Controller, call: Call) -> Reply:
    sites, ids = call.ids("filterBySite"), _Ids()
    return Reply.of(
        [
            {
                "id": ids.of(owner),
                "vlan": number,
                "site": net.ref(net.sites, pool[1]),
                "consumer": _consumer(owner),
                "meta": _meta(net, owner, tag),
            }
            for pool, number, owner, tag in net.ledger.entries("vlan")
            if sites is None or pool[1] in sites
        ]
    )


def ip(net: Controller, call: Call) -> Reply:
    """Every address in use, with the subnet it is in. `filterByType` is a consumer type, the site is the subnet's."""
    kinds, sites, ids = call.values("filterByType"), call.ids("filterBySite"), _Ids()
    found: list[dict[str, Any]] = []
    for (_, vpc, version), number, owner, tag in net.ledger.entries("ip"):
        if kinds and owner.kind not in kinds:
            continue
        bits, to_address = (32, IPv4Address) if version == 4 else (128, IPv6Address)
        node = next((n for n in net.tree.enclosing(vpc, version, number, bits) if n.kind == "subnet"), None)
        if sites is not None and (node is None or sites.isdisjoint(node.row["sites"])):
            continue
        names = ("id", "prefix", "name", "purpose")
        host: dict[str, Any] = {
            "id": host_id(node, number) if node else None,
            "address": str(to_address(number)),
            "subnet": {name: node.row[name] for name in names} if node else None,
        }
        consumer, meta = _consumer(owner), _meta(net, owner, tag) | _leases(net, owner, host["address"])
        found.append({"id": ids.of(owner), "host": host, "consumer": consumer, "meta": meta})
    return Reply.of(found)


def _leases(net: Controller, owner: Owner, address: str) -> dict[str, Any]:
    """The DHCP range of a gateway."""
    vnet = net.vnets.get(owner.id) if owner.kind == "vnet" and not owner.reservation else None
    for gateway in vnet["gateways"] if vnet else ():
        dhcp = gateway["dhcp"]
        if dhcp and gateway["prefix"].partition("/")[0] == address:
            return {"dhcp": {"start": dhcp["start"], "end": dhcp["end"], "option_set_id": dhcp["optionSet"]}}
    return {}


def reserve_vxlan(net: Controller, call: Call) -> Reply:
    fields = call.fields
    number = fields.integer("vxlan", 0, LAST_VNI) or net.take_vni()
    return _add(net, "vxlan", fields, Claim.vni(number), {"vxlan": number, "site": 0}, _VLAN_CONSUMERS)


def reserve_vlan(net: Controller, call: Call) -> Reply:
    """0 takes the next free one of the site."""
    fields = call.fields
    site = net.one_of(net.sites, fields, "site")
    number = fields.integer("vlan", 0, LAST_VLAN) or net.take_vlan(site)
    return _add(net, "vlan", fields, Claim.vlan(site, number), {"vlan": number, "site": site}, _VLAN_CONSUMERS)


def reserve_ip(net: Controller, call: Call) -> Reply:
    """`host` is an address, or the id of a host in its subnet; without a subnet it is one of the Default VPC."""
    fields = call.fields
    host = fields.object("host")
    vpc, network = net.default_vpc, None
    if "subnet" in host:
        subnet = net.resolve(net.subnets, host.raw("subnet"), "subnet")
        vpc, network = int(subnet["vpc"]), net.tree.nodes["subnet", subnet["id"]]
    address: Address = host.address("address") if "address" in host or not network else _host_of(network, host)
    if network is not None and not (
        network.key[1] == address.version and network.first <= int(address) <= network.last
    ):
        raise invalid("address", "The address is out of the subnet.")  # unverified
    return _add(net, "ip", fields, Claim.ip(vpc, address), {"address": str(address), "vpc": vpc}, _IP_CONSUMERS)


def _host_of(subnet: Node, host: Fields) -> Address:
    number = subnet.first + host.integer("id", 1, min(subnet.size, 2**31)) - 1
    return IPv4Address(number) if subnet.key[1] == 4 else IPv6Address(number)


def _add(
    net: Controller, kind: str, fields: Fields, claim: Claim, facts: dict[str, Any], consumers: tuple[str, ...]
) -> Reply:
    given = fields.object("consumer")
    type_ = given.choice("type", consumers)
    consumer = {"id": given.integer("id", 0, 2**31, 0), "type": type_, "name": given.text("name", "")}
    if net.ledger.holders(claim):
        raise invalid(kind, "Already reserved.")  # unverified
    meta = fields.object("meta", {}).values
    row = net.reservations.add(kind=kind, **facts, number=claim.number, consumer=consumer, meta=meta, name="")
    return Reply.of({"id": row["id"], **({kind: facts[kind]} if kind in facts else {})}, CREATED)


def release_vxlan(net: Controller, call: Call) -> Reply:
    return _release(net, call, "vxlan")


def release_vlan(net: Controller, call: Call) -> Reply:
    return _release(net, call, "vlan")


def release_ip(net: Controller, call: Call) -> Reply:
    return _release(net, call, "ip")


def _release(net: Controller, call: Call, kind: str) -> Reply:
    row = net.reservations.get(call.id)
    if row is None or row["kind"] != kind:
        if (call.id or 0) > HELD:
            raise Refusal(400, "The reservation is in use by its consumer.")  # unverified
        raise not_found()
    net.reservations.drop(row["id"])
    return Reply.of({}, DELETED)
