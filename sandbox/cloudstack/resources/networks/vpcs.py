"""VPCs: created with a router and, through the plugin, on Netris (cloudstack-api.md 3.3, 4.1, 5.4)."""

from __future__ import annotations

import re
from ipaddress import IPv4Network

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, hastens, undoes
from sandbox.cloudstack.protocol.errors import ApiError, InternalError, InvalidValue, PermissionDenied, ServerError
from sandbox.cloudstack.resources.addresses import addresses
from sandbox.cloudstack.resources.networks import acls, networks, routers, routes
from sandbox.cloudstack.resources.networks.naming import vpc_name
from sandbox.cloudstack.resources.owners import limits
from sandbox.cloudstack.resources.zone import (
    as_numbers,
    bgp_peers,
    configuration,
    ipv4_subnets,
    offerings,
    service_providers,
)
from sandbox.cloudstack.seed import ROUTED
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

ENABLED, INACTIVE = "Enabled", "Inactive"
MAXIMUM_MTU = 1500
_BAD_DOMAIN = (
    "Invalid network domain. Total length shouldn't exceed 190 chars. Each domain label must be between 1 and 63 "
    "characters long, can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen ('-'); "
    'can\'t start or end with "-"'
)
_DOMAIN = re.compile(
    r"(?!.{191})[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.A | re.I
)
_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def vpc_view(call: Call, vpc: Row) -> Row:
    cloud = call.cloud
    offering = cloud.get("vpcoffering", vpc["vpcofferingid"])
    shown = {
        **view(vpc, "id", "name", "displaytext", "state", "zoneid", "cidr", "networkdomain", "publicmtu"),
        **view(vpc, "dns1", "dns2", "ip6dns1", "ip6dns2"),
        **cloud.owner_fields(vpc),
        "zonename": cloud.get("zone", vpc["zoneid"])["name"],
        "service": offerings.services(offering),
        "vpcofferingid": offering["id"],
        "vpcofferingname": offering["name"],
        "created": created(vpc),
        "network": [networks.network_view(call, row) for row in cloud.table("network").by("vpcid", vpc["id"])],
        "restartrequired": vpc.get("restartrequired", False),
        "tags": cloud.tags_of(vpc),
        "distributedvpcrouter": False,
        "regionlevelvpc": False,
        "redundantvpcrouter": False,
        "hasannotations": False,
    }
    if mode := offerings.routing_mode(offering):
        tiers = cloud.table("network").by("vpcid", vpc["id"])
        routes = [route for tier in tiers for route in networks.routes_to(cloud, tier)]
        shown |= {"ip4routing": mode, "ip4routes": routes, **as_numbers.vpc_fields(cloud, vpc["id"])}
    if not call.caller.is_root:
        return shown
    if mode == offerings.DYNAMIC:
        shown["bgppeers"] = bgp_peers.of_vpc(cloud, vpc)
    return {**shown, "fordisplay": vpc.get("fordisplay", True)}


@handles("listVPCs")
def list_vpcs(call: Call) -> Row:
    rows = call.narrowed(call.visible("vpc"), "zoneid", "cidr", "vpcofferingid", "state", "restartrequired")
    rows = call.containing(rows, "name", "displaytext")
    if wanted := call.get("supportedservices"):
        names = {name.lower() for name in wanted}

        def supports(row: Row) -> bool:
            offering = call.cloud.get("vpcoffering", row["vpcofferingid"])
            return names <= {service.lower() for service in offering["services"]}

        rows = [row for row in rows if supports(row)]
    rows = call.tagged(call.searched(rows, "name", "displaytext"))
    return call.page(rows[::-1], lambda row: vpc_view(call, row))


@creates("createVPC")
def make_vpc(call: Call) -> Row:
    """Everything that can be refused while the caller waits; the VPC says Enabled from here on.

    Which address its traffic leaves with is not the caller's to say: `sourcenatipaddress` is ignored.
    """
    cloud, owner = call.cloud, call.owner()
    limits.check(cloud, owner, limits.VPC)
    zone, offering = call["zoneid"], call["vpcofferingid"]
    if offering["state"] != ENABLED:
        raise InvalidValue("Unable to find vpc offering in Enabled state by specified id")
    offerings.check_usable(call, offering, owner, zone)
    service_providers.check_buildable(cloud, offering["services"])
    cidr = _cidr(call, offering, owner)
    if zone["allocationstate"] != ENABLED and not call.caller.is_root:
        text = f"Cannot perform this operation, Zone is currently disabled: {zone['name']}"
        raise PermissionDenied(text, uuids=((zone["id"], "zoneId"),))  # which refusals name objects: (unverified)
    if not _DOMAIN.fullmatch(call.get("networkdomain", "none")):
        raise InvalidValue(_BAD_DOMAIN)
    source_nat = addresses.free_for_source_nat(cloud, owner) if "SourceNat" in offering["services"] else None
    is_dynamic = offerings.routing_mode(offering) == offerings.DYNAMIC
    peers = call.get("bgppeerids", [])
    bgp_peers.check_usable(peers, zone_id=zone["id"], owner=owner, is_dynamic=is_dynamic)
    number = _as_number(call, offering) if is_dynamic else None
    domain = call.get("networkdomain") or owner.get("networkdomain") or f"cs{owner['number']:x}{zone['suffix']}"
    vpc = cloud.new(
        "vpc",
        name=call["name"],
        displaytext=call.get("displaytext") or call["name"],
        state=ENABLED,
        cidr=cidr,
        zoneid=zone["id"],
        vpcofferingid=offering["id"],
        networkdomain=domain,
        publicmtu=min(call.get("publicmtu", MAXIMUM_MTU), MAXIMUM_MTU),
        accountid=owner["id"],
        domainid=owner["domainid"],
        is_started=False,
        bgppeerids=[peer["id"] for peer in peers],
        fordisplay=call.get("fordisplay", True),
        **{name: call.get(name) for name in ("dns1", "dns2", "ip6dns1", "ip6dns2")},
    )
    if source_nat is not None:
        # it counts as a public IP of the account, and that limit is not checked (unverified)
        addresses.allocate(cloud, source_nat, owner, vpcid=vpc["id"], issourcenat=True)
    if number is not None:
        as_numbers.take(cloud, number, vpc)
    return vpc


