"""The processes that Weft consists of, as each tells of itself: `apps.health.pulse` writes, `looks` and `queries` read.

A row is written while its process does its work, and taken away when it ends in order. What is killed, or hangs, is
seen no more; its row is forgotten after a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from apps.kernel import clock


class Kind(models.TextChoices):
    """What there has to be one of, at least."""

    WEB = "web", "Web"
    WORKER = "worker", "Worker"
    SWEEPS = "sweeps", "Sweeps"
    BEAT = "beat", "Beat"


#: Seconds between two notes of a process.
EVERY = 10.0
#: Whoever was not seen for so long is not believed to be there: three notes are missing.
SILENT_AFTER = timedelta(seconds=35)


class Process(models.Model):
    """One process on one machine. All times are by the database's clock."""

    kind = models.CharField(max_length=8, choices=Kind.choices)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now)
    #: How far its machine's own clock is ahead of the database's; negative when it is behind.
    clock_ahead = models.DurationField(default=timedelta)

    objects = models.Manager()

    class Meta:
        ordering = ("kind", "host", "pid")
        constraints = [models.UniqueConstraint(fields=("kind", "host", "pid"), name="process_is_unique")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pid} on {self.host}"

    def is_silent(self, now: datetime) -> bool:
        return now - self.seen_at > SILENT_AFTER

    @property
    def is_clock_off(self) -> bool:
        return clock.is_off(self.clock_ahead)
