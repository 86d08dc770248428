from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from apps.acls import presets
from apps.acls.evaluator import differences, evaluate
from apps.acls.fabric import Site
from apps.acls.rules import Action, clashes
from apps.kernel.errors import Refused
from tests.acls.test_evaluator import a_packet
from tests.acls.universe import TIER

WEB_TIER = IPv4Network("10.20.2.0/24")
EVERY = (
    *presets.web(),
    *presets.database(WEB_TIER),
    *presets.ssh(IPv4Address("203.0.113.7")),
    *presets.ping(),
    *presets.dns(),
)
SITES = [Site(Action.ALLOW), Site(Action.DENY)]


@pytest.mark.parametrize(
    ("packet", "passes"),
    [
        ("ingress tcp 443 198.51.100.1", True),
        ("ingress tcp 80 198.51.100.1", True),
        ("ingress udp 443 198.51.100.1", False),
        ("ingress tcp 5432 10.20.2.9", True),
        ("ingress tcp 5432 10.20.3.9", False),
        ("ingress tcp 3306 10.20.2.9", False),
        ("ingress tcp 22 203.0.113.7", True),
        ("ingress tcp 22 203.0.113.8", False),
        ("ingress icmp - 198.51.100.1", True),
        ("egress icmp - 198.51.100.1", False),
        ("egress udp 53 198.51.100.1", True),
        ("egress tcp 53 198.51.100.1", True),
        ("ingress udp 53 198.51.100.1", False),
        ("egress tcp 443 198.51.100.1", False),
        ("ingress all - 198.51.100.1", False),
    ],
)
@pytest.mark.parametrize("site", SITES, ids=["permit", "deny"])
def test_presets_open_what_they_name_and_nothing_else(packet, passes, site):
    answer = evaluate(EVERY, TIER, site, a_packet(packet))
    assert (answer.written.action, answer.effective.action) == (Action.ALLOW if passes else Action.DENY,) * 2


def test_all_presets_together_are_one_list_that_is_the_same_in_both_orders():
    assert not clashes(EVERY)
    assert [differences(EVERY, TIER, site) for site in SITES] == [(), ()]


def test_a_preset_can_be_narrowed():
    (rule,) = presets.web((WEB_TIER,))
    assert rule.cidrs == (WEB_TIER,) and rule.note == "Web"


def test_a_database_is_one_of_those_that_are_known():
    assert presets.database(WEB_TIER, 6379)[0].note == "Redis from 10.20.2.0/24"
    with pytest.raises(Refused, match="3306"):
        presets.database(WEB_TIER, 22)
