"""One verb per change of a port forward. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.addresses.models import PortForward, PublicIp, Purpose
from apps.addresses.ports import ForwardSpec
from apps.addresses.queries.nat import ports_of
from apps.addresses.services.instances import end_at, held, leading, need_one_tier, need_purpose, translated
from apps.instances.queries import Instance
from apps.kernel.errors import Refused
from apps.networks.admission import gate
from apps.networks.services import held_in_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

KIND = "port-forward"


@transaction.atomic(durable=True)
def create_port_forward(public_ip: PublicIp, instance: Instance, spec: ForwardSpec, *, by: Actor) -> Operation:
    """Lead ports of a public IP to an instance's first address in the VPC. Raises `Refused`.

    Sources become rules of the tier's access list, since CloudStack's plugin has no others for a forward (flows.md 0):
    by an operation of its own, which comes first. When that one fails the list keeps out who is not let in yet."""
    public_ip = held(public_ip)
    need_purpose(public_ip, Purpose.PORT_FORWARD)
    end = end_at(instance, public_ip.vpc, None, is_secondary_fine=False)
    forwards = PortForward.objects.of(public_ip.tenant).live()
    need_one_tier(public_ip, end.tier, forwards, "instance")
    overlapping = forwards.filter(
        public_ip=public_ip,
        protocol=spec.protocol,
        public_first__lte=spec.public.last,
        public_last__gte=spec.public.first,
    )
    if (other := overlapping.first()) is not None:
        text = f"{other.get_protocol_display()} {other.public_ports} of {public_ip} leads to {other.instance_name} "
        raise Refused(
            "ports-overlap", f"{text}already. Take other ports, or delete that forward first.", "public_ports"
        )
    row = PortForward(
        **leading(public_ip, instance, end),
        protocol=spec.protocol,
        public_first=spec.public.first,
        public_last=spec.public.last,
        private_first=spec.private.first,
        enabled=spec.enabled,
    )
    overlap = Refused("ports-overlap", "A forward took one of these ports a moment ago.", "public_ports")
    in_use = Refused("address-in-use", f"{public_ip} is used for something else by now.", "public_ip")
    with translated({"forwards_do_not_overlap": overlap, "address_has_one_purpose": in_use}):
        row.save(force_insert=True)
    if spec.allowed_cidrs is not None:
        note = f"For {row.address} {row.protocol} {row.public_ports}"
        gate().let_in(end.tier, ports_of(row), spec.allowed_cidrs, note, "allowed_cidrs", by)
    audit(by, "port-forward.create", row, tenant=row.tenant, new=_told(row))
    return _start(row, Goal.PRESENT, by)


@transaction.atomic(durable=True)
def delete_port_forward(row: PortForward, *, by: Actor) -> Operation:
    row = held_in_vpc(row, "delete", "public_ip", "tier")
    audit(by, "port-forward.delete", row, tenant=row.tenant, old=_told(row))
    return _start(row, Goal.ABSENT, by)


@transaction.atomic(durable=True)
def switch_port_forward(row: PortForward, *, is_on: bool, by: Actor) -> Operation | None:
    """Have it forward, or not, without losing it. None when it does already what is asked for."""
    row = held_in_vpc(row, "change", "public_ip", "tier")
    if row.enabled == is_on:
        return None
    audit(by, "port-forward.switch", row, tenant=row.tenant, old={"enabled": row.enabled}, new={"enabled": is_on})
    return _start(row, Goal.CHANGED, by, wanted={"enabled": is_on})


@transaction.atomic(durable=True)
def apply_port_forward(row: PortForward, *, by: Actor) -> Operation:
    """Have both systems made as they should be, when they are not. What is right already is left alone."""
    row = held_in_vpc(row, "apply", "public_ip", "tier")
    audit(by, "port-forward.apply", row, tenant=row.tenant)
    return _start(row, Goal.CHANGED, by)


def _told(row: PortForward) -> dict[str, Any]:
    ports = {"protocol": row.protocol, "public_ports": row.public_ports, "private_ports": row.private_ports}
    whole = {"public_ip": str(row.address), "instance": row.instance_name, "enabled": row.enabled}
    return whole | ports


def _start(row: PortForward, goal: Goal, by: Actor, **options: Any) -> Operation:
    options |= {"lock_key": row.lock_key, "lane": row.lane, "zone": row.vpc.zone}
    return operations.start(KIND, row, goal, tenant=row.tenant, by=by, **options)
