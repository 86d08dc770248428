"""From where on a health check warns and alarms (3.3). The path is documented, the shape is not: unverified."""

from __future__ import annotations

from typing import Any

from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import UPDATED, Call, Fields, Refusal, Reply, invalid

# in the unit of the check: percent, load, percent, percent of the port's speed
DEFAULTS: dict[str, tuple[float, float]] = {
    "check_disk": (70, 80),
    "check_memory": (80, 90),
    "check_load": (3, 4),
    "check_ratio": (60, 60),
    "check_port": (70, 90),
}


def of(net: Controller, name: str) -> tuple[float, float]:
    row = net.thresholds.table.get(name)
    return (row["warning"], row["critical"]) if row else DEFAULTS[name]


def word(net: Controller, name: str, value: float) -> str:
    warning, critical = of(net, name)
    return "critical" if value >= critical else "warning" if value >= warning else "ok"


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of([_view(net, name) for name in DEFAULTS])


def _view(net: Controller, name: str) -> dict[str, Any]:
    warning, critical = of(net, name)
    return {"check_name": name, "warning": warning, "critical": critical}


def update(net: Controller, call: Call) -> Reply:
    """One object or a list of them, as `GET` shows them."""
    items = call.body if isinstance(call.body, list) else [call.body]
    if not items or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "The body must be a list of thresholds.")  # unverified
    rows = []
    for fields in map(Fields, items):
        name = fields.choice("check_name", DEFAULTS)
        warning, critical = of(net, name)
        row = {"id": name, "warning": _number(fields, "warning", warning)}
        row["critical"] = _number(fields, "critical", critical)
        if float(str(row["warning"])) > float(str(row["critical"])):
            raise invalid("warning", "Must not be above critical.")  # unverified
        rows.append(row)
    for row in rows:
        net.thresholds.put(row)
    return Reply.of([_view(net, name) for name in DEFAULTS], UPDATED)


def _number(fields: Fields, name: str, default: float) -> float:
    value = fields.raw(name, default)
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        number = -1.0
    if not 0 <= number <= 1000:
        raise invalid(name, "Must be a number between 0 and 1000.")  # unverified
    return number
