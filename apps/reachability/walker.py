"""Would the first packet of a connection from A arrive at B, and what stops it first: a walk over what is known.

Nothing here asks anything. `queries` gathers the facts, each with the age of the reading that it rests on. A hop that
rests on a reading that is too old is not known, and so is the way: nothing is called reachable that was not seen
lately. What Weft itself decides, such as that nothing leads from an address, needs no reading.

    from                    to                  the way
    outside                 a public IP         public IP, what leads from it, the tier's list, the instance
    outside                 a load balancer     public IP, balancer, its sources, the members' tier's list, the members
    outside                 an instance         one of what leads to it, then the same
    an instance             one of its VPC      its tier's list, the route, the other tier's list, the instance
    an instance             one of these        its tier's list, the route out, then as from outside
    an instance             of a peered VPC     its tier's list, the peering and the way back, the other tier's list
    an instance             an address          its tier's list, the route, the peering or the Direct Connect; behind it
                                                Weft sees nothing

A list decides as Netris sorts it (`apps.acls.evaluator`). What is translated on its way in meets the tier's list with
the instance's own port. Two instances of one tier have no list between them: only what leaves a tier, or comes into it,
passes an interface that has rules (inferred, netris-api.md 2.6).

Of what a tenant's router announces over Direct Connect, Netris tells the number alone (`linked`): what lies behind it
is at best not known.

Behind a load balancer one member that can be reached is enough. Where nobody checks the members, that is said as far as
it is configured, just as of NAT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from apps.acls.evaluator import between, evaluate
from apps.acls.packets import ECHO_REQUEST, Packet
from apps.acls.rules import EVERYWHERE, Action, Direction, Protocol
from apps.acls.tables import By
from apps.reachability.facts import (
    Answer,
    Balanced,
    Beyond,
    Door,
    End,
    Hop,
    Lead,
    ListOfTier,
    Machine,
    Mate,
    Network,
    Outside,
    Place,
    Seen,
    Start,
    Traffic,
    Verdict,
    Way,
)
from apps.reachability.linked import answered, has_no_other_way, is_private, linked, not_linked

#: Stands for the internet as a whole: an address that is nobody's (RFC 5737), moved on where a rule names it.
ANYWHERE = IPv4Network("192.0.2.0/24")


def walk(source: Outside | Start, target: End | Door | Beyond, traffic: Traffic) -> Answer:
    """All hops up to the first that blocks."""
    hops: list[Hop] = []
    for hop in _way(source, target, traffic):
        hops.append(hop)
        if hop.verdict is Verdict.BLOCKED:
            return Answer(Verdict.BLOCKED, hops)
    is_known = all(hop.verdict is Verdict.REACHABLE for hop in hops)
    return Answer(Verdict.REACHABLE if is_known else Verdict.UNKNOWN, hops)


def _way(source: Outside | Start, target: End | Door | Beyond, traffic: Traffic) -> Iterator[Hop]:
    if isinstance(source, Outside):
        assert not isinstance(target, Beyond), "the question has looked"
        if isinstance(target, Door):
            yield from _through_door(source.address, target, traffic)
        else:
            yield from _from_outside(source, target, traffic)
        return
    yield _running(source.machine)
    if isinstance(target, End):
        yield from _inside(source, target, traffic)
    elif isinstance(target, Beyond):
        yield from _beyond(source, target.address, traffic)
    else:
        yield from _out(source, target, traffic)


# --- from outside -----------------------------------------------------------------------------------------------------


def _through_door(sender: IPv4Address | None, door: Door, traffic: Traffic) -> Iterator[Hop]:
    what = f"Public IP {door.address}"
    if door.trouble:
        yield Hop(what, Verdict.BLOCKED, door.trouble, door.url)
    yield _seen(what, f"It belongs to the VPC {door.vpc}.", door.seen, door.url)
    balanced = next((each for each in door.balancers if each.outside == traffic), None)
    if balanced is not None:
        yield from _balances(sender, balanced)
        yield from answered(sender, door.links)
        return
    if door.answering:
        sentence = f"No load balancer of {door.address} takes {traffic}. There is {', '.join(door.answering)}."
        yield Hop(what, Verdict.BLOCKED, sentence, door.url)
        return
    if not door.leads:
        sentence = f"Nothing leads from {door.address}. Create a static NAT, a port forward or a load balancer."
        yield Hop(what, Verdict.BLOCKED, sentence, door.url)
    lead = next((lead for lead in door.leads if lead.takes(traffic)), None)
    if lead is None:
        known = ", ".join(each.what for each in door.leads[:3])
        sentence = f"No port forward of {door.address} takes {traffic}. There is {known}."
        yield Hop(what, Verdict.BLOCKED, sentence, door.url)
        return
    yield from _led(sender, lead, traffic)
    yield from answered(sender, door.links)


def _led(sender: IPv4Address | None, lead: Lead, traffic: Traffic) -> Iterator[Hop]:
    if not lead.is_on:
        yield Hop(lead.what, Verdict.BLOCKED, "It is switched off. Switch it on.", lead.url)
    if lead.is_asleep:
        sentence = "No instance runs in its tier, so that it is not on Netris. Start the instance."
        yield Hop(lead.what, Verdict.BLOCKED, sentence, lead.url)
    if lead.machine is None:
        yield Hop(lead.what, Verdict.BLOCKED, _gone(lead.machine_name), lead.url)
        return
    inside = lead.inside(traffic)
    to = lead.machine.address if inside.port is None else f"{lead.machine.address}:{inside.port}"
    if lead.seen.is_there is False and lead.public[0] < lead.public[1]:
        sentence = "Netris does not have each of its ports as it is meant. Apply it again."
        yield Hop(lead.what, Verdict.UNKNOWN, sentence, lead.url)
    else:
        yield _seen(lead.what, f"It leads to {lead.machine.name} at {to}.", lead.seen, lead.url)
    yield from _arrives(sender, lead.machine, inside)


def _balances(sender: IPv4Address | None, balanced: Balanced, machine: Machine | None = None) -> Iterator[Hop]:
    """To any of its members, or to one of them."""
    what, url = balanced.what, balanced.url
    if balanced.unknown:
        yield Hop(what, Verdict.UNKNOWN, balanced.unknown, url)
    elif balanced.trouble:
        yield Hop(what, Verdict.BLOCKED, balanced.trouble, url)
    else:
        yield Hop(what, Verdict.REACHABLE, f"It passes {balanced.outside} on to port {balanced.member_port}.", url)
    yield _may_connect(sender, balanced)
    mates = balanced.mates_at(machine)
    rotation = [mate for mate in mates if not mate.is_drained]
    if not rotation:
        name = machine.name if machine else "Every member"
        sentence = f"{name} is drained. Put it back into rotation." if mates else "It has no member. Add one."
        yield _unless_foreign(Hop(what, Verdict.BLOCKED, sentence, url), balanced)
    yield from _passes(balanced.network, Direction.INGRESS, sender, balanced.inside)
    if rotation:
        yield _members(balanced, rotation, [mate.name for mate in mates if mate.is_drained])


def _may_connect(sender: IPv4Address | None, balanced: Balanced) -> Hop:
    """Its sources, which Netris looks at before anything is passed on (netris-api.md 2.6)."""
    what, url = f"Allowed sources of {balanced.name}", balanced.url
    if balanced.sources_seen.is_there is False:
        sentence = "Netris has other rules of who may connect than are meant. Apply the load balancer again."
        return Hop(what, Verdict.UNKNOWN, sentence, url)
    sources = balanced.sources or [EVERYWHERE]
    if any((sender or _nobodys(sources)) in cidr for cidr in sources):
        sentence = f"It lets in {sender or 'the internet'}."
        return _seen(what, sentence, balanced.sources_seen, url)
    named = ", ".join(map(str, sources[:3])) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    sentence = f"Only {named} may connect, and not {sender or 'the internet'}. Add it to the allowed sources."
    return Hop(what, Verdict.BLOCKED, sentence, url)


def _members(balanced: Balanced, rotation: Sequence[Mate], drained: Sequence[str]) -> Hop:
    """One that can be reached is enough; else the first of those that fail."""
    hops = [_member(mate, balanced) for mate in rotation]
    good = [hop for hop in hops if hop.verdict is Verdict.REACHABLE]
    best = min(hops, key=lambda hop: _badness([hop]))
    also = f" Drained: {', '.join(drained[:3])}{' and more' if len(drained) > 3 else ''}." if drained else ""
    if len(hops) == 1:
        return _unless_foreign(replace(best, sentence=f"{best.sentence}{also}"), balanced)
    if not good:
        none = "None can be reached" if best.verdict is Verdict.BLOCKED else "None is known to be reached"
        sentence = f"{best.sentence} {none} of the {len(hops)} members in rotation.{also}"
        return _unless_foreign(replace(best, sentence=sentence), balanced)
    count = f"All {len(hops)}" if len(good) == len(hops) else f"{len(good)} of {len(hops)}"
    bad = next((hop.sentence for hop in hops if hop.verdict is not Verdict.REACHABLE), "")
    if bad and all(mate.probe is None for mate in rotation):
        bad += " Nobody checks the members, so some connections go there. Set a health check."
    sentence = f"{count} members in rotation can be reached.{' ' if bad else ''}{bad}{also}"
    return Hop(f"Members of {balanced.name}", Verdict.REACHABLE, sentence, balanced.url)


def _member(mate: Mate, balanced: Balanced) -> Hop:
    what = f"Member {mate.name}"
    if not mate.is_sent:
        sentence = f"Netris sends nothing to {mate.name}. Apply the load balancer again."
        return Hop(what, Verdict.BLOCKED, sentence, balanced.url)
    if mate.probe is Verdict.REACHABLE:
        return Hop(what, Verdict.REACHABLE, f"{mate.name} answers.", balanced.url)
    if mate.machine is None:
        return Hop(what, Verdict.BLOCKED, _gone(mate.name), balanced.url)
    runs = _running(mate.machine)
    if mate.probe is None or runs.verdict is Verdict.BLOCKED:
        return runs
    return Hop(what, mate.probe, mate.words, balanced.url)


def _unless_foreign(hop: Hop, balanced: Balanced) -> Hop:
    """What nobody means, Weft does not follow."""
    if not balanced.foreign or hop.verdict is not Verdict.BLOCKED:
        return hop
    sentence = (
        f"Netris also sends to {balanced.foreign}, which is no member in rotation. Apply the load balancer again."
    )
    return Hop(balanced.what, Verdict.UNKNOWN, sentence, balanced.url)


def _gone(name: str) -> str:
    return f"{name} is gone from CloudStack, or has left its tier."


def _from_outside(source: Outside, end: End, traffic: Traffic) -> Iterator[Hop]:
    sender, machine, place = source.address, end.machine, end.place
    if sender is not None and sender in place.cidr:
        yield from _from_within(sender, end, traffic)
        return
    way = None if sender is None else _way_to(sender, place)
    if sender is not None and way is not None and way.kind == "peering":
        yield from _peering(sender, machine.address, way, place)
        yield from _arrives(sender, machine, traffic)
        return
    over = [] if sender is None else linked(sender, machine.address, way, place)
    over = [*over, *_arrives(sender, machine, traffic)] if over else []
    if sender is not None and over and has_no_other_way(sender, place):
        yield from over
        return
    if sender is not None and way is not None and way.kind not in ("source_nat", "direct_connect"):
        what = f"Route to {way.destination}"
        yield _seen(what, f"{sender} is behind {way.via}.", way.seen, place.url)
        yield _passed_on(way)
        yield from _arrives(sender, machine, traffic)
        return
    if sender is not None and (hop := _not_peered(sender, place)):
        yield hop
    if sender is not None and is_private(sender):
        yield from not_linked(sender, place)
        sentence = f"{sender} is a private address, and the VPC {place.vpc} has no route to it. Add a static route."
        yield Hop("Route", Verdict.BLOCKED, sentence, place.url)
    # Any of them will do, so the first that does not fail decides.
    ways = [list(_led(sender, lead, lead.outside(traffic))) for lead in end.leads if lead.leads_to(traffic)]
    ways += [list(_balances(sender, each, machine)) for each in end.balancers if each.inside == traffic]
    ways += [over] if over else []
    if not ways:
        sentence = f"No public IP leads {traffic} to {machine.name}. Create a static NAT, a port forward or a load"
        yield Hop("Public IP", Verdict.BLOCKED, f"{sentence} balancer to it.", place.addresses_url)
        return
    yield from min(ways, key=_badness)
    yield from answered(sender, place.links)


def _from_within(sender: IPv4Address, end: End, traffic: Traffic) -> Iterator[Hop]:
    """An address of the VPC's own: its tier's list stands before it, whoever has it."""
    network = next((each for each in end.place.networks if sender in each.cidr), None)
    if network is None:
        sentence = f"{sender} is in the VPC {end.place.vpc}, but in none of its tiers."
        yield Hop("Tier", Verdict.BLOCKED, sentence, end.place.url)
        return
    yield from _between(sender, network, end, traffic)


# --- from an instance -------------------------------------------------------------------------------------------------


def _inside(start: Start, end: End, traffic: Traffic) -> Iterator[Hop]:
    if start.place.url == end.place.url:
        yield from _between(start.machine.address, start.machine.network, end, traffic)
        return
    address = end.machine.address
    yield from _leaves(start.machine, address, traffic)
    way = _way_to(address, start.place)
    if way is not None and way.kind == "peering":
        yield from _peering(address, start.machine.address, way, start.place, end.place)
        yield from _arrives(start.machine.address, end.machine, traffic)
        return
    if hops := linked(address, start.machine.address, way, start.place):
        yield from hops
        yield from _arrives(start.machine.address, end.machine, traffic)
        return
    if way is None or way.kind in ("source_nat", "tier"):
        if hop := _not_peered(address, start.place, end.place):
            yield hop
        yield from not_linked(address, start.place)
        sentence = (
            f"{end.machine.name} is in the VPC {end.place.vpc}, and {start.place.vpc} has no route to {address}."
            " Peer the two VPCs, or reach it at a public IP that leads to it."
        )
        yield Hop("Route", Verdict.BLOCKED, sentence, start.place.url)
        return
    yield _seen(f"Route to {way.destination}", f"It goes to {way.via}.", way.seen, start.place.url)
    yield _passed_on(way)
    yield from _arrives(start.machine.address, end.machine, traffic)


def _beyond(start: Start, address: IPv4Address, traffic: Traffic) -> Iterator[Hop]:
    place = start.place
    if address in place.cidr:
        sentence = f"{address} is in the VPC {place.vpc} itself. Ask about the instance that has it."
        yield Hop("Address", Verdict.UNKNOWN, sentence, place.url)
        return
    yield from _leaves(start.machine, address, traffic)
    way = _way_to(address, place)
    if way is not None and way.kind == "peering":
        yield from _peering(address, start.machine.address, way, place)
        sentence = f"What the access lists of the other VPC do with {address}, Weft does not tell. Ask the other side."
        yield Hop("The other side", Verdict.UNKNOWN, sentence)
        return
    if hops := linked(address, start.machine.address, way, place):
        yield from hops
        return
    if way is None or way.kind == "source_nat":
        if hop := _not_peered(address, place):
            yield hop
        yield from not_linked(address, place)
        if is_private(address):
            sentence = f"{address} is a private address, and the VPC {place.vpc} has no route to it. Peer it, or add a"
            yield Hop("Route", Verdict.BLOCKED, f"{sentence} static route.", place.url)
            return
    if way is None:
        sentence = f"The VPC {place.vpc} has no way out: its source NAT is not there."
        yield Hop("Route", Verdict.BLOCKED, sentence, place.url)
        return
    what = "Everything else" if way.destination.prefixlen == 0 else f"Route to {way.destination}"
    yield _seen(what, f"It leaves by {way.via}.", way.seen, place.url)
    yield _passed_on(way)


def _between(sender: IPv4Address, network: Network, end: End, traffic: Traffic) -> Iterator[Hop]:
    if network.url == end.machine.network.url:
        yield _tier(network, f"Both are in the tier {network.name}: no access list stands between them.")
        yield _running(end.machine)
        return
    machine = end.machine
    is_let = _lets_through((network, machine.network), (sender, machine.address), traffic)
    for hop in _passes(network, Direction.EGRESS, machine.address, traffic):
        yield _unless_let(hop, is_let=is_let)
    way = _way_to(machine.address, end.place)
    if way is not None:
        sentence = f"The tiers of {end.place.vpc} reach one another."
        yield _seen(f"Route to {way.destination}", sentence, way.seen, end.place.url)
    for hop in _passes(machine.network, Direction.INGRESS, sender, traffic):
        yield _unless_let(hop, is_let=is_let)
    yield _running(machine)


def _lets_through(tiers: Sequence[Network], ends: tuple[IPv4Address, IPv4Address], traffic: Traffic) -> bool:
    """Netris may sort the lists of both tiers as one table, of which the more specific rule decides, whosever it is."""
    acls = [(each.acl, each.cidr) for each in tiers if each.acl is not None]
    if not acls:
        return False
    lists = [([acl.rules[place] for place in acl.in_force], cidr, acl.denies_rest) for acl, cidr in acls]
    return Action.ALLOW in between(lists, acls[0][0].site, ends, (traffic.protocol, traffic.port))


def _unless_let(hop: Hop, *, is_let: bool) -> Hop:
    if not is_let or hop.verdict is not Verdict.BLOCKED or not hop.what.startswith("Access list"):
        return hop
    sentence = f"{hop.sentence} Netris may let it through all the same, as a rule of the other tier's list is as "
    return Hop(
        hop.what, Verdict.UNKNOWN, f"{sentence}specific or more, and whether it asks both is not known.", hop.url
    )


def _out(start: Start, door: Door, traffic: Traffic) -> Iterator[Hop]:
    yield from _leaves(start.machine, door.address, traffic)
    way = _way_to(door.address, start.place)
    if hops := linked(door.address, start.machine.address, way, start.place):
        yield from hops
        return
    if way is None or way.kind == "source_nat":
        yield from not_linked(door.address, start.place)
    if way is None:
        sentence = f"The VPC {start.place.vpc} has no way out: its source NAT is not there."
        yield Hop("Route", Verdict.BLOCKED, sentence, start.place.url)
        return
    what = "Everything else" if way.destination.prefixlen == 0 else f"Route to {way.destination}"
    yield _seen(what, f"It leaves by {way.via}.", way.seen, start.place.url)
    if way.kind != "source_nat":
        yield _passed_on(way)
        return
    if door.vpc == start.place.vpc:
        sentence = (
            "Whether Netris leads what leaves a VPC back into the same one is not known. Use the private address."
        )
        yield Hop("Way back in", Verdict.UNKNOWN, sentence)
    sender = start.egress
    if start.static_nat is not None:
        lead = start.static_nat
        sender = lead.address
        yield _seen(lead.what, f"{start.machine.name} leaves as {sender}.", lead.seen, lead.url)
    yield from _through_door(sender, door, traffic)


def _leaves(machine: Machine, to: IPv4Address, traffic: Traffic) -> Iterator[Hop]:
    yield from _passes(machine.network, Direction.EGRESS, to, traffic)


# --- what stands on every way -----------------------------------------------------------------------------------------


def _arrives(sender: IPv4Address | None, machine: Machine, traffic: Traffic) -> Iterator[Hop]:
    yield from _passes(machine.network, Direction.INGRESS, sender, traffic)
    yield _running(machine)


def _passes(network: Network, way: Direction, far: IPv4Address | None, traffic: Traffic) -> Iterator[Hop]:
    """The tier, and its list."""
    if network.trouble:
        yield Hop(f"Tier {network.name}", Verdict.BLOCKED, network.trouble, network.url)
    acl = network.acl
    if acl is None:
        sentence = f"The tier {network.name} has no access list, so that the site's default decides. Give it a list."
        yield Hop("Access list", Verdict.UNKNOWN, sentence, network.url)
        return
    what = f"Access list {acl.name}"
    if acl.seen.is_there is False:
        sentence = f"{network.name} has other rules than the list says. Apply the list again."
        yield Hop(what, Verdict.UNKNOWN, sentence, acl.url)
        return
    rules = [acl.rules[place] for place in acl.in_force]
    address = far or _nobodys([cidr for rule in rules for cidr in rule.cidrs])
    icmp_type = ECHO_REQUEST if traffic.protocol is Protocol.ICMP else None
    packet = Packet(way, traffic.protocol, address, traffic.port, icmp_type)
    answer = evaluate(rules, network.cidr, acl.site, packet, denies_rest=acl.denies_rest)
    decision = answer.effective
    end = f"{traffic} {'from' if way is Direction.INGRESS else 'to'} {far or 'the internet'}"
    who = f"Rule {acl.in_force[decision.place] + 1}" if decision.place is not None else _whoever(decision.by)
    if not answer.is_sure:
        sentence = f"Two rules that are equally specific say different things of {end}. Make one of them narrower."
        yield Hop(what, Verdict.UNKNOWN, sentence, acl.url)
    elif _turned(network, acl, packet) is not decision.action:
        says = "denies" if decision.action is Action.DENY else "allows"
        sentence = f"{who} {says} {end}, unless Netris turns a rule of {network.name} round, as it may. Look there."
        yield Hop(what, Verdict.UNKNOWN, sentence, acl.url)
    elif decision.action is Action.DENY:
        sentence = f"{who} of {network.name} denies {end}. Allow it in the list."
        if answer.differs:
            sentence = f"{who} denies {end} on Netris, which decides in another order than the list is written in."
        yield Hop(what, Verdict.BLOCKED, sentence, acl.url)
    else:
        yield _seen(what, f"{who} allows {end}.", acl.seen, acl.url)


def _turned(network: Network, acl: ListOfTier, packet: Packet) -> Action:
    """What is decided if rules for other protocols than TCP hold for both ways (`reverse`, netris-api.md 2.6)."""
    rules = [acl.rules[place] for place in acl.in_force]
    site = replace(acl.site, mirrors=True)
    return evaluate(rules, network.cidr, site, packet, denies_rest=acl.denies_rest).effective.action


def _whoever(by: By) -> str:
    return "The site's default" if by is By.SITE else "No rule allows it, and the end of the list"


def _nobodys(cidrs: Sequence[IPv4Network]) -> IPv4Address:
    """An address that none of them is about in particular."""
    named = [cidr for cidr in cidrs if cidr.prefixlen]
    blocks = (ANYWHERE, IPv4Network("198.51.100.0/24"), IPv4Network("203.0.113.0/24"), IPv4Network("8.0.0.0/8"))
    free = (each for block in blocks for each in block if not any(each in cidr for cidr in named))
    return next(free, ANYWHERE[1])


def _running(machine: Machine) -> Hop:
    what = f"Instance {machine.name}"
    if machine.seen.is_there is None:
        return Hop(what, Verdict.UNKNOWN, machine.seen.why_unknown, machine.url)
    if machine.state != "Running":
        sentence = f"{machine.name} is {machine.state.lower()}. Start it in CloudStack."
        return Hop(what, Verdict.BLOCKED, sentence, machine.url)
    return Hop(what, Verdict.REACHABLE, f"{machine.name} runs.", machine.url)


def _tier(network: Network, sentence: str) -> Hop:
    verdict = Verdict.BLOCKED if network.trouble else Verdict.REACHABLE
    return Hop(f"Tier {network.name}", verdict, network.trouble or sentence, network.url)


def _seen(what: str, sentence: str, seen: Seen, url: str) -> Hop:
    if seen.is_there is None:
        return Hop(what, Verdict.UNKNOWN, seen.why_unknown, url)
    if not seen.is_there:
        trouble = seen.trouble or "The systems do not have it as it is meant."
        return Hop(what, Verdict.BLOCKED, f"{trouble} Apply it again.", url)
    return Hop(what, Verdict.REACHABLE, sentence, url)


def _peering(there: IPv4Address, here: IPv4Address, way: Way, place: Place, end: Place | None = None) -> Iterator[Hop]:
    """Over a peering, between an address of the VPC and one of the other; `end` is the other one where that is the
    tenant's own and known. What goes one way has to find its way back."""
    peered = next((each for each in place.peerings if any(there in prefix for prefix in each.learned)), None)
    if peered is None:  # it was changed between two looks
        yield Hop(f"Route to {way.destination}", Verdict.UNKNOWN, "Its peering is not known any more.", place.url)
        return
    what = f"Peering {peered.name}"
    yield _seen(what, f"It leads to {there} in the other VPC.", way.seen, peered.url)
    if end is not None and peered.peer_url != end.url:
        sentence = f"{there} leads into another VPC than {end.vpc}. Take it out of what is chosen there."
        yield Hop(what, Verdict.BLOCKED, sentence, peered.url)
    if any(here in each for each in peered.told):
        return
    if any(here in each for each in peered.shown):
        sentence = f"{here} is offered, and the other side has not chosen it: nothing finds back. It has to choose it."
    else:
        sentence = f"{here} is not offered over it: nothing finds back. Offer it."
    yield Hop(what, Verdict.BLOCKED, sentence, peered.url)


