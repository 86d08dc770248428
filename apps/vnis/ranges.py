"""Counting the ranges of a zone: which there are, and how many of their numbers are what.

    number of a range of    is used                 lost                    reserved
    CloudStack              by a network there      with no network left    Netris has it for something else
    Netris (L2 or L3)       by a V-Net, by a VPC    never                   anything else has it

All is counted in the database, from the claims that are open; Python sees the sums alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.mirror.models import Item, Kind
from apps.mirror.sweeps import SWEEPS
from apps.vnis.models import BLOCK, VniRange, numbers
from apps.zones.models import System, Zone

#: Over how long growth is measured, and from how short a time nothing is foretold.
MEASURED = timedelta(days=30)
TOO_SHORT = timedelta(days=7)


@dataclass(frozen=True)
class Found:
    """A range that there is; `source` and `start` tell it apart from others of its kind."""

    kind: str
    system: str
    source: str
    name: str
    start: int
    end: int


def count(zone: Zone, now: datetime) -> None:
    """Bring the ranges of a zone up to date, with their blocks and shares."""
    known = {(each.kind, each.source, each.start): each for each in VniRange.objects.filter(zone=zone)}
    spans = {(each.kind, each.source): each for each in known.values() if not each.is_configured}
    kept = []
    for each in _found(zone):
        row = known.get((each.kind, each.source, each.start))
        if each.system == System.NETRIS:  # it grows at both ends, and stays the same
            row = spans.get((each.kind, each.source))
        row = row or VniRange(zone=zone, kind=each.kind, source=each.source)
        row.system, row.name, row.vnis = each.system, each.name, numbers(each.start, each.end)
        row.counted_at = now
        row.save()
        _count(row, now)
        kept.append(row.pk)
    VniRange.objects.filter(zone=zone).exclude(pk__in=kept).delete()


def _found(zone: Zone) -> Iterator[Found]:
    pools = list(_pools(zone))
    yield from pools
    within = "{" + ",".join(f"[{each.start},{each.end}]" for each in pools) + "}"
    with connection.cursor() as cursor:
        cursor.execute(SPANS, {"zone": zone.pk, "pools": within})
        for holder, below, start, end in cursor.fetchall():
            kind = VniRange.Kind.L2 if holder == "vnet" else VniRange.Kind.L3
            yield Found(kind, System.NETRIS, f"netris:{below}", "Netris", start, end)


def _pools(zone: Zone) -> Iterator[Found]:
    """What CloudStack's physical networks hand out. A range that begins where another of its network does is told
    once."""
    for item in Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_POOL).order_by("name", "remote_id"):
        network = SWEEPS[Kind.CLOUDSTACK_POOL].row_of(item.data)
        for span in {span.start: span for span in network.vnis if span}.values():
            yield Found(
                VniRange.Kind.L2, System.CLOUDSTACK, item.remote_id, network.name or item.remote_id, span[0], span[-1]
            )


#: From the lowest to the highest number that Netris has handed out by itself, between ranges of CloudStack.
SPANS = """
SELECT kind, below, min(vni), max(vni) FROM (
    SELECT kind, lower(vnis) AS vni, (
        SELECT count(*) FROM unnest(%(pools)s::int8multirange) pool WHERE upper(pool) <= lower(vnis)
    ) AS below
    FROM vnis_claim WHERE zone_id = %(zone)s AND system = 'netris' AND ended_at IS NULL
    AND NOT vnis <@ %(pools)s::int8multirange
) AS claim GROUP BY kind, below ORDER BY kind, below
"""

HELD = """
DROP TABLE IF EXISTS pg_temp.vnis_held;
CREATE TEMPORARY TABLE vnis_held ON COMMIT DROP AS
SELECT lower(vnis) AS vni, min(
    CASE WHEN system = 'cloudstack' AND kind = 'lost' AND %(system)s = 'cloudstack' THEN 2
    WHEN system = 'cloudstack' AND %(system)s = 'cloudstack' THEN 1
    WHEN kind = %(own)s AND %(system)s = 'netris' THEN 1 ELSE 3 END
) AS state
FROM vnis_claim WHERE zone_id = %(zone)s AND ended_at IS NULL AND lower(vnis) BETWEEN %(start)s AND %(end)s
GROUP BY 1;
DROP TABLE IF EXISTS pg_temp.vnis_blocks;
CREATE TEMPORARY TABLE vnis_blocks ON COMMIT DROP AS
SELECT ((vni - %(start)s) / %(size)s)::integer AS number, count(*) FILTER (WHERE state = 1) AS used,
    count(*) FILTER (WHERE state = 2) AS lost, count(*) FILTER (WHERE state = 3) AS reserved
