"""The time series of the fabric (3.5), reckoned from the model of `load` when they are asked for.

That a controller of 4.15 has this path is unverified.
`POST /api/graphite?format=json&from=-3min&until=now&target=collectd.<device>.<metric>` answers a bare list. Targets may
hold `*` and `{a,b}`; functions of graphite are not understood and match nothing. Nothing is stored, so history reaches
back to the boot of a device, which wrote nothing while it was dead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from urllib.parse import parse_qsl

from sandbox.kit.http import Request
from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.telemetry import load
from sandbox.netris.wire import Call, Refusal, Reply, dumps

Series = Callable[[float], float | None]

MAX_POINTS = 100_000
_STEPS = ((86400, 60), (7 * 86400, 600), (float("inf"), 3600))
_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "mon": 30 * 86400, "y": 365 * 86400}
_AGO = re.compile(r"-(\d{1,9})\s*([a-z]+)")
_CPU = {"user": 0.6, "system": 0.25, "softirq": 0.12, "wait": 0.03}


def query(net: Controller, call: Call) -> Reply:
    asked = _parameters(call.request)
    now = net.clock.now()
    start, end = _moment(asked.get("from", ["-24h"])[0], now), _moment(asked.get("until", ["now"])[0], now)
    if end <= start or end - start > 5 * 365 * 86400:
        raise Refusal(400, "from: must lie before until.")  # unverified
    step = next(step for longest, step in _STEPS if end - start <= longest)
    times = range(int(start // step + 1) * step, int(end) + 1, step)
    found = []
    points = 0
    for target in asked.get("target", []):
        for name, series in _matching(net, target):
            points += len(times)
            if points > MAX_POINTS:
                raise Refusal(400, "Too many points are asked for.")  # unverified
            data = [[None if at > now else _rounded(series(at)), at] for at in times]
            found.append({"target": name, "datapoints": data})
    return Reply(dumps(found), is_bare=True, count=len(found))


def _parameters(request: Request) -> dict[str, list[str]]:
    """From the query, or from a form in the body."""
    pairs = list(request.query)
    if request.body and "json" not in request.headers.get("content-type", ""):
        pairs += parse_qsl(request.body[:100_000].decode(errors="replace"))
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.removesuffix("[]"), []).append(value)
    return found


def _moment(text: str, now: float) -> float:
    """`now`, seconds since 1970, or so long ago: -3min, -24h."""
    if text in ("now", ""):
        return now
    if text.isdecimal() and len(text) <= 12:
        return float(text)
    match = _AGO.match(text)
    unit = next((unit for unit in ("min", "mon", "s", "h", "d", "w", "y") if match and match[2].startswith(unit)), None)
    if match is None or unit is None:
        raise Refusal(400, f"Invalid time: {text[:40]}")  # unverified
    return now - int(match[1]) * _UNITS[unit]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _matching(net: Controller, target: str) -> Iterator[tuple[str, Series]]:
    store, _, rest = target.partition(".")
    device_part, _, metric = rest.partition(".")
    if store != "collectd" or not metric or len(target) > 1000:
        return
    is_wanted = _pattern(metric).fullmatch
    for device in _devices(net, device_part):
        name = _spelt(device["name"])
        wanted = ((path, series) for path, series in _series(net, device) if is_wanted(path))
        for path, series in wanted:
            yield f"collectd.{name}.{path}", series


def _devices(net: Controller, part: str) -> list[Row]:
    """One by its name, or those of a pattern."""
    row = net.devices.one("name", part)
    rows = [row] if row else list(net.devices)
    pattern = _pattern(part)
    return [row for row in rows if row["hasAgent"] and pattern.fullmatch(_spelt(row["name"]))]


def _spelt(name: str) -> str:
    """A dot separates the parts of a path, so it is none of a name."""
    return name.replace(".", "_")


def _pattern(text: str) -> re.Pattern[str]:
    """`*` stops at dots; `{a,b}` is either."""
    parts = re.split(r"(\{[^{}]*\})", text.replace("[", "").replace("]", ""))
    shaped = [
        f"(?:{'|'.join(map(re.escape, part[1:-1].split(',')))})"
        if part.startswith("{")
        else translate(part)[4:-3].replace(".*", "[^.]*")
        for part in parts
    ]
    return re.compile("".join(shaped))


def _series(net: Controller, device: Row) -> Iterator[tuple[str, Series]]:
    """Every series of a device, by its path."""
    yield from _node(device)
    if device["type"] == "softgate":
        yield "conntrack.conntrack", lambda at: load.conntrack(net, device, at) if load.was_alive(device, at) else None
        yield "conntrack.percent-used", lambda at: _percent(net, device, at)
    for port in net.ports.by("hw", device["id"]):
        yield from _port(net, device, port)


def _percent(net: Controller, gate: Row, at: float) -> float | None:
    return 100 * load.conntrack(net, gate, at) / load.CONNTRACK_MAX if load.was_alive(gate, at) else None


def _node(device: Row) -> Iterator[tuple[str, Series]]:
    size = load.memory_size(device)

    def cpu(mode: str) -> Series:
        def share(at: float) -> float | None:
            if not load.was_alive(device, at):
                return None
            busy = load.busy(device, at)
            return 100 - busy if mode == "idle" else busy * _CPU[mode]

        return share

    def memory(kind: str) -> Series:
        def share(at: float) -> float | None:
            if not load.was_alive(device, at):
                return None
            used = size * load.memory(device, at) / 100
            rest = size - used
            return {"used": used, "cached": rest * 0.3, "buffered": rest * 0.05, "free": rest * 0.65}[kind]

        return share

    for number in range(load.cores(device)):
        for mode in (*_CPU, "idle"):
            yield f"cpu-{number}.cpu-{mode}", cpu(mode)
    for kind in ("used", "free", "cached", "buffered"):
        yield f"memory.memory-{kind}", memory(kind)


def _port(net: Controller, device: Row, port: Row) -> Iterator[tuple[str, Series]]:
    start = f"interface-{_spelt(port['shortName'])}"

    def rate(direction: str, per: float) -> Series:
        def value(at: float) -> float | None:
            flow = load.octets(net, port, at)
            return None if flow is None else getattr(flow, direction) / per

        return value

    def constant(number: float, *, when_up: bool = False) -> Series:
        def value(at: float) -> float | None:
            if not load.was_alive(device, at) or (when_up and not fabric.is_port_up(net, port)):
                return None
            return number

        return value

    for direction in ("rx", "tx"):
        yield f"{start}.if_octets.{direction}", rate(direction, 1)
        yield f"{start}.if_packets.{direction}", rate(direction, 900)
        yield f"{start}.if_errors.{direction}", constant(0)
    macs = 1 if net.ledger.is_used(("port", port["id"])) else 0
    yield f"{start}.if_maccount.count", constant(macs)
    if device["type"] == "switch":
        for lane in range(1, 5):
            yield f"{start}.if_optic.rx{lane}", constant(-2.0 - 0.1 * ((port["id"] + lane) % 10), when_up=True)
