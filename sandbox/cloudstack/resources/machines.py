"""Virtual machines, as far as a network portal needs them: they take addresses and keep tiers alive (3.9, 4.5)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.cloud import Cloud, created, view
from sandbox.cloudstack.errors import ApiError, BadParameter, InvalidValue, NoAddress, PermissionDenied, ServerError
from sandbox.cloudstack.resources import limits, networks, rules, volumes
from sandbox.store import Row

STOPPED, STARTING, RUNNING, STOPPING = "Stopped", "Starting", "Running", "Stopping"
DESTROYED, ERROR = "Destroyed", "Error"
_HOST_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_DETAILS = {"all", "group", "nics", "stats", "secgrp", "tmpl", "servoff", "diskoff", "iso", "volume", "min", "affgrp"}
_DETAILS |= {"backoff", "vnfnics"}


@creates("deployVirtualMachine")
def make_machine(call: Call) -> Row:
    cloud, offering = call.cloud, call["serviceofferingid"]
    if offering.get("is_system"):
        raise InvalidValue(f"Unable to use the system offering {offering['name']} for a VM")
    if "templateid" not in call:
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
    )
    name = call.get("name") or f"VM-{vm['id']}"
    instance = f"i-{owner['number']}-{vm['number']}-VM"
    cloud.change("vm", vm, name=name, displayname=vm["displayname"] or name, instancename=instance)
    volumes.make_root(cloud, vm)
    asked = _asked_addresses(call, tiers)
    try:
        for position, tier in enumerate(tiers):
            _add_nic(cloud, vm, tier, position, asked.get(tier["id"]))
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
    if not wanted or any(network.get("is_system") for network in wanted):
        raise InvalidValue("Please specify the networks of the VM: the zone has none to fall back to")
    if len({network["vpcid"] for network in wanted}) > 1:
        raise InvalidValue("A VM can have networks of one VPC at most")
    name, domain = call.get("name"), wanted[0]["networkdomain"]
    if name is not None:
        if not _HOST_NAME.fullmatch(name):
            raise InvalidValue(
                "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the "
                "hyphen ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't "
                "start with digit"
            )
        for vm in cloud.table("vm").by("accountid", wanted[0]["accountid"]):
            first = nics_of(cloud, vm)[:1]
            if vm["name"] == name and first and cloud.get("network", first[0]["networkid"])["networkdomain"] == domain:
                raise InvalidValue(f"The vm with hostName {name} already exists in the network domain: {domain}")
    return wanted


def _asked_addresses(call: Call, tiers: list[Row]) -> dict[str, str]:
    asked = {entry["networkid"]: entry["ip"] for entry in call.get("iptonetworklist", ()) if entry.get("ip")}
    if "ipaddress" in call:
        asked[tiers[0]["id"]] = call["ipaddress"]
    return asked


def _add_nic(cloud: Cloud, vm: Row, tier: Row, position: int, asked: str | None) -> None:
    cidr, gateway = IPv4Network(tier["cidr"]), IPv4Address(tier["gateway"])
    taken = {nic["ipaddress"] for nic in cloud.table("nic").by("networkid", tier["id"])}
    taken |= {str(gateway), str(router_address(tier))}
    if asked is not None:
        try:
            is_inside = IPv4Address(asked) in cidr
        except ValueError:
            is_inside = False
        if not is_inside or asked in taken:
            raise InvalidValue(f"The address {asked} is not free in network {tier['name']}")
    address = asked or next((str(host) for host in cidr.hosts() if str(host) not in taken), None)
    if address is None:
        raise NoAddress(f"Insufficient address capacity in network {tier['name']}")
    number = f"{vm['number']:06x}"
    cloud.new(
        "nic",
        vmid=vm["id"],
        networkid=tier["id"],
        ipaddress=address,
        macaddress=f"02:01:{position:02x}:{number[:2]}:{number[2:4]}:{number[4:6]}",
        deviceid=position,
        accountid=vm["accountid"],
        domainid=vm["domainid"],
    )


def router_address(tier: Row) -> IPv4Address:
    """The gateway is Netris's, so the router answers DHCP and DNS on the next address."""
    cidr, gateway = IPv4Network(tier["cidr"]), IPv4Address(tier["gateway"])
    return next(host for host in cidr.hosts() if host != gateway)


def nics_of(cloud: Cloud, vm: Row) -> list[Row]:
    return cloud.table("nic").by("vmid", vm["id"])


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
    for nic in nics_of(cloud, vm):
        networks.implement(cloud, cloud.get("network", nic["networkid"]))
    host = cloud.random.choice([host for host in cloud.table("host") if host["type"] == "Routing"])
    cloud.change("vm", vm, state=RUNNING, hostid=host["id"])


