"""Health checks of devices with the names, groups and message forms of 3.3, and the dashboard lists made of them.

A device whose agent is silent has one critical check, `health_monitoring`, and all its others are unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import ebgp
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.telemetry import load, thresholds, wiring
from sandbox.netris.wire import Call, Reply

SEVERITY = ("ok", "unknown", "warning", "critical")


@dataclass(frozen=True)
class Check:
    name: str
    status: str
    message: str
    port: str = ""
    value: float | None = None
    at: int = 0


def checks(net: Controller, device: Row) -> list[Check]:
    """What the agent reported last. A machine without agent reports nothing."""
    if not device["hasAgent"]:
        return []
    found = list(_reported(net, device))
    if not fabric.is_alive(device):
        found = [Check(check.name, "unknown", "no data", check.port) for check in found]
    is_alive = fabric.is_alive(device)
    heartbeat = Check(
        "health_monitoring", "ok" if is_alive else "critical", "active" if is_alive else "inactive: no agent contact"
    )
    at = fabric.last_seen(net, device)
    return [Check(c.name, c.status, c.message, c.port, c.value, at) for c in (heartbeat, *found)]


def _reported(net: Controller, device: Row) -> Iterator[Check]:
    at = fabric.last_seen(net, device) / 1000
    disk, memory = 20 + device["id"] * 7 % 30, round(load.memory(device, at))
    loads = [load.busy(device, at - ago) / 25 for ago in (0, 300, 900)]  # of 1, 5 and 15 minutes
    size = load.memory_size(device) // 1024**2
    yield Check("check_disk", thresholds.word(net, "check_disk", disk), f"{disk}% used of 300 GB", value=disk)
    yield Check(
        "check_memory", thresholds.word(net, "check_memory", memory), f"{memory}% used of {size} MB", "", memory
    )
    text = ", ".join(f"{each:.2f}" for each in loads)
    yield Check("check_load", thresholds.word(net, "check_load", loads[0]), text, value=round(loads[0], 2))
    if device["type"] == "switch":
        yield Check("check_fan", "ok", "Fan1 (OK), Fan2 (OK), Fan3 (OK), Fan4 (OK)")
        yield Check("check_psu", "ok", "PSU1 (OK), PSU2 (OK)")
        yield Check("check_temp", "ok", "Temp1 (OK), Temp2 (OK)")
    yield Check("check_ratio", "ok", "0% configuration changes", value=0)
    yield Check("sys_service", "ok", "all services active")
    yield Check("xc_service", "ok", "all agent services active")
    yield Check("xc_timesync", "ok", "synchronised")
    yield _underlay(net, device)
    yield _topology(net, device)
    for session in net.sessions.by("hw", device["id"]):
        yield _bgp(net, session)
    for port in net.ports.by("hw", device["id"]):
        if fabric.is_in_use(net, port) and not port["adminDown"]:
            yield _port(net, port, at)


def _port(net: Controller, port: Row, at: float) -> Check:
    if not fabric.is_port_up(net, port):
        return Check("check_port", "critical", "down", port["name"])
    rx, tx = load.utilisation(net, port, at)
    word = thresholds.word(net, "check_port", max(rx, tx))
    return Check("check_port", word, f"up, rx utilisation {rx}%, tx utilisation {tx}%", port["name"], max(rx, tx))


def _underlay(net: Controller, device: Row) -> Check:
    unreached = fabric.unreached(net)
    if device in unreached:  # which learns none of the others either
        unreached = [other for other in net.devices if other["mainAddress"] and other["asn"]]
    missing = [f"{other['name']} ({other['mainAddress']})" for other in unreached if other is not device]
    if missing:
        return Check("check_bgp_underlay", "critical", f"missing loopbacks: {', '.join(missing)}")
    return Check("check_bgp_underlay", "ok", "all loopbacks learned")


def _topology(net: Controller, device: Row) -> Check:
    found = list(wiring.mismatches(net, device))
    if not found:
        return Check("check_topology", "ok", "LLDP matches the topology")
    texts = (f"{port['name']} is wired to {port['neighbour']} instead of {expected}" for port, expected in found)
    return Check("check_topology", "critical", ", ".join(texts), found[0][0]["name"])


def _bgp(net: Controller, session: Row) -> Check:
    seen = ebgp.seen(net, session)
    port = net.ports.get(session["port"])
    where = port["name"] if port else ""
    if session["state"] == "disabled":
        return Check("check_bgp", "ok", f"{session['name']} is disabled", where)
    peer = f"{session['name']} {where} {session['ipFamily']}".replace("  ", " ")
    text = f"{peer} {seen.state}, {seen.prefixes or 0} prefixes, uptime {seen.uptime}"
    if seen.state != "Established":
        return Check("check_bgp", "critical", text, where)
    return Check("check_bgp", "ok" if int(seen.prefixes) else "warning", text, where)


def counts(found: list[Check]) -> dict[str, int]:
    tally = Counter(check.status for check in found)
    return {status: tally[status] for status in ("critical", "ok", "unknown", "warning")}


def full(net: Controller, check: Check) -> dict[str, Any]:
    """A row of `hardwareHealth[]` (3.2). That `severity` is a number from 0 to 3 is unverified."""
    properties: list[dict[str, Any]] = []
    if check.value is not None:
        warning, critical = thresholds.of(net, check.name)
        properties = [{"Property": "value", "Value": check.value, "Unit": "", "WHigh": warning, "CHigh": critical}]
    return {
        "check_name": check.name,
        "message": check.message,
        "status": check.status,
        "severity": SEVERITY.index(check.status),
        "port": check.port,
        "last_check_time": check.at,
        "properties": properties,
    }


def _brief(check: Check) -> dict[str, Any]:
    return {
        "check_name": check.name,
        "status": check.status,
        "message": check.message,
        "ok_brief_message": check.message if check.status == "ok" else "",
        "port": check.port,
        "properties": [] if check.value is None else [{"property": "value", "value": check.value}],
    }


def watched(net: Controller) -> list[Row]:
    return [device for device in net.devices if device["hasAgent"]]


def hardware_health(net: Controller, call: Call) -> Reply:
    return Reply.of(
        [
            {
                "name": device["name"],
                "site_name": net.ref(net.sites, device["site"])["name"],
                "checks": [_brief(check) for check in checks(net, device)],
            }
            for device in watched(net)
        ]
    )


def heartbeats(net: Controller, call: Call) -> Reply:
    """One row for each agent; the word for a silent one is unverified."""
    words = [(device["name"], "ok" if fabric.is_alive(device) else "critical") for device in watched(net)]
    return Reply.of([{"name": name, "healthMonitoring": {"port_status": word}} for name, word in words])


def alarms(net: Controller, call: Call) -> Reply:
    """Whatever is not well; no source shows the rows (unverified)."""
    return Reply.of(
        [
            {"name": device["name"], **_brief(check)}
            for device in watched(net)
            for check in checks(net, device)
            if check.status in ("warning", "critical")
        ]
    )
