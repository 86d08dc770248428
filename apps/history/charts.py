"""Charts of what was measured: drawn on the server from lines alone, with figures, units, gaps, and the table behind.

A chart has one scale from zero. A line is the mean of each step, the band around it reaches from the least reading to
the most. Where nothing was measured there is neither, but a darker ground: a line is never drawn across what nobody
knows. Two lines are told apart by their dashes, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10

from django.utils import timezone
from django.utils.safestring import SafeString

from apps.history.metrics import RX, TX, Metric
from apps.history.series import Latest, Line, Past, Step, gaps
from apps.kernel.svg.draw import element, join, number, picture, text

WIDTH, HEIGHT = 380.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 6.0, 10.0, 22.0
#: Rows of the table behind a chart; neighbouring steps are put together where there are more.
ROWS = 48

#: How far apart the moments below a chart are, and how they are written (as `strftime` takes it).
_TICKS = {
    "hour": (timedelta(minutes=15), "%H:%M"),
    "day": (timedelta(hours=6), "%H:%M"),
    "week": (timedelta(days=2), "%-d %b"),
    "month": (timedelta(days=7), "%-d %b"),
    "year": (timedelta(days=91), "%b %Y"),
}
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Figure:
    """What stands beside a chart for one of its lines, in words."""

    label: str
    last: str
    mean: str
    most: str
    last_at: datetime | None
    fresh_for: int
    #: The second line of a chart is dashed.
    is_dashed: bool


@dataclass(frozen=True)
class TableRow:
    at: datetime
    #: Mean and most of each line, "" where nothing was measured.
    cells: Sequence[str]


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    svg: SafeString
    figures: Sequence[Figure]
    heads: Sequence[str]
    rows: Sequence[TableRow]

    @property
    def is_empty(self) -> bool:
        return not self.rows


def charts_of(past: Past, *, about: str) -> list[Chart]:
    """One for each metric and part, but one for both directions of a port."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in past.lines:
        metric = RX.key if line.series.metric == TX.key else line.series.metric
        groups.setdefault((line.series.part, metric), []).append(line)
    return [chart(past, lines, about=about) for lines in groups.values()]


def chart(past: Past, lines: Sequence[Line], *, about: str) -> Chart:
    """`lines` are one or two of the same unit. `about` is the name of what was measured."""
    metric = lines[0].series.what
    part = lines[0].series.part
    label = "Traffic" if metric in (RX, TX) else metric.label
    title = f"{part}: {label.lower()}" if part else label
    figures = [_figure(line, is_dashed=place > 0) for place, line in enumerate(lines)]
    words = "; ".join(
        f"{each.label}: {each.last} last, {each.mean} on average, {each.most} at most" for each in figures
    )
    svg = picture(
        *_drawn(past, lines, metric),
        width=WIDTH,
        height=HEIGHT,
        title=f"{title} of {about}, last {past.span.label.lower()}",
        description=words,
        class_="chart__drawing",
        is_interactive=False,
    )
    heads = [f"{each.label}, {what}" for each in figures for what in ("mean", "most")]
    key = f"{part}-{metric.key}".strip("-").replace("/", "-").replace(".", "-")
    return Chart(key, title, svg, figures, heads, _table(past, lines))


# --- figures ----------------------------------------------------------------------------------------------------------


def written(value: float, unit: str) -> str:
    """With at most three digits that count, and the prefix that makes it short: "1.25 Gbit/s", "37 %"."""
    # What would be written as 1000 of one is 1 of the next.
    factor, prefix = next(((size, sign) for size, sign in _PREFIXES if abs(value) >= 0.9995 * size), (1.0, ""))
    scaled = value / factor
    digits = f"{scaled:.2f}" if abs(scaled) < 10 else f"{scaled:.1f}" if abs(scaled) < 100 else f"{scaled:.0f}"
    short = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{short} {prefix}{unit}".rstrip()


def _figure(line: Line, *, is_dashed: bool) -> Figure:
    metric, steps = line.series.what, line.steps
    if not steps:
        return Figure(metric.label, "nothing", "nothing", "nothing", None, 0, is_dashed)
    last = line.last or Latest(steps[-1].value, steps[-1].at, line.gap)
    return Figure(
        metric.label,
        written(last.value, metric.unit),
        written(sum(step.value for step in steps) / len(steps), metric.unit),
        written(max(step.high for step in steps), metric.unit),
        last.at,
        int(last.fresh_for.total_seconds()),
        is_dashed,
    )


