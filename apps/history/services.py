"""Keeping events: whoever looks for some of one source tells all that is so now, and the rest follows.

still()    what a source found is so as before: its lists were read again, and nothing in them has changed

keep()     1. hold     the source's row: two workers write one after the other
           2. refuse   what rests on an older reading than what is written down already
           3. write    what begins, what goes on, what has ended, and whom it touches

A change is told once, by whoever writes down what is so after it, in the same transaction: `note`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest

from apps.history.kinds import Subject, kind_of
from apps.history.models import WORDS, Event, Severity, Source
from apps.kernel import clock
from apps.mirror.models import Reading
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

BATCH = 1000
#: How long what rests on no reading, but on Weft's own rows, is believed without another look.
OWN_FRESH_FOR = timedelta(minutes=5)

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Found:
    """Something that is so now. `since` is when it began, where that is known better than by when it was first seen;
    `tenants` are the ids of those whom it touches, None where nobody knows."""

    kind: str
    subject: Subject
    severity: Severity
    words: str
    since: datetime | None = None
    tenants: Collection[UUID] | None = None

    @property
    def key(self) -> Key:
        return self.kind, self.subject.kind, self.subject.id[:255]

    @property
    def columns(self) -> dict[str, str]:
        """What may change while it goes on."""
        return {"severity": self.severity, "subject_name": self.subject.name[:255], "words": self.words[:WORDS]}


@dataclass(frozen=True)
class Change:
    """Something that was changed: `differences` are (field, before, after); `operation_id` is that of Weft's own."""

    kind: str
    subject: Subject
    severity: Severity
    words: str
    differences: Sequence[tuple[str, str, str]] = ()
    operation_id: UUID | None = None


class Kept(NamedTuple):
    """How many events of a source began, went on and ended."""

    began: int = 0
    went_on: int = 0
    ended: int = 0


#: Nothing was written: there was nothing to go by, or somebody has gone by something newer.
UNTOUCHED = Kept()


@transaction.atomic
def keep(
    zone: Zone,
    source: str,
    found: Iterable[Found],
    *,
    basis: Iterable[Reading] = (),
    unknown: Collection[tuple[str, str]] = frozenset(),
) -> Kept:
    """Write down all that a source finds in a zone now: what is new begins, what is there goes on, what is not in
    `found` has ended. Running it twice changes nothing.

    `basis` are the readings that it was found in. While one of them is stale, or could not be read the last time,
    nothing is known: nothing begins and nothing ends. `unknown` are the subjects, by kind and id, that the readings say
    nothing of: theirs neither go on nor end."""
    row = _looked(zone, source, list(basis))
    if row is None:
        return UNTOUCHED
    wanted = {each.key: each for each in found}
    there = {event.key: event for event in row.events.open()}
    begun = _begin(row, [each for key, each in wanted.items() if key not in there])
    going_on = {key: event for key, event in there.items() if key in wanted}
    _go_on(row, going_on, wanted)
    over = [event.pk for key, event in there.items() if key not in wanted and key[1:] not in unknown]
    _end(row, over)
    _touch([*begun, *going_on.values()], wanted)
    return Kept(len(begun), len(going_on), len(over))


@transaction.atomic
def still(zone: Zone, source: str, *, basis: Iterable[Reading]) -> None:
    """All that is open goes on, by these newer readings. Without one that may be gone by nothing is written."""
    if row := _looked(zone, source, list(basis)):
        row.events.open().update(last_seen_at=row.read_at)


def _looked(zone: Zone, name: str, lists: Sequence[Reading]) -> Source | None:
    """The source's row, locked, with the readings that it goes by now; None where it may not go by them."""
    if any(reading.is_stale or reading.has_failed for reading in lists):
        return None
    row = _hold(zone, name)
    read = basis_of(lists)
    if _is_overtaken(row, read):
        return None
    now = clock.now()
    row.basis, row.read_at = read, min((each.read_at for each in lists if each.read_at), default=now)
    row.fresh_until = min(
        (each.read_at + each.fresh_for for each in lists if each.read_at), default=now + OWN_FRESH_FOR
    )
    row.save(update_fields=["basis", "read_at", "fresh_until"])
    return row


def basis_of(lists: Iterable[Reading]) -> dict[str, str]:
    """When each had been read last, as a source notes it."""
    return {str(reading.kind): reading.read_at.isoformat() for reading in lists if reading.read_at}


