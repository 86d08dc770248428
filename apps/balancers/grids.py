"""What the pages of load balancers show: lines of lists, and the grid of members and SoftGates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.balancers.models import Balancer, Member
from apps.balancers.queries import KIND, Judgement, judged
from apps.balancers.verdicts import Configured, Found, Line, Working, worst_of
from apps.operations.models import Operation
from apps.operations.provisioned import Status

#: From worst to best.
_BADNESS = (
    "stuck",
    "down",
    "differs",
    "degraded",
    "building",
    "changing",
    "removing",
    "unknown",
    "dormant",
    "empty",
    "unprobed",
)


@dataclass(frozen=True)
class Shown:
    """A load balancer with all that is said of it."""

    row: Balancer
    judgement: Judgement
    operation: Operation | None

    @property
    def configured(self) -> str:
        """The verdict, but while it is made or taken away the row's own word."""
        word = self.judgement.configured.verdict
        return str(self.row.status) if word == Configured.CHANGING else str(word)

    @property
    def working(self) -> str:
        return str(self.judgement.working.verdict)

    @property
    def status(self) -> str:
        """The worse of both."""
        return (*_BADNESS, "ready")[self.badness]

    @property
    def badness(self) -> int:
        """0 is worst."""
        both = {self.configured, self.working}
        return next((place for place, word in enumerate(_BADNESS) if word in both), len(_BADNESS))

    @property
    def fresh_until(self) -> datetime | None:
        at = self.judgement.working.read_at
        return at and at + KIND.fresh_for

    @property
    def can_be_applied(self) -> bool:
        return self.judgement.configured.verdict == Configured.DIFFERS

    @property
    def rotating(self) -> list[Line]:
        return [line for line in self.judgement.lines if not line.member.is_drained]

    @property
    def drained(self) -> int:
        return len(self.judgement.lines) - len(self.rotating)

    @property
    def worst(self) -> Line | None:
        return worst_of(self.rotating)

    @property
    def is_unchecked(self) -> bool:
        return self.row.status == Status.READY and self.judgement.working.verdict == Working.UNPROBED


def shown(rows: Sequence[Balancer], work: Mapping[UUID, Sequence[Operation]]) -> list[Shown]:
    """Their VPCs, tiers and members come with them. Seven queries at most, however many there are."""
    found = judged(rows)
    return [Shown(row, found[row.pk], _about(row, work.get(row.vpc_id, ()))) for row in rows]


def _about(row: Balancer, work: Sequence[Operation]) -> Operation | None:
    return next((each for each in work if each.resource_id == row.pk), None)


@dataclass(frozen=True)
class GridLine:
    member: Member
    line: Line
    #: In the order of the columns; None where that SoftGate is not told of.
    cells: Sequence[Found | None]


@dataclass(frozen=True)
class Grid:
    """Members by SoftGates."""

    columns: Sequence[str]
    lines: Sequence[GridLine]

    @classmethod
    def of(cls, judgement: Judgement) -> Grid:
        columns = list(dict.fromkeys(cell.gate for line in judgement.lines for cell in line.cells))
        lines = []
        for member, line in zip(judgement.members, judgement.lines, strict=True):
            cells = {cell.gate: cell for cell in line.cells}
            lines.append(GridLine(member, line, [cells.get(column) for column in columns]))
        return cls(columns, lines)
