"""The state machine, walked exhaustively: every state that can be reached, every thing that can happen in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from apps.operations.state import AT_REST, Goal, Happened, Impossible, Phase, State, step

SIZES = (1, 2, 3)


def everything_reachable(start: State) -> dict[State, dict[Happened, State]]:
    """Each reachable state with what follows from it."""
    table: dict[State, dict[Happened, State]] = {}
    todo = [start]
    while todo:
        state = todo.pop()
        if state in table:
            continue
        table[state] = {}
        for happened in Happened:
            try:
                table[state][happened] = step(state, happened)
            except Impossible:
                continue
        todo += table[state].values()
    return table


ALL_STARTS = [
    State(goal=goal, phase=Phase.QUEUED, size=size, unwinds=unwinds)
    for goal, size, unwinds in product(Goal, SIZES, (True, False))
]


def test_a_creation_walks_over_its_parts_and_succeeds():
    state = State(goal=Goal.PRESENT, phase=Phase.QUEUED, size=2)
    for happened in (Happened.STARTED, Happened.DONE, Happened.WAITED, Happened.DONE):
        state = step(state, happened)
    assert (state.phase, state.cursor) == (Phase.SUCCEEDED, 1)


def test_a_refused_creation_is_undone_from_the_part_that_failed():
    state = State(goal=Goal.PRESENT, phase=Phase.BUILDING, size=3, cursor=1)
    state = step(state, Happened.FAILED)
    assert (state.phase, state.cursor) == (Phase.REMOVING, 1)
    state = step(step(state, Happened.DONE), Happened.DONE)
    assert state.phase == Phase.ROLLED_BACK


def test_a_removal_walks_backwards():
    state = step(State(goal=Goal.ABSENT, phase=Phase.QUEUED, size=3), Happened.STARTED)
    assert (state.phase, state.cursor) == (Phase.REMOVING, 2)


def test_a_refused_removal_waits_for_a_person_and_goes_on_where_it_stopped():
    removing = State(goal=Goal.ABSENT, phase=Phase.REMOVING, size=3, cursor=1)
    stuck = step(removing, Happened.FAILED)
    assert stuck.phase == Phase.STUCK
    assert step(stuck, Happened.RETRIED) == removing


def test_a_change_that_is_refused_takes_nothing_away():
    state = step(State(goal=Goal.PRESENT, phase=Phase.BUILDING, size=1, unwinds=False), Happened.FAILED)
    assert (state.phase, step(state, Happened.CANCELLED).phase) == (Phase.STUCK, Phase.CANCELLED)


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_every_operation_can_come_to_rest_from_wherever_it_is(start):
    table = everything_reachable(start)
    resting = {state for state in table if state.phase in AT_REST}
    can_rest = set(resting)
    while more := {s for s, follows in table.items() if s not in can_rest and can_rest & set(follows.values())}:
        can_rest |= more
    assert can_rest == set(table)


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_nothing_happens_to_an_operation_at_rest(start):
    assert all(not follows for state, follows in everything_reachable(start).items() if state.phase in AT_REST)


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_a_creation_never_succeeds_over_a_part_that_was_not_done(start):
    for state, follows in everything_reachable(start).items():
        for happened, after in follows.items():
            if after.phase == Phase.SUCCEEDED and state.goal is not Goal.ABSENT:
                assert (state.phase, state.cursor, happened) == (Phase.BUILDING, state.size - 1, Happened.DONE)


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_a_way_back_passes_every_part_that_may_have_left_something(start):
    for state, follows in everything_reachable(start).items():
        for after in follows.values():
            if state.phase == Phase.BUILDING and after.phase == Phase.REMOVING:
                assert after.cursor == state.cursor
            if after.phase in (Phase.ROLLED_BACK, Phase.CANCELLED) and state.phase == Phase.REMOVING:
                assert state.cursor == 0


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_a_removal_that_was_asked_for_is_never_taken_back_once_begun(start):
    if start.goal is not Goal.ABSENT:
        return
    for state, follows in everything_reachable(start).items():
        if state.phase == Phase.REMOVING:
            assert Happened.CANCELLED not in follows


@pytest.mark.parametrize("start", ALL_STARTS, ids=str)
def test_what_is_being_taken_away_can_be_given_up_stuck_or_not_and_nothing_else_can(start):
    for state, follows in everything_reachable(start).items():
        is_removing = Phase.REMOVING in (state.phase, state.stopped_in)
        assert (Happened.GIVEN_UP in follows) == is_removing
        assert all((after.phase is Phase.GIVEN_UP) == (it is Happened.GIVEN_UP) for it, after in follows.items())


def test_a_change_whose_undoing_is_stuck_goes_on_back_or_begins_anew():
    stuck = State(
        goal=Goal.CHANGED, phase=Phase.STUCK, size=3, cursor=1, stopped_in=Phase.REMOVING, ending=Phase.ROLLED_BACK
    )
    back, anew = step(stuck, Happened.RETRIED), step(stuck, Happened.APPLIED)
    assert (back.phase, back.cursor, back.ending) == (Phase.REMOVING, 1, Phase.ROLLED_BACK)
    assert anew == State(goal=Goal.CHANGED, phase=Phase.BUILDING, size=3)


def test_nothing_but_a_change_begins_anew():
    for start in ALL_STARTS:
        for state, follows in everything_reachable(start).items():
            is_offered = state.goal is Goal.CHANGED and state.stopped_in is Phase.REMOVING
            assert (Happened.APPLIED in follows) == is_offered


def test_a_cursor_outside_the_parts_is_refused():
    with pytest.raises(ValueError, match="does not point"):
        replace(State(goal=Goal.PRESENT, phase=Phase.BUILDING, size=2), cursor=2)
