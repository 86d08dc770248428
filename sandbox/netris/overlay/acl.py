"""ACL rules in the v1 API, snake case, ids in bodies (2.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import (
    CREATED,
    DELETED,
    UPDATED,
    Call,
    Fields,
    Network,
    Refusal,
    Reply,
    dumps,
    invalid,
    weak_int,
)

PROTOCOLS = ("all", "ip", "tcp", "udp", "icmp", "icmpv6")
GROUPS = ("src_port_group", "dst_port_group")
PORTS = ("src_port_from", "src_port_to", "dst_port_from", "dst_port_to")
DUPLICATE = "This kind of acl already exists"
_MATCH = ("vpc", "action", "proto", "src_prefix", "dst_prefix", *PORTS, *GROUPS, "icmp_type", "established", "reverse")


def render(net: Controller, row: Row) -> dict[str, Any]:
    """Both `proto` and `protocol`: the Java model reads one, the Go struct the other."""
    source, destination = ip_network(row["src_prefix"]), ip_network(row["dst_prefix"])
    return {
        **{name: value for name, value in row.items() if name not in ("createdDate", "modifiedDate", "enabled")},
        "src_prefix": str(source.network_address),
        "dst_prefix": str(destination.network_address),
        "valid_until": str(round(_over_at(row) * 1000)) if row["valid_until"] else None,
        **_group_view(net, "src", row["src_port_group"]),
        **_group_view(net, "dst", row["dst_port_group"]),
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "protocol": row["proto"],
        "ip_version": f"ipv{source.version}",
        "source": str(source.network_address),
        "src_length": source.prefixlen,
        "destination": str(destination.network_address),
        "dst_length": destination.prefixlen,
        "sites": [],
        "status": "enabled" if row["enabled"] and not _is_over(net, row) else "disabled",  # words unverified
        "approval": "0",
        "approve": str(row.get("approve", 1)),
        "admin_role_approve": 0,
        "creator": "netris",
        "creator_id": 1,
        "editor": "netris",
        "editor_id": 1,
        "create_date": row["createdDate"],
        "edit_date": row["modifiedDate"],
        "tenants": "",
        "tenantsID": "",
    }


def _group_view(net: Controller, side: str, number: int | None) -> dict[str, str]:
    """A rule's port group by name and with its ports, joined (how they are joined is unverified)."""
    group = net.port_groups.get(number) or {"name": "", "ports": []}
    ports = ",".join(map(str, group["ports"]))
    return {f"acl_{side}_grp_name": group["name"], f"acl_{side}_grp_ports": ports}


def _over_at(row: Row) -> float:
    return datetime.fromisoformat(row["valid_until"]).timestamp()


def _is_over(net: Controller, row: Row) -> bool:
    """A rule turns itself off when its time is up."""
    return bool(row["valid_until"]) and _over_at(row) <= net.clock.now()


def _json(net: Controller, row: Row) -> str:
    show = partial(render, net)
    return dumps(show(row)) if row["valid_until"] else net.acls.json(row, show)


def listing(net: Controller, call: Call) -> Reply:
    """Every VPC's rules when unfiltered, in both APIs: the Default VPC rule names neither list (unverified).

    A rule belongs to no site, so a site filter leaves all of them in (unverified).
    """
    return Reply.rows(_json(net, row) for row in net.asked(net.acls, call))


def create(net: Controller, call: Call) -> Reply:
    """The Java client reads the id beside `data`, the Go client in it (1.6)."""
    answer = create_in_envelope(net, call)
    return replace(answer, beside=json.loads(answer.data))


def read(net: Controller, call: Call) -> Reply:
    return Reply(_json(net, net.row(net.acls, call.id)))


