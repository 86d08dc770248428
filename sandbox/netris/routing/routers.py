"""A tenant's router at the far end of a fabric port: whose light is on, and what it speaks on which VLAN.

It is no object of Netris, and can only be ordered (`orders`). One row stands for the cable in a port; its `sides` are
what is set up on the router (or on several behind a carrier's), one for each VLAN, 0 for what goes untagged:

    vlan address asn        what it is there: address with length
    peer peerAsn            whom it talks to; blank and 0 are whoever is there
    password bfd            of the session
    announces communities   its prefixes, and what they are tagged with
    since silentSince       when it last was set up or hung up, and since when it says nothing more

The light is the port's `carrier`, so it is told and remembered like every other cable. A port that a tenant's V-Net or
session goes through is dark without a router. A session over it comes up when both ends agree; what FRR shows while
they do not (3.4 has the words, the rest is decided here):

    Idle        no light, or the V-Net is disabled; the router is of another AS; more prefixes than the limit
    Active      nobody is at the address: another VLAN, another address, or silence
    Connect     the passwords differ, so the packets of the connection are thrown away
    OpenSent    the router expects another AS of us

The limit counts what the inbound list lets in, as FRR does by default. Above it FRR stays Idle until somebody clears
the session; here it comes back by itself when there is less.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import prefix_lists
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import LAST_VLAN, Controller
from sandbox.netris.wire import Fields, Network, Refusal

LAST_ASN = 2**32 - 1
IMPORTED = "0:7"  # the community by which Netris takes more than a default route into the VPC (2.10)
BFD_SECONDS = 1.0  # until silence is noticed (unverified); without BFD it takes the hold time
MOST_PREFIXES = 20_000
_BLANK: Row = {
    "peer": "",
    "peerAsn": 0,
    "password": "",
    "bfd": False,
    "announces": [],
    "communities": [IMPORTED],
    "silentSince": None,
}


# orders


def plug(net: Controller, port: Row) -> Row:
    """Put the cable in, if none is there."""
    there = net.routers.one("port", port["id"])
    return there or net.routers.add(port=port["id"], pluggedAt=net.clock.now(), sides=[])


def light(net: Controller, port: Row, *, is_on: bool) -> None:
    net.ports.change(port, carrier=None if is_on else False)


def unplug(net: Controller, port: Row, vlan: int | None = None) -> None:
    """Take the cable out, or only what is set up on one VLAN."""
    row = _plugged(net, port)
    if vlan is None:
        net.routers.drop(row["id"])
        net.ports.change(port, carrier=None)
        return
    net.routers.change(row, sides=[side for side in row["sides"] if side["vlan"] != vlan])


def set_up(net: Controller, port: Row, order: dict[str, Any]) -> None:
    """One VLAN of the router as ordered; what is not said stays. ValueError for what makes no sense."""
    row, fields = net.routers.one("port", port["id"]), Fields(order)
    try:
        vlan = fields.integer("vlan", 0, LAST_VLAN)
        was = next((side for side in (row["sides"] if row else ()) if side["vlan"] == vlan), None)
        side = _side(net, fields, vlan, was)
        is_flap = fields.flag("flap", False)
    except Refusal as refusal:
        raise ValueError(refusal.message) from refusal
    if was is None or _is_new(was, side) or is_flap:
        side["since"] = net.clock.now()
    row = plug(net, port)
    net.routers.change(row, sides=[*(each for each in row["sides"] if each["vlan"] != vlan), side])


def _side(net: Controller, fields: Fields, vlan: int, was: Row | None) -> Row:
    old = was or _BLANK
    kept = (was["asn"],) if was else ()
    silent = fields.flag("silent", old["silentSince"] is not None)
    return {
        "vlan": vlan,
        "address": str(fields.interface("address")) if was is None or "address" in fields else was["address"],
        "asn": fields.integer("asn", 1, LAST_ASN, *kept),
        "peer": str(fields.address("peer")) if fields.values.get("peer") else old["peer"],
        "peerAsn": fields.integer("peer_asn", 0, LAST_ASN, old["peerAsn"]),
        "password": fields.text("password", old["password"]),
        "bfd": fields.flag("bfd", old["bfd"]),
        "announces": _prefixes(fields, old["announces"]),
        "communities": [str(each) for each in fields.items("communities", old["communities"])],
        "silentSince": (old["silentSince"] or net.clock.now()) if silent else None,
        "since": old.get("since", net.clock.now()),
    }


def _prefixes(fields: Fields, old: list[str]) -> list[str]:
    try:
        found = [str(ip_network(each)) for each in fields.items("announces", old)]
    except ValueError as mistake:
        raise ValueError(f"announces: {mistake}") from mistake
    if len(found) > MOST_PREFIXES:
        raise ValueError(f"announces: are at most {MOST_PREFIXES}")
    return list(dict.fromkeys(found))


def _is_new(was: Row, side: Row) -> bool:
    """Whether the session starts over: prefixes come and go without that, and BFD is agreed on by itself."""
    if was["silentSince"] is not None and side["silentSince"] is None:
        return True
    return any(was[name] != side[name] for name in ("address", "asn", "peer", "peerAsn", "password"))


def _plugged(net: Controller, port: Row) -> Row:
    row = net.routers.one("port", port["id"])
    if row is None:
        raise ValueError(f"port: there is no router in {port['name']}")
    return row


def shown(net: Controller, row: Row) -> dict[str, Any]:
    """Without the passwords."""
    port = net.ports.get(row["port"]) or {"name": "", "carrier": None}
    sides = [{name: value for name, value in side.items() if name != "password"} for side in row["sides"]]
    return {"port": port["name"], "light": port["carrier"] is not False, "sides": sides}


# sessions


def ends(net: Controller, session: Row) -> Iterator[tuple[Row, int]]:
    """The ports that a session goes through, with its tag there; none of one that lives on hypervisors."""
    vnet = net.vnets.get(session["vnet"])
    if port := net.ports.get(session["port"]):
        yield port, 0 if session["untagged"] else session["vlan"]
    for entry in vnet["ports"] if vnet else ():
        if entry["state"] != "disabled" and (port := net.ports.get(entry["port"])):
            yield port, 0 if entry["untagged"] else entry["vlan"]


def are_awaited(net: Controller, session: Row) -> bool:
    """Whether a session comes up only with a router that was ordered: in a tenant's VPC, over a port of the fabric that
    has no known cable. `carrier: true` of a port stands for a router that agrees to everything."""
    if net.is_own(session["vpc"]):
        return False
    ports = [port for port, _ in ends(net, session)]
    return any(fabric.far_end(net, port) is None for port in ports) and not any(
        port["carrier"] and net.routers.one("port", port["id"]) is None for port in ports
    )


def side_of(net: Controller, session: Row) -> Row | None:
    """What the session finds at the address that it talks to."""
    for port, tag in ends(net, session):
        row = net.routers.one("port", port["id"])
        for side in row["sides"] if row and fabric.is_port_up(net, port) else ():
            if side["vlan"] == tag and _is_at(side, session):
                return dict(side)
    return None


def _is_at(side: Row, session: Row) -> bool:
    address = ip_interface(side["address"])
    is_there = (str(address.ip), address.network.prefixlen) == (session["remoteIP"], session["prefixLength"])
    return is_there and side["peer"] in ("", session["localIP"])


def trouble(net: Controller, session: Row) -> str:
    """The word for what keeps a session down, blank when both ends agree."""
    vnet = net.vnets.get(session["vnet"])
    is_lit = any(fabric.is_port_up(net, port) for port, _ in ends(net, session))
    if not is_lit or (vnet is not None and vnet["state"] == "disabled"):
        return "Idle"
    side = side_of(net, session)
    if side is None:
        return "Active"
    if side["password"] != session["bgpPassword"]:
        return "Connect"
    if side["asn"] != session["neighborAS"]:
        return "Idle"
    return "OpenSent" if side["peerAsn"] not in (0, _own_asn(net, session)) else ""


def _own_asn(net: Controller, session: Row) -> int:
    local = session["localAsn"]
    if local == "public-as":
        return int((net.sites.get(session["site"]) or {}).get("publicAsn") or 0)
    if local == "switch-local-as":
        return int((net.devices.get(session["hw"]) or {}).get("asn") or 0)
    return int(local)


def dropped_at(session: Row, side: Row) -> float | None:
    """When a router's silence is noticed; None while it speaks."""
    if side["silentSince"] is None:
        return None
    has_bfd = side["bfd"] and session["bfd"] == "enabled"
    return float(side["silentSince"] + (BFD_SECONDS if has_bfd else session["timers"]["hold"]))


# routes


def accepted(session: Row, side: Row) -> list[Network]:
    """What of its prefixes the inbound list lets in. An empty list lets in everything."""
    announced = [ip_network(each) for each in side["announces"]]
    return [network for network in announced if prefix_lists.permits(session["prefixListInbound"], network)]


def imported(session: Row, side: Row) -> list[Network]:
    """What of that the VPC takes: a default route, and with the community everything (2.10)."""
    takes_all = IMPORTED in side["communities"]
    return [network for network in accepted(session, side) if takes_all or not network.prefixlen]
