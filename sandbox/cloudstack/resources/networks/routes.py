"""Static routes of VPCs, and private gateways, which Netris never hears of (cloudstack-api.md 3.8)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.plugin.objects import Route
from sandbox.cloudstack.protocol.errors import ApiError, Conflict, InternalError, InvalidValue, ServerError
from sandbox.cloudstack.resources.networks.naming import vpc_name
from sandbox.cloudstack.seed import GATEWAY as GATEWAY_SERVICE
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

ROUTE, GATEWAY = "staticroute", "privategateway"
ADD, ACTIVE, DELETING = "Add", "Active", "Deleting"
_LINK_LOCAL = IPv4Network("169.254.0.0/16")


def _address(text: str, name: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise InvalidValue(f"Invalid {name}: {text}") from None


# routes


@creates("createStaticRoute")
def make_route(call: Call) -> Row:
    cloud, gateway, vpc, hop = call.cloud, call.get("gatewayid"), call.get("vpcid"), call.get("nexthop")
    if gateway is not None and (vpc is not None or hop is not None):
        raise InvalidValue("gatewayId cannot be specified together with nexthop or vpcId")
    if gateway is None and (vpc is None or hop is None):
        raise InvalidValue("one of gatewayId and nextHop must be specified")
    vpc = vpc or cloud.get("vpc", (gateway or {}).get("vpcid"))
    if vpc["state"] != "Enabled":
        raise InvalidValue("Can't add static route to VPC that is being deleted")
    if hop is not None:
        _check_within_reach(cloud, vpc, _address(hop, "nexthop"))
        if any(hop == each["gateway"] for each in cloud.table(GATEWAY).by("vpcid", vpc["id"])):
            raise InvalidValue(f"Cannot add static route to the nexthop {hop} of a private gateway, use gatewayid")
    _check_cidr(cloud, call["cidr"], vpc)
    return cloud.new(
        ROUTE,
        cidr=call["cidr"],
        vpcid=vpc["id"],
        vpcgatewayid=gateway["id"] if gateway else None,
        nexthop=hop or (gateway or {})["gateway"],
        state=ADD,
        accountid=vpc["accountid"],
        domainid=vpc["domainid"],
    )


def _check_within_reach(cloud: Cloud, vpc: Row, hop: IPv4Address) -> None:
    """Somewhere in the VPC, its gateways and the addresses of nobody included, or in a range that its public addresses
    are from (REAL); beside a private gateway as well (inferred). The text is (unverified)."""
    ranges = [cloud.get("vlan", row["vlanid"]) for row in cloud.table("publicip").by("vpcid", vpc["id"])]
    around = [IPv4Network(vpc["cidr"], strict=False)]
    around += [
        IPv4Network(f"{each['gateway']}/{each['netmask']}", strict=False)
        for each in (*ranges, *cloud.table(GATEWAY).by("vpcid", vpc["id"]))
    ]
    if not any(hop in network for network in around):
        raise InvalidValue(f"The nexthop {hop} is in no network of the VPC")


def _check_cidr(cloud: Cloud, text: str, vpc: Row) -> None:
    """With bits of hosts in it, if somebody wants: the plugin hands them on (REAL)."""
    try:
        cidr = IPv4Network(text, strict=False)
    except ValueError:
        raise InvalidValue(f"Invalid format for cidr {text}") from None
    if not text.rpartition("/")[2].isdecimal() or "/" not in text:
        raise InvalidValue(f"Invalid format for cidr {text}")
    if cidr.overlaps(IPv4Network(vpc["cidr"], strict=False)):
        raise InvalidValue(f"CIDR should be outside of VPC cidr {vpc['cidr']}")
    if cidr.overlaps(_LINK_LOCAL):
        raise InvalidValue(f"CIDR should be outside of link local cidr {_LINK_LOCAL}")
    for route in cloud.table(ROUTE).by("vpcid", vpc["id"]):
        if cidr.overlaps(IPv4Network(route["cidr"], strict=False)):
            existing = described(cloud, ROUTE, route)
            raise Conflict(f"New static route cidr conflicts with existing route {existing}")


@handles("createStaticRoute")
def apply_route(call: Call) -> Row:
    cloud, route = call.cloud, call.row
    try:
        _apply(cloud, cloud.get("vpc", route["vpcid"]))
    except ApiError as error:
        cloud.discard(ROUTE, route)
        raise ServerError("Failed to create static route") from error
    return {"staticroute": route_view(call, route)}


@undoes("createStaticRoute")
def unmake_route(call: Call) -> None:
    call.cloud.remove(ROUTE, call.row)
    raise ServerError("Failed to create static route")


def _apply(cloud: Cloud, vpc: Row) -> None:
    """Look at all routes of the VPC, each time. Those that CloudStack does not know go there (netris-api.md 4.3)."""
    rows = cloud.table(ROUTE).by("vpcid", vpc["id"])
    known = [
        Route(row["cidr"], row["nexthop"], is_new=row["state"] == ADD, is_revoked=row["state"] == DELETING)
        for row in rows
    ]
    name = vpc_name(cloud, vpc)
    with cloud.outside():
        cloud.plugin.apply_routes(name, known)
    for row in rows:
        if cloud.is_there(ROUTE, row) and row["state"] == ADD:
            cloud.change(ROUTE, row, state=ACTIVE)


@handles("deleteStaticRoute")
def delete_route(call: Call) -> Row:
    cloud, route = call.cloud, call["id"]
    cloud.change(ROUTE, route, state=DELETING)
    try:
        _apply(cloud, cloud.get("vpc", route["vpcid"]))
    except ApiError as error:
        raise ServerError("Failed to delete static route") from error
    cloud.discard(ROUTE, route)
    return SUCCESS


@handles("listStaticRoutes")
def list_routes(call: Call) -> Row:
    rows = call.narrowed(call.visible(ROUTE), "vpcid", "state", gatewayid="vpcgatewayid")
    return call.page(call.tagged(call.searched(rows, "cidr"))[::-1], lambda row: route_view(call, row))


def route_view(call: Call, row: Row) -> Row:
    shown = view(row, "id", "state", "vpcid", "vpcgatewayid", "cidr")
    if gateway := call.cloud.table(GATEWAY).get(row["vpcgatewayid"]):
        shown["vpcgatewayip"] = gateway["ipaddress"]
    else:
        shown["nexthop"] = row["nexthop"]
    return {**shown, **call.cloud.owner_fields(row), "tags": call.cloud.tags_of(row), **call.cloud.job_fields(row)}


# private gateways


@creates("createPrivateGateway")
def make_gateway(call: Call) -> Row:
    cloud, vpc = call.cloud, call["vpcid"]
    gateway, address = _address(call["gateway"], "gateway"), _address(call["ipaddress"], "ipaddress")
    try:
        cidr = IPv4Network(f"{gateway}/{_address(call['netmask'], 'netmask')}", strict=False)
    except ValueError:
        raise InvalidValue(f"Invalid netmask: {call['netmask']}") from None
    if address not in cidr or address == gateway:
        raise InvalidValue(f"The ipaddress {address} and the gateway {gateway} must be two addresses of one subnet")
    if vpc["state"] != "Enabled":
        raise InvalidValue("Unable to find Enabled VPC")
    if GATEWAY_SERVICE not in cloud.get("vpcoffering", vpc["vpcofferingid"])["services"]:
        raise InvalidValue("The service Gateway is not supported by the VPC offering")
    vlan, network, acl = call.get("vlan"), call.get("associatednetworkid"), call.get("aclid")
    if (vlan is None) == (network is None):
        raise InvalidValue("Exactly one of vlan and associatednetworkid must be specified")
    if acl is not None and acl["vpcid"] not in (None, vpc["id"]):
        raise InvalidValue("ACL and the private gateway do not belong to the same VPC")
    deny = cloud.table("networkacllist").find(name="default_deny", vpcid=None) or {}
    return cloud.new(
        GATEWAY,
        gateway=str(gateway),
        netmask=call["netmask"],
        ipaddress=str(address),
        zoneid=vpc["zoneid"],
        vpcid=vpc["id"],
        vlan=vlan or None,
        associatednetworkid=network["id"] if network else None,
        physicalnetworkid=cloud.physical_network["id"],
        sourcenatsupported=call.get("sourcenatsupported", False),
        aclid=acl["id"] if acl else deny["id"],
        state="Creating",
        accountid=vpc["accountid"],
        domainid=vpc["domainid"],
    )


@handles("createPrivateGateway")
def confirm_gateway(call: Call) -> Row:
    """The router gets an interface. The plugin nods, and does nothing (netris-api.md 4.4)."""
    call.cloud.change(GATEWAY, call.row, state="Ready")
    return {"privategateway": gateway_view(call, call.row)}


@undoes("createPrivateGateway")
def unmake_gateway(call: Call) -> None:
    call.cloud.remove(GATEWAY, call.row)
    raise ServerError("Failed to create private gateway")


@handles("deletePrivateGateway")
def delete_gateway(call: Call) -> Row:
    cloud, gateway = call.cloud, call["id"]
    using = [row for row in cloud.table(ROUTE).by("vpcid", gateway["vpcid"]) if row["vpcgatewayid"] == gateway["id"]]
    if using:
        raise InternalError(
            f"Can't delete private gateway {described(cloud, GATEWAY, gateway)} as it has {len(using)} static routes "
            "applied. Remove the routes first"
        )
    cloud.remove(GATEWAY, gateway)
    return SUCCESS


@handles("listPrivateGateways")
def list_gateways(call: Call) -> Row:
    rows = call.narrowed(call.visible(GATEWAY), "ipaddress", "vlan", "vpcid", "state")
    return call.page(call.searched(rows, "ipaddress")[::-1], lambda row: gateway_view(call, row))


def gateway_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    acl = cloud.table("networkacllist").get(row["aclid"]) or {}
    shown = {
        **view(row, "id", "gateway", "netmask", "ipaddress", "zoneid", "vpcid", "state", "sourcenatsupported"),
        **view(row, "associatednetworkid", "aclid"),
        **cloud.owner_fields(row),
        "zonename": cloud.get("zone", row["zoneid"])["name"],
        "vpcname": cloud.get("vpc", row["vpcid"])["name"],
        "aclname": acl.get("name", ""),
        **cloud.job_fields(row),
    }
    if network := cloud.table("network").get(row["associatednetworkid"]):
        shown["associatednetwork"] = network["name"]
    return {**shown, **view(row, "vlan", "physicalnetworkid")} if call.caller.is_root else shown


def check(cloud: Cloud, vpc: Row) -> None:
    """What a tier that goes has done for the routes of its VPC, which may lead through it."""
    if cloud.table(ROUTE).count_by("vpcid", vpc["id"]):
        _apply(cloud, vpc)


def clear(cloud: Cloud, vpc: Row) -> None:
    """Routes and gateways go before their VPC."""
    rows = cloud.table(ROUTE).by("vpcid", vpc["id"])
    for row in rows:
        cloud.change(ROUTE, row, state=DELETING)
    if rows:
        _apply(cloud, vpc)
    for kind in (ROUTE, GATEWAY):
        for row in cloud.table(kind).by("vpcid", vpc["id"]):
            cloud.remove(kind, row)
