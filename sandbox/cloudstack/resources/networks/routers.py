"""Virtual routers: one per VPC, with a public address from the range that is neither system VMs' nor Netris's."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.resources.addresses import addresses
from sandbox.cloudstack.state import alerts, hosts
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row


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


def _control_state(host: Row) -> str:
    return "Enabled" if host["state"] == hosts.UP else "Offline"  # the other word is unverified


def router_view(cloud: Cloud, router: Row) -> Row:
    zone, vpc = cloud.zone, cloud.get("vpc", router["vpcid"])
    pod = next(iter(cloud.table("pod").rows.values()))
    chosen = cloud.get("vpcoffering", vpc["vpcofferingid"]).get("serviceofferingid")
    stock = next(row for row in cloud.table("serviceoffering") if row.get("is_system"))
    offering = cloud.table("serviceoffering").get(chosen) or stock
    host = cloud.table("host").get(router["hostid"])
    return {
        **view(router, "id", "name", "state", "hostid", "vpcid", "publicip"),
        **({"hostname": host["name"], "hostcontrolstate": _control_state(host)} if host is not None else {}),
        **cloud.owner_fields(router),
        "zoneid": zone["id"],
        "zonename": zone["name"],
        "dns1": vpc.get("dns1") or zone["dns1"],
        "dns2": vpc.get("dns2") or zone["dns2"],
        "networkdomain": vpc["networkdomain"],
        "podid": pod["id"],
        "podname": pod["name"],
        "hypervisor": "KVM",
        "created": created(router),
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        "isredundantrouter": False,
        "redundantstate": "UNKNOWN",
        "version": "4.22.0.0",
        "vpcname": vpc["name"],
        "role": "VIRTUAL_ROUTER",
        "nic": [],
        "requiresupgrade": False,
        "healthchecksfailed": False,
        "arch": "x86_64",
    }


@handles("listRouters")
def list_routers(call: Call) -> Row:
    rows = call.narrowed(call.visible("router"), "name", "state", "hostid", "vpcid")
    if call.get("forvpc") is False or call.get("healthchecksfailed"):
        rows = []
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["vpcid"] == network.get("vpcid")]
    return call.page(call.searched(rows, "name"), lambda row: router_view(call.cloud, row))