def _as_number(call: Call, offering: Row) -> int:
    is_asked = offering.get("specifyasnumber", False)
    return as_numbers.pick(call.cloud, call["zoneid"], call.get("asnumber"), is_asked=is_asked)


def _cidr(call: Call, offering: Row, owner: Row) -> str:
    """A size alone is for VPCs whose gateway is a virtual router, which those of Netris never are.

    Host bits pass here and fail on Netris.
    """
    if "cidr" not in call and "cidrsize" not in call:
        raise InvalidValue("VPC cidr or cidr size must be specified")
    if "cidr" in call and "cidrsize" in call:
        raise InvalidValue("VPC cidr and cidr size are mutually exclusive")
    if "cidrsize" in call:
        raise InvalidValue("VPC cidr size is only applicable on VPC with Routed mode")
    text = str(call["cidr"])
    try:
        cidr = IPv4Network(text, strict=False)
    except ValueError:
        raise InvalidValue(f"Invalid CIDR specified {text}") from None
    if "/" not in text:
        raise InvalidValue(f"Invalid CIDR specified {text}")
    if not any(cidr.subnet_of(block) for block in _PRIVATE):
        raise InvalidValue(f"Guest Cidr {text} is not RFC1918 compliant")
    if offering["networkmode"] == ROUTED:
        if not configuration.is_on_in(call.cloud, "routed.network.vpc.enabled", call["zoneid"]):
            raise InvalidValue("Routed VPC is not enabled in this zone")
        ipv4_subnets.check_free(call.cloud, call["zoneid"], owner, cidr)
    return text


@handles("createVPC")
def build_vpc(call: Call) -> Row:
    cloud, vpc = call.cloud, call.row
    if call.get("start", True):
        try:
            _start(cloud, vpc)
        except ApiError as error:
            destroy(cloud, vpc)  # its failure is what the caller reads
            raise ServerError("Failed to create VPC") from error
    return {"vpc": vpc_view(call, vpc)}


@undoes("createVPC")
def unmake_vpc(call: Call) -> None:
    destroy(call.cloud, call.row)
    raise ServerError("Failed to create VPC")


def _start(cloud: Cloud, vpc: Row) -> None:
    """Deploy the router. Its public NIC is what makes the plugin build the VPC on Netris."""
    routers.deploy(cloud, vpc)
    source_nat = addresses.source_nat_of(cloud, vpc)["ipaddress"] if _translates(cloud, vpc) else None
    name = vpc_name(cloud, vpc)
    with cloud.outside():
        cloud.plugin.create_vpc(name, vpc["cidr"], source_nat)
    routers.run(cloud, vpc)
    cloud.change("vpc", vpc, is_started=True)


def _translates(cloud: Cloud, vpc: Row) -> bool:
    """Whether the VPC's traffic leaves from its source NAT address: that of ROUTED ones does not."""
    offering = cloud.get("vpcoffering", vpc["vpcofferingid"])
    return offering["networkmode"] != ROUTED and "SourceNat" in offering["services"]


@handles("updateVPC")
def update_vpc(call: Call) -> Row:
    cloud, vpc = call.cloud, call["id"]
    if vpc.get("is_removed"):
        raise InvalidValue(f"Unable to find vpc by id {vpc['number']}")
    before = vpc_name(cloud, vpc)
    changes = {name: call[name] for name in ("name", "displaytext", "fordisplay") if name in call}
    if "publicmtu" in call:
        changes["publicmtu"] = min(call["publicmtu"], MAXIMUM_MTU)
    if "sourcenatipaddress" in call:
        _move_source_nat(cloud, vpc, call["sourcenatipaddress"])
    cloud.change("vpc", vpc, **changes)
    if vpc["is_started"]:
        # without a name the plugin renames the Netris VPC to "...-null" (5.6); the new name stays on this side when
        # Netris refuses it (unverified)
        with cloud.outside():
            cloud.plugin.rename_vpc(before, call.get("name"))
    return {"vpc": vpc_view(call, vpc)}


