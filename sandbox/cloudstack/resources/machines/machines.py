"""Virtual machines, as far as a network portal needs them: they take addresses and keep tiers alive (3.9, 4.5)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import (
    ApiError,
    InternalError,
    InvalidValue,
    PermissionDenied,
    ServerError,
)
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.machines import nics, volumes
from sandbox.cloudstack.resources.machines.shown import machine_view
from sandbox.cloudstack.resources.machines.states import DESTROYED, ERROR, RUNNING, STARTING, STOPPED
from sandbox.cloudstack.resources.networks import networks, routers
from sandbox.cloudstack.resources.owners import limits
from sandbox.cloudstack.state import alerts, hosts
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

# What is left to show of a machine that its command has expunged.
_GONE: Row = {"securitygroup": [], "nic": [], "affinitygroup": [], "deleteprotection": False, "tags": []}


@creates("deployVirtualMachine")
def make_machine(call: Call) -> Row:
    cloud, offering = call.cloud, call["serviceofferingid"]
    if offering.get("is_system"):
        raise InvalidValue(f"Unable to use the system offering {offering['name']} for a VM")
    if {"templateid", "volumeid", "snapshotid"} & call.arguments.keys() != {"templateid"}:  # disks are not emulated
        raise ServerError("Exactly one of template id, volume id and snapshot id must be given")
    tiers = _tiers(call)
    owner = call.owner() if "account" in call else cloud.get("account", tiers[0]["accountid"])
    sizes = (
        (limits.VM, 1),
        (limits.VOLUME, 1),
        (limits.CPU, offering["cpunumber"]),
        (limits.MEMORY, offering["memory"]),
    )
    for type_, amount in sizes:
        limits.check(cloud, owner, type_, amount)
    vm = cloud.new(
        "vm",
        displayname=call.get("displayname") or call.get("name"),
        state=STOPPED,
        zoneid=call["zoneid"]["id"],
        serviceofferingid=offering["id"],
        templateid=call["templateid"]["id"],
        accountid=owner["id"],
        domainid=owner["domainid"],
        userid=call.caller.user["id"],
        hostid=None,
        is_wanted=call.get("startvm", True),
        started=0.0,
        stopped=cloud.clock.now(),
        rebooted=0.0,
        manners={},
        fordisplay=call.get("displayvm", True),
    )
    name = call.get("name") or f"VM-{vm['id']}"
    instance = f"i-{owner['number']}-{vm['number']}-VM"
    cloud.change("vm", vm, name=name, displayname=vm["displayname"] or name, instancename=instance)
    volumes.make_root(cloud, vm)
    asked = _asked_addresses(call, tiers)
    try:
        for tier in tiers:
            nics.add(cloud, vm, tier, **asked.get(tier["id"], {}))
    except ApiError:
        _forget(cloud, vm)
        raise
    return vm


def _tiers(call: Call) -> list[Row]:
    """The networks of the NICs, the default one first."""
    cloud, wanted = call.cloud, list(call.get("networkids", ()))
    for entry in call.get("iptonetworklist", ()):
        network = cloud.table("network").get(entry.get("networkid", ""))
        if network is None:
            raise InvalidValue(f"Unable to translate and find entity with networkId: {entry.get('networkid')}")
        call.caller.check(cloud, "network", network)
        wanted.append(network)
    if not wanted and len(cloud.table("network").by("accountid", (owner := call.owner())["id"])) > 1:
        raise InvalidValue(
            f"More than 1 default Isolated networks are found for account {described(cloud, 'account', owner)}; please "
            "specify networkIds"
        )
    if not wanted or any(network.get("is_system") for network in wanted):
        raise InvalidValue("Please specify the networks of the VM: the zone has none to fall back to")
    if len({network["vpcid"] for network in wanted}) > 1:  # (unverified)
        raise InvalidValue("A VM can have networks of one VPC at most")
    name, domain = call.get("name"), wanted[0]["networkdomain"]
    if name is not None:
        for vm in cloud.table("vm").by("accountid", wanted[0]["accountid"]):
            first = nics.of_machine(cloud, vm)[:1]
            if vm["name"] == name and first and cloud.get("network", first[0]["networkid"])["networkdomain"] == domain:
                network = wanted[0]["name"]
                text = f"The vm with hostName {name} already exists in the network domain: {domain}; network={network}"
                raise InvalidValue(text)
    return wanted


def _asked_addresses(call: Call, tiers: list[Row]) -> dict[str, dict[str, str]]:
    """`address` and `mac` that a NIC shall have, by network. The plain parameters are about the default network."""
    asked = {
        entry["networkid"]: {name: entry[key] for name, key in (("address", "ip"), ("mac", "mac")) if entry.get(key)}
        for entry in call.get("iptonetworklist", ())
    }
    plain = {name: call[key] for name, key in (("address", "ipaddress"), ("mac", "macaddress")) if key in call}
    asked.setdefault(tiers[0]["id"], {}).update(plain)
    return asked


@handles("deployVirtualMachine")
def boot_machine(call: Call) -> Row:
    if call.row["is_wanted"]:
        try:
            _start(call.cloud, call.row)
        except ApiError:
            call.cloud.change("vm", call.row, state=ERROR, hostid=None)
            raise
    return {"virtualmachine": machine_view(call, call.row)}


@undoes("deployVirtualMachine")
def fail_machine(call: Call) -> None:
    call.cloud.change("vm", call.row, state=ERROR)


def _start(cloud: Cloud, vm: Row) -> None:
    cloud.change("vm", vm, state=STARTING)
    for nic in nics.of_machine(cloud, vm):
        tier = cloud.get("network", nic["networkid"])
        try:
            networks.implement(cloud, tier)
        except ApiError:
            networks.implement(cloud, tier)  # a start is tried twice
        routers.start_again(cloud, cloud.get("vpc", tier["vpcid"]))
    host = hosts.pick(cloud)
    cloud.change("vm", vm, state=RUNNING, hostid=host["id"], started=cloud.clock.now())
    if not vm.get("first_started"):
        cloud.change("vm", vm, first_started=vm["started"])


@handles("startVirtualMachine")
def start_machine(call: Call) -> Row:
    if call["id"]["state"] == RUNNING:
        raise InvalidValue(f"The virtual machine {call['id']['id']} ({call['id']['displayname']}) is already running")
    vm = _in_state(call, STOPPED)
    try:
        _start(call.cloud, vm)
    except ApiError:
        call.cloud.change("vm", vm, state=STOPPED)
        raise
    return {"virtualmachine": machine_view(call, vm)}


@handles("stopVirtualMachine")
def stop_machine(call: Call) -> Row:
    vm = _in_state(call, RUNNING, STOPPED)
    _stop(call.cloud, vm)
    return {"virtualmachine": machine_view(call, vm)}


def _stop(cloud: Cloud, vm: Row) -> None:
    """It may have been silent for a while: what it ran on may be dead."""
    now = cloud.clock.now()
    if vm["state"] == RUNNING:
        for nic in nics.of_machine(cloud, vm):
            cloud.change("network", cloud.get("network", nic["networkid"]), idle_since=now)
        silent_since = cloud.living.silent_since(vm)
        cloud.change("vm", vm, stopped=now if silent_since is None else silent_since)
    cloud.change("vm", vm, state=STOPPED, hostid=None, was_stopped=True)


def power_off(cloud: Cloud, vm: Row, host: Row) -> None:
    """Its host died."""
    _stop(cloud, vm)
    text = f"Virtual machine {vm['name']} stopped unexpectedly on host {host['name']}"
    alerts.send(cloud, alerts.USER_VM, text)
    alerts.note(cloud, alerts.VM_STOP, vm, text)


@handles("rebootVirtualMachine")
def reboot_machine(call: Call) -> Row:
    vm = _in_state(call, RUNNING)
    call.cloud.change("vm", vm, rebooted=call.cloud.clock.now())
    return {"virtualmachine": machine_view(call, vm)}


@handles("destroyVirtualMachine")
def destroy_machine(call: Call) -> Row:
    cloud, vm = call.cloud, call["id"]
    if call.get("expunge") and not call.caller.is_admin:
        raise InternalError("Account does not have permission for expunging.")
    _stop(cloud, vm)
    cloud.change("vm", vm, state=DESTROYED, destroyed=cloud.clock.now())
    if call.get("expunge"):
        expunge(cloud, vm)
        return {"virtualmachine": dict(_GONE)}
    return {"virtualmachine": machine_view(call, vm)}


@handles("expungeVirtualMachine")
def expunge_machine(call: Call) -> Row:
    if not call.caller.is_admin:
        raise PermissionDenied(
            "Expunging a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set."
        )
    expunge(call.cloud, _in_state(call, DESTROYED, ERROR))
    return SUCCESS


@handles("recoverVirtualMachine")
def recover_machine(call: Call) -> Row:
    call.row = _in_state(call, DESTROYED)
    offering = call.cloud.get("serviceoffering", call.row["serviceofferingid"])
    owner = call.cloud.get("account", call.row["accountid"])
    for type_, amount in ((limits.VM, 1), (limits.CPU, offering["cpunumber"]), (limits.MEMORY, offering["memory"])):
        limits.check(call.cloud, owner, type_, amount)
    call.cloud.change("vm", call.row, state=STOPPED)
    return {"virtualmachine": machine_view(call, call.row)}


def _in_state(call: Call, *states: str) -> Row:
    vm: Row = call["id"]
    if vm["state"] not in states:
        raise InvalidValue(f"VM {vm['name']} ({vm['id']}) is in state {vm['state']}, not {' or '.join(states)}")
    return vm


def expunge(cloud: Cloud, vm: Row) -> None:
    """Only now do its NICs let go of the tiers, and its rules of their addresses."""
    rules.clear(cloud, vmid=vm["id"])
    _stop(cloud, vm)
    _forget(cloud, vm)


def _forget(cloud: Cloud, vm: Row) -> None:
    for nic in nics.of_machine(cloud, vm):
        nics.remove(cloud, nic)
    for volume in volumes.of_machine(cloud, vm):
        cloud.remove("volume", volume)
    cloud.remove("vm", vm)


@handles("addNicToVirtualMachine")
def add_nic(call: Call) -> Row:
    """A running machine has the tier implemented; what Netris refuses then takes the NIC away again."""
    cloud, vm, tier = call.cloud, call["virtualmachineid"], call["networkid"]
    call.row = vm
    _check_may_join(cloud, vm, tier)
    nic = nics.add(cloud, vm, tier, address=call.get("ipaddress"), mac=call.get("macaddress"))
    if vm["state"] == RUNNING:
        try:
            networks.implement(cloud, tier)
        except ApiError:
            nics.remove(cloud, nic)
            raise
    return {"virtualmachine": machine_view(call, vm)}


def _check_may_join(cloud: Cloud, vm: Row, tier: Row) -> None:
    if vm["state"] not in (RUNNING, STOPPED):
        raise InvalidValue(f"{vm['name']} ({vm['id']}) is not running or stopped")
    if tier.get("is_system"):
        raise InvalidValue("A VM cannot have a NIC in a system network")
    if tier["accountid"] != vm["accountid"]:
        raise PermissionDenied(f"Unable to use network with id= {tier['id']}, permission denied")
    if nics.in_tier(cloud, vm, tier) is not None:
        raise InternalError(f"A NIC already exists for VM:{vm['instancename']} in network: {tier['id']}")
    if any(cloud.get("network", nic["networkid"])["vpcid"] != tier["vpcid"] for nic in nics.of_machine(cloud, vm)):
        raise InvalidValue("A VM can have networks of one VPC at most")


@handles("removeNicFromVirtualMachine")
def remove_nic(call: Call) -> Row:
    """Its secondary addresses go with it. A NIC that rules lead to stays (unverified)."""
    cloud, vm, nic = call.cloud, call["virtualmachineid"], call["nicid"]
    call.row = vm
    if vm["state"] not in (RUNNING, STOPPED):
        raise InvalidValue(f"{vm['name']} ({vm['id']}) is not running or stopped")
    if nic["vmid"] != vm["id"]:
        raise InvalidValue(f"{nic['id']} is not a NIC on {vm['name']}")
    if nic["deviceid"] == 0:
        raise InvalidValue(f"Unable to remove NIC from {vm['name']} in {nic['networkid']}, NIC is default.")
    if rules.lead_to(cloud, vm["id"], nic["networkid"]):
        raise InvalidValue(
            f"Unable to remove NIC from {vm['name']} in {nic['networkid']}, NIC has associated Port forwarding or Load "
            "balancer or Static NAT rules."
        )
    nics.remove(cloud, nic)
    if vm["state"] == RUNNING:
        cloud.change("network", cloud.get("network", nic["networkid"]), idle_since=cloud.clock.now())
    return {"virtualmachine": machine_view(call, vm)}
