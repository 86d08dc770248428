from __future__ import annotations

import re
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from xml.etree import ElementTree

import pytest

from apps.kernel.svg.bar import Usage, render_bar
from apps.kernel.svg.draw import fit, width_of
from apps.kernel.svg.layers import LANES, crossings, fold, lanes_of
from apps.kernel.svg.status import LOOKS, look_of
from apps.kernel.svg.topology import Device, Link, Topology, render_topology
from apps.kernel.svg.vpc_map import Machines, PublicIpNode, TierNode, VpcMap, render_vpc_map

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


def a_fabric(hosts: int = 3, leaves: int = 2) -> Topology:
    """Two routers, four SoftGates, two spines, leaves in pairs, hosts dealt out to them, one out-of-band switch."""
    devices = [Device(f"isp{n}", f"ISP-{n}", "isp", "ok") for n in (1, 2)]
    devices += [Device(f"sg{n}", f"SoftGate-{n}", "softgate", "ok") for n in range(1, 5)]
    devices += [Device(f"sp{n}", f"Spine-{n}", "spine", "ok") for n in (1, 2)]
    devices += [Device(f"lf{n}", f"Leaf-{n}", "leaf", "ok") for n in range(1, leaves + 1)]
    devices += [Device(f"h{n}", f"Server-{n}", "hypervisor", "ok", ("10.0.8.1",)) for n in range(1, hosts + 1)]
    links = [Link(f"isp{n}", f"sg{m}", underlay=False) for n in (1, 2) for m in range(1, 5)]
    links += [Link(f"sg{m}", f"lf{n}", "eth1", "swp9") for m in range(1, 5) for n in (1, 2)]
    links += [Link(f"sp{m}", f"lf{n}") for m in (1, 2) for n in range(1, leaves + 1)]
    for n in range(1, hosts + 1):
        pair = n * 7 % (leaves // 2)
        links += [Link(f"h{n}", f"lf{2 * pair + 1}"), Link(f"h{n}", f"lf{2 * pair + 2}")]
    links += [Link("oob", device.id, underlay=False) for device in devices]
    return Topology([*devices, Device("oob", "OOB-1", "oob", "ok")], links)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - what is parsed has just been drawn


def words_of(svg: str) -> list[str]:
    return [found.text or "" for found in parse(svg).iter("{http://www.w3.org/2000/svg}text")]


DRAWINGS = {
    "no VPC yet": render_vpc_map(VpcMap("", None, "planned", None, "par-1")),
    "a VPC": render_vpc_map(a_map(a_tier(0), a_tier(1, url="/t/", vni=1000212, used_fraction=0.5))),
    "twelve tiers": render_vpc_map(a_map(*(a_tier(n) for n in range(12)))),
    "no device": render_topology(Topology([], [])),
    "a fabric": render_topology(a_fabric()),
    "a big fabric": render_topology(a_fabric(hosts=300, leaves=16)),
    "a bar": render_bar(Usage(3, 10, 2)),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_well_formed_and_obeys_the_content_security_policy(name):
    parse(DRAWINGS[name])

    assert " style=" not in DRAWINGS[name]
    assert "<script" not in DRAWINGS[name]
    assert not re.search(r'="-?(nan|inf)', DRAWINGS[name])


@pytest.mark.parametrize("name", [name for name in DRAWINGS if name != "a bar"])
def test_a_drawing_has_a_title_and_a_description(name):
    for svg in re.findall(r"<svg.*?</svg>", DRAWINGS[name], flags=re.DOTALL):
        picture = parse(svg)
        title, description = picture[0], picture[1]
        assert title.text
        assert description.text
        assert picture.get("aria-labelledby") == title.get("id")
        assert picture.get("aria-describedby") == description.get("id")


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_id_occurs_twice(name):
    ids = re.findall(r' id="([^"]+)"', DRAWINGS[name])

    assert len(ids) == len(set(ids))


def test_a_picture_is_an_image_until_something_in_it_is_a_link():
    assert 'role="img"' in render_vpc_map(a_map(a_tier()))
    assert 'role="img"' not in render_vpc_map(a_map(a_tier(url="/tiers/1/")))


def test_names_are_escaped():
    hostile = '<script>alert("x")</script>'

    drawn = render_vpc_map(a_map(a_tier(name=hostile), name=hostile))
    drawn += render_topology(Topology([Device('"><x', hostile, "leaf", "ok", (hostile,), url='"/><y')], []))

    assert "<script" not in drawn
    assert "<x" not in drawn
    assert "<y" not in drawn


def test_the_same_input_gives_the_same_picture():
    assert render_topology(a_fabric()) == render_topology(a_fabric())
    shuffled = a_fabric()
    assert render_topology(replace(shuffled, devices=shuffled.devices[::-1])) == render_topology(shuffled)


class TestVpcMap:
    def test_it_says_how_traffic_leaves(self):
        assert "198.51.100.17" in words_of(render_vpc_map(a_map()))
        assert "will be reserved" in words_of(render_vpc_map(a_map(egress_ip=None, status="planned")))
        assert "address not known yet" in words_of(render_vpc_map(a_map(egress_ip=None)))

    def test_it_shows_each_tier_with_range_status_and_use(self):
        words = words_of(render_vpc_map(a_map(a_tier(3, status="dormant", used_fraction=0.415, vni=1000212))))

        assert {"tier-3", "10.20.3.0/24", "Dormant", "VNI 1000212", "42 % used"} <= set(words)

    def test_a_tenant_sees_no_vni(self):
        assert "VNI" not in render_vpc_map(a_map(a_tier()))

    def test_a_plan_is_dashed(self):
        assert "thread--planned" in render_vpc_map(a_map(a_tier(status="planned"), status="planned"))
        assert "--planned" not in render_vpc_map(a_map(a_tier()))

    def test_a_tier_lies_on_the_strip_where_its_addresses_are(self):
        half = TierNode("half", IPv4Network("10.20.128.0/17"), IPv4Address("10.20.128.1"), "ready")

        wide = parse(re.findall(r"<svg.*?</svg>", render_vpc_map(a_map(half)), flags=re.DOTALL)[0])

        rects = {rect.get("class"): rect for rect in wide.iter("{http://www.w3.org/2000/svg}rect")}
        block, tier = rects["strip-free"], rects["strip-tier"]
        left, width = float(block.get("x", 0)), float(block.get("width", 0))
        assert float(tier.get("x", 0)) == pytest.approx(left + width / 2, abs=0.1)
        assert float(tier.get("width", 0)) == pytest.approx(width / 2, abs=1.1)

    def test_a_tiny_tier_is_still_visible(self):
        tiny = TierNode("tiny", IPv4Network("10.20.255.248/29"), IPv4Address("10.20.255.249"), "ready")

        widths = re.findall(r'width="([\d.]+)"[^>]*class="strip-tier"', render_vpc_map(a_map(tiny)))

        assert len(widths) == 2
        assert all(float(width) >= 2 for width in widths)

    def test_free_blocks_that_do_not_fit_are_counted(self):
        free = [IPv4Network((int(BLOCK.network_address) + n * 512, 24)) for n in range(40)]

        assert re.search(r"and \d+ more", render_vpc_map(a_map(free=free)))

    @pytest.mark.parametrize("tiers", range(13))
    def test_nothing_is_drawn_outside_the_picture(self, tiers):
        drawn = render_vpc_map(a_map(*(a_tier(n, name=f"a-rather-long-name-{n}") for n in range(tiers))))

        for svg in re.findall(r"<svg.*?</svg>", drawn, flags=re.DOTALL):
            assert_inside(parse(svg))

    def test_it_shows_by_which_addresses_the_internet_comes_in_and_where_they_lead(self):
        public_ips = [
            an_address(20, tiers=["tier-1"], use="static NAT to web-1", is_two_way=True),
            an_address(21, tiers=[], use="unused"),
        ]

        drawn = render_vpc_map(a_map(a_tier(0), a_tier(1), public_ips=public_ips, more_public_ips=3))

        assert {"198.51.100.20", "tier 2", "198.51.100.21", "unused", "and 3 more"} <= set(words_of(drawn))
        assert "Public IP 198.51.100.20: static NAT to web-1 in tier-1, ready." in drawn
        assert "And 3 more public IPs." in drawn
        assert drawn.count('href="/ips/20/"') == 2

    def test_an_address_whose_rules_are_not_applied_is_marked_by_a_shape(self):
        as_meant, amiss = (
            render_vpc_map(a_map(a_tier(), public_ips=[an_address(status=each)])) for each in ("ready", "differs")
        )

        assert "map-way" in as_meant
        assert "map-way" not in amiss
        assert "polygon" in amiss

    @pytest.mark.parametrize(("count", "dots"), [(0, 0), (8, 8), (9, 0)])
    def test_instances_are_dots_while_they_are_few_and_a_number_above(self, count, dots):
        drawn = render_vpc_map(a_map(a_tier(machines=Machines(count, 0))))

        wide = re.findall(r"<svg.*?</svg>", drawn, flags=re.DOTALL)[0]
        assert wide.count('class="mark tone-sage"') == dots + 2  # those of the VPC and of the tier
        assert ("9 instances" in words_of(drawn)) == (count == 9)

    def test_instances_that_were_not_read_lately_are_not_green(self):
        drawn = render_vpc_map(a_map(a_tier(status="stale", machines=Machines(3, 0, is_stale=True)), status="stale"))

        assert "tone-sage" not in drawn

    def test_a_tier_says_which_list_it_has(self):
        words = words_of(render_vpc_map(a_map(a_tier(0, acl="web"), a_tier(1, acl=""), a_tier(2))))

        assert {"list web", "no list"} <= set(words)

    @pytest.mark.parametrize("tiers", [1, 6, 12])
    def test_what_is_inside_stays_in_the_picture_too(self, tiers):
        inside = {"machines": Machines(6, 2), "acl": "a-list-with-a-rather-long-name-of-sixty-letters"}
        public_ips = [an_address(n, tiers=["tier-0", "tier-1", "tier-2"]) for n in range(6)]
        drawn = render_vpc_map(
            a_map(*(a_tier(n, **inside) for n in range(tiers)), public_ips=public_ips, more_public_ips=200)
        )

        for svg in re.findall(r"<svg.*?</svg>", drawn, flags=re.DOTALL):
            assert_inside(parse(svg))


class TestTopology:
    def test_every_device_shows_its_name_facts_and_status_in_words(self):
        words = words_of(render_topology(Topology([Device("1", "Leaf-1", "leaf", "critical", ("10.0.2.1",))], [])))

        assert {"Leaf-1", "10.0.2.1", "Critical", "Leaf"} <= set(words)

    def test_layers_stand_in_the_order_of_the_network(self):
        picture = parse(render_topology(a_fabric()))
        height_of = {
            group.get("data-device"): float(group.findall(".//{*}rect")[0].get("y", 0))
            for group in picture.findall(".//{*}g[@data-device]")
        }

        assert height_of["isp1"] < height_of["sg1"] == height_of["sp1"] < height_of["lf1"] < height_of["h1"]
        assert height_of["h1"] < height_of["oob"]

    def test_names_are_in_natural_order_where_no_line_speaks_against_it(self):
        lanes = lanes_of(a_fabric(leaves=12, hosts=0).devices, [])

        assert [device.name for device in lanes[2]] == [f"Leaf-{n}" for n in range(1, 13)]

    def test_the_order_crosses_fewer_lines(self):
        fabric = a_fabric(hosts=40, leaves=12)
        edges = [(link.a, link.b) for link in fabric.links if "oob" not in (link.a, link.b)]

        naive = [[one for one in fabric.devices if one.role in lane] for lane in LANES]
        chosen = lanes_of((one for one in fabric.devices if one.role != "oob"), fabric.links)

        assert crossings(chosen, edges) < crossings(naive, edges)

    def test_a_line_between_two_others_crosses_both(self):
        upper = [Device(f"u{n}", f"u{n}", "spine", "ok") for n in range(3)]
        lower = [Device(f"l{n}", f"l{n}", "leaf", "ok") for n in range(3)]

        assert crossings([upper, lower], [("u0", "l2"), ("u1", "l1"), ("u2", "l0")]) == 3
        assert crossings([upper, lower], [("u0", "l0"), ("u1", "l1"), ("u2", "l2")]) == 0

    def test_a_small_fabric_is_not_folded(self):
        assert fold(a_fabric()) == a_fabric()

    def test_a_big_fabric_folds_hosts_and_shows_the_worst_of_them(self):
        fabric = a_fabric(hosts=300, leaves=16)
        devices = [replace(one, status="critical") if one.id == "h7" else one for one in fabric.devices]

        folded = fold(replace(fabric, devices=devices))

        groups = [one for one in folded.devices if one.id.startswith("group-")]
        assert len(groups) == 8
        assert sorted(one.status for one in groups) == ["critical"] + ["ok"] * 7
        assert sum(int(one.name.split()[0]) for one in groups) == 300
        assert {link.a for link in folded.links} | {link.b for link in folded.links} <= {
            one.id for one in folded.devices
        }

    def test_a_folded_link_is_as_bad_as_its_worst(self):
        fabric = a_fabric(hosts=300, leaves=16)
        links = [replace(link, status="down") if link.a == "h7" else link for link in fabric.links]

        folded = fold(replace(fabric, links=links))

        assert sum(link.status == "down" for link in folded.links) == 2

    def test_links_to_nowhere_and_unknown_roles_do_no_harm(self):
        odd = Topology([Device("1", "Box", "toaster", "singing")], [Link("1", "2"), Link("1", "1")])

        assert {"Box", "Singing"} <= set(words_of(render_topology(odd)))

    @pytest.mark.parametrize("hosts", [0, 3, 13, 40, 150, 460])
    def test_nothing_is_drawn_outside_the_picture(self, hosts):
        assert_inside(parse(render_topology(a_fabric(hosts=hosts, leaves=16)))[0])

    def test_five_hundred_devices_take_less_than_a_second(self):
        fabric = replace(a_fabric(hosts=475, leaves=16), fold_above=1000)
        began = time.perf_counter()

        render_topology(fabric)

        assert len(fabric.devices) == 500
        assert time.perf_counter() - began < 1


class TestBar:
    def test_segments_add_up(self):
        widths = [float(width) for width in re.findall(r'width="([\d.]+)"', render_bar(Usage(30, 100, 20)))]

        assert widths == [100, 20, 30]

    @pytest.mark.parametrize(
        ("used", "total", "tone", "words"),
        [
            (0, 0, "madder", "full"),
            (0, 10, "indigo", ""),
            (74, 100, "indigo", ""),
            (75, 100, "weld", "filling up"),
            (90, 100, "madder", "nearly full"),
            (100, 100, "madder", "full"),
            (120, 100, "madder", "full"),
        ],
    )
    def test_it_warns_in_colour_and_words(self, used, total, tone, words):
        assert (Usage(used, total).tone, Usage(used, total).words) == (tone, words)

    def test_what_allows_nothing_is_drawn_full(self):
        nothing = Usage(0, 0)
        assert nothing.rest == "full"
        assert re.findall(r'width="([\d.]+)" height="8" class="([\w-]+)"', render_bar(nothing)) == [
            ("100", "bar-free"),
            ("100", "bar-used"),
        ]

    def test_it_is_never_full_while_something_is_free(self):
        assert Usage(999_999, 1_000_000).percent == 99

    def test_figures_are_grouped_by_thousands(self):
        assert Usage(1, 1_000_001, 12).figures("VNIs") == "1 of 1\u2009000\u2009001 VNIs, 12 reserved"


class TestStatus:
    def test_an_unknown_word_is_shown_in_the_colour_of_not_knowing(self):
        assert (look_of("half_asleep").words, look_of("half_asleep").tone) == ("Half asleep", "linen")
        assert look_of("").words == look_of(None).words == "Unknown"

    def test_words_are_read_however_they_are_written(self):
        assert look_of("ROLLED_BACK") == look_of("rolled back") == LOOKS["rolled-back"]

    def test_only_what_is_well_is_sage(self):
        well = {word for word, look in LOOKS.items() if look.tone == "sage"}

        assert well == {"ready", "succeeded", "done", "ok", "up", "active", "success", "configured", "healthy"}


def test_long_names_are_shortened_to_their_room():
    assert fit("short", 100, 14) == "short"
    assert fit("m" * 30, 1, 14) == "m…"
    shortened = fit("a-name-much-longer-than-its-box", 100, 14)
    assert shortened.endswith("…")
    assert width_of(shortened, 14) <= 100


def assert_inside(picture: ElementTree.Element) -> None:
    _, _, width, height = (float(number) for number in picture.get("viewBox", "").split())
    for rect in picture.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert x >= 0
        assert y >= 0
        assert x + float(rect.get("width", 0)) <= width + 0.1
        assert y + float(rect.get("height", 0)) <= height + 0.1
    for words in picture.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(words.get("x", 0)) <= width
        assert 0 <= float(words.get("y", 0)) <= height


def test_a_text_without_end_is_fitted_in_a_moment():
    began = time.process_time()

    assert fit("m" * 250_000, 100, 14).startswith("mmm")
    assert fit("i" * 250_000, 10_000_000, 14) == "i" * 250_000

    assert time.process_time() - began < 1
