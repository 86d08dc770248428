"""What has happened in the demo's fabric: a session with the internet was down for a moment, a SoftGate was in
maintenance, and the ranges of VNIs have filled over the last day.

The first two happen: the sandbox is ordered to hang a session up and to take it again, and maintenance is switched by
operations like any other. Readings of before the demo was there are sample data.
"""

from __future__ import annotations

from datetime import timedelta

import httpx

from apps.fabric import roles
from apps.fabric.happenings import SESSION_DOWN
from apps.fabric.models import SurveyedDevice, SurveyedSession
from apps.history.models import Event
from apps.history.series import Point, past_of, record, span_of
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.softgates.services import set_maintenance
from apps.tenancy.actors import Actor, Platform
from apps.vnis.models import VniRange
from apps.vnis.usage import EVERY, FREE, LOST, SUBJECT, USED
from apps.zones.models import System, Zone

BY = Platform(Actor.system("sample data"))
DAY = timedelta(hours=23)
HUNG_UP, MAINTAINED = "ISP-2-SoftGate-2", "SoftGate-4"


def furnish() -> bool:
    """Ask for whatever can be asked for now. True while more is to come."""
    done = [step(zone) for zone in Zone.objects.filter(is_enabled=True) for step in STEPS]
    return not all(done)


def _session(zone: Zone) -> bool:
    """It hangs up, and is taken again as soon as somebody has noticed."""
    row = SurveyedSession.objects.filter(zone=zone, name=HUNG_UP).first()
    if row is None:
        return False
    event = Event.objects.filter(zone=zone, kind=SESSION_DOWN.key, subject_id=row.remote_id).first()
    if event is not None and event.ended_at is not None:
        return True
    tell(zone, int(row.remote_id), "" if event else "Idle")
    return False


def tell(zone: Zone, session: int, state: str) -> None:
    """Order the sandbox how the far side of a session behaves."""
    orders = httpx.URL(zone.netris_url).join("/_sandbox/change")
    order = {"table": "ebgp", "id": session, "fields": {"peerState": state}}
    httpx.post(orders, json=order, trust_env=False).raise_for_status()


def _maintenance(zone: Zone) -> bool:
    """On, and off again when that is done."""
    gates = SurveyedDevice.objects.filter(zone=zone, role=roles.SOFTGATE, name=MAINTAINED)
    device = gates.select_related("zone__survey").first()
    if device is None:
        return False
    asked = Operation.objects.across(BY).filter(kind="maintenance", resource_id=device.pk)
    if asked.filter(goal=Goal.ABSENT).exists():
        return True
    if asked.filter(finished_at=None).exists():
        return False
    try:
        set_maintenance(device, is_on=not asked.exists(), by=BY)
    except Refused:  # not now: the last reading is too old
        return False
    return False


def _numbers(zone: Zone) -> bool:
    ranges = list(VniRange.objects.filter(zone=zone, system=System.CLOUDSTACK))
    filled = [_filled(row) for row in ranges]
    return bool(ranges) and all(filled)


def _filled(row: VniRange) -> bool:
    """From a third of what is in use now, with an hour in which nobody has read it."""
    day = span_of("day")
    assert day is not None
    now = clock.now()
    known = [step for line in past_of(row.zone, SUBJECT, str(row.pk), day).lines for step in line.steps]
    if not row.used:
        return False
    if any(step.at < now - timedelta(hours=3) for step in known):
        return True
    moments = [now - DAY + number * EVERY for number in range((DAY - EVERY) // EVERY)]
    points = []
    for at in moments:
        if timedelta(hours=9) < now - at < timedelta(hours=10):
            continue
        used = round(row.used * (1 / 3 + 2 / 3 * (1 - (now - at) / DAY)))
        values = ((USED, used), (LOST, row.lost), (FREE, row.free + row.used - used))
        points += [Point(SUBJECT, str(row.pk), metric.key, value, at) for metric, value in values]
    record(row.zone, points, seconds=EVERY.seconds)
    return True


STEPS = (_session, _maintenance, _numbers)
