"""Changing ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.fabric.models import Part, SurveyedPort
from apps.inventory.bodies import values_of_port
from apps.inventory.models import Port
from apps.inventory.queries import sent_port
from apps.inventory.services.shared import need_enabled
from apps.inventory.specs import parse_port_changes
from apps.kernel.errors import Refused
from apps.kernel.names import as_seen
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit


def values_now(port: SurveyedPort) -> dict[str, Any] | None:
    """What may be changed of it, as it is; None when Netris lists it no longer."""
    there = sent_port(port)
    return values_of_port(there) if there else None


def what_stops(port: SurveyedPort) -> str:
    """What is lost when it is switched off; "" when nothing hangs on it."""
    if port.zone.survey.is_stale(Part.PORT):
        return "Something may use it: the ports were read too long ago to tell."
    if port.link_id:
        return f"Its link to {port.far_port}@{port.far_device} goes down."
    return "V-Nets or other services use it." if port.is_used else ""


@transaction.atomic(durable=True)
def change_port(port: SurveyedPort, raw: Mapping[str, Any], *, confirmed: str = "", by: Platform) -> Operation:
    """`description`, `mtu`, `speed` and `is_enabled`, as far as they are given. What something hangs on is switched off
    only when its name is given."""
    need_enabled(port.zone)
    now = values_now(port)
    if now is None:
        raise Refused("not-changeable", "Netris does not list it any more.")
    given = parse_port_changes(raw)
    wanted = {name: value for name, value in given.items() if now[name] != value}
    if not wanted:
        raise Refused("nothing-changes", "It is like this already.")
    lost = what_stops(port) if wanted.get("is_enabled") is False else ""
    if lost and as_seen(confirmed) != as_seen(port.name):
        raise Refused("not-confirmed", f"{lost} Type {port.name} to confirm.", "confirm")
    row = Port.of(port, now)
    operation = operations.start(
        "port",
        row,
        Goal.CHANGED,
        tenant=None,
        zone=port.zone,
        lock_key=row.lock_key,
        is_alone=True,
        wanted=wanted,
        by=by.actor,
    )
    audit(by.actor, "port.change", row, tenant=None, old={name: now[name] for name in wanted}, new=wanted)
    return operation
