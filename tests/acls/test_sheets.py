from __future__ import annotations

import csv
import io
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.acls.rules import NOTE, YEARS, clashes
from apps.acls.sheets import parse_sheet, sheet_of
from apps.kernel.errors import Invalid, Refused
from apps.kernel.sheets import Faulty
from tests.acls.test_evaluator import a_list
from tests.acls.universe import lists


def is_note(text: str) -> bool:
    try:
        return NOTE.parse(text, "note") == text
    except Refused:
        return False


notes = st.one_of(
    st.text("='+-@\"',;|aé \uff1d1", max_size=8),
    st.sampled_from(
        [
            "=cmd|' /C calc'!A0",
            "'=1",
            "''+1",
            "@SUM(A1)",
            "-1",
            '"',
            "a;b",
            "a;=1;b",
            'a;"=1;b',
            "a;'=1",
            "=",
            "'",
            "ルール",
        ]
    ),
).filter(is_note)
times = {"min_value": datetime(YEARS[0], 1, 1), "max_value": datetime(YEARS[-1], 12, 31)}
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def noted_lists(draw):
    return tuple(
        replace(rule, note=draw(notes), expires_at=draw(st.none() | st.datetimes(**times, timezones=zones)))
        for rule in draw(lists().filter(bool))
    )


def faults(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(Invalid) as invalid:
        parse_sheet(text)
    return [(each.line, each.column, each.code) for each in invalid.value.all if isinstance(each, Faulty)]


@given(noted_lists())
def test_a_list_survives_being_written_and_read(rules):
    assert parse_sheet(sheet_of(rules)) == rules


@given(noted_lists(), st.sampled_from(",;\t"), st.sampled_from(["\r\n", "\n"]), st.sampled_from(["", "\ufeff"]))
def test_a_list_survives_a_spreadsheet(rules, separator, end, mark):
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(
        csv.reader(io.StringIO(sheet_of(rules), newline=""))
    )
    assert parse_sheet(mark + out.getvalue()) == rules


@given(noted_lists())
def test_no_cell_is_a_formula(rules):
    # Where the comma is the decimal mark, spreadsheets part cells at semicolons.
    sheet = sheet_of(rules)
    for row in (row for mark in ",;" for row in csv.reader(io.StringIO(sheet, newline=""), delimiter=mark)):
        assert not any(
            cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
            for cell in row
        )


def test_a_sheet_is_written_as_people_expect_it():
    rules = a_list("allow ingress tcp 80,443 0.0.0.0/0", "deny egress all - 10.0.0.0/8,192.0.2.0/24")
    assert sheet_of((replace(rules[0], note="=1+1"), rules[1])) == (
        "action,direction,protocol,ports,cidrs,note,expires_at\r\n"
        'allow,ingress,tcp,"80,443",0.0.0.0/0,\'=1+1,\r\n'
        "deny,egress,all,,10.0.0.0/8 192.0.2.0/24,,\r\n"
    )


def test_columns_may_stand_in_any_order_and_be_left_out():
    assert parse_sheet("CIDRs,Protocol,Direction,Action\n10.0.0.0/8,tcp,ingress,allow\n") == a_list(
        "allow ingress tcp - 10.0.0.0/8"
    )


def test_every_fault_is_told_by_line_and_column():
    text = (
        "action,direction,protocol,ports,cidrs,note,expires_at\n"
        'allow,ingress,tcp,"80,443",10.0.0.0/8,"two\nlines",\n'
        "\n"
        "permit,ingress,47,,10.0.0.1/8 ::/0,,\n"
        "allow,ingress,tcp,80,443,10.0.0.0/8,,x\n"
        "allow,ingress,udp,90-80,,,soon\n"
    )
    assert faults(text) == [
        (2, "note", "note-unprintable"),
        (5, "action", "action-unknown"),
        (5, "protocol", "protocol-number"),
        (5, "cidrs", "cidr-host-bits"),
        (5, "cidrs", "cidr-not-ipv4"),
        (6, "", "too-many-cells"),
        (7, "ports", "ports-reversed"),
        (7, "cidrs", "cidrs-missing"),
        (7, "expires_at", "time-malformed"),
    ]
    with pytest.raises(Invalid, match="Line 2, note: "):
        parse_sheet(text)


def test_a_match_that_is_there_twice_is_told_by_its_line():
    text = "action,direction,protocol,ports,cidrs\n\nallow,ingress,tcp,80,10.0.0.0/8\ndeny,ingress,tcp,80,10.0.0.0/8\n"
    assert faults(text) == [(4, "cidrs", "match-twice")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (1, "", "column-missing")),
        ("action,direction,protocol,ports\n", (1, "", "column-missing")),
        ("action,direction,protocol,cidrs,colour\n", (1, "colour", "column-unknown")),
        ("action,direction,protocol,cidrs,\n", (1, "column 5", "column-unknown")),
        ("action,direction,protocol,cidrs,action\n", (1, "action", "column-twice")),
        ("action,direction,protocol,cidrs\n", (1, "", "sheet-empty")),
        ('action,direction,protocol,cidrs\nallow,"ingress,tcp,10.0.0.0/8\n', (2, "", "sheet-malformed")),
        ('action,direction,protocol,cidrs\nallow,"in"gress,tcp,10.0.0.0/8\n', (2, "", "sheet-malformed")),
        (
            "action,direction,protocol,cidrs,note\nallow,ingress,tcp,10.0.0.0/8," + "x" * 140_000,
            (2, "", "sheet-malformed"),
        ),
    ],
)
def test_what_is_no_sheet_is_refused_with_its_line(text, found):
    assert faults(text) == [found]


def test_a_sheet_has_an_end():
    line = "allow,ingress,tcp,{},10.0.0.0/8\n"
    text = "action,direction,protocol,ports,cidrs\n" + "".join(line.format(port) for port in range(1, 502))
    assert faults(text) == [(502, "", "too-many-rules")]
    with pytest.raises(Refused, match="200,000 characters"):
        parse_sheet("x" * 200_001)
    assert not clashes(parse_sheet("".join(text.splitlines(keepends=True)[:501])))


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    for content in (text, "action,direction,protocol,cidrs,note\n" + text):
        with suppress(Refused):
            parse_sheet(content)