def _table(past: Past, lines: Sequence[Line]) -> list[TableRow]:
    together = ceil(past.span.length / past.span.step / ROWS) * past.span.step
    found: dict[int, list[list[Step]]] = {}
    for place, line in enumerate(lines):
        for step in line.steps:
            found.setdefault((step.at - past.start) // together, [[] for _ in lines])[place].append(step)
    return [
        TableRow(past.start + slot * together, [each for pair in map(_cells, lines, steps) for each in pair])
        for slot, steps in sorted(found.items(), reverse=True)
    ]


def _cells(line: Line, steps: Sequence[Step]) -> tuple[str, str]:
    unit = line.series.what.unit
    if not steps:
        return "", ""
    mean = sum(step.value for step in steps) / len(steps)
    return written(mean, unit), written(max(step.high for step in steps), unit)


# --- strokes ----------------------------------------------------------------------------------------------------------


def top_of(highest: float, ceiling: float | None) -> float:
    """The end of the scale: a round number that is not below anything measured."""
    if ceiling is not None and highest <= ceiling:
        return ceiling
    if highest <= 0:
        return 1.0
    size = 10.0 ** floor(log10(highest))
    return next(size * step for step in (1, 2, 5, 10) if size * step >= highest)


def _drawn(past: Past, lines: Sequence[Line], metric: Metric) -> list[SafeString]:
    highest = max((step.high for line in lines for step in line.steps), default=0.0)
    top = top_of(highest, metric.ceiling)
    length = past.end - past.start

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max((at - past.start) / length, 0.0), 1.0)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(value / top, 0.0), 1.0)

    strokes = [_gap(x(since), x(until)) for since, until in gaps(past, lines)]
    for share in (0.0, 0.5, 1.0):
        at = y(top * share)
        strokes.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="chart__grid"))
        strokes.append(text(LEFT - 6, at + 4, written(top * share, metric.unit), "chart__label", anchor="end"))
    every, form = _TICKS[past.span.key]
    for moment in _ticks(past, every):
        words = timezone.localtime(moment).strftime(form)
        strokes.append(text(x(moment), HEIGHT - 6, words, "chart__label", anchor="middle"))
    for place, line in enumerate(lines):
        kind = "chart__line chart__line--second" if place else "chart__line"
        for run in _runs(line):
            strokes.append(_band([(x(step.at), y(step.low), y(step.high)) for step in run]))
            strokes.append(_stroke([(x(step.at), y(step.value)) for step in run], kind))
    return strokes


def _runs(line: Line) -> list[list[Step]]:
    """The steps between which nothing is missing."""
    runs: list[list[Step]] = []
    for step in line.steps:
        if runs and step.at - runs[-1][-1].at <= line.gap:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def _ticks(past: Past, every: timedelta) -> list[datetime]:
    """Round moments of the reader's own zone. Those that would stick out at the sides are left out."""
    offset = timezone.localtime(past.start).utcoffset() or timedelta()
    epoch = datetime(1970, 1, 1, tzinfo=past.start.tzinfo) - offset
    at = epoch + ceil((past.start - epoch) / every) * every
    found = []
    while at < past.end:
        if 0.06 < (at - past.start) / (past.end - past.start) < 0.95:
            found.append(at)
        at += every
    return found


def _gap(since: float, until: float) -> SafeString:
    return element(
        "rect", x=since, y=TOP, width=max(until - since, 1.0), height=HEIGHT - TOP - BOTTOM, class_="chart__gap"
    )


def _band(points: Sequence[tuple[float, float, float]]) -> SafeString:
    """From the least to the most; nothing where they are the same everywhere."""
    if len(points) < 2 or all(low == high for _, low, high in points):
        return join()
    there = [f"{number(x)},{number(high)}" for x, _, high in points]
    back = [f"{number(x)},{number(low)}" for x, low, _ in reversed(points)]
    return element("polygon", points=" ".join([*there, *back]), class_="chart__band")


def _stroke(points: Sequence[tuple[float, float]], class_: str) -> SafeString:
    if len(points) == 1:
        [(x, y)] = points
        return element("circle", cx=x, cy=y, r=1.5, class_="chart__dot")
    path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", d=f"M{path}", class_=class_)
