"""What is told of orders beside their rows. Each function says what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from apps.directconnect.models import Connection
from apps.directconnect.stages import Stage


def places_of(rows: Sequence[Connection]) -> dict[UUID, int]:
    """Which place each has in the queue of its location, from 1; those that wait for no port have none. Of the others
    in the queue nothing is told. One query if any waits."""
    waiting = [row for row in rows if row.stage == Stage.APPROVED]
    if not waiting:
        return {}
    queues: dict[UUID, list[UUID]] = defaultdict(list)
    queued = Connection.unscoped.filter(location__in={row.location_id for row in waiting}, stage=Stage.APPROVED)
    for location, pk in queued.order_by("place").values_list("location", "pk"):
        queues[location].append(pk)
    return {row.pk: queues[row.location_id].index(row.pk) + 1 for row in waiting if row.pk in queues[row.location_id]}
