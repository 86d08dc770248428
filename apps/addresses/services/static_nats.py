"""One verb per change of a static NAT. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from ipaddress import IPv4Address

from django.db import transaction

from apps.addresses.models import PublicIp, Purpose, StaticNat
from apps.addresses.services.instances import end_at, held, leading, need_purpose, translated
from apps.instances.queries import Instance
from apps.kernel.errors import Refused
from apps.networks.services import held_in_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

KIND = "static-nat"


@transaction.atomic(durable=True)
def create_static_nat(
    public_ip: PublicIp, instance: Instance, *, address: IPv4Address | None = None, by: Actor
) -> Operation:
    """Lead a public IP to an instance, and what the instance sends out over it. Raises `Refused`."""
    public_ip = held(public_ip)
    need_purpose(public_ip, Purpose.STATIC_NAT)
    end = end_at(instance, public_ip.vpc, address, is_secondary_fine=True)
    other = StaticNat.objects.of(public_ip.tenant).live().filter(instance_id=instance.id).first()
    has_one = f"{instance.name} has static NAT already, from {other.address if other else 'another address'}. An "
    has_one += "instance can have one alone, whichever of its addresses it is for. Disable that one first, or use port "
    only_one = Refused("instance-has-static-nat", f"{has_one}forwards.", "instance")
    if other is not None:
        raise only_one
    row = StaticNat(**leading(public_ip, instance, end))
    in_use = Refused("address-in-use", f"{public_ip} is used by now. Take another address.", "public_ip")
    taken = dict.fromkeys(("address_has_one_static_nat", "address_has_one_purpose"), in_use)
    with translated({"instance_has_one_static_nat": only_one, **taken}):
        row.save(force_insert=True)
    new = {"public_ip": str(row.address), "instance": row.instance_name, "address": str(row.guest_address)}
    audit(by, "static-nat.create", row, tenant=row.tenant, new=new)
    return _start(row, Goal.PRESENT, by)


@transaction.atomic(durable=True)
def delete_static_nat(row: StaticNat, *, by: Actor) -> Operation:
    row = held_in_vpc(row, "delete", "public_ip", "tier")
    old = {"public_ip": str(row.address), "instance": row.instance_name, "address": str(row.guest_address)}
    audit(by, "static-nat.delete", row, tenant=row.tenant, old=old)
    return _start(row, Goal.ABSENT, by)


@transaction.atomic(durable=True)
def apply_static_nat(row: StaticNat, *, by: Actor) -> Operation:
    """Have both systems made as they should be, when they are not. What is right already is left alone."""
    row = held_in_vpc(row, "apply", "public_ip", "tier")
    audit(by, "static-nat.apply", row, tenant=row.tenant)
    return _start(row, Goal.CHANGED, by)


def _start(row: StaticNat, goal: Goal, by: Actor) -> Operation:
    return operations.start(
        KIND, row, goal, tenant=row.tenant, zone=row.vpc.zone, lock_key=row.lock_key, lane=row.lane, by=by
    )
