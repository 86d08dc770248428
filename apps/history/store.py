"""Where readings are kept: three tables of PostgreSQL, in partitions by time, from fine and short to coarse and long.

    table            a row is                     a partition holds    and is kept
    history_raw      one reading                  an hour              a day
    history_five     five minutes of a series     a day                a month
    history_hour     an hour of a series          thirty days          `WEFT_GONE_DAYS`

A partition that is over is summed up into the next table and dropped, in one transaction: a moment is always in one of
them alone, so whoever reads takes all three together. Partitions are made ahead, for a day at least, so nothing is lost
while nobody maintains them; what is older than the oldest, or lies further ahead, is not taken.

They are no models: a row is a number and a moment, hundreds of millions of them, written in bulk and read in sums.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from apps.kernel.locks import hold_name

logger = logging.getLogger("weft.history")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BATCH = 10_000


@dataclass(frozen=True)
class Table:
    """`span` is what a partition holds, `step` what a row sums up, `ahead` how far partitions are made."""

    name: str
    span: timedelta
    step: timedelta
    keeps: timedelta
    ahead: timedelta

    def bounds(self, at: datetime) -> tuple[datetime, datetime]:
        """Of the partition that holds a moment."""
        start = EPOCH + (at - EPOCH) // self.span * self.span
        return start, start + self.span

    def partition(self, start: datetime) -> str:
        return f"{self.name}_{start.astimezone(UTC):%Y%m%d%H}"

    def start_of(self, partition: str) -> datetime:
        return datetime.strptime(partition.rpartition("_")[2], "%Y%m%d%H").replace(tzinfo=UTC)


RAW = Table("history_raw", HOUR, timedelta(seconds=30), DAY, DAY)
FIVE = Table("history_five", DAY, timedelta(minutes=5), timedelta(days=31), 7 * DAY)
HOURLY = Table("history_hour", 30 * DAY, HOUR, timedelta(days=settings.GONE_DAYS), 60 * DAY)
TABLES = (RAW, FIVE, HOURLY)


class Row(NamedTuple):
    series: int
    at: datetime
    value: float


class Sum(NamedTuple):
    """A series over one step: the mean, the least and the most of its readings."""

    series: int
    at: datetime
    value: float
    low: float
    high: float


# --- readings ---------------------------------------------------------------------------------------------------------


def write(rows: Sequence[Row], now: datetime) -> int:
    """Write readings down. One that is there already stays, so this may run twice. Gives how many are new."""
    earliest, latest = RAW.bounds(now - RAW.keeps)[1], now + timedelta(minutes=1)
    rows = [row for row in rows if earliest <= row.at <= latest]
    count = 0
    with connection.cursor() as cursor:
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            cursor.execute(
                "INSERT INTO history_raw (series, at, value) SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], "
                "%s::float8[]) ON CONFLICT DO NOTHING",
                [[row.series for row in some], [row.at for row in some], [row.value for row in some]],
            )
            count += cursor.rowcount
    return count


def read(series: Sequence[int], start: datetime, end: datetime, step: timedelta) -> list[Sum]:
    """What there is of these series in [start, end), summed up by steps, in order. Steps without a reading are not in
    it. A step that is longer than an hour is the mean of its hours: of those that are fine still there are many more
    rows than of those that are summed up. One query."""
    if not series:
        return []
    within = "WHERE series = ANY(%(series)s) AND at >= %(start)s AND at < %(end)s"
    hour = f"{min(step, HOUR).total_seconds()} seconds"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series, date_bin(%(step)s::interval, at, %(start)s), avg(value), min(low), max(high) FROM ("  # noqa: S608
            "SELECT series, date_bin(%(hour)s::interval, at, %(start)s) AS at, avg(value) AS value, min(low) AS low, "
            "max(high) AS high FROM ("
            f"SELECT series, at, value, value AS low, value AS high FROM history_raw {within} "
            f"UNION ALL SELECT series, at, value, low, high FROM history_five {within} "
            f"UNION ALL SELECT series, at, value, low, high FROM history_hour {within}"
            ") AS kept GROUP BY 1, 2) AS hourly GROUP BY 1, 2 ORDER BY 1, 2",
            {
                "series": list(series),
                "start": start,
                "end": end,
                "hour": hour,
                "step": f"{step.total_seconds()} seconds",
            },
        )
        return [Sum(*row) for row in cursor.fetchall()]


def latest(series: Sequence[int], since: datetime) -> dict[int, Row]:
    """The last reading of each, unless it is older than that. One query."""
    if not series:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (series) series, at, value FROM history_raw WHERE series = ANY(%s) AND at >= %s "
            "ORDER BY series, at DESC",
            [list(series), since],
        )
        return {row[0]: Row(*row) for row in cursor.fetchall()}


# --- partitions -------------------------------------------------------------------------------------------------------


def maintain(now: datetime) -> None:
    """Make the partitions that are coming, and sum up and drop those that are over. Each in a transaction of its own:
    what is broken off is gone on with."""
    make_ahead(now)
    for table, coarser in ((RAW, FIVE), (FIVE, HOURLY), (HOURLY, None)):
        for name in partitions(table):
            if table.start_of(name) + table.span <= now - table.keeps:
                _retire(table, coarser, name)


def make_ahead(now: datetime) -> None:
    """Those that are there already cost one look."""
    for table in TABLES:
        wanted, last = [], now + table.ahead
        at = table.bounds(now - min(table.keeps, 2 * DAY))[0]
        while at <= last:
            wanted.append(at)
            at += table.span
        missing = {table.partition(at): at for at in wanted}
        for name in partitions(table):
            missing.pop(name, None)
        for at in missing.values():
            _make(table, at)


def partitions(table: Table) -> list[str]:
    """The names of those that there are, the oldest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = %s::regclass "
            "ORDER BY relname",
            [table.name],
        )
        return [name for (name,) in cursor.fetchall()]


