"""All that is known of Weft itself, for the platform's page and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from apps.health import looks
from apps.health.models import SILENT_AFTER, Kind, Process
from apps.kernel import clock
from apps.mirror.models import Reading
from apps.operations.models import Operation
from apps.tenancy.actors import Platform

#: So many of those that are not seen any more are told of, the last. What is killed and started again for ever leaves
#: thousands in a day.
MOST_SILENT = 20
#: An operation that has waited for longer, ready to be worked on, waits for workers.
LONG_WAIT = timedelta(seconds=60)


@dataclass(frozen=True)
class ProcessRow:
    """`status` is up, or down once it was silent for too long, which may also mean that somebody has ended it."""

    process: Process
    status: str

    fresh_for = int(SILENT_AFTER.total_seconds())

    @property
    def is_silent(self) -> bool:
        return self.status == "down"

    @property
    def clock_words(self) -> str:
        ahead = self.process.clock_ahead.total_seconds()
        if not self.process.is_clock_off:
            return "right"
        return f"{abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'}"


@dataclass(frozen=True)
class ListRow:
    """One list of one zone's systems, as the sweeps read it."""

    reading: Reading
    status: str

    @property
    def is_fresh(self) -> bool:
        return self.status == "fresh"

    @property
    def name(self) -> str:
        return str(self.reading.get_kind_display())

    @property
    def fresh_for(self) -> int:
        return int(self.reading.fresh_for.total_seconds())


@dataclass(frozen=True)
class Health:
    """`report` is what `/healthz` tells. `waiting` operations could be worked on and are not, the longest since
    `waiting_since`."""

    read_at: datetime
    report: looks.Report
    processes: Sequence[ProcessRow]
    lists: Sequence[ListRow]
    waiting: int
    waiting_since: datetime | None

    @property
    def troubles(self) -> list[str]:
        """What somebody has to see to, a sentence each; worst first."""
        return [SENTENCES[part, state] for part, state in self.report.items() if (part, state) in SENTENCES] + (
            ["Operations wait for a worker: start more of them, or see what those at work are held up by."]
            if self.is_late
            else []
        )

    @property
    def is_late(self) -> bool:
        return self.waiting_since is not None and self.read_at - self.waiting_since > LONG_WAIT


SENTENCES = {
    ("broker", "down"): "Redis does not answer: open pages look less often, and work goes on only once it is back.",
    ("worker", "down"): "No worker is seen: what tenants order waits until one is started.",
    ("sweeps", "down"): "No process that sweeps is seen: the pictures of CloudStack and Netris grow old.",
    ("beat", "down"): "Beat is not seen: nothing is read, and what was broken off is not taken up again.",
    ("lists", "stale"): "Some lists are older than they should be: see below what the system said last.",
    ("clocks", "off"): "A machine's clock is wrong. Weft goes by the database's; log lines of that machine do not.",
}


def health(platform: Platform) -> Health:
    """Four queries, and the looks of a probe, which take less than a second."""
    now = clock.now()
    processes = _processes(now)
    readings = Reading.objects.filter(zone__is_enabled=True).select_related("zone").order_by("zone__name", "kind")
    waiting = Operation.objects.across(platform).due(now).aggregate(count=Count("pk"), since=Min("due_at"))
    return Health(
        now,
        looks.report(),
        [ProcessRow(each, "down" if each.is_silent(now) else "up") for each in processes],
        # Worst first, then by zone.
        sorted(
            (ListRow(each, "stale" if each.is_stale else "fresh") for each in readings), key=lambda row: row.is_fresh
        ),
        waiting["count"],
        waiting["since"],
    )


def _processes(now: datetime) -> list[Process]:
    """Those that are there, by what they do; then those that are not seen any more, the last first."""
    kinds = list(Kind)
    is_seen = Q(seen_at__gte=now - SILENT_AFTER)
    seen = sorted(Process.objects.filter(is_seen), key=lambda each: (kinds.index(Kind(each.kind)), each.host, each.pid))
    return seen + list(Process.objects.exclude(is_seen).order_by("-seen_at", "-pk")[:MOST_SILENT])
