"""DHCP option sets: exactly one is the default, and it cannot be deleted (2.19)."""

from __future__ import annotations

from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply

# uin8 is how the vendor spells it (quirk 18); the right spelling is understood as well
TYPES = (
    "string",
    "boolean",
    "uin8",
    "uint16",
    "uint32",
    "int8",
    "int16",
    "int32",
    "ipv4-address",
    "fqdn",
    "text",
)
LEASE_SECONDS = 86400
# The codes that the vendor has a type of its own for; all others are custom ones.
STANDARD_CODES = {
    *(2, 4, *range(6, 12), *range(13, 41), *range(44, 50), 52, 54, 56, 57, 60, 62, *range(64, 77)),
    *(*range(85, 90), 93, 98, 100, 101, 112, 113, 114, 116, 117, 118, 136, 137, 138, 141, 160, 213),
}


def listing(net: Controller, call: Call) -> Reply:
    return Reply.of(list(net.option_sets))


def read(net: Controller, call: Call) -> Reply:
    return Reply.of(net.row(net.option_sets, call.id))


def create(net: Controller, call: Call) -> Reply:
    now = net.stamp()
    facts = _facts(net, call.fields, None)
    row = net.option_sets.add(**facts, isDefault=not len(net.option_sets), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.option_sets, call.id)
    net.option_sets.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    net.vnets.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = net.row(net.option_sets, call.id)
    if row["isDefault"]:
        raise Refusal(400, "The default DHCP option set can not be deleted.")  # unverified text
    leases = (gateway["dhcp"] for vnet in net.vnets for gateway in vnet["gateways"])
    if any(dhcp["optionSet"] == row["id"] for dhcp in leases if dhcp):
        raise Refusal(400, "The DHCP option set is in use.")  # unverified
    net.option_sets.drop(row["id"])
    return Reply.of({}, DELETED)


def make_default(net: Controller, call: Call) -> Reply:
    row = net.row(net.option_sets, call.id)
    for other in net.option_sets.by("isDefault", True):
        net.option_sets.change(other, isDefault=False)
    net.option_sets.change(row, isDefault=True, modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old: Row = was or {"dnsServers": [], "ntpServers": [], "additionalOptions": [], "leaseTime": LEASE_SECONDS}
    options = old["additionalOptions"]
    if "additionalOptions" in fields:
        options = [_option(option) for option in fields.objects("additionalOptions")]
    return {
        "name": net.unique_name(net.option_sets, fields, was),
        "description": fields.text("description", old.get("description", "")),
        "domainSearch": fields.text("domainSearch", old.get("domainSearch", "")),
        "dnsServers": [str(Fields({"dnsServers": item}).address("dnsServers")) for item in _items(fields, old, "dns")],
        "ntpServers": [Fields({"ntpServers": item}).text("ntpServers") for item in _items(fields, old, "ntp")],
        "leaseTime": fields.integer("leaseTime", 60, 2**31 - 1, old["leaseTime"]),
        "additionalOptions": options,
    }


def _items(fields: Fields, old: Row, kind: str) -> list[Any]:
    return fields.items(f"{kind}Servers", old[f"{kind}Servers"])


def _option(option: Fields) -> Row:
    kind = "uin8" if option.values.get("type") == "uint8" else option.choice("type", TYPES)
    code = option.integer("code", 1, 254)
    return {
        "code": code,
        "type": kind,
        "value": option.text("value", ""),
        # Go clients say false of every option, and read back what it is
        "isCustom": option.flag("isCustom", False) or code not in STANDARD_CODES,
    }
