"""The zone's Netris provider and its public ranges (cloudstack-api.md 5.1, netris-api.md 4.1)."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.plugin.controller import Provider
from sandbox.cloudstack.protocol.errors import ApiError, InternalError, InvalidValue
from sandbox.cloudstack.resources.zone import dedication
from sandbox.cloudstack.seed import add_provider, add_public_range
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.cloudstack.state.hosts import DISCONNECTED, UP
from sandbox.kit.store import Row
from sandbox.site import PublicRange

log = logging.getLogger(__name__)

CONTROLLER = "L2Networking"
RECONNECT_SECONDS = (26.0, 72.0)
SCAN_SECONDS = 90.0  # direct.agent.scan.interval (unverified)


def provider_of(cloud: Cloud) -> Row | None:
    return next(iter(cloud.table("netrisprovider").rows.values()), None)


def connect(cloud: Cloud) -> None:
    """Log in to the controller, and push the zone's Netris ranges the first time. What fails is tried again later."""
    row = provider_of(cloud)
    if row is None:
        return
    provider = _provider(row)
    try:
        with cloud.outside():
            cloud.plugin.connect(provider)
        if not row.get("is_set_up"):
            push_ranges(cloud)
            cloud.change("netrisprovider", row, is_set_up=True)
    except ApiError as error:
        log.warning("the Netris provider is not connected: %s", error)
        _hang_up(cloud, SCAN_SECONDS)
        return
    for host in _controllers(cloud):
        cloud.change("host", host, state=UP, connected=cloud.clock.now(), reconnects=None)


def reconnect(cloud: Cloud) -> None:
    """Leave the controller alone for a while, then log in anew."""
    _hang_up(cloud, cloud.random.uniform(*RECONNECT_SECONDS))


def _hang_up(cloud: Cloud, seconds: float) -> None:
    cloud.plugin.disconnect()
    for host in _controllers(cloud):
        cloud.change("host", host, state=DISCONNECTED, reconnects=cloud.clock.now() + seconds)


def scan(cloud: Cloud) -> None:
    """Connect controllers that are due."""
    if any((host.get("reconnects") or float("inf")) <= cloud.clock.now() for host in _controllers(cloud)):
        connect(cloud)


def watch(cloud: Cloud) -> None:
    """What the plugin does in each ping interval. It looks; it does not log in again, and the host stays Up."""
    if not cloud.plugin.is_connected:
        return
    with cloud.outside():
        is_up = cloud.plugin.is_healthy()
    for host in _controllers(cloud) if is_up else ():
        cloud.change("host", host, connected=cloud.clock.now())


def _controllers(cloud: Cloud) -> list[Row]:
    return cloud.table("host").by("type", CONTROLLER)


def push_ranges(cloud: Cloud) -> None:
    ranges = [
        PublicRange(row["gateway"], IPv4Network(row["cidr"]).prefixlen, row["startip"], row["endip"])
        for row in cloud.table("vlan")
        if row["provider"]
    ]
    zone = cloud.zone["number"]
    with cloud.outside():
        cloud.plugin.push_ranges(zone, ranges)


def _provider(row: Row) -> Provider:
    return Provider(
        row["netrisurl"], row["username"], row["password"], row["sitename"], row["tenantname"], row["netristag"]
    )


def provider_view(cloud: Cloud, row: Row) -> Row:
    zone = cloud.get("zone", row["zoneid"])
    shown = view(row, "name", "zoneid", "netrisurl", "sitename", "tenantname", "netristag")
    return {**shown, "uuid": row["id"], "zonename": zone["name"]}


@handles("listNetrisProviders")
def list_netris_providers(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("netrisprovider"), "zoneid")
    return call.page(rows[::-1], lambda row: provider_view(call.cloud, row))


@handles("addNetrisProvider")
def add_netris_provider(call: Call) -> Row:
    cloud, zone = call.cloud, call["zoneid"]
    if provider_of(cloud) is not None:
        raise InvalidValue(f"A Netris provider already exists in zone {zone['name']}")
    provider = Provider(
        call["netrisurl"],
        call["username"],
        call["password"],
        call["sitename"],
        call["tenantname"],
        call["netristag"],
    )
    try:
        with cloud.outside():
            cloud.plugin.connect(provider)
    except ApiError as error:
        raise InternalError(f"Failed to add Netris controller due to: {error.text}") from error
    row = add_provider(cloud, zone, call["name"], provider)
    push_ranges(cloud)
    cloud.change("netrisprovider", row, is_set_up=True)
    return {"netrisProvider": provider_view(cloud, row)}


