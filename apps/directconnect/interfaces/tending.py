"""What becomes of virtual interfaces by itself: tests end, sessions follow their connection, a connection that closes
takes its interfaces down, and what is read of them brings an order on.

Everything is told by rows, so whoever comes next goes on with it, however long nobody came. What is in the way of an
interface now is no longer at the next turn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.directconnect.interfaces.queries import SESSIONS, seen
from apps.directconnect.interfaces.services import KEEPER, bring_in_line, delete_interface, end_test
from apps.directconnect.models import Connection, Interface
from apps.directconnect.progress import advance
from apps.directconnect.services.orders import note_readings
from apps.directconnect.stages import READ, Stage
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.mirror import queries as mirror
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import ENDED_BADLY

logger = logging.getLogger("weft.directconnect")

#: In one turn.
MOST = 200
#: How long what has failed is left alone before it is tried again.
PAUSE = timedelta(minutes=5)
#: What a column can hold of what Netris tells.
COUNTS = range(2**31)


def tend() -> int:
    """How many were set going."""
    now = clock.now()
    rows = Interface.unscoped.filter(status=Status.READY).select_related("tenant", "vpc", "connection")
    closing = Q(connection__stage=Stage.CLOSING)
    suspended = Q(connection__stage=Stage.SUSPENDED)
    over = rows.filter(~closing, test_until__lte=now).order_by("test_until", "pk")
    failed = Operation.unscoped.filter(resource_id=OuterRef("pk"), phase__in=ENDED_BADLY)
    settled = rows.exclude(Exists(failed.filter(finished_at__gt=now - PAUSE, finished_at__lte=now)))
    up = settled.filter(~closing, ~suspended, is_enabled=False, test_until=None)
    down = settled.filter(~closing, suspended, is_enabled=True)
    return (
        _each(rows.filter(closing), lambda row: delete_interface(row, by=KEEPER))
        + _each(over, lambda row: end_test(row, by=KEEPER))
        + _each(up | down, lambda row: bring_in_line(row, by=KEEPER))
    )


def bring_on() -> int:
    """Orders that go on by readings, those first that have waited longest. Gives how many stages were come to."""
    rows = Connection.unscoped.filter(stage__in=READ[:-1]).select_related("tenant", "location__zone", "port")
    waiting = list(rows.order_by("stage_since", "pk"))
    found, now = seen(waiting), clock.now()
    going = [row for row in waiting if advance(Stage(row.stage), row.stage_since, found[row.pk], now)]
    return sum(len(note_readings(row, found[row.pk])) for row in going)


def note_taken() -> int:
    """How many prefixes each session took when it was seen up last: when it falls, that tells whether it was by its
    limit. Gives how many rows it differed in. One query, and one for each of these."""
    rows = Interface.unscoped.filter(status=Status.READY, ebgp_id__isnull=False).select_related("vpc")
    of_session = {(row.vpc.zone_id, str(row.ebgp_id)): row for row in rows}
    found = mirror.rows_by_id(SESSIONS, of_session)
    took = [(of_session[key], each.bgp_prefixes) for key, each in found.items() if each.is_established]
    return sum(
        Interface.unscoped.filter(pk=row.pk, ebgp_id=row.ebgp_id).update(took_last=count)
        for row, count in took
        if count in COUNTS and count != row.took_last
    )


def _each(rows: QuerySet[Interface], do: Callable[[Interface], Operation | None]) -> int:
    return sum(_done(row, do) for row in _some(rows))


def _some(rows: QuerySet[Interface]) -> Iterable[Interface]:
    return list(rows[:MOST])


def _done(row: Interface, do: Callable[[Interface], Operation | None]) -> bool:
    try:
        return do(row) is not None
    except Refused as refusal:
        logger.info("%s waits: %s", row.remote_name, refusal.message)
    except Exception:
        logger.exception("%s could not be tended to", row.remote_name)
    return False
