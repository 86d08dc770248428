"""What is known of virtual interfaces: what was read of each layer, and what lies beyond them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, NamedTuple
from uuid import UUID

from apps.directconnect import progress
from apps.directconnect.checks import (
    Check,
    Layer,
    Port,
    Reading,
    Session,
    Verdict,
    VNet,
    Wanted,
    checks_of,
    light_of,
    session_of,
)
from apps.directconnect.filters import DEFAULT, announced
from apps.directconnect.interfaces.wanted import Wanted as OnNetris
from apps.directconnect.interfaces.wanted import session_faults, vnet_faults
from apps.directconnect.models import Connection, Interface
from apps.directconnect.routers import Far
from apps.directconnect.stages import CARRIES, Stage
from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.mirror.models import Reading as Listed
from apps.netris.wire import Site
from apps.networks.learned import Learned
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.zones.models import Zone

PORTS, VNETS, SESSIONS = Kind.NETRIS_PORT, Kind.NETRIS_VNET, Kind.NETRIS_SESSION
#: Of a port: what Netris calls one that sees the other side (its words are unverified).
UP, DOWN = ("up", "ok", "active"), ("down", "critical", "inactive", "notpresent")


def learned(vpc: Vpc) -> list[Learned]:
    """What a VPC takes from the routers at its interfaces, and what changes that are under way let it take; a default
    route leads wherever nothing else does, and is in nothing's way. One query, and one where any changes."""
    rows = Interface.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by("created_at", "id")
    told = list(rows.values_list("pk", "name", "accept", "status"))
    wanted: dict[UUID, Mapping[str, Any]] = {}
    if changing := [pk for pk, _, _, status in told if status == Status.CHANGING]:
        work = Operation.objects.of(vpc.tenant).live().filter(resource_id__in=changing)
        wanted = dict(work.values_list("resource_id", "wanted"))
    return [
        Learned(IPv4Network(prefix), f"the interface {name}", pk)
        for pk, name, accept, _ in told
        for prefix in dict.fromkeys((*accept, *wanted.get(pk, {}).get("accept", ())))
        if prefix != str(DEFAULT)
    ]


def our_asn(zone: Zone) -> int | None:
    """What routers at the far end have to expect: the public ASN of the zone's site. One query."""
    sites = (site for site in mirror.items(zone, Kind.NETRIS_SITE) if isinstance(site, Site))
    return next((site.public_asn for site in sites if site.name == zone.netris_site), None)


class Asn(NamedTuple):
    """Ours, and when Netris said so; None while it has not."""

    number: int | None = None
    read_at: datetime | None = None


NO_ASN = Asn()


def asn_of(zone: Zone) -> Asn:
    """Two queries."""
    number = our_asn(zone)
    read = Listed.objects.filter(zone=zone, kind=Kind.NETRIS_SITE).values_list("read_at", flat=True)
    return NO_ASN if number is None else Asn(number, read.first())


#: What can be done to an interface, by the names of the API.
ACTIONS = ("rename", "change", "delete", "apply", "test", "end_test", "show_key")
NO_TEST = "No test runs."
A_TEST_RUNS = "A test runs already. End it first."
NOTE = (
    "Netris lists no routes of a session: it tells how many prefixes are taken, not which. What is advertised is what "
    "the filters let out of the tiers of the VPC; what is received is some of what the filters let in."
)


def why_not(row: Interface, action: str, work: Sequence[Operation]) -> str | None:
    """Why one of the actions is not offered now; None when it is. `work` is all that is under way or stuck in its VPC.
    The connection comes with the row."""
    about = {"rename": "rename", "delete": "delete", "show_key": "show key"}.get(action, "change")
    if reason := row.why_not(about, work):
        return reason
    if action in ("change", "test") and (reason := why_not_carrying(row.connection)):
        return reason
    if action == "test" and row.test_until is not None:
        return A_TEST_RUNS
    return NO_TEST if action == "end_test" and row.test_until is None else None


def why_not_carrying(connection: Connection) -> str | None:
    """Why nothing may be made or changed on a connection now; None when it may."""
    stage = Stage(connection.stage)
    if stage in CARRIES:
        return None
    return f"The connection is at “{stage.label}”. {connection.order.facts.next_action}".strip()


