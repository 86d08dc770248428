"""Load balancer rules and their members (cloudstack-api.md 3.7). Netris hears of a rule with its first member."""

from __future__ import annotations

from ipaddress import ip_network

from sandbox.cloudstack.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.cloud import Cloud, view
from sandbox.cloudstack.errors import ApiError, InvalidValue, ServerError
from sandbox.cloudstack.resources import machines, rules
from sandbox.cloudstack.resources.rules import ACTIVE, ADD, BALANCER
from sandbox.store import Row

ALGORITHMS = ("roundrobin", "leastconn")
_KNOWN_ALGORITHMS = (*ALGORITHMS, "source")


@creates("createLoadBalancerRule")
def make_balancer(call: Call) -> Row:
    cloud, address = call.cloud, call.get("publicipid")
    if address is None:
        raise InvalidValue("publicipid is required: the zone has no shared networks to take an address from")
    rules.check_ports(call["publicport"], call["publicport"])
    rules.check_ports(call["privateport"], call["privateport"])
    algorithm = call["algorithm"].lower()
    if algorithm not in _KNOWN_ALGORITHMS:
        raise InvalidValue(f"Invalid algorithm: {call['algorithm']}")
    if algorithm not in ALGORITHMS:
        raise InvalidValue(f"Algorithm: {algorithm} specified for Netris Provider is not supported.")
    protocol = _protocol(call.get("protocol", "tcp"))
    sources = _sources(call)
    network = rules.tier_for(cloud, address, call.get("networkid"), "Lb")
    rules.check_purpose(cloud, address, BALANCER)
    rules.check_overlap(cloud, BALANCER, address, protocol, call["publicport"], call["publicport"])
    rules.bind(cloud, address, network)
    return cloud.new(
        BALANCER,
        "firewallrule",
        name=call["name"],
        description=call.get("description"),
        algorithm=algorithm,
        protocol=protocol,
        publicport=call["publicport"],
        privateport=call["privateport"],
        cidrlist=sources,
        ipaddressid=address["id"],
        networkid=network["id"],
        vpcid=address["vpcid"],
        zoneid=address["zoneid"],
        state=ADD,
        fordisplay=call.get("fordisplay", True),
        accountid=address["accountid"],
        domainid=address["domainid"],
    )


def _protocol(text: str) -> str:
    """CloudStack knows tcp-proxy and ssl as well; the Netris provider takes neither (5.2)."""
    if text.lower() not in ("tcp", "udp"):
        raise InvalidValue(f"Protocol {text} is not supported by the provider Netris, which takes tcp and udp")
    return text.lower()


def _sources(call: Call) -> str:
    for cidr in call.get("cidrlist", ()):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            raise InvalidValue(f"Source cidrs formatting error {cidr}") from None
    return ",".join(call.get("cidrlist", ()))


@handles("createLoadBalancerRule")
def confirm_balancer(call: Call) -> Row:
    """Only the database knows so far: the state stays Add until there is a member."""
    return {"loadbalancer": balancer_view(call, call.row)}


@undoes("createLoadBalancerRule")
def unmake_balancer(call: Call) -> None:
    call.cloud.remove(BALANCER, call.row)
    rules.unbind(call.cloud, call.row["ipaddressid"])
    raise ServerError("Failed to create load balancer rule")


@handles("updateLoadBalancerRule")
def update_balancer(call: Call) -> Row:
    """A new name or text stays in the database; a new protocol or new sources go to Netris."""
    cloud, row = call.cloud, call["id"]
    if "algorithm" in call:
        raise InvalidValue(f"Algorithm: {call['algorithm']} specified for Netris Provider is not supported.")
    changes = {name: call[name] for name in ("name", "description", "fordisplay") if name in call}
    if "protocol" in call:
        changes["protocol"] = _protocol(call["protocol"])
    if "cidrlist" in call:
        changes["cidrlist"] = _sources(call)
    cloud.change(BALANCER, row, **changes)
    if {"protocol", "cidrlist"} & changes.keys() and row["state"] == ACTIVE:
        try:
            apply(cloud, row)
        except ApiError as error:
            raise ServerError("Failed to update load balancer rule") from error
    return {"loadbalancer": balancer_view(call, row)}


def apply(cloud: Cloud, row: Row) -> None:
    rule = rules.balancer(cloud, row)
    with cloud.outside():
        cloud.plugin.apply_balancer(rule)
    if cloud.is_there(BALANCER, row):
        cloud.change(BALANCER, row, state=ACTIVE)


@handles("deleteLoadBalancerRule")
def delete_balancer(call: Call) -> Row:
    try:
        rules.drop_balancer(call.cloud, call["id"])
    except ApiError as error:
        raise ServerError("Failed to delete load balancer") from error
    return SUCCESS


# members


