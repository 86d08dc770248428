"""What can run out in a zone, how much of it is taken, how old that figure is, and how long it will last.

pool           counts                                                          full is
vnis           each range of CloudStack's: what is used, lost or reserved       every number
public-ips     what is taken of CloudStack's list, and what rests               every address
dnat-rules     enabled DNAT rules, all on every General SoftGate                the most that figures were published for
nat-sessions   of the SoftGate whose table is fullest, as its agent tells       the whole table
ports          what is cabled or in use of the leaves' ports                    every port
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.http import urlencode

from apps.addresses import pool as addresses
from apps.fabric import roles
from apps.fabric.inventory.queries import Surveys
from apps.fabric.models import Part, SurveyedDevice, SurveyedPort
from apps.history.series import Latest
from apps.kernel import clock
from apps.kernel.svg.bar import FULL, NEARLY_FULL, Usage
from apps.softgates.queries import Fleet, Node, fleets
from apps.vnis.models import VniRange
from apps.vnis.queries import range_lines
from apps.zones.models import System, Zone

KEYS = VNIS, PUBLIC_IPS, RULES, SESSIONS, PORTS = "vnis", "public-ips", "dnat-rules", "nat-sessions", "ports"

LEVELS = "ok", "warning", "critical", "stale"


@dataclass(frozen=True)
class Pool:
    """`fresh_for` in seconds; `lasts` are words, or nothing where nobody foretells it."""

    key: str
    zone: Zone
    label: str
    unit: str
    used: int
    total: int
    reserved: int
    read_at: datetime | None
    fresh_for: int
    lasts: str
    url: str

    @property
    def usage(self) -> Usage:
        return Usage(self.used, self.total, self.reserved, self.unit)

    @property
    def fresh_until(self) -> datetime | None:
        return self.read_at + timedelta(seconds=self.fresh_for) if self.read_at else None

    @property
    def is_stale(self) -> bool:
        return self.fresh_until is None or self.fresh_until < clock.now()

    @property
    def percent(self) -> int:
        return self.usage.percent

    @property
    def level(self) -> str:
        """What would be said of it if it were fresh: ok, warning or critical."""
        return "critical" if self.percent >= FULL else "warning" if self.percent >= NEARLY_FULL else "ok"

    @property
    def status(self) -> str:
        return "stale" if self.is_stale else self.level

    @property
    def figures(self) -> str:
        return self.usage.figures


def pools_of(zones: Iterable[Zone], found: Sequence[Fleet] | None = None) -> dict[UUID, list[Pool]]:
    """By the zone's id, of what there is any of. Eight queries beside those of `fleets`, which may be there already."""
    wanted = list(zones)
    gates = fleets(wanted) if found is None else found
    pools: defaultdict[UUID, list[Pool]] = defaultdict(list)
    for some in (vnis(wanted), public_ips(wanted), rules(gates), sessions(gates), ports(wanted)):
        for pool in some:
            pools[pool.zone.pk].append(pool)
    return {zone.pk: pools[zone.pk] for zone in wanted}


def vnis(zones: Sequence[Zone]) -> Iterator[Pool]:
    """Two queries."""
    rows = VniRange.objects.filter(zone__in=zones, system=System.CLOUDSTACK).select_related("zone")
    for line in range_lines(rows):
        row, url = line.row, reverse("vnis:range_detail", args=[line.row.pk])
        yield Pool(
            VNIS, row.zone, f"VNIs {row}", "VNIs", line.taken, row.size, row.reserved, line.fresh.read_at,
            line.fresh.seconds, line.lasts, url,
        )  # fmt: skip


def public_ips(zones: Sequence[Zone]) -> Iterator[Pool]:
    """Five queries."""
    for each in addresses.pools(zones):
        if each.total:
            yield Pool(
                PUBLIC_IPS, each.zone, "Public IPs", "addresses", each.used, each.total, each.resting, each.read_at,
                each.fresh_for, each.forecast, reverse("addresses:pools"),
            )  # fmt: skip


def rules(found: Iterable[Fleet]) -> Iterator[Pool]:
    for fleet in found:
        most = max(most for column in fleet.profile.columns.values() for most in column)
        if fleet.general.all:
            yield Pool(
                RULES, fleet.zone, "DNAT rules of each General SoftGate", "rules", fleet.rules.dnat, most, 0,
                fleet.rules.read_at, fleet.rules.fresh_for, "", reverse("softgates:list"),
            )  # fmt: skip


def sessions(found: Iterable[Fleet]) -> Iterator[Pool]:
    """In percent: how many fit Netris does not tell."""
    for fleet in found:
        if measured := [(fill.value, node, fill) for node, fill in fills(fleet)]:
            value, node, fill = max(measured, key=lambda each: each[0])
            label = f"NAT session table of {node.line.name}, the fullest"
            yield Pool(
                SESSIONS, fleet.zone, label, "%", min(int(value), 100), 100, 0, fill.at,
                int(fill.fresh_for.total_seconds()), "", reverse("softgates:list"),
            )  # fmt: skip


def fills(fleet: Fleet) -> Iterator[tuple[Node, Latest]]:
    """How full the table of sessions is, of each node of which that was measured within the hour, in percent."""
    for node in fleet.nodes:
        if node.load.conntrack_used is not None:
            yield node, node.load.conntrack_used


def ports(zones: Sequence[Zone]) -> Iterator[Pool]:
    """Two queries."""
    leaf = SurveyedDevice.objects.filter(zone=OuterRef("zone"), remote_id=OuterRef("device_id"), role=roles.LEAF)
    rows = SurveyedPort.objects.filter(Exists(leaf), zone__in=zones).order_by().values("zone")
    counts = rows.annotate(total=Count("pk"), used=Count("pk", filter=Q(is_used=True) | ~Q(link_id="")))
    found = {row["zone"]: row for row in counts}
    if not found:
        return
    surveys = Surveys.read()
    for zone in zones:
        if (row := found.get(zone.pk)) and (survey := surveys.of_zone.get(zone.pk)):
            url = f"{reverse('fabric:port_list')}?{urlencode({'zone': zone.slug})}"
            fresh_for = int(survey.fresh_for(Part.PORT).total_seconds())
            yield Pool(
                PORTS, zone, "Ports of the leaves", "ports", row["used"], row["total"], 0,
                survey.read_at(Part.PORT), fresh_for, "", url,
            )  # fmt: skip