@handles("deleteNetrisProvider")
def delete_netris_provider(call: Call) -> Row:
    cloud, row = call.cloud, call["id"]
    for network in cloud.table("network"):
        if not network.get("is_system") and network["state"] not in ("Shutdown", "Destroy"):
            raise InternalError(
                f"Cannot delete Netris controller, network {network['name']} is not in state Shutdown or Destroy"
            )
    for host in cloud.table("host"):
        if host["type"] == CONTROLLER:
            cloud.remove("host", host)
    cloud.remove("netrisprovider", row)
    return SUCCESS


@handles("listVlanIpRanges")
def list_vlan_ip_ranges(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("vlan"), "id", "zoneid", "networkid", "physicalnetworkid", "vlan")
    if (owner := call.get("domainid") or call.get("projectid")) is not None:
        if "account" in call:
            owner = call.account_named(call["account"], owner)
        rows = [row for row in rows if row.get("ownerid") == owner.get("accountid", owner["id"])]
    if "podid" in call or call.get("forvirtualnetwork") is False:
        rows = []
    return call.page(call.searched(rows, "startip", "endip", "gateway"), lambda row: owned_range_view(call.cloud, row))


def owned_range_view(cloud: Cloud, row: Row) -> Row:
    """A range, with the account or domain that it is dedicated to."""
    return {**range_view(row), **dedication.owner_view(cloud, row.get("ownerid"))}


def range_view(row: Row) -> Row:
    shown = view(row, "id", "zoneid", "vlan", "gateway", "netmask", "cidr", "startip", "endip", "networkid")
    shown |= view(row, "physicalnetworkid", "forsystemvms", "provider")
    return {**shown, "forvirtualnetwork": True}


@handles("createVlanIpRange")
def create_vlan_ip_range(call: Call) -> Row:
    cloud = call.cloud
    if {"account", "projectid", "domainid", "podid", "startipv6", "ip6cidr"} & call.arguments.keys():
        raise InvalidValue("Only shared IPv4 public ranges are handled here")
    if not {"gateway", "netmask", "startip"} <= call.arguments.keys():
        raise InvalidValue("Gateway, netmask and start IP must be given")
    provider = call.get("provider", "")
    if provider and provider.lower() != "netris":
        raise InvalidValue(f"Provider {provider} is not supported")
    wanted = _range(call)
    check_apart(cloud, wanted)
    vlan = add_public_range(cloud, cloud.zone, wanted)
    if wanted.is_for_netris:
        push_ranges(cloud)
    return {"vlan": range_view(vlan)}


def check_apart(cloud: Cloud, wanted: PublicRange, itself: Row | None = None) -> None:
    start, end = IPv4Address(wanted.start), IPv4Address(wanted.end)
    for row in cloud.table("vlan"):
        if row is not itself and start <= IPv4Address(row["endip"]) and IPv4Address(row["startip"]) <= end:
            raise InvalidValue(f"The IP range {wanted.start}-{wanted.end} overlaps {row['startip']}-{row['endip']}")


def _range(call: Call) -> PublicRange:
    return checked_range(
        call["gateway"],
        call["netmask"],
        call["startip"],
        call.get("endip", call["startip"]),
        vlan=call.get("vlan", "untagged"),
        is_for_system_vms=call.get("forsystemvms", False),
        is_for_netris=bool(call.get("provider")),
    )


def checked_range(gateway: str, netmask: str, first: str, last: str, **more: Any) -> PublicRange:
    try:
        block = IPv4Network(f"{IPv4Address(gateway)}/{netmask}", strict=False)
        start, end = IPv4Address(first), IPv4Address(last)
    except ValueError:
        raise InvalidValue("Please specify a valid gateway, netmask, start and end IP") from None
    if start not in block or end not in block or end < start or start <= IPv4Address(gateway) <= end:
        raise InvalidValue("Please ensure that your IP range is in the gateway's subnet and leaves the gateway out")
    if int(end) - int(start) > 2**16:
        raise InvalidValue("The range is too large")
    return PublicRange(gateway, block.prefixlen, str(start), str(end), **more)