def _asked(call: Call) -> dict[str, tuple[Row, str | None]]:
    """The machines that a call names, by id, each with the address that it asks for."""
    asked: dict[str, tuple[Row, str | None]] = {vm["id"]: (vm, None) for vm in call.get("virtualmachineids", ())}
    for entry in call.get("vmidipmap", ()):
        vm = call.cloud.table("vm").get(entry.get("vmid", "").lower())
        if vm is None:
            raise InvalidValue(f"Unable to find virtual machine ID {entry.get('vmid')}")
        call.caller.check(call.cloud, "vm", vm)
        asked[vm["id"]] = (vm, entry.get("vmip"))
    if not asked:
        raise InvalidValue("virtualmachineids or vmidipmap must be given")
    return asked


@handles("assignToLoadBalancerRule")
def assign(call: Call) -> Row:
    cloud, row = call.cloud, call["id"]
    network = cloud.get("network", row["networkid"])
    asked = _asked(call)
    present = {member["vmid"]: member for member in cloud.table("lbmember").by("ruleid", row["id"])}
    addresses = {key: rules.guest_address(cloud, vm, network, address) for key, (vm, address) in asked.items()}
    for key in asked:
        if key in present and not present[key]["is_revoked"]:
            raise InvalidValue(f"VM {key} is already mapped to load balancer.")
    made = []
    for key, address in addresses.items():
        if key in present:
            cloud.remove("lbmember", present[key])
        made.append(cloud.new("lbmember", ruleid=row["id"], vmid=key, ipaddress=address, is_revoked=False))
    try:
        apply(cloud, row)
    except ApiError as error:
        for member in made:
            cloud.remove("lbmember", member)
        raise ServerError("Failed to assign load balancer rule") from error
    return SUCCESS


@handles("removeFromLoadBalancerRule")
def remove(call: Call) -> Row:
    cloud, row = call.cloud, call["id"]
    present = {member["vmid"]: member for member in cloud.table("lbmember").by("ruleid", row["id"])}
    asked = _asked(call)
    if strangers := asked.keys() - present.keys():
        raise InvalidValue(f"The load balancer rule {row['id']} does not have the VM {min(strangers)}")
    for key in asked:
        cloud.change("lbmember", present[key], is_revoked=True)
    try:
        apply(cloud, row)
    except ApiError as error:
        raise ServerError("Failed to remove instance from load balancer rule") from error
    for key in asked:
        if cloud.is_there("lbmember", present[key]):
            cloud.remove("lbmember", present[key])
    return SUCCESS


@handles("listLoadBalancerRuleInstances")
def list_instances(call: Call) -> Row:
    """The members, or the machines of the tier that could be; with `lbvmips` each beside its addresses."""
    (row, *_) = [*call.visible(BALANCER), {}]
    if not row:
        return {}
    cloud = call.cloud
    addresses = {member["vmid"]: member["ipaddress"] for member in rules.members_of(cloud, row)}
    if not call.get("applied", True):
        nics = cloud.table("nic").by("networkid", row["networkid"])
        addresses = {nic["vmid"]: nic["ipaddress"] for nic in nics if nic["vmid"] not in addresses}
    found = [vm for vm in (cloud.table("vm").get(key) for key in addresses) if vm is not None]
    found = [vm for vm in found if vm["state"] not in (machines.DESTROYED, machines.ERROR)]
    if not call.get("lbvmips"):
        return call.page(found, lambda vm: machines.machine_view(call, vm))

    def with_addresses(vm: Row) -> Row:
        shown = machines.machine_view(call, vm)
        return {"loadbalancerruleinstance": shown, "lbvmipaddresses": [addresses[vm["id"]]]}

    return call.page(found, with_addresses, key="lbrulevmidip")


# shown


@handles("listLoadBalancerRules")
def list_balancers(call: Call) -> Row:
    rows = call.narrowed(call.visible(BALANCER), "name", "zoneid", "networkid", publicipid="ipaddressid")
    if (vm := call.get("virtualmachineid")) is not None:
        wanted = {member["ruleid"] for member in call.cloud.table("lbmember").by("vmid", vm["id"])}
        rows = [row for row in rows if row["id"] in wanted]
    return call.page(call.tagged(call.searched(rows, "name")), lambda row: balancer_view(call, row))


def balancer_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    shown = {
        **view(row, "id", "name", "description", "algorithm", "protocol", "networkid", "zoneid"),
        **cloud.owner_fields(row),
        "publicipid": row["ipaddressid"],
        "publicip": cloud.get("publicip", row["ipaddressid"])["ipaddress"],
        "publicport": str(row["publicport"]),
        "privateport": str(row["privateport"]),
        "state": rules.shown_state(row),
        "zonename": cloud.get("zone", row["zoneid"])["name"],
        "tags": cloud.tags_of(row),
        **cloud.job_fields(row),
    }
    if row["cidrlist"]:
        shown["cidrlist"] = row["cidrlist"]
    return {**shown, "fordisplay": row["fordisplay"]} if call.caller.is_root else shown
