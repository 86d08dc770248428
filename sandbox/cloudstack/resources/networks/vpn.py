"""Site-to-site VPN: a VPC's gateway, the customer's, and what joins them (cloudstack-api.md 3.8).

The virtual router does it, so Netris hears nothing, and nobody is at the other end. The fact sheet lists no fields of
these objects: they show what they were made with (unverified), but not the pre-shared key, which is not kept in them.
No command deletes them: a gateway and its connections go with their address or VPC, a customer's with its account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.call import Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, RuleConflict, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

GATEWAY, CUSTOMER, CONNECTION = "vpngateway", "vpncustomergateway", "vpnconnection"
PENDING, CONNECTED, DISCONNECTED = "Pending", "Connected", "Disconnected"
LONGEST_LIFETIME = 86400
_IKE_VERSIONS = ("ike", "ikev1", "ikev2")
_HOST_NAME = re.compile(r"([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", re.ASCII)
_TERMS = ("cidrlist", "ikepolicy", "esppolicy", "ikelifetime", "esplifetime", "dpd", "forceencap", "splitconnections")


# the VPC's gateway


@creates("createVpnGateway")
def make_gateway(call: Call) -> Row:
    cloud, vpc = call.cloud, call["vpcid"]
    if vpc["state"] != "Enabled":
        raise InvalidValue("Unable to find Enabled VPC")
    if "Vpn" not in cloud.get("vpcoffering", vpc["vpcofferingid"])["services"]:
        raise InvalidValue(f"The service Vpn is not supported by the offering of VPC {vpc['id']}")
    if cloud.table(GATEWAY).by("vpcid", vpc["id"]):
        raise InvalidValue(f"The VPN gateway of VPC {vpc['id']} already exists")
    return cloud.new(
        GATEWAY,
        vpcid=vpc["id"],
        ipaddressid=_address(cloud, vpc, call.get("ipaddressid"))["id"],
        fordisplay=call.get("fordisplay", True),
        accountid=vpc["accountid"],
        domainid=vpc["domainid"],
    )


def _address(cloud: Cloud, vpc: Row, asked: Row | None) -> Row:
    """The address that is asked for, else the router's: the router ends the tunnel. A VPC not started has but one."""
    if asked is not None:
        if asked.get("vpcid") != vpc["id"]:
            raise InvalidValue(f"The ip {asked['id']} is not associated with VPC {vpc['id']}")
        if asked.get("isstaticnat") or rules.of_address(cloud, asked["id"]):
            raise RuleConflict(f"The ip {asked['ipaddress']} has rules or static nat and cannot be a VPN gateway")
        return asked
    sources = [row for row in cloud.table("publicip").by("vpcid", vpc["id"]) if row["issourcenat"]]
    return next((row for row in sources if not row["forprovider"]), sources[0])


@handles("createVpnGateway")
def confirm_gateway(call: Call) -> Row:
    return {"vpngateway": gateway_view(call, call.row)}


@undoes("createVpnGateway")
def unmake_gateway(call: Call) -> None:
    call.cloud.remove(GATEWAY, call.row)
    raise ServerError("Failed to create VPN gateway")


@handles("listVpnGateways")
def list_gateways(call: Call) -> Row:
    rows = call.narrowed(call.visible(GATEWAY), "vpcid")
    return call.page(rows[::-1], lambda row: gateway_view(call, row))


def gateway_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    shown = {
        **view(row, "id", "vpcid"),
        **cloud.owner_fields(row),
        "publicip": cloud.get("publicip", row["ipaddressid"])["ipaddress"],
        "vpcname": cloud.get("vpc", row["vpcid"])["name"],
        **cloud.job_fields(row),
    }
    return {**shown, "fordisplay": row["fordisplay"]} if call.caller.is_root else shown


# the customer's gateway


@creates("createVpnCustomerGateway")
def make_customer_gateway(call: Call) -> Row:
    """Policies are taken as they come (unverified)."""
    cloud, owner = call.cloud, call.owner()
    gateway = call["gateway"]
    if not _is_address(gateway) and not _HOST_NAME.fullmatch(gateway):
        raise InvalidValue(f"The customer gateway ip/Domain {gateway} is invalid!")
    cidrs = _cidrs(call["cidrlist"])
    if any(one.overlaps(other) for index, one in enumerate(cidrs) for other in cidrs[:index]):
        raise InvalidValue(f"The subnets of the customer gateway overlap each other: {call['cidrlist']}")
    version = call.get("ikeversion", "ike")
    if version.lower() not in _IKE_VERSIONS:
        raise InvalidValue(f"The IKE version {version} is invalid!")
    name = call.get("name") or f"VPN-{gateway}"
    if any(row["name"] == name for row in cloud.table(CUSTOMER).by("accountid", owner["id"])):
        raise InvalidValue(f"The customer gateway with name {name} already exists")
    return cloud.new(
        CUSTOMER,
        name=name,
        gateway=gateway,
        cidrlist=",".join(map(str, cidrs)),
        ikepolicy=call["ikepolicy"],
        esppolicy=call["esppolicy"],
        ikelifetime=_lifetime(call, "ikelifetime", 86400),
        esplifetime=_lifetime(call, "esplifetime", 3600),
        ikeversion=version.lower(),
        accountid=owner["id"],
        domainid=owner["domainid"],
        **{switch: call.get(switch, False) for switch in ("dpd", "forceencap", "splitconnections")},
    )


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _cidrs(text: str) -> list[IPv4Network]:
    """`10.1.0.0/16,10.2.0.0/16` as networks."""
    try:
        found = [IPv4Network(part.strip()) for part in text.split(",") if "/" in part]
    except ValueError:
        found = []
    if len(found) != text.count(",") + 1:
        raise InvalidValue(f"The customer gateway peer cidr list {text} contains an invalid cidr!")
    return found


