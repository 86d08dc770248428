"""Golden ways over Direct Connect: nothing behind a router is called reachable, and nothing that may pass blocked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reachability.facts import Answer, Beyond, End, Linked, Outside, Place, Verdict, Way
from apps.reachability.walker import walk
from tests.reachability.test_walker import (
    ALL,
    DB,
    FORWARD,
    HTTP,
    HTTPS,
    IN,
    LAB,
    NAT,
    NO,
    OLD,
    OUT,
    POSTGRES,
    PROD,
    WEB,
    YES,
    a_door,
    a_front,
    a_list,
    a_machine,
    a_tier,
    allow,
    start,
    ways,
)

DEFAULT, OFFICE = IPv4Network(ALL), IPv4Network("192.168.0.0/16")
#: Behind the router, by its private address and by a public one; and somebody of whom it tells only by default.
THERE, SHOWN, ANYONE = IPv4Address("192.168.7.9"), IPv4Address("203.0.113.9"), IPv4Address("198.18.7.7")
PUBLIC = IPv4Network("203.0.113.0/24")
SEEN = {"ready": YES, "warning": OLD, "down": NO, "suspended": NO}
DOWN = "The session is not up: Active. Your router does not answer."
STATES = ("ready", "warning", "down", "suspended", "stale", "building", "changing", "removing", "stuck", "differs")


def a_link(state: str = "ready", **more: Any) -> Linked:
    known: dict[str, Any] = {"name": "main of paris-a", "url": "/interfaces/main/", "takes": 3}
    known |= {"trouble": "" if state == "ready" else DOWN, "link": IPv4Network("169.254.10.0/30")}
    known |= {"accepts": [OFFICE], "announces": [WEB.cidr, DB.cidr]}
    return Linked(state=state, **(known | more))


def other(state: str = "ready", **more: Any) -> Linked:
    known = {"name": "spare of paris-b", "url": "/interfaces/spare/", "link": IPv4Network("169.254.10.4/30")}
    return a_link(state, **(known | more))


def with_links(*links: Linked, has_nat: bool = True) -> Place:
    """The VPC, with a route for each prefix that each of them accepts, in the order of the table."""
    found = [
        Way(each, "direct_connect", "your router", SEEN.get(one.state, OLD)) for one in links for each in one.accepts
    ]
    known = sorted(ways(*found), key=lambda way: (way.destination == DEFAULT, way.destination, way.kind))
    return replace(PROD, ways=[way for way in known if has_nat or way.kind != "source_nat"], links=links)


MAY_LEAVE = a_machine(replace(WEB, acl=a_list(allow(OUT), allow(IN))))


def goes(place: Place, to: IPv4Address = THERE) -> Answer:
    return walk(start(MAY_LEAVE, place), Beyond(to), HTTPS)


def comes(place: Place, sender: IPv4Address | None = THERE, **leads: Any) -> Answer:
    return walk(Outside(sender), End(MAY_LEAVE, place, **leads), HTTPS)


def words(answer: Answer) -> str:
    return " ".join(f"{hop.what}: {hop.sentence}" for hop in answer.hops)


UP = a_link()
BOTH = {"accepts": [OFFICE, DEFAULT]}
MUTE = {"announces": [DB.cidr]}

GOES: dict[str, tuple[Place, IPv4Address, str, str]] = {
    "up": (with_links(UP), THERE, "unknown", "Its session is up, and takes 3 prefixes. Which, Netris does not tell"),
    "up, one": (with_links(a_link(takes=1)), THERE, "unknown", "takes 1 prefix."),
    "up, public": (with_links(a_link(accepts=[PUBLIC])), SHOWN, "unknown", "Its session is up"),
    "stale": (with_links(a_link("stale")), THERE, "unknown", "Whether it leads to 192.168.7.9 is not known"),
    "building": (with_links(a_link("building")), THERE, "unknown", "is not known"),
    "down": (with_links(a_link("down")), THERE, "blocked", f"It gives no way to 192.168.7.9 now. {DOWN}"),
    "suspended": (with_links(a_link("suspended")), THERE, "blocked", "It gives no way to 192.168.7.9 now."),
    "down, public": (
        with_links(a_link("down", accepts=[PUBLIC])),
        SHOWN,
        "unknown",
        "It gives no way to 203.0.113.9 now.",
    ),
    "down, public, no source NAT": (
        with_links(a_link("down", accepts=[PUBLIC]), has_nat=False),
        SHOWN,
        "blocked",
        "It gives no way to 203.0.113.9 now.",
    ),
    "one of two down": (
        with_links(a_link("down"), other()),
        THERE,
        "unknown",
        "Direct Connect main of paris-a: It gives no way to 192.168.7.9 now.",
    ),
    "both down": (with_links(a_link("down"), other("down")), THERE, "blocked", "It gives no way"),
    "not accepted": (with_links(a_link(accepts=[PUBLIC])), THERE, "blocked", "is a private address"),
    "none": (with_links(), THERE, "blocked", "is a private address"),
    "default beside source NAT": (
        with_links(a_link(**BOTH)),
        ANYONE,
        "unknown",
        "which of the two Netris prefers is not known",
    ),
    "default beside source NAT, not announced": (
        with_links(a_link(**BOTH, **MUTE)),
        ANYONE,
        "unknown",
        "which of the two Netris prefers is not known",
    ),
    "private by default": (with_links(a_link(accepts=[DEFAULT])), THERE, "unknown", "which of the two"),
    "private by a default that is down": (
        with_links(a_link("down", accepts=[DEFAULT])),
        THERE,
        "blocked",
        "It gives no way to 192.168.7.9 now.",
    ),
    "default down": (with_links(a_link("down", **BOTH)), ANYONE, "unknown", "It leaves by source NAT"),
    "default, no source NAT": (
        with_links(a_link(accepts=[DEFAULT]), has_nat=False),
        ANYONE,
        "unknown",
        "Its session is up",
    ),
    "default, no source NAT, not announced": (
        with_links(a_link(accepts=[DEFAULT], **MUTE), has_nat=False),
        ANYONE,
        "blocked",
        "10.20.0.11 is not announced over it: your router learns no way to it",
    ),
    "not announced": (
        with_links(a_link(**MUTE)),
        THERE,
        "blocked",
        "10.20.0.11 is not announced over it: your router learns no way to it. Announce its tier.",
    ),
    "not announced, and stale": (with_links(a_link("stale", **MUTE)), THERE, "blocked", "is not announced over it"),
    "not announced, and changing": (with_links(a_link("changing", **MUTE)), THERE, "unknown", "is not announced"),
    "not announced, public": (
        with_links(a_link(accepts=[PUBLIC], **MUTE)),
        SHOWN,
        "unknown",
        "10.20.0.11 is not announced over it",
    ),
    "announced over another": (
        with_links(a_link(**MUTE), other(accepts=[])),
        THERE,
        "unknown",
        "but over another virtual interface",
    ),
    "announced over another that is down": (
        with_links(a_link(**MUTE), other("down", accepts=[])),
        THERE,
        "blocked",
        "is not announced over it",
    ),
    "Netris has other filters": (with_links(a_link("differs", accepts=[PUBLIC])), THERE, "unknown", "is not known"),
    "Netris has other filters outward": (with_links(a_link("differs", **MUTE)), THERE, "unknown", "is not announced"),
    "the router itself": (with_links(UP), IPv4Address("169.254.10.2"), "unknown", "is in the link itself"),
}


@pytest.mark.parametrize("name", GOES)
def test_what_leaves_over_it_is_at_best_not_known(name: str) -> None:
    place, to, verdict, said = GOES[name]
    answer = goes(place, to)
    assert (answer.verdict, said in words(answer)) == (verdict, True), answer.hops
    assert all(hop.url for hop in answer.hops if hop.what.startswith("Direct Connect"))


COMES: dict[str, tuple[Place, IPv4Address | None, dict[str, Any], str, str]] = {
    "up": (with_links(UP), THERE, {}, "unknown", "Its session is up"),
    "down": (with_links(a_link("down")), THERE, {}, "blocked", "It gives no way to 192.168.7.9 now."),
    "not announced": (with_links(a_link(**MUTE)), THERE, {}, "blocked", "your router learns no way to it"),
    "none": (with_links(), THERE, {}, "blocked", "is a private address"),
    "public, up": (with_links(a_link(accepts=[PUBLIC])), SHOWN, {"leads": [NAT]}, "unknown", "Its session is up"),
    "public, down, by NAT": (
        with_links(a_link("down", accepts=[PUBLIC])),
        SHOWN,
        {"leads": [NAT]},
        "reachable",
        "Static NAT",
    ),
    "by default, without NAT": (with_links(a_link(**BOTH)), ANYONE, {}, "unknown", "which of the two"),
    "by default, or by NAT": (
        with_links(a_link(**BOTH)),
        ANYONE,
        {"leads": [NAT]},
        "unknown",
        "what answers may leave by it, and not as the public IP",
    ),
    "the internet, and a default": (with_links(a_link(**BOTH)), None, {"leads": [NAT]}, "unknown", "what answers may"),
    "the internet, and a default that is down": (
        with_links(a_link("down", **BOTH)),
        None,
        {"leads": [NAT]},
        "reachable",
        "Static NAT",
    ),
    "the internet, and no default": (with_links(UP), None, {"leads": [NAT]}, "reachable", "Static NAT"),
    "the internet, and nothing": (with_links(a_link(**BOTH)), None, {}, "blocked", "No public IP leads"),
    "the router itself": (with_links(UP), IPv4Address("169.254.10.2"), {}, "unknown", "is in the link itself"),
}


@pytest.mark.parametrize("name", COMES)
def test_who_comes_over_it_is_at_best_not_known_to_arrive(name: str) -> None:
    place, sender, leads, verdict, said = COMES[name]
    answer = comes(place, sender, **leads)
    assert (answer.verdict, said in words(answer)) == (verdict, True), answer.hops


def test_the_tiers_list_decides_of_what_comes_over_it() -> None:
    closed = End(a_machine(replace(WEB, acl=a_list(allow(OUT)))), with_links(UP))
    answer = walk(Outside(THERE), closed, HTTPS)
    assert answer.blocked_by is not None
    assert answer.blocked_by.what == "Access list web"


@pytest.mark.parametrize(("door", "traffic"), [(a_door(NAT), HTTPS), (a_door(FORWARD), None), (a_front(), HTTP)])
def test_what_comes_to_a_public_ip_may_be_answered_over_it(door: Any, traffic: Any) -> None:
    asked = traffic or replace(HTTPS, port=8443)
    assert walk(Outside(), door, asked).verdict == "reachable"
    assert walk(Outside(), replace(door, links=[a_link(**BOTH)]), asked).verdict == "unknown"
    assert walk(Outside(), replace(door, links=[a_link("down", **BOTH)]), asked).verdict == "reachable"
    assert walk(Outside(), replace(door, links=[a_link(accepts=[PUBLIC])]), asked).verdict == "reachable"
    answer = walk(Outside(SHOWN), replace(door, links=[a_link(accepts=[PUBLIC])]), asked)
    assert "It may lead to 203.0.113.9: what answers would leave by it" in words(answer)
    assert answer.verdict == "unknown"


def test_a_public_ip_may_be_behind_it_and_goes_the_other_way_while_it_is_down() -> None:
    block = IPv4Network("198.51.100.0/24")
    up, down = (with_links(a_link(state, accepts=[block])) for state in ("ready", "down"))
    over = walk(start(MAY_LEAVE, up), a_door(NAT, vpc="lab"), HTTPS)
    assert (over.verdict, "Its session is up" in words(over)) == ("unknown", True)
    round_about = walk(start(MAY_LEAVE, down), a_door(NAT, vpc="lab"), HTTPS)
    assert "It leaves by source NAT" in words(round_about)
    assert "It gives no way to 198.51.100.20 now." in words(round_about)
    default = walk(start(MAY_LEAVE, with_links(a_link(**BOTH))), a_door(NAT, vpc="lab"), HTTPS)
    assert (default.verdict, "which of the two" in words(default)) == ("unknown", True)


def test_another_vpc_may_be_reached_by_the_same_router() -> None:
    far = End(a_machine(a_tier("lab", "10.30.0.0/24", a_list(allow(IN, port=5432), name="lab"))), LAB)
    accepts = {"accepts": [IPv4Network("10.30.0.0/16")]}
    assert walk(start(place=with_links(a_link(**accepts))), far, POSTGRES).verdict == "unknown"
    down = walk(start(place=with_links(a_link("down", **accepts))), far, POSTGRES).blocked_by
    assert down is not None
    assert (down.what, down.url) == ("Direct Connect main of paris-a", "/interfaces/main/")
    none = walk(start(place=with_links()), far, POSTGRES).blocked_by
    assert none is not None
    assert none.what == "Route"


links = st.builds(
    lambda state, accepts, announces, takes, second: (other if second else a_link)(
        state, accepts=accepts, announces=announces, takes=takes
    ),
    st.sampled_from(STATES),
    st.lists(st.sampled_from([OFFICE, PUBLIC, DEFAULT]), unique=True),
    st.lists(st.sampled_from([WEB.cidr, DB.cidr]), unique=True),
    st.sampled_from([None, 0, 1, 3]),
    st.booleans(),
)


@given(st.lists(links, max_size=3), st.booleans(), st.sampled_from([THERE, SHOWN, ANYONE]))
def test_nothing_beyond_is_ever_reachable_and_nothing_that_may_pass_is_blocked(
    some: Sequence[Linked], has_nat: bool, to: IPv4Address
) -> None:
    """A link that may be up, accepts the address and announces the tier may let it pass."""
    place = with_links(*some, has_nat=has_nat)
    out, back = goes(place, to).verdict, comes(place, to).verdict
    assert Verdict.REACHABLE not in (out, back)
    may_pass = [
        each
        for each in some
        if not each.is_off and WEB.cidr in each.announces and any(to in prefix for prefix in each.accepts)
    ]
    if may_pass:
        assert (out, back) == (Verdict.UNKNOWN, Verdict.UNKNOWN), place.links
