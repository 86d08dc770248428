"""What static NAT, port forwarding and load balancing share: one purpose per address, and how rules go (3.6, 3.7).

Tiers, machines and addresses call `clear` before they go themselves. A rule whose removal Netris does not accept stays,
shown as Deleting; deleting it again is the way on (4.4).
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.cloudstack.plugin.objects import Balancer, PortForward, StaticNat
from sandbox.cloudstack.protocol.errors import Conflict, InvalidValue, RuleConflict
from sandbox.cloudstack.resources.machines import nics
from sandbox.cloudstack.resources.networks.naming import vpc_name
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

ADD, ACTIVE, REVOKE = "Add", "Active", "Revoke"
INTERNAL = "Internal"
FORWARD, BALANCER = "portforwardingrule", "loadbalancer"
_PURPOSES = {FORWARD: "PortForwarding", BALANCER: "LoadBalancing"}


def shown_state(rule: Row) -> str:
    return "Deleting" if rule["state"] == REVOKE else str(rule["state"])


def is_internal(rule: Row) -> bool:
    """Whether a load balancer has an address of a tier: a VM of CloudStack's does the work, Netris hears nothing."""
    return rule.get("scheme") == INTERNAL


def balances_inside(cloud: Cloud, network: Row) -> bool:
    """Whether load balancers of the tier are internal ones. Those and public ones do not mix in one tier (3.4)."""
    return bool(cloud.get("networkoffering", network["networkofferingid"]).get("supportsinternallb"))


def of_address(cloud: Cloud, address_id: str) -> list[Row]:
    return [row for kind in _PURPOSES for row in cloud.table(kind).by("ipaddressid", address_id)]


# what a new rule must respect


def check_ports(first: int, last: int) -> None:
    for port in (first, last):
        if not 1 <= port <= 65535:
            raise InvalidValue(f"publicPort is an invalid value: {port}")
    if first > last:
        raise InvalidValue("Start port can't be bigger than end port")


def tier_for(cloud: Cloud, address: Row, network: Row | None, service: str) -> Row:
    """The tier that a rule of the address is for: the one given, or the one that the address is bound to already."""
    bound = cloud.table("network").get(address.get("networkid"))
    if address["state"] != "Allocated" or address.get("vpcid") is None:
        raise InvalidValue(f"Unable to create the rule: ip {address['id']} is not associated with any network")
    network = network or bound
    if network is None:
        raise InvalidValue(f"Unable to create the rule: networkId is required for ip {address['id']} of a VPC")
    if network.get("vpcid") != address["vpcid"]:
        raise InvalidValue(f"Network {network['id']} and ip {address['id']} do not belong to the same VPC")
    if bound is not None and bound is not network:
        raise InvalidValue(f"The ip {address['id']} is in use by another network {bound['id']} already")
    if service not in cloud.get("networkoffering", network["networkofferingid"])["services"]:
        raise InvalidValue(f"Network {network['id']} does not support the service {service}")
    nics.check_stays(network)
    return network


def check_purpose(cloud: Cloud, address: Row, kind: str) -> None:
    """Without conserve mode an address serves one purpose."""
    if address.get("isstaticnat"):
        what = "port forwarding rule" if kind == FORWARD else "load balancer rule"
        of_address = described(cloud, "publicip", address)
        raise InvalidValue(f"Unable to create {what}; ip {of_address} has static nat enabled")
    check_no_vpn(cloud, address)
    for other in _PURPOSES.keys() - {kind}:
        if cloud.table(other).count_by("ipaddressid", address["id"]):
            raise InvalidValue(  # the text is unverified
                f"There is already a rule with purpose {_PURPOSES[other]} on the ip {address['ipaddress']}"
            )


def check_no_vpn(cloud: Cloud, address: Row) -> None:
    if cloud.table("vpngateway").count_by("ipaddressid", address["id"]):
        raise RuleConflict(f"There is already a rule with purpose Vpn on the ip {address['ipaddress']}")


def check_overlap(cloud: Cloud, kind: str, address: Row, protocol: str, first: int, last: int) -> None:
    for row in cloud.table(kind).by("ipaddressid", address["id"]):
        end: int = row.get("publicendport") or row["publicport"]
        if row["protocol"] == protocol and first <= end and row["publicport"] <= last:
            refusal = Conflict if kind == BALANCER else RuleConflict
            raise refusal(
                f"The range specified, {first}-{last}, conflicts with rule {described(cloud, kind, row)} which has "
                f"{row['publicport']}-{end}"
            )


def guest_address(cloud: Cloud, vm: Row, network: Row, asked: str | None) -> str:
    """The machine's address in the tier: the one asked for, which may be a secondary one, else the NIC's own."""
    check_alive(vm)
    nic = nics.in_tier(cloud, vm, network)
    if nic is None:
        raise InvalidValue("Vm doesn't belong to network associated with ipAddress")
    if asked is not None and asked not in nics.addresses_of(cloud, nic):
        raise InvalidValue(f"Vm {vm['id']} has no address {asked} in network {network['id']}")
    return str(asked or nic["ipaddress"])


