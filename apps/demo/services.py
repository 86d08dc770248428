"""What the demo's tenants do in their networks: public IPs, static NAT, port forwards, load balancers, access lists,
peerings.

None of it can be asked for while the VPC is being built, and what leads to an instance not before that runs. So
`furnish` asks for what can be asked for now and says whether more is to come. Each thing is asked for once: what was
refused on its way, or what somebody has deleted, does not come again with the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from uuid import UUID

import httpx

from apps.acls import presets
from apps.acls.models import Acl
from apps.acls.rules import EVERYWHERE, Action, Direction, Protocol, Rule
from apps.acls.services import assign, create_acl
from apps.acls.specs import AclSpec
from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import create_port_forward
from apps.addresses.services.public_ips import acquire, release
from apps.addresses.services.static_nats import create_static_nat
from apps.addresses.specs import PublicIpSpec
from apps.balancers.models import Balancer
from apps.balancers.services import create_balancer, drain_member
from apps.balancers.specs import BalancerSpec
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import try_again
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.routes.services import create_route
from apps.networks.routes.specs import RouteSpec
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal
from apps.peering.models import Peering
from apps.peering.services import create_peering
from apps.peering.specs import PeeringSpec, PeerSpec
from apps.tenancy.actors import Actor
from apps.tenancy.models import Tenant

BY = Actor.system("sample data")


@dataclass(frozen=True)
class Address:
    name: str
    notes: str = ""
    #: It is released as soon as it is there, so that it rests.
    is_given_back: bool = False


@dataclass(frozen=True)
class Nat:
    #: The name of the public IP.
    address: str
    instance: str
    is_for_secondary: bool = False


@dataclass(frozen=True)
class Forward:
    address: str
    instance: str
    public_ports: str
    private_ports: str = ""
    protocol: str = "tcp"
    enabled: bool = True


@dataclass(frozen=True)
class Balanced:
    """A load balancer."""

    name: str
    #: The name of the public IP.
    address: str
    port: int
    member_port: int
    members: tuple[str, ...]
    #: As the API takes it.
    check: dict[str, Any] = field(default_factory=dict)
    protocol: str = "tcp"
    sources: tuple[str, ...] = ()
    #: The member that refuses whoever comes.
    broken: str = ""
    drained: str = ""


@dataclass(frozen=True)
class AccessList:
    name: str
    rules: tuple[Rule, ...]
    tiers: tuple[str, ...] = ()
    #: Rules that end after a week.
    passing: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Way:
    """A static route, through an instance."""

    destination: str
    instance: str


@dataclass(frozen=True)
class Peered:
    """With another VPC of the tenant's, or asked of another tenant, which has not answered."""

    name: str
    prefixes: tuple[str, ...]
    vpc: str = ""
    tenant: str = ""


@dataclass(frozen=True)
class Life:
    """What there is in one VPC."""

    tenant: str
    vpc: str
    addresses: tuple[Address, ...] = ()
    nats: tuple[Nat, ...] = ()
    forwards: tuple[Forward, ...] = ()
    lists: tuple[AccessList, ...] = ()
    ways: tuple[Way, ...] = ()
    balanced: tuple[Balanced, ...] = ()
    peered: tuple[Peered, ...] = ()


def _tcp(action: Action, direction: Direction, cidr: str | IPv4Network, port: int, note: str) -> Rule:
    return Rule(action, direction, Protocol.TCP, (IPv4Network(cidr),), ((port, port),), note)


WEB, APP = IPv4Network("10.20.0.0/24"), IPv4Network("10.20.1.0/24")
OFFICE = IPv4Address("203.0.113.7")
FROM_WEB = _tcp(Action.ALLOW, Direction.INGRESS, WEB, 8080, "From the web tier")
UPDATES = _tcp(Action.ALLOW, Direction.EGRESS, EVERYWHERE, 443, "Updates")

