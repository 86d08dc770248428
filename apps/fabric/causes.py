"""Which device is behind what else is wrong: one cause with its consequences, instead of as many faults side by side.

A device that has fallen silent takes its cables along, the sessions that run over its ports, and the health of every
device that misses it. What it explains whole is due to it; what it explains in part stays a fault of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from apps.fabric import verdicts
from apps.fabric.rows import Cause, DeviceRow, LinkRow, SessionRow
from apps.mirror.queries import Check

#: Agents report every 10 to 15 seconds: this is two reports that did not come.
MISSED = timedelta(seconds=30)


def explain(
    devices: Sequence[DeviceRow], links: Sequence[LinkRow], sessions: Sequence[SessionRow], read_at: datetime | None
) -> tuple[list[Cause], list[DeviceRow], list[LinkRow], list[SessionRow]]:
    """The causes, and the same rows with `because` at those that are consequences."""
    silent = {row.name: row for row in devices if row.name and _is_silent(row, read_at)}
    cables = [replace(link, because=_cause_of_link(link, silent)) for link in links]
    runs = [replace(session, because=_cause_of_session(session, silent)) for session in sessions]
    far_ends = {
        f"{end.port}@{end.device}": link.because
        for link in cables
        for end in (link.a, link.b)
        if link.because and end.device != link.because
    }
    names = {row.name for row in devices if row.name}
    rows = [replace(row, because=_cause_of_device(row, silent, far_ends, names)) for row in devices]
    causes = [
        Cause(
            row,
            sum(link.because == name for link in cables),
            sum(session.because == name for session in runs),
        )
        for name, row in silent.items()
    ]
    return causes, rows, cables, runs


def _is_silent(row: DeviceRow, read_at: datetime | None) -> bool:
    """Compared with the moment of the reading, so that only the device's own silence counts."""
    seen = row.device.last_seen
    if row.status not in (verdicts.CRITICAL, verdicts.STALE) or seen is None or read_at is None:
        return False
    return read_at - seen > MISSED


def _cause_of_link(link: LinkRow, silent: Mapping[str, DeviceRow]) -> str:
    if link.status != verdicts.DOWN:
        return ""
    return next((end.device for end in (link.a, link.b) if end.device in silent), "")


def _cause_of_session(session: SessionRow, silent: Mapping[str, DeviceRow]) -> str:
    """A session runs over the port of a leaf, and ends there or in a SoftGate."""
    if session.status != verdicts.DOWN:
        return ""
    places = (session.session.port.name.rpartition("@")[2], session.session.device.name)
    return next((place for place in places if place in silent), "")


def _cause_of_device(
    row: DeviceRow, silent: Mapping[str, DeviceRow], far_ends: Mapping[str, str], names: Iterable[str]
) -> str:
    """The device that explains every one of its failed checks, if there is one."""
    failed = row.failed_checks
    if row.status != verdicts.WARNING or not failed:
        return ""
    causes = {_cause_of_check(check, row.name, silent, far_ends, names) for check in failed}
    return causes.pop() if len(causes) == 1 else ""


def _cause_of_check(
    check: Check, device: str, silent: Mapping[str, DeviceRow], far_ends: Mapping[str, str], names: Iterable[str]
) -> str:
    if check.port:
        port = check.port if "@" in check.port else f"{check.port}@{device}"
        owner = port.rpartition("@")[2]
        return owner if owner in silent else far_ends.get(port, "")
    named = {name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", check.message)} - {device}
    return named.pop() if len(named) == 1 and named <= silent.keys() else ""
