"""Internal load balancers: an address of a tier, balanced by a VM of CloudStack's (cloudstack-api.md 3.7).

They are rows of the same table as the public rules, so members come and go by the same commands. No Netris offering has
the provider (5.2); where an offering has it, Netris hears nothing.
"""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, RuleConflict, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.addresses.rules import ADD, BALANCER, INTERNAL, REVOKE
from sandbox.cloudstack.resources.machines import nics
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

_ALGORITHMS = ("roundrobin", "leastconn", "source")


@creates("createLoadBalancer")
def make_internal(call: Call) -> Row:
    cloud, network, source = call.cloud, call["networkid"], call["sourceipaddressnetworkid"]
    if call["scheme"].lower() != INTERNAL.lower():
        raise InvalidValue(f"Only scheme of type {INTERNAL} is supported")
    _check_tiers(cloud, network, source)
    for name in ("instanceport", "sourceport"):
        if not 1 <= call[name] <= 65535:
            raise InvalidValue(f"Invalid value for {name}: {call[name]}")
    algorithm = call["algorithm"].lower()
    if algorithm not in _ALGORITHMS:
        raise InvalidValue(f"Invalid algorithm: {call['algorithm']}")
    return cloud.new(
        BALANCER,
        "firewallrule",
        scheme=INTERNAL,
        name=call["name"],
        description=call.get("description"),
        algorithm=algorithm,
        sourceport=call["sourceport"],
        instanceport=call["instanceport"],
        sourceipaddress=_address(cloud, source, call.get("sourceipaddress"), network, call["sourceport"]),
        sourceipaddressnetworkid=source["id"],
        ipaddressid=None,
        networkid=network["id"],
        vpcid=network["vpcid"],
        zoneid=network["zoneid"],
        state=ADD,
        fordisplay=call.get("fordisplay", True),
        accountid=network["accountid"],
        domainid=network["domainid"],
    )


def _check_tiers(cloud: Cloud, network: Row, source: Row) -> None:
    """Virtual address and members are of one VPC; its Lb service is an internal one (texts unverified)."""
    if network.get("is_system") or source.get("is_system"):
        raise InvalidValue("Can't find guest network by id")
    if network["vpcid"] != source["vpcid"]:
        raise InvalidValue(f"Networks {network['id']} and {source['id']} do not belong to the same VPC")
    if "Lb" not in cloud.get("networkoffering", network["networkofferingid"])["services"]:
        raise InvalidValue(f"LB service is not supported in network {network['id']}")
    if not rules.balances_inside(cloud, network):
        raise InvalidValue(f"Scheme {INTERNAL} is not supported by the network offering of network {network['id']}")


def _address(cloud: Cloud, source: Row, asked: str | None, network: Row, port: int) -> str:
    """A free address of the tier. One that another load balancer has may be asked for: they share it, by port."""
    on_it = cloud.table(BALANCER).by("sourceipaddressnetworkid", source["id"])
    on_it = [row for row in on_it if row["sourceipaddress"] == asked and row["state"] != REVOKE]
    for row in on_it:
        if row["networkid"] != network["id"]:
            raise RuleConflict(f"New rule is for a different network than what's specified in rule {row['id']}")
        if row["sourceport"] == port:
            raise RuleConflict(f"The range specified, {port}-{port}, conflicts with rule {row['id']}")
    return asked if asked is not None and on_it else nics.free_address(cloud, source, asked)


@handles("createLoadBalancer")
def confirm_internal(call: Call) -> Row:
    """The state stays Add until there is a member."""
    return {"loadbalancer": internal_view(call, call.row)}


@undoes("createLoadBalancer")
def unmake_internal(call: Call) -> None:
    call.cloud.remove(BALANCER, call.row)
    raise ServerError("Failed to create load balancer")


@handles("deleteLoadBalancer")
def delete_internal(call: Call) -> Row:
    row = call["id"]
    if not rules.is_internal(row):
        raise InvalidValue(f"Unable to find load balancer {row['id']}: it is a load balancer rule of a public address")
    rules.drop_balancer(call.cloud, row)
    return SUCCESS


@handles("listLoadBalancers")
def list_internal(call: Call) -> Row:
    names = ("name", "sourceipaddress", "sourceipaddressnetworkid", "scheme", "networkid")
    rows = [row for row in call.visible(BALANCER) if rules.is_internal(row)]
    rows = call.searched(call.narrowed(rows, *names), "name", "description")
    return call.page(call.tagged(rows), lambda row: internal_view(call, row))


def internal_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    ports = {"sourceport": row["sourceport"], "instanceport": row["instanceport"], "state": rules.shown_state(row)}
    members = ((cloud.get("vm", member["vmid"]), member) for member in rules.members_of(cloud, row))
    shown = {
        **view(row, "id", "name", "description", "algorithm", "networkid"),
        **view(row, "sourceipaddress", "sourceipaddressnetworkid"),
        **cloud.owner_fields(row),
        "loadbalancerrule": [ports],
        "loadbalancerinstance": [
            {**view(vm, "id", "name", "state"), "ipaddress": member["ipaddress"], "vmid": vm["id"]}
            for vm, member in members
        ],
        "tags": cloud.tags_of(row),
        **cloud.job_fields(row),
    }
    return {**shown, "fordisplay": row["fordisplay"]} if call.caller.is_root else shown