class Told(NamedTuple):
    """What may be said of an interface now."""

    checks: list[Check]
    #: What of the VPC's tiers its filter lets out. Netris does not list what is announced.
    announced: list[IPv4Network]
    #: How many prefixes a session that is up takes; None while no fresh reading tells. Netris does not list which.
    takes: int | None
    #: The session by itself, whatever is below it and whether it is meant to be up or not; and how many it takes then.
    session: Check
    session_takes: int | None
    #: What of the session Netris has otherwise than it is meant, as it was read last.
    session_faults: Sequence[str]

    @property
    def routes(self) -> Check:
        return self.checks[-1]


def checks(rows: Sequence[Interface]) -> dict[UUID, list[Check]]:
    """As `told`, the layers alone."""
    return {pk: each.checks for pk, each in told(rows).items()}


def told(rows: Sequence[Interface]) -> dict[UUID, Told]:
    """Of live interfaces, layer by layer, by their ids; port, connection and VPC come with them. Five queries, however
    many; none for none."""
    if not rows:
        return {}
    now = clock.now()
    kinds = (PORTS, VNETS, SESSIONS)
    listed = {
        (each.zone_id, Kind(each.kind)): each.read_at
        for each in Listed.objects.filter(zone__in={row.vpc.zone_id for row in rows}, kind__in=kinds)
    }
    found = {
        PORTS: mirror.rows_by_id(PORTS, [(row.vpc.zone_id, row.port.remote_id) for row in rows if row.port]),
        VNETS: mirror.rows_by_id(VNETS, [(row.vpc.zone_id, str(row.vnet_id)) for row in rows]),
        SESSIONS: mirror.rows_by_id(SESSIONS, [(row.vpc.zone_id, str(row.ebgp_id)) for row in rows]),
    }
    tiers = _tiers(rows)
    return {row.pk: _told(row, listed, found, tiers.get(row.vpc_id, ()), now) for row in rows}


def _tiers(rows: Sequence[Interface]) -> dict[UUID, list[IPv4Network]]:
    found: dict[UUID, list[IPv4Network]] = {}
    for vpc_id, cidr in (
        Tier.unscoped.filter(vpc__in={row.vpc_id for row in rows})
        .exclude(status=Status.DELETED)
        .values_list("vpc_id", "cidr")
    ):
        found.setdefault(vpc_id, []).append(cidr)
    return found


def _told(
    row: Interface,
    listed: Mapping[tuple[UUID, Kind], datetime | None],
    found: Mapping[Kind, Mapping[tuple[UUID, str], Any]],
    tiers: Sequence[IPv4Network],
    now: datetime,
) -> Told:
    zone = row.vpc.zone_id
    since = row.settled_at if row.status == Status.READY else None

    def reading(kind: Kind, changed: datetime | None) -> Reading:
        return Reading(listed.get((zone, kind)), kind.fresh_for, changed)

    # Light does not go by what was changed of the interface.
    light = Port(reading(PORTS, row.created_at), *_link_of(row, found[PORTS]))
    vnet = found[VNETS].get((zone, str(row.vnet_id)))
    faults = None if vnet is None or row.port is None else vnet_faults(OnNetris.of(row), vnet)
    session = found[SESSIONS].get((zone, str(row.ebgp_id)))
    seen = Session(reading(SESSIONS, since), session is not None)
    if session is not None:
        facts = (session.bgp_state, session.bgp_prefixes, session.bgp_uptime)
        is_known = row.port is not None and not seen.reading.why_silent(now)
        otherwise = session_faults(OnNetris.of(row), session, row.vnet_id) if is_known else []
        seen = Session(seen.reading, True, *facts, took_last=row.took_last, faults=otherwise)
    wanted = meant(row, tiers)
    layers = checks_of(light, VNet(reading(VNETS, since), faults), seen, wanted, now)
    is_up = any(check.layer == Layer.BGP and check.verdict == Verdict.OK for check in layers)
    alone = session_of(seen, wanted, now)
    takes = seen.prefixes if alone.verdict == Verdict.OK else None
    return Told(layers, announced(tiers, wanted.announce), takes if is_up else None, alone, takes, seen.faults)


def light(row: Connection) -> Check | None:
    """Of its port, whether an interface runs over it or not; None without one. The location comes with it. Two
    queries."""
    if row.port is None:
        return None
    zone = row.location.zone_id
    listed = Listed.objects.filter(zone=zone, kind=PORTS).values_list("read_at", flat=True).first()
    port = mirror.rows_by_id(PORTS, [(zone, row.port.remote_id)]).get((zone, row.port.remote_id))
    return light_of(Port(Reading(listed, PORTS.fresh_for, row.created_at), *_state_of(port)), clock.now())


