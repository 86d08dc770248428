"""Static NAT and port forwarding (cloudstack-api.md 3.6)."""

from __future__ import annotations

from contextlib import suppress

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.plugin.objects import StaticNat
from sandbox.cloudstack.protocol.errors import ApiError, InvalidValue, RuleConflict, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.addresses.addresses import FREE
from sandbox.cloudstack.resources.addresses.rules import ADD, FORWARD, REVOKE
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

# static NAT


@handles("enableStaticNat")
def enable_static_nat(call: Call) -> Row:
    """Done while the caller waits. What Netris refuses is CloudStack's static NAT all the same (netris-api.md 4.4)."""
    cloud, address, vm = call.cloud, call["ipaddressid"], call["virtualmachineid"]
    if address.get("issourcenat"):
        raise InvalidValue(f"Can't enable static, ip address {address['ipaddress']} is a sourceNat ip address")
    if "networkid" not in call and not address.get("networkid"):
        raise InvalidValue(
            f"Unable to enable static NAT for the ipAddress id={address['number']} as IP is not associated with any "
            "network and no networkId is passed in"
        )
    network = rules.tier_for(cloud, address, call.get("networkid"), "StaticNat")
    machine = rules.guest_address(cloud, vm, network, call.get("vmguestip"))
    _check_free(cloud, address, vm, machine)
    call.row = cloud.change(
        "publicip",
        address,
        isstaticnat=True,
        is_revoked=False,
        vmid=vm["id"],
        vmguestip=machine,
        networkid=network["id"],
    )
    rule = rules.static_nat(cloud, address, vm, network)
    with cloud.outside():
        cloud.plugin.add_static_nat(rule)
    if not _leads_to(address, vm):
        _take_back(cloud, rule, is_free=address["state"] == FREE)
        raise ServerError("Failed to enable static nat")
    return SUCCESS


def _leads_to(address: Row, vm: Row) -> bool:
    """Nobody has disabled it, released the address or expunged the machine while Netris was told."""
    return bool(address.get("isstaticnat")) and address["vmid"] == vm["id"] and not address.get("is_revoked")


def _take_back(cloud: Cloud, rule: StaticNat, *, is_free: bool) -> None:
    """Whoever came between found nothing on Netris yet."""
    with suppress(ApiError), cloud.outside():
        cloud.plugin.remove_static_nat(rule)
        if is_free:
            cloud.plugin.release_address(rule.address)


def _check_free(cloud: Cloud, address: Row, vm: Row, machine: str) -> None:
    """A machine may have a static NAT for each of its addresses, says CloudStack. On Netris both have one name."""
    if rules.of_address(cloud, address["id"]):
        raise InvalidValue(
            f"Failed to enable static nat for the ip address {address['id']} as it already has rules assigned"
        )
    rules.check_no_vpn(cloud, address)
    if address.get("isstaticnat") and address["vmid"] != vm["id"]:
        raise RuleConflict(
            f"Failed to enable static nat for the ip address {address['id']} as it is assigned to another vm"
        )
    for other in cloud.table("publicip").by("vmid", vm["id"]):
        if other["vmguestip"] == machine:
            raise InvalidValue(
                f"Failed to enable static nat on the  ip {address['ipaddress']} with Id {address['id']} as the vm "
                f"{vm['instancename']} with Id {vm['id']} is already associated with another public ip "
                f"{other['ipaddress']} with id {other['id']}"
            )


@handles("disableStaticNat")
def disable_static_nat(call: Call) -> Row:
    address = call["ipaddressid"]
    if not address.get("isstaticnat"):
        raise InvalidValue("Specified IP address id is not associated with any vm Id")
    rules.drop_static_nat(call.cloud, address)
    return SUCCESS


# port forwarding


@creates("createPortForwardingRule")
def make_rule(call: Call) -> Row:
    cloud, address, vm = call.cloud, call["ipaddressid"], call["virtualmachineid"]
    protocol = call["protocol"].lower()  # whatever it says
    public = (call["publicport"], call.get("publicendport", call["publicport"]))
    private = (call["privateport"], call.get("privateendport", call["privateport"]))
    _check_ranges(public, private)
    bound = cloud.table("network").get(address.get("networkid"))
    network = rules.tier_for(cloud, address, bound or call.get("networkid"), "PortForwarding")
    rules.check_purpose(cloud, address, FORWARD)
    rules.check_overlap(cloud, FORWARD, address, protocol, *public)
    machine = rules.guest_address(cloud, vm, network, call.get("vmguestip"))
    rules.bind(cloud, address, network)
    return cloud.new(
        FORWARD,
        "firewallrule",
        ipaddressid=address["id"],
        networkid=network["id"],
        vpcid=address["vpcid"],
        vmid=vm["id"],
        vmguestip=machine,
        protocol=protocol,
        publicport=public[0],
        publicendport=public[1],
        privateport=private[0],
        privateendport=private[1],
        cidrlist=",".join(call.get("cidrlist", ())),
        state=ADD,
        fordisplay=call.get("fordisplay", True),
        accountid=address["accountid"],
        domainid=address["domainid"],
    )


