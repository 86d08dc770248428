"""Backing off while a remote is down: one caller at a time tries again, the others wait without calling."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from apps.zones.models import Remote, Zone


class Gate:
    """What was known of a zone's remotes when a turn of work began: one query, whatever the turn does."""

    def __init__(self, zone: Zone) -> None:
        self._down = list(Remote.objects.filter(zone=zone).exclude(down_since=None))

    def closed_until(self, *systems: str) -> datetime | None:
        """When to ask again, or None to go ahead. Whoever goes ahead after a pause has the only try until the next."""
        now = timezone.now()
        down = [remote for remote in self._down if remote.system in systems]
        for remote in down:
            if remote.is_closed(now):
                return remote.retry_at
        for remote in down:
            # Compare and swap: of all who find the pause over, one moves it on and is the one who tries. The try counts
            # as failed until it succeeds, so a caller that dies over it holds nobody up.
            failures = remote.failures + 1
            retry_at = now + Remote.pause_after(failures)
            mine = Remote.objects.filter(pk=remote.pk, failures=remote.failures)
            if not mine.update(failures=failures, retry_at=retry_at):
                return retry_at
        return None

    def note_success(self, *systems: str) -> None:
        """They answered: forget their failures."""
        if recovered := [remote.pk for remote in self._down if remote.system in systems]:
            Remote.objects.filter(pk__in=recovered).update(down_since=None, retry_at=None, failures=0, error="")
            self._down = [remote for remote in self._down if remote.pk not in recovered]


def note_failure(zone: Zone, system: str, error: str) -> None:
    """The first failure closes the gate. Later ones are counted by the gate itself, when it lets a try through."""
    now = timezone.now()
    first = {"down_since": now, "retry_at": now + Remote.pause_after(1), "failures": 1, "error": error[:300]}
    remote, is_new = Remote.objects.get_or_create(zone=zone, system=system, defaults=first)
    if not is_new and not Remote.objects.filter(pk=remote.pk, down_since=None).update(**first):
        Remote.objects.filter(pk=remote.pk).update(error=error[:300])