def far_of(row: Interface, asn: Asn) -> Far:
    """What is to be written into the router at the far end."""
    return Far(
        label=row.remote_name,
        vlan=row.vlan,
        local=IPv4Interface((str(row.local_address), row.prefix_length)),
        remote=IPv4Address(str(row.remote_address)),
        our_asn=asn.number,
        peer_asn=row.peer_asn,
        announce=list(map(IPv4Network, row.announce)),
        accept=list(map(IPv4Network, row.accept)),
        has_key=row.has_md5,
        bfd=row.bfd,
    )


def seen(rows: Sequence[Connection]) -> dict[UUID, dict[progress.Layer, progress.Reading]]:
    """What brings orders on, by their ids; port and location come with them. Of several interfaces the one that is
    furthest is meant. Seven queries, however many; none for none."""
    if not rows:
        return {}
    zones = {row.location.zone_id for row in rows}
    listed = dict(Listed.objects.filter(zone__in=zones, kind=PORTS).values_list("zone_id", "read_at"))
    ports = mirror.rows_by_id(PORTS, [(row.location.zone_id, row.port.remote_id) for row in rows if row.port])
    interfaces = Interface.unscoped.exclude(status=Status.DELETED).filter(connection__in=rows)
    layers = checks(list(interfaces.select_related("connection", "port", "vpc__zone")))
    of_connection: dict[UUID, list[list[Check]]] = {}
    for each in interfaces:
        of_connection.setdefault(each.connection_id, []).append(layers[each.pk])
    return {row.pk: _seen(row, listed, ports, of_connection.get(row.pk, [])) for row in rows}


LAYERS = {Layer.VLAN: progress.Layer.VLAN, Layer.BGP: progress.Layer.BGP}


def _seen(
    row: Connection,
    listed: Mapping[UUID, datetime | None],
    ports: Mapping[tuple[UUID, str], Any],
    told: Sequence[Sequence[Check]],
) -> dict[progress.Layer, progress.Reading]:
    zone = row.location.zone_id
    port = ports.get((zone, row.port.remote_id)) if row.port else None
    is_up, _ = _state_of(port)
    light = progress.Reading(port.status if port else "", is_up is True, listed.get(zone), PORTS.fresh_for)
    found = {progress.Layer.LIGHT: light}
    best = max(told, key=lambda checks: sum(check.verdict == Verdict.OK for check in checks), default=())
    for check in best:
        if check.layer in LAYERS:
            kind = VNETS if check.layer == Layer.VLAN else SESSIONS
            is_well = check.verdict == Verdict.OK
            found[LAYERS[check.layer]] = progress.Reading(check.sentence, is_well, check.read_at, kind.fresh_for)
        elif check.layer == Layer.ROUTES:
            # That prefixes are taken, whatever is said of those that are announced.
            is_well = check.verdict in (Verdict.OK, Verdict.WARNING) and check.takes > 0
            read = progress.Reading(check.sentence, is_well, check.read_at, SESSIONS.fresh_for)
            found[progress.Layer.PREFIXES] = read
    return found


def _link_of(row: Interface, ports: Mapping[tuple[UUID, str], Any]) -> tuple[bool | None, bool]:
    return _state_of(ports.get((row.vpc.zone_id, row.port.remote_id)) if row.port else None)


def _state_of(port: Any) -> tuple[bool | None, bool]:
    """Whether a port is up, None where that is not known; and whether it is switched off."""
    if port is None:
        return None, False
    word = port.status.lower()
    return True if word in UP else False if word in DOWN else None, port.is_admin_down


def meant(row: Interface, tiers: Sequence[IPv4Network] = ()) -> Wanted:
    return Wanted(
        vlan=row.vlan,
        peer_asn=row.peer_asn,
        announce=list(map(IPv4Network, row.announce)),
        accept=list(map(IPv4Network, row.accept)),
        max_prefixes=row.max_prefixes,
        has_key=row.has_md5,
        bfd=row.bfd,
        tiers=tiers,
        off=why_off(row),
    )


def why_off(row: Interface) -> str:
    if row.is_enabled:
        return ""
    if row.connection.stage == Stage.SUSPENDED:
        return "The connection is suspended."
    return "A test of fail-over runs." if row.test_until else "It is being switched on again."
