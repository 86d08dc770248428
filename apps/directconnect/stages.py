"""The life of an order as a table: no clock, no database, no remote.

A stage is what an order has reached. What is up now is told by readings, never by the stage: an order that was in
service stays so when its light goes out.

    draft              submitted (tenant), closed (tenant)
    submitted          approved, rejected (platform); draft (tenant); expired (weft)
    approved           port-reserved (weft, platform); expired (weft); closing (tenant, platform)
    port-reserved      loa-issued (platform)
    loa-issued         cross-connect-reported (tenant); expired (weft)
    cross-connect-reported .. bgp-established
                       the next one (weft, by a reading)
    prefixes-accepted  in-service (tenant)
    in-service         suspended (tenant, platform)
    suspended          in-service (tenant, platform)
    rejected           draft (tenant), closed (tenant)
    expired            loa-issued (platform, where it has a port)
    closing            closed (weft)

Any of submitted .. prefixes-accepted may be put on hold (platform), and goes back to where it was. Whatever has a port,
and what is approved, on hold, expired or suspended, may be closed (tenant, platform). Every other pair is `Illegal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Stage(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PORT_RESERVED = "port-reserved"
    LOA_ISSUED = "loa-issued"
    CROSS_CONNECT_REPORTED = "cross-connect-reported"
    LIGHT_SEEN = "light-seen"
    VLAN_UP = "vlan-up"
    BGP_ESTABLISHED = "bgp-established"
    PREFIXES_ACCEPTED = "prefixes-accepted"
    IN_SERVICE = "in-service"
    ON_HOLD = "on-hold"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    CLOSING = "closing"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        return LABELS[self]


class Party(StrEnum):
    """Who makes a move, and whose turn it is."""

    TENANT = "tenant"
    PLATFORM = "platform"
    WEFT = "weft"


class Evidence(StrEnum):
    """What has to be told with a move, and is kept with it."""

    REASON = "reason"
    PORT = "port"
    NUMBER = "number"
    VALID_UNTIL = "valid_until"
    REFERENCE = "reference"
    READING = "reading"


class Illegal(Exception):  # noqa: N818 - a sentence, not an error class to catch
    """No order goes from there to there, or not by the hand of this party."""


@dataclass(frozen=True)
class Facts:
    """Of a stage. `owner` is whose turn it is, None when it is nobody's; `days` until it is due, None where nothing is;
    `expires` when it then ends by itself."""

    owner: Party | None
    days: int | None
    next_action: str
    expires: bool = False


@dataclass(frozen=True)
class Move:
    """`verb` is what whoever may make it is offered."""

    to: Stage
    by: frozenset[Party]
    verb: str
    evidence: tuple[Evidence, ...] = ()


TENANT, PLATFORM, WEFT = Party.TENANT, Party.PLATFORM, Party.WEFT
EITHER = frozenset({TENANT, PLATFORM})

#: The way of an order that nothing goes wrong with.
PATH = (
    Stage.DRAFT,
    Stage.SUBMITTED,
    Stage.APPROVED,
    Stage.PORT_RESERVED,
    Stage.LOA_ISSUED,
    Stage.CROSS_CONNECT_REPORTED,
    Stage.LIGHT_SEEN,
    Stage.VLAN_UP,
    Stage.BGP_ESTABLISHED,
    Stage.PREFIXES_ACCEPTED,
    Stage.IN_SERVICE,
)
#: What may be put on hold: from submitted on, until it is in service.
HOLDABLE = PATH[1:-1]
#: A port belongs to it; before that, and when it is over, none does.
WITH_PORT = frozenset(PATH[3:]) | {Stage.SUSPENDED}
WITHOUT_PORT = frozenset({*PATH[:3], Stage.REJECTED, Stage.CLOSED})
#: It has a letter of authorization.
WITH_LOA = frozenset(PATH[4:]) | {Stage.SUSPENDED}
#: Goes on by readings alone, each to the one after it.
READ = PATH[5:10]
#: Interfaces can be made and changed.
CARRIES = frozenset(PATH[3:])
#: Where it goes back to is kept.
HELD = frozenset({Stage.ON_HOLD, Stage.SUSPENDED})

LABELS: Mapping[Stage, str] = {
    **{stage: stage.value.replace("-", " ").capitalize() for stage in Stage},
    Stage.LOA_ISSUED: "LOA issued",
    Stage.CROSS_CONNECT_REPORTED: "Cross-connect reported",
    Stage.VLAN_UP: "VLAN up",
    Stage.BGP_ESTABLISHED: "BGP established",
}

FACTS: Mapping[Stage, Facts] = {
    Stage.DRAFT: Facts(TENANT, None, "Submit the order, or discard it."),
    Stage.SUBMITTED: Facts(PLATFORM, 14, "Approve the order, or reject it with a reason.", expires=True),
    Stage.APPROVED: Facts(WEFT, 30, "Reserve the next free port of the location.", expires=True),
    Stage.PORT_RESERVED: Facts(PLATFORM, 5, "Issue the letter of authorization."),
    Stage.LOA_ISSUED: Facts(
        TENANT, None, "Order the cross-connect with the LOA, then report your carrier's reference.", expires=True
    ),
    Stage.CROSS_CONNECT_REPORTED: Facts(WEFT, 14, "See light on the port, once both ends are patched and on."),
    Stage.LIGHT_SEEN: Facts(TENANT, 14, "Create a virtual interface."),
    Stage.VLAN_UP: Facts(TENANT, 14, "Configure your router, so that its BGP session comes up."),
    Stage.BGP_ESTABLISHED: Facts(TENANT, 14, "Announce a prefix that the interface accepts."),
    Stage.PREFIXES_ACCEPTED: Facts(TENANT, 14, "Take the connection into service."),
    Stage.IN_SERVICE: Facts(TENANT, None, ""),
    Stage.ON_HOLD: Facts(PLATFORM, 30, "Let the order go on, or close it."),
    Stage.REJECTED: Facts(TENANT, 30, "Revise the order, or discard it."),
    Stage.EXPIRED: Facts(PLATFORM, 30, "Issue the letter of authorization anew, or close the order."),
    Stage.SUSPENDED: Facts(TENANT, None, "Resume the connection, or close it."),
    Stage.CLOSING: Facts(WEFT, 1, "Remove the interfaces, and free the port."),
    Stage.CLOSED: Facts(None, None, ""),
}
#: Of one that expired before it had a port: nothing can be issued for it.
EXPIRED_EARLY = Facts(TENANT, 30, "Close the order; to go on, make a new one.")


def _moves() -> dict[Stage, dict[Stage, Move]]:
    table: dict[Stage, dict[Stage, Move]] = {stage: {} for stage in Stage}

    def may(at: Stage, to: Stage, by: Party | frozenset[Party], verb: str, *evidence: Evidence) -> None:
        table[at][to] = Move(to, by if isinstance(by, frozenset) else frozenset({by}), verb, evidence)

    may(Stage.DRAFT, Stage.SUBMITTED, TENANT, "Submit")
    may(Stage.DRAFT, Stage.CLOSED, TENANT, "Discard")
    may(Stage.SUBMITTED, Stage.APPROVED, PLATFORM, "Approve")
    may(Stage.SUBMITTED, Stage.REJECTED, PLATFORM, "Reject", Evidence.REASON)
    may(Stage.SUBMITTED, Stage.DRAFT, TENANT, "Withdraw")
    may(Stage.SUBMITTED, Stage.EXPIRED, WEFT, "Expire")
    may(Stage.APPROVED, Stage.PORT_RESERVED, frozenset({WEFT, PLATFORM}), "Reserve a port", Evidence.PORT)
    may(Stage.APPROVED, Stage.EXPIRED, WEFT, "Expire")
    may(Stage.PORT_RESERVED, Stage.LOA_ISSUED, PLATFORM, "Issue LOA", Evidence.NUMBER, Evidence.VALID_UNTIL)
    may(Stage.LOA_ISSUED, Stage.CROSS_CONNECT_REPORTED, TENANT, "Report the cross-connect", Evidence.REFERENCE)
    may(Stage.LOA_ISSUED, Stage.EXPIRED, WEFT, "Expire")
    may(Stage.EXPIRED, Stage.LOA_ISSUED, PLATFORM, "Issue LOA anew", Evidence.NUMBER, Evidence.VALID_UNTIL)
    for at, to in pairwise(READ):
        may(at, to, WEFT, f"Note: {LABELS[to]}", Evidence.READING)
    may(Stage.PREFIXES_ACCEPTED, Stage.IN_SERVICE, TENANT, "Take into service")
    may(Stage.IN_SERVICE, Stage.SUSPENDED, EITHER, "Suspend")
    may(Stage.SUSPENDED, Stage.IN_SERVICE, EITHER, "Resume")
    may(Stage.REJECTED, Stage.DRAFT, TENANT, "Revise")
    may(Stage.REJECTED, Stage.CLOSED, TENANT, "Discard")
    for at in HOLDABLE:
        may(at, Stage.ON_HOLD, PLATFORM, "Put on hold", Evidence.REASON)
        may(Stage.ON_HOLD, at, PLATFORM, "Let it go on")
    for at in Stage:
        if at in WITH_PORT or at in (Stage.APPROVED, Stage.ON_HOLD, Stage.EXPIRED):
            may(at, Stage.CLOSING, EITHER, "Close")
    may(Stage.CLOSING, Stage.CLOSED, WEFT, "Close")
    return table


MOVES: Mapping[Stage, Mapping[Stage, Move]] = _moves()


@dataclass(frozen=True)
class Order:
    """What of an order decides where it may go. `held` is where one that is on hold or suspended goes back to."""

    stage: Stage
    held: Stage | None = None
    has_port: bool = False

    @property
    def facts(self) -> Facts:
        return EXPIRED_EARLY if self.stage is Stage.EXPIRED and not self.has_port else FACTS[self.stage]

    @property
    def moves(self) -> list[Move]:
        """All that anybody may make of it now, as the table has them."""
        return [move for move in MOVES[self.stage].values() if self._leads(move)]

    def moves_of(self, party: Party) -> list[Move]:
        return [move for move in self.moves if party in move.by]

    def move(self, to: Stage, party: Party) -> Move:
        """Raises `Illegal`."""
        for move in self.moves_of(party):
            if move.to is to:
                return move
        raise Illegal(f"{self.stage} to {to} by {party}")

    def _leads(self, move: Move) -> bool:
        if self.stage in HELD and move.to is not Stage.CLOSING:
            return move.to is self.held
        return self.has_port or not (self.stage is Stage.EXPIRED and move.to is Stage.LOA_ISSUED)
