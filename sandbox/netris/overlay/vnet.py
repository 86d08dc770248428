"""V-Nets: layer-2 segments with gateways (2.2)."""

from __future__ import annotations

import re
from functools import partial
from ipaddress import ip_interface
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.routing import peering
from sandbox.netris.state import fabric, port_view
from sandbox.netris.state.controller import LAST_VLAN, Controller
from sandbox.netris.state.ledger import LAST_VNI, Claim
from sandbox.netris.wire import (
    CREATED,
    DELETED,
    UPDATED,
    Address,
    Call,
    Fields,
    Interface,
    Refusal,
    Reply,
    dumps,
    invalid,
    weak_int,
)

STATES = ("active", "disabled")
_RESTARTING = ("state", "ports", "gateways")  # of the sessions that end on it
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}[:\-]){5}[0-9a-fA-F]{2}")
_VLAN_LIST = re.compile(r"(?:\d{1,4}(?:-\d{1,4})?(?:,|$))*")


def render(net: Controller, row: Row) -> dict[str, Any]:
    state = row["state"]
    return {
        **row,
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "tenant": net.ref(net.tenants, row["tenant"]),
        "tenantID": row["tenant"],
        "sites": net.refs(net.sites, row["sites"]),
        "guestTenants": net.refs(net.tenants, row["guestTenants"]),
        "gateways": [_gateway_view(net, gateway) for gateway in row["gateways"]],
        "status": {"label": state.capitalize(), "value": state},  # values unverified (7.5, 6)
        "dhcpRelay": _relay_view(net, row["dhcpRelay"]),  # key unverified (7.5, 2)
        "macAddress": row["customAnycastMac"]
        or f"44:38:39:{row['id'] >> 16 & 255:02x}:{row['id'] >> 8 & 255:02x}:{row['id'] & 255:02x}",
        "ports": [],
        "portsCount": len(row["ports"]) + sum(1 for _ in fabric.labelled_ports(net, row)),
        "internal": 0,
    }


def _gateway_view(net: Controller, gateway: Row) -> dict[str, Any]:
    dhcp = gateway["dhcp"]
    if dhcp is not None:
        dhcp = {**dhcp, "optionSet": net.ref(net.option_sets, dhcp["optionSet"])}
    family = f"ipv{ip_interface(gateway['prefix']).version}"
    return {**gateway, "dhcp": dhcp, "dhcpLeaseCount": 0, "ipFamily": family}


def _relay_view(net: Controller, relay: Row | None) -> Row | None:
    return {**relay, "vpc": net.ref(net.vpcs, relay["vpc"])} if relay else None


def listing(net: Controller, call: Call) -> Reply:
    """Of the VPCs asked for; the site filter of this list does nothing (quirk 5)."""
    show = partial(render, net)
    return Reply.rows(net.vnets.json(row, show) for vpc in net.scope(call) for row in net.vnets.by("vpc", vpc))


def read(net: Controller, call: Call) -> Reply:
    row = net.row(net.vnets, call.id)
    direct = {entry["port"] for entry in row["ports"]}
    shown = [_port_view(net, row, net.ports.get(entry["port"]), entry) for entry in row["ports"]]
    for port, label in fabric.labelled_ports(net, row):
        if port["id"] not in direct:  # a direct entry wins over a label
            untagged = label["accessMode"]
            shown.append(_port_view(net, row, port, {"vlan": row["vlan"], "untagged": untagged, "state": "active"}))
    return Reply(dumps({**render(net, row), "ports": [port for port in shown if port]}))


def _port_view(net: Controller, vnet: Row, port: Row | None, entry: Row) -> dict[str, Any] | None:
    """The port as its own list shows it, and what the V-Net makes of it."""
    if port is None or port["hw"] not in net.devices.table.rows:
        return None
    is_up = fabric.is_port_up(net, port) and vnet["state"] == "active"
    return {
        **port_view.render(net, port),
        **dict.fromkeys(("access", "accessMode", "untagged"), entry["untagged"]),
        "vlan": "1" if entry["untagged"] else str(entry["vlan"]),
        **{name: entry.get(name, "") for name in ("ipv4", "ipv6")},  # in answers: unverified
        "state": {"id": "1", "label": entry["state"].capitalize(), "value": entry["state"]},
        "status": {"label": "UP" if is_up else "DOWN", "value": "up" if is_up else "down"},
        "macCount": _seen_on(net, port, entry) if is_up else 0,
    }


def _seen_on(net: Controller, port: Row, entry: Row) -> int:
    """How many addresses speak on a port with this tag: of tenants' routers those that are set up so."""
    tag = 0 if entry["untagged"] else entry["vlan"]
    sides = [side for router in net.routers.by("port", port["id"]) for side in router["sides"]]
    return sum(side["vlan"] == tag for side in sides) if net.routers.by("port", port["id"]) else 1


