"""Inventory profiles: what switches and SoftGates are told besides their services (2.14). v1: ids in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, dumps

TEXTS = ("description", "ipv4_list", "ipv6_list", "ntp_servers", "dns_servers")
UTC = {"offset": "+00:00", "label": "UTC", "tzCode": "Etc/UTC"}
HYPERVISOR, HYPERVISOR_Z = "optimiseBgpOverlayHypervisor", "optimizeBgpOverlayHypervisor"  # in Go and in OpenAPI
# What each group of properties is when nobody says. A list shows what is in it, and is empty.
PROPERTIES: dict[str, dict[str, Any]] = {
    "fabricProps": {
        "fabricType": "",
        "optimiseBgpOverlay": False,
        HYPERVISOR: False,
        "unnumberedBgpUnderlay": False,
        "automaticLinkAggregation": False,
        "mclag": False,
        "serverBasedESI": False,
    },
    "gpuClusterProps": {
        "refArch": "",
        "roce": False,
        "roceAdaptiveRouting": False,
        "congestionControl": False,
        "asicMonitoring": False,
        "hwmp": False,
        "aggregateL3VpnPrefix": False,
    },
    "snmpv2Props": {"enabled": False, "community": "", "ipv4_list": [""], "contact": "", "location": ""},
    "ztpProps": {"nosImage": "", "password": ""},
    "netqProps": {"enabled": False, "serverAddrs": [""], "serverPort": 0},
    "syslogDestinations": {
        "enabled": False,
        "useRfc5424": False,
        "servers": [{"host": "", "port": 0, "protocol": "", "severity": ""}],
    },
    "aaa": {
        "authOrder": [""],
        "radius": {
            "enabled": False,
            "priorityServers": [{"host": "", "port": 0, "priority": 0, "authType": "", "secret": ""}],
        },
        "local": {"enabled": False},
    },
}


def render(row: Row) -> dict[str, Any]:
    """Who may use SSH has other names than in what was sent, the time zone is JSON in a text, passwords stay here.

    OpenAPI and Go spell the dates and a flag in two ways.
    """
    fabric, radius = row["fabricProps"], row["aaa"]["radius"]
    servers = [server | {"secret": ""} for server in radius["priorityServers"]]  # that these stay, too, is unverified
    return {
        **{name: value for name, value in row.items() if name not in ("ipv4_list", "ipv6_list")},
        "ipv4_ssh": row["ipv4_list"],
        "ipv6_ssh": row["ipv6_list"],
        "timezone": dumps(row["timezone"]),
        "fabricProps": fabric | {HYPERVISOR_Z: fabric[HYPERVISOR]},
        "ztpProps": row["ztpProps"] | {"password": ""},
        "aaa": row["aaa"] | {"radius": radius | {"priorityServers": servers}},
        "created_date": row["createdDate"],
        "modified_date": row["modifiedDate"],
    }


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of([render(row) for row in net.profiles])


def choices(net: Controller, call: Call) -> Reply:
    """The Go SDK reads the whole of them here, too."""
    return listing(net, call)


def create(net: Controller, call: Call) -> Reply:
    now = net.stamp()
    row = net.profiles.add(**_facts(net, call.fields, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.profiles, call)
    net.profiles.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    rows = net.all_by_body(net.profiles, call)
    if not {row["id"] for row in rows}.isdisjoint(device["profile"] for device in net.devices):
        raise Refusal(400, "The inventory profile is in use.")  # unverified
    for row in rows:
        net.profiles.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old: Row = was or {"customRules": [], "timezone": UTC}
    zone = fields.object("timezone", old["timezone"])
    return {
        "name": net.unique_name(net.profiles, fields, was),
        **{name: fields.text(name, old.get(name, "")) for name in TEXTS},
        "timezone": {name: zone.text(name, UTC[name]) for name in UTC},
        "customRules": _rules(fields) if "customRules" in fields else old["customRules"],
        **{name: _properties(fields, name, like, old.get(name, {})) for name, like in PROPERTIES.items()},
    }


def _rules(fields: Fields) -> list[Row]:
    """Numbered as they come. Those that a Go client marks as deleted are left out (inferred)."""
    kept = [rule for rule in fields.objects("customRules") if not rule.flag("deleted", False)]
    return [
        {
            "id": number,
            "description": rule.text("description", ""),
            "srcSubnet": str(rule.network("srcSubnet")),
            "srcPort": rule.text("srcPort", ""),
            "dstPort": rule.text("dstPort", ""),
            "protocol": rule.choice("protocol", ("tcp", "udp", "any"), "any"),
        }
        for number, rule in enumerate(kept, start=1)
    ]


def _properties(fields: Fields, name: str, like: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A group of properties, each read as the value is that stands for it; what is left out stays."""
    given = fields.object(name, {})
    if HYPERVISOR_Z in given:
        given = Fields({HYPERVISOR: given.raw(HYPERVISOR_Z), **given.values})
    return {key: _property(given, key, default, old.get(key)) for key, default in like.items()}


def _property(given: Fields, key: str, default: Any, old: Any) -> Any:
    match default:
        case bool():
            return given.flag(key, bool(old))
        case int():
            return given.integer(key, 0, 2**31 - 1, old or 0)
        case str():
            return given.text(key, old or "")
        case dict():
            return _properties(given, key, default, old or {})
        case [dict() as like]:
            rows = given.objects(key) if key in given else None
            return (
                old or [] if rows is None else [_properties(Fields({key: row.values}), key, like, {}) for row in rows]
            )
        case _:
            return [Fields({key: item}).text(key) for item in given.items(key, old or [])]
