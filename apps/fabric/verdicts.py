"""What may be said of a device, a link or a session. Nothing is called well without a fresh sign of life.

    a device is     when
    stale           its list is stale, or Netris calls it well, or nearly, and has not heard of it for `SILENCE`
    maintenance     it is in maintenance mode
    unknown         it has never reported (a machine without an agent), or Netris's word is not known here
    warning         Netris calls it well while one of its checks is not: it works, but not with all it has
    ok, warning,    Netris says so
    critical

Links have no status of their own in Netris: the port checks of the devices at both ends speak for them. What a device
said last of a port or a session that is well is not gone by once nobody hears of the device any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from apps.mirror.queries import Check, Device, EBgp

#: Agents report every 10 to 15 seconds.
SILENCE = timedelta(minutes=2)

OK, WARNING, CRITICAL = "ok", "warning", "critical"
STALE, UNKNOWN, MAINTENANCE = "stale", "unknown", "maintenance"
UP, DOWN, DISABLED = "up", "down", "disabled"
#: Of a port that carries nothing, and is down as it may be.
UNUSED = "unused"
#: Of a session that should be there and that nobody has made.
MISSING = "missing"

_WORDS = {
    **dict.fromkeys(("ok", "up", "active", "healthy", "normal"), OK),
    **dict.fromkeys(("warning", "warn", "degraded"), WARNING),
    **dict.fromkeys(("critical", "down", "failed", "error", "inactive"), CRITICAL),
}
#: From worst to best.
_LINK_ORDER = (DOWN, WARNING, UNKNOWN, UP)


def device_status(device: Device, read_at: datetime | None, *, is_stale: bool) -> str:
    """`read_at` and `is_stale` are those of the inventory's reading."""
    if is_stale or read_at is None:
        return STALE
    if device.maintenance_mode:
        return MAINTENANCE
    if device.last_seen is None:
        return UNKNOWN
    word = _WORDS.get(device.status.lower(), UNKNOWN)
    if word not in (OK, WARNING):
        return word
    if is_silent(device, read_at):
        return STALE
    return WARNING if _has_failed_checks(device) else word


def is_silent(device: Device, read_at: datetime | None) -> bool:
    """Compared with the moment of the reading, so that only the device's own silence counts."""
    return read_at is not None and device.last_seen is not None and read_at - device.last_seen > SILENCE


def _has_failed_checks(device: Device) -> bool:
    """Some releases send the checks, some their number, some both."""
    counted = (device.health.critical or 0) + (device.health.warning or 0)
    return counted > 0 or any(_WORDS.get(check.status.lower()) in (WARNING, CRITICAL) for check in device.checks)


def full_name(port: str, device: Device) -> str:
    """swp1@Leaf-1, however the check of the port calls it."""
    return port if "@" in port else f"{port}@{device.name}"


def miswired(device: Device) -> list[Check]:
    """What LLDP finds at the other end of a cable is not what the inventory has there (netris-api.md 3.3)."""
    return [
        check
        for check in device.checks
        if check.name == "check_topology" and _WORDS.get(check.status.lower()) in (WARNING, CRITICAL)
    ]


def port_statuses(devices: Sequence[Device], up: Iterable[str] = ()) -> dict[str, str]:
    """What each port's check says, by the port's full name. Unknown checks say nothing. `up` are ports whose checks are
    known to be well and left out of the devices'. A port whose cable leads elsewhere needs a look, be it up."""
    found = dict.fromkeys(up, UP)
    for device in devices:
        for check in device.checks:
            word = _WORDS.get(check.status.lower())
            if check.name == "check_port" and check.port and word:
                found[full_name(check.port, device)] = {OK: UP, WARNING: WARNING, CRITICAL: DOWN}[word]
    for device in devices:
        for check in miswired(device):
            if check.port:
                name = full_name(check.port, device)
                found[name] = worst_link((found.get(name, WARNING), WARNING))
    return found


def port_status(word: str, *, is_admin_down: bool, is_used: bool, is_silent: bool = False) -> str:
    """`word` is Netris' of the port itself. One that nothing hangs on may well be down. `is_silent`: nobody hears of
    its device."""
    if is_admin_down:
        return DISABLED
    known = _WORDS.get(word.lower())
    if known == CRITICAL:
        return DOWN if is_used else UNUSED
    if is_silent:
        return UNKNOWN
    return {OK: UP, WARNING: WARNING}.get(known or "", UNKNOWN)


def link_status(ends: Iterable[str | None]) -> str:
    """The worst of what its ends say; unknown when neither says anything."""
    return worst_link(end for end in ends if end is not None)


def worst_link(statuses: Iterable[str]) -> str:
    return min(statuses, key=_LINK_ORDER.index, default=UNKNOWN)


def session_status(session: EBgp, *, is_stale: bool, is_silent: bool = False) -> str:
    """Netris's own thresholds: Established with prefixes is well, without is not, and any other state is down.
    `is_silent`: nobody hears of the device that ends it."""
    if is_stale:
        return UNKNOWN
    if session.admin_state.lower() in ("disabled", "0", "false"):
        return DISABLED
    if session.bgp_state.lower() in ("", "unknown"):
        return UNKNOWN
    if not session.is_established:
        return DOWN
    if is_silent:
        return UNKNOWN
    return UP if session.bgp_prefixes else WARNING


def router_status(statuses: Iterable[str], *, is_stale: bool) -> str:
    """An ISP router is known by its sessions alone; disabled ones say nothing."""
    if is_stale:
        return STALE
    known = {status for status in statuses if status not in (DISABLED, UNKNOWN)}
    if not known:
        return UNKNOWN
    return OK if known == {UP} else CRITICAL if known == {DOWN} else WARNING


def badness(status: str, *, is_due: bool) -> int:
    """For tables that begin with the worst, causes before consequences. What nobody calls wrong keeps its order."""
    match status, is_due:
        case (("critical" | "down"), False):
            return 0
        case "stale", _:
            return 1
        case (("critical" | "down"), True):
            return 2
        case (("warning" | "missing"), _):
            return 4 if is_due else 3
    return 5
