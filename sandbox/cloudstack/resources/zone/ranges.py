"""Ranges of addresses and of VNIs that belong to one account or domain alone (cloudstack-api.md 3.10)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.cloudstack.resources.networks import vnis
from sandbox.cloudstack.resources.zone import dedication, providers
from sandbox.cloudstack.seed import add_public_address
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row
from sandbox.site import PublicRange

FREE = "Free"


def _addresses(cloud: Cloud, vlan: Row) -> list[Row]:
    return [row for row in cloud.table("publicip") if row["vlanid"] == vlan["id"]]


@handles("updateVlanIpRange")
def update_vlan_ip_range(call: Call) -> Row:
    """Addresses in use stay. Netris hears of it with the next range that is added (unverified)."""
    cloud, vlan = call.cloud, call["id"]
    if {"startipv6", "endipv6", "ip6gateway", "ip6cidr"} & call.arguments.keys():
        raise InvalidValue("Only shared IPv4 public ranges are handled here")
    given = [call.get(name, vlan[name]) for name in ("gateway", "netmask", "startip", "endip")]
    for_system_vms = call.get("forsystemvms", vlan["forsystemvms"])
    wanted = providers.checked_range(*given, is_for_system_vms=for_system_vms, is_for_netris=bool(vlan["provider"]))
    providers.check_apart(cloud, wanted, vlan)
    if wanted.is_for_system_vms and wanted.is_for_netris:
        raise InvalidValue("A range of an external provider cannot be one for system VMs")
    addresses = _addresses(cloud, vlan)
    _check_used(vlan, wanted, [row for row in addresses if row["state"] != FREE])
    if "customid" in call:
        cloud.rename("vlan", vlan, call["customid"])
    for row in addresses:
        pool = f"{vlan['id']}:{row['state']}"
        cloud.change("publicip", row, vlanid=vlan["id"], pool=pool, forsystemvms=for_system_vms)
    _resize(cloud, vlan, wanted)
    call.row = vlan
    return {"vlan": providers.owned_range_view(cloud, vlan)}


def _numbers(wanted: PublicRange) -> range:
    return range(int(IPv4Address(wanted.start)), int(IPv4Address(wanted.end)) + 1)


def _check_used(vlan: Row, wanted: PublicRange, used: list[Row]) -> None:
    lost = [row["ipaddress"] for row in used if int(IPv4Address(row["ipaddress"])) not in _numbers(wanted)]
    if lost or (used and wanted.is_for_system_vms != vlan["forsystemvms"]):
        raise InvalidValue(f"The IP range {vlan['startip']}-{vlan['endip']} has addresses in use")


def _resize(cloud: Cloud, vlan: Row, wanted: PublicRange) -> None:
    """Take out the addresses that are no longer in the range, put in those that are new."""
    block = IPv4Network(f"{wanted.gateway}/{wanted.prefix_length}", strict=False)
    cloud.change(
        "vlan",
        vlan,
        gateway=wanted.gateway,
        netmask=str(block.netmask),
        cidr=str(block),
        startip=wanted.start,
        endip=wanted.end,
        forsystemvms=wanted.is_for_system_vms,
    )
    numbers = _numbers(wanted)
    present = {int(IPv4Address(row["ipaddress"])): row for row in _addresses(cloud, vlan)}
    for number, row in present.items():
        if number not in numbers:
            cloud.table("publicip").drop(row["id"])
    for number in numbers:
        if number not in present:
            add_public_address(cloud, vlan, IPv4Address(number))


@handles("deleteVlanIpRange")
def delete_vlan_ip_range(call: Call) -> Row:
    """Netris keeps what was pushed for the range: the plugin has no call that takes it back."""
    cloud, vlan = call.cloud, call["id"]
    addresses = _addresses(cloud, vlan)
    if any(row["state"] != FREE for row in addresses):
        raise InvalidValue(f"{vlan['startip']}-{vlan['endip']} can not be deleted, it has addresses in use")
    for row in addresses:
        cloud.table("publicip").drop(row["id"])
    cloud.remove("vlan", vlan)
    return SUCCESS


def _owner(call: Call) -> Row:
    """Whose the range becomes: an account's, a project's, or a whole domain's."""
    owner = dedication.owner_named(call)
    if owner is None:
        raise InvalidValue("An account with its domain, a domain or a project must be given")
    return owner