LIVES = (
    Life(
        "acme",
        "prod",
        (
            Address("shop", "The front door"),
            Address("api", "Partners have this one in their own lists"),
            Address("build"),
            Address("storefront", "What customers see"),
            Address("spare", "For the next campaign"),
            Address(""),
            Address("old shop", is_given_back=True),
        ),
        (Nat("api", "prod-app-1"), Nat("build", "prod-web-3", is_for_secondary=True)),
        (
            Forward("shop", "prod-web-1", "80"),
            Forward("shop", "prod-web-1", "443", "8443"),
            Forward("shop", "prod-web-2", "8000-8003"),
            Forward("shop", "prod-web-2", "2222", "22", enabled=False),
        ),
        (
            AccessList(
                "web",
                (
                    *presets.web(),
                    _tcp(Action.ALLOW, Direction.INGRESS, EVERYWHERE, 8443, "HTTPS behind the forward"),
                    *presets.ping(),
                    *presets.ssh(OFFICE),
                    *presets.dns(),
                    UPDATES,
                ),
                ("web",),
            ),
            AccessList("app", (FROM_WEB, UPDATES), ("app",)),
            AccessList("database", presets.database(APP), ("db",)),
        ),
        (Way("192.168.50.0/24", "prod-app-1"),),
        (
            Balanced(
                "storefront",
                "storefront",
                443,
                8443,
                ("prod-web-1", "prod-web-2", "prod-web-3"),
                {"type": "http", "path": "/up", "timeout_seconds": 2},
                broken="prod-web-2",
            ),
            Balanced("redirects", "storefront", 80, 80, ("prod-web-1", "prod-web-3"), {"type": "tcp"}),
            Balanced(
                "partners",
                "storefront",
                9443,
                8443,
                ("prod-web-1", "prod-web-3"),
                sources=("203.0.113.0/24",),
                drained="prod-web-3",
            ),
        ),
        (Peered("prod and staging", ("10.20.0.0/20",), vpc="staging"),),
    ),
    Life(
        "acme",
        "staging",
        (Address("preview"),),
        (),
        (Forward("preview", "staging-web-1", "80"), Forward("preview", "staging-web-1", "5514", "514", "udp")),
        (
            AccessList(
                "partners",
                # Netris decides the other way round: the second rule is the more specific one.
                (
                    *presets.web(),
                    _tcp(Action.DENY, Direction.INGRESS, "198.51.100.0/24", 443, "Not from our own addresses"),
                ),
                ("web",),
                presets.ssh(IPv4Address("203.0.113.80")),
            ),
            AccessList("draft", presets.ping()),
        ),
    ),
    Life(
        "globex",
        "prod",
        (Address("booking", "booking.example.net"), Address("vpn"), Address("play"), Address("")),
        (Nat("vpn", "prod-db-1"),),
        (Forward("booking", "prod-web-1", "443"), Forward("booking", "prod-web-2", "5060-5062", protocol="udp")),
        (
            AccessList("web", (*presets.web(), *presets.ping(), *presets.dns()), ("web",)),
            AccessList("database", presets.database(WEB, 3306), ("db",)),
        ),
        balanced=(
            Balanced("play", "play", 443, 443, ("prod-web-1", "prod-web-2"), {"type": "tcp"}),
            Balanced("play voice", "play", 5004, 5004, ("prod-web-1", "prod-web-2"), protocol="udp"),
        ),
        peered=(Peered("Globex bookings", ("10.20.0.0/24",), tenant="acme"),),
    ),
)


def furnish(lives: Iterable[Life] = LIVES) -> bool:
    """Ask for whatever can be asked for now. True while more is to come."""
    waiting = [vpc for life in lives for vpc, ask in _steps(life) if not _is_asked(ask)]
    for zone in {vpc.zone for vpc in waiting}:
        request_refresh(zone, Kind.CLOUDSTACK_INSTANCE)
    return bool(waiting)


def _is_asked(ask: Callable[[], bool]) -> bool:
    try:
        return try_again(ask)
    except Refused:
        return False


def _steps(life: Life) -> Iterator[tuple[Vpc, Callable[[], bool]]]:
    """Each says whether all that it is for has been asked for, and may raise `Refused`. Where somebody has deleted the
    VPC there are none, nor in another of its name."""
    vpcs = Vpc.objects.of(Tenant.objects.get(slug=life.tenant)).select_related("tenant", "zone")
    vpc = vpcs.filter(name=life.vpc).order_by("created_at").first()
    if vpc is None or vpc.status == Status.DELETED:
        return
    tables: tuple[tuple[Callable[[Vpc, Any], bool], tuple[Any, ...]], ...] = (
        (_address, life.addresses),
        (_list, life.lists),
        (_nat, life.nats),
        (_forward, life.forwards),
        (_way, life.ways),
        (_balanced, life.balanced),
        (_peered, life.peered),
    )
    for step, things in tables:
        yield from ((vpc, partial(step, vpc, thing)) for thing in things)


def _address(vpc: Vpc, wanted: Address) -> bool:
    rows = PublicIp.objects.of(vpc.tenant).filter(vpc=vpc, name=wanted.name).exclude(purpose=Purpose.SOURCE_NAT)
    if not rows.exists():
        acquire(vpc, PublicIpSpec(name=wanted.name, notes=wanted.notes), by=BY)
        return not wanted.is_given_back
    if wanted.is_given_back and (row := rows.live().first()):
        release(row, by=BY)
    return True


def _list(vpc: Vpc, wanted: AccessList) -> bool:
    rows = Acl.objects.of(vpc.tenant).filter(vpc=vpc, name=wanted.name)
    if not rows.exists():
        ends_at = clock.now() + timedelta(days=7)
        rules = wanted.rules + tuple(replace(rule, expires_at=ends_at) for rule in wanted.passing)
        create_acl(vpc.tenant, AclSpec(str(vpc.pk), wanted.name, rules), by=BY)
        return not wanted.tiers
    if (acl := rows.live().first()) is not None:
        for tier in Tier.objects.of(vpc.tenant).live().filter(vpc=vpc, name__in=wanted.tiers, acl=None):
            assign(tier, str(acl.pk), by=BY)
    return True


