"""Where what leaves an instance of a VPC goes: its tiers, the static routes, and the rest by source NAT, as one table.

What other apps lead elsewhere they register here in `AppConfig.ready`, as nothing here knows them. The longest prefix
decides among them, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network

from django.urls import reverse

from apps.networks.agreement import Agreement
from apps.networks.models import Tier, Vpc
from apps.networks.plans import shown_status
from apps.networks.routes.queries import Line, lines_of, routes_in
from apps.operations.models import Operation

EVERYTHING = IPv4Network("0.0.0.0/0")
TIER, STATIC, SOURCE_NAT = "tier", "static", "source_nat"
#: Which kind of thing a route comes from, for people.
LABELS = {TIER: "Tier", STATIC: "Static route", SOURCE_NAT: "Source NAT"}


@dataclass(frozen=True)
class Route:
    destination: IPv4Network
    #: A key of `LABELS`; who registers routes adds theirs.
    source: str
    #: Where it goes, in words or as an address.
    via: str
    #: What it comes from, and where that is shown; blank where there is no page.
    name: str
    url: str
    #: A status of `plans.shown_status`.
    status: str
    #: Of the reading that the status rests on; None where there was none.
    read_at: datetime | None = None
    #: Until when that will do; None when it does no more.
    fresh_until: datetime | None = None
    line: Line | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        return LABELS[self.source]


Known = Callable[[Vpc], Sequence[Route]]
_registered: list[Known] = []


def register(known: Known, **labels: str) -> None:
    """Apps call this from `AppConfig.ready`, with what their sources are called. It costs the same number of queries
    whatever the VPC holds."""
    if known not in _registered:
        _registered.append(known)
        LABELS.update(labels)


def routes_of(
    vpc: Vpc, tiers: Sequence[Tier], agreement: Agreement, work: Sequence[Operation], may_write: str | None = None
) -> list[Route]:
    """By destination, with the rest last. Four queries, and what other apps need."""
    url = reverse("networks:vpc_tiers", args=[vpc.tenant.slug, vpc.pk])
    read = _read_at(agreement), agreement.fresh_until
    found = [
        Route(
            tier.cidr,
            TIER,
            "directly connected",
            tier.name,
            f"{url}#tier-{tier.pk}",
            shown_status(tier, agreement),
            *read,
        )
        for tier in tiers
    ]
    for line in lines_of(routes_in(vpc), work, may_write):
        row, applied = line.row, line.applied
        found.append(
            Route(
                row.destination,
                STATIC,
                str(row.next_hop),
                row.tier.name,
                f"{url}#tier-{row.tier_id}",
                line.status,
                applied.read_at,
                applied.fresh_until,
                line,
            )
        )
    found += [route for known in _registered for route in known(vpc)]
    if vpc.egress_ip is not None:
        via = f"source NAT as {vpc.egress_ip}"
        page = reverse("networks:vpc_detail", args=[vpc.tenant.slug, vpc.pk])
        found.append(Route(EVERYTHING, SOURCE_NAT, via, "to the internet", page, shown_status(vpc, agreement), *read))
    return sorted(found, key=lambda route: (route.destination == EVERYTHING, route.destination, route.source))


def _read_at(agreement: Agreement) -> datetime | None:
    times = [source.read_at for source in (agreement.cloudstack, agreement.netris)]
    return None if None in times else min(filter(None, times))