def _lifetime(call: Call, name: str, default: int) -> int:
    seconds: int = call.get(name, default)
    if not 1 <= seconds <= LONGEST_LIFETIME:
        raise InvalidValue(f"The {name} {seconds} of vpn connection is invalid!")
    return seconds


@handles("createVpnCustomerGateway")
def confirm_customer_gateway(call: Call) -> Row:
    return {"vpncustomergateway": customer_gateway_view(call.cloud, call.row)}


@undoes("createVpnCustomerGateway")
def unmake_customer_gateway(call: Call) -> None:
    call.cloud.remove(CUSTOMER, call.row)
    raise ServerError("Failed to create customer VPN gateway")


@handles("listVpnCustomerGateways")
def list_customer_gateways(call: Call) -> Row:
    rows = call.searched(call.visible(CUSTOMER), "name")
    return call.page(rows[::-1], lambda row: customer_gateway_view(call.cloud, row))


def customer_gateway_view(cloud: Cloud, row: Row) -> Row:
    shown = view(row, "id", "name", "gateway", *_TERMS, "ikeversion")
    return {**shown, **cloud.owner_fields(row), **cloud.job_fields(row)}


# what joins them


@creates("createVpnConnection")
def make_connection(call: Call) -> Row:
    cloud, gateway, customer = call.cloud, call["s2svpngatewayid"], call["s2scustomergatewayid"]
    if gateway["accountid"] != customer["accountid"]:
        raise InvalidValue("A VPN connection joins a VPN gateway and a customer gateway of the same account only")
    cidrs, vpc = _cidrs(customer["cidrlist"]), cloud.get("vpc", gateway["vpcid"])
    if _overlap(cidrs, [IPv4Network(vpc["cidr"], strict=False)]):
        raise InvalidValue(f"The subnets {customer['cidrlist']} of the customer gateway overlap VPC cidr {vpc['cidr']}")
    for other in cloud.table(CONNECTION).by("s2svpngatewayid", gateway["id"]):
        far = cloud.get(CUSTOMER, other["s2scustomergatewayid"])
        if far is customer:
            raise InvalidValue(f"The vpn connection of {gateway['id']} with {customer['id']} already exists")
        if _overlap(cidrs, _cidrs(far["cidrlist"])):
            raise InvalidValue(f"The subnets {customer['cidrlist']} overlap those of the connection to {far['name']}")
    return cloud.new(
        CONNECTION,
        s2svpngatewayid=gateway["id"],
        s2scustomergatewayid=customer["id"],
        vpcid=vpc["id"],
        passive=call.get("passive", False),
        state=PENDING,
        fordisplay=call.get("fordisplay", True),
        accountid=gateway["accountid"],
        domainid=gateway["domainid"],
    )


def _overlap(some: Iterable[IPv4Network], others: list[IPv4Network]) -> bool:
    return any(one.overlaps(other) for one in some for other in others)


@handles("createVpnConnection")
def start_connection(call: Call) -> Row:
    """A passive one waits for the other end; of any other the router says that it is there (unverified)."""
    call.cloud.change(CONNECTION, call.row, state=DISCONNECTED if call.row["passive"] else CONNECTED)
    return {"vpnconnection": connection_view(call, call.row)}


@undoes("createVpnConnection")
def unmake_connection(call: Call) -> None:
    call.cloud.change(CONNECTION, call.row, state="Error")
    raise ServerError("Failed to apply site-to-site VPN")


@handles("listVpnConnections")
def list_connections(call: Call) -> Row:
    rows = call.narrowed(call.visible(CONNECTION), "vpcid")
    return call.page(rows[::-1], lambda row: connection_view(call, row))


def connection_view(call: Call, row: Row) -> Row:
    cloud = call.cloud
    gateway, customer = cloud.get(GATEWAY, row["s2svpngatewayid"]), cloud.get(CUSTOMER, row["s2scustomergatewayid"])
    shown = {
        **view(row, "id", "s2svpngatewayid", "s2scustomergatewayid", "passive", "state"),
        **view(customer, "gateway", *_TERMS, "ikeversion"),
        **cloud.owner_fields(row),
        "publicip": cloud.get("publicip", gateway["ipaddressid"])["ipaddress"],
        "created": created(row),
        **cloud.job_fields(row),
    }
    return {**shown, "fordisplay": row["fordisplay"]} if call.caller.is_root else shown


# how they go


def clear_address(cloud: Cloud, address: Row) -> None:
    """An address that is given back takes its gateway along, with the connections."""
    for gateway in cloud.table(GATEWAY).by("ipaddressid", address["id"]):
        for connection in cloud.table(CONNECTION).by("s2svpngatewayid", gateway["id"]):
            cloud.remove(CONNECTION, connection)
        cloud.remove(GATEWAY, gateway)


def clear_account(cloud: Cloud, account: Row) -> None:
    """What is left of an account without VPCs."""
    for customer in cloud.table(CUSTOMER).by("accountid", account["id"]):
        cloud.remove(CUSTOMER, customer)
