"""Ports of all devices: the only list that is paged (1.7, 2.16)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.port_view import render
from sandbox.netris.wire import UPDATED, Call, Fields, Refusal, Reply, weak_int

SPEEDS = ("auto", "1000", "10000", "25000", "40000", "50000", "100000", "200000", "400000")
FEC = ("auto", "base-r", "rs", "off")
BREAKOUTS = (
    "off", "disabled",
    "1x10", "1x25", "1x40", "1x50", "1x100", "1x200", "1x400", "1x800",
    "2x10", "2x25", "2x40", "2x50", "2x100", "2x200", "2x400",
    "4x10", "4x25", "4x50", "4x100", "4x200",
    "8x10", "8x25", "8x50", "8x100",
)  # fmt: skip


def listing(net: Controller, call: Call) -> Reply:
    """Filtered, then sorted, then cut into pages of `limit`; without a limit it is the whole list."""
    rows = list(_narrowed(net, call))
    key = (call.values("sortBy") or [""])[0]
    if key == "id" and (call.values("order") or ["asc"])[0].lower() == "asc":
        key = ""  # as they lie
    limit = weak_int((call.values("limit") or [""])[0]) or 0
    page = weak_int((call.values("page") or [""])[0]) or 1
    wanted = slice((max(page, 1) - 1) * limit, max(page, 1) * limit) if limit > 0 else slice(None)
    if not key and not any(call.values(name) for name in _FILTERS):
        return Reply.of([render(net, row) for row in rows[wanted]])
    shown = [row for row in (render(net, port) for port in rows) if _fits(call, row)]
    if key:
        shown.sort(key=lambda row: _order(row.get(key)), reverse=(call.values("order") or [""])[0].lower() == "desc")
    return Reply.of(shown[wanted])


def _order(value: Any) -> tuple[int, Any]:
    """Numbers by what they are worth, before texts."""
    number = weak_int(value)
    return (0, number) if number is not None else (1, str(value))


def _narrowed(net: Controller, call: Call) -> Any:
    devices = call.ids("switchID")
    return net.ports if devices is None else [row for device in sorted(devices) for row in net.ports.by("hw", device)]


_FILTERS = ("filterSwitchName", "filterPort", "filterDescription", "filterInUse", "filterTenant", "filterStatus",
            "filterSpeed", "filterTransceiver", "filterMtu", "filterBreakout", "filterSite",
            "filterBySites")  # fmt: skip


def _fits(call: Call, row: dict[str, Any]) -> bool:
    def like(name: str, value: str) -> bool:
        wanted = call.values(name)
        return not wanted or any(text.lower() in value.lower() for text in wanted)

    def among(name: str, *values: Any) -> bool:
        wanted = {text.lower() for text in call.values(name)}
        return not wanted or not wanted.isdisjoint(str(value).lower() for value in values)

    return (
        like("filterSwitchName", row["switchName"])
        and like("filterPort", row["name"])
        and like("filterDescription", row["description"])
        and among("filterInUse", row["inUse"], "yes" if row["inUse"] else "no")
        and among("filterTenant", row["tenant"]["id"], row["tenant"]["name"])
        and among("filterStatus", row["status"]["value"])
        and among("filterSpeed", row["speed"])
        and among("filterTransceiver", row["transceiver"])
        and among("filterMtu", row["mtu"])
        and among("filterBreakout", row["breakout"])
        and among("filterSite", row["site"]["id"], row["site"]["name"])
        and among("filterBySites", row["site"]["id"])
    )


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(render(net, net.row(net.ports, call.id)))


def extensions(net: Controller, call: Call) -> Reply:
    """Nothing makes one here."""
    return Reply.of([])


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.ports, call.id)
    net.ports.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def update_many(net: Controller, call: Call) -> Reply:
    """A list, or the list under `ports` as the Go SDK wraps it."""
    items = call.body.get("ports") if isinstance(call.body, dict) else call.body
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "The body must be a list of ports.")  # unverified
    every = [Fields(item) for item in items]
    rows = [net.row(net.ports, weak_int(item.raw("id"))) for item in every]
    facts = [_facts(net, item, row) for item, row in zip(every, rows, strict=True)]
    for row, changes in zip(rows, facts, strict=True):
        net.ports.change(row, **changes, modifiedDate=net.stamp())
    net.render_again()
    return Reply.of({}, UPDATED)


def _facts(net: Controller, fields: Fields, was: Row) -> dict[str, Any]:
    """Tenant, MTU, autonegotiation, speed and duplex are sent each time; the rest stays when it is not (2.16)."""
    return {
        "tenant": net.one_of(net.tenants, fields, "tenant"),
        "description": fields.text("description", was["description"]),
        "mtu": fields.integer("mtu", 68, 9216),
        "autoNeg": fields.choice("autoNeg", ("on", "off", "none")),
        "desiredSpeed": fields.choice("speed", SPEEDS),
        "duplex": fields.choice("duplex", ("full", "half", "none")),
        "fec": fields.choice("fec", FEC, was["fec"]),
        "adminDown": fields.choice("adminDown", ("yes", "no"), "yes" if was["adminDown"] else "no") == "yes",
        "breakout": fields.choice("breakout", BREAKOUTS, was["breakout"]),
    }
