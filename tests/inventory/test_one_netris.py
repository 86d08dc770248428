"""Several zones of Weft may have their networks from one Netris: its inventory is one, whichever of them shows it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort
from apps.inventory.services.devices import change_device, create_device, delete_device
from apps.inventory.services.links import change_link, create_link
from apps.inventory.services.ports import change_port
from apps.kernel.errors import Busy
from apps.operations.models import Operation
from apps.softgates.services import set_maintenance
from apps.zones.models import Zone
from tests import builders
from tests.inventory.conftest import a_spec
from tests.inventory.test_devices import refused

pytestmark = pytest.mark.usefixtures("surveyed")


@pytest.fixture
def other(zone: Zone, surveyed: Any) -> Zone:
    return builders.a_second_zone(zone, SurveyedDevice, SurveyedLink, SurveyedPort)


def device(zone: Zone, name: str) -> SurveyedDevice:
    return SurveyedDevice.objects.select_related("zone__survey").get(zone=zone, name=name)


def link(zone: Zone, name: str) -> SurveyedLink:
    return SurveyedLink.objects.select_related("zone__survey").filter(zone=zone, name__contains=name).get()


def changed(zone: Zone) -> Operation:
    return change_device(device(zone, "Server-4"), {"description": "busy"}, by=builders.the_platform())


def labelled(zone: Zone) -> Operation:
    port = SurveyedPort.objects.select_related("zone__survey").get(zone=zone, name="swp7@Leaf-1")
    return change_port(port, {"description": "busy"}, by=builders.the_platform())


def lowered(zone: Zone) -> Operation:
    return change_link(link(zone, "eth1@Server-4"), underlay=False, by=builders.the_platform())


def kept(zone: Zone) -> Operation:
    gate = SurveyedDevice.objects.select_related("zone__survey").filter(zone=zone, role="softgate").order_by("name")[0]
    return set_maintenance(gate, is_on=True, confirmed=gate.name, by=builders.the_platform())


@pytest.mark.parametrize("change", [changed, labelled, lowered, kept])
def test_a_thing_is_changed_from_one_of_them_at_a_time(change: Any, zone: Zone, other: Zone) -> None:
    change(zone)
    with pytest.raises(Busy, match="still under way"):
        change(other)


@pytest.mark.parametrize("is_over", [False, True])
def test_a_port_that_is_being_linked_from_the_other_is_not_free(
    is_over: bool, zone: Zone, other: Zone, run: Any
) -> None:
    operation = create_link(zone, "swp7@Leaf-1", "swp7@Leaf-2", underlay=False, by=builders.the_platform())
    if is_over:
        assert run(operation).phase == "succeeded"

    def again() -> Operation:
        return create_link(other, "swp7@Leaf-1", "swp8@Leaf-2", underlay=False, by=builders.the_platform())

    assert "is being linked just now" in refused(again)["local"]


def test_a_name_that_is_being_given_in_the_other_is_taken(zone: Zone, other: Zone) -> None:
    spec = a_spec(zone)
    create_device(zone, spec, by=builders.the_platform())
    assert "name" in refused(lambda: create_device(other, spec, by=builders.the_platform()))


def test_nothing_is_linked_to_what_goes_from_the_other(zone: Zone, other: Zone) -> None:
    SurveyedLink.objects.filter(name__contains="@Server-4").delete()
    SurveyedPort.objects.filter(device="Server-4").update(link_id="", is_used=False)
    delete_device(device(zone, "Server-4"), confirmed="Server-4", by=builders.the_platform())

    def joined() -> Operation:
        return create_link(other, "eth1@Server-4", "swp7@Leaf-1", underlay=False, by=builders.the_platform())

    assert "is being deleted just now" in refused(joined)["local"]


def test_the_last_link_counts_without_one_that_goes_from_the_other(zone: Zone, other: Zone) -> None:
    lowered(zone)

    def last() -> Operation:
        return change_link(link(other, "eth2@Server-4"), underlay=False, by=builders.the_platform())

    assert "Server-4 would have no link of this kind" in refused(last)["confirm"]
