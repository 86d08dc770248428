"""What is found wrong with numbers and ranges, once, and not before it is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.history.models import Event
from apps.mirror.models import Kind, Reading
from apps.mirror.services import refresh
from apps.networks.models import Tier
from apps.networks.services import create_vpc
from apps.vnis import findings
from apps.vnis.feed import LISTS
from apps.vnis.services import look
from tests import builders


def told(*kinds: str) -> list[tuple[str, str]]:
    rows = Event.objects.filter(ended_at=None, source__name="vnis").order_by("kind", "subject_id")
    return list(rows.values_list("kind", "subject_id"))


def settle(lists, times: int = 2) -> None:
    for _ in range(times):
        lists.look()


@pytest.fixture
def well(lists):
    """Two tiers with their V-Nets, and the VPCs' own numbers."""
    lists.pool("1000-1099")
    for number in (1, 2):
        lists.network(f"tier-{number}", 1000 + number)
        lists.vnet(number, 1000 + number, f"D1-A2-Z1-V3-N{number}-tier-{number}")
        lists.vpc(number, number)
    settle(lists)
    return lists


def test_nothing_is_wrong_where_both_systems_agree(well):
    assert told() == []


def test_two_vnets_with_one_number_are_one_finding_and_it_goes_with_the_second(well):
    well.vnet(2, 1001, "D1-A2-Z1-V3-N2-tier-2")
    well.look()
    assert told() == []  # what is only now seen may just be changing
    settle(well)
    assert told() == [("vni-duplicate", "1001")]
    event = Event.objects.get()
    assert "tier-1" in event.words and "tier-2" in event.words
    settle(well)
    assert Event.objects.count() == 1
    well.vnet(2, 1002, "D1-A2-Z1-V3-N2-tier-2")
    settle(well)
    assert told() == []


def test_a_tier_that_takes_the_number_of_another_is_one_finding_too(well):
    well.network("tier-2", 1001)  # its V-Net keeps a number that CloudStack has lost
    settle(well, 3)
    assert told() == [("vni-duplicate", "1001")]


def test_a_tier_and_a_vpc_of_netris_with_one_number_are_a_duplicate(well):
    well.vnet(2, 2000)
    well.vpc(2, 1002)
    settle(well, 3)
    assert ("vni-duplicate", "1002") in told()


def test_a_vnet_whose_tier_is_gone_has_leaked_and_its_tenant_is_told(well, acme):
    vpc = builders.a_vpc(acme, well.zone)
    builders.a_tier(vpc, netris_id=2)
    well.forget(Kind.CLOUDSTACK_NETWORK, "tier-2")
    settle(well)
    assert told() == [("vni-leaked", "1002")]
    assert list(Event.objects.get().touched.all()) == [acme]
    well.forget(Kind.NETRIS_VNET, 2)
    settle(well)
    assert told() == []


def test_a_number_that_cloudstack_calls_free_while_a_vnet_has_it_is_worse(well):
    well.forget(Kind.CLOUDSTACK_NETWORK, "tier-2")
    well.forget(Kind.CLOUDSTACK_VNI, "pn-1:1002")
    settle(well)
    assert told() == [("vni-released", "1002")]
    assert Event.objects.get().severity == "critical"


def test_what_is_being_made_and_what_is_being_removed_is_no_leak(well):
    well.vnet(3, 1003, "D1-A2-Z1-V3-N3-tier-3")  # the plugin makes the V-Net first
    well.look()
    well.network("tier-3", 1003)
    settle(well)
    assert Event.objects.count() == 0
    well.forget(Kind.CLOUDSTACK_NETWORK, "tier-3")  # its V-Net was there in an older list
    well.look()
    well.forget(Kind.NETRIS_VNET, 3)
    settle(well)
    assert Event.objects.count() == 0


