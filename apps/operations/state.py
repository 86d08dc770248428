"""The life of an operation as a pure function of what happens: no clock, no database, no remote.

                  Started          Done             Failed              Cancelled
    queued        building         -                -                   cancelled
                  or removing
    building      -                next part;       removing, to end    removing, to end
                                   after the last:  as rolled_back      as cancelled
                                   succeeded        (no unwind: stuck)  (no unwind: cancelled)
    removing      -                part before;     stuck               - (a removal is not taken back)
                                   after the first:
                                   `ending`
    stuck         -                -                -                   cancelled (only where nothing unwinds)
    at rest       -                -                -                   -

A change walks like a creation: building makes what there is as it is wanted, and removing puts it back as it was.

`Waited` leaves every running state as it is, and `Retried` wakes a stuck operation where it stopped. `Applied` lets a
change whose undoing is stuck begin anew instead. `GivenUp` ends a removal, or the undoing of a creation or a change,
that is stuck or has not come to an end: it is over, and something may be left. Everything that the table leaves out
raises `Impossible`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    QUEUED = "queued"
    BUILDING = "building"
    REMOVING = "removing"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    STUCK = "stuck"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"


AT_REST = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.CANCELLED, Phase.GIVEN_UP})
#: Over, and not as it was wanted.
ENDED_BADLY = frozenset({Phase.ROLLED_BACK, Phase.GIVEN_UP})
LIVE = frozenset({Phase.QUEUED, Phase.BUILDING, Phase.REMOVING, Phase.STUCK})
RUNNING = frozenset({Phase.QUEUED, Phase.BUILDING, Phase.REMOVING})


class Goal(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    CHANGED = "changed"


class Happened(StrEnum):
    STARTED = "started"
    DONE = "done"
    WAITED = "waited"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    APPLIED = "applied"
    GIVEN_UP = "given up"


class Impossible(Exception):  # noqa: N818 - a sentence, not an error class to catch
    """This cannot happen in this state: a mistake in the engine, never in the input."""


@dataclass(frozen=True)
class State:
    """`cursor` points at the part being worked on, 0 <= cursor < size. `ending` is where a removal comes to rest."""

    goal: Goal
    phase: Phase
    size: int
    cursor: int = 0
    ending: Phase = Phase.SUCCEEDED
    unwinds: bool = True
    #: The direction in which a stuck operation stopped: the phase that a retry goes back to.
    stopped_in: Phase | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.cursor < self.size:
            raise ValueError(f"cursor {self.cursor} does not point into {self.size} parts")


def step(state: State, happened: Happened) -> State:
    """The next state. Raises `Impossible`."""
    match state.phase, happened:
        case Phase.QUEUED, Happened.STARTED if state.goal is not Goal.ABSENT:
            return replace(state, phase=Phase.BUILDING, cursor=0)
        case Phase.QUEUED, Happened.STARTED:
            return replace(state, phase=Phase.REMOVING, cursor=state.size - 1, ending=Phase.SUCCEEDED)
        case Phase.QUEUED, Happened.CANCELLED:
            return replace(state, phase=Phase.CANCELLED)

        case ((Phase.BUILDING | Phase.REMOVING), Happened.WAITED):
            return state

        case Phase.BUILDING, Happened.DONE if state.cursor + 1 == state.size:
            return replace(state, phase=Phase.SUCCEEDED)
        case Phase.BUILDING, Happened.DONE:
            return replace(state, cursor=state.cursor + 1)
        case Phase.BUILDING, Happened.FAILED if state.unwinds:
            # The part that failed may have left something behind, so removal begins with it.
            return replace(state, phase=Phase.REMOVING, ending=Phase.ROLLED_BACK)
        case Phase.BUILDING, Happened.FAILED:
            return replace(state, phase=Phase.STUCK, stopped_in=Phase.BUILDING)
        case Phase.BUILDING, Happened.CANCELLED if state.unwinds:
            return replace(state, phase=Phase.REMOVING, ending=Phase.CANCELLED)
        case Phase.BUILDING, Happened.CANCELLED:
            return replace(state, phase=Phase.CANCELLED)

        case Phase.REMOVING, Happened.DONE if state.cursor == 0:
            return replace(state, phase=state.ending)
        case Phase.REMOVING, Happened.DONE:
            return replace(state, cursor=state.cursor - 1)
        case Phase.REMOVING, Happened.FAILED:
            return replace(state, phase=Phase.STUCK, stopped_in=Phase.REMOVING)

        case Phase.STUCK, Happened.RETRIED if state.stopped_in is not None:
            return replace(state, phase=state.stopped_in, stopped_in=None)
        case Phase.STUCK, Happened.APPLIED if state.goal is Goal.CHANGED and state.stopped_in is Phase.REMOVING:
            return replace(state, phase=Phase.BUILDING, cursor=0, ending=Phase.SUCCEEDED, stopped_in=None)
        case Phase.STUCK, Happened.CANCELLED if state.stopped_in is Phase.BUILDING:
            return replace(state, phase=Phase.CANCELLED)

        case Phase.REMOVING, Happened.GIVEN_UP:
            return replace(state, phase=Phase.GIVEN_UP)
        case Phase.STUCK, Happened.GIVEN_UP if state.stopped_in is Phase.REMOVING:
            return replace(state, phase=Phase.GIVEN_UP, stopped_in=None)
    raise Impossible(f"{happened} while {state.phase} (goal {state.goal}, stopped in {state.stopped_in})")
