"""The life of an order as it is shown: what was reached and on what evidence, what is up now and whose turn
that is, and what is yet to come. No clock, no database, no remote.

People of the other side are not named to a tenant: what the platform does, "your provider" has done. The platform is
told who it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.directconnect.models import Connection, StageEntry
from apps.directconnect.stages import PATH, Party, Stage

TURNS = {Party.TENANT: "You", Party.PLATFORM: "Your provider", Party.WEFT: "Weft"}
PLATFORM_TURNS = {Party.TENANT: "The tenant", Party.PLATFORM: "You", Party.WEFT: "Weft"}
BY = {Party.PLATFORM: "your provider", Party.WEFT: "Weft"}
#: The way lies behind it: what is up now counts more than how it came there.
ARRIVED = (Stage.IN_SERVICE, Stage.SUSPENDED)
#: Where the way of an order ended or broke off.
ENDS = (Stage.REJECTED, Stage.EXPIRED, Stage.CLOSED)
#: What a move is called where the stage alone would not say it.
TURNED = {
    (Stage.SUBMITTED, Stage.DRAFT): "Withdrawn, a draft again",
    (Stage.REJECTED, Stage.DRAFT): "Revised, a draft again",
    (Stage.EXPIRED, Stage.LOA_ISSUED): "LOA issued anew",
    (Stage.SUSPENDED, Stage.IN_SERVICE): "In service again",
}


@dataclass(frozen=True)
class Reached:
    """A stage that the order came to. `by` is blank where nobody knows any more; `told` are sentences."""

    stage: Stage
    title: str
    at: datetime
    by: str
    told: Sequence[str]
    #: When what Netris said for it was read.
    read_at: datetime | None = None

    @property
    def is_end(self) -> bool:
        return self.stage in ENDS


@dataclass(frozen=True)
class Timeline:
    past: Sequence[Reached]
    here: Reached
    coming: Sequence[Stage]

    @property
    def is_folded(self) -> bool:
        return self.here.stage in ARRIVED and len(self.past) > 1


def timeline_of(row: Connection, entries: Sequence[StageEntry], to: Party = Party.TENANT) -> Timeline:
    """`entries` in their order. A row that came from elsewhere may have none."""
    reached = [_reached(each, to) for each in entries]
    stage = Stage(row.stage)
    if reached and reached[-1].stage is stage:
        return Timeline(reached[:-1], reached[-1], coming_after(row))
    return Timeline(reached, Reached(stage, stage.label, row.stage_since, "", ()), coming_after(row))


def coming_after(row: Connection) -> Sequence[Stage]:
    """What of the way lies ahead; nothing where it leads on to nowhere."""
    stage = Stage(row.held_stage) if row.stage == Stage.ON_HOLD else Stage(row.stage)
    return PATH[PATH.index(stage) + 1 :] if stage in PATH else ()


def turn_of(row: Connection, to: Party = Party.TENANT) -> str:
    """Whose it is, as that party is told; blank when it is nobody's."""
    owner, turns = row.order.facts.owner, PLATFORM_TURNS if to is Party.PLATFORM else TURNS
    return turns[owner] if owner else ""


def next_of(row: Connection, place: int | None) -> str:
    """The one thing that brings it on. Blank where there is none. `place` is the one in the queue for a port."""
    if place == 1:
        return "No order is before yours: it gets the next port that fits it."
    if place is not None:
        before = place - 1
        return f"{before} order{'s get' if before > 1 else ' gets'} a port before yours."
    return row.order.facts.next_action


def day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _reached(entry: StageEntry, to: Party) -> Reached:
    stage = Stage(entry.to_stage)
    before = Stage(entry.from_stage) if entry.from_stage else None
    title = TURNED.get((before, stage), stage.label) if before else stage.label
    if before is Stage.ON_HOLD and stage is not Stage.CLOSING:
        title = f"Goes on at: {stage.label}"
    by = entry.actor if to is Party.PLATFORM else BY.get(Party(entry.party), entry.actor)
    read_at = entry.evidence.get("read_at")
    told = [*_told(stage, entry.evidence)]
    return Reached(stage, title, entry.at, by, told, datetime.fromisoformat(read_at) if read_at else None)


def _told(stage: Stage, evidence: dict[str, Any]) -> list[str]:
    """In sentences, whatever of it is there."""
    found = []
    if reason := evidence.get("reason"):
        found.append(f"“{reason}”")
    if port := evidence.get("port"):
        found.append(f"Port {port} is free again." if stage is Stage.CLOSED else f"Port {port}.")
    if number := evidence.get("number"):
        found.append(f"{number}, valid until {day(datetime.fromisoformat(evidence['valid_until']))}.")
    if reference := evidence.get("reference"):
        found.append(f"The carrier's reference is {reference}.")
    if said := evidence.get("said"):
        found.append(f"Read on Netris: {said}")
    if due_at := evidence.get("due_at"):
        found.append(f"It had time until {day(datetime.fromisoformat(due_at))}.")
    return found
