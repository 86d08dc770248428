"""Single items, their keys and numbers, and that a change opens nothing half-way."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.acls.evaluator import opens_beyond
from apps.acls.fabric import NetrisRule, Site, guard_of
from apps.acls.items import FIRST_NUMBERS, Item, Step, change, is_rest, item_of, items_of
from apps.acls.rules import ICMP_TYPES, Action, Direction, Protocol, size_of
from apps.acls.tables import fabric_table, netris_table
from tests.acls.test_evaluator import a_list
from tests.acls.universe import TIER, lists, sites


def keys(items):
    return [item.key for item in items]


def test_a_rule_becomes_an_item_for_each_cidr_and_range():
    rules = a_list("allow ingress tcp 80,443,8000-8010 10.0.0.0/8,192.0.2.0/24")

    assert keys(items_of(rules, denies_rest=False)) == [
        f"ingress allow tcp {ports} {cidr}"
        for cidr in ("10.0.0.0/8", "192.0.2.0/24")
        for ports in ("80-80", "443-443", "8000-8010")
    ]


def test_icmp_becomes_an_item_for_each_type_since_any_type_is_sent_as_minus_one():
    items = items_of(a_list("allow ingress icmp - 10.0.0.0/8"), denies_rest=False)

    assert [item.icmp_type for item in items] == list(ICMP_TYPES)
    assert all(item.parameters()["icmptype"] != "-1" for item in items)


def test_what_denies_the_rest_has_the_first_numbers_and_every_deny_stands_before_what_is_allowed():
    rules = a_list(
        "allow ingress tcp 80 0.0.0.0/0", "deny ingress tcp 22 10.0.0.0/8", "allow egress tcp 443 10.0.0.0/8"
    )

    numbers = {item.key: item.number for item in items_of(rules, denies_rest=True)}

    assert numbers == {
        "ingress deny all - 0.0.0.0/0": 1,
        "egress deny all - 0.0.0.0/0": 2,
        "ingress deny tcp 22-22 10.0.0.0/8": 10,
        "ingress allow tcp 80-80 0.0.0.0/0": 100_010,
        "egress allow tcp 443-443 10.0.0.0/8": 100_020,
    }


def test_a_rule_that_decides_a_whole_direction_takes_the_place_of_the_deny_of_the_rest():
    rules = a_list("allow egress all - 0.0.0.0/0", "deny ingress all - 0.0.0.0/0")

    items = items_of(rules, denies_rest=True)

    assert [(item.key, item.number, item.rule) for item in items] == [
        ("egress allow all - 0.0.0.0/0", 100_010, 0),
        ("ingress deny all - 0.0.0.0/0", 1, 1),
    ]


def test_items_keep_their_numbers_in_the_next_list_and_new_ones_take_free_ones():
    before = items_of(a_list("allow ingress tcp 80 0.0.0.0/0", "allow ingress tcp 81 0.0.0.0/0"), denies_rest=True)
    rules = a_list("allow ingress tcp 82 0.0.0.0/0", "allow ingress tcp 81 0.0.0.0/0")

    after = items_of(rules, denies_rest=True, numbers={item.key: item.number for item in before})

    assert {item.key: item.number for item in after}["ingress allow tcp 81-81 0.0.0.0/0"] == 100_020
    assert {item.key: item.number for item in after}["ingress allow tcp 82-82 0.0.0.0/0"] == 100_030


def test_an_item_is_sent_with_its_one_cidr_and_found_again_by_its_key():
    (item,) = items_of(a_list("allow ingress tcp 8000-8010 10.0.0.0/8"), denies_rest=False)

    assert item.parameters() == {
        "protocol": "tcp",
        "traffictype": "Ingress",
        "action": "Allow",
        "cidrlist": "10.0.0.0/8",
        "startport": "8000",
        "endport": "8010",
        "number": "100010",
        "reason": "ingress allow tcp 8000-8010 10.0.0.0/8",
    }
    # As listNetworkACLs shows it: ports as text, words capitalised, one CIDR.
    row = {**item.parameters(), "number": 100010, "state": "Active", "id": "a1"}
    assert item_of(row)._replace(rule=item.rule) == item


def test_an_item_that_weft_would_not_make_is_none_of_its_own():
    row = items_of(a_list("allow ingress tcp 80 10.0.0.0/8"), denies_rest=False)[0].parameters()

    assert item_of({**row, "cidrlist": "10.0.0.0/8,192.0.2.0/24"}) is None
    assert item_of({**row, "cidrlist": "0.0.0.0/0,::/0"}) is None
    assert item_of({**row, "protocol": "47"}) is None


def test_a_note_or_another_order_changes_no_item():
    one, two = "allow ingress tcp 80 0.0.0.0/0", "deny ingress tcp 22 10.0.0.0/8"
    found = change(items_of(a_list(one, two), denies_rest=True), items_of(a_list(two, one), denies_rest=True))

    assert not found.add and not found.remove and len(found.keep) == 4


@given(lists(), st.booleans())
def test_items_are_as_many_as_was_said_with_a_key_and_a_number_of_their_own(rules, denies_rest):
    items = items_of(rules, denies_rest=denies_rest)

    assert sum(1 for item in items if item.rule is not None) == sum(map(size_of, rules))
    assert len({item.key for item in items}) == len({item.number for item in items}) == len(items)
    allowed = [item.number for item in items if item.action is Action.ALLOW]
    assert all(number >= FIRST_NUMBERS[Action.ALLOW] for number in allowed)
    assert all((item.number < 10) == is_rest(item) for item in items)
    assert [item_of(item.parameters()) for item in items] == [item._replace(rule=None) for item in items]


@given(lists(), lists())
def test_a_change_leads_from_one_list_to_the_other(before, after):
    old = items_of(before, denies_rest=True)
    new = items_of(after, denies_rest=True, numbers={item.key: item.number for item in old})
    state = {item.key: item for item in old}

    for step, item in change(old, new).steps:
        if step is Step.ADD:
            assert item.number not in {each.number for each in state.values()}
            assert state.setdefault(item.key, item) is item
        else:
            del state[item.key]

    assert set(state) == set(keys(new))


@settings(max_examples=150)
@given(lists(), lists(), sites, st.sampled_from(Action))
def test_a_small_change_opens_at_no_moment_what_neither_list_allows(before, after, site, ties):
    old, new = (items_of(each, denies_rest=site.wants_deny_all) for each in (before, after))
    allowed = [fabric_table(each, TIER, site, ties=ties) for each in (before, after)]
    state = list(old)

    for step, item in change(old, new).steps:
        if step is Step.ADD:
            state.append(item)
        else:
            state = [each for each in state if each.key != item.key]
        now = netris_table([NetrisRule.of_item(each, TIER) for each in state], TIER, site, ties=ties)
        assert opens_beyond(now, *allowed) is None


@settings(max_examples=150)
@given(lists(), sites, st.sampled_from(Action))
def test_a_new_list_that_is_written_behind_the_guard_opens_at_no_moment_what_it_does_not_allow(rules, site, ties):
    items = sorted(items_of(rules, denies_rest=site.wants_deny_all), key=lambda item: item.number)
    allowed = fabric_table(rules, TIER, site, ties=ties)
    guard = guard_of(TIER) if site.wants_deny_all else ()

    for count in range(len(items) + 1):
        state = [*guard, *(NetrisRule.of_item(item, TIER) for item in items[:count])]
        assert opens_beyond(netris_table(state, TIER, site, ties=ties), allowed) is None


def test_an_update_in_place_would_open_more_and_is_seen_to():
    """What the order of steps is for: the allowed range first, its exception afterwards."""
    rules = a_list("deny ingress tcp - 10.1.0.0/16", "allow ingress tcp - 10.0.0.0/8")
    site = Site(Action.ALLOW)
    half = [item for item in items_of(rules, denies_rest=True) if item.key != "ingress deny tcp - 10.1.0.0/16"]

    now = netris_table([NetrisRule.of_item(item, TIER) for item in half], TIER, site)

    packet = opens_beyond(now, fabric_table((), TIER, site), fabric_table(rules, TIER, site))
    assert packet.address in IPv4Network("10.1.0.0/16")


def test_an_item_says_what_it_is():
    item = Item(Action.DENY, Direction.EGRESS, Protocol.ICMP, None, 8, IPv4Network("10.0.0.0/8"))
    assert item.key == "egress deny icmp 8 10.0.0.0/8"
