"""What is different between two lists, for people. What CloudStack has to do for it is `items.change`.

A rule is the same rule when it matches and does the same; its note and its expiry may be edited. A rule with other
ports or CIDRs is another one: the old is removed and the new added.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apps.acls.rules import Rule


class Placed(NamedTuple):
    """A rule and its place from 0: in the new list, of one that is removed in the old."""

    place: int
    rule: Rule


class Moved(NamedTuple):
    was: int
    place: int
    rule: Rule


class Edited(NamedTuple):
    """Another note or another expiry; `was` is the rule as it was."""

    place: int
    was: Rule
    rule: Rule


@dataclass(frozen=True)
class Diff:
    """Each in order of place. As few rules as possible are said to have moved."""

    added: tuple[Placed, ...]
    removed: tuple[Placed, ...]
    moved: tuple[Moved, ...]
    edited: tuple[Edited, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.moved or self.edited)


def diff(before: Sequence[Rule], after: Sequence[Rule]) -> Diff:
    """`before` turned into `after`. Neither holds a match twice (`rules.clashes`)."""
    old = {(rule.action, rule.match): place for place, rule in enumerate(before)}
    new = {(rule.action, rule.match): place for place, rule in enumerate(after)}
    kept = [(old[key], place) for key, place in new.items() if key in old]
    stayed = _longest_rising([was for was, _ in kept])
    return Diff(
        added=tuple(Placed(place, after[place]) for key, place in new.items() if key not in old),
        removed=tuple(Placed(place, before[place]) for key, place in old.items() if key not in new),
        moved=tuple(Moved(was, place, after[place]) for was, place in kept if was not in stayed),
        edited=tuple(Edited(place, before[was], after[place]) for was, place in kept if before[was] != after[place]),
    )


def _longest_rising(places: Sequence[int]) -> set[int]:
    """A longest selection that rises; all others have moved past it."""
    ends: list[int] = []
    behind: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        behind[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    found: set[int] = set()
    place_or_none = ends[-1] if ends else None
    while place_or_none is not None:
        found.add(place_or_none)
        place_or_none = behind[place_or_none]
    return found
