"""Where Direct Connect can be had: locations with what they offer, and the ports that orders there can get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.directconnect.inventory import free_port
from apps.directconnect.models import Connection, FabricPort, Interface, Location, Offering
from apps.directconnect.services.reservations import reserve
from apps.directconnect.specs import LocationSpec, OfferingSpec
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone

FACTS = ("name", "address", "room", "loa_text", "loa_days", "is_open")


@transaction.atomic(durable=True)
def create_location(zone: Zone, spec: LocationSpec, *, by: Platform) -> Location:
    row = Location(zone=zone, **{name: getattr(spec, name) for name in FACTS})
    _saved(row, force_insert=True)
    _offer(row, spec.offerings)
    audit(by.actor, "location.create", row, tenant=None, new=facts_of(row))
    return row


@transaction.atomic(durable=True)
def change_location(row: Location, changes: Mapping[str, Any], *, by: Platform) -> bool:
    """What is left out stays; orders and letters stay as they were made. False when it is so already."""
    hold_row(row)
    row = Location.objects.select_related("zone").get(pk=row.pk)
    before = facts_of(row)
    for name in FACTS:
        if name in changes:
            setattr(row, name, changes[name])
    _saved(row, update_fields=[*FACTS, "name_key", "search_key"])
    if "offerings" in changes:
        _offer(row, changes["offerings"])
    after = facts_of(row)
    changed = [name for name in after if after[name] != before[name]]
    if changed:
        old, new = ({name: told[name] for name in changed} for told in (before, after))
        audit(by.actor, "location.change", row, tenant=None, old=old, new=new)
    return bool(changed)


@transaction.atomic(durable=True)
def delete_location(row: Location, *, by: Platform) -> None:
    """One that was never used. Raises `Refused`."""
    hold_row(row)
    if not Location.objects.filter(pk=row.pk).exists():
        raise Refused("not-now", f"{row} is deleted already.")
    if reason := why_not_delete(row, by):
        raise Refused("not-now", reason)
    audit(by.actor, "location.delete", row, tenant=None, old=facts_of(row))
    row.delete()


def why_not_delete(row: Location, by: Platform) -> str | None:
    """Two queries."""
    if Connection.objects.across(by).filter(location=row).exists():
        return "Orders were made for it, so it stays. Edit it to take no orders instead."
    if FabricPort.objects.filter(location=row).exists():
        return "It has ports. Remove them first."
    return None


@transaction.atomic(durable=True)
def add_port(location: Location, reference: str, kind: str, speed: int | None, *, by: Platform) -> FabricPort:
    """A free port of the inventory, by its id or full name there; whoever waits for one like it has it at once. Without
    a speed it is what the inventory tells. Raises `Refused`."""
    hold_row(location)
    port = free_port(location.zone, reference)
    speed = speed or port.speed
    if speed is None:
        raise Refused("speed-missing", f"The inventory does not tell how fast {port.name} is. Say so.", "speed")
    row = FabricPort(location=location, zone=location.zone, remote_id=port.remote_id, name=port.name, speed=speed)
    row.device, row.device_id, row.kind = port.device, port.device_id, kind
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "port_is_in_one_place" not in str(error):
            raise
        there = FabricPort.objects.select_related("location").get(zone=location.zone, remote_id=port.remote_id)
        raise Refused("port-taken", f"{port.name} belongs to {there.location} already.", "port") from error
    told = {"port": row.name, "speed": row.speed, "kind": row.kind}
    audit(by.actor, "location.add-port", location, tenant=None, new=told)
    reserve(location)
    return row


@transaction.atomic(durable=True)
def remove_port(row: FabricPort, *, by: Platform) -> None:
    """Of one that nothing has. Raises `Refused`."""
    hold_row(row.location)
    if not FabricPort.objects.filter(pk=row.pk).exists():
        raise Refused("not-now", f"{row} is removed already.")
    if reason := why_not_remove(row, by):
        raise Refused("not-now", reason)
    told = {"port": row.name, "speed": row.speed, "kind": row.kind}
    audit(by.actor, "location.remove-port", row.location, tenant=None, old=told)
    try:
        row.delete()
    except ProtectedError as error:
        raise Refused("not-now", f"{row} is in use.") from error


def why_not_remove(row: FabricPort, by: Platform) -> str | None:
    """Two queries."""
    if connection := Connection.objects.across(by).live().filter(port=row).select_related("tenant").first():
        return f"{row} is that of “{connection}” of {connection.tenant}. Close that connection first."
    if resting := Interface.objects.across(by).filter(port=row, holds_vlan=True).first():
        return f"VLAN {resting.vlan} of {row} rests after its last interface. Wait until that is over."
    return None


def facts_of(row: Location) -> dict[str, Any]:
    offered = [
        {"speed": each.speed, "kind": each.kind, "price": each.price, "is_open": each.is_open}
        for each in Offering.objects.filter(location=row).order_by("kind", "speed")
    ]
    return {name: getattr(row, name) for name in FACTS} | {"offerings": offered}


def _offer(location: Location, wanted: Sequence[OfferingSpec]) -> None:
    """Exactly these; orders keep what they were made for."""
    Offering.objects.filter(location=location).delete()
    Offering.objects.bulk_create(
        Offering(location=location, speed=each.speed, kind=each.kind, price=each.price, is_open=each.is_open)
        for each in wanted
    )


def _saved(row: Location, **options: Any) -> None:
    try:
        with transaction.atomic():
            row.save(**options)
    except IntegrityError as error:
        if "location_name_is_unique" not in str(error):
            raise
        raise Refused("name-taken", f"There is already a location called “{row.name}”.", "name") from error
