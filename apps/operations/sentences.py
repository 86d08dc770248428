"""What is said of an operation: at the top of its page and in the ears of who listens (`sentence`), in callouts
(`notices`), and in its log (`log_line`). Functions of the row alone, tried over every state that can be reached.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from apps.operations.models import Operation
from apps.operations.parts import Left
from apps.operations.state import Goal, Happened, Phase, State
from apps.zones.models import System
from apps.zones.turnstile import Hold

ALL_STAYS = "what had been done stays"
ASK = "If it is refused again, send your provider this operation's ID."
TOO_LATE = "It was too late to cancel it."
LETS_GO = "It turns round as soon as the step at work lets go."


@dataclass(frozen=True)
class Undoing:
    """What is said of the way back: what it is about, what becomes of it, and how things are in the end."""

    what: str
    now: str
    goes: str
    over: str
    end: str
    may_be: str


CREATION = Undoing(
    what="what was created",
    now="What was created is being removed again",
    goes="What was created is removed again",
    over="everything that had been created was removed again",
    end="nothing is left behind",
    may_be="something may be left",
)
CHANGE = Undoing(
    what="what was changed",
    now="What was changed is being put back",
    goes="What was changed is put back",
    over="everything is as it was before",
    end="everything is as it was before",
    may_be="something may not be as it was before",
)


def way_back(goal: str) -> Undoing:
    return CHANGE if goal == Goal.CHANGED else CREATION


@dataclass(frozen=True)
class Notice:
    """A callout. `kind` is the design language's: info, warning, error."""

    kind: str
    title: str
    text: str


def sentence(operation: Operation, ahead: object = None) -> str:
    """Where it stands, in one line without a full stop. `ahead` is what it waits for (`queries.Ahead`)."""
    step, back = step_at(operation), way_back(operation.goal)
    match operation.phase:
        case Phase.QUEUED | Phase.BUILDING | Phase.REMOVING if ahead and not operation.is_cancel_requested:
            return f"Waiting for {ahead}"
        case Phase.QUEUED:
            return "Waiting for its turn"
        case Phase.BUILDING if operation.is_cancel_requested:
            return "Cancelling"
        case Phase.REMOVING if operation.is_rolling_back:
            what = f"“{step}”" if step else back.what
            return f"Cancelling: undoing {what}" if operation.ending == Phase.CANCELLED else f"Undoing {what}"
        case Phase.BUILDING | Phase.REMOVING:
            doing = step or "At work"
            return f"Trying again: {doing}" if operation.stuck_by else doing
        case Phase.SUCCEEDED:
            return "Done"
        case Phase.ROLLED_BACK:
            return f"Refused; {back.over}"
        case Phase.CANCELLED:
            return f"Cancelled; {_left_by_cancelling(operation)}"
        case Phase.GIVEN_UP:
            return f"Given up by {operation.given_up.get('by') or 'the platform'}; {back.may_be}"
    if step and operation.is_rolling_back:  # the steps of a creation keep their names while they are undone
        return f"The undoing of “{step}” is stuck; nothing moves until somebody decides"
    where = f" at “{step}”" if step else ""
    return f"{_what_is_stuck(operation)} is stuck{where}; nothing moves until somebody decides"


def notices(operation: Operation) -> list[Notice]:
    """What to know beside the steps, the most important first."""
    error, back = full(operation.error), way_back(operation.goal)
    found: list[Notice] = []
    match operation.phase:
        case Phase.STUCK:
            cause = operation.turned_by.get("error", "") if operation.is_rolling_back else ""
            because = f" It is undone because it was refused: {full(cause)}" if cause else ""
            text = f"{error}{because}{_not_put_back(operation)}".strip()
            found.append(Notice("error", f"{_what_is_stuck(operation)} is stuck", text))
        case Phase.ROLLED_BACK:
            found.append(Notice("warning", f"It was refused, and {back.end}", f"{error} {ASK}"))
        case Phase.CANCELLED:
            text = _left_by_cancelling(operation)
            found.append(Notice("info", "Cancelled", full(text[0].upper() + text[1:])))
        case Phase.GIVEN_UP:
            by = operation.given_up.get("by") or "the platform"
            what = "May not be as it was before" if operation.goal == Goal.CHANGED else "May be left"
            text = f"{error} {what}: {in_words(left_of(operation))}"
            found.append(Notice("warning", f"Given up by {by}", text.strip()))
        case Phase.REMOVING if operation.is_rolling_back:
            is_cancelled = operation.ending == Phase.CANCELLED
            title = f"Cancelling: {back.now[0].lower()}{back.now[1:]}"
            found.append(
                Notice("info", title, "It was cancelled.")
                if is_cancelled
                else Notice("warning", back.now, f"It was refused: {error}")
            )
    is_running = operation.phase in (Phase.BUILDING, Phase.REMOVING)
    if is_running and operation.stuck_by:
        found.append(
            Notice("info", "This is tried again", f"It was stuck: {full(operation.stuck_by.get('error', ''))}")
        )
    if is_running and operation.hold and operation.hold != Hold.DOUBT:
        found.append(Notice("warning", "This waits", operation.hold_words))
    if operation.phase in (Phase.QUEUED, Phase.BUILDING) and operation.is_cancel_requested:
        found.append(Notice("info", "Cancelling", LETS_GO))
    return found


