"""What may be written as the ports of a forward."""

from __future__ import annotations

import pytest

from apps.addresses.ports import ForwardSpec, Range, parse_range
from apps.kernel.errors import Invalid, Refused

ASKED = {"protocol": "TCP", "public_ports": "8000-8010", "private_ports": "80 - 90"}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("443", 443, 443),
        (" 8000-8010 ", 8000, 8010),
        ("1 - 2", 1, 2),
        ("65535", 65535, 65535),
        (22, 22, 22),
        ("7-7", 7, 7),
    ],
)
def test_a_port_or_a_range_is_taken_however_it_is_spaced(text, first, last):
    assert parse_range(text, "public_ports") == Range(first, last)


def test_a_dash_as_word_processors_write_it_is_one():
    assert parse_range("8000\N{EN DASH}8010", "public_ports") == Range(8000, 8010)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "ports-missing"),
        (None, "ports-missing"),
        (True, "ports-missing"),
        (["80"], "ports-missing"),
        ("http", "ports-malformed"),
        ("80-", "ports-malformed"),
        ("-80", "ports-malformed"),
        ("8.0", "ports-malformed"),
        ("٨٠", "ports-malformed"),
        ("1-2-3", "ports-malformed"),
        ("9" * 500, "ports-malformed"),
        ("80,443", "ports-several"),
        ("0", "port-out-of-range"),
        ("080", "port-out-of-range"),
        ("65536", "port-out-of-range"),
        ("90-80", "ports-reversed"),
        ("1000-1100", "too-many-ports"),
    ],
)
def test_what_is_no_range_of_ports_is_refused_with_a_way_out(text, code):
    with pytest.raises(Refused) as refused:
        parse_range(text, "public_ports")
    assert (refused.value.code, refused.value.field) == (code, "public_ports")


def test_a_forward_is_read_whole_and_private_ports_default_to_the_public_ones():
    assert ForwardSpec.parse(ASKED) == ForwardSpec("tcp", Range(8000, 8010), Range(80, 90))
    assert ForwardSpec.parse(ASKED | {"private_ports": ""}).private == Range(8000, 8010)
    assert not ForwardSpec.parse(ASKED | {"enabled": False}).enabled


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(Invalid) as refused:
        ForwardSpec.parse({"protocol": "icmp", "public_ports": "x", "private_ports": "0"})
    assert [each.field for each in refused.value.all] == ["protocol", "public_ports", "private_ports"]


def test_each_public_port_needs_a_private_one():
    with pytest.raises(Refused, match="Write 90-100") as refused:
        ForwardSpec.parse(ASKED | {"private_ports": "90-91"})
    assert refused.value.code == "ports-differ"
    with pytest.raises(Refused, match=r"each leads to one\. Write 65525-65535"):  # no more fit behind it
        ForwardSpec.parse(ASKED | {"private_ports": "65530"})
