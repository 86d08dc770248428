"""The picture of one zone's fabric, put together from the mirror. No request waits for Netris."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from zlib import crc32

from django.urls import reverse
from django.utils.http import urlencode

from apps.fabric import layers as svg
from apps.fabric import roles, verdicts
from apps.fabric.causes import explain
from apps.fabric.layers import ROLES, natural
from apps.fabric.rows import DeviceRow, End, LinkRow, Notice, Picture, Router, SessionRow, Tally
from apps.mirror import queries as mirror
from apps.mirror.models import Kind, Reading
from apps.mirror.queries import Cable, Device, EBgp, Standing
from apps.zones.models import Plugin, Remote, System, Zone

Row = TypeVar("Row", DeviceRow, LinkRow, SessionRow)
KINDS = (Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP)
#: Of what is kept of a picture (`sketches`), and how its verdicts are found: a release that changes either counts on.
FORMAT = 1


@dataclass(frozen=True)
class Basis:
    """What a picture is drawn from, but for the rows of the lists, which change with their readings."""

    zone: Zone
    #: Of every list.
    known: dict[Kind, Reading]
    notices: list[Notice]

    def __post_init__(self) -> None:
        """Before anything is judged: a list that grows stale meanwhile is one that was judged fresh."""
        _ = self.judged

    @property
    def readings(self) -> dict[Kind, Reading]:
        return {kind: self.known[kind] for kind in KINDS}

    @cached_property
    def judged(self) -> str:
        """The same as long as the same verdicts come of it, however often Netris was asked in vain meanwhile."""
        lists = [(kind, self.known[kind].read_at, self.known[kind].is_stale) for kind in KINDS]
        return f"{crc32(repr((FORMAT, self.zone.updated_at, lists)).encode()):08x}"

    def state(self, *also: Kind) -> str:
        """The same as long as the same picture comes of it, and of these lists besides."""
        read = [self.known[kind] for kind in (*KINDS, *also)]
        lists = [(each.kind, each.read_at, each.is_stale, each.failed_at) for each in read]
        return f"{crc32(repr((self.zone.updated_at, lists, self.notices)).encode()):08x}"


def basis_of(zone: Zone) -> Basis:
    """Three queries."""
    known = mirror.readings(zone)
    return Basis(zone, known, _notices(zone, [known[kind] for kind in KINDS]))


def picture_of(zone: Zone, basis: Basis | None = None) -> Picture:
    """Six queries, whatever the size of the fabric; three where its basis is known."""
    basis = basis or basis_of(zone)
    readings, notices = basis.readings, basis.notices
    inventory, cables, peers = (readings[kind] for kind in KINDS)
    if inventory.read_at is None:
        return Picture(zone, readings, notices)
    standing = mirror.standing(zone)
    found = [each.device for each in standing]
    here = _of_site(zone, found)
    if found and not here:
        here = found
        notices = [*notices, _no_such_site(zone)]
    if not inventory.is_stale:
        notices = [*notices, *_miswired(here)]
    silent = {device.name for device in here if verdicts.is_silent(device, inventory.read_at)}
    ports = {} if inventory.is_stale else verdicts.port_statuses(here, _ports_up(standing, silent))
    inside = _links(here, mirror.cables(zone), {} if cables.is_stale else ports)
    devices = _devices(here, inside, inventory)
    sessions = _sessions(here, mirror.bgp_sessions(zone), silent, is_stale=peers.is_stale)
    links = [*inside, *_border(here, sessions, inside, {} if peers.is_stale else ports)]
    read_at = None if inventory.is_stale else inventory.read_at
    causes, devices, links, sessions = explain(devices, links, sessions, read_at)
    counts = [Counter(row.status for row in rows) for rows in (devices, links, sessions)]
    return Picture(
        zone,
        readings,
        notices,
        causes,
        _worst_first(devices),
        _worst_first(links),
        _worst_first(sessions),
        tallies(zone, counts, readings),
        _topology(zone, devices, links, sessions, is_stale=peers.is_stale),
    )


def tallies(zone: Zone, counts: Sequence[Counter[str]], readings: Mapping[Kind, Reading]) -> list[Tally]:
    """`counts` are those of devices, links and sessions, by their statuses."""
    parts = (
        ("Devices", "server", "ok", "healthy", "device"),
        ("Links", "cable", "up", "up", "link"),
        ("Internet sessions", "globe", "up", "established", "session"),
    )
    return [
        Tally(
            label,
            icon,
            count,
            well,
            words,
            readings[kind],
            f"{reverse(f'fabric:{part}_list')}?{urlencode({'zone': zone.slug})}",
        )
        for (label, icon, well, words, part), count, kind in zip(parts, counts, KINDS, strict=True)
    ]


def _worst_first(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: verdicts.badness(row.status, is_due=bool(row.because)))


def _notices(zone: Zone, readings: Iterable[Reading]) -> list[Notice]:
    """What could not be read, in the words of the remote, and what keeps orders waiting."""
    remote = Remote.objects.filter(zone=zone, system=System.NETRIS).first()
    if remote is not None and remote.down_since is not None:
        text = "What you see is the last good reading; its age stands with each list."
        return [Notice("error", "Netris does not answer", f"{remote.error}. {text}", remote.down_since)]
    notices = []
    url = reverse("zones:list")
    plugin = Plugin.objects.filter(zone=zone).exclude(down_since=None).first()
    if plugin is not None:
        text = "Netris answers Weft, but not CloudStack's plugin. Orders wait until somebody reconnects its host."
        notices.append(Notice("error", "CloudStack has lost its connection to Netris", text, plugin.down_since, url))
    if remote is not None and remote.slow_since is not None:
        text = "Orders wait: CloudStack's plugin gives up on what takes too long."
        notices.append(Notice("warning", "Netris answers slowly", text, remote.slow_since, url))
    return notices + [
        Notice("warning", f"{reading.get_kind_display()} could not be read", reading.error, reading.failed_at)
        for reading in readings
        if reading.has_failed
    ]


#: As many cables that lead elsewhere are told one by one.
MOST_TOLD = 3


def _miswired(devices: Sequence[Device]) -> list[Notice]:
    found = [
        check.message or f"{check.port}@{device.name}" for device in devices for check in verdicts.miswired(device)
    ]
    if not found:
        return []
    title = "A cable is in the wrong port" if len(found) == 1 else f"{len(found)} cables are in the wrong port"
    more = f" And {len(found) - MOST_TOLD} more." if len(found) > MOST_TOLD else ""
    return [Notice("warning", title, f"LLDP says: {'; '.join(found[:MOST_TOLD])}.{more}")]


def _of_site(zone: Zone, devices: Sequence[Device]) -> list[Device]:
    """A controller may run several sites. A device that names none counts as here."""
    return [device for device in devices if device.site.name.lower() in ("", zone.netris_site.lower())]


def _no_such_site(zone: Zone) -> Notice:
    text = f"The zone's settings name the site {zone.netris_site}, which no device is of. All devices are shown."
    return Notice("warning", "Netris has no device of this site", text)


# --- devices and links ------------------------------------------------------------------------------------------------


def _ports_up(standing: Iterable[Standing], silent: Container[str]) -> Iterator[str]:
    for device, ports in standing:
        if device.name in silent:
            continue
        for port in ports:
            yield verdicts.full_name(port, device)


def _links(devices: Sequence[Device], links: Sequence[Cable], ports: Mapping[str, str]) -> list[LinkRow]:
    """`ports` says how each port is, as far as that is known."""
    ids = {device.name: str(device.id) for device in devices}
    out_of_band = {device.name for device in devices if roles.role_of(device, ()) == roles.OOB}
    rows = []
    for link in links:
        a, b = _end(link.local, ids), _end(link.remote, ids)
        if not (a.device_id or b.device_id):
            continue  # of another site
        plane = "underlay" if link.underlay else "management" if {a.device, b.device} & out_of_band else "access"
        status = verdicts.link_status((ports.get(link.local), ports.get(link.remote)))
        rows.append(LinkRow(link.id, a, b, plane, status))
    return sorted(rows, key=lambda row: (row.plane != "underlay", row.plane, natural(f"{row.a.device} {row.a.port}")))


def _end(port: str, ids: Mapping[str, str]) -> End:
    """`swp1@Leaf-1` is port swp1 of Leaf-1."""
    name, _, device = port.rpartition("@")
    return End(ids.get(device, ""), device, name)


def _devices(devices: Sequence[Device], links: Sequence[LinkRow], reading: Reading) -> list[DeviceRow]:
    types = {str(device.id): device.type.lower() for device in devices}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for link in links:
        for one, other in ((link.a, link.b), (link.b, link.a)):
            if other.device_id and link.plane != "management":
                beside[one.device_id].add(types[other.device_id])
    rows = [
        DeviceRow(
            device,
            roles.role_of(device, beside[str(device.id)]),
            verdicts.device_status(device, reading.read_at, is_stale=reading.is_stale),
        )
        for device in devices
    ]
    order = list(ROLES)
    return sorted(rows, key=lambda row: (order.index(row.role), natural(row.name)))


# --- the internet -----------------------------------------------------------------------------------------------------


def _sessions(
    devices: Sequence[Device], sessions: Sequence[EBgp], silent: Container[str], *, is_stale: bool
) -> list[SessionRow]:
    ids = {device.name: str(device.id) for device in devices}
    here = [session for session in sessions if session.device.name in ids]
    routers = _routers(here)
    rows = [
        SessionRow(
            session,
            routers[session.id],
            ids[session.device.name],
            verdicts.session_status(session, is_stale=is_stale, is_silent=session.device.name in silent),
        )
        for session in here
    ]
    return sorted(rows, key=lambda row: (natural(row.router.name), natural(row.session.device.name)))


def _routers(sessions: Sequence[EBgp]) -> dict[int, Router]:
    """The router at the far end of each session, by the session's id.

    Sessions with one AS are one router, unless their names tell routers apart: "ISP-1-SoftGate-2" is ISP-1's once the
    device's name is taken out. Names that differ from session to session tell nothing.
    """
    by_asn: defaultdict[int | None, list[EBgp]] = defaultdict(list)
    for session in sessions:
        by_asn[session.neighbor_as].append(session)
    routers: dict[int, Router] = {}
    for asn, group in by_asn.items():
        names = {session.id: _without(session.name, session.device.name) for session in group}
        distinct = set(names.values())
        are_telling = "" not in distinct and (len(distinct) == 1 or len(distinct) < len(group))
        for session in group:
            name = names[session.id] if are_telling else f"AS {asn}" if asn else "Unknown AS"
            routers[session.id] = Router(f"as-{asn or 0}-{_slug(name)}", name, asn)
    return routers


def _without(name: str, device: str) -> str:
    return re.sub(re.escape(device), "", name, flags=re.IGNORECASE).strip(" -_.:/") if device else name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _border(
    devices: Sequence[Device], sessions: Sequence[SessionRow], links: Sequence[LinkRow], ports: Mapping[str, str]
) -> list[LinkRow]:
    """The cables of the ISP routers. A link needs two ports of the inventory, which has no such router: into which port
    its cable is plugged is told by the sessions over it, be they of that port's device or of a SoftGate behind it."""
    ids = {device.name: str(device.id) for device in devices}
    inside = {f"{end.port}@{end.device}" for link in links for end in (link.a, link.b)}
    found = {}
    for row in sessions:
        name = row.session.port.name
        end = _end(name, ids)
        if end.device_id and name not in inside:
            status = verdicts.link_status((ports.get(name),))
            link_id = f"{row.router.id}-{_slug(name)}"
            router = End(row.router.id, row.router.name, "")
            found[row.router.id, name] = LinkRow(link_id, router, end, "border", status)
    return sorted(found.values(), key=lambda link: (natural(link.a.device), natural(link.b.device)))


