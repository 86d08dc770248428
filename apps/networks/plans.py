"""Maps and lists for pages: what a VPC looks like, what would be made, and what would go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.networks import queries
from apps.networks.addressing import free_blocks
from apps.networks.agreement import Agreement
from apps.networks.drafts import TierDraft, VpcDraft
from apps.networks.inside import NOTHING, Inside
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.specs import TierSpec
from apps.networks.vpc_map import PLANNED, TierNode, VpcMap
from apps.operations.provisioned import Status
from apps.operations.queries import typical_seconds
from apps.operations.state import Goal
from apps.quotas.queries import Quota, quotas_of
from apps.quotas.resources import TIER, VPC
from apps.tenancy.models import Tenant
from apps.zones.models import Zone


@dataclass(frozen=True)
class Item:
    """A line of a list of things: what sort of thing, its name, and what to know of it."""

    kind: str
    name: str
    detail: str = ""


@dataclass(frozen=True)
class Plan:
    """What stands beside the create form."""

    picture: VpcMap
    overlap: queries.Overlap
    vpcs: Quota
    tiers: Quota
    #: How many tiers there are in the draft.
    more: int
    items: Sequence[Item]
    #: Seconds that it took this tenant before; None when it never did it.
    seconds: int | None

    @property
    def vpcs_after(self) -> int:
        return self.vpcs.used + 1

    @property
    def tiers_after(self) -> int:
        return self.tiers.used + self.more

    @property
    def took(self) -> str:
        """ "40 s", "3 min": a median is not worth more precision."""
        seconds = self.seconds or 0
        return f"{max(1, seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"

    @property
    def is_over(self) -> bool:
        return self.vpcs_after > self.vpcs.limit or self.tiers_after > self.tiers.limit


def plan_of(tenant: Tenant, draft: VpcDraft, zone: Zone | None) -> Plan:
    """Five queries or six."""
    quotas = quotas_of(tenant)
    return Plan(
        picture=draft.drawn(zone.name if zone else ""),
        overlap=queries.overlap_of(tenant, draft.block),
        vpcs=quotas.of(VPC),
        tiers=quotas.of(TIER),
        more=len(draft.tiers),
        items=_made_by(draft),
        seconds=typical_seconds(tenant, "vpc", Goal.PRESENT),
    )


def _made_by(draft: VpcDraft) -> list[Item]:
    name = draft.label or "unnamed"
    items = [
        Item(
            "VPC", name, f"{draft.block or 'CIDR not known yet'}, with its router in CloudStack and its twin in Netris"
        ),
        Item("Source NAT", "One public IP", "from the zone's pool; traffic to the internet leaves with it"),
    ]
    for tier in draft.tiers:
        where = f"{tier.block}, gateway {tier.block[1]}" if tier.block else "CIDR not known yet"
        items.append(Item("Tier", tier.label or "unnamed", f"{where}, with its V-Net in Netris"))
    return items


def map_of(
    vpc: Vpc,
    tiers: Sequence[Tier],
    agreement: Agreement,
    *,
    inside: Inside = NOTHING,
    planned: TierSpec | None = None,
    leads: bool = False,
) -> VpcMap:
    """The map of what is there, and of a tier that is only planned. On the VPC's own page each tier leads to its
    row."""
    nodes = [
        TierNode(
            tier.name,
            tier.cidr,
            tier.gateway,
            shown_status(tier, agreement),
            url=f"tiers/#tier-{tier.pk}" if leads else None,
            machines=inside.machines.get(tier.pk),
            acl=acl.name if (acl := inside.lists.get(tier.pk)) else None,
        )
        for tier in tiers
    ]
    used = [tier.cidr for tier in tiers]
    if planned is not None:
        nodes.append(TierNode(planned.name, planned.cidr, planned.cidr[1], PLANNED))
        nodes.sort(key=lambda node: int(node.cidr.network_address))
        used.append(planned.cidr)
    free = list(free_blocks(vpc.cidr, used))
    return VpcMap(
        vpc.name,
        vpc.cidr,
        shown_status(vpc, agreement),
        vpc.egress_ip,
        vpc.zone.name,
        nodes,
        free,
        public_ips=sorted(inside.public_ips, key=lambda node: not node.tiers),
        more_public_ips=inside.more_public_ips,
    )


def shown_status(row: Vpc | Tier, agreement: Agreement) -> str:
    """The status as people see it. Ready is only said of what both systems were seen to have lately."""
    if row.status != Status.READY:
        return row.status
    if agreement.is_at_odds(row.pk):
        return "differs"
    return "stale" if agreement.is_stale else "dormant" if row.pk in agreement.dormant else row.status


def planned_tier(vpc: Vpc, tiers: Sequence[Tier], draft: TierDraft) -> TierSpec | None:
    """A tier that could be made, for the map."""
    cidr = draft.block
    if cidr is None or not cidr.subnet_of(vpc.cidr) or any(cidr.overlaps(tier.cidr) for tier in tiers):
        return None
    return TierSpec(draft.label or "New tier", cidr)


def sleep_words(dormant: int, tiers: int) -> str:
    """ "1 of 3 tiers dormant: no instance runs in it. Normal." """
    if not dormant:
        return ""
    them = "it" if dormant == 1 else "them"
    return f"{dormant} of {tiers} tier{'s'[: tiers != 1]} dormant: no instance runs in {them}. Normal."


#: What else goes with a VPC, or with one tier of it: other apps add theirs in `AppConfig.ready`, as nothing here knows
#: them.
GOES_ALONG: list[Callable[[Vpc, Tier | None], Sequence[Item]]] = []


def goes_with_vpc(vpc: Vpc, tiers: Sequence[Tier]) -> list[Item]:
    items = [Item("VPC", vpc.name, f"{vpc.cidr} in {vpc.zone}, with its router in CloudStack and its twin in Netris")]
    items += [_tier(tier) for tier in tiers]
    items += _routes(vpc, tiers)
    if vpc.egress_ip:
        items.append(
            Item(
                "Public IP", str(vpc.egress_ip), "goes back to the pool; whoever allows it by address must change that"
            )
        )
    return items + [item for each in GOES_ALONG for item in each(vpc, None)]


def goes_with_tier(tier: Tier) -> list[Item]:
    """With the routes that lead into it, which the plugin would leave on Netris, and whatever else leads there."""
    along = [item for each in GOES_ALONG for item in each(tier.vpc, tier)]
    return [_tier(tier), *_routes(tier.vpc, [tier]), *along]


def _routes(vpc: Vpc, tiers: Sequence[Tier]) -> list[Item]:
    rows = StaticRoute.objects.of(vpc.tenant).live().filter(vpc=vpc, tier__in=tiers).select_related("tier")
    return [
        Item("Static route", str(row.destination), f"via {row.next_hop} in the tier {row.tier.name}") for row in rows
    ]


def _tier(tier: Tier) -> Item:
    return Item("Tier", tier.name, f"{tier.cidr}, with its V-Net in Netris")


STAYS = [Item("Record", "Activity and audit log", "who did what, this deletion included")]