#: What is said of a peering over which nothing passes.
IDLE = {
    "requested": "was asked for, and not accepted yet",
    "rejected": "was rejected",
    "withdrawn": "was taken back before it was accepted",
    "expired": "is over: its time has passed",
    "revoked": "was revoked",
    "failed": "could not be made",
}


def _not_peered(address: IPv4Address, place: Place, end: Place | None = None) -> Hop | None:
    """What stands in the way of a peering that could lead there; None where there is none."""
    for each in place.peerings:
        is_meant = end is not None and each.peer_url == end.url
        is_offered = any(address in prefix for prefix in each.offered)
        what = f"Peering {each.name}"
        if each.state in IDLE:
            # Of a request nobody knows yet what the other side has.
            if is_meant or is_offered or (each.state == "requested" and end is None and not each.offered):
                return Hop(what, Verdict.BLOCKED, f"It {IDLE[each.state]}, so nothing passes.", each.url)
        elif is_offered:
            sentence = f"{address} is offered over it, and not chosen here. Choose it."
            return Hop(what, Verdict.BLOCKED, sentence, each.url)
        elif is_meant:
            return Hop(what, Verdict.BLOCKED, f"{address} is not offered over it. Offer it at the other end.", each.url)
    return None


def _passed_on(way: Way) -> Hop:
    return Hop(f"Behind {way.via}", Verdict.UNKNOWN, f"What {way.via} passes on, Weft does not see. Look there.")


def _way_to(address: IPv4Address, place: Place) -> Way | None:
    """The longest prefix decides. What is learned over Direct Connect goes with its session."""
    there = [way for way in place.ways if way.kind != "direct_connect" or way.seen.is_there is not False]
    fitting = [way for way in there if address in way.destination]
    return max(fitting, key=lambda way: way.destination.prefixlen, default=None)


def _badness(hops: Sequence[Hop]) -> int:
    verdicts = {hop.verdict for hop in hops}
    return 2 if Verdict.BLOCKED in verdicts else 1 if Verdict.UNKNOWN in verdicts else 0
