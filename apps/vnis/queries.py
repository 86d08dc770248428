"""What the ledger says, for pages and the API. Each function says how many queries it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Sum
from django.urls import reverse

from apps.kernel import clock
from apps.kernel.svg.bar import thousands
from apps.mirror.models import Reading
from apps.tenancy.actors import Platform
from apps.vnis.feed import LISTS
from apps.vnis.models import BLOCK, Claim, Holder, Share, VniRange
from apps.vnis.strip import COLUMNS, Cell
from apps.vnis.verdicts import Verdict, judge
from apps.zones.models import System, Zone


@dataclass(frozen=True)
class Freshness:
    """`read_at` is that of the oldest of the lists that the ledger is written from; None while one was never read."""

    read_at: datetime | None = None
    is_stale: bool = True
    #: When the first of them will be too old.
    until: datetime | None = None

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Freshness:
        read = [(each.read_at, each.read_at + each.fresh_for) for each in readings if each.read_at is not None]
        if len(read) < len(LISTS):
            return cls()
        until = min(until for _, until in read)
        return cls(min(at for at, _ in read), until < clock.now(), until)

    @property
    def seconds(self) -> int:
        """How old `read_at` may be."""
        return int((self.until - self.read_at).total_seconds()) if self.until and self.read_at else 0


def freshness(zones: Iterable[Zone]) -> dict[UUID, Freshness]:
    """By the zone's id. One query."""
    wanted = [zone.pk for zone in zones]
    found: defaultdict[UUID, list[Reading]] = defaultdict(list)
    for reading in Reading.objects.filter(zone__in=wanted, kind__in=LISTS):
        found[reading.zone_id].append(reading)
    return {zone: Freshness.of(found[zone]) for zone in wanted}


@dataclass(frozen=True)
class VniPool:
    """How many VNIs of what CloudStack hands out in a zone are what."""

    size: int
    in_use: int
    lost: int
    free: int
    read_at: datetime | None
    is_stale: bool


def pools(zones: Iterable[Zone]) -> dict[UUID, VniPool]:
    """By the zone's id. Two queries, however many zones."""
    wanted = list(zones)
    fresh = freshness(wanted)
    found: defaultdict[UUID, list[VniRange]] = defaultdict(list)
    for each in VniRange.objects.filter(zone__in=wanted, system=System.CLOUDSTACK):
        found[each.zone_id].append(each)
    return {
        zone.pk: VniPool(
            size=sum(each.size for each in found[zone.pk]),
            in_use=sum(each.used for each in found[zone.pk]),
            lost=sum(each.lost for each in found[zone.pk]),
            free=sum(each.free for each in found[zone.pk]),
            read_at=fresh[zone.pk].read_at,
            is_stale=fresh[zone.pk].is_stale,
        )
        for zone in wanted
    }


# --- a range ----------------------------------------------------------------------------------------------------------

#: Of those who have most of a range.
LARGEST = 10
#: Lines of the table beside a strip.
LINES = 100


#: What nobody tells.
UNTOLD = "\u2013"


@dataclass(frozen=True)
class RangeLine:
    """A range as its list shows it."""

    row: VniRange
    fresh: Freshness

    @property
    def status(self) -> str:
        """Lost numbers never come back, and a range that tiers came out of cannot be shrunk: below a tenth it warns.
        How far a range of Netris' own reaches is not told, so nothing is said of how full it is."""
        if self.fresh.is_stale:
            return "stale"
        if not self.row.is_configured:
            return "unknown"
        if not self.row.free:
            return "critical"
        return "warning" if 10 * self.row.free < self.row.size else "ok"

    @property
    def source(self) -> str:
        """Who hands out what, in words."""
        row = self.row
        whose = f"CloudStack's physical network {row.name}" if row.is_configured else "Netris itself"
        return f"{row.get_kind_display()} VNIs of {whose}"

    @property
    def taken(self) -> int:
        """What is used or lost."""
        return self.row.used + self.row.lost

    @property
    def used(self) -> str:
        return thousands(self.row.used)

    @property
    def lost(self) -> str:
        return thousands(self.row.lost)

    @property
    def reserved(self) -> str:
        return thousands(self.row.reserved)

    @property
    def free(self) -> str:
        return thousands(self.row.free) if self.row.is_configured else UNTOLD

    @property
    def run(self) -> str:
        return thousands(self.row.largest_free_run) if self.row.is_configured else UNTOLD

    @property
    def run_words(self) -> str:
        row = self.row
        if row.run_start is None or not row.is_configured:
            return ""
        return f"{self.run} of them in a row from {row.run_start}"

    @property
    def growth(self) -> str:
        per_day = self.row.per_day
        return "" if per_day is None else f"{per_day:+.1f} a day over the last month"

    @property
    def lasts(self) -> str:
        """Until when it lasts, in words."""
        row = self.row
        if not row.is_configured:
            return "Netris does not tell its limits"
        if not row.free:
            return "full"
        if row.per_day is None:
            return "known after a week"
        if row.full_at is None:
            return "not in sight"
        days = row.free / row.per_day
        if days < 14:
            return f"full in about {round(days)} day{'' if round(days) == 1 else 's'}"
        return f"full in about {round(days / 7)} weeks"


