"""Surveying a fabric: after each sweep the rows of its inventory are brought to what the mirror has.

survey()   1. read     when were the lists read?                     three queries, and mostly the end
           2. judge    the picture of the whole fabric               three queries
           3. write    what differs, in one transaction; whoever has judged older readings writes nothing. What was
                       changed in Netris is told with it (`changes`); what maps are drawn from is kept (`sketches`)
           4. tell     what is wrong, as events that begin and end (`happenings`)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import models, transaction

from apps.fabric import changes, happenings, ranges, roles, sketches, verdicts
from apps.fabric.changes import Written
from apps.fabric.layers import natural
from apps.fabric.models import (
    Survey,
    Surveyed,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
    sort_key_of,
)
from apps.fabric.queries import KINDS, Basis, picture_of
from apps.fabric.rows import DeviceRow, LinkRow, Picture, Router, SessionRow
from apps.fabric.sketches import outline_of
from apps.kernel.named import joined
from apps.mirror import queries as mirror
from apps.mirror.models import Kind, Reading
from apps.netris.wire import Site
from apps.zones.models import Zone

TASK = "mirror.survey"
BATCH = 2000
#: Percent.
NEARLY_FULL = 90
#: More than a column holds, as in a subnet of IPv6, is no count that anybody goes by.
MOST_HOSTS = 2**31 - 1

S = TypeVar("S", bound=Surveyed)


def survey_all() -> int:
    """Survey every zone of which something was read. Gives how many."""
    return sum(survey(zone) for zone in Zone.objects.filter(is_enabled=True))


def survey(zone: Zone) -> bool:
    """Whether there was something to survey. What cannot be read stays as it was found last."""
    readings = mirror.readings(zone)
    last = Survey.objects.filter(zone=zone).first() or Survey(zone=zone)
    done = [
        part(zone, readings)
        for part, kinds in PARTS.items()
        if not readings[kinds[0]].is_stale and any(last.read[kind] != readings[kind].read_at for kind in kinds)
    ]
    return any(done)


def _fabric(zone: Zone, readings: Mapping[Kind, Reading]) -> bool:
    basis = Basis(zone, {kind: readings[kind] for kind in KINDS}, [])
    picture = picture_of(zone, basis)
    outline = outline_of(picture)
    pairs, hosts = _pairs(picture), mirror.hosts_by_name(zone)
    with _held(zone, readings, KINDS) as is_ours:
        if is_ours:
            devices = _write(
                zone, SurveyedDevice.objects, (_device(zone, row, pairs, hosts) for row in picture.devices)
            )
            links = _write(zone, SurveyedLink.objects, (_link(zone, row) for row in picture.links))
            _write(zone, SurveyedSession.objects, _sessions(zone, picture))
            sketches.keep(basis, outline)
            _tell(zone, readings, {Kind.NETRIS_DEVICE: devices, Kind.NETRIS_LINK: links})
    if is_ours:
        happenings.tell(zone, picture, list(missing_sessions(picture.devices, picture.sessions)))
    return is_ours


def _ports(zone: Zone, readings: Mapping[Kind, Reading]) -> bool:
    """With the links that the last survey has found. Of tens of thousands of ports those alone are looked at that were
    written since, that hang on something else, or of whose device nobody hears any more, or somebody does again; all of
    them when `ports_read_at` is None."""
    links: dict[str, LinkEnd] = {}
    for link in SurveyedLink.objects.filter(zone=zone):
        links[f"{link.a_port}@{link.a_device}"] = LinkEnd(link.remote_id, link.b_id, link.b_device, link.b_port)
        links[f"{link.b_port}@{link.b_device}"] = LinkEnd(link.remote_id, link.a_id, link.a_device, link.a_port)
    inventory = readings[Kind.NETRIS_DEVICE].read_at
    silent = {name for name, at in mirror.last_seen(zone) if inventory and inventory - at > verdicts.SILENCE}
    ours = SurveyedPort.objects.filter(zone=zone)
    with _held(zone, readings, (Kind.NETRIS_PORT,)) as is_ours:
        if is_ours:
            since = Survey.objects.values_list("ports_read_at", flat=True).get(zone=zone)
            columns = ("remote_id", "is_silent", *LINK_COLUMNS)
            known = {row[0]: (row[1], LinkEnd(*row[2:])) for row in ours.values_list(*columns)}
            listed = mirror.port_names(zone)
            news = [
                remote_id
                for remote_id, name, changed_at in listed
                if since is None
                or changed_at >= since
                or known.get(remote_id) != (_device_of(name) in silent, links.get(name, NO_LINK))
            ]
            for start in range(0, len(news), BATCH):
                some = mirror.ports(zone, news[start : start + BATCH])
                rows = (
                    _port(zone, port, links.get(port.name, NO_LINK), is_silent=_device_of(port.name) in silent)
                    for port in some
                )
                _upsert(SurveyedPort.objects, list(rows))
            gone = known.keys() - {remote_id for remote_id, _, _ in listed}
            ours.filter(remote_id__in=gone).delete()
    return is_ours


def _subnets(zone: Zone, readings: Mapping[Kind, Reading]) -> bool:
    with _held(zone, readings, (Kind.NETRIS_BLOCK,)) as is_ours:
        if is_ours:
            ours = SurveyedSubnet.objects.of_platform()
            subnets = _write(zone, ours, (_subnet(zone, block) for block in mirror.blocks(zone)))
            _tell(zone, readings, {Kind.NETRIS_BLOCK: subnets})
    return is_ours


def _ranges(zone: Zone, readings: Mapping[Kind, Reading]) -> bool:
    """What tenants' VPCs have of their own (`ranges`). What CloudStack changes of them is no change in the fabric."""
    with _held(zone, readings, (Kind.NETRIS_RANGE,)) as is_ours:
        if is_ours:
            since = Survey.objects.values_list("ranges_read_at", flat=True).get(zone=zone)
            owned = ranges.owners(zone)
            news = ranges.differing(zone, owned, since)
            for start in range(0, len(news), BATCH):
                some = news[start : start + BATCH]
                ours = SurveyedSubnet.objects.of_vpcs().filter(netris_vpc_id__in=some)
                _write(zone, ours, (_subnet(zone, block, **whose) for block, whose in ranges.blocks(zone, owned, some)))
    return is_ours


