"""Writing readings down, whoever made them, and finding them again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from apps.history import store
from apps.history.metrics import place_of
from apps.history.models import Series
from apps.history.store import Row
from apps.kernel import clock
from apps.zones.models import Zone

BATCH = 2000
#: Seconds between two readings, unless their writer says otherwise.
USUAL = 30


class Point(NamedTuple):
    """One reading. `part` is what of the subject it is of, such as the port of a device; without `at` it is of now."""

    subject_kind: str
    subject_id: str
    metric: str
    value: float
    at: datetime | None = None
    part: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.subject_kind, self.subject_id, self.part, self.metric


def record(zone: Zone, points: Iterable[Point], *, seconds: int = USUAL) -> int:
    """Write readings down; what is there already stays. `seconds` are how often such readings are made. Those that are
    older than a day are not taken. Gives how many are new. A handful of queries, however many points."""
    now = clock.now()
    told = list(points)
    if not told:
        return 0
    store.make_ahead(now)
    ids = _ids(zone, {point.key for point in told}, seconds)
    return store.write([Row(ids[point.key], point.at or now, float(point.value)) for point in told], now)


def _ids(zone: Zone, keys: set[tuple[str, str, str, str]], seconds: int) -> dict[tuple[str, str, str, str], int]:
    known = _known(zone, keys)
    if missing := sorted(keys - known.keys()):
        rows = [
            Series(zone=zone, subject_kind=kind, subject_id=subject, part=part, metric=metric, seconds=seconds)
            for kind, subject, part, metric in missing
        ]
        Series.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
        known = _known(zone, keys)
    return known


def _known(zone: Zone, keys: set[tuple[str, str, str, str]]) -> dict[tuple[str, str, str, str], int]:
    subjects, metrics = {subject for _, subject, _, _ in keys}, {metric for *_, metric in keys}
    rows = Series.objects.filter(zone=zone, subject_id__in=subjects, metric__in=metrics)
    found = rows.values_list("subject_kind", "subject_id", "part", "metric", "pk")
    return {(kind, subject, part, metric): pk for kind, subject, part, metric, pk in found}


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """How far back a chart looks, and how much one step of it sums up."""

    key: str
    label: str
    length: timedelta
    step: timedelta


SPANS = (
    Span("hour", "Hour", timedelta(hours=1), timedelta(seconds=60)),
    Span("day", "Day", timedelta(days=1), timedelta(minutes=10)),
    Span("week", "Week", timedelta(days=7), timedelta(hours=1)),
    Span("month", "Month", timedelta(days=31), timedelta(hours=4)),
    Span("year", "Year", timedelta(days=365), timedelta(days=2)),
)


class Step(NamedTuple):
    """What was measured from `at` on, for one step: the mean, the least and the most."""

    at: datetime
    value: float
    low: float
    high: float


class Latest(NamedTuple):
    """The last reading of a series. What is older than three times its interval is not believed any more."""

    value: float
    at: datetime
    fresh_for: timedelta

    @property
    def is_stale(self) -> bool:
        return clock.now() - self.at > self.fresh_for


@dataclass(frozen=True)
class Line:
    """One series within a span. Between two steps further apart than `gap` nothing was measured. `last` is the last
    reading itself, of the last hour: the last step is a mean, and began earlier."""

    series: Series
    steps: Sequence[Step]
    gap: timedelta
    last: Latest | None


@dataclass(frozen=True)
class Past:
    """What is known of a subject within a span, by metric and part."""

    start: datetime
    end: datetime
    span: Span
    lines: Sequence[Line]


def past_of(zone: Zone, subject_kind: str, subject_id: str, span: Span, *, part: str | None = None) -> Past:
    """All that is measured of one thing, or of one part of it. Three queries, however much that is."""
    rows = Series.objects.filter(zone=zone, subject_kind=subject_kind, subject_id=subject_id)
    found = list(rows if part is None else rows.filter(part=part))
    found.sort(key=lambda row: (row.part != "", row.part, place_of(row.metric), row.metric))
    return past_in(found, span)


def past_in(found: Sequence[Series], span: Span) -> Past:
    """Of these series. Two queries."""
    # Steps begin at round moments, so that a chart that is drawn again a little later has the same ones.
    now = clock.now()
    end = store.EPOCH + ((now - store.EPOCH) // span.step + 1) * span.step
    start = end - span.length
    steps: dict[int, list[Step]] = {row.pk: [] for row in found}
    for each in store.read([row.pk for row in found], start, end, span.step):
        steps[each.series].append(Step(each.at, each.value, each.low, each.high))
    last = latest_of(found)
    gap = {row.pk: max(3 * span.step, timedelta(seconds=3 * row.seconds)) for row in found}
    lines = [Line(row, steps[row.pk], gap[row.pk], last.get(row.pk)) for row in found]
    return Past(start, end, span, lines)


def gaps(past: Past, lines: Sequence[Line]) -> list[tuple[datetime, datetime]]:
    """When nothing at all was measured: before the first reading, between, and after the last."""
    known = sorted({step.at for line in lines for step in line.steps})
    gap = max(line.gap for line in lines)
    return [(one, other) for one, other in pairwise([past.start, *known, past.end]) if other - one > gap]


def latest(
    zone: Zone,
    subject_kind: str,
    subject_ids: Collection[str],
    metrics: Collection[str],
    *,
    within: timedelta = store.HOUR,
) -> dict[tuple[str, str, str], Latest]:
    """The last readings of several things, by their id, part and metric; none older than `within`, a day at most. Two
    queries."""
    rows = Series.objects.filter(
        zone=zone, subject_kind=subject_kind, subject_id__in=subject_ids, metric__in=metrics
    ).in_bulk()
    found = latest_of(rows.values(), within=within)
    return {(row.subject_id, row.part, row.metric): found[pk] for pk, row in rows.items() if pk in found}


def latest_of(rows: Collection[Series], *, within: timedelta = store.HOUR) -> dict[int, Latest]:
    """The last readings of series, by their id; none older than `within`, a day at most. One query."""
    found = store.latest([row.pk for row in rows], clock.now() - within)
    return {
        row.pk: Latest(found[row.pk].value, found[row.pk].at, timedelta(seconds=3 * row.seconds))
        for row in rows
        if row.pk in found
    }


def span_of(key: str) -> Span | None:
    return next((span for span in SPANS if span.key == key), None)


def parts_of(zone: Zone, subject_kind: str, subject_id: str) -> list[str]:
    """The parts of a thing that are measured, in the order in which people count. One query."""
    rows = Series.objects.filter(zone=zone, subject_kind=subject_kind, subject_id=subject_id).exclude(part="")
    found = rows.order_by().values_list("part", flat=True).distinct()
    return sorted(
        found, key=lambda part: [int(each) if each.isdecimal() else each for each in re.split(r"(\d+)", part)]
    )
