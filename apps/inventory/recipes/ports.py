"""How a port is changed in Netris. Ports come and go with their device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.inventory.bodies import differing, port_changes_of, values_of_port
from apps.inventory.models import Port
from apps.inventory.recipes.shared import Changed, settle, take
from apps.kernel.remote import Rejected
from apps.operations.parts import BoundPart, Recipe
from apps.zones.clouds import Clouds
from apps.zones.models import System


class PortChanged(Changed[Port]):
    def differs(self, subject: Port, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        there = clouds.netris.get_port(int(subject.remote_id))
        if there is None:
            text = f"Netris has no port {subject.name} any more."
            raise Rejected(text, system=System.NETRIS, call="GET /api/v2/ports/{id}")
        return bool(differing(values_of_port(there), target))

    def write(self, subject: Port, clouds: Clouds, target: Mapping[str, Any]) -> None:
        clouds.netris.update_port(int(subject.remote_id), port_changes_of(target))


def no_parts(_subject: Port) -> Sequence[BoundPart]:
    raise LookupError("a port is neither made nor deleted")


def changes(subject: Port, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(PortChanged(wanted, subject.values), subject)]


PORT = Recipe(
    "port",
    Port,
    no_parts,
    settle,
    related=("zone",),
    changes=changes,
    take=take,
    titles={"present": "Make port", "absent": "Delete port", "changed": "Change port"},
)