def range_lines(rows: Iterable[VniRange]) -> list[RangeLine]:
    """One query."""
    found = list(rows)
    fresh = freshness({row.zone for row in found})
    return [RangeLine(row, fresh[row.zone_id]) for row in found]


def name_of_range(zone: Zone, pk: str) -> str | None:
    """None when it is gone. One query."""
    try:
        row = VniRange.objects.filter(zone=zone, pk=pk).first()
    except ValidationError:  # it is no id at all
        return None
    return f"VNIs {row}" if row else None


def cells(by: Platform, row: VniRange, first: int, last: int) -> list[Cell]:
    """A part of a range in cells. One query."""
    return _numbers(by, row, first, last) if last - first < BLOCK else _blocks(row, first, last)


def opened(row: VniRange, first: int, last: int) -> tuple[int, int]:
    """The part of a range that can be drawn and is nearest to what was asked for: it begins where a block does."""
    last = min(max(last, row.start), row.end)
    first = row.start + (min(max(first, row.start), last) - row.start) // BLOCK * BLOCK
    return first, last


def _blocks(row: VniRange, first: int, last: int) -> list[Cell]:
    """Not more than a row of them, each of whole blocks."""
    each = -(-(last - first + 1) // (COLUMNS * BLOCK))
    skipped, many = (first - row.start) // BLOCK, -(-(last - first + 1) // (each * BLOCK))
    blocks = row.blocks.filter(number__gte=skipped, number__lt=skipped + many * each).order_by()
    sums = blocks.annotate(cell=(F("number") - skipped) / each).values("cell")
    figures = sums.values_list("cell", Sum("used"), Sum("lost"), Sum("reserved"))
    found: dict[int, tuple[int, int, int]] = {cell: (used, lost, reserved) for cell, used, lost, reserved in figures}
    url, drawn = reverse("vnis:range_detail", args=[row.pk]), []
    for index in range(many):
        start = first + index * each * BLOCK
        end = min(start + each * BLOCK - 1, last)
        drawn.append(Cell(start, end, *found.get(index, (0, 0, 0)), f"{url}?from={start}&to={end}"))
    return drawn


def _numbers(by: Platform, row: VniRange, first: int, last: int) -> list[Cell]:
    claims = Claim.objects.across(by).now().filter(zone=row.zone_id)
    found: defaultdict[int, list[Claim]] = defaultdict(list)
    for claim in claims.filter(vnis__startswith__gte=first, vnis__startswith__lte=last).order_by("-is_first"):
        found[claim.vni].append(claim)
    return [_number(row, vni, found.get(vni, ())) for vni in range(first, last + 1)]


def _number(row: VniRange, vni: int, claims: Sequence[Claim]) -> Cell:
    """One number of a range, by the rule that ranges are counted by."""
    if not claims:
        return Cell(vni, vni, 0, 0, 0, "")
    own = [claim for claim in claims if _is_own(row, claim)]
    is_lost = bool(own) and own[0].kind == Holder.LOST
    figures = (int(bool(own) and not is_lost), int(is_lost), int(not own))
    url = reverse("vnis:vni_detail", args=[row.zone.slug, vni])
    return Cell(vni, vni, *figures, url, holder_of((own or claims)[0]))


def _is_own(row: VniRange, claim: Claim) -> bool:
    if row.is_configured:
        return claim.system == System.CLOUDSTACK
    return claim.kind == (Holder.VNET if row.kind == VniRange.Kind.L2 else Holder.VPC)


def holder_of(claim: Claim) -> str:
    """Who has it, in a few words."""
    whose = f" of {claim.owner}" if claim.owner else ""
    return f"{claim.get_kind_display()} {claim.name}".rstrip() + whose


def largest(by: Platform, row: VniRange) -> list[Share]:
    """One query."""
    return list(Share.objects.across(by).filter(range=row).select_related("tenant")[:LARGEST])


# --- numbers ----------------------------------------------------------------------------------------------------------

#: Of the past of one number.
PAST = 50


@dataclass(frozen=True)
class Number:
    """All that is known of a VNI in a zone."""

    vni: int
    zone: Zone
    cloudstack: Sequence[Claim]
    netris: Sequence[Claim]
    past: Sequence[Claim]
    #: In which it lies; None where nobody hands it out.
    range: VniRange | None
    fresh: Freshness
    verdict: Verdict

    @property
    def status(self) -> str:
        return "stale" if self.fresh.is_stale else self.verdict.status


def number(by: Platform, zone: Zone, vni: int) -> Number:
    """Not more than six queries."""
    rows = Claim.objects.across(by).select_related("tenant")
    held = list(rows.now().of_number(vni, [zone]).order_by("-is_first", "began_at", "id"))
    ranges = list(VniRange.objects.filter(zone=zone, vnis__contains=vni))
    row = min(ranges, key=lambda each: (not each.is_configured, each.kind), default=None)
    cloudstack = [claim for claim in held if claim.system == System.CLOUDSTACK]
    netris = [claim for claim in held if claim.system == System.NETRIS]
    return Number(
        vni,
        zone,
        cloudstack,
        netris,
        list(rows.past().of_number(vni, [zone])[:PAST]),
        row,
        freshness([zone])[zone.pk],
        judge(cloudstack, netris, is_in_pool=row is not None and row.is_configured),
    )
