"""Inventory profiles: what switches and SoftGates are told besides their services (2.14). v1: ids in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply

TEXTS = ("description", "ipv4_list", "ipv6_list", "ntp_servers", "dns_servers")
UTC = {"label": "UTC", "offset": "+00:00", "tzCode": "Etc/UTC"}
FABRIC_FLAGS = ("optimiseBgpOverlay", "unnumberedBgpUnderlay", "automaticLinkAggregation", "mclag")
GPU_FLAGS = ("roce", "roceAdaptiveRouting", "congestionControl", "asicMonitoring", "aggregateL3VpnPrefix")


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of(list(net.profiles))


def choices(net: Controller, call: Call) -> Reply:
    return Reply.of([{"id": row["id"], "name": row["name"]} for row in net.profiles])


def create(net: Controller, call: Call) -> Reply:
    """What `data` holds is unverified."""
    now = net.stamp()
    row = net.profiles.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.profiles, call)
    net.profiles.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.profiles, call)
    if any(device["profile"] == row["id"] for device in net.devices):
        raise Refusal(400, "The inventory profile is in use.")  # unverified
    net.profiles.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old: Row = was or {"customRules": [], "timezone": UTC, "fabricProps": {}, "gpuClusterProps": {}}
    zone = fields.object("timezone", old["timezone"])
    rules = [_rule(rule) for rule in fields.objects("customRules")] if "customRules" in fields else old["customRules"]
    return {
        "name": net.unique_name(net.profiles, fields, was),
        **{name: fields.text(name, old.get(name, "")) for name in TEXTS},
        "timezone": {name: zone.text(name, UTC[name]) for name in UTC},
        "customRules": rules,
        "fabricProps": _flags(fields, "fabricProps", FABRIC_FLAGS, old["fabricProps"]),
        "gpuClusterProps": _flags(fields, "gpuClusterProps", GPU_FLAGS, old["gpuClusterProps"]),
    }


def _rule(rule: Fields) -> Row:
    return {
        "srcSubnet": str(rule.network("srcSubnet")),
        "srcPort": rule.text("srcPort", ""),
        "dstPort": rule.text("dstPort", ""),
        "protocol": rule.choice("protocol", ("tcp", "udp", "any"), "any"),
    }


def _flags(fields: Fields, name: str, known: tuple[str, ...], old: Mapping[str, bool]) -> dict[str, bool]:
    """Properties of newer releases are not kept: their list is open (2.14)."""
    given = fields.object(name, {})
    return {flag: given.flag(flag, old.get(flag, False)) for flag in known}
