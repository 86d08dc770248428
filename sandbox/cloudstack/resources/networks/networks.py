"""Networks, that is VPC tiers: checked, given a VNI, built on Netris while the caller waits (cloudstack-api.md 3.4)."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.plugin.objects import Tier
from sandbox.cloudstack.protocol.errors import ApiError, InternalError, InvalidValue, PermissionDenied, ServerError
from sandbox.cloudstack.resources.addresses import rules
from sandbox.cloudstack.resources.machines import nics
from sandbox.cloudstack.resources.networks import naming, routes, tier_acls, vnis
from sandbox.cloudstack.resources.owners import limits
from sandbox.cloudstack.resources.zone import as_numbers, configuration, offerings, service_providers
from sandbox.cloudstack.seed import NETRIS, ROUTED
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

_BAD_GATEWAY = "Invalid gateway IP provided. Either the IP is broadcast or network IP."
ALLOCATED, IMPLEMENTING, IMPLEMENTED, SHUTDOWN = "Allocated", "Implementing", "Implemented", "Shutdown"


def tier_of(cloud: Cloud, network: Row) -> Tier:
    """What the plugin must know of a tier."""
    return Tier(
        vpc=naming.vpc_name(cloud, cloud.get("vpc", network["vpcid"])),
        network=network["number"],
        name=network["name"],
        cidr=IPv4Network(network["cidr"]),
        gateway=IPv4Address(network["gateway"]),
        vni=network["vni"],
        is_routed=cloud.get("networkoffering", network["networkofferingid"])["networkmode"] == ROUTED,
    )


def network_view(call: Call, network: Row) -> Row:
    if network.get("is_system"):
        return _system_view(call, network)
    cloud = call.cloud
    offering, zone = cloud.get("networkoffering", network["networkofferingid"]), cloud.get("zone", network["zoneid"])
    vpc = cloud.table("vpc").get(network["vpcid"]) or {}
    shown = {
        **view(network, "id", "name", "displaytext", "gateway", "netmask", "cidr", "zoneid", "state", "networkdomain"),
        **view(network, "vpcid", "physicalnetworkid", "ip6dns1", "ip6dns2", "publicmtu", "privatemtu"),
        **{name: network.get(name) or vpc.get(name) or zone[name] for name in ("dns1", "dns2")},
        **cloud.owner_fields(network),
        "broadcastdomaintype": NETRIS,
        "traffictype": "Guest",
        "type": "Isolated",
        "acltype": "Account",
        "zonename": zone["name"],
        "networkofferingid": offering["id"],
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"],
        "networkofferingconservemode": False,
        "networkofferingavailability": offering.get("availability", "Optional"),
        "issystem": False,
        "related": network["id"],
        "service": offerings.services_with_capabilities(offering),
        "restartrequired": network.get("restartrequired", False),
        "specifyvlan": offering.get("specifyvlan", False),
        "specifyipranges": offering.get("specifyipranges", False),
        "canusefordeploy": True,
        "ispersistent": offering.get("ispersistent", False),
        "strechedl2subnet": False,
        "redundantrouter": False,
        "supportsvmautoscaling": "Lb" in offering["services"],
        "created": created(network),
        "receivedbytes": 0,  # counted on routers, where this traffic does not pass
        "sentbytes": 0,
        "tags": cloud.tags_of(network),
        "hasannotations": False,
    }
    if vpc:
        shown["vpcname"] = vpc["name"]
    if acl := cloud.table("networkacllist").get(network.get("aclid")):
        shown |= {"aclid": acl["id"], "aclname": acl["name"]}
    if mode := offerings.routing_mode(offering):
        shown |= {
            "ip4routing": mode,
            "ip4routes": routes_to(cloud, network),
            **as_numbers.vpc_fields(cloud, network["vpcid"]),
        }
    return shown | _for_root(network) if call.caller.is_root else shown


def routes_to(cloud: Cloud, network: Row) -> list[Row]:
    """How the outside gets to a routed tier: by each source NAT address of its VPC."""
    sources = cloud.table("publicip").by("vpcid", network["vpcid"])
    gateways = [address["ipaddress"] for address in sources if address["issourcenat"]]
    return [{"subnet": network["cidr"], "gateway": gateway} for gateway in gateways]


def _for_root(network: Row) -> Row:
    """The VNI: in the URI while the tier has it, in the details for good (5.3)."""
    details = {"netrisvxlanid": str(network["vni"])}
    if network.get("hides_usage") is not None:
        details["hideIpAddressUsage"] = str(network["hides_usage"]).lower()
    shown = {"details": details, "displaynetwork": network.get("fordisplay", True)}
    return {**shown, "vlan": "N/A", "broadcasturi": f"netris://{network['vni']}"} if network["has_vni"] else shown


def _system_view(call: Call, network: Row) -> Row:
    shown = view(network, "id", "name", "displaytext", "traffictype", "type", "state", "zoneid", "physicalnetworkid")
    shown |= {"issystem": True, "broadcastdomaintype": "Vlan", "related": network["id"], "created": created(network)}
    zone = call.cloud.get("zone", network["zoneid"])
    return {**shown, **call.cloud.owner_fields(network), "zonename": zone["name"], "service": [], "tags": []}


@handles("listNetworks")
def list_networks(call: Call) -> Row:
    wants_system = call.get("issystem", False)
    vpc = call.get("vpcid")
    rows = call.visible("network")
    if "id" in call and call.caller.is_admin and (accounts := call.accounts_in_scope()) is not None:
        mine = {account["id"] for account in accounts}
        rows = [row for row in rows if row.get("accountid") in mine]
    else:
        rows = [row for row in rows if bool(row.get("is_system")) == wants_system]
    rows = call.narrowed(
        rows, "name", "zoneid", "physicalnetworkid", "restartrequired", "networkofferingid", vpcid="vpcid"
    )
    for name, value in (("type", "isolated"), ("traffictype", "guest"), ("acltype", "account")):
        if name in call and call[name].lower() != value and not wants_system:
            rows = []
    if call.get("forvpc") is False or call.get("specifyipranges") or "associatednetworkid" in call:
        rows = []
    if wanted := call.get("supportedservices"):
        names = {name.lower() for name in wanted}
        rows = [row for row in rows if names <= _services(call.cloud, row)]
    if "vlan" in call:
        rows = [row for row in rows if row.get("vni") == call["vlan"]]
    if vpc is not None and vpc.get("is_removed"):
        rows = []
    rows = call.tagged(call.searched(rows, "name"))
    return call.page(rows[::-1], lambda row: network_view(call, row))


def _services(cloud: Cloud, network: Row) -> set[str]:
    offering = cloud.table("networkoffering").get(network.get("networkofferingid"))
    return {name.lower() for name in offering["services"]} if offering else set()


@handles("createNetwork")
def create_network(call: Call) -> Row:
    cloud = call.cloud
    vpc, offering = call.get("vpcid"), call["networkofferingid"]
    if vpc is None:
        raise InvalidValue("Network offering can be used for VPC networks only")
    if vpc["state"] != "Enabled":
        raise InvalidValue("Unable to find Enabled VPC")
    owner = cloud.get("account", vpc["accountid"])  # no tier is another account's (unverified, quirk 34)
    limits.check(cloud, owner, limits.NETWORK)
    offerings.check_usable(call, offering, owner, call["zoneid"])
    _check_offering(call, offering, vpc)
    cidr, gateway = _range(call, vpc)
    _check_room(cloud, vpc, cidr)
    if call.get("networkdomain", vpc["networkdomain"]) != vpc["networkdomain"]:
        text = "Network domain of the new network should match network domain of vpc"
        raise InvalidValue(f"{text} {described(cloud, 'vpc', vpc)}")
    acl = call.get("aclid")
    if acl is not None and acl["vpcid"] not in (None, vpc["id"]):
        raise InvalidValue(f"ACL list {acl['id']} does not belong to the VPC {vpc['id']}")
    if acl is not None:
        check_acls(offering)
    network = cloud.draft(
        "network",
        name=call["name"],
        displaytext=call.get("displaytext") or call["name"],
        cidr=str(cidr),
        gateway=str(gateway),
        netmask=str(cidr.netmask),
        state=ALLOCATED,
        vpcid=vpc["id"],
        zoneid=call["zoneid"]["id"],
        physicalnetworkid=cloud.physical_network["id"],
        networkofferingid=offering["id"],
        networkdomain=vpc["networkdomain"],
        aclid=acl["id"] if acl else None,
        fordisplay=call.get("displaynetwork", True),
        publicmtu=call.get("publicmtu", 1500),
        privatemtu=call.get("privatemtu", 1500),
        accountid=owner["id"],
        domainid=owner["domainid"],
        vni=None,
        has_vni=False,
        **{name: call.get(name) for name in ("dns1", "dns2", "ip6dns1", "ip6dns2")},
    )
    call.row = network
    _build(cloud, network)
    if offering.get("ispersistent"):
        implement(cloud, network)
    shown = network_view(call, network)
    # read before the plugin wrote the number into the row
    return {"network": {name: value for name, value in shown.items() if name not in ("broadcasturi", "vlan")}}


def _build(cloud: Cloud, network: Row) -> None:
    """Take a VNI and have Netris make subnet and V-Net, all in one transaction.

    What fails here leaves no row and no VNI behind; what Netris has made by then stays there (5.5).
    """
    try:
        network |= {"vni": vnis.pick(cloud, network), "has_vni": True}
        tier = tier_of(cloud, network)
        with vnis.held(cloud, network), cloud.outside():
            cloud.plugin.create_tier(tier)
    except ApiError as error:
        raise InternalError(f"unable to create Netris network {network['id']}due to: {error.text}") from error
    cloud.table("network").put(network)
    vnis.take(cloud, network)


def check_acls(offering: Row) -> None:
    if "NetworkACL" not in offering["services"]:
        raise InvalidValue(f"Cannot use a network ACL: offering {offering['name']} lacks the service NetworkACL")


def _check_offering(call: Call, offering: Row, vpc: Row) -> None:
    cloud = call.cloud
    if offering["state"] != "Enabled":
        raise InvalidValue("Unable to find network offering in Enabled state by specified id")
    if not offering.get("forvpc", True):
        raise InvalidValue("Network offering can't be used for VPC networks")
    if offering.get("specifyvlan") and not call.caller.is_root:
        raise PermissionDenied("Only root admins can use a network offering with specifyVlan")
    if offering.get("internetprotocol", "IPv4") != "IPv4":
        raise InvalidValue("The zone has no public IPv6 range and no guest prefixes, which the offering needs")
    service_providers.check_buildable(cloud, offering["services"])
    supported = cloud.get("vpcoffering", vpc["vpcofferingid"])["services"]
    for service, provider in offering["services"].items():
        if supported.get(service) != provider:
            raise InvalidValue(
                f"Service {service} of the offering: Service/provider combination {service}/{provider} is not "
                f"supported by VPC {described(cloud, 'vpc', vpc)}"
            )


def _range(call: Call, vpc: Row) -> tuple[IPv4Network, IPv4Address]:
    if "gateway" not in call or "netmask" not in call:
        raise InvalidValue("Gateway/netmask are required when create network for VPC")
    try:
        gateway = IPv4Address(call["gateway"])
    except ValueError:
        raise InvalidValue("Gateway parameter is invalid") from None
    try:
        cidr = IPv4Network(f"{gateway}/{IPv4Address(call['netmask'])}", strict=False)
    except ValueError:
        raise InvalidValue(_BAD_GATEWAY) from None
    if gateway in (cidr.network_address, cidr.broadcast_address):
        raise InvalidValue(_BAD_GATEWAY)
    largest = configuration.number(call.cloud, "network.guest.cidr.limit")
    if not call.caller.is_root and cidr.prefixlen < largest:
        raise InvalidValue(f"Cidr size can't be less than {largest}")
    if not cidr.subnet_of(IPv4Network(vpc["cidr"], strict=False)):
        raise InvalidValue(f"Network cidr {cidr} is not within vpc {described(call.cloud, 'vpc', vpc)} cidr")
    return cidr, gateway


def _check_room(cloud: Cloud, vpc: Row, cidr: IPv4Network) -> None:
    tiers = cloud.table("network").by("vpcid", vpc["id"])
    most = configuration.number(cloud, "vpc.max.networks", cloud.get("account", vpc["accountid"]))
    if len(tiers) >= most:
        raise InternalError(f"Number of networks per VPC cannot surpass [{most}].")
    for tier in tiers:
        if cidr.overlaps(IPv4Network(tier["cidr"])):
            both = described(cloud, "network", tier), described(cloud, "vpc", vpc)
            raise InvalidValue(
                f"Network cidr {cidr} crosses other network cidr {both[0]} belonging to the same vpc {both[1]}"
            )


@handles("updateNetwork")
def update_network(call: Call) -> Row:
    cloud, network = call.cloud, call["id"]
    _check_tier(network)
    if "networkofferingid" in call:
        _check_offering(call, call["networkofferingid"], cloud.get("vpc", network["vpcid"]))
        cloud.change("network", network, networkofferingid=call["networkofferingid"]["id"])
    before = tier_of(cloud, network)
    names = ("displaytext", "dns1", "dns2", "ip6dns1", "ip6dns2", "publicmtu", "privatemtu")
    cloud.change("network", network, **{name: call[name] for name in names if name in call})
    if "displaynetwork" in call:
        cloud.change("network", network, fordisplay=call["displaynetwork"])
    if call.caller.is_root:
        cloud.change("network", network, hides_usage=call.get("hideipaddressusage", False))
    name = call.get("name") or network["name"]
    with cloud.outside():
        cloud.plugin.update_tier(before, name)
    cloud.change("network", network, name=name)
    return {"network": network_view(call, network)}


@handles("restartNetwork")
def restart_network(call: Call) -> Row:
    network = call["id"]
    _check_tier(network)
    if call.get("cleanup"):
        raise InvalidValue("Cannot restart a VPC tier with cleanup, please restart the whole VPC.")
    if network["state"] != IMPLEMENTED:
        text = "Network is not in the right state to be restarted. Correct states are: Implemented, Setup"
        raise InvalidValue(text)
    try:
        _program(call.cloud, network)  # which repeats static NAT, and Netris refuses that
    except ApiError as error:
        raise ServerError("Failed to restart network") from error
    return SUCCESS


@handles("deleteNetwork")
def delete_network(call: Call) -> Row:
    cloud, network = call.cloud, call["id"]
    _check_tier(network)
    if call.get("forced") and not call.caller.is_root:
        raise PermissionDenied("Only root admins can force the deletion of a network")
    if cloud.table("nic").by("networkid", network["id"]):
        raise ServerError("Failed to delete network")
    try:
        destroy(cloud, network)
    except ApiError as error:
        raise ServerError("Failed to delete network") from error
    return SUCCESS


def _check_tier(network: Row) -> None:
    if network.get("is_system"):
        raise InvalidValue("A system network cannot be changed")


def implement(cloud: Cloud, network: Row) -> None:
    """What the first VM brings about: the router gets a NIC, the VNI is taken back, all rules are written.

    What fails in it leaves the tier as if nobody had tried.
    """
    if network["state"] == IMPLEMENTED:
        return
    cloud.change("network", network, state=IMPLEMENTING)
    try:
        if not network["has_vni"]:
            vnis.take(cloud, network)
            cloud.change("network", network, has_vni=True)
        _program(cloud, network)
    except ApiError:
        with suppress(ApiError):
            shut_down(cloud, network)
        raise
    cloud.change("network", network, state=IMPLEMENTED, idle_since=cloud.clock.now())


def _program(cloud: Cloud, network: Row) -> None:
    rules.raise_all(cloud, network)
    tier_acls.apply(cloud, network, tier_of(cloud, network))


def shut_down(cloud: Cloud, network: Row) -> None:
    """What the collector does to a tier without running VMs. V-Net and pool keep its VNI for its next machine (5.3)."""
    cloud.change("network", network, state=SHUTDOWN)
    rules.lower_all(cloud, network, lambda: tier_acls.withdraw(cloud, network, tier_of(cloud, network)))
    vnis.give_back(cloud, network)
    cloud.change("network", network, state=ALLOCATED, has_vni=False)


def destroy(cloud: Cloud, network: Row) -> None:
    """A tier whose clean-up failed is Allocated, whatever is gone by then (4.2)."""
    was_up = network["state"] in (IMPLEMENTED, SHUTDOWN)
    cloud.change("network", network, state=nics.DESTROY)
    try:
        rules.clear(cloud, networkid=network["id"])
        tier = tier_of(cloud, network)
        if was_up:
            tier_acls.withdraw(cloud, network, tier)
            routes.check(cloud, cloud.get("vpc", network["vpcid"]))
        tier_acls.withdraw(cloud, network, tier)
        with cloud.outside():
            cloud.plugin.delete_tier(tier)
    except ApiError:
        if cloud.is_there("network", network):
            cloud.change("network", network, state=ALLOCATED)
        raise
    if cloud.is_there("network", network):
        vnis.give_back(cloud, network)
        cloud.remove("network", network)
