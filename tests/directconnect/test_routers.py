"""The configuration of the router at the far end: what it says in each syntax, and what it never says."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from apps.directconnect.routers import KEY, VENDORS, Far, configuration

FAR = Far(
    label="weft-dc-1a2b",
    vlan=1200,
    local=IPv4Interface("169.254.192.1/30"),
    remote=IPv4Address("169.254.192.2"),
    our_asn=65001,
    peer_asn=65010,
    announce=[IPv4Network("10.1.0.0/16")],
    accept=[IPv4Network("0.0.0.0/0"), IPv4Network("10.20.0.0/16"), IPv4Network("192.0.2.1/32")],
    has_key=True,
    bfd=True,
)
each_vendor = pytest.mark.parametrize("slug", VENDORS)


@each_vendor
def test_everything_that_has_to_agree_is_in_it(slug):
    text = configuration(FAR, slug)
    for word in ("1200", "169.254.192.1", "169.254.192.2", "65001", "65010", "0:7", "10.1.0.0/16", "10.20.0.0/16"):
        assert word in text, word
    assert re.search(r"bfd", text)
    assert KEY in text


@each_vendor
def test_without_key_and_bfd_neither_is_in_it(slug):
    text = configuration(replace(FAR, has_key=False, bfd=False), slug)
    assert KEY not in text
    assert "bfd" not in text


@each_vendor
def test_what_is_accepted_goes_out_and_what_is_announced_comes_in(slug):
    """Seen from the far end the filters are the other way round."""
    lines = configuration(FAR, slug).splitlines()
    outward = [line for line in lines if "10.20.0.0/16" in line]
    inward = [line for line in lines if "10.1.0.0/16" in line]
    assert all("-OUT" in line for line in outward)
    assert all("-IN" in line for line in inward)
    assert outward
    assert inward


@each_vendor
def test_a_default_route_and_a_host_have_no_parts(slug):
    lines = configuration(FAR, slug).splitlines()
    for prefix in ("0.0.0.0/0", "192.0.2.1/32"):
        (line,) = [line for line in lines if f"{prefix}" in line]
        assert "le 32" not in line
        assert "orlonger" not in line
    (line,) = [line for line in lines if "10.20.0.0/16" in line]
    assert line.endswith(("le 32", "orlonger"))


@each_vendor
def test_where_nothing_is_accepted_nothing_is_announced(slug):
    text, name = configuration(replace(FAR, accept=[]), slug), f"{FAR.policy}-OUT"
    assert f"{name} seq 10 deny 0.0.0.0/0 le 32" in text or f"policy-statement {name} term rest then reject" in text
    assert f"{name} seq 10 permit" not in text
    assert f"{name} term taken" not in text


@each_vendor
def test_an_asn_that_netris_has_not_told_yet_is_not_made_up(slug):
    assert "<our ASN>" in configuration(replace(FAR, our_asn=None), slug)


def test_the_vendors_are_those_that_the_contract_names():
    assert "frr" in VENDORS
    assert len(VENDORS) >= 4
    with pytest.raises(KeyError):
        configuration(FAR, "../../etc/passwd")


@each_vendor
def test_two_interfaces_of_one_router_keep_filters_of_their_own(slug):
    def policies(far: Far) -> set[str]:
        return set(re.findall(r"[\w-]+-(?:IN|OUT)\b", configuration(far, slug)))

    one, other = policies(FAR), policies(replace(FAR, label="weft-dc-77aa"))
    assert len(one) == len(other) == 2
    assert not one & other
