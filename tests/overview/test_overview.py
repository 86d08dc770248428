"""The admin's first page: what is wrong and since when, whom it touches, what went before, and what runs out."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.fabric.models import SurveyedDevice, SurveyedPort
from apps.fabric.surveys import survey
from apps.history.metrics import CONNTRACK_USED
from apps.history.models import Event
from apps.history.series import Point, record
from apps.mirror.models import Item, Kind, Reading
from apps.operations.models import Operation
from apps.overview import filling, pools
from apps.overview.queries import overview_of
from apps.tenancy.models import Scope
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import Order, Sweep, browser, order, read, zone  # noqa: F401  # fixtures
from tests.fabric.test_fault_stories import is_green
from tests.web.conftest import words

pytestmark = pytest.mark.django_db

URL = "/fabric/"


@pytest.fixture
def look(zone: Zone, read: Sweep, clock: time_machine.Traveller):  # noqa: F811
    """Read all lists some seconds later, and survey."""

    def looked() -> None:
        clock.shift(45)
        read()
        survey(zone)

    return looked


def ago(**span: float):
    return timezone.now() - timedelta(**span)


def shown():
    return overview_of(builders.the_platform())


def test_a_fabric_that_is_well_is_said_to_be_with_its_capacity(look, browser: Client, zone: Zone) -> None:  # noqa: F811
    look()

    page = browser.get(URL)
    told = words(page)
    assert "Nothing is wrong" in told and "What changed in the last hour" in told
    assert f"Capacity of {zone}" in told and "Public IPs" in told and "Ports of the leaves" in told
    assert "General SoftGates" in told and "DNAT rules of each General SoftGate" in told
    assert is_green(page.content.decode())
    assert 'id="follow"' in page.content.decode()


def test_a_dead_leaf_is_the_first_thing_told_with_what_changed_before_it(
    look, order: Order, browser: Client, zone: Zone, world: World, clock: time_machine.Traveller  # noqa: F811
) -> None:  # fmt: skip
    look()
    leaf = world.netris.net.devices.one("name", "Leaf-2")
    assert leaf is not None
    order("/change", table="hw", id=leaf["id"], fields={"description": "swapped the line card"})
    look()
    order("/devices/Leaf-1/kill")
    clock.shift(60)
    look()

    told = words(browser.get(URL))
    assert "1 critical" in told and "Device silent: Leaf-1" in told
    before = told.partition("What changed in the hour before")[2].partition("Capacity of")[0]
    assert "Changed in Netris: Leaf-2" in before and "to swapped the line card. Not by Weft." in before
    assert "Device silent" not in before.partition("began at")[2]
    found = shown()
    assert found.status == "critical" and found.cause.subject_name == "Leaf-1"
    assert found.since == found.cause.began_at


def test_an_hour_without_netris_leaves_the_page_up_and_nothing_green(
    look, browser: Client, world: World, read: Sweep, clock: time_machine.Traveller  # noqa: F811
) -> None:  # fmt: skip
    look()
    world.netris.faults.order("down")
    for _ in range(6):
        clock.shift(600)
        read()

    page = browser.get(URL)
    told = words(page)
    assert page.status_code == 200 and not is_green(page.content.decode())
    assert "Nothing is wrong" not in told and "Not known" in told
    assert "lists of" in told and "Netris: " in told
    assert shown().status == "critical"  # it does not answer


def test_lists_that_are_too_old_make_it_unknown_and_never_well(look, browser: Client, zone: Zone) -> None:  # noqa: F811
    look()
    Reading.objects.filter(zone=zone, kind=Kind.NETRIS_PORT).update(read_at=ago(minutes=20))

    found = shown()
    assert (found.status, found.headline) == ("stale", "Not all is known")
    [blind] = found.blind
    assert (blind.lists, blind.named) == (1, ["Ports in Netris"])
    assert "Nothing is wrong" not in words(browser.get(URL))


def test_what_is_read_and_never_surveyed_is_not_known_to_be_well(
    look, read: Sweep, browser: Client, zone: Zone, clock: time_machine.Traveller  # noqa: F811
) -> None:  # fmt: skip
    read()
    assert shown().status == "stale"
    look()
    assert shown().status == "ok"
    for _ in range(4):
        clock.shift(300)
        read()

    found = shown()
    assert (found.status, found.headline) == ("stale", "Not all is known")
    [blind] = found.blind
    assert "Ports in Netris" in blind.named or blind.lists > len(blind.named)
    assert "Nothing is wrong" not in words(browser.get(URL))


def test_a_list_whose_last_reading_failed_is_not_known_either(look, zone: Zone) -> None:  # noqa: F811
    look()
    Reading.objects.filter(zone=zone, kind=Kind.NETRIS_LINK).update(error="HTTP 500")

    assert shown().status == "stale"


def test_without_a_zone_nothing_is_said_to_be_well(browser: Client) -> None:  # noqa: F811
    Zone.objects.update(is_enabled=False)

    assert shown().status == "stale"
    assert "No zone is enabled" in words(browser.get(URL))


def test_the_worst_comes_first_and_the_rest_is_counted(look, browser: Client, zone: Zone, acme, globex) -> None:  # noqa: F811
    look()
    for number in range(10):
        builders.an_event(zone, number, severity="warning", began_at=ago(minutes=number), is_touch_known=False)
    for number in range(10, 15):
        builders.an_event(zone, number, began_at=ago(hours=number), touched=[acme, globex] if number > 12 else [acme])
    builders.an_event(zone, 99, severity="info")
    builders.an_event(zone, 98, began_at=ago(hours=2), ended_at=ago(hours=1))

    found = shown()
    assert (found.critical, found.warnings, found.more) == (5, 10, 3)
    assert [event.severity for event in found.troubles] == ["critical"] * 5 + ["warning"] * 7
    assert found.since == Event.objects.get(subject_id="14").began_at
    assert found.cause.subject_id == "10"  # the last of the worst
    assert (found.tenants, found.untold) == (2, 10)
    told = words(browser.get(URL))
    assert "5 critical, 10 to look at" in told and "2 tenants touched" in told and "3 more" in told


def test_what_was_open_in_a_zone_that_is_switched_off_is_told_no_more(look, zone: Zone) -> None:  # noqa: F811
    look()
    builders.an_event(builders.a_zone("Zone-9", is_enabled=False), 1)
    assert (shown().critical, list(shown().troubles)) == (0, [])


def test_what_weft_did_in_that_hour_stands_beside_it_and_nothing_later(look, zone: Zone, acme) -> None:  # noqa: F811
    look()
    other = builders.a_zone("Zone-2")
    facts = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "size": 1, "tenant": acme}
    for name, where, created, finished in (
        ("within", zone, 50, 40), ("elsewhere", other, 50, 40), ("long ago", zone, 200, 190),
        ("ended within", zone, 200, 45), ("later", zone, 10, 5),
    ):  # fmt: skip
        Operation.unscoped.create(
            zone=where, resource_id=zone.pk, resource_name=name, lock_key=name, phase="succeeded",
            created_at=ago(minutes=created), finished_at=ago(minutes=finished), **facts,
        )  # fmt: skip
    builders.an_event(zone, 1, began_at=ago(minutes=30))
    builders.an_event(zone, 2, severity="warning", began_at=ago(minutes=35), ended_at=ago(minutes=32))
    builders.an_event(zone, 3, severity="warning", began_at=ago(minutes=300), ended_at=ago(minutes=33))

    lines = shown().timeline.lines
    assert [(line.kind, line.status) for line in lines] == [
        ("event", "ended"), ("event", "ended"), ("operation", "succeeded"), ("operation", "succeeded"),
    ]  # fmt: skip
    assert [line.text for line in lines[2:]] == ["Create VPC within", "Create VPC ended within"]
    assert lines[2].detail.endswith(" of Acme.")


def test_a_stuck_operation_and_a_stray_are_told(look, zone: Zone, browser: Client) -> None:  # noqa: F811
    look()
    facts = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "size": 1, "phase": "stuck"}
    Operation.unscoped.create(zone=zone, resource_id=zone.pk, resource_name="shop", lock_key="x", **facts)

    found = shown()
    assert (found.status, found.headline) == ("warning", "1 operation stuck")
    assert "Each waits for somebody to decide." in words(browser.get(URL))


def test_more_events_and_devices_cost_no_query_more(look, browser: Client, zone: Zone, acme) -> None:  # noqa: F811
    look()

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(URL).status_code == 200
        return len(asked)

    builders.an_event(zone, 1, touched=[acme])
    one = cost()
    for number in range(2, 40):
        builders.an_event(zone, number, touched=[acme])
        builders.a_port(zone, f"swp{number}@Leaf-9", str(90_000 + number))
    assert cost() == one
    assert one <= 45


def test_scripts_read_the_same_and_tenants_nothing(look, zone: Zone, acme) -> None:  # noqa: F811
    look()
    builders.an_event(zone, 1, touched=[acme])

    body = Api(builders.a_token(None, Scope.READ)).get("/fabric/overview/").json()
    assert (body["status"], body["critical"], body["tenants"]) == ("critical", 1, 1)
    assert [row["subject"]["name"] for row in body["troubles"]] == ["Leaf-1"]
    kinds = {row["kind"] for row in body["pools"]}
    assert {"public-ips", "ports", "dnat-rules"} <= kinds
    ports = next(row for row in body["pools"] if row["kind"] == "ports")
    assert ports["zone"]["id"] == str(zone.pk) and 0 < ports["used"] < ports["total"] and not ports["is_stale"]
    assert Api(builders.a_token(acme, Scope.READ)).get("/fabric/overview/").status_code == 404


# --- pools ------------------------------------------------------------------------------------------------------------


def told() -> dict[str, tuple[str, str]]:
    rows = Event.objects.open().filter(kind__in=[kind.key for kind in filling.KINDS])
    return {event.kind: (event.severity, event.words) for event in rows}


@pytest.mark.parametrize(("taken", "severity"), [(2, None), (3, "warning"), (4, "critical")])
def test_public_ips_are_an_event_from_three_quarters_on_and_worse_from_nine_tenths(taken, severity) -> None:
    zone = builders.a_zone()  # noqa: F811
    builders.a_pool(zone, 100, 103, taken=range(100, 100 + taken), read_at=timezone.now())
    filling.tell(zone)

    assert {kind: each for kind, (each, _) in told().items()} == (
        {} if severity is None else {"public-ips-filling": severity}
    )
    [pool] = pools.public_ips([zone])
    assert (pool.used, pool.total, pool.status) == (taken, 4, severity or "ok")


def test_an_event_of_a_pool_ends_when_there_is_room_and_not_while_nobody_looks(zone: Zone) -> None:  # noqa: F811
    builders.a_pool(zone, 100, 103, taken=range(100, 104), read_at=timezone.now())
    filling.tell(zone)
    filling.tell(zone)
    assert told() == {"public-ips-filling": ("critical", "100 % of 4 addresses are taken.")}

    builders.a_pool(zone, 110, 150, read_at=timezone.now())
    Reading.objects.filter(zone=zone).update(read_at=ago(hours=1))
    filling.tell(zone)
    assert told()  # what is too old ends nothing

    Reading.objects.filter(zone=zone).update(read_at=timezone.now())
    filling.tell(zone)
    assert told() == {} and Event.objects.get().ended_at is not None


def test_ports_that_lead_somewhere_or_are_in_use_are_taken_and_those_of_spines_do_not_count(look, zone: Zone) -> None:  # noqa: F811
    look()
    builders.a_port(zone, "swp900@Leaf-1", "900", is_used=True, device_id="900")
    [pool] = pools.ports([zone])
    leaves = SurveyedDevice.objects.filter(zone=zone, role="leaf").values("remote_id")
    of_leaves = SurveyedPort.objects.filter(zone=zone, device_id__in=leaves)
    assert pool.total == of_leaves.count() < SurveyedPort.objects.filter(zone=zone).count()
    assert pool.used == sum(bool(port.is_used or port.link_id) for port in of_leaves)

    of_leaves.update(is_used=True)
    filling.tell(zone)
    severity, said = told()["ports-filling"]
    assert severity == "critical" and said.startswith("100 % of ")


def test_a_softgate_whose_table_fills_up_is_told_and_stays_so_while_nobody_measures(
    look, zone: Zone, clock: time_machine.Traveller  # noqa: F811
) -> None:  # fmt: skip
    look()
    gate = SurveyedDevice.objects.get(zone=zone, name="SoftGate-1")

    def measured(percent: float) -> None:
        clock.shift(30)
        record(zone, [Point("device", gate.remote_id, CONNTRACK_USED.key, percent, timezone.now())])
        filling.tell(zone)

    measured(74.9)
    assert told() == {}
    measured(80)
    assert told()["nat-sessions-filling"][0] == "warning"
    clock.shift(600)
    look()
    filling.tell(zone)
    assert told()["nat-sessions-filling"][0] == "warning"  # nobody has measured since
    measured(95)
    assert told()["nat-sessions-filling"][0] == "critical"
    assert re.search(r"^95 % of its table", told()["nat-sessions-filling"][1])
    measured(20)
    assert told() == {}


def test_many_dnat_rules_are_told_before_the_published_figures_end(look, zone: Zone) -> None:  # noqa: F811
    look()

    def rules(many: int) -> None:
        Item.objects.filter(zone=zone, kind=Kind.NETRIS_NAT).delete()
        data = {"action": "DNAT", "state": "enabled"}
        rows = (
            Item(zone=zone, kind=Kind.NETRIS_NAT, remote_id=str(n), key="1", data=data, changed_at=timezone.now())
            for n in range(many)
        )
        Item.objects.bulk_create(rows)
        filling.tell(zone)

    rules(12_499)
    assert told() == {}
    rules(12_500)
    assert told() == {"dnat-rules-filling": ("warning", "75 % of 16,666 rules are taken.")}
