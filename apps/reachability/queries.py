"""The facts that the walk goes over: rows of Weft's, and what the mirror has of them, each with its age. Nothing is
asked of the two systems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.acls import queries as acls
from apps.acls.models import TierAcl
from apps.acls.rules import Protocol, places_in_force
from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.queries import nat, public_ips
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.mirror.queries import UNREAD, Applied
from apps.networks import queries as networks
from apps.networks.agreement import agreement_of
from apps.networks.models import Tier, Vpc
from apps.networks.routes.effective import Route, routes_of
from apps.operations.provisioned import Status
from apps.reachability.questions import Question
from apps.reachability.walker import (
    Answer,
    Door,
    End,
    Lead,
    ListOfTier,
    Machine,
    Network,
    Outside,
    Place,
    Seen,
    Start,
    Way,
    walk,
)

#: Rules that lead to one instance, or from one address, and are looked at.
MOST_LEADS = 500


def answer_of(question: Question) -> Answer:
    """The same number of queries however much the VPCs hold."""
    source = question.source
    start: Outside | Start = source if isinstance(source, Outside) else _start(source)
    target = question.target
    end = _door(target) if isinstance(target, PublicIp) else _end(target)
    return walk(start, end, question.traffic)


def _minutes(at: datetime | None) -> int | None:
    return None if at is None else int((clock.now() - at).total_seconds() // 60)


def _seen(what: str, applied: Applied) -> Seen:
    return Seen(what, applied.is_applied, _minutes(applied.read_at), applied.trouble)


def _start(instance: Instance) -> Start:
    vpc = _vpc_of(instance)
    place = _place(vpc)
    machine = _machine(instance, place)
    assert machine is not None, "the question has looked"
    rows = StaticNat.objects.of(vpc.tenant).live().filter(instance_id=instance.id).select_related("vpc", "tier")
    leads = _leads(list(rows.filter(guest_address=str(machine.address))[:1]), lambda _row: machine)
    return Start(machine, place, next(iter(leads), None), vpc.egress_ip)


def _end(instance: Instance) -> End:
    vpc = _vpc_of(instance)
    place = _place(vpc)
    machine = _machine(instance, place)
    assert machine is not None, "the question has looked"
    rows: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        found: Any = model.objects.of(vpc.tenant).live().filter(instance_id=instance.id)
        rows += found.filter(guest_address=str(machine.address)).select_related("vpc", "tier")[:MOST_LEADS]
    balanced = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc, purpose=Purpose.LOAD_BALANCER)
    return End(machine, place, _leads(rows, lambda _row: machine), has_balancers=balanced.exists())


def _door(row: PublicIp) -> Door:
    url = reverse("addresses:detail", args=[row.tenant.slug, row.pk])
    applied = public_ips.applied_of([row], lambda door: door.of(row.tenant)).get(row.pk, UNREAD)
    rows: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        found: Any = model.objects.of(row.tenant).live().filter(public_ip=row)
        rows += found.select_related("vpc", "tier")[:MOST_LEADS]
    place = _place(row.vpc)
    ids = {str(lead.instance_id) for lead in rows}
    found = instances.shown(instances.of(row.tenant).filter(remote_id__in=ids), Tier.objects.of(row.tenant))
    known = {instance.id: instance for instance in found}

    def machine_of(lead: StaticNat | PortForward) -> Machine | None:
        instance = known.get(UUID(str(lead.instance_id)))
        return _machine(instance, place, at=lead.guest_address) if instance else None

    return Door(
        row.address,
        url,
        row.vpc.name,
        Seen("public IPs", applied.is_applied, _minutes(applied.read_at), applied.trouble),
        _trouble_of(row),
        _leads(rows, machine_of),
        is_balanced=row.purpose == Purpose.LOAD_BALANCER,
    )


def _trouble_of(row: PublicIp) -> str:
    if row.status in (Status.BUILDING, Status.REMOVING):
        return f"{row} is {row.get_status_display().lower()}. Wait until that is over."
    if row.purpose == Purpose.SOURCE_NAT:
        return (
            f"{row} serves what the VPC {row.vpc.name} sends out, and leads nothing in. Acquire a public IP for that."
        )
    return ""


def _vpc_of(instance: Instance) -> Vpc:
    vpc = instance.vpc
    assert vpc is not None, "the question has looked"
    return Vpc.objects.of(vpc.tenant).select_related("zone", "tenant").get(pk=vpc.pk)


def _place(vpc: Vpc) -> Place:
    tiers = list(networks.tiers_of(vpc))
    settled_at = networks.settled_at(networks.latest_operations_of(vpc))
    agreement = agreement_of(vpc, tiers, settled_at=settled_at)
    lists = acls.lists_of(tiers, TierAcl.objects.of(vpc.tenant))
    ways = routes_of(vpc, tiers, agreement, ())
    slug = vpc.tenant.slug
    return Place(
        vpc.name,
        reverse("routes:of_vpc", args=[slug, vpc.pk]),
        vpc.cidr,
        [_network(tier, vpc, lists.get(tier.pk)) for tier in tiers],
        [_way(route) for route in ways],
        reverse("addresses:of_vpc", args=[slug, vpc.pk]),
    )


def _way(route: Route) -> Way:
    is_there = {"ready": True, "dormant": True, "differs": False}.get(route.status)
    trouble = "The two systems differ here." if is_there is False else ""
    return Way(route.destination, route.source, route.via, Seen("routes", is_there, _minutes(route.read_at), trouble))


def _network(tier: Tier, vpc: Vpc, row: TierAcl | None) -> Network:
    trouble = ""
    if tier.status not in (Status.READY, Status.CHANGING):
        trouble = f"The tier {tier.name} is {tier.get_status_display().lower()}. Wait until it is ready."
    slug = vpc.tenant.slug
    url = f"{reverse('networks:vpc_tiers', args=[slug, vpc.pk])}{_mark(tier)}"
    return Network(tier.name, vpc.name, tier.cidr, url, trouble, _list(row, slug) if row else None)


def _mark(tier: Tier) -> str:
    """Where it stands on the page of its VPC's tiers, by which it is told from all others."""
    return f"#tier-{tier.pk}"