FROM vnis_held GROUP BY 1;
INSERT INTO vnis_block (range_id, number, used, lost, reserved)
SELECT %(range)s, number, used, lost, reserved FROM vnis_blocks
ON CONFLICT (range_id, number) DO UPDATE
SET used = excluded.used, lost = excluded.lost, reserved = excluded.reserved
WHERE (vnis_block.used, vnis_block.lost, vnis_block.reserved)
    IS DISTINCT FROM (excluded.used, excluded.lost, excluded.reserved);
DELETE FROM vnis_block WHERE range_id = %(range)s AND number NOT IN (SELECT number FROM vnis_blocks);
DELETE FROM vnis_share WHERE range_id = %(range)s;
INSERT INTO vnis_share (range_id, tenant_id, owner, used)
SELECT %(range)s, tenant_id, owner, count(*) FROM vnis_claim
WHERE zone_id = %(zone)s AND ended_at IS NULL AND is_first AND lower(vnis) BETWEEN %(start)s AND %(end)s
AND CASE WHEN %(system)s = 'cloudstack' THEN system = 'cloudstack' AND kind <> 'lost' ELSE kind = %(own)s END
GROUP BY tenant_id, owner;
WITH gap AS (
    SELECT lag(vni, 1, %(start)s - 1) OVER (ORDER BY vni) + 1 AS start, vni AS past
    FROM (SELECT vni FROM vnis_held UNION ALL SELECT %(end)s + 1) AS held
), largest AS (
    SELECT start, past - start AS free FROM gap WHERE past > start ORDER BY past - start DESC, start LIMIT 1
)
UPDATE vnis_vnirange SET (used, lost, reserved) = (
    SELECT coalesce(sum(used), 0), coalesce(sum(lost), 0), coalesce(sum(reserved), 0) FROM vnis_blocks
), largest_free_run = coalesce((SELECT free FROM largest), 0), run_start = (SELECT start FROM largest)
WHERE id = %(range)s
"""

#: How many numbers of a range CloudStack had handed out at a moment, and since when it does.
THEN = """
SELECT count(*) FILTER (WHERE began_at <= %(then)s AND (ended_at IS NULL OR ended_at > %(then)s)), min(began_at),
    count(*) FILTER (WHERE ended_at IS NULL)
FROM vnis_claim WHERE zone_id = %(zone)s AND system = 'cloudstack' AND is_first
AND lower(vnis) BETWEEN %(start)s AND %(end)s
"""


def _count(row: VniRange, now: datetime) -> None:
    values: dict[str, Any] = {
        "zone": row.zone_id,
        "range": row.pk,
        "system": row.system,
        "own": "vnet" if row.kind == VniRange.Kind.L2 else "vpc",
        "start": row.start,
        "end": row.end,
        "size": BLOCK,
    }
    with connection.cursor() as cursor:
        for statement in HELD.split(";\n"):
            cursor.execute(statement, values)
    per_day = _growth(row.zone_id, row.start, row.end, now) if row.is_configured else None
    VniRange.objects.filter(pk=row.pk).update(per_day=per_day)


def _growth(zone_id: UUID, start: int, end: int, now: datetime) -> float | None:
    """How many numbers more are taken in a day. None while the ledger reaches back too short a time."""
    then = now - MEASURED
    values: dict[str, Any] = {"zone": zone_id, "start": start, "end": end, "then": then}
    with connection.cursor() as cursor:
        cursor.execute(THEN, values)
        [(were, began_at, are)] = cursor.fetchall()
    since = then if began_at is None else max(then, began_at)
    if began_at is None or now - since < TOO_SHORT:
        return None
    return float((are - were) / ((now - since) / timedelta(days=1)))
