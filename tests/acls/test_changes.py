from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.acls.changes import diff
from tests.acls.test_evaluator import a_list
from tests.acls.universe import lists

A, B, C, D = a_list(
    "allow ingress tcp 1 10.0.0.0/8",
    "allow ingress tcp 2 10.0.0.0/8",
    "allow ingress tcp 3 10.0.0.0/8",
    "deny ingress tcp 4 10.0.0.0/8",
)


def test_what_was_added_removed_moved_and_edited_is_told_apart():
    found = diff((A, B, C), (C, A, D, replace(B, note="new")))

    assert found.added == ((2, D),)
    assert found.removed == ()
    assert found.moved == ((2, 0, C),)
    assert found.edited == ((3, B, replace(B, note="new")),)


def test_a_rule_with_other_ports_is_another_rule():
    wider = replace(A, ports=((1, 9),))
    assert diff((A, B), (wider, B)).added == ((0, wider),)
    assert diff((A, B), (wider, B)).removed == ((0, A),)
    assert diff((A, B), (wider, B)).moved == ()


@given(lists())
def test_a_list_has_no_difference_to_itself(rules):
    assert not diff(rules, rules)


@given(lists(), st.data())
def test_a_rule_that_is_put_elsewhere_is_the_only_one_that_moved(rules, data):
    order = list(rules)
    if order:
        order.insert(data.draw(st.integers(0, len(rules) - 1)), order.pop(data.draw(st.integers(0, len(rules) - 1))))
    assert len(diff(rules, tuple(order)).moved) == (tuple(order) != rules)


@given(lists(), lists())
def test_the_difference_turns_the_one_list_into_the_other(before, after):
    found = diff(before, after)

    gone = {placed.place for placed in found.removed} | {moved.was for moved in found.moved}
    order = [rule for place, rule in enumerate(before) if place not in gone]
    for place, rule in sorted(
        [*found.added, *((moved.place, moved.rule) for moved in found.moved)], key=lambda one: one[0]
    ):
        order.insert(place, rule)
    for place, _, rule in found.edited:
        order[place] = rule
    assert tuple(order) == after
