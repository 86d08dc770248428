"""Keeping the mirror fresh: one list at a time, read without a transaction and written in one short one.

    refresh_due()   what is due, one list after the other; another worker takes those behind a slow one
    refresh()       1. claim    one UPDATE takes the lease and sets the next time         (compare and swap)
                    2. wait?    rate limit or a remote that is down: put off, give the lease back
                    3. read     the whole list from the remote                            (no transaction)
                    4. record   changed rows, gone rows, the reading; only if the lease is still ours

A sweep rests at least as long as it works: a list that takes longer than its interval is read less often, and its age
says so. A worker that dies leaves a lease that runs out; one that is overtaken writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import current_app
from django.db import transaction
from django.db.models import Case, Count, F, Value, When
from kombu.exceptions import OperationalError

from apps.kernel import clock
from apps.kernel.remote import RemoteError, Unavailable
from apps.mirror.models import Item, Kind, Reading, ReadingQuerySet
from apps.mirror.sweeps import SWEEPS
from apps.operations import engine
from apps.zones import health, pace
from apps.zones.clouds import Clouds, OpenClouds, open_clouds
from apps.zones.models import System, Zone

logger = logging.getLogger("weft.mirror")

TASK = "mirror.refresh"
SHORTEST_LEASE = timedelta(minutes=1)
BATCH = 2000


@dataclass(frozen=True)
class Lease:
    """The right to read one list. `until` and `due_at` are what the claim wrote, and tell whether it still counts."""

    zone: Zone
    kind: Kind
    reading_id: int
    started_at: datetime
    until: datetime
    due_at: datetime

    @property
    def system(self) -> System:
        return SWEEPS[self.kind].system

    @property
    def ours(self) -> ReadingQuerySet:
        """The reading, as long as nobody else has claimed it."""
        return Reading.objects.filter(pk=self.reading_id, lease_until=self.until)

    def ending(self, now: datetime) -> dict[str, Any]:
        """The columns that end a sweep. A `due_at` that is not the claim's is somebody's later request: it stays."""
        rested = self.started_at + max(self.kind.interval, 2 * (now - self.started_at))
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
    try:
        found = SWEEPS[lease.kind].read(clouds)
    except RemoteError as trouble:
        if isinstance(trouble, Unavailable):
            health.note_failure(lease.zone, trouble)
        _record_failure(lease, str(trouble))
        return True
    except Exception:
        logger.exception("%s of %s", lease.kind, lease.zone)
        _record_failure(lease, "Something went wrong on our side. It is logged, and the list is read again by itself.")
        return True
    if gate.note_success(lease.system):
        engine.release(lease.zone)
    _record(lease, found)
    return True


def request_refresh(zone: Zone, *kinds: Kind) -> None:
    """Make lists due now, all of the zone's without kinds. One that is being read is read once more after that."""
    wanted = kinds or tuple(Kind)
    Reading.objects.bulk_create([Reading(zone=zone, kind=kind) for kind in wanted], ignore_conflicts=True)
    Reading.objects.filter(zone=zone, kind__in=wanted).update(due_at=clock.now())
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
    # A list that took minutes will take them again.
    until = now + max(SHORTEST_LEASE, timedelta(milliseconds=4 * reading.milliseconds))
    lease = Lease(reading.zone, Kind(reading.kind), reading.pk, now, until, now + Kind(reading.kind).interval)
    as_seen = Reading.objects.filter(pk=reading.pk, lease_until=reading.lease_until, due_at=reading.due_at)
    return lease if as_seen.update(lease_until=lease.until, due_at=lease.due_at) else None


def _put_off(lease: Lease, gate: health.Gate) -> bool:
    """Give the lease back when the remote wants to be left alone. Sweeps leave room for people (see `pace`)."""
    # The rate limit first: whoever passes `closed_until` has the only try.
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


def _record(lease: Lease, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down what is new, changed or gone; nothing, when somebody else has claimed the list meanwhile."""
    items = Item.objects.filter(zone=lease.zone, kind=lease.kind)
    # The lease makes this worker the only writer, so the old rows can be read before the transaction.
    old = {
        remote_id: {"key": key, "name": name, "data": data}
        for remote_id, key, name, data in items.values_list("remote_id", "key", "name", "data")
    }
    now = clock.now()
    changed = [
        Item(zone=lease.zone, kind=lease.kind, remote_id=remote_id, changed_at=now, **columns)
        for remote_id, columns in found.items()
        if old.get(remote_id) != columns
    ]
    gone = [remote_id for remote_id in old if remote_id not in found]
    took = round((now - lease.started_at).total_seconds() * 1000)
    facts = {"read_at": lease.started_at, "milliseconds": took, "rows": len(found), "failed_at": None, "error": ""}
    with transaction.atomic(durable=True):
        if not lease.ours.update(**facts, **lease.ending(now)):
            # Overtaken. The next lease shall be long enough.
            Reading.objects.filter(pk=lease.reading_id).update(milliseconds=took)
            logger.warning("%s of %s took %d ms, longer than its lease", lease.kind, lease.zone, took)
            return
        Item.objects.bulk_create(
            changed,
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["kind", "remote_id", "zone"],
            update_fields=["key", "name", "data", "changed_at"],
        )
        if gone:
            items.filter(remote_id__in=gone).delete()
