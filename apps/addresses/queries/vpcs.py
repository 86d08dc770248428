"""What the page of a VPC shows of its public IPs, and of what leads from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db.models import Case, Count, Value, When, Window
from django.urls import reverse

from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.queries import nat, public_ips
from apps.mirror.queries import UNREAD, Applied
from apps.networks.inside import Inside, earliest
from apps.networks.models import Tier, Vpc
from apps.networks.vpc_map import PublicIpNode

#: Public IPs that are drawn on the map; the others are counted.
MOST_DRAWN = 6
#: Rules that lead from these and are looked at; with more nothing is called ready.
MOST_RULES = 500
#: Rows of each sort that the tab shows; the lists have all.
SHOWN = 50
#: What is worst comes first.
BADNESS = ("stuck", "differs", "building", "changing", "removing", "stale", "dormant", "ready")


def count_in(vpc: Vpc) -> int:
    return PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc).count()


def public_ips_in(vpc: Vpc) -> list[PublicIp]:
    """The source NAT address first."""
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc).select_related("vpc", "zone")
    first = Case(When(purpose=Purpose.SOURCE_NAT, then=Value(0)), default=Value(1))
    return list(rows.order_by(first, "address", "id")[:SHOWN])


def rules_in(vpc: Vpc) -> list[StaticNat | PortForward]:
    """Static NATs, then port forwards."""
    found: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        rows = model.objects.of(vpc.tenant).live().filter(vpc=vpc).select_related("vpc", "tier")
        found += rows.order_by(*nat.SORTS[model][nat.DEFAULT_SORT])[:SHOWN]
    return found


def drawn_of(vpc: Vpc, tiers: Sequence[Tier]) -> Inside:
    """The addresses by which the internet comes in, those in use first; what is balanced from some, the app of the load
    balancers tells. Ten queries at most."""
    rows = PublicIp.objects.of(vpc.tenant).live().filter(vpc=vpc)
    rows = rows.exclude(purpose__in=(Purpose.SOURCE_NAT, Purpose.LOAD_BALANCER))
    used_first = Case(When(purpose=Purpose.UNUSED, then=Value(1)), default=Value(0))
    shown = list(rows.annotate(all=Window(Count("*"))).order_by(used_first, "address", "id")[:MOST_DRAWN])
    if not shown:
        return Inside()
    for row in shown:
        row.vpc = vpc
    ids = [row.pk for row in shown]
    rules: list[StaticNat | PortForward] = []
    for model in (StaticNat, PortForward):
        live = model.objects.of(vpc.tenant).live().filter(public_ip__in=ids).select_related("vpc", "tier")
        rules += live.order_by("public_ip", "settled_at", "id")[:MOST_RULES]  # as an index has them
    is_cut = len(rules) >= MOST_RULES
    lines = nat.lines_of(rules, {}, None)
    given = public_ips.applied_of(shown, lambda door: door.of(vpc.tenant))
    leading: dict[UUID, list[nat.Line]] = {}
    for line in lines:
        leading.setdefault(line.row.public_ip_id, []).append(line)
    drawn = partial(_public_ip, vpc, {tier.pk: tier.name for tier in tiers}, is_cut=is_cut)
    return Inside(
        public_ips=[drawn(row, given.get(row.pk, UNREAD), leading.get(row.pk, [])) for row in shown],
        fresh_until=earliest(
            *(line.applied.fresh_until for line in lines if line.applied.is_applied is not None),
            *(each.fresh_until for each in given.values() if each.is_applied is not None),
        ),
        more_public_ips=shown[0].all - len(shown),  # type: ignore[attr-defined]
    )


def _public_ip(
    vpc: Vpc, names: dict[UUID, str], row: PublicIp, given: Applied, lines: Sequence[nat.Line], *, is_cut: bool
) -> PublicIpNode:
    rules = [line.row for line in lines if not line.is_off]
    static = next((rule for rule in rules if isinstance(rule, StaticNat)), None)
    use = "switched off" if lines else "unused"
    if static is not None:
        use = f"static NAT to {static.instance_name}"
    elif rules:
        use = f"{len(rules)}{' or more' * is_cut} port forward{'s'[: len(rules) != 1]}"
    states = [line.status for line in lines] + ["stale"] * is_cut
    return PublicIpNode(
        address=row.address,
        use=use,
        is_two_way=static is not None,
        tiers=list(dict.fromkeys(names[rule.tier_id] for rule in rules if rule.tier_id in names)),
        status=_worst([public_ips.status_of(row, given), *states]),
        url=reverse("addresses:detail", args=[vpc.tenant.slug, row.pk]),
    )


def _worst(states: Sequence[str]) -> str:
    return min(states, key=lambda state: BADNESS.index(state) if state in BADNESS else 0)
