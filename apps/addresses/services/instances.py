"""What static NAT and port forwards ask before anything is sent: of the address, and of the instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.addresses.models import PublicIp, Purpose
from apps.instances.queries import Instance
from apps.kernel.errors import Refused
from apps.networks.models import Tier, Vpc
from apps.networks.services import held_vpc
from apps.operations.provisioned import Status
from apps.quotas.resources import NAT_RULE
from apps.quotas.services import hold_use


class End(NamedTuple):
    """Where it is to lead."""

    tier: Tier
    address: IPv4Address


def held(public_ip: PublicIp) -> PublicIp:
    """The address as it is now; it and its VPC are locked until the transaction ends. Raises `Refused` when nothing can
    be done in the VPC, or with the address, or when the tenant may have no more."""
    tenant = public_ip.tenant
    quotas = hold_use(tenant)
    vpc = held_vpc(public_ip.vpc, "add tier")
    public_ip = PublicIp.objects.of(tenant).select_for_update(of=("self",), no_key=True).get(pk=public_ip.pk)
    public_ip.vpc, public_ip.tenant = vpc, vpc.tenant
    if public_ip.status != Status.READY:
        told = {Status.BUILDING: "is still being acquired", Status.STUCK: "is stuck: see its last operation"}
        told |= {Status.REMOVING: "is being released", Status.DELETED: "is released"}
        raise Refused("not-now", f"{public_ip} {told.get(Status(public_ip.status), 'is being changed')}.", "public_ip")
    quotas.need(NAT_RULE)
    return public_ip


def need_purpose(public_ip: PublicIp, purpose: Purpose) -> None:
    """Raises `Refused` when the address cannot take it on."""
    if reason := public_ip.why_not_serve(purpose):
        raise Refused("address-in-use", reason, "public_ip")


def need_one_tier(public_ip: PublicIp, tier: Tier, others: QuerySet[Any], field: str) -> None:
    """Raises `Refused` when one of `others`, of the same address, leads into another tier: CloudStack binds an address
    to a tier with the first rule, and refuses any into another one (REAL)."""
    other = others.filter(public_ip=public_ip).exclude(tier=tier).select_related("tier").order_by("created_at").first()
    if other is not None:
        text = f"{public_ip} leads into the tier {other.tier.name}, and an address leads into one tier alone. Choose "
        raise Refused("address-in-other-tier", f"{text}an instance there, or another public IP.", field)


def end_at(instance: Instance, vpc: Vpc, address: IPv4Address | None, *, is_secondary_fine: bool) -> End:
    """The instance's address in the VPC that it is to lead to: the one that is named, else the first. Raises
    `Refused`."""
    if instance.is_gone:
        raise Refused("instance-gone", f"{instance.name} is gone in CloudStack. Choose another instance.", "instance")
    here = [each for each in instance.addresses if each.tier is not None and each.tier.vpc_id == vpc.pk]
    if not here and not instance.addresses:
        text = f"{instance.name} has no address yet: it was never started. Start it once in CloudStack, and try again."
        raise Refused("instance-never-started", text, "instance")
    if not here:
        text = f"{instance.name} has no address in the VPC {vpc}, to which the public IP belongs. Choose another one."
        raise Refused("instance-elsewhere", text, "instance")
    found = next((each for each in here if address in (None, each.address)), None)
    if found is None:
        known = ", ".join(str(each.address) for each in here)
        text = f"{instance.name} has no address {address} in the VPC {vpc}. It has {known}."
        raise Refused("address-unknown", text, "address")
    if not (found.is_primary or is_secondary_fine):
        text = f"{found.address} is a secondary address of {instance.name}. What is forwarded to one arrives at the "
        text += "first address, so a forward leads to that alone. Use static NAT for a secondary address."
        raise Refused("address-secondary", text, "address")
    tier = found.tier
    assert tier is not None, "the tier's VPC was compared"
    if tier.status != Status.READY:
        text = f"The tier {tier.name} is {tier.get_status_display().lower()}. Wait until it is ready."
        raise Refused("not-now", text, "instance")
    return End(tier, IPv4Address(str(found.address)))


def leading(public_ip: PublicIp, instance: Instance, end: End) -> dict[str, Any]:
    """What a row of either has that leads from there to there."""
    return {
        "public_ip": public_ip,
        "tenant": public_ip.tenant,
        "vpc": public_ip.vpc,
        "address": public_ip.address,
        "tier": end.tier,
        "instance_id": instance.id,
        "instance_name": instance.name,
        "guest_address": end.address,
    }


@contextmanager
def translated(refusals: dict[str, Refused]) -> Iterator[None]:
    """Turns a broken constraint into its refusal: the database has the last word on races."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        for name, refusal in refusals.items():
            if name in str(error):
                raise refusal from error
        raise
