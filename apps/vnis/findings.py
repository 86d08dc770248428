"""What is wrong with numbers and ranges, written down after each look through the lists.

    kind                  is so while
    vni-duplicate         several things have a number in the view of one system, or a tier and a VPC of Netris share it
    vni-leaked            a V-Net of CloudStack's plugin has a number that no network there has any more
    vni-released          the same, and CloudStack calls the number free: the next tier may be given it
    vni-reserved          Netris has something of its own inside a range of CloudStack, which may hand that number out
    vni-ranges-overlap    two ranges of CloudStack's on one controller share numbers
    vni-range-filling     three quarters of a range are taken, or nine tenths (an event: it goes by itself, or does not)

A number is judged once all lists were read after Weft first saw what is wrong with it: what is just being made or
removed is in one list before it is in the other. A V-Net whose tier is there under another number has not leaked: the
two systems differ, and what has taken the number of another is told as a duplicate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q

from apps.history.kinds import EventKind, Subject
from apps.history.models import Severity
from apps.history.services import Found, basis_of, keep, last_basis, still
from apps.kernel.svg.bar import FULL, NEARLY_FULL, thousands
from apps.mirror.models import Reading
from apps.netris.names import name_in_cloudstack
from apps.vnis.feed import LISTS
from apps.vnis.models import Claim, ClaimQuerySet, Holder, Ledger, VniRange
from apps.zones.models import System, Zone

DUPLICATE = EventKind("vni-duplicate", "Duplicate VNI", is_finding=True)
LEAKED = EventKind("vni-leaked", "V-Net whose tier is gone", is_finding=True)
RELEASED = EventKind("vni-released", "VNI in use and free", is_finding=True)
RESERVED = EventKind("vni-reserved", "VNIs of Netris in CloudStack's range", is_finding=True)
OVERLAP = EventKind("vni-ranges-overlap", "Overlapping ranges of VNIs", is_finding=True)
FILLING = EventKind("vni-range-filling", "Range of VNIs fills up")
KINDS = (DUPLICATE, LEAKED, RELEASED, RESERVED, OVERLAP, FILLING)

SOURCE = "vnis"
#: Numbers of one kind of finding; whoever has more than that has one cause for them.
MOST = 1000
#: Names in one sentence.
NAMED = 3


@dataclass(frozen=True)
class Sight:
    """A zone as it is judged: its ranges, and when the oldest of its lists was read."""

    zone: Zone
    pools: Sequence[VniRange]
    read_at: datetime

    @property
    def claims(self) -> ClaimQuerySet:
        rows: ClaimQuerySet = Claim.unscoped.now().filter(zone=self.zone)
        return rows

    @property
    def in_pools(self) -> Q:
        within = Q(pk__in=())
        for row in self.pools:
            within |= Q(vnis__startswith__gte=row.start, vnis__startswith__lte=row.end)
        return within

    def has_settled(self, claims: Iterable[Claim]) -> bool:
        """All lists were read since."""
        return all(self.read_at > claim.seen_at for claim in claims)


@transaction.atomic
def tell(zone: Zone) -> None:
    """Bring what is wrong in a zone up to date. While one of its lists is stale, nothing begins and nothing ends.

    All is judged anew when the ledger was written, or that of another zone of the same controller, and once more when
    all lists were read after that: then it has settled. Until the next change what is open goes on. A list that was
    read again since the ledger was written settles nothing: who is at it tells after that, or who looks next."""
    ledger = Ledger.objects.select_for_update(skip_locked=True, no_key=True).filter(zone=zone).first()
    readings = list(Reading.objects.filter(zone=zone, kind__in=LISTS))
    times = [each.read_at for each in readings if each.read_at is not None]
    if ledger is None or len(times) < len(LISTS) or ledger.basis != basis_of(readings):
        return
    before = last_basis(zone, SOURCE)
    if before == ledger.basis:
        return
    written_at = Ledger.objects.filter(zone__netris_url=zone.netris_url).aggregate(at=Max("looked_at"))["at"]
    if written_at and len(before) == len(LISTS) and min(map(datetime.fromisoformat, before.values())) > written_at:
        still(zone, SOURCE, basis=readings)
        return
    pools = VniRange.objects.filter(zone=zone, system=System.CLOUDSTACK).order_by("vnis")
    sight = Sight(zone, list(pools), min(times))
    found = [*_duplicates(sight), *_unclaimed(sight), *_overlaps(sight), *_filling(sight)]
    keep(zone, SOURCE, found, basis=readings)


def _subject(vni: int) -> Subject:
    return Subject("vni", str(vni), f"VNI {vni}")


def _of_range(row: VniRange) -> Subject:
    return Subject("vni-range", str(row.pk), f"VNIs {row}")


def _tenants(claims: Iterable[Claim]) -> Collection[UUID] | None:
    """Those that are known; None when nobody is."""
    return {claim.tenant_id for claim in claims if claim.tenant_id} or None


def _called(claims: Sequence[Claim]) -> str:
    names = [f"{claim.get_kind_display()} {claim.name or claim.holder}" for claim in claims[:NAMED]]
    more = len(claims) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


# --- numbers ----------------------------------------------------------------------------------------------------------


def _duplicates(sight: Sight) -> Iterator[Found]:
    """One for each number, whatever has it and in whose view."""
    tier = sight.claims.filter(system=System.CLOUDSTACK, kind=Holder.NETWORK, vnis=OuterRef("vnis"))
    shared = sight.claims.filter(Exists(tier), system=System.NETRIS, kind=Holder.VPC)
    second = sight.claims.filter(is_first=False)
    numbers = {claim.vni for rows in (second, shared) for claim in rows.order_by("began_at", "id")[:MOST]}
    holders: defaultdict[int, list[Claim]] = defaultdict(list)
    for claim in sight.claims.filter(vnis__startswith__in=numbers).order_by("system", "-is_first", "began_at", "id"):
        holders[claim.vni].append(claim)
    for vni, claims in sorted(holders.items()):
        if sight.has_settled(claims):
            yield _duplicate(vni, claims)


def _duplicate(vni: int, claims: Sequence[Claim]) -> Found:
    views = []
    for system in System:
        seen = [claim for claim in claims if claim.system == system]
        if seen:
            views.append(f"In {system.label}: {_called(seen)}.")
    since = max(claim.began_at for claim in claims)
    return Found(DUPLICATE.key, _subject(vni), Severity.CRITICAL, " ".join(views), since, _tenants(claims))


def _unclaimed(sight: Sight) -> Iterator[Found]:
    """What Netris has in CloudStack's ranges, and no network there has."""
    if not sight.pools:
        return
    claimed = sight.claims.filter(
        system=System.CLOUDSTACK, kind__in=(Holder.NETWORK, Holder.TAKEN), vnis=OuterRef("vnis")
    )
    rows = sight.claims.filter(sight.in_pools, ~Exists(claimed), system=System.NETRIS, is_first=True)
    found = [claim for claim in rows.order_by("began_at", "id")[:MOST] if sight.has_settled([claim])]
    foreign = [claim for claim in found if claim.kind == Holder.VPC or not name_in_cloudstack(claim.name)]
    yield from _reserved(sight, foreign)
    yield from _leaked(sight, [claim for claim in found if claim not in foreign])


