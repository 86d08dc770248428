"""The reference site, surveyed, and a worker whose calls can be disturbed."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort
from apps.fabric.surveys import survey
from apps.inventory.services.devices import create_device
from apps.inventory.specs import DeviceSpec
from apps.inventory.suggestions import chosen_ports, suggested, uplinks
from apps.operations.models import Operation
from apps.zones.models import Zone
from tests import builders
from tests.fabric.conftest import Sweep, browser, order, read, zone  # noqa: F401  # fixtures
from tests.questions import Watch


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    return watch.clouds_of


@pytest.fixture
def surveyed(zone: Zone, read: Sweep, clock: Any) -> Sweep:  # noqa: F811
    """Read and surveyed anew; what was surveyed before is older."""

    def again() -> None:
        clock.shift(1)
        read()
        survey(zone)

    again()
    return again


def device(name: str) -> SurveyedDevice:
    return SurveyedDevice.objects.select_related("zone__survey").get(name=name)


def link(port: str) -> SurveyedLink:
    at = dict(zip(("a_port", "a_device"), port.split("@"), strict=True))
    to = dict(zip(("b_port", "b_device"), port.split("@"), strict=True))
    rows = SurveyedLink.objects.select_related("zone__survey")
    return rows.filter(**at).first() or rows.get(**to)


def port(name: str) -> SurveyedPort:
    return SurveyedPort.objects.select_related("zone__survey").get(name=name)


def a_spec(zone: Zone, role: str = "hypervisor", **values: Any) -> DeviceSpec:  # noqa: F811
    """As the form offers it."""
    by = builders.the_platform()
    offered = suggested(zone, role, by)
    if role == "hypervisor" and "links" not in values:
        far = chosen_ports(uplinks(zone, "Leaf-1 + Leaf-2", by))
        values["links"] = [(f"eth{number}", each) for number, each in enumerate(far, start=1)]
    return DeviceSpec.parse(offered | values)


def made(zone: Zone, role: str = "hypervisor", **values: Any) -> Operation:  # noqa: F811
    return create_device(zone, a_spec(zone, role, **values), by=builders.the_platform())


def on_netris(world: Any, name: str) -> Any:
    """The row of a device in Netris; None where there is none."""
    return world.netris.net.devices.one("name", name)


def cables(world: Any) -> set[frozenset[str]]:
    net = world.netris.net
    return {frozenset(net.ports.get(row[end])["name"] for end in ("local", "remote")) for row in net.links}
