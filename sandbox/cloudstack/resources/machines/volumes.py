"""Root volumes, one per machine, and the menu of disks, which nobody orders from here (cloudstack-api.md 3.9)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row


def of_machine(cloud: Cloud, vm: Row) -> list[Row]:
    return cloud.table("volume").by("vmid", vm["id"])


def make_root(cloud: Cloud, vm: Row) -> Row:
    volume = cloud.new("volume", vmid=vm["id"], accountid=vm["accountid"], domainid=vm["domainid"])
    return cloud.change("volume", volume, name=f"ROOT-{vm['number']}")


@handles("listVolumes")
def list_volumes(call: Call) -> Row:
    cloud = call.cloud
    rows = call.narrowed(call.visible("volume"), "name", virtualmachineid="vmid")
    if (ids := call.get("ids")) is not None:
        wanted = {row["id"] for row in ids}
        rows = [row for row in rows if row["id"] in wanted]
    if call.get("type", "ROOT").upper() != "ROOT" or call.get("state", "Ready").lower() != "ready":
        rows = []
    for name in ("zoneid", "hostid", "serviceofferingid"):
        if (wanted_row := call.get(name)) is not None:
            rows = [row for row in rows if cloud.get("vm", row["vmid"])[name] == wanted_row["id"]]
    if "diskofferingid" in call or call.get("isencrypted"):
        rows = []
    return call.page(call.tagged(call.searched(rows, "name")), lambda row: volume_view(call, row))


def volume_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    vm = cloud.get("vm", row["vmid"])
    template, offering = cloud.get("template", vm["templateid"]), cloud.get("serviceoffering", vm["serviceofferingid"])
    return {
        **view(row, "id", "name"),
        **cloud.owner_fields(row),
        "zoneid": vm["zoneid"],
        "zonename": cloud.get("zone", vm["zoneid"])["name"],
        "type": "ROOT",
        "deviceid": 0,
        "virtualmachineid": vm["id"],
        "vmname": vm["name"],
        "vmdisplayname": vm["displayname"],
        "vmstate": vm["state"],
        "size": template["size"],
        "created": created(row),
        "state": "Ready",
        "storagetype": "shared",
        "provisioningtype": "thin",
        "hypervisor": "KVM",
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        "templateid": template["id"],
        "templatename": template["name"],
        "destroyed": False,
        "isextractable": False,
        "quiescevm": False,
        "tags": cloud.tags_in_full(row),
        "hasannotations": False,
    }


@handles("listDiskOfferings")
def list_disk_offerings(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("diskoffering"), "id", "name")

    def shown(row: Row) -> Row:
        fields = view(row, "id", "name", "displaytext", "disksize", "iscustomized")
        return {
            **fields,
            "created": created(row),
            "provisioningtype": "thin",
            "storagetype": "shared",
            "state": "Active",
        }

    return call.page(call.searched(rows, "name"), shown)


@handles("listOsTypes")
def list_os_types(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("ostype"), "id", "description")
    return call.page(
        call.searched(rows, "description"), lambda row: {**view(row, "id", "description"), "isuserdefined": False}
    )
