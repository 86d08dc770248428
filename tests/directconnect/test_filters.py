"""What a virtual interface lets through, and the addresses at its ends."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.directconnect import addressing, filters
from apps.directconnect.addressing import LINKS, Ends
from apps.kernel.errors import Refused
from sandbox.netris.routing import prefix_lists

VPC = IPv4Network("10.1.0.0/16")


def nets(*texts: str) -> list[IPv4Network]:
    return [IPv4Network(text) for text in texts]


networks = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False), st.integers(0, 2**32 - 1), st.integers(8, 32)
)


def test_a_list_is_written_as_netris_takes_it():
    text = filters.list_of(nets("10.20.0.0/16", "192.0.2.1/32", "0.0.0.0/0"))
    assert text == "permit 0.0.0.0/0\npermit 10.20.0.0/16 le 32\npermit 192.0.2.1/32"
    assert prefix_lists.demand("prefixListInbound", text, 4) == text


def test_where_nothing_passes_netris_is_told_so():
    """An empty list is one that Netris fills by itself."""
    assert filters.list_of([]) == "deny 0.0.0.0/0 le 32"


def test_a_default_route_passes_only_where_it_is_named():
    default = IPv4Network("0.0.0.0/0")
    assert not filters.lets_through(nets("10.0.0.0/8"), default)
    assert filters.lets_through([default], default)
    assert not filters.lets_through([default], IPv4Network("10.0.0.0/8")), "it stands for itself alone"


@given(st.lists(networks, max_size=6), networks)
def test_what_passes_is_what_the_list_says(prefixes, route):
    """Decided by the text as a router reads it: the first entry that matches."""
    verdict = False
    for line in prefix_lists.entries(filters.list_of(prefixes)):
        action, prefix, least, most = prefix_lists.parts(line)
        if prefix is not None and route.subnet_of(prefix) and least <= route.prefixlen <= most:
            verdict = action == "permit"
            break
    assert filters.lets_through(prefixes, route) is verdict


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ("10.20.0.0/16 10.20.4.0/24", "prefix-twice"),
        (["10.20.0.1/16"], "cidr-host-bits"),
        (["fe80::%1/64"], "cidr-not-ipv4"),
        (["2001:db8::/32"], "cidr-not-ipv4"),
        ([None], "cidr-missing"),
        (7, "prefixes-malformed"),
        (["10.0.0.0/24"] * 51, "too-many-prefixes"),
    ],
)
def test_prefixes_that_cannot_be_taken(given_, code):
    with pytest.raises(Refused) as caught:
        filters.parse_prefixes(given_, "accept")
    assert (caught.value.code, caught.value.field) == (code, "accept")


def test_the_default_route_stands_beside_others():
    assert filters.parse_prefixes("10.20.0.0/16, 0.0.0.0/0", "accept") == nets("0.0.0.0/0", "10.20.0.0/16")


def test_a_vpc_announces_what_is_its_own():
    (fault,) = filters.announce_faults(nets("10.1.4.0/24", "10.2.0.0/16"), VPC)
    assert (fault.code, fault.field) == ("prefix-not-own", "announce")
    assert "10.2.0.0/16" in fault.message
    assert filters.announce_faults([VPC], VPC) == []


@pytest.mark.parametrize("prefix", ["10.1.4.0/24", "10.0.0.0/8", "127.0.0.0/8", "169.254.192.0/31", "224.0.0.0/4"])
def test_what_a_vpc_cannot_take(prefix):
    (fault,) = filters.accept_faults(nets(prefix), VPC)
    assert (fault.code, fault.field) == ("prefix-not-acceptable", "accept")


def test_the_same_over_two_interfaces_stands_in_for_another_and_a_part_of_it_does_not():
    learned = [(IPv4Network("10.20.0.0/16"), "the interface one")]
    assert filters.accept_faults(nets("10.20.0.0/16"), VPC, learned) == []
    (fault,) = filters.accept_faults(nets("10.20.4.0/24"), VPC, learned)
    assert "the interface one" in fault.message


def test_a_default_route_is_taken_beside_what_is_learned_and_hides_nothing():
    default = nets("0.0.0.0/0")
    assert filters.accept_faults(default, VPC, [(IPv4Network("10.20.0.0/16"), "the interface one")]) == []
    assert filters.accept_faults(nets("10.20.0.0/16"), VPC, [(default[0], "the interface one")]) == []


def test_tiers_that_a_peer_hears_of():
    tiers = nets("10.1.9.0/24", "10.1.4.0/24", "10.1.200.0/24")
    assert filters.announced(tiers, nets("10.1.0.0/20")) == nets("10.1.4.0/24", "10.1.9.0/24")


# The ends


def test_a_link_is_taken_where_nothing_else_is():
    first = addressing.free_link([])
    assert first is not None
    assert (str(first.local), str(first.remote)) == ("169.254.192.0/31", "169.254.192.1")
    second = addressing.free_link([first.network], 30)
    assert second is not None
    assert (str(second.local), str(second.remote)) == ("169.254.192.5/30", "169.254.192.6")


def test_there_is_none_when_all_are_used():
    assert addressing.free_link([LINKS]) is None


def test_ends_of_ones_own():
    ends = Ends.parse({"local": "10.255.0.1/30", "remote": "10.255.0.2"}, "addresses")
    assert ends.network == IPv4Network("10.255.0.0/30")
    assert ends.remote == IPv4Address("10.255.0.2")


@pytest.mark.parametrize(
    ("local", "remote", "field"),
    [
        ("10.255.0.1/24", "10.255.0.2", "local"),
        ("10.255.0.1", "10.255.0.2", "local"),
        ("10.255.0.0/30", "10.255.0.2", "local"),
        ("10.255.0.1/30", "10.255.0.3", "remote"),
        ("10.255.0.1/30", "10.255.0.1", "remote"),
        ("10.255.0.1/30", "10.255.0.9", "remote"),
        ("192.0.2.1/30", "192.0.2.2", "local"),
        ("8.8.8.1/30", "8.8.8.2", "local"),
        ("fe80::%1/31", "fe80::1", "local"),
        (None, [], "local"),
        ("10.255.0.1/" + "3" * 5000, "10.255.0.2", "local"),
    ],
)
def test_ends_that_cannot_be(local, remote, field):
    with pytest.raises(Refused) as caught:
        Ends.parse({"local": local, "remote": remote}, "addresses")
    assert f"addresses.{field}" in [each.field for each in caught.value.all]


@pytest.mark.parametrize("value", [64512, "65534", 4200000000, "4294967294"])
def test_private_asns(value):
    assert addressing.parse_asn(value, "peer_asn") == int(value)


@pytest.mark.parametrize("value", [0, 1, 64511, 65535, 4294967295, 2**32, "x", True, None, -1, "٣", "9" * 5000])
def test_asns_that_cannot_be(value):
    with pytest.raises(Refused, match="ASN"):
        addressing.parse_asn(value, "peer_asn")


def test_the_first_vlan_that_is_free():
    assert addressing.first_vlan([2, 3, 5]) == 4
    assert addressing.first_vlan(range(2, 4095)) is None


@pytest.mark.parametrize("value", [1, 4095, "", None, True, "1e3", "00002x"])
def test_vlans_that_cannot_be(value):
    with pytest.raises(Refused, match="VLAN"):
        addressing.parse_vlan(value, "vlan")
