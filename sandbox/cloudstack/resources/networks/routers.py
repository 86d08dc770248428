"""Virtual routers: one per VPC, with a public address from the range that is neither system VMs' nor Netris's."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.resources.addresses import addresses
from sandbox.cloudstack.state import alerts, hosts
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row
from sandbox.living import router_address


def of_vpc(cloud: Cloud, vpc: Row) -> Row | None:
    return next(iter(cloud.table("router").by("vpcid", vpc["id"])), None)


def deploy(cloud: Cloud, vpc: Row) -> Row:
    """A router that starts. Its address is flagged source NAT as well: every Netris VPC has two (5.4)."""
    if (router := of_vpc(cloud, vpc)) is not None:
        return router
    owner = cloud.get("account", vpc["accountid"])
    router = cloud.new(
        "router",
        "vm",
        vpcid=vpc["id"],
        accountid=owner["id"],
        domainid=owner["domainid"],
        state="Starting",
        hostid=hosts.pick(cloud)["id"],
    )
    cloud.change("router", router, name=f"r-{router['number']}-VM")
    if not any(address["issourcenat"] and not address["forprovider"] for address in addresses.of_vpc(cloud, vpc)):
        address = addresses.allocate(
            cloud, addresses.free_for_router(cloud, owner), owner, vpcid=vpc["id"], issourcenat=True
        )
        cloud.change("router", router, publicip=address["ipaddress"])
    return router


def run(cloud: Cloud, vpc: Row) -> None:
    if (router := of_vpc(cloud, vpc)) is not None:
        cloud.change("router", router, state="Running", started=cloud.clock.now())


def start_again(cloud: Cloud, vpc: Row) -> None:
    """A router that was stopped starts with the next machine, or when its VPC is restarted."""
    router = of_vpc(cloud, vpc)
    if router is not None and router["state"] == "Stopped":
        cloud.change("router", router, hostid=hosts.pick(cloud)["id"])
        run(cloud, vpc)


def stop(cloud: Cloud, vpc: Row) -> None:
    if (router := of_vpc(cloud, vpc)) is not None:
        cloud.change("router", router, state="Stopped", hostid=None)


def power_off(cloud: Cloud, router: Row, host: Row) -> None:
    """Its host died."""
    cloud.change("router", router, state="Stopped", hostid=None)
    text = f"Router {router['name']} stopped unexpectedly on host {host['name']}"
    alerts.send(cloud, alerts.ROUTER, text)
    alerts.note(cloud, alerts.ROUTER_STOP, router, text)


def remove(cloud: Cloud, vpc: Row) -> None:
    if (router := of_vpc(cloud, vpc)) is not None:
        cloud.remove("router", router)


def redeploy(cloud: Cloud, vpc: Row) -> None:
    """A new router with the old one's address."""
    hosts.pick(cloud)  # there must be one before the old router goes
    old = of_vpc(cloud, vpc)
    remove(cloud, vpc)
    cloud.change("router", deploy(cloud, vpc), **view(old or {}, "publicip"))
    run(cloud, vpc)


