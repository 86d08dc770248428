"""Virtual routers: one per VPC, with a public address from the range that is neither system VMs' nor Netris's."""

from __future__ import annotations

from sandbox.cloudstack.call import Call, handles
from sandbox.cloudstack.cloud import Cloud, created, view
from sandbox.cloudstack.resources import addresses
from sandbox.store import Row


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
        hostid=_host(cloud)["id"],
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
        cloud.change("router", router, state="Running")


def remove(cloud: Cloud, vpc: Row) -> None:
    if (router := of_vpc(cloud, vpc)) is not None:
        cloud.remove("router", router)


def redeploy(cloud: Cloud, vpc: Row) -> None:
    """A new router with the old one's address."""
    old = of_vpc(cloud, vpc)
    remove(cloud, vpc)
    router = deploy(cloud, vpc)
    cloud.change("router", router, state="Running", **view(old or {}, "publicip"))


def _host(cloud: Cloud) -> Row:
    return cloud.random.choice([host for host in cloud.table("host") if host["type"] == "Routing"])


def router_view(cloud: Cloud, router: Row) -> Row:
    zone, vpc = cloud.zone, cloud.get("vpc", router["vpcid"])
    host = cloud.get("host", router["hostid"])
    pod = cloud.get("pod", host["podid"])
    offering = next(row for row in cloud.table("serviceoffering") if row.get("is_system"))
    return {
        **view(router, "id", "name", "state", "hostid", "vpcid", "publicip"),
        **cloud.owner_fields(router),
        "zoneid": zone["id"],
        "zonename": zone["name"],
        "dns1": vpc.get("dns1") or zone["dns1"],
        "dns2": vpc.get("dns2") or zone["dns2"],
        "networkdomain": vpc["networkdomain"],
        "podid": pod["id"],
        "podname": pod["name"],
        "hostname": host["name"],
        "hostcontrolstate": "Enabled",
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