def test_lists_that_the_ledger_has_not_taken_in_settle_nothing(well):
    well.taken(1003)
    well.vnet(3, 1003, "D1-A2-Z1-V3-N3-tier-3")
    well.look()
    well.network("tier-3", 1003)
    well.pass_by()
    well.read()
    findings.tell(well.zone)  # while another is at the ledger
    assert told() == []
    settle(well)
    assert Event.objects.count() == 0


def test_a_sleeping_tier_has_not_leaked(well):
    well.network("tier-2", 1002, state="Allocated", broadcasturi="")
    settle(well, 3)
    assert told() == []


def test_what_netris_has_of_its_own_in_the_range_is_told_once_for_all_of_it(well):
    for number in range(10, 20):
        well.vnet(number, 1040 + number, f"by hand {number}")
    settle(well)
    [(kind, _)] = told()
    assert kind == "vni-reserved"
    assert "10 of its numbers belong to something else" in Event.objects.get().words
    assert "and 7 more" in Event.objects.get().words


def test_ranges_of_two_zones_on_one_controller_may_not_overlap(well, clock):
    other = type(well)(builders.a_zone("Zone-2", netris_url=well.zone.netris_url), clock)
    other.pool("1050-1200")
    settle(other)
    settle(well)
    assert [kind for kind, _ in told()] == ["vni-ranges-overlap", "vni-ranges-overlap"]
    other.pool("1100-1200")
    settle(other)
    settle(well)
    assert told() == []


def test_of_two_ranges_of_one_zone_that_overlap_one_is_told(well):
    well.pool("1090-1200", "second", "pn-2")
    settle(well)
    assert [kind for kind, _ in told()] == ["vni-ranges-overlap"]


def test_a_range_that_fills_up_is_an_event_and_worse_from_nine_tenths(well):
    for vni in range(1003, 1075):
        well.taken(vni)
    well.look()
    assert told() == []
    well.taken(1075)
    well.look()
    assert [kind for kind, _ in told()] == ["vni-range-filling"]
    assert Event.objects.get().severity == "warning" and not Event.objects.get().is_finding
    for vni in range(1076, 1095):
        well.taken(vni)
    well.look()
    assert Event.objects.get().severity == "critical"


def test_while_a_list_is_stale_nothing_begins_and_nothing_ends(well, clock):
    well.vnet(2, 1001, "D1-A2-Z1-V3-N2-tier-2")
    settle(well, 3)
    well.vnet(2, 1002, "D1-A2-Z1-V3-N2-tier-2")
    clock.shift(timedelta(hours=1))
    Reading.objects.filter(kind=Kind.NETRIS_VNET).update(error="Netris could not be reached")
    look(well.zone)
    assert told() == [("vni-duplicate", "1001")]


def test_what_is_told_each_time_costs_the_same(well, django_assert_num_queries):
    with django_assert_num_queries(40, exact=False) as few:
        look(well.zone)
    for number in range(10, 40):
        well.network(f"tier-{number}", 1000 + number)
        well.vnet(number, 1000 + number, f"D1-A2-Z1-V3-N{number}-tier-{number}")
    well.look()
    with django_assert_num_queries(len(few)):
        look(well.zone)


@pytest.mark.usefixtures("accounts")
def test_a_real_duplicate_and_a_real_leak_are_found(zone, acme, run, clouds_of, world, clock):
    run(create_vpc(acme, builders.a_vpc_spec(zone), by=builders.BY))

    def read() -> None:
        for _ in range(3):
            clock.shift(timedelta(seconds=30))
            for kind in LISTS:
                assert refresh(zone, kind, clouds_of(zone))
            clock.shift(timedelta(seconds=1))
            look(zone)

    read()
    assert told() == []
    tiers = list(Tier.unscoped.order_by("name"))
    world.netris.control.duplicate_vni(tiers[0].netris_id, tiers[1].netris_id)
    read()
    assert told() == [("vni-duplicate", str(tiers[0].vni))]
    assert list(Event.objects.get().touched.all()) == [acme]
