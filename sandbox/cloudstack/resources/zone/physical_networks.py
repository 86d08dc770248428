"""Physical networks and the traffic they carry (cloudstack-api.md 3.10).

Tiers are built on the zone's first one. No command gives another one traffic, so nothing is ever built on it.
"""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, ServerError
from sandbox.cloudstack.resources.networks.vnis import Pool
from sandbox.cloudstack.resources.zone import service_providers
from sandbox.cloudstack.seed import NETRIS
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

KIND = "physicalnetwork"
_STATES = ("Enabled", "Disabled")
_RANGES = ("ZONE", "POD")


@handles("listPhysicalNetworks")
def list_physical_networks(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table(KIND), "id", "zoneid")
    rows = call.searched(call.containing(rows, "name"), "name")
    return call.page(rows, lambda row: physical_network_view(call.cloud, row))


def physical_network_view(cloud: Cloud, row: Row) -> Row:
    shown = view(row, "id", "name", "broadcastdomainrange", "zoneid", "state", "vlan", "tags", "isolationmethods")
    shown |= view(row, "domainid", "networkspeed")
    return {**shown, "zonename": cloud.get("zone", row["zoneid"])["name"], **cloud.job_fields(row)}


@creates("createPhysicalNetwork")
def make_physical_network(call: Call) -> Row:
    """It begins Disabled (unverified), with the provider Netris Enabled where Netris isolates it."""
    cloud, domain = call.cloud, call.get("domainid")
    span = call.get("broadcastdomainrange", "ZONE").upper()
    if span not in _RANGES:
        raise InvalidValue(f"Invalid broadcastDomainRange {call['broadcastdomainrange']}: it must be one of {_RANGES}")
    if "vlan" in call:
        _check_apart(cloud, call["vlan"])
    row = cloud.new(
        KIND,
        name=call["name"],
        zoneid=call["zoneid"]["id"],
        state="Disabled",
        vlan=call.get("vlan"),
        isolationmethods=",".join(call.get("isolationmethods", ())) or None,
        broadcastdomainrange=span,
        networkspeed=call.get("networkspeed"),
        tags=",".join(call.get("tags", ())) or None,
        domainid=domain["id"] if domain else None,
    )
    if NETRIS.lower() in [method.lower() for method in call.get("isolationmethods", ())]:
        service_providers.add_netris(cloud, row)
    return row


def _check_apart(cloud: Cloud, text: str, network: Row | None = None) -> None:
    """Two pools of one controller must not overlap (5.1)."""
    wanted = Pool(text)
    for row in cloud.table(KIND):
        if row is not network and row.get("vlan") and wanted.overlaps(Pool(row["vlan"])):
            raise InvalidValue(f"The vnet range {text} overlaps {row['vlan']} of physical network {row['name']}")


@handles("createPhysicalNetwork")
def confirm_physical_network(call: Call) -> Row:
    return {"physicalnetwork": physical_network_view(call.cloud, call.row)}


@undoes("createPhysicalNetwork")
def unmake_physical_network(call: Call) -> None:
    service_providers.remove_all(call.cloud, call.row)
    call.cloud.remove(KIND, call.row)
    raise ServerError("Failed to create a physical network")


@handles("updatePhysicalNetwork")
def update_physical_network(call: Call) -> Row:
    cloud, row = call.cloud, call["id"]
    changes: Row = view(call.arguments, "networkspeed")
    if "state" in call:
        changes["state"] = call["state"].capitalize()
        if changes["state"] not in _STATES:
            raise InvalidValue(f"Unable to resolve state '{call['state']}' to a supported value: {_STATES}")
    if "vlan" in call:
        _check_pool(cloud, row, call["vlan"])
        changes["vlan"] = call["vlan"]
    if "tags" in call:
        changes["tags"] = ",".join(call["tags"])
    cloud.change(KIND, row, **changes)
    return {"physicalnetwork": physical_network_view(cloud, row)}


def _check_pool(cloud: Cloud, row: Row, text: str) -> None:
    wanted = Pool(text)
    taken = cloud.table("vni").rows if row is cloud.physical_network else ()
    lost = next((number for number in taken if number not in wanted), None)
    if lost is not None:
        raise InvalidValue(
            f"The physical network has allocated vnets in the range {lost}-{lost}, so it cannot leave the pool"
        )
    _check_apart(cloud, text, row)


@handles("listTrafficTypes")
def list_traffic_types(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("traffictype"), "physicalnetworkid")
    return call.page(rows, lambda row: view(row, "id", "physicalnetworkid", "traffictype", "kvmnetworklabel"))
