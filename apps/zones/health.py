"""Backing off while a remote is down: one caller at a time tries again, the others wait without calling."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from apps.zones.models import Remote, Zone


def closed_until(zone: Zone, *systems: str) -> datetime | None:
    """When to ask again, or None to go ahead. Whoever goes ahead after a pause has the only try until the next one."""
    now = timezone.now()
    down = list(Remote.objects.filter(zone=zone, system__in=systems).exclude(down_since=None))
    for remote in down:
        if remote.is_closed(now):
            return remote.retry_at
    for remote in down:
        # Compare and swap: of all who find the pause over, one moves `retry_at` on and is the one who tries.
        retry_at = now + Remote.pause_after(remote.failures + 1)
        if not Remote.objects.filter(pk=remote.pk, retry_at=remote.retry_at).update(retry_at=retry_at):
            return retry_at
    return None


def note_failure(zone: Zone, system: str, error: str) -> None:
    """Many callers may fail at the same moment; only the one that was allowed to call lengthens the pause."""
    now = timezone.now()
    remote, _ = Remote.objects.get_or_create(zone=zone, system=system)
    if remote.down_since is not None and remote.is_closed(now) and remote.error:
        return
    failures = remote.failures + 1
    Remote.objects.filter(pk=remote.pk, failures=remote.failures).update(
        failures=failures,
        down_since=remote.down_since or now,
        retry_at=now + Remote.pause_after(failures),
        error=error[:300],
    )


def note_success(zone: Zone, *systems: str) -> None:
    """Clears a failure, if there is one. Costs one indexed update of no rows in the ordinary case."""
    Remote.objects.filter(zone=zone, system__in=systems).exclude(down_since=None).update(
        down_since=None, retry_at=None, failures=0, error=""
    )