def _list(row: TierAcl, slug: str) -> ListOfTier:
    acl, rules = row.acl, row.acl.written
    in_force = places_in_force(rules, clock.now())
    url = reverse("acls:detail", args=[slug, acl.pk])
    return ListOfTier(
        acl.name, url, rules, in_force, acl.denies_rest, acl.site, _seen(Kind.NETRIS_ACL.label.lower(), row.seen)
    )


def _machine(instance: Instance, place: Place, *, at: IPv4Address | None = None) -> Machine | None:
    """At its first address in the VPC, or at the one that is named."""
    slug = instance.vpc.tenant.slug if instance.vpc else ""
    for each in instance.addresses:
        if at not in (None, each.address):
            continue
        network = next((net for net in place.networks if each.tier and net.url.endswith(_mark(each.tier))), None)
        if network is None:
            continue
        seen = Seen(Kind.CLOUDSTACK_INSTANCE.label, None if instance.is_stale else True, _minutes(instance.read_at))
        url = reverse("instances:detail", args=[slug, instance.id])
        return Machine(instance.name, url, IPv4Address(str(each.address)), instance.state, network, seen)
    return None


def _leads(
    rows: Sequence[StaticNat | PortForward], machine_of: Callable[[StaticNat | PortForward], Machine | None]
) -> list[Lead]:
    """Four queries, none for no row."""
    if not rows:
        return []
    applied = nat.applied_of(rows)
    asleep = networks.asleep(row.tier for row in rows if applied[row.pk].is_missing)
    return [_lead(row, applied[row.pk], machine_of(row), is_asleep=row.tier_id in asleep) for row in rows]


def _lead(row: StaticNat | PortForward, applied: Applied, machine: Machine | None, *, is_asleep: bool) -> Lead:
    url = reverse("addresses:detail", args=[row.tenant.slug, row.public_ip_id])
    seen = _seen(Kind.NETRIS_NAT.label, applied)
    if isinstance(row, StaticNat):
        what = f"Static NAT of {row.address}"
        return Lead(what, url, row.address, machine, row.instance_name, seen, is_asleep=is_asleep)
    return Lead(
        f"Port forward {row.protocol} {row.public_ports} of {row.address}",
        url,
        row.address,
        machine,
        row.instance_name,
        seen,
        Protocol(row.protocol),
        (row.public_first, row.public_last),
        row.private_first,
        row.enabled,
        is_asleep=is_asleep,
    )