def _sites(zone: Zone, readings: Mapping[Kind, Reading]) -> bool:
    with _held(zone, readings, (Kind.NETRIS_SITE,)) as is_ours:
        if is_ours:
            sites = [site for site in mirror.items(zone, Kind.NETRIS_SITE) if isinstance(site, Site)]
            _tell(
                zone, readings, {Kind.NETRIS_SITE: _write(zone, SurveyedSite.objects, (_site(zone, s) for s in sites))}
            )
    if is_ours:
        happenings.tell_sites(zone, {str(site.id): site.name for site in sites}, readings[Kind.NETRIS_SITE])
    return is_ours


#: What is surveyed together, and the lists that it is made of; without a fresh reading of the first there is nothing.
PARTS: dict[Callable[[Zone, Mapping[Kind, Reading]], bool], Sequence[Kind]] = {
    _fabric: KINDS,
    _ports: (Kind.NETRIS_PORT,),
    _subnets: (Kind.NETRIS_BLOCK,),
    _ranges: (Kind.NETRIS_RANGE,),
    _sites: (Kind.NETRIS_SITE,),
}
COLUMNS = {
    Kind.NETRIS_DEVICE: "devices_read_at",
    Kind.NETRIS_LINK: "links_read_at",
    Kind.NETRIS_BGP: "sessions_read_at",
    Kind.NETRIS_PORT: "ports_read_at",
    Kind.NETRIS_BLOCK: "subnets_read_at",
    Kind.NETRIS_RANGE: "ranges_read_at",
    Kind.NETRIS_SITE: "sites_read_at",
}


@contextmanager
def _held(zone: Zone, readings: Mapping[Kind, Reading], kinds: Sequence[Kind]) -> Iterator[bool]:
    """A transaction in which nobody else surveys the zone. False for who has judged older readings than another."""
    with transaction.atomic(durable=True):
        Survey.objects.bulk_create([Survey(zone=zone)], ignore_conflicts=True)
        known = Survey.objects.select_for_update(no_key=True).get(zone=zone)
        moments = {kind: readings[kind].read_at for kind in kinds}
        is_ours = not any(_is_later(known.read[kind], at) for kind, at in moments.items())
        yield is_ours
        if is_ours:
            Survey.objects.filter(zone=zone).update(**{COLUMNS[kind]: at for kind, at in moments.items()})


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def _tell(zone: Zone, readings: Mapping[Kind, Reading], written: Mapping[Kind, Written]) -> None:
    """Before the survey is called as new as its readings."""
    last = Survey.objects.get(zone=zone)
    for kind, what in written.items():
        if at := readings[kind].read_at:
            changes.tell(zone, what, since=last.read[kind], at=at)


def _write(zone: Zone, table: models.Manager[S] | models.QuerySet[S], rows: Iterable[S]) -> Written:
    """Only what differs is written; what the table has besides these is deleted."""
    columns = table.model.columns()
    known = {values[0]: values[1:] for values in table.filter(zone=zone).values_list("pk", *columns)}
    found = {row.pk: row for row in rows}
    news = [row for pk, row in found.items() if known.get(pk) != tuple(getattr(row, name) for name in columns)]
    _upsert(table, news)
    gone = [pk for pk in known if pk not in found]
    for start in range(0, len(gone), BATCH):
        table.filter(pk__in=gone[start : start + BATCH]).delete()

    def was(pk: UUID) -> S:
        return table.model(pk=pk, zone=zone, **dict(zip(columns, known[pk], strict=True)))

    return Written(
        [row for row in news if row.pk not in known],
        [(was(row.pk), row) for row in news if row.pk in known],
        [was(pk) for pk in gone],
    )


