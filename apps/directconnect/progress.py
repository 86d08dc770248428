"""How far readings bring an order on: no clock, no database, no remote. Whoever reads Netris passes in what was read.

A reading counts when it is fresh, says that all is well, and was made after the order came to its stage: what was so
before the cross-connect was reported says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from apps.directconnect.stages import READ, Stage


class Layer(StrEnum):
    LIGHT = "light"
    VLAN = "vlan"
    BGP = "bgp"
    PREFIXES = "prefixes"


#: What has to be seen for a stage.
SEEN: Mapping[Stage, Layer] = {
    Stage.LIGHT_SEEN: Layer.LIGHT,
    Stage.VLAN_UP: Layer.VLAN,
    Stage.BGP_ESTABLISHED: Layer.BGP,
    Stage.PREFIXES_ACCEPTED: Layer.PREFIXES,
}


@dataclass(frozen=True)
class Reading:
    """What a system said of one layer of a connection, and when. `said` is in its words: "up", "Established", "3
    prefixes"."""

    said: str
    is_well: bool
    read_at: datetime | None
    fresh_for: timedelta

    def counts(self, since: datetime, at: datetime) -> bool:
        """A moment that lies ahead of `at` by more than a reading lives comes from a clock that was set back since."""
        if not self.is_well or self.read_at is None or self.read_at < since:
            return False
        return abs(at - self.read_at) <= self.fresh_for

    @property
    def evidence(self) -> dict[str, Any]:
        return {"said": self.said, "read_at": self.read_at.isoformat() if self.read_at else None}


def advance(
    stage: Stage, since: datetime, readings: Mapping[Layer, Reading], at: datetime
) -> list[tuple[Stage, Reading]]:
    """The stages that an order comes to by these readings, in their order, each with what was seen. None where it does
    not go on by readings."""
    if stage not in READ:
        return []
    reached: list[tuple[Stage, Reading]] = []
    for after in READ[READ.index(stage) + 1 :]:
        reading = readings.get(SEEN[after])
        if reading is None or not reading.counts(since, at):
            break
        reached.append((after, reading))
    return reached
