"""Making, changing and deleting devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.fabric import roles
from apps.fabric.models import Part, SurveyedDevice
from apps.inventory.bodies import values_of
from apps.inventory.models import Device, Link
from apps.inventory.queries import Known, carried, home_of, known_devices, knows_what_runs, links_coming, profiles, sent
from apps.inventory.services.links import need_free
from apps.inventory.services.shared import hold_inventory, need_enabled
from apps.inventory.specs import AUTO, DeviceSpec, parse_changes
from apps.kernel.errors import Invalid, Refused
from apps.kernel.names import as_seen
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone

KINDS = ("switch", "softgate", "server")


@transaction.atomic(durable=True)
def create_device(zone: Zone, spec: DeviceSpec, *, by: Platform) -> Operation:
    """Have it made in Netris, with its links, whose underlay is on. Raises `Invalid` where the inventory shows already
    that Netris would refuse it."""
    need_enabled(zone)
    home = home_of(zone)
    if home is None:
        text = f"Netris' site {zone.netris_site} was not read yet. Try again in a minute."
        raise Refused("site-unknown", text, "zone")
    hold_inventory(zone)
    if problems := taken(spec, known_devices(zone, by)):
        raise Invalid(problems)
    far = [link.far_port for link in spec.links]
    need_free(zone, far, [f"links.{number}.far_port" for number in range(len(far))], by)
    refs = {"site": home.site, "tenant": home.tenant, "profile": _profile(zone, spec)}
    row = Device.objects.create(zone=zone, kind=spec.kind.kind, name=spec.name, values=spec.values | {"refs": refs})
    for link in spec.links:
        local = f"{link.port}@{spec.name}"
        name, values = f"{local} - {link.far_port}", {"underlay": True, "device_id": ""}
        Link.objects.create(zone=zone, device=row, name=name, local=local, remote=link.far_port, values=values)
    operation = _start(row, Goal.PRESENT, by)
    audit(by.actor, "device.create", row, tenant=None, new=spec.values)
    return operation


def taken(spec: DeviceSpec, known: Sequence[Known]) -> list[Refused]:
    """What another device of the inventory has already, or one that is being made or changed."""
    found = []
    if any(each.name.lower() == spec.name.lower() for each in known):
        found.append(Refused("name-taken", f"There is a device called {spec.name} already.", "name"))
    addresses = {each: device.name for device in known for each in (device.loopback, device.management_address) if each}
    for field in ("loopback", "management_address"):
        value = getattr(spec, field)
        if value != AUTO and value in addresses:
            found.append(Refused("address-taken", f"{addresses[value]} has this address.", field))
    if spec.loopback not in ("", AUTO) and spec.loopback == spec.management_address:
        found.append(_two_addresses("management_address"))
    asn = next((each.name for each in known if spec.asn.isdecimal() and each.asn == int(spec.asn)), None)
    if asn and spec.kind.kind == "server":
        found.append(_asn_taken(asn))
    return found


def _profile(zone: Zone, spec: DeviceSpec) -> dict[str, Any] | None:
    if not spec.profile or spec.kind.kind == "server":
        return None
    for each in profiles(zone):
        if each["name"] == spec.profile:
            return each
    raise Refused("profile-unknown", f"No device of {zone} has a profile called {spec.profile}.", "profile")


def why_not_change(device: SurveyedDevice) -> str | None:
    there = sent(device)
    if there is None:
        return "Netris does not list it any more."
    if there.type.lower() not in KINDS:
        return f"A {there.type or 'device of an unknown kind'} is not changed from here."
    return None


@transaction.atomic(durable=True)
def change_device(device: SurveyedDevice, raw: Mapping[str, Any], *, by: Platform) -> Operation:
    """`raw` are the values that are wanted, by their names here. Raises `Refused` when nothing would change."""
    need_enabled(device.zone)
    hold_inventory(device.zone)
    if reason := why_not_change(device):
        raise Refused("not-changeable", reason)
    there = sent(device)
    assert there is not None, "it was there a moment ago"
    kind, now = there.type.lower(), values_of(there)
    given = parse_changes(kind, raw)
    wanted = {name: value for name, value in given.items() if now[name] != value}
    if not wanted:
        raise Refused("nothing-changes", "It is like this already.")
    if problems := taken_by_others(device.remote_id, kind, wanted, known_devices(device.zone, by)):
        raise Invalid(problems)
    if "name" in wanted and (coming := links_coming(device, by)):
        text = f"The link {coming[0]} is being made just now, by this name. Wait until that is over."
        raise Refused("link-coming", text, "name")
    row = Device.of(device, now, kind=kind)
    operation = _start(row, Goal.CHANGED, by, wanted=wanted)
    audit(by.actor, "device.change", row, tenant=None, old={name: now[name] for name in wanted}, new=wanted)
    return operation


def taken_by_others(remote_id: str, kind: str, wanted: Mapping[str, Any], known: Sequence[Known]) -> list[Refused]:
    """What of a change another device has already, or one that is being made or changed."""
    others = [each for each in known if each.remote_id != remote_id]
    found = []
    if any(each.name.lower() == wanted.get("name", "").lower() for each in others):
        found.append(Refused("name-taken", f"There is a device called {wanted['name']} already.", "name"))
    for field in ("loopback", "management_address"):
        value = wanted.get(field)
        for each in others:
            if value and value in (each.loopback, each.management_address):
                found.append(Refused("address-taken", f"{each.name} has this address.", field))
    own = next((each for each in known if each.remote_id == remote_id), None)
    pair = own and (wanted.get("loopback", own.loopback), wanted.get("management_address", own.management_address))
    if pair and pair[0] and pair[0] == pair[1]:
        found.append(_two_addresses("loopback" if "loopback" in wanted else "management_address"))
    number = wanted.get("asn", "")
    asn = next((each.name for each in others if number and each.asn == int(number)), None)
    if asn and kind == "server":
        found.append(_asn_taken(asn))
    return found


def _two_addresses(field: str) -> Refused:
    return Refused("address-twice", "Loopback and management are two addresses.", field)


def _asn_taken(name: str) -> Refused:
    return Refused("asn-taken", f"{name} has this ASN. Each hypervisor has one of its own.", "asn")


def why_not_delete(device: SurveyedDevice, by: Platform) -> str | None:
    """Why it cannot go, as far as the inventory shows; None when it can."""
    if reason := why_not_change(device):
        return reason
    survey = device.zone.survey
    if any(survey.is_stale(part) for part in (Part.DEVICE, Part.LINK, Part.SESSION, Part.PORT)):
        return "What hangs on it is not known: the last reading is too old."
    if device.role in (roles.HYPERVISOR, roles.SERVER) and not knows_what_runs(device.zone):
        return "Whether instances run on it is not known: CloudStack's hosts or instances were read too long ago."
    return carried(device, by).reason


@transaction.atomic(durable=True)
def delete_device(device: SurveyedDevice, *, confirmed: str, by: Platform) -> Operation:
    """Its name confirms that this one is meant. Raises `Refused` while something hangs on it."""
    hold_inventory(device.zone)
    if reason := why_not_delete(device, by):
        raise Refused("in-use", reason)
    if as_seen(confirmed) != as_seen(device.name):
        raise Refused("not-confirmed", f"Type {device.name} to confirm.", "confirm")
    there = sent(device)
    assert there is not None, "it was there a moment ago"
    row = Device.of(device, values_of(there), kind=there.type.lower())
    row.links.update(device=None)  # those that it was made with are gone, or somebody else's by now
    operation = _start(row, Goal.ABSENT, by)
    audit(by.actor, "device.delete", row, tenant=None, old=row.values)
    return operation


def _start(row: Device, goal: Goal, by: Platform, **more: Any) -> Operation:
    return operations.start(
        "device",
        row,
        goal,
        tenant=None,
        zone=row.zone,
        lock_key=row.lock_key,
        is_alone=True,
        by=by.actor,
        **more,
    )
