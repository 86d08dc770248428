"""Load balancer rules and their members (cloudstack-api.md 3.7). Netris hears of a rule with its first member."""

from __future__ import annotations

from ipaddress import ip_network

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import ApiError, BadParameter, InvalidValue, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.addresses.rules import ACTIVE, ADD, BALANCER
from sandbox.cloudstack.resources.machines import states
from sandbox.cloudstack.resources.machines.shown import machine_view
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

# Netris balances round-robin, whatever is chosen; nobody asks the offering what it has.
_ALGORITHMS = ("roundrobin", "leastconn", "source")


@creates("createLoadBalancerRule")
def make_balancer(call: Call) -> Row:
    cloud, address = call.cloud, call.get("publicipid")
    if address is None:
        raise InvalidValue("publicipid is required: the zone has no shared networks to take an address from")
    rules.check_ports(call["publicport"], call["publicport"])
    rules.check_ports(call["privateport"], call["privateport"])
    algorithm = call["algorithm"].lower()
    if algorithm not in _ALGORITHMS:
        raise BadParameter(f"Invalid algorithm: {call['algorithm']}")
    protocol = call.get("protocol", "tcp").lower()  # whatever it says
    sources = _sources(call)
    network = rules.tier_for(cloud, address, call.get("networkid"), "Lb")
    if rules.balances_inside(cloud, network):
        raise InvalidValue(f"Scheme Public is not supported by the network offering of network {network['id']}")
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


def _sources(call: Call) -> str:
    for cidr in call.get("cidrlist", ()):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            raise BadParameter(f"Source cidrs formatting error {cidr}") from None
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
    """Whatever changes, Netris is told all of the rule. A new name gives its ACLs new names, and the old ones stay."""
    cloud, row = call.cloud, call["id"]
    if rules.is_internal(row):
        raise InvalidValue(f"Unable to find load balancer rule {row['id']}: it is an internal load balancer")
    if "algorithm" in call:
        raise InvalidValue(f"Algorithm: {call['algorithm']} specified for Netris Provider is not supported.")
    changes = {name: call[name] for name in ("name", "description", "fordisplay") if name in call}
    if "protocol" in call:
        changes["protocol"] = call["protocol"].lower()
    if "cidrlist" in call:
        changes["cidrlist"] = _sources(call)
    cloud.change(BALANCER, row, state=ADD, **changes)
    if rules.members_of(cloud, row):
        apply(cloud, row)
    return {"loadbalancer": balancer_view(call, row)}


def apply(cloud: Cloud, row: Row) -> None:
    """Without members a rule is Add. Whoever removed it meanwhile may have found nothing on Netris yet."""
    if not rules.is_internal(row):
        rule = rules.balancer(cloud, row)
        with cloud.outside():
            cloud.plugin.apply_balancer(rule)
        if not cloud.is_there(BALANCER, row):
            with cloud.outside():
                cloud.plugin.remove_balancer(rule)
            raise InvalidValue(f"Unable to find load balancer rule {row['id']}")
    cloud.change(BALANCER, row, state=ACTIVE if rules.members_of(cloud, row) else ADD)


@handles("deleteLoadBalancerRule")
def delete_balancer(call: Call) -> Row:
    rules.drop_balancer(call.cloud, call["id"])
    return SUCCESS


# members

_NOT_ASSIGNED = "Failed to assign load balancer rule"  # whatever the reason is


def _asked(call: Call) -> list[tuple[Row, str | None]]:
    """The machines that a call names, each with the address that it asks for."""
    asked: list[tuple[Row, str | None]] = [(vm, None) for vm in call.get("virtualmachineids", ())]
    for entry in call.get("vmidipmap", ()):
        vm = call.cloud.table("vm").get(entry.get("vmid", "").lower())
        if vm is None:
            raise InvalidValue(f"Unable to find virtual machine ID {entry.get('vmid')}")
        call.caller.check(call.cloud, "vm", vm)
        asked.append((vm, entry.get("vmip")))
    return asked


