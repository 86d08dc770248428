"""What may be asked for: the rules that forms and REST share."""

from __future__ import annotations

from typing import Any

import pytest

from apps.kernel.errors import Invalid, Refused
from apps.networks.specs import MOST_TIERS, TierSpec, VpcSpec, parse_cidr, parse_tier_cidr, parse_vpc_cidr


def good(**changes):
    values = {"name": "prod", "description": "", "zone": "Zone-1", "cidr": "10.20.0.0/20"}
    return values | {"tiers": [{"name": "web", "cidr": "10.20.0.0/24"}]} | changes


def test_a_good_request_becomes_a_spec():
    spec = VpcSpec.parse(good())
    assert (spec.name, str(spec.cidr), [str(tier.cidr) for tier in spec.tiers]) == (
        "prod",
        "10.20.0.0/20",
        ["10.20.0.0/24"],
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "cidr-missing"),
        (None, "cidr-missing"),
        (12, "cidr-missing"),
        ("10.0.0.0", "cidr-malformed"),
        ("10.0.0.0/33", "cidr-malformed"),
        ("10.0.0/24", "cidr-malformed"),
        ("10.0.0.0/255.255.255.0", "cidr-malformed"),
        ("010.0.0.0/8", "cidr-malformed"),
        ("10.0.0.0/-1", "cidr-malformed"),
        ("ten/8", "cidr-malformed"),
        ("10.0.0.0/8; DROP TABLE", "cidr-malformed"),
        ("10.0.0.5/24", "cidr-host-bits"),
        ("fd00::/64", "cidr-not-ipv4"),
    ],
)
def test_what_is_no_ipv4_network_is_refused(value, code):
    with pytest.raises(Refused) as refusal:
        parse_cidr(value, "cidr")
    assert (refusal.value.code, refusal.value.field) == (code, "cidr")


def test_host_bits_are_answered_with_what_was_probably_meant():
    with pytest.raises(Refused, match=r"Did you mean 10\.0\.0\.0/24"):
        parse_cidr("10.0.0.5/24", "cidr")


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("8.8.8.0/24", "cidr-not-private"),
        ("100.64.0.0/16", "cidr-not-private"),
        ("169.254.0.0/24", "cidr-not-private"),
        ("172.32.0.0/16", "cidr-not-private"),
        ("10.0.0.0/7", "cidr-not-private"),
        ("192.168.0.0/15", "cidr-not-private"),
        ("10.0.0.0/29", "cidr-size"),
    ],
)
def test_a_vpc_is_private_and_of_a_possible_size(cidr, code):
    with pytest.raises(Refused) as refusal:
        parse_vpc_cidr(cidr, "cidr")
    assert refusal.value.code == code


@pytest.mark.parametrize("cidr", ["10.0.0.0/21", "10.0.0.0/30"])
def test_a_tier_is_of_a_possible_size(cidr):
    with pytest.raises(Refused) as refusal:
        parse_tier_cidr(cidr, "cidr")
    assert refusal.value.code == "cidr-size"


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(Invalid) as refusal:
        VpcSpec.parse(good(name="", cidr="8.8.8.0/24", zone="", tiers=[{"name": "", "cidr": "x"}]))
    assert {problem.field for problem in refusal.value.all} == {"name", "cidr", "zone", "tiers.0.name", "tiers.0.cidr"}


def test_tiers_are_compared_with_the_vpc_and_with_each_other():
    tiers = [
        {"name": "web", "cidr": "10.20.0.0/24"},
        {"name": "WEB", "cidr": "10.20.0.128/25"},
        {"name": "db", "cidr": "10.99.0.0/24"},
    ]
    with pytest.raises(Invalid) as refusal:
        VpcSpec.parse(good(tiers=tiers))
    assert [(problem.code, problem.field) for problem in refusal.value.all] == [
        ("cidr-overlap", "tiers.1.cidr"),
        ("name-taken", "tiers.1.name"),
        ("cidr-outside-vpc", "tiers.2.cidr"),
    ]


@pytest.mark.parametrize("count", [MOST_TIERS + 1, 10_000])
def test_tiers_are_counted_before_they_are_looked_at(count):
    class Untouched(list[Any]):
        def __iter__(self):
            raise AssertionError("a row was looked at")

    with pytest.raises(Refused) as refusal:
        VpcSpec.parse(good(name="", tiers=Untouched([{}] * count)))

    codes = [(each.code, each.field) for each in refusal.value.all]
    assert codes == [("name-missing", "name"), ("too-many-tiers", "tiers")]
    assert f"{count:,}" in refusal.value.all[1].message


def test_each_tier_is_told_of_once_however_many_it_meets():
    tiers = [{"name": "web", "cidr": "10.20.0.0/24"}] * MOST_TIERS

    with pytest.raises(Invalid) as refusal:
        VpcSpec.parse(good(tiers=tiers))

    assert len(refusal.value.all) == 2 * (MOST_TIERS - 1)


def test_a_tier_that_is_no_object_is_refused():
    with pytest.raises(Invalid):
        TierSpec.parse({})
