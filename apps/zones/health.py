"""Backing off while a remote is down: one caller at a time tries again, the others wait without calling.

A remote that answers slowly is read on, but nothing is ordered that has to be done there (see `turnstile`).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from apps.kernel import clock
from apps.kernel.remote import Unauthorized, Unavailable
from apps.zones.models import Remote, Zone

logger = logging.getLogger("weft.health")

#: Milliseconds. The plugin gives up on calls of 7 to 10 s (W19).
SLOW = 5000.0
#: Below this it is well again; in between nothing changes, so that the state does not flap.
QUICK = 2500.0
MEASURE_PAUSE = timedelta(seconds=10)
#: How long the one who tries a remote that is down may take: longer than any call.
TRY_LASTS = settings.ANSWER_AWAITED + timedelta(seconds=10)
LONGEST_LOCKED_OUT = timedelta(minutes=2)
#: What is measured: the question before each order, and the list that the plugin reads before everything it does. The
#: mirror reads it anyway, and every `MEASURE_PAUSE` while it is slow.
MEASURED = frozenset({"GET /api/auth", "GET /api/v2/vpc"})


class Gate:
    """What was known of a zone's remotes when a turn of work began: one query, whatever the turn does."""

    def __init__(self, zone: Zone) -> None:
        self._down = list(Remote.objects.filter(zone=zone).exclude(down_since=None))

    def closed_until(self, *systems: str) -> datetime | None:
        """When to ask this gate again, or None to go ahead. Whoever goes ahead after a pause has the only try until the
        next. That one may be through at any moment, long before its time is up: nobody waits for all of it."""
        now = clock.now()
        down = [remote for remote in self._down if remote.system in systems]
        for remote in down:
            if remote.retry_at is not None and remote.is_closed(now):
                return min(remote.retry_at, now + Remote.LONGEST_PAUSE)
        won: list[int] = []
        for remote in down:
            # Compare and swap: of all who find the pause over, one moves it on and is the one who tries. A caller that
            # dies over it holds the others up for no longer than the longest call.
            mine = Remote.objects.filter(pk=remote.pk, failures=remote.failures, retry_at=remote.retry_at)
            if not mine.update(failures=remote.failures + 1, retry_at=now + TRY_LASTS):
                Remote.objects.filter(pk__in=won).update(retry_at=now)
                return now + Remote.FIRST_PAUSE
            won.append(remote.pk)
        return None

    def note_success(self, *systems: str) -> bool:
        """They answered: forget their failures. True when one of them was down."""
        recovered = [remote.pk for remote in self._down if remote.system in systems]
        if recovered:
            Remote.objects.filter(pk__in=recovered).update(down_since=None, retry_at=None, failures=0, error="")
            self._down = [remote for remote in self._down if remote.pk not in recovered]
        return bool(recovered)


def note_failure(zone: Zone, trouble: Unavailable) -> None:
    """The first failure closes the gate, later ones keep it closed for longer. Who is not let in waits longer still: a
    controller may lock out a user whose login fails too often."""
    now = clock.now()
    longest = LONGEST_LOCKED_OUT if isinstance(trouble, Unauthorized) else Remote.LONGEST_PAUSE
    error = str(trouble)[:300]
    first = {"down_since": now, "retry_at": now + Remote.pause_after(1), "failures": 1, "error": error}
    remote, is_new = Remote.objects.get_or_create(zone=zone, system=trouble.system, defaults=first)
    if not is_new and not Remote.objects.filter(pk=remote.pk, down_since=None).update(**first):
        retry_at = now + Remote.pause_after(remote.failures, longest=longest)
        Remote.objects.filter(pk=remote.pk).update(error=error, retry_at=retry_at)


def note_pace(zone: Zone, system: str, call: str, milliseconds: float) -> None:
    """Called after every call; costs nothing unless it took too long. Never raises: the call has taken effect."""
    if call not in MEASURED or milliseconds <= SLOW:
        return
    now = clock.now()
    found = {"slow_call": call, "slow_milliseconds": round(milliseconds)}
    try:
        remote, _ = Remote.objects.get_or_create(zone=zone, system=system, defaults=found | {"slow_since": now})
        Remote.objects.filter(pk=remote.pk).update(**found)
        Remote.objects.filter(pk=remote.pk, slow_since=None).update(slow_since=now)
    except DatabaseError as error:
        logger.warning("%s of %s is slow, and that could not be noted: %s", system, zone, error)


def is_slow(zone: Zone, system: str) -> bool:
    return Remote.objects.filter(zone=zone, system=system).exclude(slow_since=None).exists()


def is_troubled(zone: Zone, system: str) -> bool:
    """It does not answer, or not quickly."""
    is_bad = ~Q(down_since=None) | ~Q(slow_since=None)
    return Remote.objects.filter(is_bad, zone=zone, system=system).exists()


def note_quick(zone: Zone, system: str) -> bool:
    """What the plugin reads before everything was there quickly. True when that ends a time of slowness."""
    quick = {"slow_since": None, "slow_call": "", "slow_milliseconds": 0}
    return bool(Remote.objects.filter(zone=zone, system=system).exclude(slow_since=None).update(**quick))
