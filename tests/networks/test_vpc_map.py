from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from apps.networks.vpc_map import Machines, PublicIpNode, TierNode, VpcMap, render_vpc_map
from tests.drawings import assert_inside, assert_sound, assert_titled, parse, variants, words_of

BLOCK = IPv4Network("10.20.0.0/16")


def a_tier(index: int = 0, **changes) -> TierNode:
    cidr = IPv4Network((int(BLOCK.network_address) + index * 256, 24))
    return replace(TierNode(f"tier-{index}", cidr, cidr[1], "ready"), **changes)


def an_address(last: int = 20, **changes) -> PublicIpNode:
    node = PublicIpNode(
        IPv4Address(f"198.51.100.{last}"), "2 port forwards", False, ["tier-0"], "ready", f"/ips/{last}/"
    )
    return replace(node, **changes)


def a_map(*tiers: TierNode, **changes) -> VpcMap:
    plan = VpcMap(
        "production", BLOCK, "ready", IPv4Address("198.51.100.17"), "par-1", tiers, [IPv4Network("10.20.128.0/17")]
    )
    return replace(plan, **changes)


DRAWINGS = {
    "no VPC yet": render_vpc_map(VpcMap("", None, "planned", None, "par-1")),
    "a VPC": render_vpc_map(a_map(a_tier(0), a_tier(1, url="/t/", vni=1000212, used_fraction=0.5))),
    "twelve tiers": render_vpc_map(a_map(*(a_tier(n) for n in range(12)))),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_sound_and_says_what_it_is(name):
    assert_sound(DRAWINGS[name])
    assert_titled(DRAWINGS[name])


def test_a_picture_is_an_image_until_something_in_it_is_a_link():
    assert 'role="img"' in render_vpc_map(a_map(a_tier()))
    assert 'role="img"' not in render_vpc_map(a_map(a_tier(url="/tiers/1/")))


def test_names_are_escaped():
    hostile = '<script>alert("x")</script>'

    assert "<script" not in render_vpc_map(a_map(a_tier(name=hostile), name=hostile))


def test_it_says_how_traffic_leaves():
    assert "198.51.100.17" in words_of(render_vpc_map(a_map()))
    assert "will be reserved" in words_of(render_vpc_map(a_map(egress_ip=None, status="planned")))
    assert "address not known yet" in words_of(render_vpc_map(a_map(egress_ip=None)))


def test_it_shows_each_tier_with_range_status_and_use():
    words = words_of(render_vpc_map(a_map(a_tier(3, status="dormant", used_fraction=0.415, vni=1000212))))

    assert {"tier-3", "10.20.3.0/24", "Dormant", "VNI 1000212", "42 % used"} <= set(words)


def test_a_tenant_sees_no_vni():
    assert "VNI" not in render_vpc_map(a_map(a_tier()))


def test_a_plan_is_dashed():
    assert "thread--planned" in render_vpc_map(a_map(a_tier(status="planned"), status="planned"))
    assert "--planned" not in render_vpc_map(a_map(a_tier()))


def test_a_tier_lies_on_the_strip_where_its_addresses_are():
    half = TierNode("half", IPv4Network("10.20.128.0/17"), IPv4Address("10.20.128.1"), "ready")

    wide = parse(variants(render_vpc_map(a_map(half)))[0])

    rects = {rect.get("class"): rect for rect in wide.iter("{http://www.w3.org/2000/svg}rect")}
    block, tier = rects["strip-free"], rects["strip-tier"]
    left, width = float(block.get("x", 0)), float(block.get("width", 0))
    assert float(tier.get("x", 0)) == pytest.approx(left + width / 2, abs=0.1)
    assert float(tier.get("width", 0)) == pytest.approx(width / 2, abs=1.1)


def test_a_tiny_tier_is_still_visible():
    tiny = TierNode("tiny", IPv4Network("10.20.255.248/29"), IPv4Address("10.20.255.249"), "ready")

    widths = re.findall(r'width="([\d.]+)"[^>]*class="strip-tier"', render_vpc_map(a_map(tiny)))

    assert len(widths) == 2
    assert all(float(width) >= 2 for width in widths)


def test_free_blocks_that_do_not_fit_are_counted():
    free = [IPv4Network((int(BLOCK.network_address) + n * 512, 24)) for n in range(40)]

    assert re.search(r"and \d+ more", render_vpc_map(a_map(free=free)))


@pytest.mark.parametrize("tiers", range(13))
def test_nothing_is_drawn_outside_the_picture(tiers):
    drawn = render_vpc_map(a_map(*(a_tier(n, name=f"a-rather-long-name-{n}") for n in range(tiers))))

    for svg in variants(drawn):
        assert_inside(parse(svg))


def test_it_shows_by_which_addresses_the_internet_comes_in_and_where_they_lead():
    public_ips = [
        an_address(20, tiers=["tier-1"], use="static NAT to web-1", is_two_way=True),
        an_address(21, tiers=[], use="unused"),
    ]

    drawn = render_vpc_map(a_map(a_tier(0), a_tier(1), public_ips=public_ips, more_public_ips=3))

    assert {"198.51.100.20", "tier 2", "198.51.100.21", "unused", "and 3 more"} <= set(words_of(drawn))
    assert "Public IP 198.51.100.20: static NAT to web-1 in tier-1, ready." in drawn
    assert "And 3 more public IPs." in drawn
    assert drawn.count('href="/ips/20/"') == 2


def test_an_address_whose_rules_are_not_applied_is_marked_by_a_shape():
    as_meant, amiss = (
        render_vpc_map(a_map(a_tier(), public_ips=[an_address(status=each)])) for each in ("ready", "differs")
    )

    assert "map-way" in as_meant
    assert "map-way" not in amiss
    assert "polygon" in amiss


@pytest.mark.parametrize(("count", "dots"), [(0, 0), (8, 8), (9, 0)])
def test_instances_are_dots_while_they_are_few_and_a_number_above(count, dots):
    drawn = render_vpc_map(a_map(a_tier(machines=Machines(count, 0))))

    wide = variants(drawn)[0]
    assert wide.count('class="mark tone-sage"') == dots + 2  # those of the VPC and of the tier
    assert ("9 instances" in words_of(drawn)) == (count == 9)


def test_instances_that_were_not_read_lately_are_not_green():
    drawn = render_vpc_map(a_map(a_tier(status="stale", machines=Machines(3, 0, is_stale=True)), status="stale"))

    assert "tone-sage" not in drawn


def test_a_tier_says_which_list_it_has():
    words = words_of(render_vpc_map(a_map(a_tier(0, acl="web"), a_tier(1, acl=""), a_tier(2))))

    assert {"list web", "no list"} <= set(words)


@pytest.mark.parametrize("tiers", [1, 6, 12])
def test_what_is_inside_stays_in_the_picture_too(tiers):
    inside = {"machines": Machines(6, 2), "acl": "a-list-with-a-rather-long-name-of-sixty-letters"}
    public_ips = [an_address(n, tiers=["tier-0", "tier-1", "tier-2"]) for n in range(6)]
    drawn = render_vpc_map(
        a_map(*(a_tier(n, **inside) for n in range(tiers)), public_ips=public_ips, more_public_ips=200)
    )

    for svg in variants(drawn):
        assert_inside(parse(svg))
