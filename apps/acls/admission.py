"""What the list of a tier lets in at some ports, and how it comes to let in what somebody names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet

from apps.acls import queries
from apps.acls.evaluator import evaluate
from apps.acls.fabric import Site
from apps.acls.models import Acl, TierAcl, TierAclQuerySet
from apps.acls.packets import Packet
from apps.acls.rules import Action, Direction, Protocol, Rule, parse_cidrs, parse_rules, places_in_force
from apps.acls.services import change_rules
from apps.acls.sources import Sources, cidrs_of, ranges_of, without
from apps.acls.tables import fabric_table
from apps.kernel import clock
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.networks.admission import Admission, Asked, Gate, Ports
from apps.networks.models import Tier
from apps.operations.models import Operation
from apps.tenancy.actors import Actor
from apps.tenancy.door import Door


def known(asked: Sequence[Asked], through: Callable[[Door[Any]], QuerySet[Any]]) -> Mapping[Asked, Admission]:
    """One query. Each list is read once, however much is asked about it."""
    rows = queries.lists_of([tier for tier, _ in asked], cast(TierAclQuerySet, through(TierAcl.objects)))
    rules: dict[UUID, tuple[Rule, ...]] = {}
    found = {}
    for tier, ports in asked:
        row = rows.get(tier.pk)
        if row is None:
            found[tier, ports] = Admission(None, "", (), is_exact=False)
            continue
        if row.acl_id not in rules:
            rules[row.acl_id] = row.acl.in_force(clock.now())
        sources = _sources(rules[row.acl_id], row.acl.denies_rest, row.acl.site, tier, ports)
        is_exact = list(sources.at_all) == list(sources.at_any)
        found[tier, ports] = Admission(
            row.acl_id, row.acl.name, cidrs_of(sources.at_all), is_exact, row.seen.is_applied
        )
    return found


def let_in(tier: Tier, ports: Ports, cidrs: Sequence[object], note: str, field: str, by: Actor) -> Operation | None:
    """See `Gate`. The rule comes first in written order; on Netris a more specific one may still decide otherwise, and
    is refused with its number."""
    wanted = parse_cidrs(cidrs, field)
    acl = _list_of(tier, field)
    before = _sources(acl.in_force(clock.now()), acl.denies_rest, acl.site, tier, ports)
    if beyond := without(before.at_any, ranges_of(wanted)):
        raise Refused("list-lets-in-more", _more(acl, tier, ports, beyond[0][0]), field)
    lacking = [cidr for cidr in wanted if without(ranges_of([cidr]), before.at_all)]
    if not lacking:
        return None
    rule = Rule(
        Action.ALLOW, Direction.INGRESS, Protocol(ports.protocol), tuple(lacking), ((ports.first, ports.last),), note
    )
    with _said_at(field, acl):
        rules = parse_rules([each.as_json() for each in (rule, *acl.written)])
        after = _sources(
            [each for each in rules if each.is_in_force(clock.now())], acl.denies_rest, acl.site, tier, ports
        )
        if without(ranges_of(wanted), after.at_all):
            text = f"A more specific rule of the list {acl} keeps some of them out, whatever stands before it. "
            raise Refused("list-keeps-out", f"{text}Change that rule first.", field)
        return joined(change_rules)(acl, rules, by=by)


def _sources(rules: Sequence[Rule], denies_rest: bool, site: Site, tier: Tier, ports: Ports) -> Sources:
    tables = [fabric_table(rules, tier.cidr, site, denies_rest=denies_rest, ties=ties) for ties in Action]
    return Sources.by(tables, Protocol(ports.protocol), (ports.first, ports.last))


def _list_of(tier: Tier, field: str) -> Acl:
    row = queries.list_of(tier)
    if row is None:
        text = (
            f"The tier {tier.name} has no access list, so nothing can limit who comes in. Give it one first, or leave "
        )
        raise Refused("no-list", f"{text}the sources out.", field)
    if not row.acl.denies_rest:
        text = f"The list {row.acl} of the tier {tier.name} leaves what no rule allows to the site's default, so it "
        raise Refused("list-denies-no-rest", f"{text}cannot limit who comes in. Let it deny the rest first.", field)
    return row.acl


def _more(acl: Acl, tier: Tier, ports: Ports, address: int) -> str:
    """Which rule lets in an address that is not meant."""
    rules = acl.written
    places = places_in_force(rules, clock.now())
    in_force = [rules[place] for place in places]
    by = ""
    for port in range(ports.first, ports.last + 1):
        packet = Packet(Direction.INGRESS, Protocol(ports.protocol), IPv4Address(address), port)
        decision = evaluate(in_force, tier.cidr, acl.site, packet).effective
        if decision.action is Action.ALLOW and decision.place is not None:
            by = f", by rule {places[decision.place] + 1}"
            break
    text = f"The list {acl} of the tier {tier.name} lets in more at {ports} than these{by}. "
    return f"{text}Narrow that first, or leave the sources out."


@contextmanager
def _said_at(field: str, acl: Acl) -> Iterator[None]:
    """What is wrong with the list is said where somebody has asked for a rule of it."""
    try:
        yield
    except Refused as refusal:
        if refusal.field == field:
            raise
        text = f"The list {acl} cannot take a rule for them now: {refusal.message}"
        raise Refused(refusal.code, text, field) from refusal


GATE = Gate(known, let_in)
