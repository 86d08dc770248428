"""How full the zone is, as the collector last saw it (cloudstack-api.md 3.10)."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.resources.networks import vnis
from sandbox.cloudstack.resources.zone.infrastructure import CPUS, MEMORY, SPEED
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.cloudstack.state.hosts import UP
from sandbox.kit.store import Row

PERIOD = 300.0  # capacity.check.period
_STORAGE = 100 * 1024**4
NAMES = {
    0: "MEMORY",
    1: "CPU",
    2: "STORAGE",
    3: "STORAGE_ALLOCATED",
    4: "VIRTUAL_NETWORK_PUBLIC_IP",
    5: "PRIVATE_IP",
    6: "SECONDARY_STORAGE",
    7: "VLAN",
    8: "DIRECT_ATTACHED_PUBLIC_IP",
    9: "LOCAL_STORAGE",
}


def measure(cloud: Cloud) -> list[Row]:
    return [
        {
            "type": type_,
            "name": NAMES[type_],
            "capacityused": used,
            "capacitytotal": total,
            "percentused": f"{100 * used / total if total else 0:.2f}",
        }
        for type_, used, total in _figures(cloud)
    ]


def _figures(cloud: Cloud) -> Iterator[tuple[int, int, int]]:
    """Hosts that are not up, and what runs on them, do not count (unverified)."""
    able = [host for host in cloud.table("host").by("type", "Routing") if host["state"] == UP]
    hosts, running = len(able), [vm for host in able for vm in cloud.table("vm").by("hostid", host["id"])]
    sizes = [cloud.get("serviceoffering", vm["serviceofferingid"]) for vm in running]
    disks = sum(cloud.get("template", vm["templateid"])["size"] for vm in cloud.table("vm"))
    addresses = [row for row in cloud.table("publicip") if not row["forsystemvms"]]
    yield 0, sum(size["memory"] for size in sizes) * 1024**2, hosts * MEMORY
    yield 1, sum(size["cpunumber"] * size["cpuspeed"] for size in sizes), hosts * CPUS * SPEED
    yield 2, disks, _STORAGE
    yield 3, disks, 2 * _STORAGE
    yield 4, sum(1 for row in addresses if row["state"] != "Free"), len(addresses)
    yield 5, 0, 255
    yield 6, sum(row["size"] for row in cloud.table("template")), _STORAGE
    yield 7, len(cloud.table("vni")), len(vnis.pool(cloud))
    yield 8, 0, 0
    yield 9, 0, 0


def seen(cloud: Cloud, *, is_latest: bool = False) -> list[Row]:
    """The numbers of the last run, which is at most a period ago; or of this moment."""
    facts, now = cloud.store.facts, cloud.clock.now()
    row = facts.get("capacity")
    if row is None or is_latest or now - row["at"] >= PERIOD:
        row = facts.put({"id": "capacity", "at": now, "rows": measure(cloud)})
    found: list[Row] = row["rows"]
    return found


def of_zone(cloud: Cloud, *, is_latest: bool = False) -> list[Row]:
    place = {"zoneid": cloud.zone["id"], "zonename": cloud.zone["name"]}
    return [{**row, **place} for row in seen(cloud, is_latest=is_latest)]


@handles("listCapacity")
def list_capacity(call: Call) -> Row:
    rows = of_zone(call.cloud, is_latest=call.get("fetchlatest", False))
    if (wanted := call.get("type")) is not None:
        rows = [row for row in rows if row["type"] == wanted]
    if "tag" in call:
        rows = []
    if "clusterid" in call or "podid" in call:  # addresses and numbers belong to the zone
        rows = [row for row in rows if row["type"] in (0, 1, 2, 3, 9)]
    if call.get("sortby", "").lower() == "usage":
        rows = sorted(rows, key=lambda row: float(row["percentused"]), reverse=True)
    return call.page(call.searched(rows, "name"), dict)
