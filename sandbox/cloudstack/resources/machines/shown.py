"""Virtual machines, as lists and jobs show them (cloudstack-api.md 3.9)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import BadParameter
from sandbox.cloudstack.resources.machines import nics
from sandbox.cloudstack.resources.machines.states import DESTROYED, RUNNING, STOPPED
from sandbox.cloudstack.resources.zone import offerings
from sandbox.cloudstack.state import hosts
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

STATISTICS_SECONDS = 60.0  # vm.stats.interval
_ARCHITECTURE = "x86_64"
_DETAILS = {"all", "group", "nics", "stats", "secgrp", "tmpl", "servoff", "diskoff", "iso", "volume", "min", "affgrp"}
_DETAILS |= {"backoff", "vnfnics"}


@handles("listVirtualMachines")
def list_virtual_machines(call: Call) -> Row:
    cloud = call.cloud
    if unknown := set(call.get("details", ())) - _DETAILS:
        raise BadParameter(f"The details parameter contains a non permitted value: {sorted(unknown)[0]}")
    rows = call.visible("vm")
    if not call.caller.is_admin:
        rows = [row for row in rows if row["state"] != DESTROYED]
    if (ids := call.get("ids")) is not None:
        wanted = {row["id"] for row in ids}
        rows = [row for row in rows if row["id"] in wanted]
    rows = call.narrowed(rows, "name", "state", "zoneid", "templateid", "serviceofferingid", "userid", "hostid")
    if not _may_match(call):
        rows = []
    for name in ("podid", "clusterid"):
        if (place := call.get(name)) is not None:
            hosts_there = {host["id"] for host in cloud.table("host") if host.get(name) == place["id"]}
            rows = [row for row in rows if row["hostid"] in hosts_there]
    if (tier := call.get("networkid")) is not None:
        machines = {nic["vmid"] for nic in cloud.table("nic").by("networkid", tier["id"])}
        rows = [row for row in rows if row["id"] in machines]
    if (vpc := call.get("vpcid")) is not None:
        tiers = cloud.table("network").by("vpcid", vpc["id"])
        machines = {nic["vmid"] for each in tiers for nic in cloud.table("nic").by("networkid", each["id"])}
        rows = [row for row in rows if row["id"] in machines]
    rows = call.tagged(call.searched(rows, "displayname", "name", "state"))
    return call.page(rows, lambda row: machine_view(call, row))


def _may_match(call: Call) -> bool:
    """Whether machines like those of this zone are asked for: they are all of one kind, and none has a key pair."""
    return (
        call.get("hypervisor", "KVM").upper() == "KVM"
        and call.get("arch", _ARCHITECTURE).lower() == _ARCHITECTURE
        and call.get("forvirtualnetwork", True)
        and "keypair" not in call
    )


def machine_view(call: Call, vm: Row) -> Row:
    cloud = call.cloud
    details = (call.get("details") if call.command.is_list else None) or ["all"]
    offering = cloud.get("serviceoffering", vm["serviceofferingid"])
    template = cloud.get("template", vm["templateid"])
    mine = nics.of_machine(cloud, vm)
    shown = {
        **view(vm, "id", "name", "displayname", "state", "zoneid", "userid"),
        **cloud.owner_fields(vm),
        "created": created(vm),
        "haenable": False,
        "zonename": cloud.get("zone", vm["zoneid"])["name"],
        "templateid": template["id"],
        "templatename": template["name"],
        "templatedisplaytext": template["displaytext"],
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        **view(offering, "cpunumber", "cpuspeed", "memory"),
        "hypervisor": "KVM",
        "templatetype": offerings.TEMPLATE_TYPE,
        "templateformat": offerings.TEMPLATE_FORMAT,
        **dict.fromkeys(("guestosid", "ostypeid"), offerings.os_type(cloud, template)["id"]),
        "osdisplayname": template["ostypename"],
        "pooltype": "NetworkFilesystem",
        "lastupdated": wire.date(max(vm["created"], vm["started"], vm["stopped"], vm.get("destroyed") or 0)),
        "receivedbytes": 0,
        "sentbytes": 0,
        **_details(vm),
        **_statistics(cloud, vm, offering),
        "rootdeviceid": 0,
        "rootdevicetype": "ROOT",
        "passwordenabled": False,
        "isdynamicallyscalable": False,
        "deleteprotection": False,
        "securitygroup": [],
        "affinitygroup": [],
        "tags": cloud.tags_in_full(vm),
        "hasannotations": False,
        **cloud.job_fields(vm),
    }
    if user := cloud.table("user").get(vm["userid"]):
        shown["username"] = user["username"]
    if public := next(iter(cloud.table("publicip").by("vmid", vm["id"])), None):
        shown |= {"publicip": public["ipaddress"], "publicipid": public["id"]}
    if mine:
        shown["ipaddress"] = mine[0]["ipaddress"]
    if {"all", "nics"} & set(details):
        shown["nic"] = [nics.nic_view(cloud, nic) for nic in mine]
    host = cloud.table("host").get(vm["hostid"])
    if host is not None:
        shown["hostcontrolstate"] = hosts.control_state(host)
    if not call.caller.is_root:
        return {**shown, "readonlydetails": "dataDiskController, rootDiskController"}
    shown |= {"instancename": vm["instancename"], "displayvm": vm.get("fordisplay", True), "arch": _ARCHITECTURE}
    return shown if host is None else {**shown, "hostid": host["id"], "hostname": host["name"]}


def _details(vm: Row) -> Row:
    """Its first stop leaves a detail behind, and with details it no longer tells how it boots."""
    if vm.get("was_stopped"):
        return {"details": {"Message.ReservedCapacityFreed.Flag": "false"}}
    boot = {"bootmode": "legacy", "boottype": "Bios"} if vm["state"] == RUNNING else {}
    return {"details": {}, **boot}


def _statistics(cloud: Cloud, vm: Row, offering: Row) -> Row:
    """What its host counts for it, once the collector has come by. They are kept when it stops."""
    until = cloud.clock.now() if vm["state"] == RUNNING else vm["stopped"]
    since = vm.get("first_started") or until
    if vm["state"] not in (RUNNING, STOPPED) or until - since < STATISTICS_SECONDS:
        return {}
    memory = offering["memory"] * 1024
    rates = ("networkkbsread", "networkkbswrite", "diskkbsread", "diskkbswrite", "diskioread", "diskiowrite")
    load = {"cpuused": f"{5 + vm['number'] % 20}%", **{name: int(until - since) for name in rates}}
    return {**load, "memorykbs": memory, "memorytargetkbs": memory, "memoryintfreekbs": memory // 2}
