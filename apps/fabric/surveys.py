"""Surveying a fabric: after each sweep the rows of its inventory are brought to what the mirror has.

survey()   1. read     when were the lists read?                     three queries, and mostly the end
           2. judge    the picture of the whole fabric               three queries
           3. write    what differs, in one transaction; whoever has judged older readings writes nothing
           4. tell     what is wrong, as events that begin and end (`happenings`)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import models, transaction

from apps.fabric import happenings, roles, verdicts
from apps.fabric.layers import natural
from apps.fabric.models import Survey, Surveyed, SurveyedDevice, SurveyedLink, SurveyedSession, sort_key_of
from apps.fabric.queries import basis_of, picture_of
from apps.fabric.rows import DeviceRow, LinkRow, Picture, Router, SessionRow
from apps.kernel.named import joined
from apps.mirror.models import Kind, Reading
from apps.zones.models import Zone

TASK = "mirror.survey"
BATCH = 2000

S = TypeVar("S", bound=Surveyed)


def survey_all() -> int:
    """Survey every zone of which something was read. Gives how many."""
    return sum(survey(zone) for zone in Zone.objects.filter(is_enabled=True))


def survey(zone: Zone) -> bool:
    """Whether there was something to survey. What cannot be read stays as it was found last."""
    basis = basis_of(zone)
    moments = _moments(basis.readings)
    last = Survey.objects.filter(zone=zone).values(*moments).first()
    if basis.readings[Kind.NETRIS_DEVICE].is_stale or last == moments:
        return False
    picture = picture_of(zone, basis)
    pairs = _pairs(picture)
    with transaction.atomic(durable=True):
        Survey.objects.bulk_create([Survey(zone=zone)], ignore_conflicts=True)
        known = Survey.objects.select_for_update(no_key=True).get(zone=zone)
        if any(_is_later(getattr(known, name), at) for name, at in moments.items()):
            return False
        _write(zone, SurveyedDevice, (_device(zone, row, pairs) for row in picture.devices))
        _write(zone, SurveyedLink, (_link(zone, row) for row in picture.links))
        _write(zone, SurveyedSession, _sessions(zone, picture))
        Survey.objects.filter(zone=zone).update(**moments)
    happenings.tell(zone, picture, list(missing_sessions(picture.devices, picture.sessions)))
    return True


def _moments(readings: dict[Kind, Reading]) -> dict[str, datetime | None]:
    columns = {
        "devices_read_at": Kind.NETRIS_DEVICE,
        "links_read_at": Kind.NETRIS_LINK,
        "sessions_read_at": Kind.NETRIS_BGP,
    }
    return {name: readings[kind].read_at for name, kind in columns.items()}


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def _write(zone: Zone, model: type[S], rows: Iterable[S]) -> None:
    """Only what differs is written."""
    columns = model.columns()
    table: models.Manager[S] = model._default_manager
    known = {values[0]: values[1:] for values in table.filter(zone=zone).values_list("pk", *columns)}
    found = {row.pk: row for row in rows}
    news = [row for pk, row in found.items() if known.get(pk) != tuple(getattr(row, name) for name in columns)]
    table.bulk_create(news, batch_size=BATCH, update_conflicts=True, unique_fields=["id"], update_fields=columns)
    gone = [pk for pk in known if pk not in found]
    for start in range(0, len(gone), BATCH):
        table.filter(pk__in=gone[start : start + BATCH]).delete()


# --- devices ----------------------------------------------------------------------------------------------------------


def _device(zone: Zone, row: DeviceRow, pairs: dict[str, str]) -> SurveyedDevice:
    device = row.device
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
