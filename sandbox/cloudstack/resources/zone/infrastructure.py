"""Pods, clusters and hosts, the controller's own host row among them (cloudstack-api.md 3.10)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.state import hosts
from sandbox.cloudstack.state.cloud import created, view
from sandbox.kit.store import Row

CPUS, SPEED, MEMORY = 32, 2400, 256 * 1024**3


@handles("listPods")
def list_pods(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("pod"), "id", "name", "zoneid", "allocationstate")

    def shown(row: Row) -> Row:
        fields = view(row, "id", "name", "zoneid", "gateway", "netmask", "allocationstate")
        zone = call.cloud.get("zone", row["zoneid"])
        return {**fields, "zonename": zone["name"], "startip": [row["startip"]], "endip": [row["endip"]]}

    return call.page(call.searched(rows, "name"), shown)


@handles("listClusters")
def list_clusters(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("cluster"), "id", "name", "podid", "zoneid", "allocationstate")
    for name, value in (("hypervisor", "kvm"), ("clustertype", "cloudmanaged"), ("managedstate", "managed")):
        if name in call and call[name].lower() != value:
            rows = []

    def shown(row: Row) -> Row:
        zone, pod = call.cloud.get("zone", row["zoneid"]), call.cloud.get("pod", row["podid"])
        return {
            **view(row, "id", "name", "podid", "zoneid", "hypervisortype", "allocationstate"),
            "podname": pod["name"],
            "zonename": zone["name"],
            "clustertype": "CloudManaged",
            "managedstate": "Managed",
            "cpuovercommitratio": "1.0",
            "memoryovercommitratio": "1.0",
            "arch": "x86_64",
        }

    return call.page(call.searched(rows, "name"), shown)


@handles("listHosts")
def list_hosts(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("host"), "id", "name", "podid", "clusterid", "zoneid", "state", "type")
    if call.get("resourcestate", "Enabled").lower() != "enabled" or call.get("hahost"):
        rows = []
    if "hypervisor" in call:
        rows = [row for row in rows if row["type"] == "Routing" and call["hypervisor"].upper() == "KVM"]
    if (vm := call.get("virtualmachineid")) is not None:
        rows = [row for row in rows if row["id"] == vm.get("hostid")]
    return call.page(call.searched(rows, "name", "state", "type"), lambda row: host_view(call, row))


def host_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    shown = {
        **view(row, "id", "name", "state", "type", "ipaddress", "zoneid", "podid", "clusterid"),
        "zonename": cloud.get("zone", row["zoneid"])["name"],
        "resourcestate": "Enabled",
        "created": created(row),
        "lastpinged": wire.date(hosts.last_ping(cloud, row) if row["type"] == "Routing" else row["connected"]),
        "version": wire.VERSION,
        "managementserverid": next(iter(cloud.table("managementserver").rows.values()))["id"],
        "events": "ManagementServerDown; AgentDisconnected; Ping; StartAgentRebalance; HostDown; PingTimeout",
        "hahost": False,
    }
    if row["type"] != "Routing":
        return shown
    sizes = [cloud.get("serviceoffering", vm["serviceofferingid"]) for vm in cloud.table("vm").by("hostid", row["id"])]
    speed = sum(size["cpunumber"] * size["cpuspeed"] for size in sizes)
    memory = sum(size["memory"] for size in sizes) * 1024**2
    return {
        **shown,
        "podname": cloud.get("pod", row["podid"])["name"],
        "clustername": cloud.get("cluster", row["clusterid"])["name"],
        "hypervisor": "KVM",
        "cpunumber": CPUS,
        "cpusockets": 2,
        "cpuspeed": SPEED,
        "cpuallocated": f"{100 * speed / (CPUS * SPEED):.2f}%",
        "cpuused": f"{50 * speed / (CPUS * SPEED):.2f}%",
        "memorytotal": MEMORY,
        "memoryallocated": memory,
        "memoryused": memory,
        "networkkbsread": 0,
        "networkkbswrite": 0,
        "capabilities": "hvm,snapshot",
        "arch": "x86_64",
    }


@handles("listManagementServers")
def list_management_servers(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("managementserver"), "id", "name")
    return call.page(rows, lambda row: {**view(row, "id", "name", "state"), "version": wire.VERSION})
