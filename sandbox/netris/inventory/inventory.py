"""Devices: switches, SoftGates, servers and controllers, and the ports they bring along (2.13)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.overlay import ipam
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.ledger import Claim
from sandbox.netris.telemetry import health
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, invalid, weak_int

NOS = (
    {"id": 1, "name": "Cumulus Linux", "tag": "cumulus_linux"},
    {"id": 2, "name": "Cumulus Linux NVUE", "tag": "cumulus_nvue"},
    {"id": 3, "name": "SONiC", "tag": "sonic"},
    {"id": 4, "name": "Arista EOS", "tag": "arista_eos"},
    {"id": 5, "name": "Dell Enterprise SONiC", "tag": "dell_sonic"},
    {"id": 6, "name": "EdgeCore SONiC", "tag": "ec_sonic"},
    {"id": 8, "name": "Ubuntu SwitchDev", "tag": "ubuntu_switch_dev"},
)
UBUNTU = {"id": 7, "name": "Ubuntu Linux", "tag": "ubuntu_linux"}
PORT_COUNTS = (16, 32, 48, 54, 56, 64)
ROLES = {
    "switch": ("generic", "leaf", "spine", "super-spine"),
    "softgate": ("general", "snat"),
    "server": ("generic", "hyperv_cs"),
}
ROLE_FIELD = {"switch": "swRole", "softgate": "sgRole", "server": "srvRole"}
FLAVORS = ("sg", "sg-pro", "sg-hs")
PORT_PREFIX = {"switch": "swp", "softgate": "swp", "server": "eth"}
_REQUIRED = {
    "switch": ("mainAddress", "mgmtAddress", "asn"),
    "softgate": ("mainAddress",),
    "server": (),
    "controller": ("mainAddress",),
}
AGENT = "4.15.0-003"
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-.]{0,61}[A-Za-z0-9])?")  # RFC 952 and its relaxation of 1989


def render(net: Controller, row: Row) -> dict[str, Any]:
    kind, alive = row["type"], fabric.is_alive(row)
    checks = health.checks(net, row)
    hidden = ("killedAt", "bootedAt", "outages", "hasAgent", "nos", "asn")
    return {
        **{name: value for name, value in row.items() if name not in hidden},
        "status": "ok" if alive else "critical",  # only "ok" is documented, the other word is unverified (7.5, 6)
        "site": net.ref(net.sites, row["site"]),
        "tenant": net.ref(net.tenants, row["tenant"]),
        "profile": net.ref(net.profiles, row["profile"]) if row.get("profile") else None,
        "mainIP": _host(net, row, "main"),
        "mgmtIP": _host(net, row, "mgmt"),
        "asn": row["asn"],
        "asnID": row["id"] if row["asn"] else None,
        "asnNumber": {"id": row["id"], "asn": row["asn"]} if row["asn"] else None,
        "nos": next((nos for nos in (*NOS, UBUNTU) if nos["tag"] == row["nos"]), None),
        "platform": "x86_64" if kind != "switch" else "VX",
        "uuid": f"00000000-0000-4000-8000-{row['id']:012x}",
        "timezone": "UTC",
        "lastSeen": fabric.last_seen(net, row),
        "uptime": fabric.uptime(net, row),
        "routes": len(net.devices) + len(net.sessions) if alive and row["asn"] else 0,
        "macs": len(net.vnets) if alive and kind == "switch" else 0,
        "ingressAcls": len(net.acls) if alive and kind == "switch" else 0,
        "rangecut": 0,
        "hardwareHealth": [health.full(net, check) for check in checks],
        "health": health.counts(checks),
        "links": list(_links(net, row)),
        "conductorVersion": AGENT if row["hasAgent"] else "",
        "cumulusVersion": "5.9.2" if row["nos"].startswith("cumulus") else "",
        "openstackVersion": None,
        "proxmoxVersion": None,
        "macAddrUbit": 0,  # what it means is told nowhere (unverified)
    }


def _host(net: Controller, row: Row, tag: str) -> dict[str, Any] | None:
    """The host record of an address; without a subnet around it, it has no id."""
    if not row[f"{tag}Address"]:
        return None
    address = ip_address(row[f"{tag}Address"])
    node = net.tree.subnet_of(net.system_vpc, address)
    return {
        "id": ipam.host_id(node, int(address)) if node else 0,
        "subnetID": node.row["id"] if node else 0,
        "name": row["name"],
        "address": str(address),
        "type": "host",
        "meta": {"tag": tag},
        "readonly": "no",
        "ipFamily": f"ipv{address.version}",
        "description": "",
    }


def _links(net: Controller, row: Row) -> Any:
    for port in net.ports.by("hw", row["id"]):
        far = fabric.far_end(net, port)
        if far is not None:
            yield {"local": {"id": port["id"], "name": port["name"]}, "remote": {"id": far["id"], "name": far["name"]}}


def listing(net: Controller, call: Call) -> Reply:
    sites = call.ids("filterBySites")
    return Reply.of([render(net, row) for row in net.devices if sites is None or row["site"] in sites])


def read(net: Controller, call: Call) -> Reply:
    row = net.row(net.devices, call.id)
    return Reply.of(render(net, row))


def nos(net: Controller, call: Call) -> Reply:
    return Reply.of(list(NOS))


def subnets(net: Controller, call: Call) -> Reply:
    """Where devices may take their addresses from: loopback and management subnets of the site."""
    sites = call.ids("siteID")
    rows = [row for row in net.subnets.by("vpc", net.system_vpc) if row["purpose"] in ("loopback", "management")]
    return ipam.flat(net, (row for row in rows if sites is None or not sites.isdisjoint(row["sites"])))


def create_switch(net: Controller, call: Call) -> Reply:
    return _create(net, call, "switch")


def create_softgate(net: Controller, call: Call) -> Reply:
    return _create(net, call, "softgate")


def create_server(net: Controller, call: Call) -> Reply:
    return _create(net, call, "server")


def create_controller(net: Controller, call: Call) -> Reply:
    return _create(net, call, "controller")


def update_switch(net: Controller, call: Call) -> Reply:
    return _update(net, call, "switch")


def update_softgate(net: Controller, call: Call) -> Reply:
    return _update(net, call, "softgate")


def update_server(net: Controller, call: Call) -> Reply:
    return _update(net, call, "server")


def update_controller(net: Controller, call: Call) -> Reply:
    return _update(net, call, "controller")


def delete_switch(net: Controller, call: Call) -> Reply:
    return _delete(net, call, "switch")


def delete_softgate(net: Controller, call: Call) -> Reply:
    return _delete(net, call, "softgate")


def delete_server(net: Controller, call: Call) -> Reply:
    return _delete(net, call, "server")


def delete_controller(net: Controller, call: Call) -> Reply:
    return _delete(net, call, "controller")


def _create(net: Controller, call: Call, kind: str) -> Reply:
    fields, now = call.fields, net.stamp()
    site = net.one_of(net.sites, fields, "site")
    count = _port_count(fields, kind)
    facts = _facts(net, fields, kind, site, None)
    tenant = net.one_of(net.tenants, fields, "tenant")
    role = facts.get("srvRole")
    row = net.devices.add(
        type=kind,
        site=site,
        tenant=tenant,
        portCount=count,
        **facts,
        hasAgent=not (kind == "server" and role == "generic"),
        bootedAt=now / 1000,
        killedAt=None,
        outages=[],
        createdDate=now,
        modifiedDate=now,
    )
    prefix = PORT_PREFIX.get(kind, "eth")
    for number in range(1, count + 1):
        add_port(net, row, f"{prefix}{number}", number)
    net.render_again()
    return Reply.of({"id": row["id"]}, CREATED)


def add_port(net: Controller, device: Row, short: str, number: int) -> Row:
    now = net.stamp()
    return net.ports.add(
        name=f"{short}@{device['name']}",
        shortName=short,
        hw=device["id"],
        index=number,
        description="",
        tenant=device["tenant"],
        adminDown=False,
        speed="100000" if device["type"] == "switch" else "25000",
        desiredSpeed="auto",
        mtu=9216 if device["type"] == "switch" else 9000,
        autoNeg="off",
        duplex="full",
        breakout="off",
        fec="auto",
        carrier=None,
        neighbour=None,
        createdDate=now,
        modifiedDate=now,
    )


def _update(net: Controller, call: Call, kind: str) -> Reply:
    row, fields = _row(net, call, kind), call.fields
    old_name = row["name"]
    net.devices.change(row, **_facts(net, fields, kind, row["site"], row), modifiedDate=net.stamp())
    if row["name"] != old_name:
        for port in list(net.ports.by("hw", row["id"])):
            net.ports.change(port, name=f"{port['shortName']}@{row['name']}")
    net.render_again()
    return Reply.of({"id": row["id"]}, UPDATED)


def _delete(net: Controller, call: Call, kind: str) -> Reply:
    """By id or by name. Refused while anything is plugged in or terminates on the device (unverified)."""
    row = _row(net, call, kind)
    ports = list(net.ports.by("hw", row["id"]))
    if net.sessions.one("hw", row["id"]) or any(fabric.is_in_use(net, port) for port in ports):
        raise Refusal(400, "The device is in use: remove its links and services first.")  # unverified
    for port in ports:
        net.ports.drop(port["id"])
    net.devices.drop(row["id"])
    net.render_again()
    return Reply.of({"id": row["id"]}, DELETED)


def _row(net: Controller, call: Call, kind: str) -> Row:
    row = net.devices.get(call.id) or net.devices.one("name", call.target)
    if row is None or row["type"] != kind:
        raise Refusal(404, "Not found")
    return row


def _port_count(fields: Fields, kind: str) -> int:
    if kind == "switch":
        count = fields.integer("portCount", 0, 64)
        if count not in PORT_COUNTS:
            raise invalid("portCount", f"Must be one of {', '.join(map(str, PORT_COUNTS))}.")  # unverified
        return count
    if kind == "server":
        return fields.integer("portCount", 0, 64)
    return fields.integer("portCount", 0, 64, 2 if kind == "softgate" else 1)


def _facts(net: Controller, fields: Fields, kind: str, site: int, was: Row | None) -> dict[str, Any]:
    old = was or {"description": "", "mainAddress": "", "mgmtAddress": "", "asn": None, "tags": [], "customData": ""}
    name = net.unique_name(net.devices, fields, was)
    if not _HOST_NAME.fullmatch(name):
        raise invalid("name", "Must be a host name.")  # unverified
    for required in _REQUIRED[kind] if was is None else ():
        fields.raw(required)
    return {
        "name": name,
        "description": fields.text("description", old["description"]),
        "mainAddress": _address(net, fields, "mainAddress", "loopback", site, was),
        "mgmtAddress": _address(net, fields, "mgmtAddress", "management", site, was),
        "asn": _asn(net, fields, was) if kind in ("switch", "server") or "asn" in fields else old["asn"],
        "nos": _nos(fields, kind, was),
        "tags": fields.tags(old["tags"]),
        "customData": fields.text("customData", old["customData"]),
        "macAddress": fields.text("macAddress", old.get("macAddress", "")),
        "maintenanceMode": fields.flag("maintenanceMode", old.get("maintenanceMode", False)),
        "profile": _profile(net, fields, kind, old.get("profile")),
        **({ROLE_FIELD[kind]: _word(fields, ROLE_FIELD[kind], ROLES[kind], old)} if kind in ROLES else {}),
        **({"sgFlavor": _word(fields, "sgFlavor", FLAVORS, old)} if kind == "softgate" else {}),
    }


def _profile(net: Controller, fields: Fields, kind: str, old: int | None) -> int | None:
    """Switches and SoftGates have one, or none; an empty reference takes it away (unverified)."""
    return net.one_or_none(net.profiles, fields, "profile", old) if kind in ("switch", "softgate") else old


def _word(fields: Fields, name: str, words: tuple[str, ...], old: Row) -> str:
    """One of the words. Go clients write "" for what they leave open: it stays, and is the first word at first."""
    kept = old.get(name, words[0])
    return fields.choice(name, words) if fields.text(name, "") else kept


def _address(net: Controller, fields: Fields, name: str, purpose: str, site: int, was: Row | None) -> str:
    text = fields.text(name, was[name] if was else "").strip()
    if text in ("", "disabled", "Disabled"):
        return ""
    if text != "auto":
        address = fields.address(name, text)
        if net.ledger.holders(Claim.ip(net.system_vpc, address), but=("hw", was["id"] if was else 0)):
            raise invalid(name, "IP address is already in use.")  # unverified
        return str(address)
    found = was[name] if was and was[name] else ipam.next_address(net, purpose, site)
    if found is None:
        raise invalid(name, f"There is no free address in the {purpose} subnets of the site.")  # unverified
    return str(found)


def _asn(net: Controller, fields: Fields, was: Row | None) -> int | None:
    value = fields.raw("asn", was["asn"] if was and was["asn"] else "")
    if value == "auto":
        taken = {device["asn"] for device in net.devices}
        return next(asn for asn in range(4200000000, 2**32) if asn not in taken)
    if value in ("", "0", 0):
        return None
    return Fields({"asn": value}).integer("asn", 1, 2**32 - 1)


def _nos(fields: Fields, kind: str, was: Row | None) -> str:
    if kind != "switch":
        return str(UBUNTU["tag"])
    if was and "nos" not in fields:
        return str(was["nos"])
    asked = fields.object("nos")
    for known in NOS:
        if asked.values.get("tag") == known["tag"] or weak_int(asked.values.get("id")) == known["id"]:
            return str(known["tag"])
    raise invalid("nos", "Unknown operating system.")  # unverified
