"""How much a General SoftGate carries with so many DNAT rules: the vendor's published figures, and nothing beyond them.

The figures are of one General node with packets of 64 bytes (netris-api.md 3.7). Every DNAT rule is on every General
node, so the rules of all VPCs count. Between two published numbers of rules the figure lies on the line between them.
VPCs are never interpolated: what was measured with more of them is the safe side. Outside of the table nothing is made
up: with fewer rules than were measured it is "at least" the first figure, and with more rules, or more VPCs, unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Profile:
    """A kind of node as it was measured: by the most VPCs that the rules are of, Mpps by the number of rules."""

    key: str
    label: str
    columns: Mapping[int, Mapping[int, float]]

    @property
    def is_one_point(self) -> bool:
        return all(len(column) == 1 for column in self.columns.values())

    @property
    def rows(self) -> list[tuple[int, list[float]]]:
        """By the number of rules: a figure for each column."""
        numbers = sorted({rules for column in self.columns.values() for rules in column})
        return [(rules, [column[rules] for column in self.columns.values() if rules in column]) for rules in numbers]

    @property
    def most_vpcs(self) -> int:
        return max(self.columns)


INTEL = Profile(
    "intel",
    "Intel",
    {
        1: {800: 13, 1_300: 12, 1_600: 10, 3_333: 8, 16_666: 2},
        100: {800: 12, 1_300: 11, 1_600: 10, 3_333: 7, 16_666: 2},
        1_000: {800: 9, 1_300: 8, 1_600: 8, 3_333: 7, 16_666: 2},
    },
)
#: The vendor gives one figure, whatever the number of VPCs; the table's last column stands for that.
AMD = Profile("amd", "AMD", {1_000: {1_600: 8}})
PROFILES = {profile.key: profile for profile in (INTEL, AMD)}


@dataclass(frozen=True)
class Place:
    """Where a node is on the curve. `mpps` is None where nobody has measured, and `reason` says why."""

    rules: int
    mpps: float | None
    #: It carries this or more: fewer rules than that were not measured.
    is_at_least: bool = False
    reason: str = ""

    @property
    def words(self) -> str:
        if self.mpps is None:
            return self.reason
        return f"{'at least ' if self.is_at_least else ''}{self.mpps:.1f} Mpps"


def place_of(rules: int, vpcs: int, profile: Profile = INTEL) -> Place:
    """Where a General node stands with so many DNAT rules of so many VPCs."""
    column = next((column for most, column in sorted(profile.columns.items()) if vpcs <= most), None)
    if column is None:
        return Place(rules, None, reason=f"No figures were published for more than {profile.most_vpcs:,} VPCs.")
    points = sorted(column.items())
    if rules <= points[0][0]:
        return Place(rules, points[0][1], is_at_least=rules < points[0][0])
    for (left, high), (right, low) in pairwise(points):
        if rules <= right:
            return Place(rules, high + (low - high) * (rules - left) / (right - left))
    return Place(rules, None, reason=f"No figures were published for more than {points[-1][0]:,} DNAT rules.")


@dataclass(frozen=True)
class Cost:
    """What so many more rules cost. None where one of both places is not known exactly."""

    more: int
    after: Place
    mpps: float | None

    @property
    def words(self) -> str:
        if self.mpps is not None:
            return f"{self.more:,} more rules cost {self.mpps:.1f} Mpps of each General node."
        if self.after.mpps is None:
            return f"What {self.more:,} more rules cost is not known. {self.after.reason}"
        return f"With {self.more:,} more rules it is {self.after.words}; what that costs was not measured."


def cost_of(more: int, rules: int, vpcs: int, profile: Profile = INTEL) -> Cost:
    now, after = place_of(rules, vpcs, profile), place_of(rules + more, vpcs, profile)
    is_known = None not in (now.mpps, after.mpps) and not now.is_at_least
    return Cost(more, after, now.mpps - after.mpps if is_known and now.mpps and after.mpps else None)