def router_view(cloud: Cloud, router: Row) -> Row:
    zone, vpc = cloud.zone, cloud.get("vpc", router["vpcid"])
    pod = next(iter(cloud.table("pod").rows.values()))
    chosen = cloud.get("vpcoffering", vpc["vpcofferingid"]).get("serviceofferingid")
    stock = next(row for row in cloud.table("serviceoffering") if row.get("is_system"))
    offering = cloud.table("serviceoffering").get(chosen) or stock
    host = cloud.table("host").get(router["hostid"])
    tiers = [row for row in cloud.table("network").by("vpcid", vpc["id"]) if row["state"] == "Implemented"]
    on_the_fabric = [_nic_in(router, tier) for tier in tiers]
    control, public = _control_nic(router), _public_nic(cloud, router)
    shown = {
        **view(router, "id", "name", "state", "hostid", "vpcid", "publicip"),
        **({"hostname": host["name"], "hostcontrolstate": hosts.control_state(host)} if host is not None else {}),
        **cloud.owner_fields(router),
        "zoneid": zone["id"],
        "zonename": zone["name"],
        "dns1": vpc.get("dns1") or zone["dns1"],
        "dns2": vpc.get("dns2") or zone["dns2"],
        "podid": pod["id"],
        "podname": pod["name"],
        "hypervisor": "KVM",
        "created": created(router),
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        "isredundantrouter": False,
        "redundantstate": "UNKNOWN",
        "version": "4.10.0",  # of the router template
        "softwareversion": wire.VERSION,
        "scriptsversion": str(uuid5(UUID(zone["id"]), "scripts")),
        "templateid": str(uuid5(UUID(zone["id"]), "systemvm")),
        "templatename": "SystemVM Template (KVM)",
        **_named("linklocal", control, address="ip"),
        **(_named("public", public, address="") if public else {}),
        **({"gateway": public["gateway"]} if public else {}),
        "vpcname": vpc["name"],
        "role": "VIRTUAL_ROUTER",
        "nic": [control, *([public] if public else []), *on_the_fabric],
        "requiresupgrade": False,
        "healthchecksfailed": False,
        "arch": "x86_64",
        "hasannotations": False,
    }
    if not on_the_fabric:
        return shown
    last = on_the_fabric[-1]
    shown |= {**_named("guest", last, address="ipaddress"), "guestnetworkname": last["networkname"]}
    return {**shown, "networkdomain": vpc["networkdomain"]}


def _named(prefix: str, nic: Row, *, address: str) -> Row:
    """A NIC's fields as the router itself shows them."""
    shown = {f"{prefix}macaddress": nic["macaddress"], f"{prefix}netmask": nic["netmask"]}
    shown[f"{prefix}networkid"] = nic["networkid"]
    return {**shown, f"{prefix}{address}": nic["ipaddress"]} if address else shown


def _nic(router: Row, position: int, network: str, **fields: Any) -> Row:
    """`position` keeps the NICs of a router apart."""
    number = f"{router['number']:08x}"
    pairs = ":".join(number[at : at + 2] for at in (2, 4, 6))
    identity = {"id": str(uuid5(UUID(router["id"]), network)), "networkid": network}
    return {**identity, "macaddress": f"0e:{position // 256:02x}:{position % 256:02x}:{pairs}", **fields}


def _control_nic(router: Row) -> Row:
    number = router["number"] % 65000 + 2
    address = f"169.254.{number // 256}.{number % 256}"
    place = {"ipaddress": address, "netmask": "255.255.0.0", "gateway": "169.254.0.1"}
    network = str(uuid5(UUID(router["accountid"]), "control"))
    return _nic(router, 0, network, **place, traffictype="Control", isdefault=False)


def _public_nic(cloud: Cloud, router: Row) -> Row | None:
    address = next(iter(cloud.table("publicip").by("ipaddress", router.get("publicip", ""))), None)
    if address is None:
        return None
    vlan = cloud.get("vlan", address["vlanid"])
    place = {"ipaddress": address["ipaddress"], **view(vlan, "netmask", "gateway")}
    uris = dict.fromkeys(("isolationuri", "broadcasturi"), vlan["vlan"])
    return _nic(router, 1, vlan["networkid"], **place, **uris, traffictype="Public", isdefault=True, mtu=1500)


def _nic_in(router: Row, tier: Row) -> Row:
    place = {
        "networkname": tier["name"],
        "ipaddress": str(router_address(tier)),
        **view(tier, "netmask", "gateway"),
    }
    uris = dict.fromkeys(("isolationuri", "broadcasturi"), f"netris://{tier['vni']}")
    more = {"traffictype": "Guest", "type": "Isolated", "isdefault": False, "mtu": tier["privatemtu"]}
    return _nic(router, tier["number"] + 2, tier["id"], **place, **uris, **more)


@handles("listRouters")
def list_routers(call: Call) -> Row:
    rows = call.narrowed(call.visible("router"), "name", "state", "hostid", "vpcid")
    if call.get("forvpc") is False or call.get("healthchecksfailed"):
        rows = []
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["vpcid"] == network.get("vpcid")]
    return call.page(call.searched(rows, "name"), lambda row: router_view(call.cloud, row))
