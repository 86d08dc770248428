"""What the mirror says of real VPCs on the emulated systems, and how soon."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from apps.mirror.models import Item, Kind
from apps.mirror.services import refresh
from apps.networks import queries, readings
from apps.networks.agreement import agreement_of
from apps.networks.models import Vpc
from apps.networks.services import create_tier, create_vpc, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations import engine
from tests.builders import BY, a_vpc_spec

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def vpc(acme, zone, run) -> Vpc:
    assert run(create_vpc(acme, a_vpc_spec(zone), by=BY)).phase == "succeeded"
    return Vpc.unscoped.select_related("zone", "tenant").get()


def agreement(vpc: Vpc) -> Any:
    settled_at = queries.settled_at(queries.latest_operations_of(vpc))
    return agreement_of(vpc, list(queries.tiers_of(vpc)), settled_at=settled_at)


def sweep_all(zone: Any, clouds_of: Any) -> None:
    for kind in Kind:
        refresh(zone, kind, clouds_of(zone))


def test_what_was_made_agrees_in_every_value_after_the_sweeps(vpc, zone, clouds_of, clock):
    clock.shift(1)
    sweep_all(zone, clouds_of)

    found = agreement(vpc)

    assert (found.verdict, found.trouble) == ("agree", [])


def test_an_operation_that_ends_has_its_vpc_read_again_by_id(vpc, zone, clouds_of, clock, run, world):
    """With lists that are older than the operation, and that are not read again."""
    clock.shift(1)
    sweep_all(zone, clouds_of)
    assert run(create_tier(vpc, TierSpec("cache", IPv4Network("10.20.2.0/24")), by=BY)).phase == "succeeded"
    assert agreement(vpc).verdict == "unread"
    clock.shift(1)
    lists = world.netris.control.calls["GET /api/v2/vpc"]

    readings.read_again(vpc, clouds_of(zone))

    assert (agreement(vpc).verdict, agreement(vpc).trouble) == ("agree", [])
    assert world.netris.control.calls["GET /api/v2/vpc"] == lists


def test_the_end_of_an_operation_asks_for_that_reading(
    acme, zone, run, django_capture_on_commit_callbacks, monkeypatch
):
    asked: list[Any] = []
    monkeypatch.setattr(readings, "_ask", lambda *ids: asked.append(ids))
    with django_capture_on_commit_callbacks(execute=True):
        run(create_vpc(acme, a_vpc_spec(zone), by=BY))
    vpc = Vpc.unscoped.get()
    assert asked == [(acme.pk, vpc.pk)]


def test_a_tier_that_is_gone_is_not_in_the_mirror_after_that_reading(vpc, zone, clouds_of, clock, world):
    clock.shift(1)
    sweep_all(zone, clouds_of)
    table = world.cloudstack.cloud.table("network")
    tier = vpc.tiers.get(name="db")
    table.drop(next(row["id"] for row in table if row["name"] == tier.remote_name))
    clock.shift(1)

    readings.read_again(vpc, clouds_of(zone))

    assert not Item.objects.filter(kind=Kind.CLOUDSTACK_NETWORK, remote_id=str(tier.cloudstack_id)).exists()


@pytest.mark.parametrize(
    ("table", "fields", "about"),
    [
        ("vnet", {"gateways": []}, {"CIDR", "gateway"}),
        ("vnet", {"state": "disabled"}, {"state"}),
        ("nat", {"snatToIP": "203.0.113.99/32"}, {"source NAT"}),
        ("vpc", {"name": "D1-A1-Z1-V1-null"}, {"name"}),
    ],
)
def test_what_somebody_changes_in_netris_differs(vpc, zone, clouds_of, clock, world, table, fields, about):
    shelf = world.netris.net.shelves[table]
    shelf.change(list(shelf)[-1], **fields)
    clock.shift(timedelta(seconds=1))
    sweep_all(zone, clouds_of)

    found = agreement(vpc)

    assert found.verdict == "differ"
    assert {each.about for each in found.differences} == about


def test_two_v_nets_with_one_vni_are_called_a_difference(vpc, zone, clouds_of, clock, world):
    shelf = world.netris.net.shelves["vnet"]
    first, second = list(shelf)[-2:]
    world.netris.control.duplicate_vni(first["id"], second["id"])
    clock.shift(timedelta(seconds=1))
    sweep_all(zone, clouds_of)

    assert {each.about for each in agreement(vpc).differences} == {"VNI"}


def test_nothing_is_said_to_differ_while_a_vpc_is_built_and_taken_away_whatever_the_sweeps_find_between(
    acme, zone, clouds_of, clock
):
    """An ordinary life, in which both systems are read in full after every turn."""
    seen = set()

    def live_through(operation: Any) -> None:
        for _ in range(200):
            engine.turn(clouds_of)
            clock.shift(2)
            sweep_all(zone, clouds_of)
            vpc = Vpc.unscoped.select_related("zone", "tenant").get()
            seen.add((str(vpc.status), agreement(vpc).verdict))
            operation.refresh_from_db()
            if operation.is_at_rest:
                return
            assert agreement(vpc).trouble == [], operation.steps
        raise AssertionError("it never ends")

    live_through(create_vpc(acme, a_vpc_spec(zone), by=BY))
    live_through(delete_vpc(Vpc.unscoped.select_related("zone", "tenant").get(), by=BY))
    assert ("ready", "agree") in seen
    assert {verdict for status, verdict in seen if status in ("building", "removing")} == {"unread"}
