"""From where a list lets connections in, against every address and port tried one by one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.acls.fabric import Site
from apps.acls.packets import Packet
from apps.acls.rules import Action, Direction, Protocol, Rule
from apps.acls.sources import LAST_ADDRESS, Sources, cidrs_of, ranges_of, without
from apps.acls.tables import Table, fabric_table, written_table

TIER = IPv4Network("10.20.0.0/24")
#: A few addresses and ports that rules tell apart, and one of each that none names.
CIDRS = [IPv4Network(each) for each in ("0.0.0.0/0", "0.0.0.0/30", "0.0.0.2/31", "0.0.0.1/32", "255.255.255.254/31")]
ADDRESSES = [0, 1, 2, 3, 4, LAST_ADDRESS - 2, LAST_ADDRESS - 1, LAST_ADDRESS]
PORTS = [(80, 80), (80, 81), (81, 84)]

rules = st.lists(
    st.builds(
        Rule,
        st.sampled_from(Action),
        st.sampled_from(Direction),
        st.sampled_from([Protocol.TCP, Protocol.UDP]),
        st.lists(st.sampled_from(CIDRS), min_size=1, max_size=2, unique=True).map(tuple),
        st.sampled_from([(), *(((each),) for each in PORTS)]),
    ),
    max_size=6,
)


def is_in(address: int, ranges: object) -> bool:
    return any(first <= address <= last for first, last in ranges)  # type: ignore[attr-defined]


def lets_in(table: Table, address: int, port: int) -> bool:
    packet = Packet(Direction.INGRESS, Protocol.TCP, IPv4Address(address), port)
    return table.decide(packet).action is Action.ALLOW


@settings(max_examples=300, deadline=None)
@given(rules, st.sampled_from(PORTS), st.booleans(), st.sampled_from(Action))
def test_it_agrees_with_every_packet(
    listed: list[Rule], ports: tuple[int, int], denies_rest: bool, default: Action
) -> None:
    site = Site(default)
    tables = [fabric_table(listed, TIER, site, denies_rest=denies_rest, ties=ties) for ties in Action]
    for some in (tables, [written_table(listed, denies_rest=denies_rest)]):
        found = Sources.by(some, Protocol.TCP, ports)
        for address in ADDRESSES:
            said = [lets_in(table, address, port) for table in some for port in range(ports[0], ports[1] + 1)]
            assert is_in(address, found.at_all) is all(said), address
            assert is_in(address, found.at_any) is any(said), address


@given(st.lists(st.sampled_from(CIDRS)), st.lists(st.sampled_from(CIDRS)))
def test_what_is_taken_away_is_gone_and_nothing_else(some: list[IPv4Network], taken: list[IPv4Network]) -> None:
    left = without(ranges_of(some), ranges_of(taken))
    for address in ADDRESSES:
        is_left = any(IPv4Address(address) in cidr for cidr in some)
        is_left = is_left and not any(IPv4Address(address) in cidr for cidr in taken)
        assert is_in(address, left) is is_left


@pytest.mark.parametrize(("cidrs", "as_few"), [(["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]), ([], [])])
def test_they_are_told_in_as_few_cidrs_as_possible(cidrs: list[str], as_few: list[str]) -> None:
    assert list(map(str, cidrs_of(ranges_of(map(IPv4Network, cidrs))))) == as_few