def create(net: Controller, call: Call) -> Reply:
    fields, now = call.fields, net.stamp()
    vpc = net.vpc_of(fields)
    row = net.vnets.add(vpc=vpc, **_facts(net, fields, vpc, None), createdDate=now, modifiedDate=now)
    return Reply.of({"id": row["id"]}, CREATED)


def update(net: Controller, call: Call) -> Reply:
    """The VPC can not be moved; lists that are sent empty are emptied (quirk 45)."""
    row = net.row(net.vnets, call.id)
    before = [row[name] for name in _RESTARTING]
    net.vnets.change(row, **_facts(net, call.fields, row["vpc"], row), modifiedDate=net.stamp())
    if [row[name] for name in _RESTARTING] != before:
        for session in net.sessions.by("vnet", row["id"]):
            net.sessions.change(session, startedAt=net.stamp() / 1000)
    return Reply.of({"id": row["id"]}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    row = net.row(net.vnets, call.id)
    if net.sessions.one("vnet", row["id"]):
        raise Refusal(400, "V-Net is used by an E-BGP session.", {"vnet": "V-Net is in use."})  # unverified
    net.vnets.drop(row["id"])
    return Reply.of({}, DELETED)


def _facts(net: Controller, fields: Fields, vpc: int, was: Row | None) -> dict[str, Any]:
    old = was or {"sites": [], "vlan": "auto", "gateways": [], "ports": [], "portTags": [], "tags": [], "vlans": ""}
    name = net.unique_name(net.vnets, fields, was)
    sites = net.many_of(net.sites, fields, "sites", *([was["sites"]] if was else [fields.raw("sites")]))
    if not sites:
        raise invalid("sites", "At least one site is required.")  # unverified
    l3vpn = fields.flag("l3vpn", old.get("l3vpn", False))
    vlan = 0 if l3vpn else _vlan(net, fields, sites[0], old["vlan"])
    vlans = fields.text("vlans", old["vlans"])
    if not _VLAN_LIST.fullmatch(vlans):
        raise invalid("vlans", "Invalid VLAN list.")  # unverified
    mac = fields.text("customAnycastMac", old.get("customAnycastMac", ""))
    if mac and not _MAC.fullmatch(mac):
        raise invalid("customAnycastMac", "Invalid MAC address.")  # unverified
    tenant = net.one_of(net.tenants, fields, "tenant", *([was["tenant"]] if was else []))
    facts: dict[str, Any] = {
        "name": name,
        "tenant": tenant,
        "guestTenants": net.many_of(net.tenants, fields, "guestTenants", old.get("guestTenants", ())),
        "sites": sites,
        "vlan": vlan,
        "vxlanID": _vni(net, fields, was),
        "state": fields.choice("state", STATES, old.get("state", "active")),
        "provisioning": fields.flag("provisioning", old.get("provisioning", False)),
        "vlanAware": fields.flag("vlanAware", old.get("vlanAware", False)),
        "vlans": vlans,
        "nativeVlan": fields.integer("nativeVlan", 0, LAST_VLAN, old.get("nativeVlan", 0)),
        "l3vpn": l3vpn,
        "customAnycastMac": mac,
        "ipFamily": fields.choice("ipFamily", ("dual", "ipv4", "ipv6"), old.get("ipFamily", "dual")),
        "gateways": _gateways(net, fields, vpc, (tenant, sites), was) if "gateways" in fields else old["gateways"],
        "ports": _ports(net, fields, sites, vlan, was) if "ports" in fields else old["ports"],
        "portTags": _labels(fields) if "portTags" in fields else old["portTags"],  # key unverified (7.5, 2)
        "tags": fields.tags(old["tags"]),
        "dhcpRelay": _relay(net, fields, vpc, old.get("dhcpRelay")),
    }
    hands_out = any(gateway["dhcpEnabled"] for gateway in facts["gateways"])
    if hands_out and (l3vpn or facts["dhcpRelay"]):
        raise invalid("gateways", "DHCP goes neither with L3VPN nor with a DHCP relay.")  # unverified
    return facts


def _vlan(net: Controller, fields: Fields, site: int, default: Any) -> int:
    value = fields.raw("vlan", default)
    if value == "auto":
        return default if isinstance(default, int) and default else net.take_vlan(site)
    if value in ("disabled", "", 0, "0"):
        return 0
    return Fields({"vlan": value}).integer("vlan", 2, LAST_VLAN)


def _vni(net: Controller, fields: Fields, was: Row | None) -> int:
    """VXLAN ids are unique across the controller, those that VPCs reserved included."""
    if weak_int(fields.raw("vxlanID", 0)) == 0:
        return was["vxlanID"] if was else net.take_vni()
    vni = fields.integer("vxlanID", 1, LAST_VNI)
    if net.ledger.holders(Claim.vni(vni), but=("vnet", was["id"] if was else 0)):
        raise invalid("vxlanID", "VXLAN ID is already in use.")  # unverified
    return vni


def _gateways(net: Controller, fields: Fields, vpc: int, owner: tuple[int, list[int]], was: Row | None) -> list[Row]:
    """Each stands in a subnet of the VPC that has the V-Net's own tenant and one of its sites."""
    found: dict[Any, Row] = {}
    tenant, sites = owner
    for gateway in fields.objects("gateways"):
        address = gateway.interface("prefix")
        around = [node for node in net.tree.around(vpc, address.network) if node.kind == "subnet"]
        mine = [node for node in around if node.row["tenant"] == tenant]
        fitting = [node for node in mine if node.row["purpose"] in ("common", "management")]
        if not any(not set(sites).isdisjoint(node.row["sites"]) for node in fitting):
            raise invalid("gateways", f"There is no subnet for the gateway {address}.")  # unverified
        if address.ip in found or net.ledger.holders(Claim.ip(vpc, address.ip), but=("vnet", was["id"] if was else 0)):
            raise invalid("gateways", f"The address {address.ip} is already in use.")  # unverified
        vlan = weak_int(gateway.raw("vlan", 0))
        found[address.ip] = {"prefix": str(address), "vlan": vlan, **_dhcp(net, gateway)}
    return list(found.values())


def _dhcp(net: Controller, gateway: Fields) -> Row:
    """Without an option set of its own, a gateway hands out the default one; without a range, the widest."""
    if not gateway.flag("dhcpEnabled", False):
        return {"dhcpEnabled": False, "dhcp": None}
    prefix, dhcp = gateway.interface("prefix"), gateway.object("dhcp", {})
    first, last = _widest(prefix)
    start, end = dhcp.address("start", str(first)), dhcp.address("end", str(last))
    if start not in prefix.network or end not in prefix.network or int(start) > int(end):
        raise invalid("gateways", "The DHCP range must lie in the gateway's subnet.")  # unverified
    default = net.option_sets.one("isDefault", True)
    chosen = net.one_or_none(net.option_sets, dhcp, "optionSet") or (default["id"] if default else None)
    return {"dhcpEnabled": True, "dhcp": {"start": str(start), "end": str(end), "optionSet": chosen}}


def _widest(gateway: Interface) -> tuple[Address, Address]:
    """The longer of the two stretches of hosts below and above the gateway (which range is chosen is unverified)."""
    network = gateway.network
    edge = 0 if network.num_addresses <= 2 else 1
    first, last = network[edge], network[-1 - edge]
    below, above = int(gateway.ip) - int(first), int(last) - int(gateway.ip)
    return (gateway.ip + 1, last) if above >= below else (first, gateway.ip - 1)


def _ports(net: Controller, fields: Fields, sites: list[int], vlan: int, was: Row | None) -> list[Row]:
    found: list[Row] = []
    for entry in fields.objects("ports"):
        port = net.resolve(net.ports, entry.values, "ports")
        device = net.devices.get(port["hw"])
        if device is None or device["site"] not in sites:
            raise invalid("ports", f"Port {port['name']} is not in the sites of this V-Net.")  # unverified
        if port.get("lag"):
            raise invalid("ports", f"Port {port['name']} is a member of a LAG.")  # unverified
        untagged = entry.flag("accessMode", False)
        asked = weak_int(entry.raw("vlan", vlan)) or vlan
        tag = 0 if untagged else asked
        if not untagged and not 2 <= tag <= LAST_VLAN:
            raise invalid("ports", f"Port {port['name']} needs a VLAN between 2 and {LAST_VLAN}.")  # unverified
        taken = net.ledger.holders(Claim.port(port["id"], tag), but=("vnet", was["id"] if was else 0))
        if taken or any(other["port"] == port["id"] for other in found):
            raise invalid("ports", f"Port {port['name']} is already in use with this VLAN.")  # unverified
        state = entry.choice("state", STATES, "active")
        addresses = {name: entry.text(name, "") for name in ("ipv4", "ipv6")}
        facts = {"vlan": 1 if untagged else tag, "untagged": untagged, "state": state}
        found.append({"port": port["id"], **facts, **addresses})
    return found


def _relay(net: Controller, fields: Fields, vpc: int, old: Row | None) -> Row | None:
    """Left out, it stays; `enabled: false` switches it off. Servers of another VPC need a peering with it."""
    if "dhcpRelay" not in fields:
        return old
    asked = fields.object("dhcpRelay")
    if not asked.flag("enabled"):
        return None
    other = net.one_of(net.vpcs, asked, "vpc", vpc)
    if other != vpc and not any({row["vpcA"], row["vpcB"]} == {vpc, other} for row in peering.of_vpc(net, vpc)):
        raise invalid("dhcpRelay", "The VPC of the DHCP servers is not peered with this one.")  # unverified
    second = str(asked.address("secondaryAddr")) if asked.values.get("secondaryAddr") else ""
    return {"enabled": True, "vpc": other, "primaryAddr": str(asked.address("primaryAddr")), "secondaryAddr": second}


def _labels(fields: Fields) -> list[Row]:
    return [
        {"name": label.name(), "accessMode": label.flag("accessMode", True)} for label in fields.objects("portTags")
    ]
