"""Pods, clusters and hosts, the controller's own host row among them (cloudstack-api.md 3.10)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import InternalError
from sandbox.cloudstack.resources.zone import providers
from sandbox.cloudstack.state import hosts
from sandbox.cloudstack.state.cloud import created, view
from sandbox.kit.store import Row

HYPERVISOR_VERSION = "8.2.2"
CPUS, SPEED, MEMORY = 32, 2400, 256 * 1024**3


@handles("listPods")
def list_pods(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("pod"), "id", "name", "zoneid", "allocationstate")

    def shown(row: Row) -> Row:
        zone = call.cloud.get("zone", row["zoneid"])
        addresses = {"startip": row["startip"], "endip": row["endip"], "forsystemvms": "0", "vlanid": "vlan://untagged"}
        return {
            **view(row, "id", "name", "zoneid", "gateway", "netmask", "allocationstate"),
            "zonename": zone["name"],
            "ipranges": [addresses],
            **{name: [value] for name, value in addresses.items()},
            "hasannotations": False,
        }

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
            "resourcedetails": {"cpuOvercommitRatio": "1.0", "memoryOvercommitRatio": "1.0"},
            "arch": "x86_64",
            "hasannotations": False,
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
        "events": "ManagementServerDown; AgentDisconnected; Ping; StartAgentRebalance; HostDown; PingTimeout",
        "memoryallocated": 0,
        "islocalstorageactive": False,
        "hostha": {"haenable": False, "hastate": "Disabled"},
        "outofbandmanagement": {"enabled": False, "powerstate": "Disabled"},
        "hasannotations": False,
    }
    if row["type"] != "Routing":
        return {**shown, "version": ""}
    server = next(iter(cloud.table("managementserver").rows.values()))
    sizes = [cloud.get("serviceoffering", vm["serviceofferingid"]) for vm in cloud.table("vm").by("hostid", row["id"])]
    speed = sum(size["cpunumber"] * size["cpuspeed"] for size in sizes)
    memory = sum(size["memory"] for size in sizes) * 1024**2
    load = f"{100 * speed / (CPUS * SPEED):.2f}%"
    return {
        **shown,
        "version": wire.VERSION,
        "managementserverid": server["id"],
        "managementservername": server["name"],
        "clustertype": "CloudManaged",
        "hahost": False,
        "hypervisorversion": HYPERVISOR_VERSION,
        "ueficapability": False,
        "podname": cloud.get("pod", row["podid"])["name"],
        "clustername": cloud.get("cluster", row["clusterid"])["name"],
        "hypervisor": "KVM",
        "cpunumber": CPUS,
        "cpusockets": 2,
        "cpuspeed": SPEED,
        "cpuallocated": load,
        "cpuallocatedvalue": speed,
        "cpuallocatedpercentage": load,
        "cpuallocatedwithoverprovisioning": load,
        "cpuwithoverprovisioning": str(CPUS * SPEED),
        "cpuloadaverage": round(speed / (2 * SPEED), 2),
        "cpuused": f"{50 * speed / (CPUS * SPEED):.2f}%",
        "memorytotal": MEMORY,
        "memorywithoverprovisioning": str(MEMORY),
        "memoryallocated": memory,
        "memoryallocatedbytes": memory,
        "memoryallocatedpercentage": f"{100 * memory / MEMORY:.2f}%",
        "memoryused": memory,
        "networkkbsread": 0,
        "networkkbswrite": 0,
        "capabilities": "hvm,snapshot",
        "arch": "x86_64",
    }


@handles("reconnectHost")
def reconnect_host(call: Call) -> Row:
    """The controller's comes back by itself, after a while. A hypervisor's agent does so at once (unverified)."""
    cloud, host = call.cloud, call["id"]
    if host["state"] not in (hosts.UP, hosts.ALERT, hosts.DISCONNECTED):
        raise InternalError(
            f"Unable to disconnect host because it is not in the correct state: host={host['name']}; "
            f"Status={host['state']}"
        )
    if host["type"] == providers.CONTROLLER and host["state"] != hosts.DISCONNECTED:
        providers.reconnect(cloud)
    return {"host": host_view(call, host)}


@handles("listManagementServers")
def list_management_servers(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("managementserver"), "id", "name")
    hosts_ = [host for host in call.cloud.table("host").by("type", "Routing") if host["state"] == hosts.UP]
    pending = sum(1 for job in call.cloud.table("job") if job["status"] == 0)

    def shown(row: Row) -> Row:
        return {
            **view(row, "id", "name", "state"),
            "version": wire.VERSION,
            "javadistribution": "Debian",
            "javaversion": "17.0.15+6",
            "osdistribution": "Debian GNU/Linux 12 (bookworm)",
            **dict.fromkeys(("lastboottime", "lastserverstart", "lastserverstop"), created(row)),
            "serviceip": "127.0.0.1",
            "ipaddress": "127.0.0.1",
            "agents": [host["id"] for host in hosts_],
            "agentscount": len(hosts_),
            "lastagents": [],
            "pendingjobscount": pending,
        }

    return call.page(rows, shown)
