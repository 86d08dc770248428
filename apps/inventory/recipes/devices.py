"""How a device comes into Netris' inventory, with its links, how it is changed, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.inventory.bodies import changes_of, creation_of, differing, values_of
from apps.inventory.models import Device
from apps.inventory.recipes.links import LinkThere
from apps.inventory.recipes.shared import ARRIVING, Changed, OnNetris, settle, take
from apps.kernel.remote import Rejected
from apps.netris import wire
from apps.operations.parts import Again, BoundPart, Done, Left, Memo, Progress, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

MAKING = "Netris is making the device."


class DeviceThere(OnNetris[Device]):
    """Its name tells it from all others until its id is known. One that was there before is somebody else's."""

    title = "Make the device in Netris"
    undo_title = "Delete the device from Netris"

    def ensure(self, subject: Device, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            made = clouds.netris.create_device(subject.kind, creation_of(subject, memo.get("system")))
            return Again(**memo.answered(), made=made)
        there = _found(subject, clouds, memo)
        if there is None and "made" in memo:
            return Wait("Netris has made the device, and does not list it yet.", **memo.values)
        if there is None:
            return memo.before_sending(MAKING, looked=True, system=_system_of(subject, clouds))
        is_known = bool(subject.remote_id) or "looked" in memo
        if not is_known or there.type.lower() != subject.kind:
            text = f"Name: Netris has a device called {subject.name} already."
            raise Rejected(text, system=System.NETRIS, call="GET /api/v2/hw")
        return Done(remote_id=str(there.id))

    def remove(self, subject: Device, clouds: Clouds, memo: Memo) -> Progress:
        way = memo.way_there
        if not subject.remote_id and "looked" not in way:
            return Done()  # nothing of it was ever sent
        there = _found(subject, clouds, way)
        if there is None:
            return Wait(ARRIVING, **memo.values) if memo.may_still_arrive() else Done()
        if there.name != subject.name:
            text = f"Netris calls the device {there.name} by now, not {subject.name}. Look what it is before it goes."
            raise Rejected(text, system=System.NETRIS, call="DELETE /api/v2/hw")
        clouds.netris.delete_device(subject.kind, there.id)
        return Wait("Netris is deleting the device.")

    def leaves(self, subject: Device) -> Sequence[Left]:
        return (Left(System.NETRIS, f"the {subject.kind} {subject.name}"),)


def _found(subject: Device, clouds: Clouds, memo: Memo) -> wire.Device | None:
    known = subject.remote_id or memo.get("made")
    return clouds.netris.get_device(int(known)) if known else clouds.netris.find_device(subject.name)


def _system_of(subject: Device, clouds: Clouds) -> dict[str, Any] | None:
    """How Netris calls the operating system of a switch. Raises `Rejected` when it has no such one."""
    tag = subject.values.get("system")
    if not tag:
        return None
    for each in clouds.netris.systems():
        if each.tag == tag:
            return {"id": each.id, "name": each.name, "tag": each.tag}
    raise Rejected(f"Operating system: Netris offers no {tag} here.", system=System.NETRIS, call="GET /api/v2/hw/nos")


class DeviceChanged(Changed[Device]):
    def differs(self, subject: Device, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        there = clouds.netris.get_device(int(subject.remote_id))
        if there is None:
            text = f"Netris has no device {subject.name} any more."
            raise Rejected(text, system=System.NETRIS, call="GET /api/v2/hw/{id}")
        return bool(differing(values_of(there), target))

    def write(self, subject: Device, clouds: Clouds, target: Mapping[str, Any]) -> None:
        clouds.netris.update_device(subject.kind, int(subject.remote_id), changes_of(target))


def parts_of(subject: Device) -> Sequence[BoundPart]:
    links = subject.links.order_by("created_at", "id")
    return [BoundPart(DeviceThere(), subject), *(BoundPart(LinkThere(), link, link.remote) for link in links)]


def changes(subject: Device, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(DeviceChanged(wanted, subject.values), subject)]


DEVICE = Recipe(
    "device",
    Device,
    parts_of,
    settle,
    related=("zone",),
    changes=changes,
    take=take,
    titles={"present": "Create device", "absent": "Delete device", "changed": "Change device"},
)
