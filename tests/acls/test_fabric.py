"""What was seen on Netris (recorded from the real plugin), and reading it back."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given

from apps.acls.fabric import NetrisRule, RuleName, guard_of, read_back
from apps.acls.items import Item, items_of
from apps.acls.rules import Action, Direction, Protocol
from tests.acls.test_evaluator import a_list
from tests.acls.universe import TIER, lists

TIER_ONE = IPv4Network("10.10.1.0/24")
FULL = {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 1, "dst_port_to": 65535}


@pytest.mark.parametrize(
    ("item", "body"),
    [
        (
            Item(Action.ALLOW, Direction.INGRESS, Protocol.TCP, (80, 80), None, IPv4Network("0.0.0.0/0")),
            {
                **FULL,
                "action": "permit",
                "proto": "tcp",
                "established": 1,
                "src_prefix": "0.0.0.0/0",
                "dst_prefix": "10.10.1.0/24",
                "dst_port_from": 80,
                "dst_port_to": 80,
            },
        ),
        (
            Item(Action.ALLOW, Direction.INGRESS, Protocol.TCP, None, None, IPv4Network("0.0.0.0/0")),
            {
                **FULL,
                "action": "permit",
                "proto": "tcp",
                "established": 1,
                "src_prefix": "0.0.0.0/0",
                "dst_prefix": "10.10.1.0/24",
            },
        ),
        (
            Item(Action.DENY, Direction.EGRESS, Protocol.ICMP, None, 8, IPv4Network("192.0.2.0/24")),
            {
                **FULL,
                "action": "deny",
                "proto": "icmp",
                "reverse": "yes",
                "icmp_type": 8,
                "src_prefix": "10.10.1.0/24",
                "dst_prefix": "192.0.2.0/24",
            },
        ),
        (
            Item(Action.ALLOW, Direction.INGRESS, Protocol.ALL, None, None, IPv4Network("0.0.0.0/0")),
            {
                **FULL,
                "action": "permit",
                "proto": "all",
                "reverse": "yes",
                "src_prefix": "0.0.0.0/0",
                "dst_prefix": "10.10.1.0/24",
            },
        ),
    ],
    ids=["tcp port", "tcp", "icmp", "all"],
)
def test_an_item_becomes_what_the_real_plugin_was_seen_to_send(item, body):
    assert NetrisRule.of_row(body) == NetrisRule.of_item(item, TIER_ONE)


def row_of(rule: NetrisRule, **more: object) -> dict[str, object]:
    """As `GET /api/acl` answers: prefixes without their length, zeros where ports mean nothing."""
    body = rule.body
    row = {"icmp_type": None, "src_port_group": None, "dst_port_group": None, "status": "enabled", **body}
    if rule.proto not in ("tcp", "udp"):
        row |= dict.fromkeys(("src_port_from", "src_port_to", "dst_port_from", "dst_port_to"), 0)
    for side, network in (("src", rule.source), ("dst", rule.destination)):
        row |= {f"{side}_prefix": str(network.network_address), f"{side}_length": network.prefixlen}
    return row | more


def rows_of(items, tier=TIER):
    return [row_of(NetrisRule.of_item(item, tier)) for item in items]


@given(lists())
def test_a_list_is_read_back_as_it_was_sent(rules):
    items = items_of(rules, denies_rest=True)
    assert read_back(items, TIER, rows_of(items)[::-1]).is_applied


RULES = a_list("allow ingress tcp 80,443 0.0.0.0/0", "deny egress udp 53 10.0.0.0/8")


def test_a_rule_that_is_not_on_netris_is_missing():
    items = items_of(RULES, denies_rest=True)
    found = read_back(items, TIER, rows_of(items)[:-1])
    assert found.missing == (items[-1],) and not found.extra and not found.is_applied


def test_what_the_list_has_no_longer_is_extra():
    items = items_of(RULES, denies_rest=True)
    found = read_back(items[1:], TIER, rows_of(items))
    assert not found.missing and found.extra == (0,)


@pytest.mark.parametrize(
    "more",
    [
        {"action": "deny"},
        {"dst_port_from": 79},
        {"src_port_from": 80},
        {"src_length": 8, "src_prefix": "10.0.0.0"},
        {"proto": "udp"},
        {"established": 0},
        {"reverse": "yes"},
        {"status": "disabled"},
        {"dst_port_group": 3},
    ],
)
def test_a_rule_that_says_something_else_is_missing_and_extra(more):
    item = next(each for each in items_of(RULES, denies_rest=False) if each.ports == (80, 80))
    found = read_back([item], TIER, [row_of(NetrisRule.of_item(item, TIER), **more)])
    assert found.missing == (item,) and found.extra == (0,)


def test_the_guard_denies_both_ways_and_is_no_rule_of_the_list():
    into, out = guard_of(TIER)
    assert into.body["proto"] == out.body["proto"] == "ip"
    assert (into.body["dst_prefix"], out.body["src_prefix"]) == (str(TIER), str(TIER))
    denies = {NetrisRule.of_item(item, TIER) for item in items_of((), denies_rest=True)}
    assert not denies & {into, out}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("D9-A11-Z2-V30-N232-ACL21", RuleName("D9-A11-Z2-V30", 232, 21, None)),
        ("D9-A11-Z2-V30-N232-ACL22-2", RuleName("D9-A11-Z2-V30", 232, 22, 2)),
        ("D9-A11-Z2-V30-LBACL0-lb one", None),
        ("weft-guard-1", None),
    ],
)
def test_a_name_on_netris_tells_tier_and_item(name, parts):
    assert RuleName.parse(name) == parts
    assert parts is None or str(parts) == name
