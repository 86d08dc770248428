"""What may be said of a load balancer, from what was read and when. Nothing here asks anybody.

Two questions, each with a verdict, a sentence and the age of what it was told by:

    Configured?     is what Netris has of it what is meant: address, port, protocol, members, health check, and who may
                    connect. CloudStack's list is not read
        configured      read after its last change, not too long ago, and as it is meant
        differs         read just so, and not as it is meant: the sentence says in what
        dormant         no instance runs in its tier, so CloudStack has taken it off Netris until one starts
        changing        an operation is at work on it
        stuck           an operation on it is stuck
        unknown         not read since its last change, or too long ago

    Working?        do its members answer
        healthy         every member in rotation answers every SoftGate that balances
        degraded        some do not, and traffic still finds one that answers
        down            no member answers any SoftGate
        unprobed        nobody asks them: no health check is wanted, or Netris does not have it
        empty           it has no member in rotation
        unknown         what was read is too old, or says nothing

Of each member and SoftGate there is a cell. It is healthy only by a probe that succeeded, in a fresh reading that was
made after the balancer's last change, by a SoftGate that lives:

    drained, unprobed, stale (the reading, or the SoftGate, is silent), unknown (Netris says nothing), healthy, down

Netris does not tell when a SoftGate probed; a reading's age is the age of everything in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address

from apps.netris.wire import Backend, Balancer


class Cell(StrEnum):
    HEALTHY = "healthy"
    DOWN = "down"
    UNPROBED = "unprobed"
    STALE = "stale"
    UNKNOWN = "unknown"
    DRAINED = "drained"


class Working(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNPROBED = "unprobed"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class Configured(StrEnum):
    CONFIGURED = "configured"
    DIFFERS = "differs"
    DORMANT = "dormant"
    CHANGING = "changing"
    STUCK = "stuck"
    UNKNOWN = "unknown"


#: The column where Netris says one status for all SoftGates, as older releases do.
ALL_GATES = "all SoftGates"
_WORDS = {"ok": Cell.HEALTHY, "failed": Cell.DOWN}


@dataclass(frozen=True)
class Verdict:
    verdict: str
    sentence: str
    read_at: datetime | None


@dataclass(frozen=True)
class Reading:
    """What the list of balancers has of this one, and how far it may be believed."""

    #: None: the list has none for it.
    row: Balancer | None
    read_at: datetime | None
    fresh_for: timedelta
    #: When the last operation on the balancer came to rest; None while one is at work.
    settled_at: datetime | None

    def why_silent(self, now: datetime) -> str:
        """Why nothing follows from it now; blank when something does."""
        if self.read_at is None:
            return "The load balancers of Netris were not read yet."
        if now - self.read_at > self.fresh_for:
            return f"The reading of Netris' load balancers is {minutes(now - self.read_at)} old."
        if self.settled_at is None or self.read_at <= self.settled_at:
            return "It was not read on Netris since its last change."
        return ""


@dataclass(frozen=True)
class Check:
    """The health check that is meant. `kind` is none, tcp or http; `timeout` in milliseconds."""

    kind: str
    timeout: int = 0
    path: str = ""

    @property
    def is_none(self) -> bool:
        return self.kind == "none"


@dataclass(frozen=True)
class Gate:
    """A SoftGate that balances, by the inventory. `is_alive` is None while the inventory itself is too old to tell."""

    name: str
    is_alive: bool | None


@dataclass(frozen=True)
class Member:
    name: str
    address: IPv4Address
    port: int
    is_drained: bool = False
    #: CloudStack's word for the instance; blank while what it says is too old, or says nothing.
    state: str = ""
    #: Whether the access list of its tier lets it be reached; None while that is not known.
    is_allowed: bool | None = None


@dataclass(frozen=True)
class Found:
    """A cell of the grid."""

    gate: str
    verdict: Cell
    reason: str
    read_at: datetime | None


@dataclass(frozen=True)
class Line:
    """A member with its cells."""

    member: Member
    cells: Sequence[Found]
    #: What to look at; blank where there is nothing to say.
    sentence: str = ""

    @property
    def failures(self) -> int:
        """How many SoftGates find it down."""
        return sum(cell.verdict == Cell.DOWN for cell in self.cells)


def worst_of(lines: Sequence[Line]) -> Line | None:
    """The one that most SoftGates find down; None where none does."""
    return max((line for line in lines if line.failures), key=lambda line: line.failures, default=None)


@dataclass(frozen=True)
class Seen:
    """All that is known of what a balancer does."""

    reading: Reading
    check: Check
    gates: Sequence[Gate]
    members: Sequence[Member] = field(default=())

    @cached_property
    def _backends(self) -> dict[tuple[object, object], Backend]:
        return _backends_of(self.reading.row)

    def lines(self, now: datetime) -> list[Line]:
        return [self._line(member, now) for member in self.members]

    def _line(self, member: Member, now: datetime) -> Line:
        cells = self._cells(member, now)
        return Line(member, cells, _advice(member, cells))

    def _cells(self, member: Member, now: datetime) -> list[Found]:
        at, row = self.reading.read_at, self.reading.row
        names = [gate.name for gate in self.gates] or [ALL_GATES]

        def all_are(verdict: Cell, reason: str) -> list[Found]:
            return [Found(name, verdict, reason, at) for name in names]

        if member.is_drained:
            return all_are(Cell.DRAINED, "out of rotation")
        if self.check.is_none:
            return all_are(Cell.UNPROBED, "no health check is set")
        if reason := self.reading.why_silent(now):
            return all_are(Cell.STALE, reason)
        backend = self._backends.get((member.address, member.port))
        if row is None or backend is None:
            return all_are(Cell.UNKNOWN, "Netris does not send anything to it")
        if not row.check.protocol:
            return all_are(Cell.UNPROBED, "Netris does not have the health check")
        if not backend.probes:
            return [Found(ALL_GATES, _WORDS.get(backend.status.lower(), Cell.UNKNOWN), backend.response, at)]
        return self._by_gate(backend)

    def _by_gate(self, backend: Backend) -> list[Found]:
        """In the order of the SoftGates, and then what others say, of which the inventory knows nothing."""
        at = self.reading.read_at
        alive = {gate.name: gate.is_alive for gate in self.gates}
        said = {probe.softgate.name: probe for probe in backend.probes}
        cells = []
        for name in dict.fromkeys([*alive, *said]):
            probe = said.get(name)
            if not alive.get(name):
                reason = f"{name} is silent" if alive.get(name) is False else f"whether {name} lives is not known"
                cells.append(Found(name, Cell.STALE, reason, at))
            elif probe is None:
                cells.append(Found(name, Cell.UNKNOWN, f"{name} says nothing of it", at))
            else:
                cells.append(Found(name, _WORDS.get(probe.status.lower(), Cell.UNKNOWN), probe.response, at))
        return cells

    def working(self, now: datetime, lines: Sequence[Line] | None = None) -> Verdict:
        """`lines` are those of the same moment, where they are known."""
        lines = self.lines(now) if lines is None else lines
        verdict, sentence = self._said([line for line in lines if not line.member.is_drained], now)
        return Verdict(verdict, sentence, self.reading.read_at)

    def _said(self, lines: Sequence[Line], now: datetime) -> tuple[Working, str]:
        if not lines:
            return Working.EMPTY, "No member is in rotation: nothing answers."
        cells = [cell for line in lines for cell in line.cells]
        told = {cell.verdict for cell in cells}
        if self.check.is_none:
            return Working.UNPROBED, "Nobody checks these members: set a health check to know whether they answer."
        if reason := self.reading.why_silent(now):
            return Working.UNKNOWN, reason
        worst = worst_of(lines)
        if worst is not None and told == {Cell.DOWN}:
            return Working.DOWN, f"No member answers. {worst.sentence}"
        if worst is not None:
            return Working.DEGRADED, worst.sentence
        if Cell.UNPROBED in told:
            return Working.UNPROBED, "Nobody checks these members: Netris does not have the health check."
        if told == {Cell.HEALTHY}:
            return Working.HEALTHY, "Every member answers every SoftGate."
        unclear = next(cell for cell in cells if cell.verdict in (Cell.STALE, Cell.UNKNOWN))
        return (
            Working.UNKNOWN,
            f"Not every probe is known: {unclear.reason or 'Netris says nothing that is understood'}.",
        )


def _backends_of(row: Balancer | None) -> dict[tuple[object, object], Backend]:
    """By address and port."""
    return {} if row is None else {(each.ip, each.port): each for each in row.backends}


def _advice(member: Member, cells: Sequence[Found]) -> str:
    """The one sentence that says what to look at; blank when no SoftGate finds it down."""
    failed = [cell for cell in cells if cell.verdict == Cell.DOWN]
    if not failed:
        return ""
    names = " and ".join(cell.gate for cell in failed)
    verb = "get" if len(failed) > 1 or names == ALL_GATES else "gets"
    reason = next((cell.reason for cell in failed if cell.reason), "no answer")
    runs = _runs(member)
    listed = _LISTED[member.is_allowed]
    is_answered = ANSWERED.search(reason) is not None
    return f"{names} {verb} “{reason}” from {member.name}; {runs}, {listed}: {_look_at(member, cells, is_answered)}."


#: Words of a reason after which the instance was surely reached: it refused, or answered with an error of HTTP's. The
#: texts of a controller are (unverified); what is not known counts as not reached.
ANSWERED = re.compile(r"refused|\b[45]\d\d\b", re.IGNORECASE)
_LISTED = {True: "the list allows it", False: "the list blocks it", None: "whether the list allows it is not known"}


def _runs(member: Member) -> str:
    if not member.state:
        return "whether the instance runs is not known"
    return "the instance runs" if member.state == "Running" else f"the instance is {member.state.lower()}"


def _look_at(member: Member, cells: Sequence[Found], is_answered: bool) -> str:
    if member.state not in ("", "Running"):
        return "look at the instance"
    if is_answered:
        return "look at the service"
    if member.is_allowed is False:
        return "look at the list"
    if any(cell.verdict == Cell.HEALTHY for cell in cells):
        return f"others reach it, so look at {' and '.join(cell.gate for cell in cells if cell.verdict == Cell.DOWN)}"
    if not member.state:
        return "look at the instance"
    return "look at the service" if member.is_allowed else "look at the list"


@dataclass(frozen=True)
class Meant:
    """What the rows say that Netris is to have."""

    protocol: str
    address: IPv4Address
    port: int
    check: Check
    members: Sequence[Member]

    @property
    def active(self) -> list[Member]:
        return [member for member in self.members if not member.is_drained]


LACKING = "Netris does not have it."


def differences(meant: Meant, row: Balancer | None) -> list[str]:
    """What is not as it is meant, each a sentence. Without members in rotation Netris may have none, or an empty one
    that CloudStack left (REAL)."""
    active = {(member.address, member.port): member.name for member in meant.active}
    if row is None:
        return [LACKING] if active else []
    found = []
    there = {(each.ip, each.port) for each in row.backends if not each.maintenance}
    if missing := sorted(name for end, name in active.items() if end not in there):
        found.append(f"Netris sends nothing to {_listed(missing)}.")
    if others := foreign(meant, row):
        found.append(f"Netris also sends to {_listed(others)}.")
    if not active:
        return found
    if (row.ip, row.port) != (meant.address, meant.port):
        found.append(f"On Netris it answers at {row.ip}:{row.port}.")
    return [*found, *_closed(meant, row), *_check_differs(meant.check, row)]


def keeps_out(meant: Meant, row: Balancer | None) -> str:
    """Of what differs, what lets nothing through to anybody; blank where something passes."""
    if row is None:
        return LACKING if meant.active else ""
    return " ".join(_closed(meant, row))


def foreign(meant: Meant, row: Balancer) -> list[str]:
    """To whom else Netris sends."""
    active = {(member.address, member.port) for member in meant.active}
    there = {(each.ip, each.port) for each in row.backends if not each.maintenance}
    return sorted(f"{ip}:{port}" for ip, port in there - active)


def _closed(meant: Meant, row: Balancer) -> list[str]:
    found = [] if row.is_enabled else ["It is disabled on Netris."]
    if row.protocol.lower() != meant.protocol:
        found.append(f"Netris calls it {row.protocol.upper() or 'nothing'}, and it is {meant.protocol.upper()}.")
    return found


def is_reset(meant: Meant, row: Balancer | None) -> bool:
    """Somebody's change in CloudStack has taken back what Weft had written on Netris: health check or protocol."""
    if row is None or not meant.active or not row.backends:
        return False
    return row.protocol.lower() != meant.protocol or bool(_check_differs(meant.check, row))