def log_line(
    happened: Happened, before: State, after: State, *, title: str, undo_title: str, detail: str, error: str
) -> str | None:
    """The line that a step of the state machine adds to the log. None when it adds none."""
    doing = title if before.phase == Phase.BUILDING else undo_title or title
    where, back = f" at “{doing}”" if doing else "", way_back(after.goal)
    match after.phase:
        case Phase.SUCCEEDED:
            return "Done."
        case Phase.ROLLED_BACK:
            return f"{back.over[0].upper()}{back.over[1:]}. Reason: {full(error)}"
        case Phase.CANCELLED if before.phase == Phase.QUEUED:
            return "Cancelled before it began."
        case Phase.CANCELLED:
            return f"Cancelled; {back.end if before.phase == Phase.REMOVING else ALL_STAYS}."
        case Phase.STUCK:
            return f"Stuck{where}: {full(detail)}"
        case Phase.REMOVING if happened is Happened.CANCELLED:
            return f"Cancelled{where}. {back.goes}."
        case Phase.REMOVING if before.phase == Phase.BUILDING:
            return f"Refused{where}: {full(detail)} {back.goes}."
    if before.phase == Phase.QUEUED:
        return "Work has begun."
    # A part that only looks does nothing on the way back, and has no words for it.
    is_told = happened is Happened.DONE and (title if before.phase == Phase.BUILDING else undo_title)
    return f"{doing}: done." if is_told else None


def press_line(happened: Happened, by: str, left: Iterable[Left] = ()) -> str:
    """The line that somebody's press adds to the log."""
    match happened:
        case Happened.STARTED:
            return f"Requested by {by}."
        case Happened.CANCELLED:
            return f"{by} cancelled it."
        case Happened.RETRIED:
            return f"{by} had it tried again."
        case Happened.APPLIED:
            return f"{by} had the change tried anew."
        case Happened.GIVEN_UP:
            return f"Given up by {by}. May be left: {in_words(left)}"
    raise ValueError(f"nobody presses for {happened}")


def step_at(operation: Operation) -> str:
    """What is being done, or was being done when it got stuck; empty when nothing is."""
    if operation.phase not in (Phase.BUILDING, Phase.REMOVING, Phase.STUCK):
        return ""
    for line in operation.visible_steps:
        if line["state"] in ("running", "undoing"):
            return str(line["title"])
    failed = [line for line in operation.visible_steps if line["state"] == "failed"]
    return str(failed[-1]["title"]) if failed else ""


def left_of(operation: Operation) -> list[Left]:
    return [Left(System(each["system"]), each["what"]) for each in operation.given_up.get("left", ())]


def in_words(left: Iterable[Left]) -> str:
    """ "CloudStack: the VPC vpc-1f2e; Netris: ..., ...": all of it, system by system."""
    ordered = sorted(left, key=lambda each: each.system)
    groups = [(system, [each.what for each in group]) for system, group in groupby(ordered, lambda each: each.system)]
    return full("; ".join(f"{system.label}: {', '.join(things)}" for system, things in groups) or "nothing")


def full(text: str) -> str:
    """As a sentence, with one full stop, whatever the remote ended its own with."""
    words = text.strip().rstrip(" .,;:")
    if not words:
        return "No reason is known."
    return words if words.endswith(("!", "?")) else f"{words}."


def _what_is_stuck(operation: Operation) -> str:
    if operation.is_rolling_back:
        return "The undoing"
    return "The removal" if operation.is_removing else "This"


def _left_by_cancelling(operation: Operation) -> str:
    if operation.started_at is None:
        return "it had not begun"
    return way_back(operation.goal).end if operation.unwinds else ALL_STAYS


def _not_put_back(operation: Operation) -> str:
    """Of a change whose undoing is stuck: what does not hold the old values for certain."""
    if operation.goal != Goal.CHANGED or not operation.is_removing:
        return ""
    titles = [line["title"] for line in operation.visible_steps if line["state"] not in ("undone", "waiting")]
    return f" Not put back yet: {', '.join(f'“{title}”' for title in titles)}." if titles else ""
