"""Free ranges and suggestions, as properties over arbitrary networks."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from apps.networks.addressing import SUGGESTED, first_free, free_blocks, overlaps, suggest_tier

BLOCK = IPv4Network("10.20.0.0/20")


@st.composite
def networks_in(draw: st.DrawFn, block: IPv4Network) -> IPv4Network:
    length = draw(st.integers(block.prefixlen, 30))
    offset = draw(st.integers(0, block.num_addresses - 1))
    return IPv4Network((IPv4Address(int(block.network_address) + offset), length), strict=False)


def test_everything_is_free_where_nothing_is_used():
    assert list(free_blocks(BLOCK, [])) == [BLOCK]


def test_what_is_left_beside_two_tiers():
    used = [IPv4Network("10.20.0.0/24"), IPv4Network("10.20.1.0/24")]
    assert [str(free) for free in free_blocks(IPv4Network("10.20.0.0/22"), used)] == ["10.20.2.0/23"]


@given(st.lists(networks_in(BLOCK), max_size=12))
def test_free_and_used_make_up_the_block_and_never_touch(used):
    free = list(free_blocks(BLOCK, used))
    assert all(not block.overlaps(network) for block in free for network in used)
    addresses = {int(address) for network in [*free, *used] for address in network}
    assert len(addresses) == BLOCK.num_addresses
    assert free == sorted(free)


@given(st.lists(networks_in(BLOCK), max_size=30), st.integers(20, 30))
def test_the_first_free_range_is_the_first_of_its_size_that_touches_nothing(used, prefixlen):
    free = [each for each in BLOCK.subnets(new_prefix=prefixlen) if not any(each.overlaps(one) for one in used)]
    assert first_free([BLOCK], used, prefixlen) == (free[0] if free else None)


@given(st.lists(networks_in(BLOCK), max_size=30))
def test_a_suggested_tier_fits_the_rules_or_there_is_no_room(used):
    suggestion = suggest_tier(BLOCK, used)
    if suggestion is None:
        assert all(block.prefixlen > 29 for block in free_blocks(BLOCK, used))
    else:
        assert suggestion.subnet_of(BLOCK) and 22 <= suggestion.prefixlen <= 29
        assert not any(suggestion.overlaps(network) for network in used)


def test_the_first_suggestion_for_a_vpc_is_free_of_the_others():
    used = [IPv4Network("10.0.0.0/20"), IPv4Network("10.0.16.0/20")]
    assert str(first_free(SUGGESTED, used, 20)) == "10.0.32.0/20"


def test_a_tenant_that_uses_all_of_ten_is_offered_the_next_private_range():
    assert str(first_free(SUGGESTED, [IPv4Network("10.0.0.0/8")], 20)) == "172.16.0.0/20"


def test_no_suggestion_when_every_private_range_is_used():
    everything = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    assert first_free(SUGGESTED, everything, 20) is None


@given(st.lists(st.tuples(st.integers(0, 2**10 - 1), st.integers(22, 29)), max_size=40))
def test_overlaps_are_those_that_comparing_each_with_each_would_find(made):
    blocks = [IPv4Network((start << 3, length), strict=False) for start, length in made]

    found = overlaps(blocks)

    for number, block in enumerate(blocks):
        earlier = [n for n, other in enumerate(blocks[:number]) if block.overlaps(other)]
        assert found.get(number) == (earlier[0] if earlier else None)


def test_ten_thousand_ranges_are_compared_in_a_moment():
    same = [IPv4Network("10.0.0.0/24")] * 5_000
    apart = list(IPv4Network("172.16.0.0/14").subnets(new_prefix=27))[:5_000]
    began = time.process_time()

    assert len(overlaps([*same, *apart])) == 4_999
    assert time.process_time() - began < 1
