"""A kind of imports over an operation that everybody knows: a SoftGate's maintenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from apps.fabric.models import SurveyedDevice
from apps.imports import kinds
from apps.imports.kinds import Cells, Checked, Kind
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.softgates.services import set_maintenance
from apps.tenancy.actors import Platform


def check(rows: Sequence[Cells], _by: Platform) -> list[Checked]:
    names = [cells["name"] for cells in rows]
    there = {each.name: each for each in SurveyedDevice.objects.filter(name__in=names, role="softgate")}
    return [_checked(cells, there.get(cells["name"])) for cells in rows]


def _checked(cells: Cells, device: SurveyedDevice | None) -> Checked:
    if device is None:
        return Checked(faults=[Refused("device-unknown", "There is no such SoftGate.", "name")])
    about = {"about": str(device.pk), "rank": int(cells.get("rank", "0"))}
    if cells["maintenance"] not in ("on", "off"):
        return Checked(faults=[Refused("maintenance-unknown", "Say on or off.", "maintenance")], **about)
    is_on = cells["maintenance"] == "on"
    if (device.status == "maintenance") is is_on:
        return Checked(what=f"Leave {device.name} as it is", **about)
    order = {"device": str(device.pk), "is_on": is_on}
    return Checked(what=f"Switch {device.name}", sends={"maintenanceMode": is_on}, order=order, **about)


def order(values: Mapping[str, Any], by: Platform) -> Operation:
    device = SurveyedDevice.objects.select_related("zone__survey").get(pk=values["device"])
    return joined(set_maintenance)(device, is_on=values["is_on"], by=by)


MAINTENANCE = Kind(
    key="maintenance",
    label="Maintenance",
    columns={"name": "The name of a SoftGate.", "maintenance": "on or off", "rank": "What goes first."},
    required=("name", "maintenance"),
    ignored=("status",),
    check=check,
    order=order,
)


@pytest.fixture(autouse=True)
def kind() -> Iterator[Kind]:
    kinds.register(MAINTENANCE)
    yield MAINTENANCE
    del kinds._kinds[MAINTENANCE.key]