def _check_ranges(public: tuple[int, int], private: tuple[int, int]) -> None:
    rules.check_ports(*public)
    rules.check_ports(*private)
    if public[1] - public[0] != private[1] - private[0]:
        raise InvalidValue("Source port and destination port ranges should be of equal sizes.")


@handles("createPortForwardingRule")
def apply_rule(call: Call) -> Row:
    cloud, row = call.cloud, call.row
    try:
        _push(cloud, row)
    except ApiError as error:
        if cloud.is_there(FORWARD, row):
            rules.drop_port_forward(cloud, row)
        raise ServerError("Failed to apply port forwarding rule") from error
    return {"portforwardingrule": rule_view(call, row)}


@undoes("createPortForwardingRule")
def unmake_rule(call: Call) -> None:
    rules.drop_port_forward(call.cloud, call.row)
    raise ServerError("Failed to apply port forwarding rule")


def _push(cloud: Cloud, row: Row) -> None:
    """Whoever removed the rule meanwhile may have found nothing on Netris yet."""
    rule = rules.port_forward(cloud, row)
    rules.apply_forwards(cloud, row["ipaddressid"])
    if not cloud.is_there(FORWARD, row) or row["state"] == REVOKE:
        with cloud.outside():
            cloud.plugin.remove_port_forward(rule)
        raise InvalidValue(f"Unable to find port forwarding rule {row['id']}")


@handles("updatePortForwardingRule")
def update_rule(call: Call) -> Row:
    """The plugin leaves a rule of the same name as it is, so CloudStack takes the old one away first."""
    cloud, row = call.cloud, call["id"]
    before = rules.port_forward(cloud, row)
    first = call.get("privateport", row["privateport"])
    width = row["publicendport"] - row["publicport"]
    last = call.get("privateendport", first + width)
    _check_ranges((row["publicport"], row["publicendport"]), (first, last))
    vm = call.get("virtualmachineid") or cloud.get("vm", row["vmid"])
    machine = row["vmguestip"]
    if "virtualmachineid" in call or "vmguestip" in call:
        machine = rules.guest_address(cloud, vm, cloud.get("network", row["networkid"]), call.get("vmguestip"))
    changes = {"privateport": first, "privateendport": last, "vmid": vm["id"], "vmguestip": machine}
    if "cidrlist" in call:
        changes["cidrlist"] = ",".join(call["cidrlist"])
    if "fordisplay" in call:
        changes["fordisplay"] = call["fordisplay"]
    cloud.change(FORWARD, row, state=REVOKE)
    with cloud.outside():
        cloud.plugin.remove_port_forward(before)
    cloud.change(FORWARD, row, state=ADD, **changes)
    _push(cloud, row)
    return {"portforwardingrule": rule_view(call, row)}


@handles("deletePortForwardingRule")
def delete_rule(call: Call) -> Row:
    rules.drop_port_forward(call.cloud, call["id"])
    return SUCCESS


@handles("listPortForwardingRules")
def list_rules(call: Call) -> Row:
    rows = call.narrowed(call.visible(FORWARD), "ipaddressid", "networkid")
    return call.page(call.tagged(rows)[::-1], lambda row: rule_view(call, row))


def rule_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    ports = ("privateport", "privateendport", "publicport", "publicendport")
    shown = {
        **view(row, "id", "protocol", "ipaddressid", "networkid", "vmguestip", "cidrlist"),
        **{name: str(row[name]) for name in ports},
        "ipaddress": cloud.get("publicip", row["ipaddressid"])["ipaddress"],
        "state": rules.shown_state(row),
        "tags": cloud.tags_of(row),
        **cloud.job_fields(row),
    }
    if vm := cloud.table("vm").get(row["vmid"]):
        shown |= {
            "virtualmachineid": vm["id"],
            "virtualmachinename": vm["name"],
            "virtualmachinedisplayname": vm["displayname"],
        }
    return {**shown, "fordisplay": row["fordisplay"]} if call.caller.is_root else shown
