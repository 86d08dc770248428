"""One verb per change of a load balancer. Each writes the row, the audit entry and the operation in one transaction.

A change carries what is wanted beside what is (`wanted`): the rows keep their old values until both systems have taken
the new ones. A name lives in Weft alone, and changes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.addresses import pool
from apps.addresses.models import PublicIp, Purpose
from apps.addresses.services.instances import end_at, need_one_tier, need_purpose, translated
from apps.addresses.services.public_ips import acquire
from apps.addresses.specs import PublicIpSpec
from apps.balancers.models import Balancer, Member
from apps.balancers.specs import MOST_MEMBERS, BalancerSpec, CheckSpec
from apps.balancers.wanted import as_json, members_of
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel import clock
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.names import NAME
from apps.networks.models import Tier, Vpc
from apps.networks.services import held_in_vpc, held_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.quotas.resources import LOAD_BALANCER
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

KIND = "load-balancer"
#: Who puts back what a change in CloudStack took away.
KEEPER = Actor.system("Weft, as CloudStack had reset it")
#: How long that rests after it has failed: a person may look at it meanwhile.
RESTS = timedelta(minutes=10)


@transaction.atomic(durable=True)
def create_balancer(public_ip: PublicIp, spec: BalancerSpec, *, by: Actor) -> Operation:
    """Have a port of a public IP balanced to instances of its VPC. Raises `Refused`."""
    vpc = _held_for_one_more(public_ip.vpc)
    public_ip = PublicIp.objects.of(vpc.tenant).select_for_update(of=("self",), no_key=True).get(pk=public_ip.pk)
    if public_ip.status != Status.READY:
        text = f"{public_ip} is {public_ip.get_status_display().lower()}. Wait until it is ready, or take another."
        raise Refused("not-now", text, "public_ip")
    need_purpose(public_ip, Purpose.LOAD_BALANCER)
    return _create(vpc, public_ip, spec, by)


@transaction.atomic(durable=True)
def create_balancer_at_new_address(vpc: Vpc, spec: BalancerSpec, *, by: Actor) -> Operation:
    """The same at a public IP that is acquired for it, by an operation of its own that comes first: when that fails,
    this one does. Raises `Refused`."""
    vpc = _held_for_one_more(vpc)
    # This very one: the load balancer's rules name it, so no other will do.
    chosen = pool.choose(vpc.tenant, vpc.zone, None)
    acquired = joined(acquire)(vpc, PublicIpSpec(address=chosen, name=spec.name, notes=""), by=by)
    return _create(vpc, PublicIp.objects.of(vpc.tenant).get(pk=acquired.resource_id), spec, by)


def _held_for_one_more(vpc: Vpc) -> Vpc:
    quotas = hold_use(vpc.tenant)
    vpc = held_vpc(vpc, "add tier")
    quotas.need(LOAD_BALANCER)
    return vpc


def _create(vpc: Vpc, public_ip: PublicIp, spec: BalancerSpec, by: Actor) -> Operation:
    tier, members = _members(vpc, spec.members)
    need_one_tier(public_ip, tier, Balancer.objects.of(vpc.tenant).live(), "members")
    _need_port(public_ip, spec.port)
    row = Balancer(
        public_ip=public_ip,
        tenant=vpc.tenant,
        vpc=vpc,
        address=public_ip.address,
        tier=tier,
        name=spec.name,
        protocol=spec.protocol,
        port=spec.port,
        member_port=spec.member_port,
        allowed_cidrs=list(spec.allowed),
        **spec.check.columns,
    )
    in_use = Refused("address-in-use", f"{public_ip} is used for something else by now.", "public_ip")
    with translated({"balancer_port_is_free": _taken(public_ip, spec.port), "address_has_one_purpose": in_use}):
        row.save(force_insert=True)
    for each in members:
        each.balancer = row
    Member.objects.of(vpc.tenant).bulk_create(members)
    audit(by, "load-balancer.create", row, tenant=row.tenant, new=_told(row, [each.instance_name for each in members]))
    return _start(row, Goal.PRESENT, by)


def _need_port(public_ip: PublicIp, port: int) -> None:
    """A port is taken from when another balancer's change to it begins: its row has the old one until it ends. Raises
    `Refused`."""
    rows = Balancer.objects.of(public_ip.tenant).live().filter(public_ip=public_ip)
    work = Operation.objects.of(public_ip.tenant).live().filter(kind=KIND, wanted__port=port)
    if rows.filter(Q(port=port) | Q(pk__in=work.values("resource_id"))).exists():
        raise _taken(public_ip, port)


def _taken(public_ip: PublicIp, port: int) -> Refused:
    return Refused("port-taken", f"A load balancer answers at port {port} of {public_ip} already.", "port")


def unused_address(vpc: Vpc) -> PublicIp | None:
    """The lowest public IP of the VPC that serves nothing."""
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc, status=Status.READY, purpose=Purpose.UNUSED)
    return rows.select_related("tenant", "vpc").order_by("address").first()


@transaction.atomic(durable=True)
def delete_balancer(row: Balancer, *, by: Actor) -> Operation:
    row = held_in_vpc(row, "delete", "public_ip", "tier")
    audit(by, "load-balancer.delete", row, tenant=row.tenant, old=_told(row))
    return _start(row, Goal.ABSENT, by)


@transaction.atomic(durable=True)
def rename_balancer(row: Balancer, *, name: str, by: Actor) -> bool:
    """At once: names live in Weft alone. False when it is called so already."""
    name = NAME.parse(name, "name")
    row = held_in_vpc(row, "rename", "public_ip", "tier")
    if row.name == name:
        return False
    old, row.name = row.name, name
    row.save(update_fields=["name", "search_key"])
    audit(by, "load-balancer.rename", row, tenant=row.tenant, old={"name": old}, new={"name": name})
    return True


@transaction.atomic(durable=True)
def add_members(row: Balancer, wanted: Sequence[UUID], *, field: str = "instance", by: Actor) -> Operation:
    """One change for all of them. Raises `Refused`, for `field`."""
    row = held_in_vpc(row, "change", "public_ip", "tier")
    members = members_of(row)
    if len(members) + len(wanted) > MOST_MEMBERS:
        raise Refused("too-many-members", f"A load balancer has at most {MOST_MEMBERS} members.", field)
    if len(set(wanted)) < len(wanted):
        raise Refused("member-twice", "An instance can be a member once.", field)
    if {each["instance"] for each in members} & set(map(str, wanted)):
        raise Refused("member-twice", "This instance is a member already.", field)
    _, added = _members(row.vpc, wanted, row.tier, field=field)
    told = {"members": [each.instance_name for each in added]}
    return _change(row, {"members": [*members, *map(as_json, added)]}, by, "load-balancer.add-members", told)


@transaction.atomic(durable=True)
def remove_member(row: Balancer, member: Member, *, by: Actor) -> Operation:
    row = held_in_vpc(row, "change", "public_ip", "tier")
    left = [each for each in members_of(row) if each["id"] != str(member.pk)]
    told = {"member": member.instance_name}
    return _change(row, {"members": left}, by, "load-balancer.remove-member", told)


@transaction.atomic(durable=True)
def drain_member(row: Balancer, member: Member, *, is_drained: bool, by: Actor) -> Operation | None:
    """Take a member out of rotation without losing it, or put it back. None when it is so already."""
    row = held_in_vpc(row, "change", "public_ip", "tier")
    members = members_of(row)
    here = next((each for each in members if each["id"] == str(member.pk)), None)
    if here is None or here["drained"] == is_drained:
        return None
    changed = [each | {"drained": is_drained} if each is here else each for each in members]
    verb = "drain" if is_drained else "undrain"
    return _change(row, {"members": changed}, by, f"load-balancer.{verb}", {"member": member.instance_name})


@transaction.atomic(durable=True)
def change_balancer(
    row: Balancer,
    *,
    check: CheckSpec | None = None,
    allowed: Sequence[str] | None = None,
    protocol: str | None = None,
    port: int | None = None,
    member_port: int | None = None,
    by: Actor,
) -> Operation | None:
    """What is left out stays. Another protocol or port is a replacement: CloudStack's rule goes, and one is made anew,
    so that for some seconds nothing answers. None when it is so already."""
    row = held_in_vpc(row, "change", "public_ip", "tier")
    wanted: dict[str, Any] = {"protocol": protocol, "port": port, "member_port": member_port}
    wanted["allowed_cidrs"] = None if allowed is None else list(allowed)
    wanted |= check.columns if check else {}
    wanted = {name: value for name, value in wanted.items() if value is not None and value != getattr(row, name)}
    if not wanted:
        return None
    if {"protocol": row.protocol, "check_kind": row.check_kind, **wanted}["check_kind"] != "none" and (
        wanted.get("protocol", row.protocol) == "udp"
    ):
        text = "Members behind UDP cannot be checked: SoftGates have no check for it. Take the health check away too."
        raise Refused("check-needs-tcp", text, "health_check")
    if "port" in wanted:
        _need_port(row.public_ip, wanted["port"])
    return _change(row, wanted, by, "load-balancer.change", wanted)


@transaction.atomic(durable=True)
def apply_balancer(row: Balancer, *, by: Actor) -> Operation:
    """Have both systems made as they should be, when they are not. What is right already is left alone."""
    row = held_in_vpc(row, "change", "public_ip", "tier")
    audit(by, "load-balancer.apply", row, tenant=row.tenant)
    return _start(row, Goal.CHANGED, by)


def put_back(row: Balancer) -> Operation | None:
    """Write health check and protocol again. None while that has to wait, or has failed a moment ago."""
    tried = Operation.objects.of(row.tenant).filter(resource_id=row.pk, requested_by=KEEPER.name)
    if tried.exclude(phase=Phase.SUCCEEDED).filter(finished_at__gt=clock.now() - RESTS).exists():
        return None
    try:
        return apply_balancer(row, by=KEEPER)
    except Refused:
        return None


def _members(
    vpc: Vpc, wanted: Sequence[UUID], tier: Tier | None = None, *, field: str = "members"
) -> tuple[Tier, list[Member]]:
    """Rows to be, all in one tier: in the given one, or in that of the first."""
    found = []
    for instance_id in wanted:
        instance = instances.find(vpc.tenant, instance_id)
        if instance is None:
            raise Refused("instance-unknown", "There is no such instance.", field)
        end = _end(instance, vpc, field)
        if tier is not None and end.tier.pk != tier.pk:
            text = (
                f"{instance.name} is in the tier {end.tier.name}, and the load balancer's members are in {tier.name}. "
            )
            raise Refused("instance-elsewhere", f"{text}All have to be in one tier.", field)
        tier = end.tier
        found.append(
            Member(instance_id=instance.id, instance_name=instance.name, guest_address=end.address, drained=False)
        )
    assert tier is not None, "there is at least one"
    return tier, found


def _end(instance: Instance, vpc: Vpc, field: str) -> Any:
    try:
        return end_at(instance, vpc, None, is_secondary_fine=False)
    except Refused as refusal:
        raise Refused(refusal.code, refusal.message, field) from refusal


def _change(row: Balancer, wanted: dict[str, Any], by: Actor, verb: str, told: dict[str, Any]) -> Operation:
    audit(by, verb, row, tenant=row.tenant, new=told)
    return _start(row, Goal.CHANGED, by, wanted=wanted)


def _told(row: Balancer, members: Sequence[str] = ()) -> dict[str, Any]:
    told = {"name": row.name, "public_ip": str(row.address), "protocol": row.protocol, "port": row.port}
    return told | ({"members": list(members)} if members else {})


def _start(row: Balancer, goal: Goal, by: Actor, **options: Any) -> Operation:
    options |= {"lock_key": row.lock_key, "lane": row.lane, "zone": row.vpc.zone}
    return operations.start(KIND, row, goal, tenant=row.tenant, by=by, **options)
