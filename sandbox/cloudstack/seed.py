"""What a management server knows after the zone wizard: root, roles, offerings, the zone and its public ranges."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from sandbox.cloudstack.calls.access import ALLOW, DENY, ROOT_ADMIN, hashed
from sandbox.cloudstack.plugin.controller import Provider
from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row
from sandbox.site import PublicRange

ROLES = (
    ("Root Admin", "Admin", "Default root admin role"),
    ("Resource Admin", "ResourceAdmin", "Default resource admin role"),
    ("Domain Admin", "DomainAdmin", "Default domain admin role"),
    ("User", "User", "Default user role"),
    ("Read-Only Admin", "Admin", "Default read-only admin role"),
    ("Read-Only User", "User", "Default read-only user role"),
)
_READS = ("list", "get", "query", "find")


def _rules(role: str) -> list[tuple[str, str]]:
    """The rules of a default role: those that only read say so, the others have what their type has."""
    if not role.startswith("Read-Only"):
        return []
    reads = [f"{word}*" for word in _READS]
    if role == "Read-Only User":
        reads = [each.name for each in CATALOGUE.values() if "U" in each.roles and each.name.startswith(_READS)]
    return [*((rule, ALLOW) for rule in reads), ("*", DENY)]


NATTED, ROUTED = "NATTED", "ROUTED"
ROUTER_SERVICES = ("UserData", "Dhcp", "Dns", "Vpn")
NAT_SERVICES = ("NetworkACL", "PortForwarding", "Lb", "SourceNat", "StaticNat")
GATEWAY = "Gateway"  # a service that no list shows
ROUTER, NETRIS = "VpcVirtualRouter", "Netris"


def _providers(router: tuple[str, ...], netris: tuple[str, ...]) -> dict[str, str]:
    return {**dict.fromkeys(router, ROUTER), **dict.fromkeys(netris, NETRIS)}


VPC_OFFERINGS = (
    ("VPC offering with Netris - NAT Mode", NATTED, _providers(ROUTER_SERVICES, (*NAT_SERVICES, GATEWAY))),
    ("VPC offering with Netris - Route Mode", ROUTED, _providers(ROUTER_SERVICES[:3], ("SourceNat", "NetworkACL"))),
)
TIER_OFFERINGS = (
    ("DefaultNATNetrisNetworkOfferingForVpc", NATTED, _providers(ROUTER_SERVICES, NAT_SERVICES)),
    ("DefaultRoutedNetrisNetworkOfferingForVpc", ROUTED, _providers(ROUTER_SERVICES[:3], ("NetworkACL",))),
)
SERVICE_OFFERINGS = (
    ("Small Instance", 1, 500, 512),
    ("Medium Instance", 1, 1000, 1024),
    ("Large Instance", 2, 2000, 4096),
)
ROUTER_OFFERING = "System Offering For Software Router"
TEMPLATES = (("Ubuntu 24.04 LTS", "Ubuntu 24.04 LTS"), ("Rocky Linux 9", "Rocky Linux 9"))
DEFAULT_LISTS = (
    ("default_deny", "Default Network ACL Deny All", "Deny"),
    ("default_allow", "Default Network ACL Allow All", "Allow"),
)


def seed(cloud: Cloud, *, keys: tuple[str, str], password: str, provider: Provider) -> None:
    _root(cloud, keys, password)
    zone = _zone(cloud)
    _infrastructure(cloud, zone, provider)
    for public_range in cloud.zone_facts.public_ranges:
        add_public_range(cloud, zone, public_range)
    _menu(cloud, zone)


def refresh(cloud: Cloud, *, keys: tuple[str, str], provider: Provider) -> None:
    """After a restart: the operator's credentials are those of this start."""
    _stock(cloud)
    admin = cloud.table("user").find(username="admin", isdefault=True)
    if admin is not None and (admin.get("apikey"), admin.get("secretkey")) != keys:
        cloud.change("user", admin, apikey=keys[0], secretkey=keys[1])
    row = next(iter(cloud.table("netrisprovider").rows.values()), None)
    if row is not None and (row["username"], row["password"]) != (provider.user, provider.password):
        cloud.change("netrisprovider", row, username=provider.user, password=provider.password)


