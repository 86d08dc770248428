"""Keeping the mirror fresh: one list at a time, read without a transaction and written portion by portion.

    refresh_due()   what is due, one list after the other; another thread takes those behind a slow one
    refresh()       1. claim    one UPDATE takes the lease, raises the fence, sets the next time   (compare and swap)
                    2. wait?    rate limit or a remote that is down: put off, give the lease back
                    3. read     a portion of the list from the remote                              (no transaction)
                    4. write    what is new or changed in it; only if the fence is still ours
                    5. back to 3; at the end of the list: what is gone, and the reading
    note()          what was read by its id, between two sweeps

The lease is renewed while the reader lives, however long it takes. A worker that dies leaves one that ends; one that
is overtaken writes nothing. What is gone is deleted only after the whole list was read. A sweep rests at least as long
as it works: a list that takes longer than its interval is read less often, and its age says so.

Sweeps run in processes of their own (Celery's queue `sweeps`), so they may wait for their share of the rate limit.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import current_app
from django.db import DatabaseError, connection, transaction
from django.db.models import Case, Count, DurationField, ExpressionWrapper, F, Q, Value, When
from django.db.models.functions import Coalesce, Greatest
from kombu.exceptions import OperationalError

from apps.kernel import clock
from apps.kernel.remote import RemoteError, Unavailable, Wire
from apps.mirror.models import Item, Kind, Reading, ReadingQuerySet
from apps.mirror.sweeps import BATCH, SWEEPS
from apps.operations import engine
from apps.zones import health, pace
from apps.zones.clouds import Clouds, OpenClouds, open_clouds
from apps.zones.models import System, Zone

logger = logging.getLogger("weft.mirror")

TASK = "mirror.refresh"
LEASE = timedelta(minutes=1)
#: Seconds. One answer may take minutes, so the lease is renewed by a thread of its own.
RENEWED_EVERY = 15.0

Columns = Mapping[str, Mapping[str, Any]]

#: The database compares a portion with what it has, so that no old row leaves it. One that is as it was is only read:
#: a conflict would lock it, which is a write as well.
NEWS = """
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT %(zone)s, %(kind)s, row.remote_id, row.key, row.name, row.search_key, row.data, %(now)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS row(remote_id text, key text, name text, search_key text, data jsonb)
LEFT JOIN mirror_item item ON item.zone_id = %(zone)s AND item.kind = %(kind)s AND item.remote_id = row.remote_id
WHERE item.id IS NULL OR (
    (item.read_at IS NULL OR item.read_at <= %(since)s)
    AND (item.data, item.key, item.name, item.search_key)
        IS DISTINCT FROM (row.data, row.key, row.name, row.search_key)
)
ON CONFLICT (kind, remote_id, zone_id) DO UPDATE SET key = excluded.key, name = excluded.name,
    search_key = excluded.search_key, data = excluded.data, changed_at = excluded.changed_at
