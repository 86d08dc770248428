"""The ledgers of VXLAN ids, VLANs and addresses (2.3): what objects hold, and what somebody reserved by hand.

A reservation by hand keeps its number away from everybody but the consumer it names. Ids of what objects hold are
counted in the list and lie above those of reservations. What objects hold cannot be deleted. VLANs and VXLAN ids are
asked for and given back by their number, addresses by the id of the reservation (OpenAPI, 2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from sandbox.netris.overlay.ipam import host_id
from sandbox.netris.state.controller import LAST_VLAN, Controller
from sandbox.netris.state.ledger import LAST_VNI, Claim, Owner
from sandbox.netris.state.tree import Node
from sandbox.netris.wire import (
    CREATED,
    DELETED,
    Address,
    Call,
    Fields,
    Refusal,
    Reply,
    dumps,
    invalid,
    not_found,
    weak_int,
)

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
    """Of one VXLAN id when the path names it."""
    entries = [(number, owner, tag) for _, number, owner, tag in net.ledger.entries("vni")]
    entries.sort(key=lambda entry: (entry[0], entry[1].kind, entry[1].id))
    ids = _Ids()
    return Reply.of(
        [
            {"id": ids.of(owner), "vxlan": number, "consumer": _consumer(owner), "meta": _meta(net, owner, tag)}
            for number, owner, tag in entries
            if not call.target or number == call.id
        ]
    )


def vlan(net: Controller, call: Call) -> Reply:
    """Of one VLAN when the path names it."""
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
            if (sites is None or pool[1] in sites) and (not call.target or number == call.id)
        ]
    )


def ip(net: Controller, call: Call) -> Reply:
    """Every address in use, with the subnet it is in. `filterByType` is a consumer type, the site is the subnet's."""
    kinds, sites = call.values("filterByType"), call.ids("filterBySite")
    return Reply.of(
        [
            entry
            for entry, node in _addresses(net)
            if (not kinds or entry["consumer"]["type"] in kinds)
            and (sites is None or (node is not None and not sites.isdisjoint(node.row["sites"])))
        ]
    )


def one_ip(net: Controller, call: Call) -> Reply:
    """By the id of a reservation or by the address, of the System VPC before others (which one: unverified)."""
    found = [
        (node is None or node.vpc != net.system_vpc, entry)
        for entry, node in _addresses(net)
        if call.target in (str(entry["id"]), entry["host"]["address"])
    ]
    if not found:
        raise not_found()
    return Reply.of(min(found, key=lambda each: each[0])[1])


def used_ips(net: Controller, call: Call) -> Reply:
    """What devices have of addresses, in the words of the oldest API. Whether others are told too is unverified."""
    return Reply.of(
        [
            {
                "id": entry["id"],
                "address": entry["host"]["address"],
                "consumer_id": entry["consumer"]["id"],
                "consumer_type": entry["consumer"]["type"],
                "host_id": entry["host"]["id"],
                "subnet_id": node.row["id"] if node else None,
                "name": entry["consumer"]["name"],
                "meta": dumps(entry["meta"]),
            }
            for entry, node in _addresses(net)
            if entry["consumer"]["type"] == "hw"
        ]
    )


def _addresses(net: Controller) -> Iterator[tuple[dict[str, Any], Node | None]]:
    ids, names = _Ids(), ("id", "prefix", "name", "purpose")
    for (_, vpc, version), number, owner, tag in net.ledger.entries("ip"):
        address: Address = IPv4Address(number) if version == 4 else IPv6Address(number)
        node = net.tree.subnet_of(vpc, address)
        host = {
            "id": host_id(node, number) if node else None,
            "address": str(address),
            "subnet": {name: node.row[name] for name in names} if node else None,
        }
        meta = _meta(net, owner, tag) | _leases(net, owner, str(address))
        yield {"id": ids.of(owner), "host": host, "consumer": _consumer(owner), "meta": meta}, node


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
    number = weak_int(call.target)
    claim = Claim.vni(number) if number is not None else None
    return _release(net, claim, "VXLAN reservation is not found.")


def release_vlan(net: Controller, call: Call) -> Reply:
    """The path ends with the VLAN and the site."""
    numbers = [weak_int(part) for part in call.target.split("/")]
    claim = Claim.vlan(numbers[1], numbers[0]) if None not in numbers else None  # type: ignore[arg-type]
    return _release(net, claim, "VLAN reservation is not found.")


def _release(net: Controller, claim: Claim | None, missing: str) -> Reply:
    owners = net.ledger.holders(claim) if claim else []
    by_hand = [owner.reservation for owner in owners if owner.reservation]
    if not by_hand:
        raise _in_use() if owners else Refusal(404, missing)
    for number in by_hand:
        net.reservations.drop(number)
    return Reply.of([], DELETED)


def release_ip(net: Controller, call: Call) -> Reply:
    row = net.reservations.get(call.id)
    if row is None or row["kind"] != "ip":
        raise _in_use() if (call.id or 0) > HELD else not_found()
    net.reservations.drop(row["id"])
    return Reply.of({}, DELETED)


def _in_use() -> Refusal:
    return Refusal(400, "The reservation is in use by its consumer.")  # unverified
