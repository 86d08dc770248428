"""Sites, in both APIs: v1 is what CloudStack reads, v2 has the newer spelling of the same facts (2.17)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, weak_int

MESH = {"disabled": "Disabled", "hub": "Hub", "spoke": "Spoke", "dspoke": "Dynamic Spoke"}
ROH_PROFILES = (
    {"id": 1, "name": "Default", "value": "default"},
    {"id": 2, "name": "Default + Aggregates", "value": "default_agg"},
    {"id": 3, "name": "Full", "value": "full_table"},
)
VLANS = "2-4094"
FABRICS = ("netris", "dot1q_trunk", "equinix_metal", "phoenixnap_bmc")


def _old(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "publicASN": row["publicAsn"],
        "asn": row["publicAsn"],
        "rohASN": row["rohAsn"],
        "vmASN": row["vmAsn"],
        "vpn": None,
        "siteToSiteVpn": None,
        "acl_policy": row["aclPolicy"],
        "switchFabric": row["switchFabric"],
        "vlanRange": row["vlanRange"],
    }


def _new(row: Row) -> dict[str, Any]:
    """Site mesh and the ROH numbers mean nothing since 4.14 and 4.6, but Terraform reads them (quirks 30, 31)."""
    return row | {
        "siteMesh": {"name": MESH[row["siteMesh"]], "value": row["siteMesh"]},
        "switchFabricProviders": None,  # they are not kept
    }


def old_listing(net: Controller, call: Call) -> Reply:
    return Reply.of([_old(row) for row in net.sites])


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of([_new(row) for row in net.sites])


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(_new(_row(net, call)))


def create(net: Controller, call: Call) -> Reply:
    now = net.stamp()
    row = net.sites.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = _row(net, call)
    net.sites.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = _row(net, call)
    if any(device["site"] == row["id"] for device in net.devices) or any(row["id"] in v["sites"] for v in net.vnets):
        raise Refusal(400, "The site is in use and cannot be deleted.")  # unverified
    net.sites.drop(row["id"])
    return Reply.of({"id": row["id"]}, DELETED)


def _row(net: Controller, call: Call) -> Row:
    """By the path, or by the body as the oldest Go client does it."""
    if not call.target:
        return net.by_body(net.sites, call)
    return net.row(net.sites, call.id)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    def kept(name: str) -> tuple[Any, ...]:
        return (was[name],) if was else ()

    old = was or {}
    # as rows of the v1 API spell them; whether its bodies do is unverified
    asn = "publicASN" if "publicASN" in fields else "publicAsn"
    policy = "acl_policy" if "acl_policy" in fields else "aclPolicy"
    ranges = fields.text("vlanRange", *kept("vlanRange")) or VLANS  # Go clients write "" for the whole of them
    if not re.fullmatch(r"\d{1,4}-\d{1,4}", ranges):
        raise invalid("vlanRange", "Invalid VLAN range.")  # unverified
    return {
        "name": net.unique_name(net.sites, fields, was),
        "publicAsn": fields.integer(asn, 1, 2**32 - 1, *kept("publicAsn")),
        "aclPolicy": fields.choice(policy, ("permit", "deny"), *kept("aclPolicy")),
        "switchFabric": fields.choice("switchFabric", FABRICS, *kept("switchFabric")),
        "vlanRange": ranges,
        "vlanRangeAutoAssign": fields.text("vlanRangeAutoAssign", old.get("vlanRangeAutoAssign", "")) or ranges,
        "vlanRangeSysReserved": fields.text("vlanRangeSysReserved", old.get("vlanRangeSysReserved", "")),
        "siteMesh": fields.object("siteMesh", {}).choice("value", MESH, old.get("siteMesh", "disabled")),
        "rohProfile": _roh_profile(fields) if "rohProfile" in fields else old.get("rohProfile"),
        **{name: fields.integer(name, 0, 2**32 - 1, old.get(name, 0)) for name in ("rohAsn", "vmAsn")},
    }


def _roh_profile(fields: Fields) -> dict[str, Any]:
    """By its id or its value."""
    asked = fields.object("rohProfile").values
    for profile in ROH_PROFILES:
        if weak_int(asked.get("id")) == profile["id"] or asked.get("value") == profile["value"]:
            return profile
    raise invalid("rohProfile", "Unknown routing profile.")  # unverified
