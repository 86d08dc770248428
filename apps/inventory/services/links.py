"""Linking two ports, and taking links away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.fabric.models import Part, SurveyedDevice, SurveyedLink, SurveyedPort
from apps.inventory.models import Link
from apps.inventory.queries import devices_going, links_going, ports_being_linked, ports_called
from apps.inventory.services.shared import hold_inventory, need_enabled
from apps.inventory.specs import parse_port
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import as_seen
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.netris import wire
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone


def need_free(zone: Zone, ports: Sequence[str], fields: Sequence[str], by: Platform) -> None:
    """Each of these ports is there and free, as far as is known. `fields` are where they were given."""
    if problems := port_faults(ports, fields, PortsKnown.of(zone, ports, by)):
        raise Invalid(problems)


@dataclass(frozen=True)
class PortsKnown:
    """`there` are ports by their names, `taken` the names of those that are being linked, in small letters, `going` the
    ids of devices that are being deleted."""

    there: Mapping[str, SurveyedPort]
    taken: set[str]
    going: Collection[str]

    @classmethod
    def of(cls, zone: Zone, names: Iterable[str], by: Platform) -> PortsKnown:
        """Three queries."""
        return cls(ports_called(zone, names), ports_being_linked(zone, by), devices_going(zone, by))


def port_faults(ports: Sequence[str], fields: Sequence[str], known: PortsKnown) -> list[Refused]:
    """What speaks against linking them."""
    problems = []
    for name, field in zip(ports, fields, strict=True):
        port = known.there.get(name)
        if port is None:
            problems.append(Refused("port-unknown", f"The inventory has no port {name}.", field))
        elif port.link_id:
            text = f"{name} is linked to {port.far_port}@{port.far_device}. Take another port, or delete that link."
            problems.append(Refused("port-linked", text, field))
        elif port.is_used:
            text = f"V-Nets or other services use {name}. Take another port, or free it in Netris first."
            problems.append(Refused("port-used", text, field))
        elif port.device_id in known.going:
            problems.append(Refused("device-going", f"{port.device} is being deleted just now.", field))
        elif name.lower() in known.taken:
            problems.append(Refused("port-taken", f"{name} is being linked just now. Take another port.", field))
    return problems


@transaction.atomic(durable=True)
def create_link(zone: Zone, local: object, remote: object, *, underlay: bool, by: Platform) -> Operation:
    """Between two ports, in full: swp5@Leaf-1."""
    need_enabled(zone)
    problems: list[Refused] = []
    one, other = (
        collect(problems, parse_port, value, field) for value, field in ((local, "local"), (remote, "remote"))
    )
    if one and other and one.partition("@")[2].lower() == other.partition("@")[2].lower():
        problems.append(Refused("same-device", "A link joins two devices.", "remote"))
    if problems or not one or not other:
        raise Invalid(problems)
    hold_inventory(zone)
    need_free(zone, (one, other), ("local", "remote"), by)
    port = ports_called(zone, [one])[one]
    values = {"underlay": underlay, "device_id": port.device_id}
    row = Link.objects.create(zone=zone, name=f"{one} - {other}", local=one, remote=other, values=values)
    operation = _start(row, Goal.PRESENT, by)
    audit(by.actor, "link.create", row, tenant=None, new={"underlay": underlay})
    return operation


def why_not(link: SurveyedLink) -> str | None:
    """Why it is neither changed nor deleted from here; None when it is."""
    if link.plane == "border":
        return "Netris lists no cable of an ISP's router: this one is known by its BGP sessions."
    if _sent(link) is None:
        return "Netris does not list it any more."
    return None


def _sent(link: SurveyedLink) -> wire.Link | None:
    found = mirror.rows_by_id(Kind.NETRIS_LINK, [(link.zone_id, link.remote_id)])
    return found.get((link.zone_id, link.remote_id))


def underlay_of(link: SurveyedLink) -> bool:
    there = _sent(link)
    return there is not None and there.underlay


def left_without(link: SurveyedLink, by: Platform) -> list[str]:
    """The devices that have no other link of its plane, but for such as go already: they are cut off without it. Five
    queries."""
    cut, going = [], links_going(link.zone, by)
    for device_id, name in ((link.a_id, link.a_device), (link.b_id, link.b_device)):
        others = SurveyedLink.objects.filter(zone=link.zone, plane=link.plane)
        others = others.exclude(pk=link.pk).exclude(remote_id__in=going)
        mine = others.filter(a_id=device_id) | others.filter(b_id=device_id)
        if device_id and SurveyedDevice.objects.filter(zone=link.zone, remote_id=device_id).exists() and not mine:
            cut.append(name)
    return cut


@transaction.atomic(durable=True)
def change_link(link: SurveyedLink, *, underlay: bool, confirmed: str = "", by: Platform) -> Operation:
    """Whether the fabric's own traffic goes over it. One without which a device is cut off leaves the underlay only
    when its name is given."""
    need_enabled(link.zone)
    hold_inventory(link.zone)
    if reason := why_not(link):
        raise Refused("not-changeable", reason)
    if underlay_of(link) is underlay:
        raise Refused("nothing-changes", "It is like this already.", "underlay")
    if not underlay:
        _need_confirmed(link, confirmed, by)
    row = _row(link)
    operation = _start(row, Goal.CHANGED, by, wanted={"underlay": underlay})
    audit(by.actor, "link.change", row, tenant=None, old={"underlay": not underlay}, new={"underlay": underlay})
    return operation


@transaction.atomic(durable=True)
def delete_link(link: SurveyedLink, *, confirmed: str = "", by: Platform) -> Operation:
    """One without which a device is cut off goes only when its name is given."""
    hold_inventory(link.zone)
    if reason := why_not(link):
        raise Refused("not-deletable", reason)
    _need_confirmed(link, confirmed, by)
    row = _row(link)
    operation = _start(row, Goal.ABSENT, by)
    audit(by.actor, "link.delete", row, tenant=None, old=row.values)
    return operation


def cut_off(names: Sequence[str]) -> str:
    """What left_without() means; "" when nothing is."""
    return f"Without it {' and '.join(names)} would have no link of this kind." if names else ""


def why_unknown(zone: Zone) -> str:
    """Why nobody can tell what is cut off; "" when that is known."""
    is_stale = any(zone.survey.is_stale(part) for part in (Part.DEVICE, Part.LINK))
    return "A device may be cut off: the links were read too long ago to tell." if is_stale else ""


def what_is_lost(link: SurveyedLink, by: Platform) -> str:
    """What has to be confirmed before it goes; "" when nothing has."""
    return why_unknown(link.zone) or cut_off(left_without(link, by))


def _need_confirmed(link: SurveyedLink, confirmed: str, by: Platform) -> None:
    if (lost := what_is_lost(link, by)) and as_seen(confirmed) != as_seen(link.name):
        raise Refused("not-confirmed", f"{lost} Type {link.name} to confirm.", "confirm")


def _row(link: SurveyedLink) -> Link:
    there = _sent(link)
    assert there is not None, "it was there a moment ago"
    ports = {"local": there.local.name, "remote": there.remote.name}
    return Link.of(link, {"underlay": there.underlay, "device_id": link.a_id}, device=None, **ports)


def _start(row: Link, goal: Goal, by: Platform, *, wanted: dict[str, bool] | None = None) -> Operation:
    return operations.start(
        "link",
        row,
        goal,
        tenant=None,
        zone=row.zone,
        lock_key=row.lock_key,
        is_alone=True,
        wanted=wanted,
        by=by.actor,
    )
