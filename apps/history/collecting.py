"""Asking for readings, every 30 seconds for each zone: of Netris' collector, and of the checks in the mirror.

    collect()   1. claim    one UPDATE takes the lease and sets the next time                     (compare and swap)
                2. wait?    the rate limit, or Netris is down: later
                3. ask      some targets a call, what the collector has since the last time       (no transaction)
                4. write    as the answers come; a reading that is there already stays

Two who ask at once would write the same, so an overtaken one does no harm. What was missed for up to `LOOKS_BACK` is
filled in when Netris answers again; what is not measured, since a device is silent, is a gap.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db.models import Q

from apps.history import targets
from apps.history.models import Collection
from apps.history.series import Point, record
from apps.history.targets import Cable, Node
from apps.kernel import clock
from apps.kernel.remote import RemoteError, Unavailable
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind
from apps.zones import health, pace
from apps.zones.clouds import Clouds, OpenClouds, open_clouds
from apps.zones.models import System, Zone

logger = logging.getLogger("weft.history")

TASK = "mirror.collect"
INTERVAL = timedelta(seconds=30)
LEASE = timedelta(minutes=2)
LOOKS_BACK = timedelta(minutes=10)
#: How often what only checks tell of is written down: of servers and whatever else is no switch and no SoftGate.
SELDOM = timedelta(minutes=5)
#: A controller that does not have the path, or refuses the question, is not asked again so soon.
REFUSED_PAUSE = timedelta(minutes=10)

#: In the forms that the vendor documents (netris-api.md 3.3): "37% used of 16384 MB", "0.42, 0.40, 0.38".
_SAID = {
    "check_memory": ("memory", re.compile(r"\s*(\d+(?:\.\d+)?)\s*%")),
    "check_disk": ("disk", re.compile(r"\s*(\d+(?:\.\d+)?)\s*%")),
    "check_load": ("load", re.compile(r"\s*(\d+(?:\.\d+)?)\s*,")),
}


def collect_due(clouds_of: OpenClouds = open_clouds) -> int:
    """Of every zone whose time has come. Gives how many were asked."""
    zones = Zone.objects.filter(is_enabled=True)
    known = Collection.objects.values("zone")
    Collection.objects.bulk_create(
        [Collection(zone=zone) for zone in zones.exclude(pk__in=known)], ignore_conflicts=True
    )
    due = Collection.objects.filter(due_at__lte=clock.now(), zone__is_enabled=True).select_related("zone")
    return sum(collect(row, clouds_of(row.zone)) for row in due.order_by("due_at"))


def collect(row: Collection, clouds: Clouds) -> bool:
    """Whether it was tried: somebody else may be at it, or it has to wait."""
    zone, began_at = row.zone, clock.now()
    if not _claim(row, began_at):
        return False
    gate = health.Gate(zone)
    if pace.wait_for(zone, System.NETRIS, is_sweep=True) > 0 or gate.closed_until(System.NETRIS):
        Collection.objects.filter(pk=row.pk).update(lease_until=None)
        return False
    try:
        with pace.sweeping():
            count = _checks(row, began_at) + _asked(row, clouds, began_at)
    except RemoteError as trouble:
        if isinstance(trouble, Unavailable) and not trouble.is_late:
            health.note_failure(zone, trouble)
        pause = INTERVAL if isinstance(trouble, Unavailable) else REFUSED_PAUSE
        facts = {"failed_at": clock.now(), "error": str(trouble)[:300], "due_at": clock.now() + pause}
        Collection.objects.filter(pk=row.pk).update(lease_until=None, **facts)
        return True
    gate.note_success(System.NETRIS)
    took = clock.now() - began_at
    Collection.objects.filter(pk=row.pk).update(
        lease_until=None,
        read_at=began_at,
        milliseconds=round(took.total_seconds() * 1000),
        readings=count,
        failed_at=None,
        error="",
        # One that takes longer than its interval is made less often.
        due_at=began_at + max(INTERVAL, 2 * took),
    )
    return True


def _claim(row: Collection, now: datetime) -> bool:
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    mine = Collection.objects.filter(free, pk=row.pk, due_at=row.due_at)
    return bool(mine.update(lease_until=now + LEASE, due_at=now + INTERVAL))


def _asked(row: Collection, clouds: Clouds, now: datetime) -> int:
    """Of the collector."""
    nodes, cables, border = _fabric(row.zone)
    wanted = targets.targets(nodes, targets.chosen_ports(nodes, cables, border))
    missed = min(now - row.read_at, LOOKS_BACK) if row.read_at else LOOKS_BACK
    since = f"-{ceil(missed / timedelta(minutes=1)) + 2}min"
    count = 0
    for call in targets.calls(wanted):
        answer = clouds.netris.series(call, since=since)
        found = targets.readings(((each.target, each.points) for each in answer), nodes)
        count += record(
            row.zone, (Point("device", one.device_id, one.metric, one.value, one.at, one.part) for one in found)
        )
        if (pause := pace.wait_for(row.zone, System.NETRIS, is_sweep=True)) > 0:
            time.sleep(pause)
    return count


def _fabric(zone: Zone) -> tuple[list[Node], list[Cable], list[str]]:
    """What the mirror has of it, and the ports that sessions with the internet go through. Three queries."""
    devices = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).order_by("remote_id")
    links = Item.objects.filter(zone=zone, kind=Kind.NETRIS_LINK).order_by("remote_id")
    sessions = Item.objects.filter(zone=zone, kind=Kind.NETRIS_BGP).order_by("remote_id")
    nodes = [
        Node(pk, name, str(kind).lower()) for pk, name, kind in devices.values_list("remote_id", "name", "data__type")
    ]
    ends = links.values_list("data__local__name", "data__remote__name", "data__underlay")
    cables = [Cable(str(a), str(b), bool(is_underlay)) for a, b, is_underlay in ends]
    border = [str(port) for port in sessions.values_list("data__port__name", flat=True) if port]
    return nodes, cables, border


# --- what checks tell -------------------------------------------------------------------------------------------------


def _checks(row: Collection, now: datetime) -> int:
    """What devices have reported to Netris themselves, as the mirror read it last."""
    reading = mirror.reading(row.zone, Kind.NETRIS_DEVICE)
    if reading.is_stale or reading.read_at is None:
        return 0
    devices = Item.objects.filter(zone=row.zone, kind=Kind.NETRIS_DEVICE)
    often = devices.filter(data__type__in=targets.MEASURED)
    count = record(row.zone, _said(often, reading.read_at))
    if _is_time(row.read_at, now):
        seldom = devices.exclude(data__type__in=targets.MEASURED)
        count += record(row.zone, _said(seldom, reading.read_at), seconds=SELDOM.seconds)
    return count


def _is_time(before: datetime | None, now: datetime) -> bool:
    """Whether another five minutes have begun."""
    slot = SELDOM.total_seconds()
    return before is None or now.timestamp() // slot != before.timestamp() // slot


def _said(devices: Any, at: datetime) -> Iterator[Point]:
    for device_id, checks in devices.values_list("remote_id", "data__checks").iterator():
        for check in checks or ():
            if (value := _value_of(check)) is not None:
                yield Point("device", device_id, _SAID[check["name"]][0], value, at)


def _value_of(check: Mapping[str, Any]) -> float | None:
    """None where it says nothing: a silent device's checks are unknown."""
    metric, pattern = _SAID.get(str(check.get("name")), (None, None))
    match = pattern.match(str(check.get("message"))) if metric and pattern else None
    return float(match[1]) if match else None