@handles("dedicatePublicIpRange")
def dedicate_public_ip_range(call: Call) -> Row:
    cloud, vlan, owner = call.cloud, call["id"], _owner(call)
    if vlan.get("ownerid"):
        raise InvalidValue(f"Public IP range {vlan['id']} has already been dedicated")
    fits = {owner["id"], *(row["id"] for row in cloud.table("account").by("domainid", owner["id"]))}
    if any(row["accountid"] not in {None, *fits} for row in _addresses(cloud, vlan)):
        raise InvalidValue("Public IP address in range is allocated to another account")
    cloud.change("vlan", vlan, ownerid=owner["id"])
    return {"vlan": {**providers.range_view(vlan), **dedication.owner_view(cloud, owner["id"])}}


@handles("releasePublicIpRange")
def release_public_ip_range(call: Call) -> Row:
    if not call["id"].get("ownerid"):
        raise InvalidValue(f"Public IP range {call['id']['id']} is not dedicated")
    call.cloud.change("vlan", call["id"], ownerid=None)
    return SUCCESS


# VNIs


@handles("dedicateGuestVlanRange")
def dedicate_guest_vlan_range(call: Call) -> Row:
    cloud = call.cloud
    if not ({"account", "domainid"} <= call.arguments.keys() or "projectid" in call):
        raise InvalidValue("An account with its domain, or a project, must be given")
    owner, wanted, whole = _owner(call), vnis.Pool(call["vlanrange"]), vnis.pool(cloud)
    if not all(each.start in whole and each[-1] in whole for each in wanted.ranges):
        raise InvalidValue(f"Unable to find guest vlan by range {call['vlanrange']}")
    for row in cloud.table("guestrange"):
        if any(
            each.start in wanted or other.start in each
            for each in vnis.Pool(row["vlanrange"]).ranges
            for other in wanted.ranges
        ):
            raise InvalidValue(f"Vlan range {row['vlanrange']} is already dedicated")
    for taken in cloud.table("vni"):
        if taken["id"] in wanted and taken["accountid"] != owner["id"]:
            raise InvalidValue(f"Vnet {taken['id']} of the range is allocated to another account")
    row = cloud.new("guestrange", vlanrange=call["vlanrange"], accountid=owner["id"], domainid=owner["domainid"])
    return {"dedicatedguestvlanrange": guest_range_view(cloud, row)}


@handles("listDedicatedGuestVlanRanges")
def list_dedicated_guest_vlan_ranges(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("guestrange"), "id", "domainid", guestvlanrange="vlanrange")
    if "account" in call:
        owner = call.account_named(call["account"], call.get("domainid") or call.caller.domain)
        rows = [row for row in rows if row["accountid"] == owner["id"]]
    if (project := call.get("projectid")) is not None:
        rows = [row for row in rows if row["accountid"] == project.get("accountid")]
    return call.page(rows, lambda row: guest_range_view(call.cloud, row))


def guest_range_view(cloud: Cloud, row: Row) -> Row:
    """Zone and physical network appear by their internal numbers, the one place where they do (quirk 30)."""
    place = {"physicalnetworkid": cloud.physical_network["number"], "zoneid": cloud.zone["number"]}
    return {**view(row, "id"), **cloud.owner_fields(row), "guestvlanrange": row["vlanrange"], **place}


@handles("releaseDedicatedGuestVlanRange")
def release_dedicated_guest_vlan_range(call: Call) -> Row:
    call.cloud.remove("guestrange", call["id"])
    return SUCCESS