def _upsert(table: models.Manager[S] | models.QuerySet[S], rows: Sequence[S]) -> None:
    columns = table.model.columns()
    table.bulk_create(rows, batch_size=BATCH, update_conflicts=True, unique_fields=["id"], update_fields=columns)


# --- devices ----------------------------------------------------------------------------------------------------------


def _device(zone: Zone, row: DeviceRow, pairs: Mapping[str, str], hosts: Mapping[str, str]) -> SurveyedDevice:
    """A hypervisor has one name in both systems."""
    device = row.device
    host = hosts.get(mirror.host_name(device.name), "") if row.role in (roles.HYPERVISOR, roles.SERVER) else ""
    words = (device.name, device.main_address or "", device.mgmt_address or "", device.asn or "", device.description)
    return SurveyedDevice(
        id=SurveyedDevice.id_of(zone, row.id),
        zone=zone,
        remote_id=row.id,
        name=device.name[:255],
        sort_key=sort_key_of(device.name),
        search_key=joined(words),
        status=row.status,
        badness=verdicts.badness(row.status, is_due=bool(row.because)),
        because=row.because[:255],
        role=row.role,
        pair=pairs.get(row.id, "")[:255],
        host_id=host,
        facts=changes.facts_of(device),
    )


def _pairs(picture: Picture) -> dict[str, str]:
    """Behind which leaves each device is, by its id. A leaf is of the pair that most of its hosts hang on."""
    role = {row.id: row.role for row in picture.devices}
    names = {row.id: row.name for row in picture.devices}
    leaves: defaultdict[str, set[str]] = defaultdict(set)
    for link in picture.links:
        for one, other in ((link.a.device_id, link.b.device_id), (link.b.device_id, link.a.device_id)):
            if role.get(other) == roles.LEAF and role.get(one) not in (None, roles.LEAF, roles.SPINE, roles.OOB):
                leaves[one].add(other)
    pairs = {host: " + ".join(sorted((names[leaf] for leaf in found), key=natural)) for host, found in leaves.items()}
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for host, found in leaves.items():
        for leaf in found:
            votes[leaf][pairs[host]] += 1
    return pairs | {leaf: min(count, key=lambda pair: (-count[pair], natural(pair))) for leaf, count in votes.items()}


# --- links and sessions -----------------------------------------------------------------------------------------------


def _link(zone: Zone, row: LinkRow) -> SurveyedLink:
    name = f"{row.a.label} - {row.b.label}"
    return SurveyedLink(
        id=SurveyedLink.id_of(zone, row.id),
        zone=zone,
        remote_id=row.id,
        name=name[:255],
        sort_key=sort_key_of(name),
        search_key=joined((row.a.label, row.b.label)),
        status=row.status,
        badness=verdicts.badness(row.status, is_due=bool(row.because)),
        because=row.because[:255],
        plane=row.plane,
        a_id=row.a.device_id,
        a_device=row.a.device[:255],
        a_port=row.a.port[:255],
        b_id=row.b.device_id,
        b_device=row.b.device[:255],
        b_port=row.b.port[:255],
    )


def _sessions(zone: Zone, picture: Picture) -> Iterator[SurveyedSession]:
    for row in picture.sessions:
        address = row.session.remote_address or ""
        yield _session(zone, str(row.session.id), row.session.name, row.router, row.session.device.name, row, address)
    for router, gate in missing_sessions(picture.devices, picture.sessions):
        remote_id = f"missing-{router.id}-{gate.id}"[:255]
        yield _session(zone, remote_id, f"{router.name} to {gate.name}", router, gate.name, gate)


def _session(
    zone: Zone,
    remote_id: str,
    name: str,
    router: Router,
    device: str,
    row: SessionRow | DeviceRow,
    address: object = "",
) -> SurveyedSession:
    is_there = isinstance(row, SessionRow)
    status = row.status if is_there else verdicts.MISSING
    because = row.because if is_there else ""
    return SurveyedSession(
        id=SurveyedSession.id_of(zone, remote_id),
        zone=zone,
        remote_id=remote_id,
        name=name[:255],
        sort_key=sort_key_of(name),
        search_key=joined((name, router.name, device, address)),
        status=status,
        badness=verdicts.badness(status, is_due=bool(because)),
        because=because[:255],
        device_id=row.device_id if isinstance(row, SessionRow) else row.id,
        device=device[:255],
        router_id=router.id[:255],
        router=router.name[:255],
        router_asn=router.asn,
    )


