"""What pages show of a list: both orders, what differs between two lists, an answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from typing import Any

from django.urls import reverse

from apps.acls import queries
from apps.acls.changes import diff
from apps.acls.evaluator import differences
from apps.acls.models import Acl, TierAcl
from apps.acls.packets import Packet
from apps.acls.ports import range_text
from apps.acls.rules import Action, Direction, Protocol, Rule
from apps.acls.tables import By, Decision, Entry, fabric_table
from apps.kernel import clock
from apps.networks.inside import Inside, ListOfTier
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation

WORDS = {
    By.DENY_ALL: "what denies the rest",
    By.NO_MATCH: "no rule, so it is denied",
    By.SITE: "the site's default",
}
#: Pairs that are told one by one.
MOST_TOLD = 20


@dataclass(frozen=True)
class Orders:
    """A list in both orders."""

    written: Sequence[dict[str, Any]]
    effective: Sequence[dict[str, Any]]
    pairs: Sequence[dict[str, Any]]
    more: int
    #: By what Netris goes, in words.
    ranking: str


def orders_of(acl: Acl, tiers: Sequence[TierAcl]) -> Orders:
    now = clock.now()
    rules = acl.in_force(now)
    all_rules = acl.written
    numbers = [place + 1 for place, rule in enumerate(all_rules) if rule.is_in_force(now)]
    network = queries.network_of(acl, tiers)
    pairs = differences(rules, network, acl.site, denies_rest=acl.denies_rest)
    apart = {decision.place for pair in pairs for decision in (pair.written, pair.effective)}
    written = [
        {
            "number": place + 1,
            "rule": rule,
            "is_over": not rule.is_in_force(now),
            "differs": place + 1 in {numbers[each] for each in apart if each is not None},
        }
        for place, rule in enumerate(all_rules)
    ]
    table = fabric_table(rules, network, acl.site, denies_rest=acl.denies_rest)
    effective = [
        {
            "title": f"{entry.decision.action} {_line(entry, direction)}",
            "action": entry.decision.action.value,
            "by": _by(entry.decision, numbers),
            "differs": entry.decision.place in apart and entry.decision.place is not None,
        }
        for direction in Direction
        for entry in table.lines[direction]
    ]
    effective.append({"title": f"{table.otherwise.action} the rest", "by": WORDS[By.SITE], "differs": False})
    told = [
        {
            "packet": str(pair.packet),
            "written": f"{pair.written.action} by {_by(pair.written, numbers)}",
            "effective": f"{pair.effective.action} by {_by(pair.effective, numbers)}",
            "is_sure": pair.is_sure,
        }
        for pair in pairs[:MOST_TOLD]
    ]
    if acl.site.default is Action.ALLOW:
        ranking = "The site permits what no rule matches. Of the rules that match, the most specific decides."
    else:
        ranking = "The site denies what no rule matches. Denies come first; among equals the most specific decides."
    return Orders(written, effective, told, max(len(pairs) - MOST_TOLD, 0), ranking)


def _by(decision: Decision, numbers: Sequence[int]) -> str:
    if decision.place is None:
        return WORDS[decision.by]
    rule = f"rule {numbers[decision.place]}"
    return f"{rule}, swapped" if decision.by is By.MIRROR else rule


def _line(entry: Entry, direction: Direction) -> str:
    cidr = next(iter(summarize_address_range(IPv4Address(entry.first), IPv4Address(entry.last))), IPv4Network(0))
    ports = f" {range_text(entry.ports)}" if entry.ports else ""
    types = f" type {', '.join(map(str, entry.icmp_types))}" if entry.icmp_types else ""
    protocol = "everything" if entry.protocol is Protocol.ALL else entry.protocol.value
    return f"{protocol}{ports}{types} {'from' if direction is Direction.INGRESS else 'to'} {cidr}"


def answer_in_words(acl: Acl, packet: Packet) -> dict[str, Any]:
    answer, rules = queries.answer_of(acl, packet)
    numbers = list(range(1, len(rules) + 1))

    def words(decision: Decision) -> dict[str, Any]:
        title = rules[decision.place].title if decision.place is not None else ""
        passes = decision.action is Action.ALLOW
        return {"passes": passes, "by": _by(decision, numbers), "title": title}

    return {
        "packet": str(packet),
        "written": words(answer.written),
        "effective": words(answer.effective),
        "differs": answer.differs,
        "is_sure": answer.is_sure,
    }


def review_of(acl: Acl, rules: Sequence[Rule], *, denies_rest: bool) -> dict[str, Any]:
    """What a change would do to the list as it is now."""
    found = diff(acl.written, rules)
    lines = [{"kind": "Removed", "title": each.rule.title, "place": each.place + 1} for each in found.removed]
    lines += [{"kind": "Added", "title": each.rule.title, "place": each.place + 1} for each in found.added]
    lines += [
        {"kind": "Moved", "title": each.rule.title, "place": f"{each.was + 1} → {each.place + 1}"}
        for each in found.moved
    ]
    lines += [{"kind": "Note or end", "title": each.rule.title, "place": each.place + 1} for each in found.edited]
    if denies_rest != acl.denies_rest:
        title = "deny what no rule allows" if denies_rest else "leave the rest to the site's default"
        lines.append({"kind": "The rest", "title": title, "place": ""})
    tiers = [row.tier.name for row in queries.tiers_of(acl)]
    return {"lines": lines, "tiers": tiers, "is_empty": not lines}


def changing(acl: Acl, work: Sequence[Operation]) -> dict[str, Any] | None:
    """What is being changed, with its operation."""
    for each in work:
        if each.resource_id == acl.pk and each.wanted:
            rules = [Rule.parse(row) for row in each.wanted["rules"]]
            return {"operation": each, **review_of(acl, rules, denies_rest=each.wanted["denies_rest"])}
    return None


def touching(tier: Tier, address: IPv4Address) -> list[dict[str, Any]]:
    """The rules about packets of one machine of the tier: all of the tier's own list, and those of the VPC's other
    tiers that name its address at their other end."""
    now = clock.now()
    rows = queries.lists_around(tier)
    return [
        {"title": rule.title, "number": place + 1, "acl": row.acl, "tier": row.tier}
        for row in sorted(rows, key=lambda row: (row.pk != tier.pk, row.tier.name))
        for place, rule in enumerate(row.acl.written)
        if rule.is_in_force(now) and (row.pk == tier.pk or any(address in cidr for cidr in rule.cidrs))
    ]


def lists_of_tiers(vpc: Vpc, tiers: Sequence[Tier]) -> Inside:
    """One query."""
    rows = queries.lists_of(tiers, TierAcl.objects.of(vpc.tenant))
    lists = {}
    for tier in tiers:
        row = rows.get(tier.pk)
        url = reverse("acls:tier", args=[vpc.tenant.slug, tier.pk])
        lists[tier.pk] = ListOfTier(row.acl.name if row else "", url)
    return Inside(lists=lists)
