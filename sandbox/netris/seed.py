"""The reference site, planted through the same handlers that answer callers, a month before now."""

from __future__ import annotations

import json
from typing import Any

from sandbox.kit.http import Request
from sandbox.kit.store import Row
from sandbox.netris.inventory import inventory, links, profiles, sites
from sandbox.netris.overlay import dhcp, ipam, nat, vnet, vpc
from sandbox.netris.people import people, tenants
from sandbox.netris.routes import Handler
from sandbox.netris.routing import ebgp
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Call, Reply
from sandbox.site import DEFAULT_VPC, Device, Fabric

MONTH = 30 * 86400.0
PROFILE = "CloudStack"
OOB_PORTS = 32
_CREATE: dict[str, Handler] = {
    "switch": inventory.create_switch,
    "softgate": inventory.create_softgate,
    "server": inventory.create_server,
}


def plant(net: Controller, fabric: Fabric) -> None:
    with net.long_ago(MONTH):
        _do(net, tenants.create, name=fabric.tenant, description="Built-in tenant")
        site = {"aclPolicy": "permit", "switchFabric": "netris", "vlanRange": "2-4094"}
        _do(net, sites.create, name=fabric.name, publicAsn=fabric.asn, **site)
        _do(net, vpc.create, name=DEFAULT_VPC, adminTenant=_ref(fabric.tenant))
        _addresses(net, fabric)
        _devices(net, fabric)
        _services(net, fabric)


def complete(net: Controller, operator: str) -> None:
    """What every controller has, those included that were planted by an older release of the sandbox."""
    if not len(net.option_sets):
        _do(net, dhcp.create, name="Default Option Set", dnsServers=["1.1.1.1", "8.8.8.8"])
    people.keep_operator(net, operator)


def _do(net: Controller, handler: Handler, **body: Any) -> Reply:
    request = Request("POST", "", (), {}, json.dumps(body).encode())
    return handler(net, Call(request))


def _ref(name: str) -> dict[str, str]:
    return {"name": name}


def _addresses(net: Controller, fabric: Fabric) -> None:
    tenant, site = _ref(fabric.tenant), _ref(fabric.name)
    for each in fabric.allocations:
        _do(net, ipam.create_allocation, name=each.name, prefix=each.prefix, tenant=tenant)
    for subnet in fabric.subnets:
        _do(
            net,
            ipam.create_subnet,
            name=subnet.name,
            prefix=subnet.prefix,
            purpose=subnet.purpose,
            defaultGateway=subnet.gateway,
            tenant=tenant,
            sites=[site],
        )


def _devices(net: Controller, fabric: Fabric) -> None:
    overlay = {"optimiseBgpOverlayHypervisor": True}
    _do(net, profiles.create, name=PROFILE, description="Hypervisor Integrated Fabric", fabricProps=overlay)
    for device in fabric.devices:
        _do(net, _CREATE[device.kind], **_device(device, fabric))
    for link in fabric.links:
        underlay = "enabled" if link.underlay else "disabled"
        _do(net, links.create, local=_ref(link.local), remote=_ref(link.remote), underlay=underlay)
    _management_network(net, fabric)


def _device(device: Device, fabric: Fabric) -> dict[str, Any]:
    return {
        "name": device.name,
        "tenant": _ref(fabric.tenant),
        "site": _ref(fabric.name),
        "mainAddress": device.main_address,
        "mgmtAddress": device.management_address,
        "asn": device.asn,
        "portCount": device.ports,
        "nos": {"tag": "cumulus_linux"},
        "tags": list(device.tags),
        "customData": device.custom_data,
        "sgFlavor": "sg-hs",
        "profile": _ref(PROFILE),
        inventory.ROLE_FIELD[device.kind]: device.role,
    }


def _management_network(net: Controller, fabric: Fabric) -> None:
    """The out-of-band switches, with a cable to the management port (eth0) of every device."""
    devices = list(net.devices)
    stem, _, number = fabric.oob_switch.rpartition("-")
    for at, start in enumerate(range(0, len(devices), OOB_PORTS), start=int(number)):
        _out_of_band(net, fabric, f"{stem}-{at}", devices[start : start + OOB_PORTS])


def _out_of_band(net: Controller, fabric: Fabric, name: str, devices: list[Row]) -> None:
    switch: dict[str, Any] = {
        "name": name,
        "description": "Out-of-band management",
        "tenant": _ref(fabric.tenant),
        "site": _ref(fabric.name),
        "mainAddress": "",
        "mgmtAddress": "auto",
        "asn": "",
        "portCount": OOB_PORTS,
        "nos": {"tag": "cumulus_linux"},
        "swRole": "generic",
    }
    _do(net, inventory.create_switch, **switch)
    for number, device in enumerate(devices, start=1):
        eth0 = inventory.add_port(net, device, "eth0", 0)
        _do(
            net,
            links.create,
            local=_ref(f"swp{number}@{name}"),
            remote=_ref(eth0["name"]),
            underlay="disabled",
        )


def _services(net: Controller, fabric: Fabric) -> None:
    tenant, site = _ref(fabric.tenant), _ref(fabric.name)
    for rule in fabric.nat_rules:
        target: dict[str, dict[str, Any]] = {
            "SNAT": {"snatToIP": rule.target},
            "DNAT": {"dnatToIP": rule.target, "dnatToPort": rule.target_port},
        }
        port = {"destinationPort": rule.destination_port} if rule.destination_port else {}
        addresses = {"sourceAddress": rule.source, "destinationAddress": rule.destination}
        kind = {"action": rule.action, "protocol": rule.protocol}
        _do(net, nat.create, name=rule.name, site=site, **kind, **addresses, **port, **target[rule.action])
    for each in fabric.vnets:
        _do(
            net,
            vnet.create,
            name=each.name,
            tenant=tenant,
            sites=[site],
            vlan="auto" if each.has_vlan else "disabled",
            vxlanID=each.vni,
            gateways=[{"prefix": each.gateway}],
            tags=list(each.tags),
            portTags=[{"name": tag, "accessMode": True} for tag in each.port_tags],
        )
    for session in fabric.isp_sessions:
        local, _, length = session.local_address.partition("/")
        _do(
            net,
            ebgp.create,
            name=session.name,
            site=site,
            hardware=_ref(session.device),
            port=_ref(session.port),
            vlan=session.vlan,
            untagged=not session.vlan,
            state="enabled",
            neighborAS=session.remote_asn,
            ipFamily="ipv4",
            localIP=local,
            remoteIP=session.remote_address.partition("/")[0],
            prefixLength=int(length),
        )
