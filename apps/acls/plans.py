"""What pages show of a list: both orders, what differs between two lists, an answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.urls import reverse

from apps.acls import queries
from apps.acls.changes import diff
from apps.acls.evaluator import differences
from apps.acls.models import Acl, PastRules, TierAcl
from apps.acls.packets import ECHO_REQUEST, Packet
from apps.acls.ports import range_text
from apps.acls.rules import Action, Direction, Protocol, Rule, places_in_force
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
    numbers = [place + 1 for place in places_in_force(all_rules, now)]
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
            "asked": _asked(pair.packet),
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


def _asked(packet: Packet) -> str:
    """The packet as the form of the page asks about it; blank for one that it has no words for."""
    if packet.icmp_type not in (None, ECHO_REQUEST):
        return ""
    said = {"direction": packet.direction.value, "protocol": packet.protocol.value, "address": str(packet.address)}
    return urlencode(said | ({} if packet.port is None else {"port": str(packet.port)}))


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


@dataclass(frozen=True)
class Draft:
    """What a list is to be."""

    written: tuple[Rule, ...]
    denies_rest: bool


Rules = Acl | PastRules | Draft


@dataclass(frozen=True)
class Line:
    """One thing that differs between two lists. Places count from 1: of a rule that was removed, in the old list."""

    change: str
    title: str
    place: int | None = None
    was: int | None = None

    KINDS: ClassVar[dict[str, str]] = {
        "removed": "Removed",
        "added": "Added",
        "moved": "Moved",
        "edited": "Note or end",
        "rest": "The rest",
    }

    @property
    def kind(self) -> str:
        return self.KINDS[self.change]

    @property
    def shown_place(self) -> str:
        return f"{self.was} → {self.place}" if self.was else str(self.place or "")


def lines_between(before: Rules, after: Rules) -> list[Line]:
    found = diff(before.written, after.written)
    lines = [Line("removed", each.rule.title, each.place + 1) for each in found.removed]
    lines += [Line("added", each.rule.title, each.place + 1) for each in found.added]
    lines += [Line("moved", each.rule.title, each.place + 1, each.was + 1) for each in found.moved]
    lines += [Line("edited", each.rule.title, each.place + 1) for each in found.edited]
    if after.denies_rest != before.denies_rest:
        rest = "deny what no rule allows" if after.denies_rest else "leave the rest to the site's default"
        lines.append(Line("rest", rest))
    return lines


def review_of(acl: Acl, rules: Sequence[Rule], *, denies_rest: bool) -> dict[str, Any]:
    """What a change would do to the list as it is now."""
    lines = lines_between(acl, Draft(tuple(rules), denies_rest))
    tiers = [row.tier.name for row in queries.tiers_of(acl)]
    return {"lines": lines, "tiers": tiers, "is_empty": not lines}


@dataclass(frozen=True)
class Since:
    """What others have done to a list since somebody read it."""

    seen: int | None
    authors: Sequence[str]
    #: None when that version is not remembered any more.
    lines: Sequence[Line] | None


def since(acl: Acl, seen: int | None) -> Since:
    """`seen` is the version that they have in front of them, None when they do not say. Two queries at most."""
    if seen == acl.version:
        return Since(seen, (), ())
    past = next((each for each in queries.past_of(acl) if each.version == seen), None)
    if past is None:
        return Since(None, (), None)
    return Since(past.version, queries.authors_since(acl, past.version), lines_between(past, acl))


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
        {"rule": rule, "title": rule.title, "number": place + 1, "acl": row.acl, "tier": row.tier}
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
