"""How two ports are linked in Netris, and how a link goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.inventory.models import Link
from apps.inventory.recipes.shared import ARRIVING, Changed, OnNetris, settle, take
from apps.kernel.remote import Rejected
from apps.netris import wire
from apps.operations.parts import Again, BoundPart, Done, Left, Memo, Progress, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

MAKING = "Netris is making the link."


class LinkThere(OnNetris[Link]):
    """A port has one link at most (netris-api.md 2.15), so both ports tell it from all others. Whether there is one is
    asked of the device at one end, which lists its own without their ids."""

    title = "Link the ports in Netris"
    undo_title = "Delete the link from Netris"

    def ensure(self, subject: Link, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            underlay = bool(subject.values["underlay"])
            made = clouds.netris.create_link(subject.local, subject.remote, underlay=underlay)
            return Again(**memo.answered(), made=made)
        known = subject.remote_id or memo.get("made")
        if known:
            if _by_id(subject, clouds, known) is None:
                return Wait("Netris has made the link, and does not list it yet.", **memo.values)
            return Done(remote_id=str(known))
        if not _is_listed(subject, clouds):
            return memo.before_sending(MAKING, looked=True)
        if "looked" not in memo:
            raise Rejected("Netris has this link already.", system=System.NETRIS, call="GET /api/v2/hw/{id}")
        link = clouds.netris.find_link(subject.local, subject.remote)
        return Done(remote_id=link.id) if link else Wait("Netris does not list the link yet.", **memo.values)

    def remove(self, subject: Link, clouds: Clouds, memo: Memo) -> Progress:
        way = memo.way_there
        known = subject.remote_id or way.get("made")
        if not known and "looked" not in way:
            return Done()  # nothing of it was ever sent
        link = _by_id(subject, clouds, known) if known else _of_lost_answer(subject, clouds)
        if link is None:
            return Wait(ARRIVING, **memo.values) if memo.may_still_arrive() else Done()
        clouds.netris.delete_link(int(link.id))
        return Wait("Netris is deleting the link.")

    def leaves(self, subject: Link) -> Sequence[Left]:
        return (Left(System.NETRIS, f"the link {subject.name}"),)


def _ends(link: wire.Link) -> set[str]:
    return {link.local.name, link.remote.name}


def _by_id(subject: Link, clouds: Clouds, link_id: object) -> wire.Link | None:
    """Raises `Rejected` when it joins other ports by now."""
    link = clouds.netris.get_link(int(str(link_id)))
    if link is not None and _ends(link) != {subject.local, subject.remote}:
        text = f"Netris' link {link_id} joins {link.local.name} and {link.remote.name} by now."
        raise Rejected(text, system=System.NETRIS, call="GET /api/v2/link/{id}")
    return link


def _is_listed(subject: Link, clouds: Clouds) -> bool:
    device_id = subject.device.remote_id if subject.device else subject.values["device_id"]
    device = clouds.netris.get_device(int(device_id)) if device_id else None
    return device is not None and any(_ends(link) == {subject.local, subject.remote} for link in device.links)


def _of_lost_answer(subject: Link, clouds: Clouds) -> wire.Link | None:
    return clouds.netris.find_link(subject.local, subject.remote) if _is_listed(subject, clouds) else None


class LinkChanged(Changed[Link]):
    def differs(self, subject: Link, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        link = _by_id(subject, clouds, subject.remote_id)
        if link is None:
            text = f"Netris has no link {subject.name} any more."
            raise Rejected(text, system=System.NETRIS, call="GET /api/v2/link/{id}")
        return link.underlay is not target["underlay"]

    def write(self, subject: Link, clouds: Clouds, target: Mapping[str, Any]) -> None:
        clouds.netris.update_link(int(subject.remote_id), underlay=bool(target["underlay"]))


def parts_of(subject: Link) -> Sequence[BoundPart]:
    return [BoundPart(LinkThere(), subject)]


def changes(subject: Link, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(LinkChanged(wanted, subject.values), subject)]


LINK = Recipe(
    "link",
    Link,
    parts_of,
    settle,
    related=("zone", "device"),
    changes=changes,
    take=take,
    titles={"present": "Create link", "absent": "Delete link", "changed": "Change link"},
)