@handles("startVirtualMachine")
def start_machine(call: Call) -> Row:
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
    if vm["state"] == RUNNING:
        for nic in nics_of(cloud, vm):
            cloud.change("network", cloud.get("network", nic["networkid"]), idle_since=cloud.clock.now())
    cloud.change("vm", vm, state=STOPPED, hostid=None)


@handles("rebootVirtualMachine")
def reboot_machine(call: Call) -> Row:
    return {"virtualmachine": machine_view(call, _in_state(call, RUNNING))}


@handles("destroyVirtualMachine")
def destroy_machine(call: Call) -> Row:
    cloud, vm = call.cloud, call["id"]
    if call.get("expunge") and not call.caller.is_admin:
        raise PermissionDenied("Parameter expunge can be passed by Admin only")
    _stop(cloud, vm)
    cloud.change("vm", vm, state=DESTROYED, destroyed=cloud.clock.now())
    shown = machine_view(call, vm)
    if call.get("expunge"):
        expunge(cloud, vm)
    return {"virtualmachine": shown}


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
    for nic in nics_of(cloud, vm):
        cloud.remove("nic", nic)
    for volume in volumes.of_machine(cloud, vm):
        cloud.remove("volume", volume)
    cloud.remove("vm", vm)


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
    if "hypervisor" in call and call["hypervisor"].upper() != "KVM":
        rows = []
    if (tier := call.get("networkid")) is not None:
        rows = [row for row in rows if any(nic["networkid"] == tier["id"] for nic in nics_of(cloud, row))]
    if (vpc := call.get("vpcid")) is not None:
        tiers = {row["id"] for row in cloud.table("network").by("vpcid", vpc["id"])}
        rows = [row for row in rows if any(nic["networkid"] in tiers for nic in nics_of(cloud, row))]
    rows = call.tagged(call.searched(rows, "displayname", "name", "state"))
    return call.page(rows, lambda row: machine_view(call, row))


def machine_view(call: Call, vm: Row) -> Row:
    cloud = call.cloud
    details = (call.get("details") if call.command.is_list else None) or ["all"]
    offering = cloud.get("serviceoffering", vm["serviceofferingid"])
    template = cloud.get("template", vm["templateid"])
    nics = nics_of(cloud, vm)
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
        "rootdeviceid": 0,
        "rootdevicetype": "ROOT",
        "passwordenabled": False,
        "isdynamicallyscalable": False,
        "deleteprotection": False,
        "vmtype": "User",
        "arch": "x86_64",
        "securitygroup": [],
        "affinitygroup": [],
        "tags": cloud.tags_of(vm),
        "hasannotations": False,
        **cloud.job_fields(vm),
    }
    if user := cloud.table("user").get(vm["userid"]):
        shown["username"] = user["username"]
    if public := next(iter(cloud.table("publicip").by("vmid", vm["id"])), None):
        shown |= {"publicip": public["ipaddress"], "publicipid": public["id"]}
    if nics:
        shown["ipaddress"] = nics[0]["ipaddress"]
    if {"all", "nics"} & set(details):
        shown["nic"] = [nic_view(cloud, nic) for nic in nics]
    if call.caller.is_root:
        shown["instancename"] = vm["instancename"]
        if host := cloud.table("host").get(vm["hostid"]):
            shown |= {"hostid": host["id"], "hostname": host["name"]}
    return shown


def nic_view(cloud: Cloud, nic: Row) -> Row:
    tier = cloud.get("network", nic["networkid"])
    vpc = cloud.get("vpc", tier["vpcid"])
    uri = f"netris://{tier['vni']}"  # shown to tenants as well: no role filters it (cloudstack-api.md 5.3)
    return {
        **view(nic, "id", "networkid", "ipaddress", "macaddress"),
        "networkname": tier["name"],
        "netmask": tier["netmask"],
        "gateway": tier["gateway"],
        "isolationuri": uri,
        "broadcasturi": uri,
        "traffictype": "Guest",
        "type": "Isolated",
        "isdefault": nic["deviceid"] == 0,
        "deviceid": str(nic["deviceid"]),
        "virtualmachineid": nic["vmid"],
        "secondaryip": [],
        "extradhcpoption": [],
        "mtu": tier["privatemtu"],
        "vpcid": vpc["id"],
        "vpcname": vpc["name"],
    }


@handles("listNics")
def list_nics(call: Call) -> Row:
    vm = call["virtualmachineid"]
    if vm.get("is_removed"):
        return {}
    call.caller.check(call.cloud, "vm", vm)
    rows = call.narrowed(nics_of(call.cloud, vm), "networkid")
    if (nic := call.get("nicid")) is not None:
        rows = [row for row in rows if row["id"] == nic["id"]]
    return call.page(rows, lambda row: nic_view(call.cloud, row))
