"""What somebody changed in Netris is told with what was before, and told apart from what Weft did itself."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.fabric import changes
from apps.fabric.models import SurveyedDevice
from apps.fabric.surveys import survey
from apps.history.models import Event
from apps.inventory.services.devices import change_device, create_device
from apps.inventory.services.links import create_link
from apps.inventory.specs import DeviceSpec
from apps.mirror.models import Item, Kind, Reading
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.softgates.services import set_maintenance
from apps.tenancy.models import Scope
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.fabric.conftest import Order, Sweep
from tests.web.conftest import words


def told() -> list[tuple[str, str, str]]:
    rows = Event.objects.filter(kind__in=[kind.key for kind in changes.KINDS]).order_by("began_at", "subject_name")
    return [(event.kind, event.subject_name, event.words) for event in rows]


@pytest.fixture
def look(zone: Zone, read: Sweep, clock: time_machine.Traveller):
    """Read all lists a minute later, and survey."""

    def looked() -> None:
        clock.shift(60)
        read()
        survey(zone)

    return looked


@pytest.fixture
def again(zone: Zone, clock: time_machine.Traveller):
    """Survey what the mirror has now as if it had just been read."""

    def surveyed() -> None:
        clock.shift(15)
        Reading.objects.filter(zone=zone).update(read_at=timezone.now())
        survey(zone)

    return surveyed


@pytest.fixture
def edit(zone: Zone, world: World, order: Order):
    """Have somebody change a device in Netris itself."""

    def edited(name: str, **fields: object) -> None:
        device = world.netris.net.devices.one("name", name)
        assert device is not None
        order("/change", table="hw", id=device["id"], fields=fields)

    return edited


def test_a_device_that_is_changed_in_netris_is_told_once_with_what_was_before(look, edit, browser: Client) -> None:
    look()
    assert told() == []  # all of it is new, and nothing was changed
    edit("Leaf-1", description="moved to rack 7")
    look()
    look()

    [(kind, name, said)] = told()
    assert (kind, name) == ("netris-changed", "Leaf-1")
    assert said.startswith("Description from ") and said.endswith(" to moved to rack 7. Not by Weft.")
    event = Event.objects.get(kind="netris-changed")
    assert not event.is_open and event.status == "info" and event.operation_id is None
    assert [each["after"] for each in event.differences] == ["moved to rack 7"]
    page = words(browser.get(reverse("history:event", args=[event.pk])))
    assert "What changed" in page and "moved to rack 7" in page and "Ended" not in page
    past = browser.get(reverse("history:past", args=[event.zone.slug, "device", event.subject_id]))
    assert "Changed in Netris" in words(past)


def test_what_an_operation_of_ours_wrote_is_told_apart_from_what_somebody_changed_meanwhile(
    look, edit, zone: Zone
) -> None:
    look()
    device = SurveyedDevice.objects.get(zone=zone, name="SoftGate-1")
    operation = set_maintenance(device, is_on=True, confirmed=device.name, by=builders.the_platform())
    Operation.unscoped.update(started_at=timezone.now(), finished_at=timezone.now(), phase=Phase.SUCCEEDED)
    edit("SoftGate-1", maintenanceMode=True, description="who was that")
    look()

    assert [(kind, name) for kind, name, _ in sorted(told())] == [
        ("netris-changed", "SoftGate-1"), ("weft-changed", "SoftGate-1"),
    ]  # fmt: skip
    ours = Event.objects.get(kind="weft-changed")
    assert ours.operation_id == operation.pk
    assert [each["field"] for each in ours.differences] == ["Maintenance"]
    assert ours.words == f"Maintenance from off to on. By “{operation}”, requested by {operation.requested_by}."
    assert [each["field"] for each in Event.objects.get(kind="netris-changed").differences] == ["Description"]


def test_an_operation_that_was_over_before_the_last_reading_changed_nothing_since(look, edit, zone: Zone) -> None:
    look()
    device = SurveyedDevice.objects.get(zone=zone, name="SoftGate-1")
    set_maintenance(device, is_on=True, confirmed=device.name, by=builders.the_platform())
    over = timezone.now() - timedelta(minutes=5)
    Operation.unscoped.update(started_at=over, finished_at=over, phase=Phase.SUCCEEDED)
    edit("SoftGate-1", maintenanceMode=True)
    look()

    assert [kind for kind, _, _ in told()] == ["netris-changed"]


def test_a_device_and_its_cables_that_are_gone_and_come_back_are_told(look, again, zone: Zone) -> None:
    look()
    leaf = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-1")
    leaf.delete()
    again()
    assert ("netris-changed", "Leaf-1", "Removed: Leaf Leaf-1. Not by Weft.") in told()
    Event.objects.all().delete()
    look()

    assert ("netris-changed", "Leaf-1", "Added: Leaf Leaf-1. Not by Weft.") in told()


def test_what_an_operation_made_or_took_away_is_its_own_with_the_cables_of_it(look, again, zone: Zone) -> None:
    look()
    facts = {"kind": "device", "resource_type": "device", "size": 1, "zone": zone, "resource_id": zone.pk}
    Operation.unscoped.create(
        **facts, goal="absent", resource_name="Leaf-1", lock_key="leaf", started_at=timezone.now(), phase="removing"
    )
    Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-1").delete()
    Item.objects.filter(zone=zone, kind=Kind.NETRIS_LINK, name__contains="Leaf-1").delete()
    again()

    gone = [(kind, name) for kind, name, said in told() if said.startswith("Removed")]
    assert ("weft-changed", "Leaf-1") in gone and len(gone) > 1
    assert {kind for kind, name in gone if "Leaf-1" in name} == {"weft-changed"}


def test_a_cable_that_is_plugged_elsewhere_in_the_list_of_links_is_told(look, again, zone: Zone) -> None:
    look()
    gone = Item.objects.filter(zone=zone, kind=Kind.NETRIS_LINK).earliest("pk")
    gone.delete()
    again()

    [(kind, name, said)] = told()
    assert kind == "netris-changed" and " - " in name and said == f"Removed: {name}. Not by Weft."
    assert Event.objects.get(kind=kind).subject_kind == "link"


def test_when_a_whole_site_appears_it_is_one_event_that_counts(look, again, zone: Zone) -> None:
    look()
    [pattern] = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-1")
    rows = [
        Item(zone=zone, kind=pattern.kind, remote_id=str(9000 + n), key=f"new-{n}", name=f"new-{n}",
             data=pattern.data | {"id": 9000 + n, "name": f"new-{n}"}, changed_at=timezone.now())
        for n in range(changes.MOST + 1)
    ]  # fmt: skip
    Item.objects.bulk_create(rows)
    again()

    assert told() == [("netris-changed", zone.name, "Of its devices 51 added at once. Not by Weft.")]


def test_what_weft_made_of_very_many_is_its_own(look, again, zone: Zone) -> None:
    look()
    for n in range(changes.MOST + 2):
        a_device(zone, f"new-{n}", 9000 + n)
        work(zone, f"new-{n}")
    a_device(zone, "theirs", 9500)
    again()

    count = changes.MOST + 2
    assert sorted(told()) == [
        ("netris-changed", "theirs", "Added: Server theirs. Not by Weft."),
        ("weft-changed", zone.name, f"Of its devices {count} added at once. By {count} operations of Weft's."),
    ]


def a_device(zone: Zone, name: str, number: int) -> None:
    [pattern] = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE, name="Server-1")
    data = pattern.data | {"id": number, "name": name}
    Item.objects.create(
        zone=zone, kind=pattern.kind, remote_id=str(number), key=name, name=name, data=data, changed_at=timezone.now()
    )


def work(zone: Zone, name: str, **facts: object) -> Operation:
    """One of the platform's that has just ended."""
    now = timezone.now()
    return Operation.unscoped.create(**{
        "kind": "device", "goal": "present", "phase": "succeeded", "resource_type": "device", "size": 1, "zone": zone,
        "resource_id": uuid4(), "resource_name": name, "lock_key": str(uuid4()), "started_at": now, "finished_at": now,
    } | facts)  # fmt: skip


