"""NICs of machines, and whose each address of a tier is (cloudstack-api.md 3.9)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import ApiError, InvalidValue, NoAddress, NoGuestAddress
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row
from sandbox.living import router_address

NIC, SECONDARY = "nic", "nicsecondaryip"
DESTROY = "Destroy"  # the state of a tier that is being deleted
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)


def of_machine(cloud: Cloud, vm: Row) -> list[Row]:
    """The default NIC first: it comes with the machine and leaves with it."""
    return cloud.table(NIC).by("vmid", vm["id"])


def in_tier(cloud: Cloud, vm: Row, tier: Row) -> Row | None:
    return next((nic for nic in of_machine(cloud, vm) if nic["networkid"] == tier["id"]), None)


def secondary_of(cloud: Cloud, nic: Row) -> list[Row]:
    return cloud.table(SECONDARY).by("nicid", nic["id"])


def addresses_of(cloud: Cloud, nic: Row) -> list[str]:
    """The NIC's own address, then its secondary ones."""
    return [nic["ipaddress"], *(row["ipaddress"] for row in secondary_of(cloud, nic))]


# addresses of a tier


def _taken(cloud: Cloud, tier: Row) -> set[str]:
    """What the gateway, the router, the machines and the tier's internal load balancers have."""
    found = {tier["gateway"], str(router_address(tier))}
    for kind in (NIC, SECONDARY):
        found |= {row["ipaddress"] for row in cloud.table(kind).by("networkid", tier["id"])}
    balancers = cloud.table("loadbalancer").by("sourceipaddressnetworkid", tier["id"])
    return found | {row["sourceipaddress"] for row in balancers}


def free_address(cloud: Cloud, tier: Row, asked: str | None, refusal: type[ApiError] = InvalidValue) -> str:
    """The address that is asked for, else the tier's lowest free one."""
    cidr, taken = IPv4Network(tier["cidr"]), _taken(cloud, tier)
    if asked is None:
        found = next((str(host) for host in cidr.hosts() if str(host) not in taken), None)
        if found is None:
            raise NoAddress(f"Insufficient address capacity in network {tier['name']}")
        return found
    try:
        address = IPv4Address(asked)
    except ValueError:
        raise InvalidValue(f"Invalid format for IP address parameter: {asked}") from None
    ends = (cidr.network_address, cidr.broadcast_address)
    if address not in cidr or address in ends or str(address) in taken:
        raise refusal(f"Unable to acquire Guest IP address for network {described(cloud, 'network', tier)}")
    return str(address)


# coming and going


def check_stays(tier: Row) -> None:
    """A tier that is being deleted takes no machine and no rule (unverified)."""
    if tier["state"] == DESTROY:
        raise InvalidValue(f"Unable to use network {tier['id']}: it is being deleted")


def add(cloud: Cloud, vm: Row, tier: Row, *, address: str | None = None, mac: str | None = None) -> Row:
    check_stays(tier)
    used = {nic["deviceid"] for nic in of_machine(cloud, vm)}
    position = next(number for number in range(len(used) + 1) if number not in used)
    if mac is not None:
        mac = _checked_mac(cloud, tier, mac)
    number = f"{vm['number']:06x}"
    return cloud.new(
        NIC,
        vmid=vm["id"],
        networkid=tier["id"],
        ipaddress=free_address(cloud, tier, address, NoGuestAddress),
        macaddress=mac or f"02:01:{position:02x}:{number[:2]}:{number[2:4]}:{number[4:6]}",
        deviceid=position,
        accountid=vm["accountid"],
        domainid=vm["domainid"],
    )


def _checked_mac(cloud: Cloud, tier: Row, text: str) -> str:
    mac = text.lower()
    if not _MAC.fullmatch(mac):
        raise InvalidValue(f"Mac address is not valid: {text}")
    if any(nic["macaddress"] == mac for nic in cloud.table(NIC).by("networkid", tier["id"])):
        raise InvalidValue(f"A NIC with this MAC address exists for network: {tier['id']}")
    return mac


def remove(cloud: Cloud, nic: Row) -> None:
    for row in secondary_of(cloud, nic):
        cloud.remove(SECONDARY, row)
    cloud.discard(NIC, nic)


# shown


def nic_view(cloud: Cloud, nic: Row) -> Row:
    """With its place on the fabric while the machine is on a host: tenants see that as well, no role filters it."""
    tier, vm = cloud.get("network", nic["networkid"]), cloud.get("vm", nic["vmid"])
    vpc, uri = cloud.get("vpc", tier["vpcid"]), f"netris://{tier['vni']}"
    shown = {
        **view(nic, "id", "networkid", "ipaddress", "macaddress"),
        "networkname": tier["name"],
        "netmask": tier["netmask"],
        "gateway": tier["gateway"],
        "traffictype": "Guest",
        "type": "Isolated",
        "isdefault": nic["deviceid"] == 0,
        "deviceid": str(nic["deviceid"]),
        "secondaryip": [view(row, "id", "ipaddress") for row in secondary_of(cloud, nic)],
        "extradhcpoption": [],
        "vpcid": vpc["id"],
        "vpcname": vpc["name"],
    }
    if vm["hostid"] is not None:
        shown |= {"isolationuri": uri, "broadcasturi": uri}
    public = [row for row in cloud.table("publicip").by("vmid", vm["id"]) if row["networkid"] == tier["id"]]
    return {**shown, "publicip": public[0]["ipaddress"], "publicipid": public[0]["id"]} if public else shown


@handles("listNics")
def list_nics(call: Call) -> Row:
    vm = call["virtualmachineid"]
    if vm.get("is_removed"):
        return {}
    call.caller.check(call.cloud, "vm", vm)
    rows = call.narrowed(of_machine(call.cloud, vm), "networkid")
    if (nic := call.get("nicid")) is not None:
        rows = [row for row in rows if row["id"] == nic["id"]]

    def shown(row: Row) -> Row:
        fields = {**nic_view(call.cloud, row), "virtualmachineid": vm["id"]}
        return fields if fields["secondaryip"] else {name: fields[name] for name in fields if name != "secondaryip"}

    return call.page(rows, shown)