def check_alive(vm: Row) -> None:
    if vm["state"] in ("Destroyed", "Error", "Expunging"):
        raise InvalidValue(f"Invalid user vm: {vm['id']}")


def lead_to(cloud: Cloud, vmid: str, networkid: str, address: str = "") -> bool:
    """Whether any rule leads to the machine in that tier, or to that address of it."""
    static = ((row["networkid"], row["vmguestip"]) for row in cloud.table("publicip").by("vmid", vmid))
    forwards = ((row["networkid"], row["vmguestip"]) for row in cloud.table(FORWARD).by("vmid", vmid))
    members = (
        (cloud.get(BALANCER, row["ruleid"])["networkid"], row["ipaddress"])
        for row in cloud.table("lbmember").by("vmid", vmid)
    )
    return any(
        network == networkid and address in ("", used)
        for pairs in (static, forwards, members)
        for network, used in pairs
    )


def bind(cloud: Cloud, address: Row, network: Row) -> None:
    """An address belongs to the tier of its first rule ..."""
    cloud.change("publicip", address, networkid=network["id"])


def unbind(cloud: Cloud, address_id: str) -> None:
    """... until it has no rule left."""
    address = cloud.table("publicip").get(address_id)
    if address is not None and not of_address(cloud, address_id) and not address.get("isstaticnat"):
        cloud.change("publicip", address, networkid=None)


# as Netris sees them


def static_nat(cloud: Cloud, address: Row, vm: Row, network: Row) -> StaticNat:
    vpc = vpc_name(cloud, cloud.get("vpc", address["vpcid"]))
    return StaticNat(vpc, vm["number"], address["ipaddress"], address.get("vmguestip") or _own(cloud, vm, network))


def _own(cloud: Cloud, vm: Row, network: Row) -> str:
    """The NIC's own address, where a port forward leads though it may ask for a secondary one (5.6)."""
    nic = nics.in_tier(cloud, vm, network)
    if nic is None:
        raise InvalidValue(f"Vm {vm['id']} does not belong to network {network['id']}")
    return str(nic["ipaddress"])


def _forwarded_to(cloud: Cloud, vm: Row, network: Row) -> str:
    """What the plugin writes for a machine that was never started is the text `null`, which Netris refuses (REAL)."""
    return _own(cloud, vm, network) if vm.get("first_started") else "null"


def port_forward(cloud: Cloud, rule: Row) -> PortForward:
    return PortForward(
        vpc=vpc_name(cloud, cloud.get("vpc", rule["vpcid"])),
        rule=rule["number"],
        protocol=rule["protocol"],
        address=cloud.get("publicip", rule["ipaddressid"])["ipaddress"],
        public=(rule["publicport"], rule["publicendport"]),
        machine=_forwarded_to(cloud, cloud.get("vm", rule["vmid"]), cloud.get("network", rule["networkid"])),
        private=(rule["privateport"], rule["privateendport"]),
    )


def members_of(cloud: Cloud, rule: Row) -> list[Row]:
    return [member for member in cloud.table("lbmember").by("ruleid", rule["id"]) if not member["is_revoked"]]


def balancer(cloud: Cloud, rule: Row) -> Balancer:
    return Balancer(
        vpc=vpc_name(cloud, cloud.get("vpc", rule["vpcid"])),
        rule=rule["number"],
        title=rule["name"],
        address=cloud.get("publicip", rule["ipaddressid"])["ipaddress"],
        port=rule["publicport"],
        members=tuple((member["ipaddress"], rule["privateport"]) for member in members_of(cloud, rule)),
        sources=tuple(rule["cidrlist"].split(",")) if rule["cidrlist"] else (),
    )


# how they go


def drop_static_nat(cloud: Cloud, address: Row) -> None:
    vm = cloud.get("vm", address["vmid"])
    rule = static_nat(cloud, address, vm, cloud.get("network", address["networkid"]))
    cloud.change("publicip", address, is_revoked=True)
    with cloud.outside():
        cloud.plugin.remove_static_nat(rule)
    forget_static_nat(cloud, address)


def forget_static_nat(cloud: Cloud, address: Row) -> None:
    cloud.change("publicip", address, isstaticnat=False, vmid=None, vmguestip=None)
    unbind(cloud, address["id"])


def drop_port_forward(cloud: Cloud, row: Row) -> None:
    cloud.change(FORWARD, row, state=REVOKE)
    apply_forwards(cloud, row["ipaddressid"])


