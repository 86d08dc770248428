"""What pages and the API read about peerings: whether Netris has them as they are meant, and what two VPCs would get of
one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network
from itertools import permutations
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.kernel import clock
from apps.kernel.named import containing
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.queries import UNREAD, Applied, Told
from apps.mirror.sweeps import SWEEPS
from apps.networks.learned import Learned, learned_by
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.peering.exchange import exchanged, networks
from apps.peering.models import Peering, PeeringQuerySet, Stage
from apps.peering.recipes import exchange_of, trouble_of
from apps.peering.sides import Side, sides_in
from apps.tenancy.models import Tenant

KIND = Kind.NETRIS_PEERING
#: How long one that is over is still shown.
SHOWN_FOR = timedelta(days=30)
#: How each sorting reads in SQL: all follow an index.
SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}
DEFAULT_SORT = "-created"
#: How many of one VPC are looked through.
MOST_AROUND = 200
#: How many operations the page of one shows.
OPERATIONS = 8
WITH = ("tenant", "peer_tenant", "vpc__tenant", "vpc__zone", "peer_vpc__tenant", "peer_vpc__zone")


def shown(rows: PeeringQuerySet) -> PeeringQuerySet:
    """Those that are there or asked for, and what became of the others lately."""
    return rows.filter(~Q(status=Status.DELETED) | Q(deleted_at__gt=clock.now() - SHOWN_FOR))


def search(tenant: Tenant, *, words: str = "", vpc: Vpc | None = None) -> PeeringQuerySet:
    rows = shown(Peering.objects.of(tenant)).select_related(*WITH)
    if words:
        rows = rows.filter(containing("name_key", words))
    if vpc is not None:
        rows = rows.of_vpcs([vpc.pk])
    return rows


def applied_of(rows: Sequence[Peering]) -> dict[UUID, Applied]:
    """Whether Netris has each as it is meant, by the rows' ids; their VPCs come with them. Two queries, however many
    rows, none where none is ready. What was read before a row came to rest says nothing of it."""
    ready = [row for row in rows if row.status == Status.READY and row.peer_vpc is not None]
    if not ready:
        return {}
    zones = {row.vpc.zone_id for row in ready}
    listed = dict(Reading.objects.filter(zone__in=zones, kind=KIND).values_list("zone_id", "read_at"))
    pairs = ((row.vpc.netris_id, row.peer_vpc.netris_id) for row in ready if row.peer_vpc is not None)
    keys = {f"{a} {b}" for pair in pairs for a, b in permutations(pair)}
    items = Item.objects.filter(zone__in=zones, kind=KIND, key__in=keys)
    there = {(item.zone_id, item.name): (SWEEPS[KIND].row_of(item.data), item.read_at) for item in items}
    found = {}
    for row in ready:
        remote, own = there.get((row.vpc.zone_id, row.remote_name), (None, None))
        read_at = max(filter(None, (listed.get(row.vpc.zone_id), own)), default=None)
        trouble = trouble_of(row, exchange_of(row), remote)
        found[row.pk] = Applied.by(Told(KIND, trouble, read_at, row.settled_at))
    return found


SENTENCES = {
    "requested": "Nothing of it is on Netris yet.",
    "ready": "Netris has it as both sides have said.",
    "stale": "What Netris has of it was not read since its last change, or not lately.",
    "building": "It is being made on Netris.",
    "changing": "It is being changed on Netris.",
    "removing": "It is being taken off Netris.",
    "stuck": "It is stuck. Retry its operation, or revoke it.",
}


@dataclass(frozen=True)
class Line:
    """A peering with all that is said of it to one of its tenants."""

    side: Side
    applied: Applied
    operation: Operation | None
    work: Sequence[Operation]

    @property
    def row(self) -> Peering:
        return self.side.row

    @property
    def status(self) -> str:
        """Ready is only said of what was seen on Netris lately."""
        word = self.side.standing
        return self.applied.status if word == Status.READY else word

    @property
    def is_missing(self) -> bool:
        return self.status == "differs"

    @property
    def is_read(self) -> bool:
        """Its badge goes by a reading of Netris."""
        return self.status in ("ready", "differs", "stale")

    @property
    def sentence(self) -> str:
        """Where it stands, in words of this side."""
        row, by = self.row, self.side.ending
        if not row.is_live:
            was_made = row.peer_vpc_id is not None
            return {
                Stage.REJECTED: f"It was rejected {by}. Nothing of it was made.",
                Stage.WITHDRAWN: f"It was taken back {by}. Nothing of it was made.",
                Stage.EXPIRED: "Its time was over: nothing passes any more."
                if was_made
                else "It was not answered in time. Nothing of it was made.",
                Stage.REVOKED: f"It was revoked {by}: nothing passes any more.",
                Stage.FAILED: "It could not be made. Nothing of it is on Netris.",
            }.get(Stage(row.stage), "It is over: nothing passes any more.")
        if self.status == Status.STUCK and self.operation is None and not row.is_within_tenant:
            return "An operation of the other side on it is stuck. Wait until that is over, or revoke it."
        if row.ends_as and self.status not in (Status.REMOVING, Status.STUCK):
            why = f"It was revoked {by}" if row.ends_as == Stage.REVOKED else "Its time is over"
            return f"{why}: it is removed as soon as what is under way has ended."
        if self.is_missing:
            return self.applied.trouble
        return SENTENCES[self.status]

    def why_not(self, action: str) -> str | None:
        """Why `accept`, `reject`, `change`, `apply` or `revoke` is not offered to this side now."""
        if action in ("accept", "reject"):
            return None if self.side.waits_for_them else self._why_not_answered()
        if action == "revoke" and self.row.is_requested and self.row.is_live:
            return None if self.side.is_asking else "It was not accepted yet. Reject it instead."
        return self.row.why_not(action, self.work)

    def _why_not_answered(self) -> str:
        if self.row.is_requested and self.row.is_live:
            return "The other side has to answer it."
        return "It waits for no answer any more."


def lines_of(sides: Sequence[Side], work: Mapping[UUID, Sequence[Operation]]) -> list[Line]:
    """Two queries at most, however many."""
    applied = applied_of([side.row for side in sides])
    lines = []
    for side in sides:
        row = side.row
        about = [*work.get(row.vpc_id, ()), *(work.get(row.peer_vpc_id, ()) if row.peer_vpc_id else ())]
        about = list({each.pk: each for each in about}.values())
        operation = next((each for each in about if each.resource_id == row.pk), None)
        lines.append(Line(side, applied.get(row.pk, UNREAD), operation, about))
    return lines


def vpc_ids(rows: Iterable[Peering]) -> set[UUID]:
    return {pk for row in rows for pk in (row.vpc_id, row.peer_vpc_id) if pk is not None}


def latest_operations_of(row: Peering, tenant: Tenant) -> list[Operation]:
    """Those that this tenant has asked for. One query."""
    found = Operation.objects.of(tenant).filter(resource_id=row.pk)
    return list(found.order_by("-created_at", "-id")[:OPERATIONS])


def waiting_for(tenant: Tenant) -> PeeringQuerySet:
    """Requests that this tenant has to answer."""
    rows = Peering.objects.of(tenant).live().filter(peer_tenant=tenant, stage="requested")
    return rows.exclude(tenant=tenant).select_related(*WITH)


# --- what a VPC learns ------------------------------------------------------------------------------------------------


def agreed_in(vpc: Vpc) -> list[Side]:
    """Those that lead out of a VPC, each as it is seen from there. One query."""
    rows = Peering.objects.of(vpc.tenant).agreed().of_vpcs([vpc.pk]).select_related(*WITH).order_by("name", "id")
    return [sides_in(row, vpc) for row in rows]


def around(vpc: Vpc) -> list[Side]:
    """All that lead out of a VPC, or were to, and those that did lately: what is there first. One query."""
    rows = shown(Peering.objects.of(vpc.tenant)).of_vpcs([vpc.pk]).select_related(*WITH)
    found = [sides_in(row, vpc) for row in rows.order_by("-created_at", "-id")[:MOST_AROUND]]
    return sorted(found, key=lambda side: (not side.is_agreed, not side.row.is_live))


def learned(vpc: Vpc) -> list[Learned]:
    """What a VPC has learned, and what changes that are under way let it learn. Two queries."""
    sides = agreed_in(vpc)
    changing = [side.row.pk for side in sides if side.row.status == Status.CHANGING]
    wanted: dict[UUID, dict[str, Any]] = {}
    if changing:
        for tenant in {each.pk: each for side in sides for each in side.row.owners}.values():
            work = Operation.objects.of(tenant).live().filter(resource_id__in=changing)
            wanted |= dict(work.values_list("resource_id", "wanted"))
    found = []
    for side in sides:
        meant = exchange_of(side.row, wanted.get(side.row.pk, {}))
        now = set(side.learned) | set(meant.learned if side.is_asking else meant.peer_learned)
        found += [Learned(prefix, f"the peering {side.row.name}", side.row.pk) for prefix in sorted(now)]
    return found


@dataclass(frozen=True)
class Clash:
    """A range that cannot pass."""

    #: At the own side, or at the other one.
    is_here: bool
    prefix: IPv4Network
    #: With what it overlaps; None at another tenant's side, of which nothing is told.
    other: IPv4Network | None
    sentence: str


def clashes_at(vpc: Vpc, wanted: Iterable[IPv4Network], *, sees: Tenant, key: object = None) -> list[Clash]:
    """What of these a VPC cannot learn, told to a tenant. `key` is the peering that it would learn them from. Four
    queries and what other apps need."""
    taken = [(vpc.cidr, f"the VPC's own range {vpc.cidr}")]
    routes = StaticRoute.objects.of(vpc.tenant).live().filter(vpc=vpc).values_list("destination", flat=True)
    taken += [(each, f"the static route to {each}") for each in routes]
    taken += [(each.prefix, f"{each.prefix} from {each.source}") for each in learned_by(vpc) if each.key != key]
    is_here = vpc.tenant_id == sees.pk
    found = []
    for prefix in wanted:
        for other, what in taken:
            if prefix.overlaps(other):
                sentence = f"{prefix} overlaps {what} in {vpc.name}."
                if not is_here:
                    sentence = f"{prefix} overlaps what the other side has already."
                found.append(Clash(is_here, prefix, other if is_here else None, sentence))
                break
    return found


@dataclass(frozen=True)
class Preview:
    """What would come of a peering, as one of its tenants may know it."""

    #: What the own VPC would learn, and what the other one would.
    here: Sequence[IPv4Network]
    there: Sequence[IPv4Network]
    #: What of the own VPC lies in that: the tiers that the other side could reach.
    tiers: Sequence[Tier]
    clashes: Sequence[Clash]

    @property
    def is_possible(self) -> bool:
        return not self.clashes


def preview_of(
    sees: Tenant,
    vpc: Vpc | None,
    peer_vpc: Vpc | None,
    here: Sequence[IPv4Network],
    there: Sequence[IPv4Network],
    *,
    key: object = None,
) -> Preview:
    """`vpc` is the own one and `peer_vpc` the other, where they are known; `here` is what the own one would learn."""
    clashes = clashes_at(vpc, here, sees=sees, key=key) if vpc else []
    clashes += clashes_at(peer_vpc, there, sees=sees, key=key) if peer_vpc else []
    tiers: list[Tier] = []
    if vpc is not None:
        rows = Tier.objects.of(sees).live().filter(vpc=vpc).order_by("cidr", "id")
        tiers = [tier for tier in rows if any(tier.cidr.overlaps(each) for each in there)]
    return Preview(here, there, tiers, clashes)


def meant_of(side: Side, changed: Mapping[str, Any] = {}) -> tuple[list[IPv4Network], list[IPv4Network]]:
    """What this side would learn, and the other one, with some columns changed."""
    meant = exchange_of(side.row, changed)
    return (meant.learned, meant.peer_learned) if side.is_asking else (meant.peer_learned, meant.learned)


def preview_with(
    side: Side,
    vpc: Vpc | None,
    prefixes: Sequence[IPv4Network] | None = None,
    accept: Sequence[IPv4Network] | None = None,
) -> Preview:
    """What would come of it with this VPC at the own side, and with what it would offer and take. Of a request that
    waits the other side's choice is not known: it is taken for all. What the VPC could not offer is passed over: nobody
    tries ranges against what the other side has."""
    row = side.row
    offered = networks(side.offered) if prefixes is None else list(prefixes)
    offered = [each for each in offered if vpc is None or each.subnet_of(vpc.cidr)]
    if not side.offered and prefixes is None and vpc is not None and row.is_requested:
        offered = [vpc.cidr]
    theirs = networks(side.peer_offered)
    taken = networks(side.accepted) if accept is None and not row.is_requested else theirs if accept is None else accept
    here = exchanged(theirs, taken)
    there = offered if row.is_requested else exchanged(offered, networks(side.peer_accepted))
    peer_vpc = row.peer_vpc if side.is_asking else row.vpc
    return preview_of(side.tenant, vpc, peer_vpc, here, there, key=row.pk)
