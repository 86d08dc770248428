"""Public IP addresses: the pools, and what is taken from them (cloudstack-api.md 3.6, 4.3, 5.4)."""

from __future__ import annotations

from socket import inet_aton

from sandbox.cloudstack.calls.call import SUCCESS, Call, checks, creates, handles, undoes
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import (
    AddressRefused,
    InternalError,
    InvalidValue,
    NoAddress,
)
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.networks import vpn
from sandbox.cloudstack.resources.owners import limits
from sandbox.cloudstack.resources.zone import configuration
from sandbox.cloudstack.seed import public_network
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

FREE, ALLOCATED, RELEASING, RESERVED = "Free", "Allocated", "Releasing", "Reserved"
STATES = ("Free", "Allocating", "Allocated", "Releasing", "Reserved")


def of_vpc(cloud: Cloud, vpc: Row) -> list[Row]:
    return cloud.table("publicip").by("vpcid", vpc["id"])


def source_nat_of(cloud: Cloud, vpc: Row) -> Row:
    """The address that tenants' traffic leaves from; the router's own is flagged too, but is not it."""
    found = next((row for row in of_vpc(cloud, vpc) if row["issourcenat"] and row["forprovider"]), None)
    if found is None:
        raise LookupError(f"VPC {vpc['id']} has lost its source NAT address")
    return found


def _ranges(cloud: Cloud, *, is_for_netris: bool) -> list[Row]:
    ranges = (row for row in cloud.table("vlan") if not row["forsystemvms"])
    return [row for row in ranges if bool(row["provider"]) == is_for_netris]


def _may_use(vlan: Row, owner: Row) -> bool:
    """A dedicated range serves its account, or the accounts of its domain, alone."""
    return vlan.get("ownerid") in (None, owner["id"], owner["domainid"])


def _is_quarantined(cloud: Cloud, address: Row, owner: Row) -> bool:
    """Whether it is still kept for the account that gave it back (4.3). The setting counts minutes (unverified)."""
    if (last := address.get("lastaccountid")) in (None, owner["id"]):
        return False
    account = cloud.table("account").get(last)
    minutes = configuration.number(cloud, "public.ip.address.quarantine.duration", account)
    return bool(cloud.clock.now() - address["released"] < 60 * minutes)


def _free(cloud: Cloud, ranges: list[Row], owner: Row) -> Row:
    """A random free address of the first range that has one."""
    for vlan in (each for each in ranges if _may_use(each, owner)):
        rows = cloud.table("publicip").by("pool", f"{vlan['id']}:{FREE}")
        if rows and not _is_quarantined(cloud, row := cloud.random.choice(rows), owner):
            return row  # of a large pool, the others are only looked at when this one cannot be had
        if rows := [row for row in rows if not _is_quarantined(cloud, row, owner)]:
            return cloud.random.choice(rows)
    raise NoAddress("Insufficient address capacity: unable to acquire a public IP address")


def free_for_source_nat(cloud: Cloud, owner: Row) -> Row:
    """Of the first Netris range alone."""
    ranges = [vlan for vlan in _ranges(cloud, is_for_netris=True) if _may_use(vlan, owner)][:1]
    try:
        return _free(cloud, ranges, owner)
    except NoAddress:
        span = "".join(f"{vlan['startip']}-{vlan['endip']}" for vlan in ranges)
        raise InternalError(
            f"Cannot find any free IP matching on the VLAN range {span} on zone {cloud.zone['name']}"
        ) from None


def free_for_router(cloud: Cloud, owner: Row) -> Row:
    return _free(cloud, _ranges(cloud, is_for_netris=False), owner)


def check_free(cloud: Cloud, text: str, owner: Row) -> Row:
    """The address of that name, if the owner may have it: free, or reserved by the owner itself."""
    row = next(iter(cloud.table("publicip").by("ipaddress", text)), None)
    is_mine = row is not None and row["state"] == RESERVED and row["accountid"] == owner["id"]
    is_there = row is not None and (row["state"] == FREE or is_mine)
    is_mine_to_take = row is not None and is_there and _may_use(cloud.get("vlan", row["vlanid"]), owner)
    if row is None or not is_mine_to_take or _is_quarantined(cloud, row, owner):
        raise AddressRefused("Insufficient address capacity")
    return row


def allocate(cloud: Cloud, address: Row, owner: Row, *, vpcid: str, issourcenat: bool = False) -> Row:
    return cloud.change(
        "publicip",
        address,
        state=ALLOCATED,
        pool=f"{address['vlanid']}:{ALLOCATED}",
        allocated=cloud.clock.now(),
        accountid=owner["id"],
        domainid=owner["domainid"],
        vpcid=vpcid,
        issourcenat=issourcenat,
        networkid=None,
    )


