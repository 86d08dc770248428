"""NAT rules. The rule serves a tenant VPC; its public side is always the System VPC (2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.overlay import port_groups
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.ledger import Claim
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Network, Refusal, Reply, invalid, weak_int

ACTIONS = ("DNAT", "SNAT", "ACCEPT_SNAT")  # MASQUERADE is refused since 4.14 (quirk 29)
PROTOCOLS = ("all", "tcp", "udp", "icmp")
STATES = ("enabled", "disabled")
ALL_PORTS = "1-65535"
AUTHOR = {"id": 1, "name": "netris"}  # whoever it was: the built-in user
_ADDRESSES = ("sourceAddress", "destinationAddress")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def render(net: Controller, row: Row) -> dict[str, Any]:
    state, action, protocol = row["state"], row["action"], row["protocol"]
    return {
        **row,
        "site": net.ref(net.sites, row["site"]),
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "state": {
            "label": state.capitalize(),
            "value": state,
            "status": "success" if state == "enabled" else "danger",  # of the admin state alone: unverified
        },
        "action": {"label": action.removesuffix("_SNAT"), "value": action},
        "protocol": {"label": protocol.upper(), "value": protocol},
        "portGroup": port_groups.brief(group) if (group := net.port_groups.get(row["portGroup"])) else None,
        "creator": AUTHOR,
        "editor": AUTHOR,
    }


def listing(net: Controller, call: Call) -> Reply:
    """All rules of all VPCs when unfiltered (1.7, quirk 50; unverified)."""
    sites, show = call.ids("filterBySites"), partial(render, net)
    return Reply.rows(
        net.nats.json(row, show) for row in net.asked(net.nats, call) if sites is None or row["site"] in sites
    )


def read(net: Controller, call: Call) -> Reply:
    return Reply(net.nats.json(net.row(net.nats, call.id), partial(render, net)))


def create(net: Controller, call: Call) -> Reply:
    now = net.stamp()
    row = net.nats.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.nats, call.id)
    net.nats.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    net.nats.drop(net.row(net.nats, call.id)["id"])
    return Reply.of({}, DELETED)


def update_many(net: Controller, call: Call) -> Reply:
    if not isinstance(call.body, list):
        raise Refusal(400, "The body must be a list.")  # unverified
    changes = [Fields(item) if isinstance(item, dict) else Fields({}) for item in call.body]
    wanted = [(net.row(net.nats, weak_int(item.raw("id"))), item.choice("state", STATES)) for item in changes]
    for row, state in wanted:
        net.nats.change(row, state=state, modifiedDate=net.stamp())
    return Reply.of({}, UPDATED)


def delete_many(net: Controller, call: Call) -> Reply:
    for row in [net.row(net.nats, number) for number in sorted(call.ids("id") or ())]:
        net.nats.drop(row["id"])
    return Reply.of({}, DELETED)


def addresses(net: Controller, call: Call) -> Reply:
    """The subnets that public addresses may come from."""
    rows = [row for row in net.subnets.by("vpc", net.system_vpc) if row["purpose"] == "nat"]
    shown = [{k: row[k] for k in ("id", "prefix")} | {"fullName": f"{row['prefix']} ({row['name']})"} for row in rows]
    return Reply.of({"subnets": {"dnat": shown, "snat": shown}})


def vpcs(net: Controller, call: Call) -> Reply:
    return Reply.of([{"id": row["id"], "name": row["name"]} for row in net.vpcs])


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    """A rule out of a body; what an update leaves out stays as it was (CloudStack sends no state, no ports)."""
    old = was or {}

    def kept(name: str, *default: Any) -> tuple[Any, ...]:
        return (old[name],) if was else default

    action = fields.choice("action", ACTIONS, *kept("action"))
    protocol = fields.choice("protocol", PROTOCOLS, *kept("protocol"))
    has_ports = protocol in ("tcp", "udp")
    facts = {
        "name": net.unique_name(net.nats, fields, was),
        "site": net.one_of(net.sites, fields, "site", *kept("site")),
        "vpc": net.one_of(net.vpcs, fields, "vpc", *kept("vpc", net.default_vpc)),
        "state": fields.choice("state", STATES, *kept("state", "enabled")),
        "action": action,
        "protocol": protocol,
        **{name: _as_sent(fields, name, fields.network, *kept(name)) for name in _ADDRESSES},
        **{
            name: _ports(fields, name, *kept(name, ALL_PORTS)) if has_ports else ALL_PORTS
            for name in ("sourcePort", "destinationPort")
        },
        "comment": fields.text("comment", *kept("comment", "")),
    }
    return facts | _target(net, fields, facts, kept, was)


def _target(
    net: Controller, fields: Fields, facts: dict[str, Any], kept: Callable[..., tuple[Any, ...]], was: Row | None
) -> dict[str, Any]:
    """Where a rule translates to. Only the fields that fit the action are looked at."""
    action, unset = facts["action"], ("snatToIP", "snatToPool", "dnatToIP", "dnatToPort", "portGroup")
    target: dict[str, Any] = {**dict.fromkeys(unset), "pool": False}
    if action == "SNAT":
        target["pool"] = _is_pool(fields, *kept("pool", False))
        name, read = ("snatToPool", fields.network) if target["pool"] else ("snatToIP", fields.host)
        target[name] = _as_sent(fields, name, read, *_if_set(kept(name)))
        _demand_public(net, ip_network(target[name]), name, facts, was)
    if action == "DNAT":
        public = fields.host("destinationAddress", facts["destinationAddress"])
        _demand_public(net, public, "destinationAddress", facts, was)
        target["dnatToIP"] = _as_sent(fields, "dnatToIP", fields.host, *_if_set(kept("dnatToIP")))
        target["portGroup"] = _port_group(net, fields, facts, kept("portGroup", None)[0])
        if facts["protocol"] in ("tcp", "udp") and target["portGroup"] is None:
            target["dnatToPort"] = fields.integer("dnatToPort", 1, 65535, *_if_set(kept("dnatToPort")))
    return target


def _is_pool(fields: Fields, default: bool) -> bool:
    """Go's SDK has no `pool`: it fills one of two texts and leaves the other empty."""
    if fields.values.get("snatToPool") or fields.values.get("snatToIP"):
        default = bool(fields.values.get("snatToPool"))
    return fields.flag("pool", default)


