"""Every sentence about an operation, for every state that can be reached: it has a subject, ends once, and is so."""

from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

import pytest
from django.utils import timezone

from apps.operations import sentences
from apps.operations.models import Operation
from apps.operations.parts import Left
from apps.operations.sentences import full, log_line, notices, press_line, sentence
from apps.operations.state import AT_REST, Goal, Happened, Phase, State
from apps.zones.models import System
from tests.operations.test_state import ALL_STARTS, everything_reachable

#: A remote's words, with and without a full stop, and none; the last is what a cancelled step says of itself.
ERRORS = ("In use", "It is in use.", "Refused...", "")
TITLES = (("Create the VPC", "Remove the VPC"), ("Find the VPC", ""))

DOUBLED = re.compile(r"[.,;:!?]\s*[.,;:!?]|\s[.,;:]|  |”“|“”")
EMPTY = re.compile(r"^\s*[.,;:]|: *[.,;]|: *$|“\s*”|\bNone\b|^\s*$")


def faults_of(text):
    return [pattern.pattern for pattern in (DOUBLED, EMPTY) if pattern.search(text)]


class Row(NamedTuple):
    """An operation as its row would be: a state, whether somebody wants it cancelled, and whether it was retried."""

    state: State
    is_cancel_requested: bool
    is_retried: bool
    hold: str = ""


STATES = sorted({state for start in ALL_STARTS if start.size < 3 for state in everything_reachable(start)}, key=str)
TABLE = [
    Row(state, *flags)
    for state, flags in product(STATES, product((False, True), (False, True), ("", "plugin")))
    if not (flags[0] and state.phase in AT_REST)
    and not (flags[2] and state.phase not in (Phase.BUILDING, Phase.REMOVING))
]


def operation_of(row, *, error="It is in use.", looks_only=False):
    state = row.state
    verb = {Goal.PRESENT: "Create", Goal.ABSENT: "Remove", Goal.CHANGED: "Change"}[state.goal]
    titles = [f"{verb} thing {n}" for n in range(state.size)]
    if looks_only and state.goal is Goal.ABSENT:
        titles[0] = ""
    steps = [{"title": title, "state": "waiting", "detail": ""} for title in titles]
    here = steps[state.cursor if state.goal is not Goal.ABSENT else state.size - 1 - state.cursor]
    here["state"] = {Phase.BUILDING: "running", Phase.REMOVING: "undoing", Phase.STUCK: "failed"}.get(
        state.phase, "done"
    )
    turned = state.goal is not Goal.ABSENT and state.ending is Phase.ROLLED_BACK
    return Operation(
        kind="vpc",
        goal=state.goal,
        phase=state.phase,
        size=state.size,
        cursor=state.cursor,
        ending=state.ending,
        unwinds=state.unwinds,
        stopped_in=state.stopped_in or "",
        is_cancel_requested=row.is_cancel_requested,
        steps=steps,
        error=error if state.phase in (Phase.STUCK, Phase.ROLLED_BACK, Phase.GIVEN_UP) or turned else "",
        turned_by={"error": "No address is left"} if turned else {},
        stuck_by={"error": "Instances still run."} if row.is_retried else {},
        given_up={"by": "root", "left": [{"system": "netris", "what": "the VPC …-vpc-1"}]}
        if state.phase is Phase.GIVEN_UP
        else {},
        hold=row.hold,
        resource_name="prod",
        started_at=None if state.phase is Phase.QUEUED else timezone.now(),
    )


def said_of(operation):
    """Everything that its page says at the top, in callouts and to who listens."""
    found = notices(operation)
    return [sentence(operation), *(each.title for each in found), *(each.text for each in found)]


@pytest.mark.parametrize("looks_only", [False, True])
@pytest.mark.parametrize("error", ERRORS)
def test_every_sentence_has_a_subject_and_ends_once(error, looks_only):
    for row in TABLE:
        for text in said_of(operation_of(row, error=error, looks_only=looks_only)):
            assert not faults_of(text), (row, text)
            assert text[0].isupper(), (row, text)


def test_what_is_over_is_not_said_to_go_on_and_what_goes_on_is_not_over():
    for row in TABLE:
        text = " ".join(said_of(operation_of(row)))
        is_at_rest = row.state.phase in AT_REST
        going_on = (
            "is being taken away",
            "Trying again",
            "tried again",
            "Cancelling",
            "Undoing “",
            "At work",
            "waits",
        )
        over = ("Done", "was taken away again", "Cancelled", "Given up", "Nothing is left", "what had been done stays")
        assert not (is_at_rest and any(words in text for words in going_on)), (row, text)
        assert not (not is_at_rest and any(words in text for words in over)), (row, text)


def test_a_removal_is_called_a_removal_an_undoing_an_undoing_and_a_cancellation_a_cancellation():
    for row in TABLE:
        state, operation = row.state, operation_of(row)
        text = " ".join(said_of(operation))
        is_removing = Phase.REMOVING in (state.phase, state.stopped_in)
        assert ("The removal is stuck" in text) == (state.phase is Phase.STUCK and state.goal is Goal.ABSENT), (
            row,
            text,
        )
        assert ("The undoing is stuck" in text) == (
            state.phase is Phase.STUCK and state.goal is not Goal.ABSENT and is_removing
        ), (row, text)
        if state.goal is Goal.ABSENT and state.phase is not Phase.CANCELLED:
            assert "Undoing" not in text and "refused" not in text and "Create" not in text, (row, text)
        if state.goal is not Goal.ABSENT and is_removing and state.ending is Phase.CANCELLED:
            assert "refused" not in text, (row, text)
            assert operation.standing == ("cancelling" if state.phase is Phase.REMOVING else "stuck")
        if state.phase is Phase.CANCELLED:
            is_kept = not state.unwinds and operation.started_at is not None
            end = "verything is as it was before" if state.goal is Goal.CHANGED else "othing is left"
            assert ("stays" in text) == is_kept and (end in text) == (not is_kept and state.unwinds), (row, text)