def create_in_envelope(net: Controller, call: Call) -> Reply:
    """The newer API, in an envelope: what its answers hold is unverified."""
    facts, now = _facts(net, call.fields, None), net.stamp()
    row = net.acls.add(**facts, enabled=True, createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    """The id stands in the path of the newer API, in the body of the older."""
    fields = call.fields
    row = net.row(net.acls, call.id if call.target else weak_int(fields.raw("id")))
    net.acls.change(row, **_facts(net, fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def check(net: Controller, call: Call) -> Reply:
    """Would this rule be taken? The shape is unverified."""
    _facts(net, call.fields, None)
    return Reply.of({})


def sync_status(net: Controller, call: Call) -> Reply:
    """Rules are where they belong at once; the shape is unverified."""
    return Reply.of([{"id": row["id"], "status": "synced"} for row in net.acls])


def approval_state(net: Controller, call: Call) -> Reply:
    """The shape is unverified."""
    found = [net.row(net.acls, number) for number in sorted(call.ids("id") or ())]
    return Reply.of([{"id": row["id"], "approve": row.get("approve", 1)} for row in found])


def delete(net: Controller, call: Call) -> Reply:
    for row in _rows(net, call):
        net.acls.drop(row["id"])
    return Reply.of({}, DELETED)


def enable(net: Controller, call: Call) -> Reply:
    return _switch(net, call, enabled=True)


def disable(net: Controller, call: Call) -> Reply:
    return _switch(net, call, enabled=False)


def approve(net: Controller, call: Call) -> Reply:
    return _switch(net, call, approve=1)


def reject(net: Controller, call: Call) -> Reply:
    return _switch(net, call, approve=0)


def _switch(net: Controller, call: Call, **fields: int) -> Reply:
    for row in _rows(net, call):
        net.acls.change(row, **fields, modifiedDate=net.stamp())
    return Reply.of({}, UPDATED)


def _rows(net: Controller, call: Call) -> list[Row]:
    """Those of the path, or of the body."""
    if call.target:
        return [net.row(net.acls, call.id)]
    ids = [weak_int(item) for item in call.fields.items("id", ())]
    return [net.row(net.acls, number) for number in dict.fromkeys(ids)]


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old = was or {}

    def kept(name: str, *default: Any) -> tuple[Any, ...]:
        return (old[name],) if was else default

    source = fields.network("src_prefix", *kept("src_prefix"))
    destination = fields.network("dst_prefix", *kept("dst_prefix"))
    if source.version != destination.version:
        raise invalid("dst_prefix", "Source and destination must be of one IP family.")  # unverified
    proto = fields.choice("proto" if "proto" in fields else "protocol", PROTOCOLS, *kept("proto", "all"))
    groups = {name: _group(net, fields, name, old.get(name)) for name in GROUPS}
    has_ports = {side: proto in ("tcp", "udp") and groups[f"{side}_port_group"] is None for side in ("src", "dst")}
    facts: dict[str, Any] = {
        "name": net.unique_name(net.acls, fields, was),
        "action": fields.choice("action", ("permit", "deny"), *kept("action")),
        "proto": proto,
        "src_prefix": str(source),
        "dst_prefix": str(destination),
        **{name: _port(fields, name, old) if has_ports[name[:3]] else 0 for name in PORTS},
        **groups,
        "established": fields.integer("established", 0, 1, *kept("established", 0)),
        "reverse": fields.choice("reverse", ("yes", "no"), *kept("reverse", "no")),
        "icmp_type": fields.integer("icmp_type", 0, 36, old.get("icmp_type") or 0) if "icmp_type" in fields else None,
        "valid_until": _moment(fields, old.get("valid_until")),
        "comment": fields.text("comment", *kept("comment", "")),
        "vpc": was["vpc"] if was else net.vpc_of(fields),
    }
    if not _is_ours(net, facts["vpc"], source) and not _is_ours(net, facts["vpc"], destination):
        raise Refusal(400, "Both Source and Destination addresses are out of this deployment.")
    _demand_new(net, facts, was)
    return facts


def _port(fields: Fields, name: str, old: Mapping[str, Any]) -> int:
    """TCP and UDP say their ports, unless they name a group of them; to the others ports mean nothing (unverified).

    A 0 is what Go writes for a port that it does not have.
    """
    given = fields if fields.values.get(name) != 0 else Fields({})
    return given.integer(name, 1, 65535, *([old[name]] if old.get(name) else []))


def _moment(fields: Fields, old: str | None) -> str | None:
    """A time of RFC 3339; a null or an empty text is for ever."""
    if "valid_until" not in fields.values:
        return old
    text = fields.text("valid_until")
    try:
        has_zone = not text or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise invalid("valid_until", "Must be a time as in RFC 3339.")  # unverified
    return text or None


def _group(net: Controller, fields: Fields, name: str, old: int | None) -> int | None:
    """A rule that is given ports has no group any more: Go sends a null then, which here means "as it was"."""
    gets_ports = bool(fields.values.get(f"{name[:3]}_port_from"))
    return net.one_or_none(net.port_groups, fields, name, None if gets_ports else old)


def _is_ours(net: Controller, vpc: int, network: Network) -> bool:
    """Inside a subnet of the VPC, or of the System VPC where public addresses live."""
    return any(node.kind == "subnet" for each in {vpc, net.system_vpc} for node in net.tree.around(each, network))


def _demand_new(net: Controller, facts: dict[str, Any], was: Row | None) -> None:
    for row in net.acls.by("vpc", facts["vpc"]):
        if row is not was and all(row[name] == facts[name] for name in _MATCH):
            raise Refusal(400, DUPLICATE)