@handles("assignToLoadBalancerRule")
def assign(call: Call) -> Row:
    """A machine may be a member with several of its addresses."""
    cloud, row = call.cloud, call["id"]
    network = cloud.get("network", row["networkid"])
    present = {(member["vmid"], member["ipaddress"]): member for member in _members(cloud, row)}
    named = _asked(call)
    try:
        asked = {(vm["id"], rules.guest_address(cloud, vm, network, address)): None for vm, address in named}
    except ApiError as error:
        raise ServerError(_NOT_ASSIGNED) from error
    if not asked or any(key in present and not present[key]["is_revoked"] for key in asked):
        raise ServerError(_NOT_ASSIGNED)
    made = []
    for vm, address in asked:
        if (vm, address) in present:
            cloud.remove("lbmember", present[vm, address])
        made.append(cloud.new("lbmember", ruleid=row["id"], vmid=vm, ipaddress=address, is_revoked=False))
    cloud.change(BALANCER, row, state=ADD)
    try:
        apply(cloud, row)
    except ApiError:
        for member in made:
            cloud.discard("lbmember", member)
        raise
    return SUCCESS


def _members(cloud: Cloud, row: Row) -> list[Row]:
    """With those that are marked for removal."""
    return cloud.table("lbmember").by("ruleid", row["id"])


@handles("removeFromLoadBalancerRule")
def remove(call: Call) -> Row:
    """A machine without an address leaves with all that it is a member with."""
    cloud, row = call.cloud, call["id"]
    leaving = []
    for vm, address in _asked(call):
        found = [member for member in _members(cloud, row) if member["vmid"] == vm["id"]]
        found = [member for member in found if address in (None, member["ipaddress"])]
        leaving += found
    for member in leaving:
        cloud.change("lbmember", member, is_revoked=True)
    cloud.change(BALANCER, row, state=ADD)
    try:
        apply(cloud, row)  # even when nobody leaves
    except ApiError:
        for member in leaving:
            cloud.change("lbmember", member, is_revoked=False)
        raise
    for member in leaving:
        cloud.discard("lbmember", member)
    return SUCCESS


@handles("listLoadBalancerRuleInstances")
def list_instances(call: Call) -> Row:
    """The members, or the machines of the tier that could be; with `lbvmips` each beside its addresses."""
    (row, *_) = [*call.visible(BALANCER), {}]
    if not row:
        return {}
    cloud = call.cloud
    holders = rules.members_of(cloud, row)
    if not call.get("applied", True):
        present = {member["vmid"] for member in holders}
        holders = [nic for nic in cloud.table("nic").by("networkid", row["networkid"]) if nic["vmid"] not in present]
    addresses: dict[str, list[str]] = {}
    for each in holders:
        addresses.setdefault(each["vmid"], []).append(each["ipaddress"])
    found = [vm for vm in (cloud.table("vm").get(key) for key in addresses) if vm is not None]
    found = [vm for vm in found if vm["state"] not in (states.DESTROYED, states.ERROR)]
    if not call.get("lbvmips"):
        return call.page(found, lambda vm: _without(machine_view(call, vm), _NOT_OF_MEMBERS))

    def with_addresses(vm: Row) -> Row:
        shown = machine_view(call, vm)
        return {"loadbalancerruleinstance": shown, "lbvmipaddresses": addresses[vm["id"]]}

    return call.page(found, with_addresses, key="lbrulevmidip")


# What root sees of a machine, and not of a member.
_NOT_OF_MEMBERS = ("arch", "hostid", "hostname", "instancename")


def _without(shown: Row, names: tuple[str, ...]) -> Row:
    return {name: value for name, value in shown.items() if name not in names}


# shown


@handles("listLoadBalancerRules")
def list_balancers(call: Call) -> Row:
    rows = [row for row in call.visible(BALANCER) if not rules.is_internal(row)]
    rows = call.narrowed(rows, "name", "zoneid", "networkid", publicipid="ipaddressid")
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
