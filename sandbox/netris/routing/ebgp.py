"""E-BGP sessions: uplinks, Direct Connect, VPC Connect (2.10), and what becomes of them (3.4).

In which VPC a session terminates is the caller's choice: System and tenant VPCs are both taken (unverified).

A session comes up half a minute to a minute after it was created, changed or got its devices back. All of that is
computed from the clock when a session is read. What the far side does can only be ordered through the sandbox: of a
tenant's router in `routers`, of any other by `peerState` and `peerPrefixes` of a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import prefix_lists, routers
from sandbox.netris.routing.session_view import render
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import LAST_VLAN, Controller
from sandbox.netris.state.ledger import Claim
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, weak_int

SWITCHED = ("enabled", "disabled")
MAX_ASN = 2**32 - 1
TERMINATING = ("switch", "softgate")
_OPENING = (("Active", 4.0), ("OpenSent", 2.0), ("OpenConfirm", 0.0))  # seconds before it is Established
SWITCH_PREFIXES, SOFTGATE_PREFIXES = 10_000, 1_000_000


@dataclass(frozen=True)
class Seen:
    """What the controller shows of a session: the FRR word, prefixes and uptime, all as text."""

    state: str
    prefixes: str
    uptime: str
    port: str


def seen(net: Controller, row: Row) -> Seen:
    """Empty while disabled (unverified), Active while it comes up, Established with prefixes after that."""
    port = net.ports.get(row["port"])
    link = "" if port is None else "UP" if fabric.is_port_up(net, port) else "DOWN"
    if row["state"] == "disabled":
        return Seen("", "", "", link)
    carried = _carried_since(net, row, port)
    if routers.are_awaited(net, row):
        return _met(net, row, carried, link)
    up_at = _up_at(row, carried or 0.0)
    if carried is None or net.clock.now() < up_at:
        return Seen("Active", "0", "", link)
    if row["peerState"]:
        return Seen(row["peerState"], "0", "", link)
    if row["prefixInboundMax"] and row["peerPrefixes"] > row["prefixInboundMax"]:
        return Seen("Idle", "0", "", link)  # a session drops above its limit
    return Seen("Established", str(row["peerPrefixes"]), fabric.span(net.clock.now() - up_at), link)


def _up_at(row: Row, carried: float) -> float:
    return float(carried + 30 + row["id"] * 7 % 30)


def _met(net: Controller, row: Row, carried: float | None, link: str) -> Seen:
    """Of a session with a tenant's router (`routers`)."""
    side, now = routers.side_of(net, row), net.clock.now()
    if word := routers.trouble(net, row) or ("Idle" if carried is None else ""):
        return Seen(word, "0", "", link)
    assert side is not None, "or nobody would be there"
    up_at, dropped = _up_at(row, max(carried or 0.0, side["since"])), routers.dropped_at(row, side)
    if dropped is not None and (now >= dropped or up_at > side["silentSince"]):
        return Seen("Active", "0", "", link)
    if now < up_at:
        return Seen(next(word for word, left in _OPENING if up_at - now > left), "0", "", link)
    prefixes = len(routers.accepted(row, side))
    if row["peerState"] or (row["prefixInboundMax"] and prefixes > row["prefixInboundMax"]):
        return Seen(row["peerState"] or "Idle", "0", "", link)
    return Seen("Established", str(prefixes), fabric.span(now - up_at), link)


def _carried_since(net: Controller, row: Row, port: Row | None) -> float | None:
    """Since when everything between both ends works; None while it does not.

    The device lives, and the fabric reaches it where the peer is not plugged into the device itself.
    """
    moments: list[float | None] = [row["startedAt"]]
    device, vnet = net.devices.get(row["hw"]), net.vnets.get(row["vnet"])
    if device is not None:
        moments.append(device["bootedAt"] if fabric.is_alive(device) else None)
        if not any(end["hw"] == device["id"] for end, _ in routers.ends(net, row)):
            moments.append(fabric.reached_since(net, device))
    if port is not None:
        moments.append(fabric.lit_since(net, port))
    if vnet is not None:
        moments.append(_vnet_since(net, vnet))
    return None if None in moments else max(moment for moment in moments if moment is not None)


