"""The facts that the walk goes over: rows of Weft's, and what the mirror has of them, each with its age. Nothing is
asked of the two systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple
from uuid import UUID

from django.urls import reverse

from apps.acls import queries as acls
from apps.acls.models import TierAcl
from apps.acls.rules import Protocol, places_in_force
from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.queries import nat, public_ips
from apps.balancers import queries as balancers
from apps.balancers.models import Balancer, BalancerQuerySet, Member
from apps.balancers.queries import Judgement
from apps.balancers.verdicts import Cell, Configured, Line, foreign, keeps_out
from apps.directconnect.ways import DIRECT_CONNECT, links_of
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.mirror.queries import UNREAD, Applied
from apps.netris.wire import Balancer as OnNetris
from apps.networks import queries as networks
from apps.networks.agreement import agreement_of
from apps.networks.models import Tier, Vpc
from apps.networks.routes.effective import Route, routes_of
from apps.operations.provisioned import Status
from apps.peering.exchange import networks as networks_of
from apps.peering.queries import around
from apps.reachability.facts import (
    Answer,
    Balanced,
    Beyond,
    Door,
    End,
    Lead,
    Linked,
    ListOfTier,
    Machine,
    Mate,
    Network,
    Outside,
    Peered,
    Place,
    Seen,
    Start,
    Traffic,
    Verdict,
    Way,
)
from apps.reachability.questions import Question
from apps.reachability.walker import walk
from apps.tenancy.models import Tenant

#: Rules that lead to one instance, or from one address, and are looked at.
MOST_LEADS = 500
#: Load balancers that an instance is a member of, at one port.
MOST_BALANCERS = 100
#: Of several that are told of in a sentence.
NAMED = 3


def answer_of(question: Question) -> Answer:
    """The same number of queries however much the VPCs hold."""
    source = question.source
    start: Outside | Start = source if isinstance(source, Outside) else _start(source)
    target, traffic = question.target, question.traffic
    if isinstance(target, Beyond):
        return walk(start, target, traffic)
    if isinstance(target, Balancer):
        return walk(start, _door(target.public_ip, traffic, target), traffic)
    end = _door(target, traffic) if isinstance(target, PublicIp) else _end(target, traffic)
    return walk(start, end, traffic)


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


def _end(instance: Instance, traffic: Traffic) -> End:
    vpc = _vpc_of(instance)
    place = _place(vpc)
    machine = _machine(instance, place)
    assert machine is not None, "the question has looked"
    rows: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        found: Any = model.objects.of(vpc.tenant).live().filter(instance_id=instance.id)
        rows += found.filter(guest_address=str(machine.address)).select_related("vpc", "tier")[:MOST_LEADS]
    ports = {"protocol": traffic.protocol.value, "member_port": traffic.port or 0}
    balancers = _balancers(vpc.tenant).filter(members__instance_id=instance.id, **ports)[:MOST_BALANCERS]

    def only_it(member: Member) -> Machine | None:
        return machine if (member.instance_id, member.guest_address) == (instance.id, machine.address) else None

    return End(
        machine,
        place,
        _leads(rows, lambda _row: machine),
        [_balanced(each, place, only_it) for each in _told(balancers)],
    )


def _door(row: PublicIp, traffic: Traffic, only: Balancer | None = None) -> Door:
    """With the load balancer that takes the traffic, or that is asked about."""
    url = reverse("addresses:detail", args=[row.tenant.slug, row.pk])
    applied = public_ips.applied_of([row], lambda door: door.of(row.tenant)).get(row.pk, UNREAD)
    rows: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        found: Any = model.objects.of(row.tenant).live().filter(public_ip=row)
        rows += found.select_related("vpc", "tier")[:MOST_LEADS]
    balancers = _balancers(row.tenant).filter(public_ip=row)
    answering = [only] if only else list(balancers[:NAMED])
    taking = list(balancers.filter(protocol=traffic.protocol.value, port=traffic.port or 0))
    told = _told([each for each in taking if only in (None, each)])
    place = _place(row.vpc)
    leading = [*rows, *(member for each in told for member in each.judgement.members)]
    ids = {str(each.instance_id) for each in leading}
    found = instances.shown(instances.of(row.tenant).filter(remote_id__in=ids), Tier.objects.of(row.tenant))
    known = {instance.id: instance for instance in found}

    def machine_of(lead: StaticNat | PortForward | Member) -> Machine | None:
        instance = known.get(UUID(str(lead.instance_id)))
        return _machine(instance, place, at=lead.guest_address) if instance else None

    return Door(
        row.address,
        url,
        row.vpc.name,
        Seen("public IPs", applied.is_applied, _minutes(applied.read_at), applied.trouble),
        _trouble_of(row),
        _leads(rows, machine_of),
        [_balanced(each, place, machine_of) for each in told],
        [f"{each.name} at {each.protocol} {each.port}" for each in answering],
        place.links,
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
        _peerings(vpc),
        _links(vpc),
    )


def _peerings(vpc: Vpc) -> list[Peered]:
    """Those that are there first, then what became of others lately. One query."""
    slug = vpc.tenant.slug
    return [
        Peered(
            side.row.name,
            reverse("peering:detail", args=[slug, side.row.pk]),
            side.standing,
            reverse("routes:of_vpc", args=[slug, side.beyond.pk]) if side.beyond else "",
            networks_of(side.peer_offered),
            side.learned if side.is_agreed else [],
            networks_of(side.offered),
            side.told if side.is_agreed else [],
        )
        for side in around(vpc)
    ]


def _links(vpc: Vpc) -> list[Linked]:
    """Six queries, one where there is none."""
    return [
        Linked(
            each.name,
            each.url,
            each.state,
            each.trouble,
            each.row.link,
            each.accepts,
            each.told.announced,
            each.told.session_takes,
        )
        for each in links_of(vpc)
    ]


#: What a status says of whether a route is there; what is not among them says nothing.
IS_THERE = {"ready": True, "dormant": True, "differs": False}
OF_LINKS = {"ready": True, "down": False, "suspended": False}


def _way(route: Route) -> Way:
    is_there = (OF_LINKS if route.source == DIRECT_CONNECT else IS_THERE).get(route.status)
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
        network = _network_of(each.tier, place)
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


# --- load balancers ---------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    row: Balancer
    judgement: Judgement


def _balancers(tenant: Tenant) -> BalancerQuerySet:
    rows = Balancer.objects.of(tenant).live().select_related("tenant", "vpc", "tier")
    return rows.prefetch_related("members").order_by("port", "id")


def _told(rows: Iterable[Balancer]) -> list[Told]:
    """Eight queries at most, none for no row."""
    rows = list(rows)
    judgements = balancers.judged(rows)
    return [Told(row, judgements[row.pk]) for row in rows]


def _balanced(told: Told, place: Place, machine_of: Callable[[Member], Machine | None]) -> Balanced:
    row, judgement = told.row, told.judgement
    reading, configured = judgement.reading, judgement.configured
    is_asleep = configured.verdict == Configured.DORMANT
    is_known = is_asleep or configured.verdict in (Configured.CONFIGURED, Configured.DIFFERS)
    there = reading.row if is_known else None
    trouble = keeps_out(judgement.meant, there) if is_known else ""
    if trouble:
        trouble += " Start an instance of its tier." if is_asleep else " Apply it again."
    lines = zip(judgement.lines, judgement.members, strict=True)
    network = _network_of(row.tier, place)
    assert network is not None, "a tier stays while something leads into it"
    return Balanced(
        name=row.name,
        url=reverse("balancers:detail", args=[row.tenant.slug, row.pk]),
        address=row.address,
        protocol=Protocol(row.protocol),
        port=row.port,
        member_port=row.member_port,
        network=network,
        mates=[_mate(line, member, machine_of(member), there) for line, member in lines],
        sources=[IPv4Network(each) for each in row.allowed_cidrs],
        sources_seen=_seen("rules of access lists in Netris", judgement.sources),
        unknown="" if is_known else configured.sentence,
        trouble=trouble,
        foreign=", ".join(foreign(judgement.meant, there)[:NAMED]) if there else "",
    )


#: What a cell says of the way to a member.
PROBES = {Cell.HEALTHY: Verdict.REACHABLE, Cell.DOWN: Verdict.BLOCKED, Cell.UNPROBED: None, Cell.DRAINED: None}


def _mate(line: Line, member: Member, machine: Machine | None, there: OnNetris | None) -> Mate:
    """One SoftGate that reaches it is enough; it is down where each finds it so."""
    probes = [PROBES.get(cell.verdict, Verdict.UNKNOWN) for cell in line.cells]
    best = next((each for each in (Verdict.REACHABLE, None, Verdict.UNKNOWN) if each in probes), Verdict.BLOCKED)
    unclear = next((cell.reason for cell in line.cells if cell.verdict in (Cell.STALE, Cell.UNKNOWN)), "")
    words = line.sentence if best is Verdict.BLOCKED else f"Not every probe is known: {unclear}."
    ends = None if there is None else {(each.ip, each.port) for each in there.backends if not each.maintenance}
    is_sent = ends is None or (line.member.address, line.member.port) in ends
    return Mate(member.instance_name, machine, member.drained, is_sent, best, words)


def _network_of(tier: Tier | None, place: Place) -> Network | None:
    return next((each for each in place.networks if tier and each.url.endswith(_mark(tier))), None)
