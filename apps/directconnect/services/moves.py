"""Bringing an order from one stage to the next: row, entry and audit entry in one transaction.

what is held, in this order
1. what the tenant uses, and the VPCs of its interfaces, where the move changes interfaces (`TOUCHES`)
2. the location, which decides who gets which port
3. the connection
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from apps.directconnect import stages
from apps.directconnect.models import Connection, Interface, Location, StageEntry
from apps.directconnect.stages import Illegal, Party, Stage
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row, hold_rows
from apps.networks.models import Vpc
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

#: Stages at which interfaces are changed as well.
TOUCHES = frozenset({Stage.SUSPENDED, Stage.IN_SERVICE, Stage.CLOSING})
#: What else is done when an order has come to a stage, in its transaction: `each(connection, from_stage, by)`. Whoever
#: owns interfaces registers here.
Follow = Callable[[Connection, Stage, Actor], None]
FOLLOWS: dict[Stage, list[Follow]] = {}


def follow(stage: Stage, *what: Follow) -> None:
    """From `AppConfig.ready`."""
    known = FOLLOWS.setdefault(stage, [])
    known += [each for each in what if each not in known]


def held(row: Connection, *, touches: bool = False) -> Connection:
    """The row as it is now, locked with what comes before it."""
    if touches:
        hold_use(row.tenant)
        vpcs = Interface.objects.of(row.tenant).live().filter(connection=row).values("vpc")
        hold_rows(Vpc.objects.of(row.tenant).filter(pk__in=vpcs))
    hold_row(Location(pk=row.location_id))
    rows = Connection.objects.of(row.tenant).select_for_update(of=("self",), no_key=True)
    return rows.select_related("tenant", "location__zone", "port", "apart_from").get(pk=row.pk)


def allowed(row: Connection, to: Stage, party: Party) -> stages.Move:
    """The move as the table has it. Raises `Refused`."""
    try:
        return row.order.move(to, party)
    except Illegal:
        raise Refused("move-impossible", why_not(row, to, party), "to") from None


def why_not(row: Connection, to: Stage, party: Party) -> str:
    """In words, where the table does not have the move."""
    now, offered = Stage(row.stage), row.order.moves_of(party)
    for move in row.order.moves:
        if move.to is to:
            hands = " or ".join(sorted(WHO[each] for each in move.by))
            return f"From {now.label.lower()} to {to.label.lower()} only {hands} can bring it."
    ways = ", ".join(move.to for move in offered)
    said = f"From there you can bring it to: {ways}." if ways else "There is nothing that you can do about that now."
    return f"The order is at “{now.label}”, which does not lead to “{to.label}”. {said}"


WHO: Mapping[Party, str] = {Party.TENANT: "the tenant", Party.PLATFORM: "the platform", Party.WEFT: "Weft itself"}


def move(
    row: Connection, to: Stage, *, party: Party, by: Actor, evidence: Mapping[str, Any] | None = None, **facts: Any
) -> StageEntry:
    """Of a row that is `held`. `facts` are columns that change with it. Raises `Refused` where the table does not have
    it."""
    allowed(row, to, party)
    now, before = clock.now(), Stage(row.stage)
    entry = StageEntry(
        connection=row,
        from_stage=before,
        to_stage=to,
        at=now,
        party=party,
        actor=by.name,
        evidence=dict(evidence or {}),
    )
    entry.save(force_insert=True)
    if to is Stage.APPROVED and row.place is None:
        facts["place"] = entry.pk
    _write(row, to, before, now, facts)
    told = {"stage": to, **entry.evidence}
    audit(by, "direct-connect.move", row, tenant=row.tenant, old={"stage": before}, new=told)
    for each in FOLLOWS.get(to, ()):
        each(row, before, by)
    return entry


def _write(row: Connection, to: Stage, before: Stage, now: datetime, facts: Mapping[str, Any]) -> None:
    held_stage = "" if to not in stages.HELD else Stage.IN_SERVICE if to is Stage.SUSPENDED else before
    changes: dict[str, Any] = {"stage": to, "stage_since": now, "held_stage": held_stage, **facts}
    for name, value in changes.items():
        setattr(row, name, value)
    row.due_at = due_of(row, now)
    names = {*changes, "due_at", *(["search_key"] if {"loa_number", "reference"} & set(facts) else ())}
    row.save(update_fields=sorted(names))


def due_of(row: Connection, now: datetime) -> datetime | None:
    """A letter is due when it is no longer valid, whenever the order came to that stage."""
    if row.stage == Stage.LOA_ISSUED:
        return row.loa_valid_until
    days = row.order.facts.days
    return None if days is None else now + timedelta(days=days)
