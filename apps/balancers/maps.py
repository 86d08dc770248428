"""The load balancers of a VPC as its map draws them: between the internet and the tiers, by their addresses."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from apps.balancers import queries
from apps.balancers.grids import Shown, shown
from apps.networks.inside import Inside, earliest
from apps.networks.models import Tier, Vpc
from apps.networks.vpc_map import PublicIpNode

#: Addresses that are drawn; the others are counted.
MOST_DRAWN = 4
#: How the worse of a load balancer's two verdicts is drawn.
DRAWN = {"unknown": "stale"}


def drawn_of(vpc: Vpc, tiers: Sequence[Tier]) -> Inside:
    """Ten queries at most, one where there is none."""
    rows = list(queries.search(vpc.tenant, vpc=vpc).order_by(*queries.SORTS["address"])[: queries.SHOWN])
    if not rows:
        return Inside()
    by_address: dict[str, list[Shown]] = {}
    for each in shown(rows, {}):
        by_address.setdefault(str(each.row.address), []).append(each)
    drawn = list(by_address.values())[:MOST_DRAWN]
    return Inside(
        public_ips=[_node(vpc, each) for each in drawn],
        more_public_ips=len(by_address) - len(drawn),
        fresh_until=earliest(*(one.fresh_until for each in drawn for one in each)),
    )


def _node(vpc: Vpc, there: Sequence[Shown]) -> PublicIpNode:
    first = there[0].row
    worst = min(there, key=lambda one: one.badness)
    use = f"load balancer {first.name}" if len(there) == 1 else f"{len(there)} load balancers"
    slug = vpc.tenant.slug
    one, many = reverse("balancers:detail", args=[slug, first.pk]), reverse("balancers:of_vpc", args=[slug, vpc.pk])
    return PublicIpNode(
        address=first.address,
        use=use,
        is_two_way=False,
        is_balanced=True,
        tiers=list(dict.fromkeys(each.row.tier.name for each in there)),
        status=DRAWN.get(worst.status, worst.status),
        url=one if len(there) == 1 else many,
    )
