"""The published curve: exact at its points, never rising between them, silent beyond them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.softgates.capacity import AMD, INTEL, PROFILES, cost_of, place_of

SHEET = Path(__file__).resolve().parents[2] / "docs" / "facts" / "netris-api.md"
profiles = st.sampled_from([*PROFILES.values()])
vpcs = st.integers(0, 1_000)


def published() -> list[tuple[int, dict[int, int], int | None]]:
    """Of the fact sheet: rules, Mpps by VPCs, and the figure of AMD where there is one."""
    found = []
    for line in SHEET.read_text().splitlines():
        if match := re.fullmatch(r"\| ([\d,]+) \| (\d+)(?: Mpps)? \| (\d+) \| (\d+) \| (\d+|not given) \|", line):
            rules, one, hundred, thousand, amd = match.groups()
            columns = {1: int(one), 100: int(hundred), 1_000: int(thousand)}
            found.append((int(rules.replace(",", "")), columns, int(amd) if amd.isdecimal() else None))
    return found


def test_it_is_exact_at_every_published_point():
    rows = published()
    assert len(rows) == 5
    for rules, columns, amd in rows:
        for vpcs, mpps in columns.items():
            place = place_of(rules, vpcs, INTEL)
            assert (place.mpps, place.is_at_least) == (mpps, False)
        if amd is not None:
            assert place_of(rules, 500, AMD).mpps == amd
    assert sum(len(column) for column in INTEL.columns.values()) == 15 and AMD.is_one_point


@given(profiles, vpcs, st.integers(0, 20_000), st.integers(0, 20_000))
def test_more_rules_never_carry_more(profile, vpcs, one, other):
    fewer, more = sorted((one, other))
    first, second = place_of(fewer, vpcs, profile), place_of(more, vpcs, profile)
    if second.mpps is not None:
        assert first.mpps is not None and first.mpps >= second.mpps


@given(st.integers(0, 16_666), vpcs, vpcs)
def test_more_vpcs_never_carry_more(rules, one, other):
    fewer, more = (place_of(rules, vpcs).mpps for vpcs in sorted((one, other)))
    assert fewer is not None and more is not None and fewer >= more


@pytest.mark.parametrize(
    ("rules", "vpcs", "profile", "words"),
    [
        (0, 1, INTEL, "at least 13.0 Mpps"),
        (799, 50, INTEL, "at least 12.0 Mpps"),
        (800, 50, INTEL, "12.0 Mpps"),
        (1_050, 1, INTEL, "12.5 Mpps"),
        (16_667, 1, INTEL, "No figures were published for more than 16,666 DNAT rules."),
        (100, 1_001, INTEL, "No figures were published for more than 1,000 VPCs."),
        (1_601, 1, AMD, "No figures were published for more than 1,600 DNAT rules."),
        (1_599, 1, AMD, "at least 8.0 Mpps"),
    ],
)
def test_nothing_is_made_up_outside_of_the_table(rules, vpcs, profile, words):
    assert place_of(rules, vpcs, profile).words == words


def test_what_the_next_hundred_cost():
    assert cost_of(100, 1_300, 1).words == "100 more rules cost 0.7 Mpps of each General node."
    assert cost_of(100, 750, 1).words == "With 100 more rules it is 12.9 Mpps; what that costs was not measured."
    assert "more than 16,666 DNAT rules" in cost_of(100, 16_600, 1).words
    assert cost_of(100, 500, 1).mpps is None


@given(st.integers(800, 16_000), vpcs)
def test_what_they_cost_adds_up(rules, vpcs):
    parts = [cost_of(100, rules + step * 100, vpcs).mpps for step in range(6)]
    known = [part for part in parts if part is not None]
    assert len(known) == len(parts)
    assert cost_of(600, rules, vpcs).mpps == pytest.approx(sum(known))
    assert min(known) >= 0
