"""What comes due by itself. Each is a transaction of its own and may run twice: what came due while no worker ran is
done once, in its order. Nothing here goes by how long ago something ran, so a clock that is set back makes it wait."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.directconnect.models import Connection, Interface, Location
from apps.directconnect.services.moves import held, move
from apps.directconnect.services.orders import end_when_empty
from apps.directconnect.services.reservations import RESERVER, reserve
from apps.directconnect.stages import FACTS, Party, Stage
from apps.kernel import clock
from apps.operations.provisioned import Status

EXPIRES = [stage for stage, facts in FACTS.items() if facts.expires]


def expire() -> int:
    """Orders whose time is over."""
    due = Connection.unscoped.filter(stage__in=EXPIRES, due_at__lte=clock.now()).order_by("due_at", "pk")
    return sum(_expire(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic(durable=True)
def _expire(pk: UUID) -> bool:
    row = held(Connection.unscoped.select_related("tenant").get(pk=pk))
    if row.stage not in EXPIRES or not row.is_overdue():
        return False
    due_at = row.due_at
    assert due_at is not None
    move(row, Stage.EXPIRED, party=Party.WEFT, by=RESERVER, evidence={"due_at": due_at.isoformat()})
    return True


def close() -> int:
    """Those that were closing, once nothing is left of their interfaces."""
    live = Interface.unscoped.exclude(status=Status.DELETED).values("connection")
    ready = Connection.unscoped.filter(stage=Stage.CLOSING).exclude(pk__in=live).order_by("stage_since", "pk")
    return sum(_close(pk) for pk in list(ready.values_list("pk", flat=True)))


@transaction.atomic(durable=True)
def _close(pk: UUID) -> bool:
    row = held(Connection.unscoped.select_related("tenant").get(pk=pk))
    return row.stage == Stage.CLOSING and end_when_empty(row)


def reserve_ports() -> int:
    """For those that wait: what was in the way of one that is to be apart may have gone at another location. Gives how
    many got one."""
    waiting = Connection.unscoped.filter(stage=Stage.APPROVED, port=None).values("location")
    return sum(_reserve(row) for row in Location.objects.filter(pk__in=waiting).order_by("pk"))


@transaction.atomic(durable=True)
def _reserve(row: Location) -> int:
    return len(reserve(row))


def release_vlans() -> int:
    """Those whose rest is over."""
    over = Interface.unscoped.filter(holds_vlan=True, status=Status.DELETED, rests_until__lte=clock.now())
    return over.update(holds_vlan=False)