def _nat(vpc: Vpc, wanted: Nat) -> bool:
    public_ip = _live(vpc, wanted.address)
    if public_ip is None or StaticNat.objects.of(vpc.tenant).filter(public_ip=public_ip).exists():
        return True
    if (instance := _instance(vpc, wanted.instance)) is None:
        return False
    second = next((each.address for each in instance.addresses if not each.is_primary), None)
    if wanted.is_for_secondary and second is None:
        return False
    address = IPv4Address(str(second)) if wanted.is_for_secondary else None
    create_static_nat(public_ip, instance, address=address, by=BY)
    return True


def _forward(vpc: Vpc, wanted: Forward) -> bool:
    values = {"private_ports": wanted.private_ports, "enabled": wanted.enabled}
    spec = ForwardSpec.parse(values | {"protocol": wanted.protocol, "public_ports": wanted.public_ports})
    public_ip = _live(vpc, wanted.address)
    same = {"public_ip": public_ip, "protocol": spec.protocol, "public_first": spec.public.first}
    if public_ip is None or PortForward.objects.of(vpc.tenant).filter(**same).exists():
        return True
    if (instance := _instance(vpc, wanted.instance)) is None:
        return False
    create_port_forward(public_ip, instance, spec, by=BY)
    return True


def _way(vpc: Vpc, wanted: Way) -> bool:
    destination = IPv4Network(wanted.destination)
    if StaticRoute.objects.of(vpc.tenant).filter(vpc=vpc, destination=destination).exists():
        return True
    instance = _instance(vpc, wanted.instance)
    hop = next((each.address for each in instance.addresses if each.is_primary), None) if instance else None
    if hop is None:
        return False
    create_route(vpc, RouteSpec(destination, IPv4Address(str(hop))), by=BY)
    return True


def _balanced(vpc: Vpc, wanted: Balanced) -> bool:
    check = wanted.check or {"type": "none"}
    public_ip = _live(vpc, wanted.address)
    known = Balancer.objects.of(vpc.tenant).filter(public_ip=public_ip, port=wanted.port).prefetch_related("members")
    if public_ip is None:
        return True
    if (row := known.first()) is not None:
        return not wanted.drained or _drained(row, wanted.drained)
    found = {name: _instance(vpc, name) for name in wanted.members}
    ids = [each.id for each in found.values() if each is not None]
    if len(ids) < len(found):
        return False
    if wanted.broken and (broken := found[wanted.broken]):
        tell(vpc, broken.id, wanted.member_port)
    values = {"name": wanted.name, "protocol": wanted.protocol, "port": wanted.port, "member_port": wanted.member_port}
    spec = BalancerSpec.parse(values | {"members": ids, "allowed_cidrs": list(wanted.sources), "health_check": check})
    create_balancer(public_ip, spec, by=BY)
    return not wanted.drained


def _peered(vpc: Vpc, wanted: Peered) -> bool:
    if Peering.objects.of(vpc.tenant).filter(vpc=vpc, name=wanted.name).exists():
        return True
    peer = PeerSpec(tenant=wanted.tenant, name=wanted.name)
    if wanted.vpc:
        other = Vpc.objects.of(vpc.tenant).filter(name=wanted.vpc, status=Status.READY).first()
        if other is None:
            return False
        peer = PeerSpec(vpc=other.pk, name=wanted.name)
    create_peering(vpc, PeeringSpec(peer, tuple(map(IPv4Network, wanted.prefixes))), by=BY)
    return True


def _drained(row: Balancer, name: str) -> bool:
    """Asked for once: a second change of it says that somebody wanted it otherwise."""
    member = next((each for each in row.members.all() if each.instance_name == name), None)
    changed = Operation.objects.of(row.tenant).filter(resource_id=row.pk, goal=Goal.CHANGED)
    if row.status == Status.DELETED or member is None or changed.exists():
        return True
    drain_member(row, member, is_drained=True, by=BY)
    return True


def tell(vpc: Vpc, instance_id: UUID, port: int) -> None:
    """Order the sandbox to let an instance refuse whoever comes to the port."""
    orders = httpx.URL(vpc.zone.cloudstack_url).join("/_sandbox/manners")
    order = {"instance": str(instance_id), "port": port, "does": "refuse"}
    httpx.post(orders, json=order, trust_env=False).raise_for_status()


def _live(vpc: Vpc, name: str) -> PublicIp | None:
    """None when somebody has released it. Raises `Refused` while it was not asked for."""
    rows = PublicIp.objects.of(vpc.tenant).filter(vpc=vpc, name=name)
    if not rows.exists():
        raise Refused("not-now", "The address was not acquired yet.")
    return rows.live().select_related("tenant", "vpc").first()


def _instance(vpc: Vpc, name: str) -> Instance | None:
    found = instances.choices(vpc.tenant, name, vpc=vpc)
    return next((each for each in found if each.name == name), None)