def _move_source_nat(cloud: Cloud, vpc: Row, address: str) -> None:
    """An address that the VPC has not acquired, or that rules use, is ignored. Netris hears of it last."""
    wanted = next((row for row in addresses.of_vpc(cloud, vpc) if row["ipaddress"] == address), None)
    if wanted is None or wanted["issourcenat"] or wanted.get("networkid"):
        return
    if "SourceNat" not in cloud.get("vpcoffering", vpc["vpcofferingid"])["services"]:
        return
    current, name = addresses.source_nat_of(cloud, vpc), vpc_name(cloud, vpc)
    cloud.change("publicip", current, issourcenat=False)
    cloud.change("publicip", wanted, issourcenat=True)
    if not _translates(cloud, vpc):
        return
    try:
        with cloud.outside():
            cloud.plugin.set_source_nat(name, vpc["cidr"], address)
    except ApiError as error:
        of_vpc = f'"{vpc["name"]}"/{vpc["id"]}'
        raise InternalError(
            f"Update of source NAT ip to {address} for network {of_vpc} failed due to {error.text}"
        ) from error


@handles("changeBgpPeersForVpc")
def change_bgp_peers(call: Call) -> Row:
    """The VPC's peers are those of the list from now on; without a list it has none (unverified)."""
    cloud, vpc, peers = call.cloud, call["vpcid"], call.get("bgppeerids", [])
    mode = offerings.routing_mode(cloud.get("vpcoffering", vpc["vpcofferingid"]))
    if mode != offerings.DYNAMIC:
        raise InvalidValue("The VPC offering does not support Dynamic routing")
    owner = cloud.get("account", vpc["accountid"])
    bgp_peers.check_usable(peers, zone_id=vpc["zoneid"], owner=owner, is_dynamic=True)
    cloud.change("vpc", vpc, bgppeerids=[peer["id"] for peer in peers])
    return {"vpc": vpc_view(call, vpc)}


@handles("restartVPC")
def restart_vpc(call: Call) -> Row:
    cloud, vpc = call.cloud, call["id"]
    if call.get("livepatch") and call.get("cleanup"):
        raise InvalidValue("Options livepatch and cleanup cannot be given together")
    if not vpc["is_started"]:
        _start(cloud, vpc)
        return SUCCESS
    if call.get("cleanup"):
        if not _router_can_come_back(cloud, vpc):
            routers.stop(cloud, vpc)
            raise ServerError("Failed to restart VPC")
        routers.redeploy(cloud, vpc)
    else:
        routers.start_again(cloud, vpc)
    cloud.change("vpc", vpc, restartrequired=False)
    return SUCCESS


def _router_can_come_back(cloud: Cloud, vpc: Row) -> bool:
    """A new router wants a NIC for each public address with rules, and has one on the VLAN of its own range alone.

    That it is the rules which make the difference is inferred (unverified).
    """
    mine = addresses.of_vpc(cloud, vpc)
    tags = {cloud.get("vlan", row["vlanid"])["vlan"] for row in mine if row["issourcenat"] and not row["forprovider"]}
    return all(not row.get("networkid") or cloud.get("vlan", row["vlanid"])["vlan"] in tags for row in mine)


@hastens("deleteVPC")
def delete_vpc_fails_at_once(call: Call) -> bool:
    return bool(call.cloud.table("network").count_by("vpcid", call["id"]["id"]))


@handles("deleteVPC")
def delete_vpc(call: Call) -> Row:
    vpc = call["id"]
    if vpc.get("is_removed"):
        raise InvalidValue(f"unable to find VPC id={vpc['number']}")
    if tiers := call.cloud.table("network").count_by("vpcid", vpc["id"]):
        raise InvalidValue(f"Can't delete VPC {described(call.cloud, 'vpc', vpc)} as its used by {tiers} networks")
    call.cloud.untag(vpc)  # at once, whatever becomes of the VPC
    destroy(call.cloud, vpc)
    return SUCCESS


def destroy(cloud: Cloud, vpc: Row) -> None:
    """The router, the Netris VPC, the addresses, the rest. What fails leaves the VPC Inactive, to be tried again (4.1).

    Routes go last, and Netris keeps a VPC that has some: whoever deletes a VPC deletes its routes first.
    """
    cloud.change("vpc", vpc, state=INACTIVE)
    routers.remove(cloud, vpc)
    name = vpc_name(cloud, vpc)
    with cloud.outside():
        cloud.plugin.delete_vpc(name, vpc["cidr"])
    for address in sorted(addresses.of_vpc(cloud, vpc), key=lambda row: int(row["number"])):
        addresses.release(cloud, address)
    routes.clear(cloud, vpc)
    for acl in cloud.table("networkacllist").by("vpcid", vpc["id"]):
        acls.remove_list(cloud, acl)
    as_numbers.give_back(cloud, vpc)
    if cloud.table("vpc").get(vpc["id"]) is not None:
        cloud.remove("vpc", vpc)
