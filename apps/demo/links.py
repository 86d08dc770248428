"""What the demo has of Direct Connect: a location with ports, a connection in service over which a tenant's router
announces its office, and an order of another tenant that waits for the platform.

All of it is asked for as people would, a step whenever the one before has come about: readings of the fabric bring the
order on. The router at the far end is ordered from the sandbox. What somebody has changed meanwhile stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from apps.demo.services import BY
from apps.directconnect.interfaces.services import create_interface
from apps.directconnect.interfaces.specs import InterfaceSpec
from apps.directconnect.models import Connection, FabricPort, Interface, Location, PortKind, StageEntry
from apps.directconnect.services.locations import add_port, create_location
from apps.directconnect.services.orders import order, transition
from apps.directconnect.specs import LocationSpec, OfferingSpec, OrderSpec
from apps.directconnect.stages import Party, Stage
from apps.kernel.errors import Refused
from apps.kernel.locks import try_again
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

RATE = 10_000
OFFERED = (
    OfferingSpec(RATE, PortKind.DEDICATED, "450 a month"),
    OfferingSpec(RATE, PortKind.HOSTED, "90 a month"),
)
LYON = LocationSpec(
    name="Lyon 1",
    address="1 rue de la Part-Dieu, Lyon",
    room="MMR 3",
    loa_text="Patch one pair of single-mode fibres, LC to LC.\nReport the tray to the network operations centre.",
    offerings=OFFERED,
)
#: Which no cable of the sandbox's site is in.
PORTS = (
    ("swp20@Leaf-1", PortKind.DEDICATED),
    ("swp20@Leaf-2", PortKind.DEDICATED),
    ("swp21@Leaf-2", PortKind.HOSTED),
)


@dataclass(frozen=True)
class Link:
    """An order. With a VPC it is brought into service; without one it waits for the platform."""

    tenant: str
    name: str
    kind: str
    vpc: str = ""
    reference: str = ""
    #: What the office at the far end has.
    office: str = ""


LINKS = (
    Link("acme", "Lyon office", PortKind.DEDICATED, "prod", "XC-20417", "172.31.0.0/16"),
    Link("globex", "Lyon call centre", PortKind.HOSTED),
)
ASN = 65_010


def furnish() -> bool:
    """Ask for whatever can be asked for now. True while more is to come."""
    done = [_is_done(link) for link in LINKS]
    return not all(done)


def _is_done(link: Link) -> bool:
    try:
        return try_again(lambda: _step(link))
    except Refused:  # not now: the fabric was not surveyed, or the VPC is not built
        return False


def _step(link: Link) -> bool:
    tenant = Tenant.objects.get(slug=link.tenant)
    location = Location.objects.called(LYON.name).select_related("zone").first() or _opened()
    if location is None:
        return False
    row = (
        Connection.objects.of(tenant).filter(name=link.name).select_related("tenant", "location__zone", "port").first()
    )
    if row is None:
        spec = OrderSpec(link.name, LYON.name, RATE, link.kind)
        row = order(tenant, spec, by=BY)
    return _brought_on(row, link)


def _opened() -> Location | None:
    zone = Zone.objects.filter(is_enabled=True).order_by("created_at").first()
    return create_location(zone, LYON, by=Platform(BY)) if zone else None


def _brought_on(row: Connection, link: Link) -> bool:
    """By one stage. True where nobody has to do anything more."""
    match row.stage:
        case Stage.DRAFT if not _was_submitted(row):
            transition(row, Stage.SUBMITTED, {}, party=Party.TENANT, by=BY)
        case Stage.SUBMITTED if link.vpc:
            _ports(row.location)
            transition(row, Stage.APPROVED, {}, party=Party.PLATFORM, by=BY)
        case Stage.PORT_RESERVED:
            transition(row, Stage.LOA_ISSUED, {}, party=Party.PLATFORM, by=BY)
        case Stage.LOA_ISSUED:
            told = {"reference": link.reference}
            transition(row, Stage.CROSS_CONNECT_REPORTED, told, party=Party.TENANT, by=BY)
        case Stage.CROSS_CONNECT_REPORTED:
            _interface(row, link)
        case Stage.LIGHT_SEEN | Stage.VLAN_UP | Stage.BGP_ESTABLISHED:
            pass
        case Stage.PREFIXES_ACCEPTED:
            transition(row, Stage.IN_SERVICE, {}, party=Party.TENANT, by=BY)
            return True
        case _:
            return True
    return False


def _was_submitted(row: Connection) -> bool:
    """And was withdrawn by somebody."""
    return StageEntry.objects.of(row.tenant).filter(connection=row, to_stage=Stage.SUBMITTED).exists()


def _ports(location: Location) -> None:
    for name, kind in PORTS:
        if not FabricPort.objects.filter(zone=location.zone, name=name).exists():
            add_port(location, name, kind, RATE, by=Platform(BY))


def _interface(row: Connection, link: Link) -> None:
    """In the VPC, and the router at its far end once it is there."""
    there = Interface.objects.of(row.tenant).filter(connection=row).select_related("port").first()
    if there is not None:
        if there.status == Status.READY:
            tell(row.location.zone, there, link.office)
        return
    vpc = (
        Vpc.objects.of(row.tenant).filter(name=link.vpc).select_related("tenant", "zone").order_by("created_at").first()
    )
    if vpc is None:
        return
    values = {"name": link.vpc, "vpc": str(vpc.pk), "peer_asn": ASN}
    values |= {"announce": [str(vpc.cidr)], "accept": [link.office]}
    create_interface(row, vpc, InterfaceSpec.parse(values), by=BY)


def tell(zone: Zone, row: Interface, office: str) -> None:
    """Order the sandbox to put the tenant's router at the far end: to say the same again changes nothing."""
    assert row.port is not None, "it was not removed"
    orders = httpx.URL(zone.netris_url).join("/_sandbox/routers")
    side = {"port": row.port.name, "vlan": row.vlan, "address": f"{row.remote_address}/{row.prefix_length}"}
    side |= {"asn": row.peer_asn, "announces": [office], "bfd": row.bfd}
    httpx.post(orders, json=side, trust_env=False).raise_for_status()
