"""Secondary addresses of NICs (cloudstack-api.md 3.9). Netris hears of one when a rule leads to it."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, NoAddress, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.machines import nics
from sandbox.cloudstack.resources.machines.nics import SECONDARY
from sandbox.cloudstack.state.cloud import view
from sandbox.kit.store import Row


@creates("addIpToNic")
def make_address(call: Call) -> Row:
    cloud, nic = call.cloud, call["nicid"]
    vm, tier = cloud.get("vm", nic["vmid"]), cloud.get("network", nic["networkid"])
    rules.check_alive(vm)
    try:
        address = nics.free_address(cloud, tier, call.get("ipaddress"))
    except NoAddress as error:
        raise InvalidValue(f"Allocating guest IP for NIC failed: {error.text}") from error
    owner = {"accountid": nic["accountid"], "domainid": nic["domainid"]}
    return cloud.new(SECONDARY, nicid=nic["id"], vmid=vm["id"], networkid=tier["id"], ipaddress=address, **owner)


@handles("addIpToNic")
def confirm_address(call: Call) -> Row:
    """The fields beside `id` and `ipaddress` are those that name what the address belongs to (unverified)."""
    shown = view(call.row, "id", "nicid", "networkid", "ipaddress")
    return {"nicsecondaryip": {**shown, "virtualmachineid": call.row["vmid"]}}


@undoes("addIpToNic")
def unmake_address(call: Call) -> None:
    call.cloud.remove(SECONDARY, call.row)
    raise ServerError("Failed to assign secondary IP to NIC")


@handles("removeIpFromNic")
def remove_address(call: Call) -> Row:
    """One that a rule leads to stays (unverified)."""
    cloud, row = call.cloud, call["id"]
    if rules.lead_to(cloud, row["vmid"], row["networkid"], row["ipaddress"]):
        raise InvalidValue(
            f"Can't remove the secondary ip {row['ipaddress']}: it has associated Port forwarding or Load balancer or "
            "Static NAT rules"
        )
    cloud.remove(SECONDARY, row)
    return SUCCESS