@transaction.atomic
def _make(table: Table, at: datetime) -> None:
    """Made beside the table and then attached: that way nobody who reads or writes has to wait."""
    start, end = table.bounds(at)
    name = table.partition(start)
    hold_name("history partitions")
    if name in partitions(table):
        return  # another worker was faster
    _run("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)", name, table.name)
    statement = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
        sql.Identifier(table.name), sql.Identifier(name), sql.Literal(start.isoformat()), sql.Literal(end.isoformat())
    )
    _execute(statement)


@transaction.atomic
def _retire(table: Table, coarser: Table | None, name: str) -> None:
    """Sum a partition up into the next table, and drop it."""
    hold_name("history partitions")
    if name not in partitions(table):
        return  # another worker was faster
    if coarser is not None:
        start = table.start_of(name)
        while start < table.start_of(name) + table.span:
            if coarser.partition(coarser.bounds(start)[0]) not in partitions(coarser):
                _make(coarser, start)
            start = coarser.bounds(start)[1]
        low, high = ("value", "value") if table is RAW else ("low", "high")
        statement = sql.SQL(
            "INSERT INTO {} (series, at, value, low, high) SELECT series, date_bin({}, at, {}), avg(value), min({}), "
            "max({}) FROM {} GROUP BY 1, 2 ON CONFLICT DO NOTHING"
        ).format(
            sql.Identifier(coarser.name),
            sql.Literal(coarser.step),
            sql.Literal(EPOCH),
            sql.Identifier(low),
            sql.Identifier(high),
            sql.Identifier(name),
        )
        _execute(statement)
    # Dropping waits for whoever reads the table, and makes all others wait meanwhile: not for long, rather later again.
    _execute(sql.SQL("SET LOCAL lock_timeout = '3s'"))
    _run("DROP TABLE {}", name)
    logger.info("%s is summed up and dropped", name)


def _run(words: str, *names: str) -> None:
    _execute(sql.SQL(words).format(*map(sql.Identifier, names)))


def _execute(statement: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