def has_failed(meant: Meant, row: Balancer | None) -> bool:
    """A SoftGate, whichever, finds a member in rotation down."""
    if row is None or meant.check.is_none or not row.check.protocol:
        return False
    there = _backends_of(row)
    backends = [there[end] for member in meant.active if (end := (member.address, member.port)) in there]
    said = (probe.status for backend in backends for probe in backend.probes or (backend,))
    return any(_WORDS.get(status.lower()) == Cell.DOWN for status in said)


def _check_differs(check: Check, row: Balancer) -> list[str]:
    there = row.check.protocol.lower() or "none"
    if there != check.kind:
        told = {"none": "no health check"}
        return [
            f"Netris has {told.get(there, there.upper())}, and {told.get(check.kind, check.kind.upper())} is meant."
        ]
    is_off = check.kind == "http" and row.check.request_path != check.path
    if not check.is_none and (is_off or row.check.timeout != check.timeout):
        return ["The health check on Netris has another path or timeout."]
    return []


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def configured(
    status: str,
    troubles: Collection[str],
    reading: Reading,
    now: datetime,
    *,
    are_sources_right: bool | None,
    is_asleep: bool = False,
) -> Verdict:
    """`status` is the row's own: building, ready, changing, removing, stuck. Whether Netris has the rules of who may
    connect is None while those were not read since its last change."""
    at = reading.read_at
    if status == "stuck":
        return Verdict(Configured.STUCK, "An operation on it is stuck: retry it first.", at)
    if status != "ready":
        return Verdict(Configured.CHANGING, f"It is {status} now.", at)
    if reason := reading.why_silent(now):
        return Verdict(Configured.UNKNOWN, reason, at)
    if is_asleep and reading.row is None and troubles:
        return Verdict(Configured.DORMANT, DORMANT, at)
    wrong = [*troubles, *[OTHER_SOURCES] * (are_sources_right is False)]
    if wrong:
        return Verdict(Configured.DIFFERS, " ".join(wrong), at)
    told = "Netris has it as it is meant." if reading.row else "No member is in rotation, so Netris has none of it."
    if are_sources_right is None:
        told = f"{told} Who may connect was not read since its last change, or too long ago."
    return Verdict(Configured.CONFIGURED, told, at)


DORMANT = "No instance runs in its tier, so CloudStack has taken it off Netris, and puts it back when one starts."
OTHER_SOURCES = "Netris has other rules of who may connect."


def minutes(age: timedelta) -> str:
    """ "40 seconds", "1 minute", "12 minutes"."""
    seconds = int(age.total_seconds())
    count, unit = (seconds, "second") if seconds < 60 else (seconds // 60, "minute")
    return f"{count} {unit}{'s'[: count != 1]}"
