"""Access lists on the emulated systems: the happy ways first, then what goes wrong."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.acls import services
from apps.acls.evaluator import opens_beyond
from apps.acls.models import Acl, TierAcl
from apps.acls.rules import parse_rules
from apps.acls.tables import fabric_table
from apps.networks.models import Tier
from apps.networks.services import create_tier, delete_tier, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.operations.state import Phase
from tests.acls.scene import SITE, Scene, allow, deny, ports
from tests.builders import BY
from tests.sandbox.control import after_each_change

TWO = [allow("80,443"), deny("80", "192.0.2.0/24"), allow("22", "203.0.113.7/32")]
OTHER = [allow("80", "10.0.0.0/8"), deny("22", "203.0.113.0/24"), allow("53", protocol="udp", direction="egress")]
FIFTY = [allow(str(port)) for port in ports(25)] + [deny(str(port), "192.0.2.0/24") for port in ports(25)]
FIFTY_MORE = [allow(str(port), "10.0.0.0/8") for port in ports(25, 2010)] + [deny(str(p)) for p in ports(25, 3000)]

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def scene(acme, zone, run, world, watch, clock) -> Scene:
    return Scene(acme, zone, run, world, watch, clock)


class TestTheHappyWays:
    def test_a_tiers_first_list_is_on_netris_when_the_operation_is_over(self, scene):
        scene.live()
        scene.made([allow("80,443"), allow("22", "203.0.113.7/32")])

        assert scene.succeeds(services.assign(scene.tier, str(scene.acl.pk), by=BY))

        assert scene.on_netris() == {"permit tcp 80", "permit tcp 443", "permit tcp 22", "deny all 0"}
        assert scene.row.is_applied is True and scene.row.read_at is not None
        assert scene.agrees()

    def test_a_list_taken_off_leaves_no_rule(self, scene):
        scene.assigned([allow("80")])
        assert scene.succeeds(services.unassign(scene.tier, by=BY))
        assert scene.rules() == []
        assert scene.row.status == Status.DELETED

    def test_a_small_change_is_made_item_by_item(self, scene):
        scene.assigned([allow("80"), allow("22")])
        scene.watch.calls.clear()
        assert scene.succeeds(services.change_rules(scene.acl, parse_rules([allow("80"), allow("23")]), by=BY))
        assert scene.agrees()
        assert ("cloudstack", "replaceNetworkACLList") not in scene.watch.calls

    def test_a_large_change_is_a_new_list_behind_a_guard(self, scene):
        scene.assigned([allow(str(port)) for port in ports(50)])
        scene.watch.calls.clear()
        assert scene.succeeds(
            services.change_rules(scene.acl, parse_rules([allow(str(port)) for port in ports(50, 3000)]), by=BY)
        )
        assert scene.watch.calls.count(("netris", "POST /api/acl")) == 2
        assert scene.watch.calls.count(("cloudstack", "replaceNetworkACLList")) == 1
        assert scene.agrees()

    def test_a_new_tier_is_made_with_its_list(self, scene):
        scene.made([allow("80")])
        spec = TierSpec.parse({"name": "new", "cidr": "10.20.2.0/24"})
        assert scene.succeeds(create_tier(scene.vpc, spec, by=BY, beside=services.has_list(str(scene.acl.pk))))
        tier = Tier.unscoped.get(name="new")
        remote = scene.cloudstack.find_network(tier.remote_name, vpc_id=str(scene.vpc.cloudstack_id))
        assert remote.aclid == str(TierAcl.unscoped.get(pk=tier.pk).cloudstack_id)
        assert scene.succeeds(delete_tier(tier, by=BY))
        assert TierAcl.unscoped.get(pk=tier.pk).status == Status.DELETED
        assert scene.cloudstack.acl_lists_of(str(scene.vpc.cloudstack_id)) == []

    def test_a_vpc_takes_its_lists_along(self, scene):
        scene.assigned([allow("80")], runs=False)
        assert scene.succeeds(delete_vpc(scene.vpc, by=BY))
        assert not Acl.unscoped.exclude(status=Status.DELETED).exists()
        assert not TierAcl.unscoped.exclude(status=Status.DELETED).exists()
        assert scene.world.are_empty()


def test_a_list_of_fifty_rules_is_not_slowed_down_by_its_own_length(scene):
    scene.assigned(FIFTY)
    started = timezone.now()
    scene.succeeds(services.change_rules(scene.acl, parse_rules(FIFTY_MORE), by=BY))
    assert (timezone.now() - started).total_seconds() < 90


class TestNothingIsOpenedOnTheWay:
    """Netris is looked at after every call of the plugin that changes something."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [(TWO, OTHER), (TWO, []), ([], TWO), (FIFTY, FIFTY_MORE), (FIFTY, TWO)],
        ids=["few to few", "to none", "from none", "fifty to fifty", "fifty to few"],
    )
    def test_no_change_opens_more_than_both_lists_allow(self, scene, before, after):
        scene.assigned(before)
        old = scene.table()

        with after_each_change(scene.world, scene.table) as seen:
            assert scene.succeeds(services.change_rules(scene.acl, parse_rules(after), by=BY))

        new = scene.table()
        assert len(seen) > 2
        assert [packet for table in seen if (packet := opens_beyond(table, old, new))] == []
        assert scene.agrees()

    def test_another_list_opens_no_more_than_both_allow(self, scene):
        scene.assigned(FIFTY)
        old = scene.table()
        scene.made(TWO)
        with after_each_change(scene.world, scene.table) as seen:
            assert scene.succeeds(services.assign(scene.tier, str(scene.acl.pk), by=BY))
        assert [packet for table in seen if (packet := opens_beyond(table, old, scene.table()))] == []
        assert scene.agrees()

    def test_taken_off_a_list_opens_nothing_before_its_end(self, scene):
        scene.assigned(FIFTY)
        old = scene.table()
        with after_each_change(scene.world, scene.table) as seen:
            assert scene.succeeds(services.unassign(scene.tier, by=BY))
        assert [packet for table in seen[:-2] if (packet := opens_beyond(table, old))] == []
        assert scene.rules() == []

    @pytest.mark.parametrize(
        ("before", "after", "call"),
        [
            *((TWO, OTHER, call) for call in ("POST /api/acl", "DELETE /api/acl", "PUT /api/acl")),
            *((FIFTY, FIFTY_MORE, call) for call in ("POST /api/acl", "DELETE /api/acl")),
        ],
        ids=["few, added", "few, removed", "few, written anew", "fifty, added", "fifty, removed"],
    )
    def test_what_netris_refuses_goes_back_or_is_stuck_and_opens_nothing(self, scene, before, after, call):
        """As long as it refuses, the change can go neither way; then it goes back, and the old rules are all there."""
        scene.assigned(before)
        old, new = scene.table(), netris_table_of(scene, after)
        with after_each_change(scene.world, scene.table) as seen:
            scene.world.netris.faults.order("refuse", call)
            operation = scene.run(services.change_rules(scene.acl, parse_rules(after), by=BY))
            scene.world.netris.faults.clear()
            if operation.phase == Phase.STUCK:
                assert scene.acl.rules == [rule.as_json() for rule in parse_rules(before)]
                operation = scene.run(retry(operation, by=BY))
        assert operation.phase == Phase.ROLLED_BACK, (operation.phase, operation.error)
        assert [packet for table in seen if (packet := opens_beyond(table, old, new))] == []
        assert scene.agrees()


def netris_table_of(scene, rules):
    return fabric_table(parse_rules(rules), scene.tier.cidr, SITE)
