"""Putting a SoftGate into maintenance, and taking it out of it."""

from __future__ import annotations

from django.db import transaction

from apps.fabric import roles
from apps.fabric.models import SurveyedDevice
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_name
from apps.kernel.names import as_seen
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.softgates.blast import blast_radius
from apps.softgates.models import Maintenance
from apps.softgates.queries import members
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit


def why_not(device: SurveyedDevice) -> str | None:
    """Why its maintenance mode is not switched from here; None when it is."""
    if device.role == roles.SOFTGATE:
        return None
    return "Maintenance is for SoftGates. What it would do to another device Netris does not tell."


@transaction.atomic(durable=True)
def set_maintenance(device: SurveyedDevice, *, is_on: bool, confirmed: str = "", by: Platform) -> Operation:
    """Have it switched in Netris. The last node of its kind that is well goes only when its name is given.

    Raises `Refused`, and `Busy` while it is being switched already."""
    if reason := why_not(device):
        raise Refused("not-a-softgate", reason)
    # Who asks for another node at once waits, and counts without this one, from whichever zone of its Netris.
    hold_name(f"maintenance in {device.zone.controller_id}")
    [member] = members([device])
    warning = blast_radius(member, by).warning if is_on else ""
    if warning and as_seen(confirmed) != as_seen(device.name):
        raise Refused("not-confirmed", f"{warning} Type {device.name} to confirm.", "confirm")
    row = Maintenance.of(device)
    goal = Goal.PRESENT if is_on else Goal.ABSENT
    operation = operations.start(
        Maintenance.KIND, row, goal, tenant=None, zone=device.zone, lock_key=row.lock_key, is_alone=True, by=by.actor
    )
    audit(by.actor, f"device.maintenance-{'on' if is_on else 'off'}", row, tenant=None)
    return operation