# --- the map ----------------------------------------------------------------------------------------------------------


def _topology(
    zone: Zone,
    devices: Sequence[DeviceRow],
    links: Sequence[LinkRow],
    sessions: Sequence[SessionRow],
    *,
    is_stale: bool,
) -> svg.Topology:
    whole = svg.Topology(
        title=f"Fabric of {zone}",
        devices=[
            *_drawn_routers(sessions, is_stale=is_stale),
            *(
                svg.Device(row.id, row.name, row.role, row.status, row.facts, is_due=bool(row.because))
                for row in devices
            ),
        ],
        links=[
            svg.Link(
                link.a.device_id,
                link.b.device_id,
                link.a.port,
                link.b.port,
                link.is_underlay,
                link.status,
                is_due=bool(link.because),
                id=link.id,
                plane=link.plane,
            )
            for link in links
            if link.a.device_id and link.b.device_id
        ],
        sessions=_drawn_sessions(sessions),
    )
    return svg.with_super_spines(whole)


def _drawn_routers(sessions: Sequence[SessionRow], *, is_stale: bool) -> list[svg.Device]:
    of_router: defaultdict[Router, list[SessionRow]] = defaultdict(list)
    for row in sessions:
        of_router[row.router].append(row)
    drawn = []
    for router, rows in of_router.items():
        established = sum(row.session.is_established for row in rows)
        lines = [f"AS {router.asn}"] if router.asn else []
        lines.append(f"{established} of {len(rows)} sessions")
        status = verdicts.router_status((row.status for row in rows), is_stale=is_stale)
        is_due = all(row.because for row in rows if row.status in (verdicts.DOWN, verdicts.WARNING))
        drawn.append(svg.Device(router.id, router.name, roles.ISP, status, lines, is_due=is_due))
    return drawn


def _drawn_sessions(sessions: Sequence[SessionRow]) -> list[svg.Session]:
    """One line for each pair of router and device, with the worst of its sessions. Disabled ones are not drawn."""
    between: defaultdict[tuple[str, str], list[SessionRow]] = defaultdict(list)
    for row in sessions:
        if row.status != verdicts.DISABLED:
            between[row.router.id, row.device_id].append(row)
    return [
        svg.Session(
            router,
            device,
            verdicts.worst_link(row.status for row in rows),
            total=len(rows),
            up=sum(row.status == verdicts.UP for row in rows),
            is_due=all(row.because for row in rows if row.status in (verdicts.DOWN, verdicts.WARNING)),
        )
        for (router, device), rows in between.items()
    ]