def last_basis(zone: Zone, source: str) -> dict[str, str]:
    """What a source went by when it last told something. One query."""
    row = Source.objects.filter(zone=zone, name=source).first()
    return row.basis if row else {}


def note(zone: Zone, source: str, changes: Iterable[Change], *, at: datetime) -> None:
    """Write down what was changed, as it was first seen `at`. It is written each time that it is told."""
    row = _hold(zone, source)
    row.read_at, row.fresh_until = at, at + OWN_FRESH_FOR
    row.save(update_fields=["read_at", "fresh_until"])
    events = [
        Event(
            zone=zone,
            source=row,
            kind=each.kind,
            severity=each.severity,
            subject_kind=each.subject.kind,
            subject_id=each.subject.id[:255],
            subject_name=each.subject.name[:255],
            words=each.words[:WORDS],
            began_at=at,
            last_seen_at=at,
            ended_at=at,
            differences=[
                {"field": field, "before": before[:WORDS], "after": after[:WORDS]}
                for field, before, after in each.differences
            ],
            operation_id=each.operation_id,
        )
        for each in changes
    ]
    Event.objects.bulk_create(events, batch_size=BATCH)


def _hold(zone: Zone, name: str) -> Source:
    """Two workers that look at once write one after the other."""
    Source.objects.bulk_create([Source(zone=zone, name=name)], ignore_conflicts=True)
    return Source.objects.select_for_update(no_key=True).get(zone=zone, name=name)


def _is_overtaken(row: Source, read: Mapping[str, str]) -> bool:
    """One of its lists was read again since, by whoever wrote last."""
    return any(
        name in read and datetime.fromisoformat(at) > datetime.fromisoformat(read[name])
        for name, at in row.basis.items()
    )


def _begin(row: Source, new: Sequence[Found]) -> list[Event]:
    assert row.read_at is not None
    seen_at = _seen_at(row)
    events = [
        Event(
            zone_id=row.zone_id,
            source=row,
            kind=each.kind,
            is_finding=kind_of(each.kind).is_finding,
            subject_kind=each.subject.kind,
            subject_id=each.subject.id[:255],
            began_at=min(each.since or seen_at, seen_at),
            last_seen_at=row.read_at,
            **each.columns,
        )
        for each in new
    ]
    return Event.objects.bulk_create(events, batch_size=BATCH)


def _go_on(row: Source, events: Mapping[Key, Event], wanted: Mapping[Key, Found]) -> None:
    row.events.filter(pk__in=[event.pk for event in events.values()]).update(last_seen_at=row.read_at)
    changed = []
    for key, event in events.items():
        if any(getattr(event, name) != value for name, value in wanted[key].columns.items()):
            for name, value in wanted[key].columns.items():
                setattr(event, name, value)
            event.search_key = Event._meta.get_field("search_key").pre_save(event, add=False)
            changed.append(event)
    Event.objects.bulk_update(changed, ["severity", "subject_name", "words", "search_key"], batch_size=BATCH)


def _end(row: Source, over: Sequence[UUID]) -> None:
    """When it was first seen to be over."""
    for start in range(0, len(over), BATCH):
        rows = Event.objects.filter(pk__in=over[start : start + BATCH])
        rows.update(ended_at=Greatest("began_at", Value(_seen_at(row))))  # a clock may have been set back


def _seen_at(row: Source) -> datetime:
    """What its newest list shows, and the one before did not. `read_at`, the age of it all, is that of the oldest."""
    assert row.read_at is not None
    return max((datetime.fromisoformat(at) for at in row.basis.values()), default=row.read_at)


def _touch(events: Iterable[Event], wanted: Mapping[Key, Found]) -> None:
    """Whom an event has touched once stays with it, also when it no longer does."""
    known = {event.pk: wanted[event.key].tenants for event in events}
    told = {pk: set(tenants) for pk, tenants in known.items() if tenants is not None}
    if not told:
        return
    Event.objects.filter(pk__in=told, is_touch_known=False).update(is_touch_known=True)
    through = Event.touched.through
    there = set(through.objects.filter(event__in=told).values_list("event_id", "tenant_id"))
    new = {(pk, tenant) for pk, tenants in told.items() for tenant in tenants} - there
    real = (
        set(Tenant.objects.filter(pk__in={tenant for _, tenant in new}).values_list("pk", flat=True)) if new else set()
    )
    rows = [through(event_id=pk, tenant_id=tenant) for pk, tenant in sorted(new) if tenant in real]
    through.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
