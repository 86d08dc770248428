"""What may be written, and that nothing gets through which the plugin would send on as something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import pytest
from hypothesis import given

from apps.acls.rules import MOST_ITEMS, Action, Direction, Protocol, Rule, in_force, parse_rules
from apps.kernel.errors import Invalid, Refused
from tests.acls.universe import lists, refusals


def written(**changes):
    rule = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "443", "cidrs": ["10.0.0.0/8"]}
    return {name: value for name, value in {**rule, **changes}.items() if value is not None}


def refused(**changes) -> Refused:
    with pytest.raises(Invalid) as invalid:
        Rule.parse(written(**changes))
    (refusal,) = invalid.value.all
    return refusal


def test_a_rule_is_read_with_all_its_parts():
    rule = Rule.parse(
        written(
            action="Deny",
            ports="443, 80,8000-8010",
            cidrs=["192.0.2.0/24", "10.0.0.0/8"],
            note="  Office ",
            expires_at="2027-01-31T18:00:00+01:00",
        )
    )
    assert rule == Rule(
        Action.DENY,
        Direction.INGRESS,
        Protocol.TCP,
        (IPv4Network("192.0.2.0/24"), IPv4Network("10.0.0.0/8")),
        ((80, 80), (443, 443), (8000, 8010)),
        "Office",
        datetime(2027, 1, 31, 17, tzinfo=UTC),
    )
    assert rule.title == "deny tcp 80,443,8000-8010 from 192.0.2.0/24, 10.0.0.0/8"


@pytest.mark.parametrize(
    ("changes", "code", "field", "told"),
    [
        ({"cidrs": ["10.0.0.5/8"]}, "cidr-host-bits", "cidrs.0", "10.0.0.0/8"),
        ({"cidrs": ["10.0.0.0/8", "10.0.0.5"]}, "cidr-malformed", "cidrs.1", "10.0.0.5/32"),
        ({"cidrs": ["2001:db8::/32"]}, "cidr-not-ipv4", "cidrs.0", "IPv4"),
        ({"cidrs": ["::/0"]}, "cidr-not-ipv4", "cidrs.0", "IPv4"),
        ({"cidrs": ["10.0.0.0/8", "192.0.2.0/24", "10.0.0.0/8"]}, "cidr-twice", "cidrs.2", "Delete"),
        ({"cidrs": []}, "cidrs-missing", "cidrs", "0.0.0.0/0"),
        ({"cidrs": None}, "cidrs-malformed", "cidrs", "list"),
        ({"cidrs": "10.0.0.0/8"}, "cidrs-malformed", "cidrs", "list"),
        ({"cidrs": ["10.0.0.0/8,192.0.2.0/24"]}, "cidr-malformed", "cidrs.0", "10.20.0.0/20"),
        ({"cidrs": [f"10.0.{number}.0/24" for number in range(51)]}, "too-many-cidrs", "cidrs", "two rules"),
        ({"protocol": "47"}, "protocol-number", "protocol", "all"),
        ({"protocol": 6}, "protocol-number", "protocol", "every protocol"),
        ({"protocol": "icmpv6"}, "protocol-unknown", "protocol", "icmp"),
        ({"protocol": "ip"}, "protocol-unknown", "protocol", "tcp, udp, icmp or all"),
        ({"protocol": "icmp"}, "ports-not-taken", "ports", "0, 3, 8, 11"),
        ({"protocol": "icmp", "ports": "1-65535"}, "ports-not-taken", "ports", "empty"),
        ({"protocol": "all"}, "ports-not-taken", "ports", "tcp or udp"),
        ({"protocol": "icmp", "ports": None, "icmptype": 8}, "icmp-type", "icmptype", "together"),
        ({"icmp_code": 0}, "icmp-type", "icmp_code", "together"),
        ({"number": 7}, "unknown-field", "number", "expires_at"),
        ({"action": "permit"}, "action-unknown", "action", "allow or deny"),
        ({"direction": "in"}, "direction-unknown", "direction", "ingress or egress"),
        ({"note": "x" * 121}, "note-too-long", "note", "120"),
        ({"note": "a\u202eb"}, "note-unprintable", "note", "Delete"),
        ({"expires_at": "tomorrow"}, "time-malformed", "expires_at", "2027-01-31T18:00:00+01:00"),
        ({"expires_at": "2027-01-31T18:00:00"}, "time-without-zone", "expires_at", "2027-01-31T18:00:00Z"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "time-out-of-range", "expires_at", "2000 to 9998"),
        ({"expires_at": "9999-12-31T23:59:59-11:00"}, "time-out-of-range", "expires_at", "2000 to 9998"),
        ({"expires_at": "2027-01-31T18:00:00-23:59"}, "time-malformed", "expires_at", "no such zone"),
        ({"expires_at": "2027-01-31T18:00:00+01:00:30"}, "time-malformed", "expires_at", "no such zone"),
        ({"ports": "443-80"}, "ports-reversed", "ports", "80-443"),
    ],
)
def test_what_would_become_something_else_is_refused_by_field_with_the_way_out(changes, code, field, told):
    refusal = refused(**changes)
    assert (refusal.code, refusal.field) == (code, field)
    assert told in refusal.message


def test_every_fault_of_a_list_is_named_at_once():
    rows = [written(), written(action="x", protocol="47", cidrs=["10.0.0.1/8", "x"]), "no rule"]
    assert refusals(parse_rules, rows) == {
        "rules.1.action": "action-unknown",
        "rules.1.protocol": "protocol-number",
        "rules.1.cidrs.0": "cidr-host-bits",
        "rules.1.cidrs.1": "cidr-malformed",
        "rules.2": "rule-malformed",
    }


@pytest.mark.parametrize("values", [None, "allow", {"rules": []}, 7])
def test_what_is_no_list_is_refused(values):
    with pytest.raises(Refused, match="as a list"):
        parse_rules(values)


@pytest.mark.parametrize(("action", "told"), [("allow", "has ingress tcp 443"), ("deny", "the other way round")])
def test_one_match_twice_in_a_list_is_refused_whatever_it_does(action, told):
    rows = [written(ports="80,443"), written(action=action, ports="443,8443", cidrs=["192.0.2.0/24", "10.0.0.0/8"])]
    with pytest.raises(Invalid) as invalid:
        parse_rules(rows)
    (refusal,) = invalid.value.all
    assert (refusal.code, refusal.field) == ("match-twice", "rules.1.cidrs.1")
    assert refusal.message.startswith("Rule 1 ") and told in refusal.message


def test_matches_that_only_overlap_may_stand_in_one_list():
    rows = [
        written(ports="80-90"),
        written(ports="85-95"),
        written(direction="egress", ports="80-90"),
        written(ports=""),
    ]
    assert len(parse_rules(rows)) == 4


def test_a_list_has_an_end():
    with pytest.raises(Refused, match="at most 500 rules; these are 501"):
        parse_rules([written(ports=str(port)) for port in range(1, 502)])
    cidrs = [f"10.0.{number}.0/24" for number in range(50)]
    rows = [written(ports=str(port), cidrs=cidrs) for port in range(1, 22)]
    with pytest.raises(Refused, match="1,050 on each tier"):
        parse_rules(rows)
    assert len(parse_rules(rows[: MOST_ITEMS // 50])) == 20


def test_a_rule_that_is_over_is_out_of_force_from_that_second_on():
    end = datetime(2027, 1, 31, 18, tzinfo=UTC)
    rules = parse_rules([written(expires_at=end.isoformat()), written(ports="80")])
    assert in_force(rules, end - timedelta(seconds=1)) == rules
    assert in_force(rules, end) == rules[1:]


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": ((80, 90), (85, 95))},
        {"ports": ((1, 65535),)},
        {"ports": ((0, 5),)},
        {"ports": ((90, 80),)},
        {"ports": ((80, 80),), "protocol": Protocol.ALL},
        {"cidrs": ()},
        {"cidrs": (IPv4Network("10.0.0.0/8"),) * 2},
        {"expires_at": datetime(2027, 1, 1)},
    ],
)
def test_a_rule_made_in_code_is_no_less_strict(changes):
    parts = {"action": Action.ALLOW, "direction": Direction.INGRESS, "protocol": Protocol.TCP}
    with pytest.raises(Invalid):
        Rule(**{**parts, "cidrs": (IPv4Network("10.0.0.0/8"),), **changes})


@given(lists())
def test_a_list_survives_being_shown_and_read(rules):
    assert parse_rules([rule.as_json() for rule in rules]) == rules
