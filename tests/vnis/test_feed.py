"""What the ledger makes of the lists: who has a number in whose view, since when, until when."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier
from apps.networks.services import create_vpc
from apps.operations.provisioned import Status
from apps.vnis.feed import LISTS, write
from apps.vnis.models import Claim, VniRange, numbers
from apps.vnis.services import look
from tests import builders


def the_range(**which: object) -> VniRange:
    return VniRange.objects.get(**({"system": "cloudstack"} | which))


def figures(row: VniRange) -> tuple[int, ...]:
    return (row.used, row.lost, row.reserved, row.free, row.largest_free_run)


def test_each_system_has_its_view_of_a_number(lists, held):
    lists.pool("1000-1099")
    lists.network("net-1", 1001)
    lists.vnet(7, 1001)
    lists.vpc(3, 12)
    assert lists.look()

    assert held(1001) == [("cloudstack", "network", "net-1", True), ("netris", "vnet", "7", True)]
    assert held(12) == [("netris", "vpc", "3", True)]
    assert figures(the_range()) == (1, 0, 0, 99, 98)


def test_numbers_that_no_network_has_any_more_are_lost_w5(lists, held):
    lists.pool("1000-1099, 5000-5009,nonsense,")
    lists.network("awake", 1001, broadcasturi="netris://1001")
    lists.network("asleep", 1002, broadcasturi="")
    lists.taken(1003)
    lists._put(Kind.CLOUDSTACK_NETWORK, "foreign", {"broadcasturi": "vxlan://1003"})
    lists._put(Kind.CLOUDSTACK_NETWORK, "routed", {})
    lists.taken(1004, taken="2026-01-02T03:04:05+00:00")
    lists.taken(5000)
    lists.look()

    assert [figures(row) for row in VniRange.objects.order_by("vnis")] == [(3, 1, 0, 96, 95), (0, 1, 0, 9, 9)]
    assert held(1004) == [("cloudstack", "lost", "1004", True)]
    assert Claim.unscoped.get(holder="1004").began_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_number_younger_than_the_list_of_networks_is_not_called_lost(lists, held):
    lists.read()
    lists._clock.shift(timedelta(seconds=5))
    lists.taken(1004)
    look(lists.zone)
    assert held(1004) == [("cloudstack", "taken", "1004", True)]

    lists.look()  # nothing in the lists has changed but when they were read

    assert held(1004) == [("cloudstack", "lost", "1004", True)]


def test_nothing_is_called_lost_before_the_networks_were_read(lists, held):
    lists.taken(1004)
    lists.read(Kind.CLOUDSTACK_POOL, Kind.CLOUDSTACK_VNI)
    look(lists.zone)
    assert held(1004) == [("cloudstack", "taken", "1004", True)]


def test_who_had_it_when_is_kept(lists, held):
    lists.network("net-1", 1001)
    lists.look()
    began_at = timezone.now()
    lists.forget(Kind.CLOUDSTACK_NETWORK, "net-1")
    lists.look()
    assert held(1001) == [("cloudstack", "lost", "1001", True)]
    lists.network("net-2", 1001, created="2026-03-02T09:00:05+0000")
    lists.look()

    assert held(1001) == [("cloudstack", "network", "net-2", True)]
    past = Claim.unscoped.of_number(1001).order_by("began_at")
    assert [each.holder for each in past] == ["net-1", "1001", "net-2"]
    assert [each.ended_at for each in past[:2]] == [each.began_at for each in past[1:]]
    assert [each.holder for each in Claim.unscoped.at(began_at).of_number(1001)] == ["net-1"]


def test_of_two_that_have_one_number_the_elder_is_the_first_and_the_other_comes_after_it(lists, held):
    lists.vnet(7, 1001)
    lists.look()
    lists.vnet(5, 1001)
    lists.look()
    assert held(1001) == [("netris", "vnet", "7", True), ("netris", "vnet", "5", False)]

    lists.forget(Kind.NETRIS_VNET, 7)
    lists.look()

    assert held(1001) == [("netris", "vnet", "5", True)]
    rows = Claim.unscoped.of_number(1001)
    assert rows.filter(holder="5").count() == 2  # first as the second one, then as the first
    assert not rows.filter(holder="5", is_first=False, ended_at=None).exists()


def test_a_network_that_takes_another_number_leaves_its_own(lists, held):
    lists.network("net-1", 1001)
    lists.network("net-2", 1002)
    lists.look()
    lists.network("net-2", 1001)
    lists.look()
    assert held(1001) == [("cloudstack", "network", "net-1", True), ("cloudstack", "network", "net-2", False)]
    assert held(1002) == [("cloudstack", "lost", "1002", True)]


def test_nothing_is_looked_through_while_nothing_changes(lists, django_assert_num_queries):
    lists.pool("1000-1099")
    lists.network("net-1", 1001)
    assert lists.look()
    assert not lists.look()
    with django_assert_num_queries(5):  # with two of the savepoint that it is in a test
        assert not write(lists.zone)


def test_what_is_called_otherwise_is_still_the_same_claim(lists):
    lists.vnet(7, 1001, "old")
    lists.look()
    lists.vnet(7, 1001, "new")
    lists.look()
    assert [(each.name, each.ended_at) for each in Claim.unscoped.all()] == [("new", None)]


def test_the_database_lets_no_two_first_holders_meet(site):
    now = timezone.now()
    common = {"zone": site, "system": "netris", "kind": "vnet", "seen_at": now}
    Claim.unscoped.create(vnis=numbers(5, 9), holder="1", is_first=True, began_at=now - timedelta(days=1), **common)
    for wrong in (numbers(9, 9), numbers(1, 5)):
        with pytest.raises(IntegrityError, match="a_vni_has_one_first_holder"), transaction.atomic():
            Claim.unscoped.create(vnis=wrong, holder="2", is_first=True, began_at=now, **common)
    Claim.unscoped.create(vnis=numbers(9, 9), holder="2", is_first=False, began_at=now, **common)
    Claim.unscoped.create(vnis=numbers(10, 10), holder="3", is_first=True, began_at=now, **common)
    earlier = now - timedelta(days=3)
    Claim.unscoped.create(
        vnis=numbers(9, 9), holder="4", is_first=True, began_at=earlier, ended_at=now - timedelta(days=2), **common
    )


def test_zones_do_not_count_each_others_numbers(lists, clock):
    other = type(lists)(builders.a_zone("Zone-2"), clock)
    for each in (lists, other):
        each.pool("1000-1099")
        each.taken(1004)
    other.network("tier", 1004)
    lists.look()
    other.look()
    assert figures(the_range(zone=lists.zone)) == (0, 1, 0, 99, 95)
    assert figures(the_range(zone=other.zone)) == (1, 0, 0, 99, 95)


def test_what_netris_uses_inside_cloudstacks_range_is_reserved(lists):
    lists.pool("1000-1099")
    lists.network("net-1", 1000)
    lists.vnet(1, 1000)
    lists.vnet(2, 1050, "by hand")
    lists.vpc(3, 1099)
    lists.look()
    assert figures(the_range()) == (1, 0, 2, 97, 49)
    assert the_range().run_start == 1001


def test_what_netris_hands_out_itself_is_a_range_of_its_own_on_each_side_of_cloudstacks(lists):
    lists.pool("1000-1099")
    for number, vni in enumerate((10, 12, 17, 5000)):
        lists.vpc(number, vni)
    for number, vni in enumerate((12, 13, 1001, 4000)):
        lists.vnet(number, vni)
    lists.look()
    found = [(row.kind, row.start, row.end, *figures(row)) for row in VniRange.objects.filter(system="netris")]
    assert sorted(found) == [
        ("l2", 12, 13, 2, 0, 0, 0, 0),
        ("l2", 4000, 4000, 1, 0, 0, 0, 0),
        ("l3", 10, 17, 3, 0, 1, 4, 3),
        ("l3", 5000, 5000, 1, 0, 0, 0, 0),
    ]
    before = set(VniRange.objects.values_list("pk"))
    lists.vpc(9, 3)
    lists.look()
    assert set(VniRange.objects.values_list("pk")) == before
    assert VniRange.objects.filter(kind="l3", vnis=numbers(3, 17)).exists()


def test_a_range_that_cloudstack_has_no_more_is_gone(lists):
    lists.pool("1000-1099,2000-2099")
    lists.look()
    lists.pool("1000-1199")
    lists.look()
    assert [(row.start, row.end) for row in VniRange.objects.all()] == [(1000, 1199)]


def test_figures_are_those_of_a_plain_count(lists):
    """Of arbitrary lists, looked through again and again."""
    dice = random.Random(7)
    lists.pool("100-2599")
    networks, vnets, taken = {}, {}, set()
    for _ in range(6):
        for _ in range(25):
            vni = dice.randint(100, 2599)
            match dice.choice(["network", "vnet", "taken", "gone"]):
                case "network":
                    networks[f"net-{vni}"] = vni
                    taken.add(vni)
                    lists.network(f"net-{vni}", vni)
                case "vnet":
                    vnets[vni] = vni
                    lists.vnet(vni, vni)
                case "taken":
                    taken.add(vni)
                    lists.taken(vni)
                case "gone" if networks:
                    gone = dice.choice(sorted(networks))
                    del networks[gone]
                    lists.forget(Kind.CLOUDSTACK_NETWORK, gone)
        lists.look()
        used, lost = set(networks.values()), taken - set(networks.values())
        reserved = set(vnets.values()) - taken
        free, run = 0, 0
        for vni in range(100, 2600):
            run = 0 if vni in used | lost | reserved else run + 1
            free = max(free, run)
        assert figures(the_range()) == (
            len(used), len(lost), len(reserved), 2500 - len(used) - len(lost) - len(reserved), free
        )  # fmt: skip
        blocks = the_range().blocks.all()
        assert sum(block.used for block in blocks) == len(used)
        assert {block.number for block in blocks} <= {0, 1, 2}


# --- whose they are ---------------------------------------------------------------------------------------------------


def test_numbers_are_told_by_tenant(lists, acme):
    vpc = builders.a_vpc(acme, lists.zone, netris_id=3)
    tier = builders.a_tier(vpc, cloudstack_id="11111111-2222-3333-4444-555555555555", netris_id=7)
    lists.pool("1000-1099")
    lists.network(str(tier.cloudstack_id), 1001)
    lists.network("other", 1002, account="ops")
    lists.network("another", 1003, account="ops")
    lists.vnet(7, 1001)
    lists.vpc(3, 1)
    lists.look()

    assert {each.owner: each.used for each in the_range().shares.all()} == {"Acme": 1, "ops": 2}
    assert {each.kind for each in Claim.objects.of(acme)} == {"network", "vnet", "vpc"}
    Tier.unscoped.update(status=Status.DELETED)
    lists.forget(Kind.CLOUDSTACK_NETWORK, tier.cloudstack_id)
    lists.look()
    assert Claim.objects.of(acme).get(kind="vnet", ended_at=None).owner == "Acme"  # whose it was


# --- how long it lasts ------------------------------------------------------------------------------------------------


def days_ago(days: float) -> str:
    return (timezone.now() - timedelta(days=days)).isoformat()


def test_a_range_that_fills_evenly_is_full_when_arithmetic_says(lists):
    lists.pool("1000-1999")
    for number in range(400):  # ten a day
        lists.taken(1000 + number, taken=days_ago(40 - number / 10))
    lists.look()
    row = the_range()
    assert row.free == 600
    assert abs(row.full_at - timezone.now() - timedelta(days=60)) < timedelta(days=1)


def test_what_has_not_grown_or_is_known_too_short_a_time_is_foretold_nothing(lists):
    lists.pool("1000-1999")
    lists.taken(1000, taken=days_ago(40))
    lists.look()
    assert (the_range().per_day, the_range().full_at) == (0, None)
    Claim.unscoped.all().delete()
    lists.taken(1001, taken=days_ago(6))
    lists.taken(1000, taken=days_ago(6))
    lists.look()
    assert (the_range().per_day, the_range().full_at) == (None, None)


# --- the real thing ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("accounts")
def test_a_tier_has_its_number_in_both_views(zone, acme, run, clouds_of, held):
    run(create_vpc(acme, builders.a_vpc_spec(zone), by=builders.BY))
    for kind in LISTS:
        assert refresh(zone, kind, clouds_of(zone))
    look(zone)
    tier = Tier.unscoped.get(name="web")
    assert held(tier.vni) == [
        ("cloudstack", "network", str(tier.cloudstack_id), True),
        ("netris", "vnet", str(tier.netris_id), True),
    ]
    row = the_range()
    assert (row.start, row.end, row.used, row.reserved) == (1_000_000, 2_000_000, 2, 0)
    assert set(Claim.unscoped.of_number(tier.vni).values_list("owner", flat=True)) == {"Acme"}
    assert VniRange.objects.filter(kind="l3").exists()