def test_of_a_change_nothing_is_said_to_be_created_or_removed():
    for row in TABLE:
        if row.state.goal is not Goal.CHANGED:
            continue
        text = " ".join(said_of(operation_of(row)))
        assert not re.search("creat|remov|left behind|be left", text), (row, text)
        is_stuck_going_back = row.state.phase is Phase.STUCK and row.state.stopped_in is Phase.REMOVING
        assert ("Not put back yet: “Change thing" in text) == is_stuck_going_back, (row, text)


def test_the_reason_survives_a_retry_and_a_given_up_operation_names_who_and_what_is_left():
    for row in TABLE:
        text = " ".join(said_of(operation_of(row)))
        if row.state.phase in (Phase.BUILDING, Phase.REMOVING):
            assert ("It was stuck: Instances still run." in text) == row.is_retried, (row, text)
        assert ("In use" in text or "It is in use." in text) == (
            row.state.phase in (Phase.STUCK, Phase.ROLLED_BACK, Phase.GIVEN_UP)
            or (row.state.phase is Phase.REMOVING and row.state.ending is Phase.ROLLED_BACK)
        ), (row, text)
        if row.state.phase is Phase.GIVEN_UP:
            what = "May not be as it was before" if row.state.goal is Goal.CHANGED else "May be left"
            assert "Given up by root" in text and f"{what}: Netris: the VPC …-vpc-1." in text
        if (
            row.state.phase is Phase.STUCK
            and row.state.goal is not Goal.ABSENT
            and row.state.ending is Phase.ROLLED_BACK
        ):
            assert row.state.stopped_in is not Phase.REMOVING or "because it was refused: No address is left." in text


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("title", "undo_title"), TITLES)
def test_every_line_of_the_log_has_a_subject_and_ends_once(title, undo_title, error):
    told = set()
    for start in ALL_STARTS:
        for before, follows in everything_reachable(start).items():
            for happened, after in follows.items():
                detail = "Cancelled." if happened is Happened.CANCELLED else error
                line = log_line(happened, before, after, title=title, undo_title=undo_title, detail=detail, error=error)
                if line is None:
                    # On the way back a part that only looks has nothing to tell, nobody waits aloud, and what somebody
                    # pressed is told with who it was.
                    is_silent = happened in (Happened.WAITED, Happened.RETRIED, Happened.APPLIED, Happened.GIVEN_UP)
                    assert is_silent or (happened is Happened.DONE and not undo_title), (before, after)
                    continue
                told.add(line)
                assert not faults_of(line.replace(": done.", " is done.") if line[0] != ":" else line), line
                assert line[0].isupper() and line.endswith((".", "!", "?")), line
                assert "failed: Cancelled" not in line
                if before.phase is Phase.REMOVING and undo_title:
                    assert title not in line, (before, after, line)
                if happened is Happened.CANCELLED:
                    assert line.startswith("Cancelled")
    assert f"Stuck at “{undo_title or title}”: {full(error)}" in told
    assert f"Cancelled at “{title}”. What was created is removed again." in told
    assert f"Refused at “{title}”: {full(error)} What was created is removed again." in told
    assert f"Refused at “{title}”: {full(error)} What was changed is put back." in told


PRESSES = [Happened.STARTED, Happened.CANCELLED, Happened.RETRIED, Happened.APPLIED, Happened.GIVEN_UP]


@pytest.mark.parametrize("happened", PRESSES)
def test_every_press_is_told_with_who_it_was(happened):
    line = press_line(happened, "ann", [Left(System.NETRIS, "the VPC …-vpc-1")])
    assert "ann" in line and not faults_of(line)
    assert happened is not Happened.GIVEN_UP or line.endswith("May be left: Netris: the VPC …-vpc-1.")


def test_all_of_what_is_left_is_named_system_by_system():
    left = [
        {"system": "cloudstack", "what": "a"},
        {"system": "netris", "what": "b"},
        {"system": "cloudstack", "what": "c"},
    ]
    assert sentences.in_words(sentences.left_of(Operation(given_up={"left": left}))) == "CloudStack: a, c; Netris: b."


STANDS = [
    (State(Goal.ABSENT, Phase.STUCK, 1, stopped_in=Phase.REMOVING), "The removal is stuck at “Remove thing 0”"),
    (State(Goal.PRESENT, Phase.STUCK, 1, stopped_in=Phase.REMOVING), "The undoing of “Create thing 0” is stuck"),
    (State(Goal.PRESENT, Phase.REMOVING, 1, ending=Phase.ROLLED_BACK), "Undoing “Create thing 0”"),
    (State(Goal.PRESENT, Phase.REMOVING, 1, ending=Phase.CANCELLED), "Cancelling: undoing “Create thing 0”"),
    (State(Goal.ABSENT, Phase.REMOVING, 1), "Trying again: Remove thing 0"),
]


@pytest.mark.parametrize(("state", "words"), STANDS)
def test_where_it_stands_names_the_step_and_the_way(state, words):
    said = sentence(operation_of(Row(state, is_cancel_requested=False, is_retried=state.phase is Phase.REMOVING)))
    assert said == words or said.startswith(f"{words}; ")