PROVIDERS = (
    ("VirtualRouter", "Enabled", ("Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "PortForwarding", "Lb", "Vpn")),
    ("VpcVirtualRouter", "Enabled", (*ROUTER_SERVICES, *NAT_SERVICES)),
    ("InternalLbVm", "Disabled", ("Lb",)),
    ("ConfigDrive", "Disabled", ("Dhcp", "Dns", "UserData")),
    (NETRIS, "Enabled", (*NAT_SERVICES, "Connectivity")),
)


def _stock(cloud: Cloud) -> None:
    """Lists of the house that never change. They are filled at every start, so that older stores get them too."""
    physical = {"physicalnetworkid": cloud.physical_network["id"]}
    if not cloud.table("networkserviceprovider"):
        for name, state, services in PROVIDERS:
            cloud.new("networkserviceprovider", name=name, state=state, servicelist=list(services), **physical)
        for traffic in ("Management", "Public", "Guest", "Storage"):
            cloud.new("traffictype", traffictype=traffic, kvmnetworklabel=f"cloudbr-{traffic.lower()}", **physical)
    if not cloud.table("ostype"):
        for _, system in TEMPLATES:
            cloud.new("ostype", description=system)
        for size in (5, 20, 100):
            name = f"{size} GB disk"
            cloud.new("diskoffering", name=name, displaytext=name, disksize=size, iscustomized=False)


def _root(cloud: Cloud, keys: tuple[str, str], password: str) -> None:
    for name, type_, description in ROLES:
        role = cloud.new("role", name=name, type=type_, description=description, is_default=True, is_public=True)
        for rule, permission in _rules(name):
            cloud.new("rolepermission", roleid=role["id"], rule=rule, permission=permission)
    root = cloud.new("domain", name="ROOT", level=0, path="ROOT", parentdomainid=None, state="Active")
    role = cloud.table("role").find(name="Root Admin") or {}
    common = {"domainid": root["id"], "accounttype": ROOT_ADMIN, "roleid": role["id"], "state": "enabled"}
    for name in ("system", "admin"):
        account = cloud.new("account", name=name, isdefault=True, **common)
        cloud.change("account", account, accountid=account["id"])
        user = cloud.new(
            "user",
            username=name,
            firstname=name,
            lastname="cloud",
            email="",
            state="enabled",
            accountid=account["id"],
            domainid=root["id"],
            isdefault=True,
        )
        if name == "admin":
            cloud.change("user", user, apikey=keys[0], secretkey=keys[1], password=hashed(password))
    cloud.new("managementserver", name="cs-mgmt-1", state="Up")


def _zone(cloud: Cloud) -> Row:
    facts = cloud.zone_facts
    return cloud.new(
        "zone",
        name=facts.name,
        dns1=facts.dns1,
        dns2=facts.dns2,
        internaldns1=facts.dns1,
        networktype="Advanced",
        type="Core",
        allocationstate="Enabled",
        provider=NETRIS,
        suffix=facts.guest_domain_suffix,
    )


def _infrastructure(cloud: Cloud, zone: Row, provider: Provider) -> None:
    facts = cloud.zone_facts
    place = {"zoneid": zone["id"]}
    pod = cloud.new(
        "pod",
        name=facts.pod,
        gateway=facts.pod_gateway,
        netmask=facts.pod_netmask,
        startip=facts.pod_start,
        endip=facts.pod_end,
        allocationstate="Enabled",
        **place,
    )
    place |= {"podid": pod["id"]}
    cluster = cloud.new("cluster", name=facts.cluster, hypervisortype="KVM", allocationstate="Enabled", **place)
    place |= {"clusterid": cluster["id"]}
    host: Row = {"type": "Routing", "state": "Up", "connected": cloud.clock.now(), **place}
    for hypervisor in facts.hypervisors:
        cloud.new("host", name=hypervisor.name, ipaddress=hypervisor.address, **host)
    physical = cloud.new(
        "physicalnetwork",
        name="Physical Network 1",
        zoneid=zone["id"],
        state="Enabled",
        vlan=f"{facts.vni_first}-{facts.vni_last}",
        isolationmethods=NETRIS,
        broadcastdomainrange="ZONE",
    )
    system = cloud.table("account").find(name="system") or {}
    cloud.new(
        "network",
        name="Public",
        displaytext="Public",
        traffictype="Public",
        type="Shared",
        state="Setup",
        is_system=True,
        zoneid=zone["id"],
        physicalnetworkid=physical["id"],
        accountid=system["id"],
        domainid=system["domainid"],
        vpcid=None,
    )
    add_provider(cloud, zone, "netris", provider)


def add_provider(cloud: Cloud, zone: Row, name: str, provider: Provider) -> Row:
    """The provider's record and its host row, which is how the controller's health shows."""
    host: Row = {"type": "L2Networking", "state": "Up", "connected": cloud.clock.now(), "zoneid": zone["id"]}
    cloud.new("host", name=f"Netris {name}", ipaddress=provider.url, **host)
    return cloud.new(
        "netrisprovider",
        name=name,
        zoneid=zone["id"],
        netrisurl=provider.url,
        username=provider.user,
        password=provider.password,
        sitename=provider.site,
        tenantname=provider.tenant,
        netristag=provider.tag,
    )


def add_public_range(cloud: Cloud, zone: Row, public_range: PublicRange) -> Row:
    """A range and a row for each of its addresses."""
    network = IPv4Network(f"{public_range.gateway}/{public_range.prefix_length}", strict=False)
    vlan = cloud.new(
        "vlan",
        zoneid=zone["id"],
        vlan=public_range.vlan if "://" in public_range.vlan else f"vlan://{public_range.vlan}",
        gateway=public_range.gateway,
        netmask=str(network.netmask),
        cidr=str(network),
        startip=public_range.start,
        endip=public_range.end,
        forsystemvms=public_range.is_for_system_vms,
        provider=NETRIS if public_range.is_for_netris else None,
        physicalnetworkid=cloud.physical_network["id"],
        networkid=public_network(cloud)["id"],
    )
    for number in range(int(IPv4Address(public_range.start)), int(IPv4Address(public_range.end)) + 1):
        add_public_address(cloud, vlan, IPv4Address(number))
    return vlan


def add_public_address(cloud: Cloud, vlan: Row, address: IPv4Address) -> None:
    cloud.new(
        "publicip",
        ipaddress=str(address),
        vlanid=vlan["id"],
        zoneid=vlan["zoneid"],
        state="Free",
        pool=f"{vlan['id']}:Free",
        forsystemvms=vlan["forsystemvms"],
        forprovider=bool(vlan["provider"]),
        accountid=None,
        vpcid=None,
    )


def public_network(cloud: Cloud) -> Row:
    found = cloud.table("network").find(name="Public", is_system=True)
    if found is None:
        raise LookupError("the zone has lost its public network")
    return found


def _menu(cloud: Cloud, zone: Row) -> None:
    for name, mode, services in VPC_OFFERINGS:
        cloud.new("vpcoffering", name=name, displaytext=name, state="Enabled", networkmode=mode, services=services)
    router = cloud.new(
        "serviceoffering", name=ROUTER_OFFERING, cpunumber=1, cpuspeed=500, memory=512, state="Active", is_system=True
    )
    for name, mode, services in TIER_OFFERINGS:
        text = f"Offering for Netris enabled networks on VPCs - {mode} mode"
        fields: Row = {"name": name, "displaytext": text, "state": "Enabled", "networkmode": mode, "services": services}
        cloud.new("networkoffering", serviceofferingid=router["id"], **fields)
    for name, cpus, speed, memory in SERVICE_OFFERINGS:
        cloud.new("serviceoffering", name=name, cpunumber=cpus, cpuspeed=speed, memory=memory, state="Active")
    admin = cloud.table("account").find(name="admin") or {}
    for name, system in TEMPLATES:
        cloud.new(
            "template",
            name=name,
            displaytext=name,
            ostypename=system,
            size=2 * 1024**3,
            zoneid=zone["id"],
            accountid=admin["id"],
            domainid=admin["domainid"],
        )
    for name, description, action in DEFAULT_LISTS:
        acl = cloud.new("networkacllist", name=name, description=description, vpcid=None)
        for number, direction in ((1, "Ingress"), (2, "Egress")):
            cloud.new(
                "networkacl",
                aclid=acl["id"],
                rank=number,
                traffictype=direction,
                action=action,
                protocol="all",
                cidrlist="0.0.0.0/0",
                state="Active",
            )