def _leaked(sight: Sight, vnets: Sequence[Claim]) -> Iterator[Found]:
    names = {name_in_cloudstack(claim.name) for claim in vnets}
    there = (
        set(sight.claims.filter(kind=Holder.NETWORK, name__in=names).values_list("name", flat=True)) if names else ()
    )
    lost = {
        claim.vni: claim
        for claim in sight.claims.filter(kind=Holder.LOST, vnis__startswith__in=[each.vni for each in vnets])
    }
    for vnet in vnets:
        held = lost.get(vnet.vni)
        if name_in_cloudstack(vnet.name) in there or (held is not None and not sight.has_settled([held])):
            continue
        if held is not None:
            words = f"No network in CloudStack has it any more; Netris still has {vnet.name}."
            since = max(held.began_at, vnet.began_at)
            yield Found(LEAKED.key, _subject(vnet.vni), Severity.WARNING, words, since, _tenants([vnet]))
        else:
            words = f"CloudStack calls it free and may give it to a new tier; Netris has {vnet.name}."
            yield Found(RELEASED.key, _subject(vnet.vni), Severity.CRITICAL, words, None, _tenants([vnet]))


def _reserved(sight: Sight, claims: Sequence[Claim]) -> Iterator[Found]:
    """One for each range, however many numbers it is about."""
    for row in sight.pools:
        here = [claim for claim in claims if row.start <= claim.vni <= row.end]
        if here:
            many = f"{thousands(len(here))} of its numbers belong" if len(here) > 1 else f"{here[0].vni} belongs"
            words = f"{many} to something else in Netris: {_called(here)}. CloudStack may hand them out."
            yield Found(RESERVED.key, _of_range(row), Severity.WARNING, words, here[0].began_at)


# --- ranges -----------------------------------------------------------------------------------------------------------


def _overlaps(sight: Sight) -> Iterator[Found]:
    """Of all zones of the same controller. Of two of one zone, the one that begins later is told."""
    others = VniRange.objects.filter(system=System.CLOUDSTACK, zone__netris_url=sight.zone.netris_url)
    for row in sight.pools:
        sharing = others.filter(vnis__overlap=row.vnis).exclude(pk=row.pk).select_related("zone")
        met = [each for each in sharing if each.zone_id != row.zone_id or _comes_first(each, row)]
        if met:
            names = ", ".join(f"{each} of {each.name} in {each.zone}" for each in met[:NAMED])
            yield Found(OVERLAP.key, _of_range(row), Severity.CRITICAL, f"It shares numbers with {names}.")


def _comes_first(one: VniRange, other: VniRange) -> bool:
    return (one.start, str(one.pk)) < (other.start, str(other.pk))


def _filling(sight: Sight) -> Iterator[Found]:
    for row in sight.pools:
        percent = (row.size - row.free) * 100 // row.size
        if percent >= NEARLY_FULL:
            severity = Severity.CRITICAL if percent >= FULL else Severity.WARNING
            words = (
                f"{percent} % of {thousands(row.size)} numbers are taken, {thousands(row.lost)} of them lost for good."
            )
            yield Found(FILLING.key, _of_range(row), severity, words)