def _as_sent(fields: Fields, name: str, read: Callable[..., Network], *default: str) -> str:
    """An address with or without its length, as a client wrote it and will compare it."""
    read(name, *default)
    return fields.text(name, *default).strip()


def _port_group(net: Controller, fields: Fields, facts: dict[str, Any], old: int | None) -> int | None:
    """Several ports instead of one; they keep their numbers behind the translation."""
    group = net.one_or_none(net.port_groups, fields, "portGroup", old)
    if group and group != old and facts["protocol"] not in ("tcp", "udp"):
        raise invalid("portGroup", "Port groups are for TCP and UDP only.")  # unverified
    return group


def _if_set(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value for value in values if value is not None)


def _demand_public(net: Controller, public: Network, name: str, facts: dict[str, Any], was: Row | None) -> None:
    """The address lies in a nat subnet of the site; an address of SNAT serves nothing else at the same time."""
    system = net.system_vpc
    nodes = net.tree.around(system, public)
    if not any(n.kind == "subnet" and n.row["purpose"] == "nat" and facts["site"] in n.row["sites"] for n in nodes):
        raise invalid(name, "IP address is out of any NAT subnet.")  # unverified
    holders = net.ledger.holders(Claim.ip(system, public.network_address), but=("nat", was["id"] if was else 0))
    for holder in holders:
        other = net.nats.get(holder.id) if holder.kind == "nat" else None
        if other is None or ("SNAT" in (other["action"], facts["action"]) and other["action"] != facts["action"]):
            raise invalid(name, "IP address is already in use.")  # unverified


def _ports(fields: Fields, name: str, default: str) -> str:
    text = fields.text(name, default).strip() or ALL_PORTS
    match = _PORTS.fullmatch(text)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if 1 <= first <= last <= 65535:
            return text
    raise invalid(name, "Invalid port range.")  # unverified