def test_a_device_that_weft_made_is_known_by_its_id_when_it_is_renamed(look, zone: Zone, run) -> None:
    look()
    by = builders.the_platform()
    run(create_device(zone, DeviceSpec.parse({"role": "server", "name": "Spare-1"}), by=by))
    look()
    run(change_device(SurveyedDevice.objects.get(name="Spare-1"), {"name": "Store-1"}, by=by))
    look()

    assert [(kind, name) for kind, name, _ in told()] == [("weft-changed", "Spare-1"), ("weft-changed", "Store-1")]


@pytest.mark.parametrize(
    "facts",
    [
        {"phase": "rolled_back"},  # the name was taken
        {"phase": "cancelled"},
        {"kind": "maintenance"},
        {"kind": "reconnect", "resource_type": "zone"},
        {"kind": "port", "goal": "changed"},
    ],
)
def test_what_has_made_nothing_is_credited_with_nothing(facts, look, again, zone: Zone) -> None:
    look()
    work(zone, "Theirs-1", **facts)
    a_device(zone, "Theirs-1", 9500)
    again()

    assert [kind for kind, _, _ in told()] == ["netris-changed"]


def test_a_creation_that_is_undone_takes_away_what_it_made(look, again, zone: Zone) -> None:
    look()
    operation = work(zone, "Spare-1", phase="building", finished_at=None)
    a_device(zone, "Spare-1", 9500)
    again()
    Operation.unscoped.filter(pk=operation.pk).update(phase="rolled_back", finished_at=timezone.now())
    Item.objects.get(remote_id="9500", kind=Kind.NETRIS_DEVICE).delete()
    again()

    assert [kind for kind, _, _ in told()] == ["weft-changed"] * 2