def release(cloud: Cloud, address: Row) -> None:
    """Give an address back. Its rules go first; when one of them stays, so does the address, Releasing.

    Its /32 on Netris goes last: when that fails, the address is free all the same.
    """
    cloud.change("publicip", address, state=RELEASING)
    rules.clear(cloud, addressid=address["id"])
    vpn.clear_address(cloud, address)
    cloud.untag(address)
    cloud.change(
        "publicip",
        address,
        state=FREE,
        pool=f"{address['vlanid']}:{FREE}",
        lastaccountid=address["accountid"],
        released=cloud.clock.now(),
        fordisplay=True,
        allocated=None,
        accountid=None,
        domainid=None,
        vpcid=None,
        issourcenat=False,
        networkid=None,
        isstaticnat=False,
        vmid=None,
        vmguestip=None,
    )
    with cloud.outside():
        cloud.plugin.release_address(address["ipaddress"])


def address_view(call: Call, row: Row) -> Row:
    cloud, zone, public = call.cloud, call.cloud.zone, public_network(call.cloud)
    shown = {
        **view(row, "id", "ipaddress", "state", "zoneid", "vpcid"),
        **cloud.owner_fields(row),
        "zonename": zone["name"],
        "issourcenat": bool(row.get("issourcenat")),
        "isstaticnat": bool(row.get("isstaticnat")),
        "issystem": False,
        "forvirtualnetwork": True,
        "networkid": public["id"],
        "physicalnetworkid": cloud.physical_network["id"],
        "isportable": False,
        "hasrules": bool(rules.of_address(cloud, row["id"])),
        "forsystemvms": row["forsystemvms"],
        "forprovider": bool(row["forprovider"]),
        "tags": cloud.tags_of(row),
        "hasannotations": False,
        **cloud.job_fields(row),
    }
    if row.get("allocated"):
        shown["allocated"] = wire.date(row["allocated"])
    if vpc := cloud.table("vpc").get(row.get("vpcid")):
        shown["vpcname"] = vpc["name"]
    if tier := cloud.table("network").get(row.get("networkid")):
        shown |= {"associatednetworkid": tier["id"], "associatednetworkname": tier["name"]}
    if vm := cloud.table("vm").get(row.get("vmid")):
        shown |= {
            "virtualmachineid": vm["id"],
            "virtualmachinename": vm["name"],
            "virtualmachinedisplayname": vm["displayname"],
            "virtualmachinetype": "User",
            "vmipaddress": row["vmguestip"],
        }
    if call.caller.is_root:
        shown |= {"vlanid": row["vlanid"], "vlanname": cloud.get("vlan", row["vlanid"])["vlan"]}
        shown["fordisplay"] = row.get("fordisplay", True)
    return shown


@handles("listPublicIpAddresses")
def list_public_ip_addresses(call: Call) -> Row:
    table, state = call.cloud.table("publicip"), call.get("state")
    if state is not None and state.capitalize() not in STATES:
        raise InvalidValue(f"Invalid state: {state}")
    if state is None and call.get("allocatedonly", True):
        state = ALLOCATED
    rows: list[Row] = []
    if (state or FREE).capitalize() == FREE and "id" not in call:
        for vlan in call.cloud.table("vlan"):
            rows += table.by("pool", f"{vlan['id']}:{FREE}")
    if state is None and "id" in call:
        rows = call.visible("publicip")
    elif (state or ALLOCATED).capitalize() != FREE:
        rows += [row for row in call.visible("publicip") if row["state"] != FREE]
    elif "id" in call:
        rows = call.visible("publicip")
    if state is not None:
        rows = [row for row in rows if row["state"] == state.capitalize()]
    if call.get("forvirtualnetwork") is False:
        rows = []
    if call.get("forloadbalancing"):
        rows = [row for row in rows if call.cloud.table("loadbalancer").count_by("ipaddressid", row["id"])]
    is_for_system_vms = call.get("forsystemvms", False)
    rows = [row for row in rows if row["forsystemvms"] == is_for_system_vms]
    rows = call.narrowed(rows, "ipaddress", "zoneid", "vlanid", "vpcid", "issourcenat", "isstaticnat", "forprovider")
    if (network := call.get("networkid")) is not None and network["id"] != public_network(call.cloud)["id"]:
        rows = []
    rows = call.narrowed(rows, associatednetworkid="networkid")
    rows = call.tagged(call.searched(rows, "ipaddress"))
    rows.sort(key=lambda row: inet_aton(row["ipaddress"]))
    return call.page(rows, lambda row: address_view(call, row))


