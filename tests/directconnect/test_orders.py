"""What tenant and platform do with an order: each move with its row, its entry and its audit entry."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from apps.directconnect import tasks
from apps.directconnect.models import Connection, FabricPort, PortKind, StageEntry
from apps.directconnect.progress import Layer, Reading
from apps.directconnect.services import keeping, locations, orders
from apps.directconnect.services.orders import transition
from apps.directconnect.services.reservations import reserve
from apps.directconnect.specs import LocationSpec, OrderSpec
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock
from apps.kernel.errors import Invalid, Refused
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, Tenant
from tests import builders
from tests.builders import BY

pytestmark = pytest.mark.django_db


def spec(where, /, name="paris-a", **fields):
    values = {"name": name, "location": str(where.pk), "speed": 10_000, "kind": "dedicated"}
    return OrderSpec.parse(values | fields)


def go(row, to, party=Party.PLATFORM, **said):
    return transition(row, to, said, party=party, by=BY)


def ordered(tenant, location, name="paris-a", **fields):
    row = orders.order(tenant, spec(location, name, **fields), by=BY)
    return go(row, Stage.SUBMITTED, Party.TENANT)


def well(said="up", **age):
    return Reading(said, True, clock.now() - timedelta(**age), timedelta(minutes=2))


def test_an_order_goes_from_its_draft_to_its_end(acme, location):
    builders.a_fabric_port(location)
    row = go(ordered(acme, location), Stage.APPROVED)
    assert (row.stage, row.port.name) == (Stage.PORT_RESERVED, "swp7@Leaf-1")

    row = go(row, Stage.LOA_ISSUED)
    assert row.loa_number and row.due_at == row.loa_valid_until
    row = go(row, Stage.CROSS_CONNECT_REPORTED, Party.TENANT, reference="XC-77")
    assert orders.note_readings(row, {layer: well() for layer in Layer}) == [
        Stage.LIGHT_SEEN,
        Stage.VLAN_UP,
        Stage.BGP_ESTABLISHED,
        Stage.PREFIXES_ACCEPTED,
    ]
    row = go(row, Stage.IN_SERVICE, Party.TENANT)
    row = go(row, Stage.SUSPENDED, Party.TENANT)
    row = go(row, Stage.IN_SERVICE, Party.PLATFORM)
    row = go(row, Stage.CLOSING, Party.TENANT)

    assert (row.stage, row.port, row.due_at) == (Stage.CLOSED, None, None)
    told = list(StageEntry.objects.of(acme).filter(connection=row).values_list("to_stage", flat=True))
    assert told == [*map(str, list(Stage)[:11]), "suspended", "in-service", "closing", "closed"]
    audited = AuditEntry.objects.of(acme).filter(object_id=str(row.pk), action="direct-connect.move")
    assert audited.count() == len(told) - 1


def test_each_entry_keeps_who_and_what_was_shown(acme, location):
    builders.a_fabric_port(location)
    row = go(go(ordered(acme, location), Stage.APPROVED), Stage.LOA_ISSUED, number="LOA 1")
    row = go(row, Stage.CROSS_CONNECT_REPORTED, Party.TENANT, reference="XC-77")
    orders.note_readings(row, {Layer.LIGHT: well("up")})

    entries = {each.to_stage: each for each in StageEntry.objects.of(acme).filter(connection=row)}
    assert entries["port-reserved"].evidence == {"port": "swp7@Leaf-1"}
    assert (entries["port-reserved"].party, entries["approved"].party) == ("weft", "platform")
    assert entries["loa-issued"].evidence["number"] == "LOA 1"
    assert entries["cross-connect-reported"].evidence == {"reference": "XC-77"}
    assert entries["light-seen"].evidence["said"] == "up" and entries["light-seen"].evidence["read_at"]


def test_a_move_that_the_table_does_not_have_changes_nothing(acme, location):
    row = ordered(acme, location)

    for to, party in ((Stage.APPROVED, Party.TENANT), (Stage.LOA_ISSUED, Party.PLATFORM), (Stage.IN_SERVICE, "tenant")):
        with pytest.raises(Refused) as refusal:
            go(row, to, Party(party))
        assert (refusal.value.code, refusal.value.field) == ("move-impossible", "to")
    row.refresh_from_db()
    assert row.stage == Stage.SUBMITTED and row.entries.count() == 2


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({}, "reason-missing", "reason"),
        ({"reason": "   "}, "reason-missing", "reason"),
        ({"reason": "x" * 501}, "reason-too-long", "reason"),
        ({"reason": "no", "port": "swp1"}, "evidence-unknown", "port"),
    ],
)
def test_what_a_move_asks_for_has_to_be_told_and_nothing_else(acme, location, said, code, field):
    row = ordered(acme, location)

    with pytest.raises(Refused) as refusal:
        go(row, Stage.REJECTED, **said)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_a_rejected_order_is_revised_and_goes_its_way(acme, location):
    row = go(ordered(acme, location), Stage.REJECTED, reason="no room")
    row = go(row, Stage.DRAFT, Party.TENANT)
    assert orders.revise(row, spec(location, kind="hosted"), by=BY)
    assert not orders.revise(row, spec(location, kind="hosted"), by=BY)

    row = go(row, Stage.SUBMITTED, Party.TENANT)
    assert (row.kind, row.stage) == ("hosted", "submitted")
    with pytest.raises(Refused, match="only a draft"):
        orders.revise(row, spec(location), by=BY)


def test_a_draft_is_discarded_and_its_name_and_its_place_are_free(acme, location):
    builders.limit(acme, direct_connect=1)
    row = orders.order(acme, spec(location), by=BY)
    with pytest.raises(Refused) as refusal:
        orders.order(acme, spec(location, "other"), by=BY)
    assert refusal.value.code == "quota-direct-connects"

    go(row, Stage.CLOSED, Party.TENANT)
    orders.order(acme, spec(location), by=BY)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"name": ""}, "name-missing", "name"),
        ({"location": ""}, "location-missing", "location"),
        ({"location": "Nowhere"}, "location-unknown", "location"),
        ({"speed": 25_000}, "not-offered", "speed"),
        ({"speed": "fast"}, "speed-malformed", "speed"),
        ({"speed": -1}, "speed-malformed", "speed"),
        ({"kind": "shared"}, "kind-unknown", "kind"),
        ({"apart_from": "x"}, "connection-unknown", "apart_from"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_its_field(acme, location, fields, code, field):
    with pytest.raises(Refused) as refusal:
        orders.order(acme, spec(location, **fields), by=BY)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not Connection.objects.of(acme).exists()


def test_anothers_connection_is_no_connection_to_be_apart_from(acme, globex, location):
    theirs = builders.a_connection(globex, location)

    with pytest.raises(Refused, match="no such connection"):
        orders.order(acme, spec(location, apart_from=str(theirs.pk)), by=BY)


def test_a_draft_keeps_the_closed_connection_that_it_is_apart_from_until_somebody_says_otherwise(acme, location):
    other = orders.order(acme, spec(location, "paris-b"), by=BY)
    row = orders.order(acme, spec(location, apart_from=str(other.pk)), by=BY)
    go(other, Stage.CLOSED, Party.TENANT)

    assert orders.revise(row, spec(location, "paris-c", apart_from=str(other.pk)), by=BY)
    row.refresh_from_db()
    assert (row.name, row.apart_from) == ("paris-c", other)
    assert orders.revise(row, spec(location, "paris-c"), by=BY)
    with pytest.raises(Refused, match="no such connection"):
        orders.revise(row, spec(location, "paris-c", apart_from=str(other.pk)), by=BY)


def test_a_location_that_closes_takes_no_orders_and_none_that_was_drafted(acme, location):
    row = orders.order(acme, spec(location), by=BY)
    locations.change_location(location, {"is_open": False}, by=builders.the_platform())

    with pytest.raises(Refused, match="takes no orders"):
        orders.order(acme, spec(location, "other"), by=BY)
    with pytest.raises(Refused, match="takes no orders"):
        go(row, Stage.SUBMITTED, Party.TENANT)


# --- ports --------------------------------------------------------------------------------------------------------


def test_what_waits_gets_the_next_port_that_is_added_in_the_order_of_approval(acme, globex, location):
    first, second = ordered(acme, location), ordered(globex, location)
    second = go(second, Stage.APPROVED)
    first = go(first, Stage.APPROVED)
    assert list(Connection.unscoped.queued()) == [second, first]

    builders.a_fabric_port(location)
    with transaction.atomic():
        assert reserve(location) == [second]
    first.refresh_from_db()
    assert first.stage == Stage.APPROVED


def test_what_waits_gets_the_port_that_is_freed(acme, globex, location):
    builders.a_fabric_port(location)
    had = go(ordered(acme, location), Stage.APPROVED)
    waits = go(ordered(globex, location), Stage.APPROVED)
    assert (had.stage, waits.stage) == (Stage.PORT_RESERVED, Stage.APPROVED)

    go(had, Stage.CLOSING, Party.TENANT)

    waits.refresh_from_db()
    assert (waits.stage, waits.port.name) == (Stage.PORT_RESERVED, "swp7@Leaf-1")


def test_what_waits_gets_the_port_that_comes_free_for_it_when_one_at_another_location_goes(acme, zone, location):
    builders.a_fabric_port(location, "swp7@Leaf-1")
    first = go(ordered(acme, location), Stage.APPROVED)
    there = builders.a_location(zone, name="Paris 3")
    builders.a_fabric_port(there, "swp8@Leaf-1")
    second = go(ordered(acme, there, "paris-b", apart_from=str(first.pk)), Stage.APPROVED)
    keeping.reserve_ports()
    second.refresh_from_db()
    assert second.stage == Stage.APPROVED

    go(first, Stage.CLOSING, Party.TENANT)
    keeping.reserve_ports()

    second.refresh_from_db()
    assert (second.stage, second.port.name) == (Stage.PORT_RESERVED, "swp8@Leaf-1")


def test_an_order_apart_from_another_gets_a_port_of_another_leaf_or_waits(acme, globex, location):
    builders.a_fabric_port(location, "swp7@Leaf-1")
    first = go(ordered(acme, location), Stage.APPROVED)
    builders.a_fabric_port(location, "swp8@Leaf-1")
    second = go(ordered(acme, location, "paris-b", apart_from=str(first.pk)), Stage.APPROVED)
    behind = go(ordered(globex, location), Stage.APPROVED)
    assert (second.stage, behind.port.name) == (Stage.APPROVED, "swp8@Leaf-1")

    builders.a_fabric_port(location, "swp9@Leaf-1")
    with pytest.raises(Refused, match="apart from"):
        go(second, Stage.PORT_RESERVED, port="swp9@Leaf-1")
    port = builders.a_fabric_port(location, "swp7@Leaf-2")
    second = go(second, Stage.PORT_RESERVED, port=str(port.pk))
    assert second.port == port


def test_the_other_of_two_that_are_apart_keeps_away_as_well(acme, location):
    first = ordered(acme, location)
    second = ordered(acme, location, "paris-b", apart_from=str(first.pk))
    builders.a_fabric_port(location, "swp7@Leaf-1")
    go(second, Stage.APPROVED)
    builders.a_fabric_port(location, "swp8@Leaf-1")

    assert go(first, Stage.APPROVED).stage == Stage.APPROVED


def test_a_tenants_second_port_is_on_another_leaf_where_there_is_one(acme, location):
    for name in ("swp7@Leaf-1", "swp8@Leaf-1", "swp7@Leaf-2"):
        builders.a_fabric_port(location, name)

    found = [go(ordered(acme, location, name), Stage.APPROVED).port.device for name in ("a", "b")]
    assert found == ["Leaf-1", "Leaf-2"]


def test_a_shared_port_is_not_promised_more_than_it_has(acme, location):
    builders.a_fabric_port(location, kind=PortKind.HOSTED, speed=25_000)
    rows = [go(ordered(acme, location, name, kind="hosted"), Stage.APPROVED) for name in "abc"]

    assert [row.stage for row in rows] == [Stage.PORT_RESERVED, Stage.PORT_RESERVED, Stage.APPROVED]


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        ("swp1@Nowhere", {}, "port-unknown"),
        ("swp8@Leaf-1", {"kind": PortKind.HOSTED}, "port-unfit"),
        ("swp8@Leaf-1", {"speed": 25_000}, "port-unfit"),
    ],
)
def test_an_admin_picks_a_port_that_fits(acme, location, name, fields, code):
    row = go(ordered(acme, location), Stage.APPROVED)
    if fields:
        builders.a_fabric_port(location, **fields, name=name)

    with pytest.raises(Refused) as refusal:
        go(row, Stage.PORT_RESERVED, port=name)
    assert (refusal.value.code, refusal.value.field) == (code, "port")


def test_what_is_on_hold_keeps_its_place_and_gets_no_port(acme, globex, location):
    first, second = (go(ordered(tenant, location), Stage.APPROVED) for tenant in (acme, globex))
    go(first, Stage.ON_HOLD, reason="paperwork")
    port = builders.a_fabric_port(location)
    second = go(second, Stage.PORT_RESERVED, port=port.name)

    first = go(first, Stage.APPROVED)
    go(second, Stage.CLOSING)
    first.refresh_from_db()
    assert (first.stage, first.port) == (Stage.PORT_RESERVED, port)


@pytest.mark.django_db(transaction=True)
def test_thirty_orders_at_once_for_the_last_five_ports_give_five_reservations_and_a_queue_of_twenty_five(zone):
    location = builders.a_location(zone)
    for number in range(5):
        builders.a_fabric_port(location, f"swp{number}@Leaf-{number % 2 + 1}")
    rows = [
        builders.a_connection(builders.a_tenant(f"Tenant {number}"), location, stage=Stage.SUBMITTED)
        for number in range(30)
    ]

    def approve(row):
        try:
            return go(row, Stage.APPROVED)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(approve, rows))

    have = Connection.unscoped.filter(stage=Stage.PORT_RESERVED)
    assert have.count() == 5 and len(set(have.values_list("port", flat=True))) == 5
    queue = list(Connection.unscoped.queued())
    assert len(queue) == 25 and len({row.place for row in queue}) == 25
    assert max(row.place for row in have) < min(row.place for row in queue)
    for left in range(25, 20, -1):
        go(Connection.unscoped.filter(port__isnull=False).select_related("tenant").first(), Stage.CLOSING)
        assert list(Connection.unscoped.queued()) == queue[26 - left :]


# --- letters ------------------------------------------------------------------------------------------------------


def test_a_letter_says_what_was_so_when_it_was_issued(acme, location):
    builders.a_fabric_port(location)
    row = go(go(ordered(acme, location), Stage.APPROVED), Stage.LOA_ISSUED)
    locations.change_location(location, {"room": "elsewhere"}, by=builders.the_platform())

    row.refresh_from_db()
    assert row.loa_facts["room"] == "MMR 2.1" and row.loa_facts["port"] == "swp7@Leaf-1"
    assert row.loa_valid_until - row.loa_issued_at == timedelta(days=60)


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_letter_is_valid_for_a_day_within_the_next_year(acme, location, days):
    builders.a_fabric_port(location)
    row = go(ordered(acme, location), Stage.APPROVED)

    with pytest.raises(Refused) as refusal:
        go(row, Stage.LOA_ISSUED, valid_until=(clock.now() + timedelta(days=days)).isoformat())
    assert refusal.value.field == "valid_until"


def test_no_two_letters_have_one_number(acme, globex, location):
    for tenant in (acme, globex):
        builders.a_fabric_port(location, f"swp7@{tenant.slug}")
    first, second = (go(ordered(tenant, location), Stage.APPROVED) for tenant in (acme, globex))
    go(first, Stage.LOA_ISSUED, number="LOA-1")

    with pytest.raises(Refused, match="Another letter"):
        go(second, Stage.LOA_ISSUED, number="LOA-1")


# --- time-outs ----------------------------------------------------------------------------------------------------


def test_what_came_due_while_nobody_looked_is_done_once_and_in_its_order(acme, location, later):
    rows = []
    for name in ("a", "b", "c"):
        rows.append(ordered(acme, location, name))
        later(hours=1)
    later(days=15)

    assert keeping.expire() == 3
    assert keeping.expire() == 0
    entries = StageEntry.objects.of(acme).filter(to_stage=Stage.EXPIRED)
    assert [each.connection_id for each in entries] == [row.pk for row in rows]
    assert all(each.evidence["due_at"] for each in entries)


def test_a_letter_that_was_not_used_in_time_expires_and_is_issued_anew(acme, location, later):
    builders.a_fabric_port(location)
    row = go(go(ordered(acme, location), Stage.APPROVED), Stage.LOA_ISSUED)
    later(days=61)
    keeping.expire()
    row.refresh_from_db()
    assert (row.stage, row.port is not None) == (Stage.EXPIRED, True)

    again = go(row, Stage.LOA_ISSUED)
    assert again.loa_number != row.loa_number and again.loa_valid_until > clock.now()


def test_a_clock_that_is_set_back_makes_it_wait_and_does_nothing_twice(acme, location, later):
    row = ordered(acme, location)
    later(days=13, hours=23)
    assert keeping.expire() == 0
    later(days=-5)
    assert keeping.expire() == 0
    later(days=6)
    assert keeping.expire() == 1
    row.refresh_from_db()
    later(days=-30)
    assert keeping.expire() == 0
    go(row, Stage.CLOSING, Party.TENANT)


def test_what_was_reached_is_not_due_any_more(acme, location, later):
    builders.a_fabric_port(location)
    row = go(go(ordered(acme, location), Stage.APPROVED), Stage.LOA_ISSUED)
    go(row, Stage.CROSS_CONNECT_REPORTED, Party.TENANT, reference="XC-1")
    later(days=90)

    assert keeping.expire() == 0


def test_one_that_is_closing_is_closed_when_its_last_interface_is_gone(acme, location, vpc):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    interface = builders.an_interface(row, vpc)
    row = go(row, Stage.CLOSING, Party.TENANT)
    assert (row.stage, keeping.close()) == (Stage.CLOSING, 0)

    interface.status, interface.rests_until = Status.DELETED, clock.now() + timedelta(hours=1)
    interface.save(update_fields=["status", "rests_until"])
    assert (keeping.close(), keeping.close()) == (1, 0)
    row.refresh_from_db()
    assert (row.stage, row.port) == (Stage.CLOSED, None)


def test_a_vlan_rests_as_long_as_it_has_to(acme, location, vpc, later):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    builders.an_interface(row, vpc, status=Status.DELETED, rests_until=clock.now() + timedelta(hours=1))

    assert keeping.release_vlans() == 0
    later(hours=1)
    assert keeping.release_vlans() == 1


# --- readings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reading",
    [
        Reading("down", False, None, timedelta(minutes=2)),
        Reading("up", True, None, timedelta(minutes=2)),
    ],
)
def test_no_reading_no_step(acme, location, reading):
    row = builders.a_connection(acme, location, stage=Stage.CROSS_CONNECT_REPORTED)

    assert orders.note_readings(row, {Layer.LIGHT: reading}) == []


def test_only_a_fresh_reading_made_since_counts(acme, location, later):
    row = builders.a_connection(acme, location, stage=Stage.CROSS_CONNECT_REPORTED)
    before = well(seconds=1)
    assert orders.note_readings(row, {Layer.LIGHT: before}) == []
    since = well()
    later(minutes=3)
    assert orders.note_readings(row, {Layer.LIGHT: since}) == []
    later(minutes=-10)
    assert orders.note_readings(row, {Layer.LIGHT: since}) == []

    later(minutes=10)
    assert orders.note_readings(row, {Layer.LIGHT: well(), Layer.BGP: well()}) == [Stage.LIGHT_SEEN]


# --- locations ----------------------------------------------------------------------------------------------------


@pytest.fixture
def platform():
    return builders.the_platform()


def test_a_location_is_made_changed_and_deleted_again(zone, platform):
    values: dict[str, Any] = {"name": "Lyon", "address": "1 rue X", "room": "MMR 1", "loa_text": "One.\r\n\r\nTwo.\r\n"}
    values["offerings"] = [{"speed": 10_000, "kind": "dedicated", "price": "100 a month"}]
    row = locations.create_location(zone, LocationSpec.parse(values), by=platform)
    assert row.loa_text == "One.\n\nTwo." and row.offerings.get().price == "100 a month"

    changes = {"room": "MMR 2"}
    assert locations.change_location(row, changes, by=platform)
    assert not locations.change_location(row, changes, by=platform)
    pk = row.pk
    locations.delete_location(row, by=platform)
    verbs = AuditEntry.unscoped.filter(object_id=str(pk)).values_list("action", flat=True)
    assert sorted(verbs) == ["location.change", "location.create", "location.delete"]


def test_all_that_is_wrong_with_a_location_is_told_at_once():
    values = {"name": "", "address": "x", "room": "", "loa_days": 0, "offerings": [{"speed": 0, "kind": "x"}]}

    with pytest.raises(Invalid) as refusal:
        LocationSpec.parse(values)
    fields = {each.field for each in refusal.value.all}
    assert fields == {"name", "room", "loa_days", "offerings.0.speed", "offerings.0.kind"}


def test_a_port_comes_from_the_free_ones_of_the_inventory_and_belongs_to_one_location(zone, location, platform):
    builders.a_device(zone, "Leaf-1", "3", role="leaf")
    free = builders.a_port(zone, "swp7@Leaf-1", "7", device="Leaf-1", device_id="3", speed="10000", status="unused")
    builders.a_port(zone, "swp8@Leaf-1", "8", device="Leaf-1", device_id="3", is_used=True)
    builders.a_port(zone, "eth1@Spine-1", "9", device="Spine-1", device_id="1", status="unused")

    row = locations.add_port(location, str(free.pk), "dedicated", None, by=platform)
    assert (row.name, row.device_id, row.speed) == ("swp7@Leaf-1", "3", 10_000)
    for reference, code in (("swp8@Leaf-1", "port-in-use"), ("eth1@Spine-1", "port-unknown"), ("x", "port-unknown")):
        with pytest.raises(Refused) as refusal:
            locations.add_port(location, reference, "dedicated", 10_000, by=platform)
        assert (refusal.value.code, refusal.value.field) == (code, "port")
    with pytest.raises(Refused, match="belongs to Paris 2 already"):
        locations.add_port(builders.a_location(zone, "Lyon"), "swp7@Leaf-1", "dedicated", None, by=platform)


def test_a_port_that_is_added_goes_to_who_waits(acme, zone, location, platform):
    row = go(ordered(acme, location), Stage.APPROVED)
    builders.a_device(zone, "Leaf-1", "3", role="leaf")
    builders.a_port(zone, "swp7@Leaf-1", "7", device="Leaf-1", device_id="3", speed="10000")
    locations.add_port(location, "swp7@Leaf-1", "dedicated", None, by=platform)

    row.refresh_from_db()
    assert row.stage == Stage.PORT_RESERVED


def test_a_port_is_removed_only_when_nothing_has_it(acme, location, platform):
    row = builders.a_connection(acme, location, stage=Stage.PORT_RESERVED)
    with pytest.raises(Refused, match="paris-a"):
        locations.remove_port(row.port, by=platform)

    go(row, Stage.CLOSING)
    locations.remove_port(row.port, by=platform)
    assert not FabricPort.objects.exists()
    with pytest.raises(Refused, match="Orders were made"):
        locations.delete_location(location, by=platform)


def test_two_tenants_may_call_theirs_the_same(acme: Tenant, globex: Tenant, location):
    ordered(acme, location)
    ordered(globex, location)

    with pytest.raises(Refused) as refusal:
        ordered(acme, location, "PARIS-A")
    assert (refusal.value.code, refusal.value.field) == ("name-taken", "name")


def test_whatever_one_step_of_the_keeping_meets_the_others_have_their_turn(monkeypatch: Any) -> None:
    done: list[str] = []

    def step(name: str, error: Exception | None = None) -> Callable[[], None]:
        def taken() -> None:
            done.append(name)
            if error is not None:
                raise error

        return taken

    monkeypatch.setattr(tasks, "STEPS", (step("first", KeyError("x")), step("second"), step("third", OSError("y"))))
    with pytest.raises(ExceptionGroup) as caught:
        tasks.keep()
    assert done == ["first", "second", "third"]
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


def test_no_order_is_submitted_into_a_zone_that_is_disabled(acme: Tenant, location: Any) -> None:
    row = orders.order(acme, spec(location), by=BY)
    location.zone.is_enabled = False
    location.zone.save()
    with pytest.raises(Refused) as caught:
        go(row, Stage.SUBMITTED, Party.TENANT)
    assert caught.value.code == "location-closed"