@pytest.mark.parametrize(
    ("phase", "after", "whose"),
    [("succeeded", "ours", "weft"), ("succeeded", "theirs", "netris"), ("rolled_back", "ours", "netris"),
     ("building", "ours", "weft")],
)  # fmt: skip
def test_a_change_is_ours_where_it_says_what_we_wrote(phase, after, whose, look, edit, zone: Zone) -> None:
    look()
    row = SurveyedDevice.objects.get(name="Server-4")
    facts = {
        "goal": "changed",
        "phase": phase,
        "wanted": {"description": "ours"},
        "lock_key": row.lock_of(zone, row.remote_id),
    }
    work(zone, "Server-4", **facts)
    edit("Server-4", description=after)
    look()

    assert [kind for kind, _, _ in told()] == [f"{whose}-changed"]


def test_a_link_is_ours_whichever_of_its_ports_was_named_first(look, zone: Zone, run) -> None:
    look()
    by = builders.the_platform()
    for one, other in (("swp7@Leaf-1", "swp7@Leaf-2"), ("swp8@Leaf-2", "swp8@Leaf-1")):
        assert run(create_link(zone, one, other, underlay=False, by=by)).phase == "succeeded"
    look()

    assert [kind for kind, _, _ in told()] == ["weft-changed"] * 2


def test_rows_of_a_time_before_facts_were_kept_have_not_changed(look, zone: Zone) -> None:
    look()
    SurveyedDevice.objects.update(facts={})
    look()

    assert told() == []
    assert SurveyedDevice.objects.get(name="Leaf-1").facts["Name"] == "Leaf-1"


def test_many_changes_cost_as_many_queries_as_one(look, again, zone: Zone) -> None:
    look()

    def cost(devices: int) -> int:
        for item in Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE)[:devices]:
            item.data |= {"description": f"{devices} at once"}
            item.save()
        with CaptureQueriesContext(connection) as asked:
            again()
        return len(asked)

    one = cost(1)
    assert len(told()) == 1
    assert cost(5) <= one and len(told()) == 6


def test_scripts_read_what_was_before(look, edit, client: Client) -> None:
    look()
    edit("Leaf-2", description="lent")
    look()

    token = builders.a_token(None, Scope.READ)
    answer = client.get("/api/v1/fabric/events/?kind=netris-changed", headers={"Authorization": f"Bearer {token}"})
    [row] = answer.json()["results"]
    assert row["operation"] is None and row["began_at"] == row["ended_at"]
    assert [(each["field"], each["after"]) for each in row["differences"]] == [("Description", "lent")]