def missing_sessions(
    devices: Sequence[DeviceRow], sessions: Sequence[SessionRow]
) -> Iterator[tuple[Router, DeviceRow]]:
    """The vendor asks for a session of each SoftGate with each router (netris-api.md 3.7): those that nobody has made.

    Of leaves nothing is said: which of them face the internet is the site's own choice."""
    gates = [row for row in devices if row.role == roles.SOFTGATE]
    ids = {gate.id for gate in gates}
    here = [row for row in sessions if row.device_id in ids]
    made = {(row.router.id, row.device_id) for row in here}
    for router in {row.router.id: row.router for row in here}.values():
        for gate in gates:
            if (router.id, gate.id) not in made:
                yield router, gate


# --- ports, subnets, sites ----------------------------------------------------------------------------------------


class LinkEnd(NamedTuple):
    """A link as one of its ports has it: what is at the other end."""

    link_id: str = ""
    device_id: str = ""
    device: str = ""
    port: str = ""


NO_LINK = LinkEnd()
#: Of a port, in the same order.
LINK_COLUMNS = ("link_id", "far_device_id", "far_device", "far_port")


def _device_of(port: str) -> str:
    return port.rpartition("@")[2]


def _port(zone: Zone, port: mirror.PortFacts, far: LinkEnd, *, is_silent: bool) -> SurveyedPort:
    status = verdicts.port_status(
        port.status, is_admin_down=port.is_admin_down, is_used=port.is_used, is_silent=is_silent
    )
    return SurveyedPort(
        id=SurveyedPort.id_of(zone, port.id),
        zone=zone,
        remote_id=port.id,
        name=port.name[:255],
        sort_key=sort_key_of(f"{port.device} {port.short_name or port.name}"),
        search_key=joined((port.name, port.description)),
        status=status,
        badness=verdicts.badness(status, is_due=False),
        device_id=port.device_id,
        device=port.device[:255],
        short_name=port.short_name[:255],
        description=port.description,
        speed=port.speed[:32],
        mtu=int(port.mtu) if port.mtu.isdecimal() and len(port.mtu) < 10 else None,
        is_used=port.is_used,
        is_silent=is_silent,
        link_id=far.link_id,
        far_device_id=far.device_id,
        far_device=far.device,
        far_port=far.port,
    )


def _subnet(zone: Zone, block: mirror.Block, **whose: Any) -> SurveyedSubnet:
    """Full is where nothing more can be made of it: said as a warning from 90 % on, by Netris' own figure. How full a
    tenant makes its VPC is its own affair."""
    remote_id = f"{block.type}-{block.id}"
    percent = block.utilization.percent
    is_short = percent is not None and percent >= NEARLY_FULL and not whose
    status = verdicts.UNKNOWN if percent is None else verdicts.WARNING if is_short else verdicts.OK
    gateway = str(block.default_gateway or "")
    return SurveyedSubnet(
        id=SurveyedSubnet.id_of(zone, remote_id),
        zone=zone,
        remote_id=remote_id,
        name=block.name[:255],
        sort_key=_order_of(block),
        search_key=joined(
            (block.name, block.prefix or "", gateway, whose.get("whose", ""), whose.get("netris_vpc", ""))
        ),
        status=status,
        badness=verdicts.badness(status, is_due=False),
        type=block.type[:16],
        prefix=block.prefix,
        purpose=block.purpose[:32],
        netris_tenant=block.tenant.name[:255],
        gateway=gateway,
        parent_id=block.parent,
        percent=percent,
        hosts=block.hosts_count if 0 <= (block.hosts_count or 0) <= MOST_HOSTS else None,
        addresses=block.addresses,
        description=block.description,
        sites=[{"id": site.id, "name": site.name} for site in block.sites],
        is_read_only=block.is_read_only,
        **whose,
    )


def _order_of(block: mirror.Block) -> str:
    """By address, and what lies in another behind it."""
    prefix = block.prefix
    if prefix is None:
        return "9"
    return f"{prefix.version} {int(prefix.network_address):040d} {prefix.prefixlen:03d} {block.type}"


def _site(zone: Zone, site: Site) -> SurveyedSite:
    return SurveyedSite(
        id=SurveyedSite.id_of(zone, site.id),
        zone=zone,
        remote_id=str(site.id),
        name=site.name[:255],
        sort_key=sort_key_of(site.name),
        search_key=joined((site.name, site.public_asn or "")),
        status="",
        public_asn=site.public_asn if 0 <= (site.public_asn or 0) < 2**32 else None,
        acl_policy=site.acl_policy[:16],
        switch_fabric=site.switch_fabric[:32],
        vlan_range=site.vlan_range[:64],
    )
