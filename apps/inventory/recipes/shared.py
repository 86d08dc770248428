"""What the recipes of the inventory share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from apps.fabric import recipes
from apps.inventory.bodies import explained
from apps.inventory.models import Thing
from apps.mirror.models import Kind
from apps.operations.parts import Part
from apps.zones.models import System

T = TypeVar("T", bound=Thing)

ARRIVING = "Making sure that nothing sent before is still on its way."


class OnNetris(Part[T]):
    systems = (System.NETRIS,)

    def explain(self, text: str) -> str:
        return explained(text)


class Changed(OnNetris[T], recipes.Changed[T]):
    undo_title = "Put it back as it was in Netris"
    at_work = "Netris is changing it."
    arriving = ARRIVING


#: Once something was written.
settle = recipes.read_again(Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_PORT)


def take(subject: Thing, wanted: Mapping[str, Any]) -> None:
    subject.values = subject.values | dict(wanted)
    subject.name = wanted.get("name", subject.name)
    subject.save(update_fields=["values", "name"])
