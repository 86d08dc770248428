"""Both orders against a reading of the documents that tries every packet, rule by rule."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.acls.evaluator import Answer, compared, differences, evaluate, opens_beyond, opens_more
from apps.acls.fabric import NetrisRule, Ranking, Site
from apps.acls.items import items_of
from apps.acls.packets import Packet
from apps.acls.rules import ICMP_TYPES, PORTED, Action, Direction, Protocol, Rule, parse_rules
from apps.acls.tables import By, Decision, fabric_table, netris_table, written_table
from tests.acls.universe import TIER, UNIVERSE, lists, refusals, sites
from tests.bench import evaluator

PERMITTING, DENYING = Site(Action.ALLOW), Site(Action.DENY)


def a_list(*lines: str) -> tuple[Rule, ...]:
    """Rules as "allow ingress tcp 22 10.0.0.0/8"; "-" for no ports."""
    names = ("action", "direction", "protocol", "ports", "cidrs")
    rows = [dict(zip(names, line.split(), strict=True)) for line in lines]
    return parse_rules([{**row, "ports": row["ports"].strip("-"), "cidrs": row["cidrs"].split(",")} for row in rows])


def a_packet(text: str) -> Packet:
    """As "ingress tcp 22 10.1.1.1"."""
    direction, protocol, port, address = text.split()
    values = {"direction": direction, "protocol": protocol, "port": port.strip("-"), "address": address}
    return Packet.parse(values)


# --- the same by trying -----------------------------------------------------------------------------------------------


def tried_as_written(rules, packet) -> tuple[Action, int | None]:
    for index, rule in enumerate(rules):
        if rule.direction is not packet.direction or not any(packet.address in cidr for cidr in rule.cidrs):
            continue
        if rule.protocol is Protocol.ICMP and packet.icmp_type not in ICMP_TYPES:
            continue
        if rule.protocol not in (Protocol.ALL, packet.protocol):
            continue
        if not rule.ports or any(first <= packet.port <= last for first, last in rule.ports):
            return rule.action, index
    return Action.DENY, None


def sorted_by_netris(rules, site, denies_rest, ties) -> list[tuple[Any, ...]]:
    """Every single rule as (source, destination, protocol, ports, type, action, index), in the order of acls.rst."""
    everywhere = IPv4Network("0.0.0.0/0")
    single = [
        (rule, cidr, ports or (1, 65535), icmp_type, index)
        for index, rule in enumerate(rules)
        for cidr in rule.cidrs
        for ports in rule.ports or (None,)
        for icmp_type in (ICMP_TYPES if rule.protocol is Protocol.ICMP else (None,))
    ]
    rows = []
    for rule, cidr, ports, icmp_type, index in single:
        ends = (cidr, TIER) if rule.direction is Direction.INGRESS else (TIER, cidr)
        rows.append((*ends, rule.protocol, ports, icmp_type, rule.action, index))
    if denies_rest and site.default is Action.ALLOW:
        for direction, ends in ((Direction.INGRESS, (everywhere, TIER)), (Direction.EGRESS, (TIER, everywhere))):
            has = any(
                rule.direction is direction and rule.protocol is Protocol.ALL and everywhere in rule.cidrs
                for rule in rules
            )
            if not has:
                rows.append((*ends, Protocol.ALL, (1, 65535), None, Action.DENY, None))
    if site.mirrors:
        rows += [(row[1], row[0], *row[2:]) for row in rows if row[2] is not Protocol.TCP and row[3] == (1, 65535)]
    first = {
        Ranking.SPECIFICITY: None,
        Ranking.DENIES_FIRST: Action.DENY,
        Ranking.PERMITS_FIRST: Action.ALLOW,
    }[site.ranking or (Ranking.SPECIFICITY if site.default is Action.ALLOW else Ranking.DENIES_FIRST)]
    protocols = [Protocol.ICMP, Protocol.UDP, Protocol.TCP, Protocol.ALL]

    def key(row):
        source, destination, protocol, ports, _, action, _ = row
        lead = 0 if first is None else int(action is not first)
        width = ports[1] - ports[0]
        return lead, -source.prefixlen, -destination.prefixlen, protocols.index(protocol), width, action is not ties

    return sorted(rows, key=key)


def tried_on_netris(rows, site, packet) -> tuple[Action, int | None]:
    inside = TIER[7]
    ends = (packet.address, inside) if packet.direction is Direction.INGRESS else (inside, packet.address)
    for source, destination, protocol, ports, icmp_type, action, index in rows:
        if ends[0] not in source or ends[1] not in destination or protocol not in (Protocol.ALL, packet.protocol):
            continue
        if protocol in PORTED and not ports[0] <= packet.port <= ports[1]:
            continue
        if icmp_type in (None, packet.icmp_type):
            return action, index
    return site.default, None


@given(lists(), sites, st.booleans(), st.data())
def test_a_packet_is_decided_as_trying_decides_it(rules, site, denies_rest, data):
    for packet in data.draw(st.lists(st.sampled_from(UNIVERSE), min_size=20, max_size=20)):
        answer = evaluate(rules, TIER, site, packet, denies_rest=denies_rest)

        assert (answer.written.action, answer.written.place) == tried_as_written(rules, packet)
        likely, other = (
            tried_on_netris(sorted_by_netris(rules, site, denies_rest, ties), site, packet)[0] for ties in Action
        )
        assert answer.is_sure == (likely is other)
        assert answer.effective.action is likely if answer.is_sure else answer.differs


@settings(max_examples=60)
@given(lists(), sites, st.booleans(), st.sampled_from(Action))
def test_every_packet_is_decided_by_the_same_rule_as_by_trying(rules, site, denies_rest, ties):
    rows = sorted_by_netris(rules, site, denies_rest, ties)
    written = written_table(rules, denies_rest=denies_rest)
    effective = fabric_table(rules, TIER, site, denies_rest=denies_rest, ties=ties)
    for packet in UNIVERSE:
        assert written.decide(packet)[::2] == tried_as_written(rules, packet)
        assert effective.decide(packet).action is tried_on_netris(rows, site, packet)[0]


@settings(max_examples=60)
@given(lists(), sites, st.booleans(), st.sampled_from(Action))
def test_two_tables_are_compared_as_by_trying_every_packet(rules, site, denies_rest, ties):
    written = written_table(rules, denies_rest=denies_rest)
    effective = fabric_table(rules, TIER, site, denies_rest=denies_rest, ties=ties)
    tried = {(written.decide(packet), effective.decide(packet)) for packet in UNIVERSE}

    found = list(compared(written, effective))

    assert {(ours, theirs) for ours, theirs, _ in found} == {
        (ours, theirs) for ours, theirs in tried if ours.action is not theirs.action
    }
    assert len({(ours, theirs) for ours, theirs, _ in found}) == len(found)
    for ours, theirs, packet in found:
        assert (written.decide(packet), effective.decide(packet)) == (ours, theirs)


@settings(max_examples=60)
@given(lists(), sites, st.booleans())
def test_each_difference_comes_with_a_packet_that_shows_it(rules, site, denies_rest):
    found = differences(rules, TIER, site, denies_rest=denies_rest)
    for each in found:
        answer = evaluate(rules, TIER, site, each.packet, denies_rest=denies_rest)
        assert answer.differs and answer.is_sure == each.is_sure and answer.written == each.written
    has_any = any(evaluate(rules, TIER, site, packet, denies_rest=denies_rest).differs for packet in UNIVERSE[::7])
    assert found or not has_any


@settings(max_examples=60)
@given(lists(), lists(), sites)
def test_what_a_list_opens_beyond_another_is_found_as_by_trying_every_packet(before, after, site):
    old, new = (fabric_table(each, TIER, site) for each in (before, after))

    def passes(packet, table):
        return table.decide(packet).action is Action.ALLOW

    packet = opens_more(old, new)

    assert (packet is None) == (not any(passes(each, new) and not passes(each, old) for each in UNIVERSE))
    assert packet is None or (passes(packet, new) and not passes(packet, old))
    assert opens_beyond(new, old, new) is None


@given(lists(), sites, st.sampled_from(Action), st.data())
def test_rules_that_are_read_on_netris_decide_as_the_list_that_was_sent(rules, site, ties, data):
    items = items_of(rules, denies_rest=site.wants_deny_all)
    read = [NetrisRule.of_item(item, TIER) for item in data.draw(st.permutations(items))]

    sent, found = fabric_table(rules, TIER, site, ties=ties), netris_table(read, TIER, site, ties=ties)

    assert opens_more(sent, found) is None and opens_more(found, sent) is None


# --- what the facts tell ----------------------------------------------------------------------------------------------

WORKED = a_list("deny ingress tcp 22 0.0.0.0/0", "allow ingress all - 10.0.0.0/8")


def test_ssh_is_denied_as_written_and_allowed_where_the_narrower_range_goes_first():
    answer = evaluate(WORKED, TIER, PERMITTING, a_packet("ingress tcp 22 10.1.1.1"))

    assert answer == Answer(Decision(Action.DENY, By.RULE, 0), Decision(Action.ALLOW, By.RULE, 1), is_sure=True)
    (difference,) = differences(WORKED, TIER, PERMITTING)
    assert (difference.written, difference.effective) == (answer.written, answer.effective)
    assert difference.packet.protocol is Protocol.TCP and difference.packet.port == 22
    assert difference.packet.address in IPv4Network("10.0.0.0/8")


def test_a_list_without_overlaps_that_denies_the_rest_is_the_same_in_both_orders():
    rules = a_list(
        "allow ingress tcp 80,443 0.0.0.0/0", "allow ingress udp 53 10.0.0.0/8", "allow egress tcp - 0.0.0.0/0"
    )

    assert differences(rules, TIER, PERMITTING) == ()
    assert differences(rules, TIER, DENYING) == ()


def test_without_a_deny_all_the_site_lets_the_rest_through():
    rules = a_list("allow ingress tcp 443 0.0.0.0/0")

    answer = evaluate(rules, TIER, PERMITTING, a_packet("ingress tcp 22 203.0.113.7"), denies_rest=False)

    assert answer.written == Decision(Action.DENY, By.NO_MATCH)
    assert answer.effective == Decision(Action.ALLOW, By.SITE)
    assert len(differences(rules, TIER, PERMITTING, denies_rest=False)) == 1


def test_where_denies_go_first_a_deny_all_is_left_to_the_site():
    rules = a_list("allow ingress tcp 443 0.0.0.0/0")

    answer = evaluate(rules, TIER, DENYING, a_packet("ingress tcp 443 203.0.113.7"))

    assert not answer.differs
    assert evaluate(rules, TIER, DENYING, a_packet("ingress tcp 80 203.0.113.7")).effective.by is By.SITE


def test_where_denies_go_first_a_wider_deny_beats_the_exception_written_before_it():
    rules = a_list("allow ingress tcp 22 10.1.0.0/16", "deny ingress tcp 22 10.0.0.0/8")

    answer = evaluate(rules, TIER, DENYING, a_packet("ingress tcp 22 10.1.1.1"))

    assert (answer.written.place, answer.effective.place) == (0, 1)
    assert not evaluate(rules, TIER, PERMITTING, a_packet("ingress tcp 22 10.1.1.1")).differs


def test_a_rule_turned_round_lets_in_what_the_list_denies():
    rules = a_list("allow egress all - 10.0.0.0/8")
    packet = a_packet("ingress tcp 22 10.1.1.1")

    assert not evaluate(rules, TIER, PERMITTING, packet).differs
    answer = evaluate(rules, TIER, Site(Action.ALLOW, mirrors=True), packet)
    assert answer.effective == Decision(Action.ALLOW, By.MIRROR, 0)


def test_a_rule_with_ports_turned_round_begins_nothing():
    rules = a_list("allow egress udp 53 10.0.0.0/8", "allow egress tcp - 10.0.0.0/8")

    assert differences(rules, TIER, Site(Action.ALLOW, mirrors=True)) == ()


def test_a_tie_on_netris_is_said_to_be_unsure():
    rules = a_list("allow ingress tcp 80-89 10.0.0.0/8", "deny ingress tcp 85-94 10.0.0.0/8")

    answer = evaluate(rules, TIER, PERMITTING, a_packet("ingress tcp 85 10.1.1.1"))

    assert not answer.is_sure
    assert answer.written.action is Action.ALLOW and answer.effective == Decision(Action.DENY, By.RULE, 1)
    (difference,) = differences(rules, TIER, PERMITTING)
    assert not difference.is_sure and difference.packet.port == 85
    for action in Action:
        assert fabric_table(rules, TIER, PERMITTING, ties=action).decide(difference.packet).action is action


def test_rules_of_a_neighbouring_tier_count_where_they_are_read_on_netris():
    neighbour = IPv4Network("10.20.2.0/24")
    items = items_of(a_list("deny ingress tcp 5432 0.0.0.0/0"), denies_rest=False)
    table = netris_table([NetrisRule.of_item(item, neighbour) for item in items], TIER, PERMITTING)

    assert table.decide(a_packet("egress tcp 5432 10.20.2.9")).action is Action.DENY
    assert table.decide(a_packet("egress tcp 5432 10.20.3.9")).action is Action.ALLOW


def test_of_two_tiers_rules_for_one_packet_the_narrower_source_goes_first():
    neighbour, private = IPv4Network("10.20.2.0/24"), IPv4Network("10.0.0.0/8")
    into_neighbour = NetrisRule(Action.DENY, "tcp", private, neighbour, (5432, 5432))
    out_of_tier = NetrisRule(Action.ALLOW, "tcp", TIER, private, (5432, 5432))

    table = netris_table([into_neighbour, out_of_tier], TIER, PERMITTING)

    assert table.decide(a_packet("egress tcp 5432 10.20.2.9")) == Decision(Action.ALLOW, By.RULE, 1)


# --- packets ----------------------------------------------------------------------------------------------------------


def test_a_packet_is_read_with_every_fault_named():
    given = {"direction": "up", "protocol": "gre", "port": "0", "address": "fe80::1"}
    assert refusals(Packet.parse, given) == {
        "direction": "direction-unknown",
        "protocol": "protocol-unknown",
        "port": "port-out-of-range",
        "address": "address-malformed",
    }


@pytest.mark.parametrize(
    ("protocol", "port", "code"),
    [("tcp", None, "port-missing"), ("icmp", 22, "port-not-taken"), ("all", 1, "port-not-taken")],
)
def test_a_packet_has_a_port_with_tcp_and_udp_alone(protocol, port, code):
    values = {"direction": "ingress", "protocol": protocol, "port": port, "address": "10.0.0.1"}
    assert refusals(Packet.parse, values) == {"port": code}


def test_an_icmp_packet_is_a_ping():
    assert a_packet("ingress icmp - 10.0.0.1").icmp_type == 8


# --- how fast ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", evaluator.SHAPES)
@pytest.mark.parametrize(
    "site", [PERMITTING, DENYING, Site(Action.ALLOW, mirrors=True)], ids=["permit", "deny", "mirrors"]
)
def test_500_rules_are_evaluated_within_5_ms_and_compared_within_500(shape, site):
    one, both = evaluator.measure(shape, site)

    print(f"{shape}: one packet {one * 1000:.2f} ms, both orders {both * 1000:.0f} ms")
    assert one < evaluator.MOST_FOR_PACKET
    assert both < evaluator.MOST_FOR_ORDERS


def test_an_address_at_either_end_of_the_world_is_found():
    rules = a_list("allow ingress tcp 22 255.255.255.255/32", "allow ingress tcp 23 0.0.0.0/32")

    last = Packet(Direction.INGRESS, Protocol.TCP, IPv4Address("255.255.255.255"), 22)
    assert written_table(rules).decide(last).place == 0
    assert opens_more(written_table(()), written_table(rules[:1])).address == IPv4Address("255.255.255.255")
    assert opens_more(written_table(()), written_table(rules[1:])).address == IPv4Address(0)
