"""What the old dashboard asks for (3.1): the paths are in the vendor's schema, the answers are not.

All of it is unverified. Nothing is counted twice: the figures are those of the lists that the newer API has.
"""

from __future__ import annotations

from collections import Counter

from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.telemetry import health
from sandbox.netris.wire import Call, Reply


def total_counts(net: Controller, call: Call) -> Reply:
    kinds = Counter(device["type"] for device in net.devices)
    return Reply.of(
        {
            "switches": kinds["switch"],
            "softgates": kinds["softgate"],
            "servers": kinds["server"],
            "controllers": kinds["controller"],
            "sites": len(net.sites),
            "tenants": len(net.tenants),
            "vpcs": len(net.vpcs),
            "vnets": len(net.vnets),
            "allocations": len(net.allocations),
            "subnets": len(net.subnets),
            "ebgp": len(net.sessions),
            "nat": len(net.nats),
            "l4lb": len(net.lbs),
            "acl": len(net.acls),
            "routes": len(net.static_routes),
            "links": len(net.links),
            "ports": len(net.ports),
            "users": len(net.users),
        }
    )


def alarms_count(net: Controller, call: Call) -> Reply:
    tally = Counter(check.status for device in health.watched(net) for check in health.checks(net, device))
    return Reply.of({word: tally[word] for word in ("critical", "warning", "unknown", "ok")})


def heartbeats_count(net: Controller, call: Call) -> Reply:
    words = Counter("ok" if fabric.is_alive(device) else "critical" for device in health.watched(net))
    return Reply.of({"ok": words["ok"], "critical": words["critical"]})