@creates("associateIpAddress")
def take_address(call: Call) -> Row:
    cloud = call.cloud
    vpc, network = call.get("vpcid"), call.get("networkid")
    if vpc is None and network is not None:
        vpc = cloud.table("vpc").get(network.get("vpcid"))
    if vpc is None:
        vpc = _vpc_of_only_tier(call)
    if vpc["state"] != "Enabled":
        raise InvalidValue("Unable to find Enabled VPC")
    owner = cloud.get("account", vpc["accountid"])
    limits.check(cloud, owner, limits.PUBLIC_IP)
    if "ipaddress" in call:
        address = check_free(cloud, call["ipaddress"], owner)
        if not address["forprovider"]:
            raise InternalError(
                f"Cannot acquire IP {address['ipaddress']} on the zone {cloud.zone['name']} as the IP is not from the "
                "reserved pool for the external provider"
            )
    else:  # of the routers' range, where Netris cannot use it (5.5)
        try:
            address = free_for_router(cloud, owner)
        except NoAddress:
            raise InternalError("Failed to fetch any free public IP address") from None
    return cloud.change(
        "publicip", allocate(cloud, address, owner, vpcid=vpc["id"]), fordisplay=call.get("fordisplay", True)
    )


def _vpc_of_only_tier(call: Call) -> Row:
    """A zone alone stands for the one network that the owner has there."""
    if "zoneid" not in call:
        raise InvalidValue("Unable to figure out zone to assign ip to")
    owner = call.owner()
    networks = call.cloud.table("network").by("accountid", owner["id"])
    if len(networks) > 1:
        raise InvalidValue("Account has more than one isolated network in the zone")
    if not networks:  # (unverified)
        raise InvalidValue("Account doesn't have any isolated networks in the zone")
    return call.cloud.get("vpc", networks[0]["vpcid"])


@handles("associateIpAddress")
def confirm_address(call: Call) -> Row:
    return {"ipaddress": address_view(call, call.row)}


@undoes("associateIpAddress")
def return_address(call: Call) -> None:
    release(call.cloud, call.row)


def _named(call: Call) -> Row:
    address: Row | None = call.get("id")
    if address is None:
        address = next(iter(call.cloud.table("publicip").by("ipaddress", call.get("ipaddress", ""))), None)
    if address is None:
        raise InvalidValue("Unable to find ip address by the specified id or address")
    call.caller.check(call.cloud, "publicip", address)
    return address


@checks("disassociateIpAddress")
def refuse_what_is_free(call: Call) -> None:
    """Whoever asks waits no longer than for this. The text is unverified."""
    if (address := _named(call))["state"] == FREE:
        raise InternalError(f"Unable to release the ip address {address['ipaddress']}: it is not allocated")


@handles("disassociateIpAddress")
def disassociate_ip_address(call: Call) -> Row:
    address = _named(call)
    if address["state"] == FREE:  # since another job has released it (unverified)
        return SUCCESS
    if address["issourcenat"]:
        raise InternalError("ip address is used for source nat purposes and can not be disassociated.")
    release(call.cloud, address)
    return SUCCESS


@handles("updateIpAddress")
def update_ip_address(call: Call) -> Row:
    if "fordisplay" in call:
        call.cloud.change("publicip", call["id"], fordisplay=call["fordisplay"])
    return {"ipaddress": address_view(call, call["id"])}


@handles("reserveIpAddress")
def reserve_ip_address(call: Call) -> Row:
    """A free address that nobody but its new owner can take."""
    cloud, address, owner = call.cloud, call["id"], call.owner()
    if address["state"] != FREE:
        raise InvalidValue(f"Public IP address {address['ipaddress']} is not free")
    limits.check(cloud, owner, limits.PUBLIC_IP)
    check_free(cloud, address["ipaddress"], owner)
    pool = f"{address['vlanid']}:{RESERVED}"
    call.row = cloud.change(
        "publicip", address, state=RESERVED, pool=pool, accountid=owner["id"], domainid=owner["domainid"]
    )
    return {"ipaddress": address_view(call, address)}


@handles("releaseIpAddress")
def release_ip_address(call: Call) -> Row:
    address = call["id"]
    if address["state"] != RESERVED:
        raise InvalidValue(f"Public IP address {address['ipaddress']} is not reserved")
    pool = f"{address['vlanid']}:{FREE}"
    call.cloud.change("publicip", address, state=FREE, pool=pool, accountid=None, domainid=None)
    return SUCCESS