def _vnet_since(net: Controller, vnet: Row) -> float | None:
    """Since when a port of the V-Net is up. One without ports is on hypervisors alone, which join by themselves."""
    if vnet["state"] == "disabled":
        return None
    direct = [port for entry in vnet["ports"] if (port := net.ports.get(entry["port"]))]
    ports = [*direct, *(port for port, _ in fabric.labelled_ports(net, vnet))]
    lit = [since for port in ports if (since := fabric.lit_since(net, port)) is not None]
    return min(lit, default=None) if ports else 0.0


def listing(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySites")
    rows = (row for vpc in net.scope(call) for row in net.sessions.by("vpc", vpc))
    return Reply.of([_view(net, row) for row in rows if sites is None or row["site"] in sites])


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(_view(net, net.row(net.sessions, call.id)))


def _view(net: Controller, row: Row) -> dict[str, Any]:
    found = seen(net, row)
    return render(net, row) | {
        "bgp_state": found.state,
        "bgp_prefixes": found.prefixes,
        "bgpPrefixes": found.prefixes,
        "bgp_uptime": found.uptime,
        "bgpUptime": found.uptime,
        "port_status": found.port,
    }


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    row = net.sessions.add(
        vpc=net.vpc_of(fields),
        **_facts(net, fields, None),
        startedAt=now / 1000,
        peerState="",
        peerPrefixes=1 + len(net.sessions) * 7 % 30,
        createdDate=now,
        modifiedDate=now,
    )
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    return _update(net, call, call.id)


def update_by_body(net: Controller, call: Call) -> Reply:
    """The form of OpenAPI: the id stands in the body (quirk 9; how it is passed there is unverified)."""
    return _update(net, call, weak_int(call.fields.raw("id")))


_RESTARTING = ("site", "hw", "port", "vnet", "vlan", "untagged", "neighborAS", "localIP", "remoteIP", "prefixLength",
               "state", "bgpPassword", "localAsn", "multihop", "neighborAddress")  # fmt: skip


def _update(net: Controller, call: Call, number: int | None) -> Reply:
    row = net.row(net.sessions, number)
    facts = _facts(net, call.fields, row)
    restarts = any(facts[name] != row[name] for name in _RESTARTING)
    started = net.stamp() / 1000 if restarts else row["startedAt"]
    net.sessions.change(row, **facts, startedAt=started, modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def change_state(net: Controller, call: Call) -> Reply:
    fields = call.fields
    row, state = net.row(net.sessions, weak_int(fields.raw("id"))), fields.choice("state", SWITCHED)
    started = net.stamp() / 1000 if state != row["state"] else row["startedAt"]
    net.sessions.change(row, state=state, startedAt=started, modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    net.sessions.drop(net.row(net.sessions, call.id)["id"])
    return Reply.of({}, DELETED)


def check(net: Controller, call: Call) -> Reply:
    """Is this VLAN taken on this port? The answer's shape is unverified."""
    port, vlan = call.ids("switch_port_id") or set(), call.ids("vlan") or {0}
    holders = [holder for p in port for v in vlan for holder in net.ledger.holders(Claim.port(p, v))]
    users = [{"type": holder.kind, "id": holder.id, "name": holder.name} for holder in holders]
    return Reply.of({"conflict": bool(holders), "usedBy": users})


def validate_asn(net: Controller, call: Call) -> Reply:
    fields = call.fields
    site = net.resolve(net.sites, fields.raw("siteID"), "siteID")
    asn = fields.integer("neighborAS", 1, MAX_ASN)
    if asn == site["publicAsn"]:
        raise invalid("neighborAS", "The neighbor AS is the public ASN of the site.")  # unverified
    return Reply.of({})


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    addresses = _addresses(fields, was)
    facts = {
        "name": net.unique_name(net.sessions, fields, was),  # duplicates refused: unverified
        "description": fields.text("description", was["description"] if was else ""),
        "site": net.one_of(net.sites, fields, "site", *([was["site"]] if was else [])),
        **_termination(net, fields, was),
        **addresses,
        **_policy(fields, was, int(addresses["ipFamily"][-1])),
        **{name: _route_map(net, fields, name, was) for name in ("inboundRouteMap", "outboundRouteMap")},
    }
    if facts["inboundRouteMap"] and not facts["outboundRouteMap"]:
        raise invalid("outboundRouteMap", "An inbound route-map requires an outbound one.")  # unverified
    _demand_free_vlan(net, facts, was)
    device = net.devices.get(facts["hw"])
    if device and device["type"] == "softgate" and facts["localAsn"] == "switch-local-as":
        raise invalid("localAsn", "A SoftGate has no AS of a switch.")  # unverified
    limit = SOFTGATE_PREFIXES if device and device["type"] == "softgate" else SWITCH_PREFIXES
    if facts["prefixInboundMax"] > limit:
        raise invalid("prefixInboundMax", f"Must be a number between 0 and {limit}.")  # unverified
    return facts


def _termination(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    """The device and either a port or a V-Net; `auto` on a port means the switch that has it."""
    port = _optional(net, net.ports, fields, "port", was["port"] if was else None)
    vnet = _optional(net, net.vnets, fields, "vnet", was["vnet"] if was else None)
    hardware = _optional(net, net.devices, fields, "hardware", was["hw"] if was else None)
    if port and vnet:
        raise invalid("port", "A session terminates on a port or on a V-Net, not on both.")  # unverified
    if not port and not vnet:
        text = "Must have required property 'port'"
        raise Refusal(403, text, {"port": text})
    if vnet and not net.vnets.table.rows[vnet]["gateways"]:
        raise invalid("vnet", "The V-Net has no gateway.")  # unverified
    if hardware and net.devices.table.rows[hardware]["type"] not in TERMINATING:
        raise invalid("hardware", "A session terminates on a switch or on a SoftGate.")  # text unverified
    if port and net.devices.table.rows[net.ports.table.rows[port]["hw"]]["type"] not in TERMINATING:
        raise invalid("port", "Must be a port of a switch or of a SoftGate.")  # text unverified
    if port and net.ports.table.rows[port].get("lag"):
        raise invalid("port", "The port is a member of a LAG.")  # unverified
    if port and not hardware:
        hardware = net.ports.table.rows[port]["hw"]
    vlan = fields.raw("vlan", *([was["vlan"]] if was else []))
    tag = 0 if vlan in ("", 0, "0") else Fields({"vlan": vlan}).integer("vlan", 2, LAST_VLAN)
    untagged = fields.flag("untagged", was["untagged"] if was else False)
    return {"hw": hardware, "port": port, "vnet": vnet, "vlan": tag, "untagged": untagged}


def _optional(net: Controller, shelf: Any, fields: Fields, name: str, default: int | None) -> int | None:
    """A reference that may also be absent, `none` or `auto`."""
    value = fields.raw(name, default)
    named = value.get("id") or value.get("name") if isinstance(value, dict) else value
    return None if named in ("none", "auto") else net.one_or_none(shelf, fields, name, default)


def _route_map(net: Controller, fields: Fields, name: str, was: Row | None) -> int | None:
    """The id of a route-map, or a reference to it; "" and 0 are none."""
    value = fields.raw(name, was[name] if was else "")
    if value in (None, "", 0, "0") or (was and value == was[name] and name not in fields):
        return was[name] if was and name not in fields else None
    return int(net.resolve(net.route_maps, value, name)["id"])


def _demand_free_vlan(net: Controller, facts: dict[str, Any], was: Row | None) -> None:
    if facts["port"]:
        tag = 0 if facts["untagged"] else facts["vlan"]
        if net.ledger.holders(Claim.port(facts["port"], tag), but=("bgp", was["id"] if was else 0)):
            raise invalid("vlan", "The VLAN is already in use on this port.")  # unverified


def _addresses(fields: Fields, was: Row | None) -> dict[str, Any]:
    old = was or {}

    def kept(name: str) -> tuple[Any, ...]:
        return (old[name],) if was else ()

    family = fields.choice("ipFamily", ("ipv4", "ipv6"), *kept("ipFamily"))
    local, remote = fields.address("localIP", *kept("localIP")), fields.address("remoteIP", *kept("remoteIP"))
    bits = 32 if family == "ipv4" else 128
    length = fields.integer("prefixLength", 1, bits, *kept("prefixLength"))
    for name, address in (("localIP", local), ("remoteIP", remote)):
        if address.max_prefixlen != bits:
            raise invalid(name, f"Must be an {family} address.")  # unverified
    if local == remote or remote not in ip_network(f"{local}/{length}", strict=False):
        raise invalid("remoteIP", "Must be another address of the link's subnet.")  # unverified
    return {"ipFamily": family, "localIP": str(local), "remoteIP": str(remote), "prefixLength": length}


_NUMBERS = {"multihop": (255, 0), "allowAsIn": (10, 0), "localPreference": (MAX_ASN, 100), "weight": (65535, 0),
            "prependInbound": (10, 0), "prependOutbound": (10, 0), "prefixInboundMax": (MAX_ASN, 0)}  # fmt: skip
_TEXTS = ("bgpPassword", "neighborAddress", "updateSource")
_LISTS = ("prefixListInbound", "prefixListOutbound")
_COMMUNITY = re.compile(r"\d{1,5}:\d{1,5}|local-AS")


def _policy(fields: Fields, was: Row | None, version: int) -> dict[str, Any]:
    old = was or {}
    originate = "originate" if "originate" in fields else "defaultOriginate"  # both keys (quirk 11)
    numbers = {
        name: fields.integer(name, 0, high, old.get(name, default)) if fields.values.get(name) != "" else default
        for name, (high, default) in _NUMBERS.items()
    }
    facts = {
        "neighborAS": fields.integer("neighborAS", 1, MAX_ASN, *([was["neighborAS"]] if was else [])),
        "localAsn": _local_asn(fields, old.get("localAsn", "public-as")),
        "state": fields.choice("state", SWITCHED, *([was["state"]] if was else [])),
        "bfd": fields.choice("bfd", SWITCHED, old.get("bfd", "disabled")),
        "timers": _timers(fields.object("timers", {}), old.get("timers", {"hello": 3, "hold": 10, "connect": 10})),
        "defaultOriginate": fields.choice(originate, SWITCHED, old.get("defaultOriginate", "disabled")),
        "removePrivateAs": fields.choice("removePrivateAs", SWITCHED, old.get("removePrivateAs", "enabled")),
        "tags": fields.tags(old.get("tags", ())),
    }
    texts = {name: fields.text(name, old.get(name, "")) for name in _TEXTS}
    lists = {name: prefix_lists.demand(name, fields.text(name, old.get(name, "")), version) for name in _LISTS}
    return facts | numbers | texts | lists | {"bgpCommunity": _communities(fields, old.get("bgpCommunity", ""))}


def _communities(fields: Fields, default: str) -> str:
    lines = fields.text("bgpCommunity", default).split()
    if not all(_COMMUNITY.fullmatch(line) for line in lines):
        raise invalid("bgpCommunity", "Communities are AA:NN or local-AS, one on each line.")  # unverified
    return "\n".join(lines)


def _local_asn(fields: Fields, default: str) -> str:
    """One of two words or a number, as text. Empty is the site's (unverified)."""
    value = fields.text("localAsn", default) or "public-as"
    return value if value in ("public-as", "switch-local-as") else str(fields.integer("localAsn", 1, MAX_ASN, default))


def _timers(fields: Fields, old: Row) -> Row:
    timers = {name: fields.integer(name, 1, 65535, old[name]) for name in ("hello", "hold", "connect")}
    if timers["hold"] < 3 * timers["hello"]:
        raise invalid("timers", "Hold time must be at least three times the hello time.")  # unverified
    return timers
