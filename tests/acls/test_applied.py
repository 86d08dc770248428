"""Lists that are changed behind Weft's back, in CloudStack or on Netris: found by the sweeps, and applied again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.acls import services
from apps.acls.applied import KINDS
from apps.acls.models import FRESH_FOR
from apps.acls.rules import parse_rules
from apps.acls.tasks import compare_all
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.services import refresh
from apps.mirror.sweeps import SWEEPS
from tests.acls.scene import Scene, allow, deny
from tests.builders import BY

RULES = [allow("80,443"), deny("80", "192.0.2.0/24"), allow("", "10.0.0.0/8", protocol="icmp")]

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def scene(acme: Any, zone: Any, run: Any, world: Any, watch: Any, clock: Any) -> Scene:
    return Scene(acme, zone, run, world, watch, clock)


def swept(scene: Scene) -> None:
    """The next sweeps."""
    scene.clock.shift(timedelta(minutes=2))
    for kind in (*KINDS, Kind.NETRIS_VNET):
        assert refresh(scene.zone, kind, scene.clouds)


def looked(scene: Scene) -> bool | None:
    """What the next sweeps find."""
    swept(scene)
    compare_all()
    row = scene.row
    assert row.read_at is not None and timezone.now() - row.read_at < timedelta(minutes=1)
    return row.seen.is_applied


def done(scene: Scene) -> None:
    for _ in range(5):
        scene.clock.shift(timedelta(seconds=10))
        scene.world.cloudstack.run_due_jobs()


def a_rule_goes_on_netris(scene: Scene) -> None:
    netris = scene.clouds.netris
    rule = next(each for each in netris.acls(scene.vpc.netris_id) if each.port_from == 443)
    netris.delete_acl(rule.id, netris_tenant_id=netris.get_vpc(scene.vpc.netris_id).admin_tenant.id)


def a_rule_comes_on_netris(scene: Scene) -> None:
    rule = next(each for each in scene.clouds.netris.acls(scene.vpc.netris_id) if each.port_from == 443)
    scene.clouds.netris.create_acl(
        name=f"{rule.name.rpartition('-')[0]}-ACL9999",
        vpc_id=scene.vpc.netris_id,
        action="permit",
        protocol="udp",
        source=rule.source,
        destination=rule.destination,
        comment="",
    )


def a_guard_stays_on_netris(scene: Scene) -> None:
    scene.clouds.netris.create_acl(
        name=f"weft-guard-{scene.tier.pk.hex[:12]}-in",
        vpc_id=scene.vpc.netris_id,
        action="deny",
        protocol="ip",
        source="0.0.0.0/0",
        destination=scene.tier.cidr,
        comment="",
    )


def an_item_goes_in_cloudstack(scene: Scene) -> None:
    item = next(each for each in scene.cloudstack.acl_items(str(scene.row.cloudstack_id)) if each.startport == 443)
    scene.cloudstack.delete_acl_item(item.id)
    done(scene)


def the_tier_gets_another_list_in_cloudstack(scene: Scene) -> None:
    [other] = [each for each in scene.cloudstack.acl_lists() if each.name == "default_allow"]
    network = scene.cloudstack.find_network(scene.tier.remote_name, vpc_id=str(scene.vpc.cloudstack_id))
    scene.cloudstack.replace_acl_list(other.id, network_id=network.id)
    done(scene)


@pytest.mark.parametrize(
    "disturb",
    [
        a_rule_goes_on_netris,
        a_rule_comes_on_netris,
        a_guard_stays_on_netris,
        an_item_goes_in_cloudstack,
        the_tier_gets_another_list_in_cloudstack,
    ],
)
def test_what_is_changed_behind_our_back_is_found_and_can_be_applied_again(scene, disturb):
    scene.assigned(RULES)
    assert looked(scene) is True

    disturb(scene)
    assert scene.row.seen.is_applied is True, "nobody has looked yet"
    assert looked(scene) is False

    assert scene.succeeds(services.apply_again(scene.tier, by=BY))
    assert scene.row.seen.is_applied is True
    assert looked(scene) is True
    assert scene.agrees()


@pytest.mark.parametrize("disturb", [an_item_goes_in_cloudstack, the_tier_gets_another_list_in_cloudstack])
def test_of_a_tier_without_machines_cloudstack_alone_is_asked(scene, disturb):
    scene.assigned(RULES, runs=False)
    assert looked(scene) is None

    disturb(scene)
    assert looked(scene) is False

    assert scene.succeeds(services.apply_again(scene.tier, by=BY))
    assert looked(scene) is None
    scene.live()
    assert looked(scene) is True


def test_what_was_read_before_a_change_was_over_says_nothing_of_it(scene):
    scene.assigned([allow("80")])
    assert looked(scene) is True
    scene.succeeds(services.change_rules(scene.acl, parse_rules([allow("81")]), by=BY))
    before = scene.row.read_at
    Reading.objects.update(read_at=scene.row.compared_at - timedelta(milliseconds=1))

    assert compare_all() == 0
    assert (scene.row.seen.is_applied, scene.row.read_at) == (True, before)


def test_while_a_change_is_under_way_nothing_is_compared(scene):
    scene.assigned([allow("80")])
    services.change_rules(scene.acl, parse_rules([allow("81")]), by=BY)
    swept(scene)
    assert compare_all() == 0


def test_a_reading_that_is_too_old_is_no_answer(scene):
    scene.assigned([allow("80")])
    assert looked(scene) is True
    scene.clock.shift(FRESH_FOR + timedelta(seconds=1))
    assert compare_all() == 0
    assert scene.row.seen.is_applied is None and scene.row.is_applied is True


def test_what_has_not_changed_costs_a_date(scene, django_assert_num_queries):
    scene.assigned(RULES)
    assert looked(scene) is True
    swept(scene)
    # The zone, its readings, the rows, three marks, one update.
    with django_assert_num_queries(8):
        assert compare_all() == 1
    assert scene.row.seen.is_applied is True


def test_rules_are_in_the_mirror_as_netris_has_them(scene):
    """Prefixes come from there without their lengths, and stand here with them."""
    scene.assigned(RULES)
    swept(scene)
    rows = SWEEPS[Kind.NETRIS_ACL].rows_of(Item.objects.filter(kind=Kind.NETRIS_ACL).order_by("remote_id"))
    assert {rule.id: rule for rule in rows} == {rule.id: rule for rule in scene.clouds.netris.acls(scene.vpc.netris_id)}
    assert len(rows) == 9