def apply_forwards(cloud: Cloud, address_id: str) -> None:
    """All port forwards of an address, in the order of their making: those that stand are looked at again, those that
    are revoked go. Where that fails, all stay as they are."""
    rows = sorted(cloud.table(FORWARD).by("ipaddressid", address_id), key=lambda row: int(row["number"]))
    known = [(row, row["state"], port_forward(cloud, row)) for row in rows]
    with cloud.outside():
        for _, state, rule in known:
            (cloud.plugin.remove_port_forward if state == REVOKE else cloud.plugin.add_port_forward)(rule)
    for row, state, _ in known:
        if state == REVOKE:
            _forget(cloud, FORWARD, row)
        elif cloud.is_there(FORWARD, row) and row["state"] == ADD:
            cloud.change(FORWARD, row, state=ACTIVE)


def drop_balancer(cloud: Cloud, row: Row) -> None:
    cloud.change(BALANCER, row, state=REVOKE)
    if not is_internal(row):
        rule = balancer(cloud, row)
        with cloud.outside():
            cloud.plugin.remove_balancer(rule)
    for kind in ("lbmember", "stickinesspolicy"):
        for each in cloud.table(kind).by("ruleid", row["id"]):
            cloud.remove(kind, each)
    _forget(cloud, BALANCER, row)


def _forget(cloud: Cloud, kind: str, row: Row) -> None:
    cloud.discard(kind, row)
    unbind(cloud, row["ipaddressid"])


def drop_member(cloud: Cloud, member: Row) -> None:
    """Netris gets the list without it. When that fails, the member stays marked for removal (3.7)."""
    cloud.change("lbmember", member, is_revoked=True)
    row = cloud.get(BALANCER, member["ruleid"])
    if not is_internal(row):
        rule = balancer(cloud, row)
        with cloud.outside():
            cloud.plugin.apply_balancer(rule)
    cloud.discard("lbmember", member)


def clear(cloud: Cloud, *, addressid: str = "", networkid: str = "", vmid: str = "") -> None:
    """Remove the rules of an address or of a tier, or all that point at a machine."""
    if vmid:
        forwards, balancers = cloud.table(FORWARD).by("vmid", vmid), []
        static = cloud.table("publicip").by("vmid", vmid)
    elif networkid:
        forwards, balancers = (cloud.table(kind).by("networkid", networkid) for kind in (FORWARD, BALANCER))
        static = _static_in(cloud, cloud.get("network", networkid))
    else:
        forwards, balancers = (cloud.table(kind).by("ipaddressid", addressid) for kind in (FORWARD, BALANCER))
        static = [row for row in [cloud.get("publicip", addressid)] if row.get("isstaticnat")]
    for address in static:
        drop_static_nat(cloud, address)
    for rule in forwards:
        cloud.change(FORWARD, rule, state=REVOKE)
    for address_id in dict.fromkeys(rule["ipaddressid"] for rule in forwards):
        apply_forwards(cloud, address_id)
    for rule in balancers:
        drop_balancer(cloud, rule)
    for member in cloud.table("lbmember").by("vmid", vmid) if vmid else ():
        drop_member(cloud, member)


# how they come back


def raise_all(cloud: Cloud, network: Row) -> None:
    """All rules of a tier that starts, or is restarted."""
    for address in _static_in(cloud, network):
        rule = static_nat(cloud, address, cloud.get("vm", address["vmid"]), network)
        with cloud.outside():
            cloud.plugin.add_static_nat(rule)
    for address_id in _forwarding_in(cloud, network):
        apply_forwards(cloud, address_id)
    for row in _balancing_in(cloud, network):
        if members_of(cloud, row):
            rule_ = balancer(cloud, row)
            with cloud.outside():
                cloud.plugin.apply_balancer(rule_)


def lower_all(cloud: Cloud, network: Row, between: Callable[[], None]) -> None:
    """Take the rules of a tier off Netris, its static NAT last. CloudStack keeps them all."""
    forwards = [port_forward(cloud, row) for row in cloud.table(FORWARD).by("networkid", network["id"])]
    balancers = [balancer(cloud, row) for row in _balancing_in(cloud, network)]
    static = [
        static_nat(cloud, address, cloud.get("vm", address["vmid"]), network) for address in _static_in(cloud, network)
    ]
    with cloud.outside():
        for forward in forwards:
            cloud.plugin.remove_port_forward(forward)
        for each in balancers:
            cloud.plugin.remove_balancer(each)
    between()
    with cloud.outside():
        for rule in static:
            cloud.plugin.remove_static_nat(rule)


def _static_in(cloud: Cloud, network: Row) -> list[Row]:
    return [row for row in cloud.table("publicip").by("networkid", network["id"]) if row.get("isstaticnat")]


def _forwarding_in(cloud: Cloud, network: Row) -> list[str]:
    return list(dict.fromkeys(row["ipaddressid"] for row in cloud.table(FORWARD).by("networkid", network["id"])))


def _balancing_in(cloud: Cloud, network: Row) -> list[Row]:
    return [row for row in cloud.table(BALANCER).by("networkid", network["id"]) if not is_internal(row)]