WHERE mirror_item.read_at IS NULL OR mirror_item.read_at <= %(since)s
"""


class OvertakenError(Exception):
    """Somebody else reads the list: this reader was stopped for longer than its lease."""


@dataclass(frozen=True)
class Lease:
    """The right to read one list, for as long as nobody has raised the fence."""

    zone: Zone
    kind: Kind
    reading_id: int
    fence: int
    started_at: datetime
    #: What the claim wrote: another value is somebody's later request.
    due_at: datetime

    @property
    def system(self) -> System:
        return SWEEPS[self.kind].system

    @property
    def ours(self) -> ReadingQuerySet:
        """The reading, as long as nobody else has claimed it."""
        return Reading.objects.filter(pk=self.reading_id, fence=self.fence)

    def renew(self) -> bool:
        return bool(self.ours.update(lease_until=clock.now() + LEASE))

    def ending(self, now: datetime) -> dict[str, Any]:
        """The columns that end a sweep. A `due_at` that is not the claim's is somebody's later request: it stays."""
        interval = self.kind.interval
        if self.kind == Kind.NETRIS_VPC and health.is_slow(self.zone, System.NETRIS):
            interval = min(interval, health.MEASURE_PAUSE)
        rested = self.started_at + max(interval, 2 * (now - self.started_at))
        next_at = Case(When(due_at=self.due_at, then=Value(rested)), default=F("due_at"))
        return {"lease_until": None, "due_at": next_at}


def refresh_due(clouds_of: OpenClouds = open_clouds) -> int:
    """Read every list that is due. Gives how many were read or tried."""
    _add_missing()
    due = list(Reading.objects.due().select_related("zone").order_by("due_at"))
    return sum(_refresh(reading, clouds_of(reading.zone)) for reading in due)


def refresh(zone: Zone, kind: Kind, clouds: Clouds) -> bool:
    """Read one list now, due or not. False when it was not tried: somebody else is at it, or it has to wait."""
    reading, _ = Reading.objects.select_related("zone").get_or_create(zone=zone, kind=kind)
    return _refresh(reading, clouds)


def _refresh(reading: Reading, clouds: Clouds) -> bool:
    lease = _claim(reading)
    if lease is None:
        return False
    gate = health.Gate(lease.zone)
    if _put_off(lease, gate):
        return False
    started = time.monotonic()
    try:
        with pace.sweeping(), _kept(lease):
            found = _read(lease, clouds)
    except OvertakenError:
        logger.warning("%s of %s was overtaken", lease.kind, lease.zone)
        return True
    except RemoteError as trouble:
        # A long list that takes too long says nothing of the calls that others wait for.
        if isinstance(trouble, Unavailable) and not trouble.is_late:
            health.note_failure(lease.zone, trouble)
        _record_failure(lease, str(trouble))
        return True
    except Exception:
        logger.exception("%s of %s", lease.kind, lease.zone)
        _record_failure(lease, "Something went wrong on our side. It is logged, and the list is read again by itself.")
        return True
    milliseconds = (time.monotonic() - started) * 1000
    is_quick = lease.kind == Kind.NETRIS_VPC and milliseconds <= health.QUICK
    is_quick_again = is_quick and health.note_quick(lease.zone, System.NETRIS)
    if gate.note_success(lease.system) or is_quick_again:
        engine.release(lease.zone)
    _finish(lease, found)
    return True


def _read(lease: Lease, clouds: Clouds) -> set[str]:
    """Read the list and write it down as it comes. Gives the remote ids of all that is in it."""
    found: set[str] = set()
    for portion in SWEEPS[lease.kind].read(clouds):
        _write(lease, portion, found)
        found |= portion.keys()
        if (pause := pace.wait_for(lease.zone, lease.system, is_sweep=True)) > 0:
            time.sleep(pause)
    return found


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Renews the lease for as long as this process lives and reads."""
    is_over = threading.Event()

    def keep() -> None:
        while not is_over.wait(RENEWED_EVERY):
            try:
                if not lease.renew():
                    break
            except DatabaseError as error:
                logger.warning("the lease of %s could not be renewed: %s", lease.kind, error)
            finally:
                connection.close()

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def request_refresh(zone: Zone, *kinds: Kind) -> None:
    """Make lists due now, all of the zone's without kinds. One that is being read is read once more after that; one
    that took long rests for as long first, however many ask."""
    wanted = kinds or tuple(Kind)
    Reading.objects.bulk_create([Reading(zone=zone, kind=kind) for kind in wanted], ignore_conflicts=True)
    now = clock.now()
    took = ExpressionWrapper(F("milliseconds") * Value(timedelta(milliseconds=2)), output_field=DurationField())
    rested = Coalesce(F("read_at") + took, Value(now))
    Reading.objects.filter(zone=zone, kind__in=wanted).update(due_at=Greatest(Value(now), rested))
    transaction.on_commit(_ring)


def _ring() -> None:
    """Have it done at once; without a broker the next beat does it."""
    try:
        current_app.send_task(TASK, retry=False, ignore_result=True)
    except (OperationalError, redis.RedisError, OSError) as error:
        logger.warning("the mirror waits for its next beat: %s", error)


