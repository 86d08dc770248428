from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.acls.ports import merged, parse_ports, ports_text
from apps.kernel.errors import Refused

spans = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(lambda ends: (min(ends), max(ends)))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("80,443,8000-8010", "80,443,8000-8010"),
        (" 443 , 80 ", "80,443"),
        ("80,80", "80"),
        ("80-90,85-95", "80-95"),
        ("80,81,82", "80-82"),
        ("8000 - 8010", "8000-8010"),
        ("5-5", "5"),
        ("", ""),
        (None, ""),
        ("1-65535", ""),
        ("1-100,101-65535", ""),
    ],
)
def test_ports_have_one_way_to_be_written(text, canonical):
    assert ports_text(parse_ports(text, "ports")) == canonical


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("0", "port-out-of-range", "1 to 65535"),
        ("65536", "port-out-of-range", "1 to 65535"),
        ("080", "port-out-of-range", "1 to 65535"),
        ("90-80", "ports-reversed", "80-90"),
        ("80,,81", "ports-malformed", "comma"),
        ("http", "ports-malformed", "443"),
        ("80-", "ports-malformed", "8000-8010"),
        ("-80", "ports-malformed", "8000-8010"),
        ("80-81-82", "ports-malformed", "8000-8010"),
        ("\uff18\uff10", "ports-malformed", "443"),
        (80, "ports-malformed", "text"),
        (["80"], "ports-malformed", "text"),
        ("1," * 2000, "ports-too-long", "fewer"),
        (",".join(str(port) for port in range(1, 200, 2)), "too-many-ports", "two rules"),
    ],
)
def test_what_is_no_port_is_refused_with_the_way_out(text, code, told):
    with pytest.raises(Refused) as refused:
        parse_ports(text, "rules.3.ports")
    assert (refused.value.code, refused.value.field) == (code, "rules.3.ports")
    assert told in refused.value.message


@given(st.lists(spans, max_size=20))
def test_merged_ranges_hold_the_same_ports_apart_and_in_order(ranges):
    found = merged(ranges)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))
    borders = {port + step for ends in ranges for port in ends for step in (-1, 0, 1)}
    for port in borders:
        assert any(a <= port <= b for a, b in found) == any(a <= port <= b for a, b in ranges)


@given(st.lists(spans, max_size=20))
def test_ports_survive_being_written_and_read(ranges):
    ports = parse_ports(ports_text(merged(ranges)), "ports")
    assert parse_ports(ports_text(ports), "ports") == ports
    assert ports in (merged(ranges), ())
