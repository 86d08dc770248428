"""The one tenant and the one VPC that the services make themselves, as a root admin orders them."""

from __future__ import annotations

from sandbox.cloudstack.operator import Operator
from sandbox.cloudstack.resources.owners import limits
from sandbox.generator.size import VPCS_OF_A_TENANT, Size
from sandbox.kit.store import Row, Store

BLOCK = "10.77."  # of the sample's addresses
DOMAIN = "generated"
TIER_NAMES = ("web", "app", "db")
OFFERING = "Small Instance"


def tenant_name(number: int) -> str:
    return f"tenant-{number:05}"


def vpc_name(number: int) -> str:
    return f"vpc-{number:05}"


def password_of(number: int) -> str:
    """Of a tenant's user, whose name is the tenant's."""
    return f"{tenant_name(number)}-password"


def make_domain(api: Operator) -> Row:
    """All tenants are in it, so it is held back by nothing."""
    domain = api.one("createDomain", name=DOMAIN)
    for type_ in (limits.VM, limits.PUBLIC_IP, limits.VOLUME, limits.NETWORK, limits.VPC, limits.CPU, limits.MEMORY):
        api("updateResourceLimit", domainid=domain["id"], resourcetype=type_, max=limits.UNLIMITED)
    return domain


def make_tenant(api: Operator, domain: Row, size: Size) -> None:
    """An account with one user."""
    account = {"account": tenant_name(1), "domainid": domain["id"]}
    api(
        "createAccount",
        username=tenant_name(1),
        password=password_of(1),
        firstname=tenant_name(1),
        lastname=DOMAIN,
        email=f"{tenant_name(1)}@example.net",
        accounttype=0,
        **account,
    )
    offering = api.one("listServiceOfferings", name=OFFERING)
    for type_, most in _limits(size, offering).items():
        api("updateResourceLimit", resourcetype=type_, max=most, **account)


def _limits(size: Size, offering: Row) -> dict[int, int]:
    """Twice what the account has got, and no less than usual."""
    vpcs = min(size.vpcs, VPCS_OF_A_TENANT)
    machines = vpcs * size.tiers * size.machines
    has = {
        limits.VM: machines,
        limits.PUBLIC_IP: vpcs * (size.addresses_of_a_vpc + 1),
        limits.VOLUME: machines,
        limits.NETWORK: vpcs * size.tiers,
        limits.VPC: vpcs,
        limits.CPU: machines * offering["cpunumber"],
        limits.MEMORY: machines * offering["memory"],
    }
    return {type_: max(2 * number, limits.TYPES[type_][2]) for type_, number in has.items()}


def make_vpc(api: Operator, store: Store, size: Size, account: Row) -> None:
    zone = api.one("listZones")["id"]
    owner = {"account": account["name"], "domainid": account["domainid"]}
    offering = api.one("listVPCOfferings", name="VPC offering with Netris - NAT Mode")["id"]
    placed = {"zoneid": zone, "vpcofferingid": offering}
    vpc = api.done("createVPC", name=vpc_name(1), cidr=f"{BLOCK}0.0/16", **placed, **owner)["id"]
    acl = _acl(api, vpc, size.rules)
    machines = [
        _tier(api, {"zoneid": zone, "vpcid": vpc, "aclid": acl}, number, size.machines, owner)
        for number in range(1, size.tiers + 1)
    ]
    if machines and machines[0]:
        _rules(api, store, size, vpc, machines[0])
    for number in range(size.routes):
        hop, cidr = f"{BLOCK}1.254", f"192.168.{number}.0/24"
        api.done("createStaticRoute", vpcid=vpc, cidr=cidr, nexthop=hop)


def _acl(api: Operator, vpc: str, rules: int) -> str:
    acl = api("createNetworkACLList", name=f"{vpc_name(1)}-acl", vpcid=vpc)
    api("queryAsyncJobResult", jobid=acl["jobid"])
    for number in range(1, rules + 1):
        rule = {"aclid": acl["id"], "number": number, "protocol": "tcp", "action": "allow", "cidrlist": "0.0.0.0/0"}
        side, port = "ingress" if number % 2 else "egress", 440 + number
        api.done("createNetworkACL", traffictype=side, startport=port, endport=port, **rule)
    return str(acl["id"])


def _tier(api: Operator, place: Row, number: int, machines: int, owner: Row) -> list[Row]:
    """A tier's machines, with the tier's id in each as `networkid`."""
    name = TIER_NAMES[number - 1]
    offering = api.one("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")["id"]
    space = {"gateway": f"{BLOCK}{number}.1", "netmask": "255.255.255.0", "networkofferingid": offering}
    tier = api.one("createNetwork", name=name, **space, **place)["id"]
    machine = {
        "zoneid": place["zoneid"],
        "networkids": tier,
        "serviceofferingid": api.one("listServiceOfferings", name=OFFERING)["id"],
        "templateid": api.one("listTemplates", templatefilter="executable")["id"],
    }
    names = [f"{vpc_name(1)}-{name}-{each}" for each in range(1, machines + 1)]
    return [api.done("deployVirtualMachine", name=each, **machine, **owner) | {"networkid": tier} for each in names]


def _rules(api: Operator, store: Store, size: Size, vpc: str, machines: list[Row]) -> None:
    """Forwards share an address, and balancers one; every static NAT has its own."""
    behind = {"virtualmachineid": machines[0]["id"], "networkid": machines[0]["networkid"], "openfirewall": "false"}
    address = _public_address(api, store, vpc) if size.forwards else ""
    for port in range(8000, 8000 + size.forwards):
        ports = {"protocol": "tcp", "publicport": port, "privateport": port}
        api.done("createPortForwardingRule", ipaddressid=address, **ports, **behind)
    address = _public_address(api, store, vpc) if size.balancers else ""
    for port in range(80, 80 + size.balancers):
        facts = {"name": f"{vpc_name(1)}-{port}", "algorithm": "roundrobin", "publicport": port, "privateport": port}
        rule = api.done("createLoadBalancerRule", publicipid=address, networkid=behind["networkid"], **facts)["id"]
        members = ",".join(machine["id"] for machine in machines)
        api.done("assignToLoadBalancerRule", id=rule, virtualmachineids=members)
    for machine in machines[: size.staticnats]:
        translated = {"virtualmachineid": machine["id"], "networkid": machine["networkid"]}
        api("enableStaticNat", ipaddressid=_public_address(api, store, vpc), **translated)


def _public_address(api: Operator, store: Store, vpc: str) -> str:
    """One of the Netris range: left to choose, the server takes one of the virtual routers'."""
    netris = next(row for row in store["vlan"] if row["provider"])
    free = next(iter(store["publicip"].by("pool", f"{netris['id']}:Free")))["ipaddress"]
    return str(api.done("associateIpAddress", vpcid=vpc, ipaddress=free)["id"])