def _add_missing() -> None:
    """Every enabled zone has a reading of each kind; a new zone's are due at once."""
    lacking = Zone.objects.filter(is_enabled=True).annotate(known=Count("readings")).filter(known__lt=len(Kind))
    missing = [Reading(zone=zone, kind=kind) for zone in lacking for kind in Kind]
    if missing:
        Reading.objects.bulk_create(missing, ignore_conflicts=True)


def _claim(reading: Reading) -> Lease | None:
    """Compare and swap: of all who saw the reading as it was, one gets its lease."""
    now = clock.now()
    if reading.lease_until is not None and reading.lease_until > now:
        return None
    kind = Kind(reading.kind)
    lease = Lease(reading.zone, kind, reading.pk, reading.fence + 1, now, now + kind.interval)
    as_seen = Reading.objects.filter(
        pk=reading.pk, fence=reading.fence, lease_until=reading.lease_until, due_at=reading.due_at
    )
    return lease if as_seen.update(lease_until=now + LEASE, due_at=lease.due_at, fence=lease.fence) else None


def _put_off(lease: Lease, gate: health.Gate) -> bool:
    """Sweeps wait behind their share of the rate limit, and only one caller tries a remote that is down."""
    if (pause := pace.wait_for(lease.zone, lease.system, is_sweep=True)) > 0:
        until: datetime | None = clock.now() + timedelta(seconds=pause)
    else:
        until = gate.closed_until(lease.system)
    if until is not None:
        lease.ours.update(lease_until=None, due_at=until)
    return until is not None


def _record_failure(lease: Lease, error: str) -> None:
    now = clock.now()
    lease.ours.update(failed_at=now, error=error.replace("\0", "")[:300], **lease.ending(now))


def _write(lease: Lease, portion: Columns, found: set[str]) -> None:
    """Write down what is new or changed in a portion. What was read by its id since the sweep began is newer."""
    rows = [{"remote_id": key} | dict(columns) for key, columns in portion.items() if key not in found]
    values: dict[str, Any] = {"zone": lease.zone.pk, "kind": lease.kind, "since": lease.started_at, "now": clock.now()}
    with transaction.atomic(durable=True):
        if not lease.renew():
            raise OvertakenError
        with connection.cursor() as cursor:
            cursor.execute(NEWS, values | {"rows": json.dumps(rows)})


def _upsert(items: Sequence[Item], *fields: str) -> None:
    Item.objects.bulk_create(
        items,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["kind", "remote_id", "zone"],
        update_fields=["key", "name", "search_key", "data", "changed_at", *fields],
    )


def _finish(lease: Lease, found: set[str]) -> None:
    """The whole list was read: what is not in it is gone, unless it was read by its id since the sweep began."""
    items = Item.objects.filter(zone=lease.zone, kind=lease.kind)
    older = items.filter(Q(read_at=None) | Q(read_at__lt=lease.started_at))
    gone = [pk for pk, remote_id in older.values_list("pk", "remote_id") if remote_id not in found]
    now = clock.now()
    took = round((now - lease.started_at).total_seconds() * 1000)
    facts = {"read_at": lease.started_at, "milliseconds": took, "rows": len(found), "failed_at": None, "error": ""}
    with transaction.atomic(durable=True):
        if not lease.ours.update(**facts, **lease.ending(now)):
            logger.warning("%s of %s was overtaken", lease.kind, lease.zone)
            return
        for start in range(0, len(gone), BATCH):
            older.filter(pk__in=gone[start : start + BATCH]).delete()


# --- between two sweeps -----------------------------------------------------------------------------------------------


def note(zone: Zone, kind: Kind, rows: Iterable[Wire], *, read_at: datetime, key: object = None) -> None:
    """Write down rows that were read by their ids, by a call that began at `read_at`. With a key they are all that the
    remote has under it."""
    columns = SWEEPS[kind].columns_of(rows)
    items = [
        Item(zone=zone, kind=kind, remote_id=remote_id, changed_at=read_at, read_at=read_at, **each)
        for remote_id, each in columns.items()
    ]
    with transaction.atomic():
        _upsert(items, "read_at")
        if key is not None:
            Item.objects.filter(zone=zone, kind=kind, key=str(key)).exclude(remote_id__in=columns).delete()
