"""Over Direct Connect, between an address of a VPC and one behind the tenant's router.

Netris tells how many prefixes a session takes, and not which. So what may lie behind a session that is up is not
known to be reached; one that is known to be down, or was switched off, leads nowhere. Which default route Netris
prefers, one that is learned or that of source NAT, is told nowhere: where both may be there, nothing is known of what
goes by it, nor of what answers to somebody outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from apps.reachability.facts import Hop, Linked, Place, Verdict, Way

#: Nobody on the internet has these (RFC 1918, RFC 6598). What is set aside for examples may be anybody's.
PRIVATE = [IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


def linked(there: IPv4Address, here: IPv4Address, way: Way | None, place: Place) -> list[Hop]:
    """Between an address of the VPC and one that may be behind the tenant's router: at best it is not known. None where
    no virtual interface leads there."""
    near = next((each for each in place.links if there in each.link), None)
    if near is not None:
        sentence = f"{there} is in the link itself. What your router does with it, Weft does not see. Look there."
        return [Hop(near.what, Verdict.UNKNOWN, sentence, near.url)]
    if way is None or way.kind != "direct_connect":
        other = next((each for each in place.links if each.state == "differs"), None)
        return [_may_lead(other, there)] if other and (way is None or way.kind == "source_nat") else []
    is_default = not way.destination.prefixlen
    chosen = [each for each in place.links if way.destination in each.accepts and not each.is_off]
    if not chosen:  # it was changed between two looks
        sentence = "Its virtual interface is not known any more."
        return [Hop(f"Route to {way.destination}", Verdict.UNKNOWN, sentence, place.url)]
    if is_default and _has_way_out(place):
        return [_either(chosen[0]), *_unlinked(there, place)]
    return [_may_lead(chosen[0], there), *_unlinked(there, place), *_finds_back(there, here, chosen, place)]


def _may_lead(link: Linked, there: IPv4Address) -> Hop:
    if link.takes is None or link.state not in ("ready", "warning"):
        sentence = f"Whether it leads to {there} is not known. {link.trouble}".strip()
        return Hop(link.what, Verdict.UNKNOWN, sentence, link.url)
    prefixes = f"{link.takes} prefix{'es'[: 2 * (link.takes != 1)]}"
    sentence = f"Its session is up, and takes {prefixes}. Which, Netris does not tell: see that your router announces"
    return Hop(link.what, Verdict.UNKNOWN, f"{sentence} {there}, and what it does with it.", link.url)


def _either(link: Linked) -> Hop:
    sentence = "It accepts a default route, and the VPC has source NAT: which of the two Netris prefers is not known."
    return Hop(link.what, Verdict.UNKNOWN, sentence, link.url)


def _finds_back(there: IPv4Address, here: IPv4Address, chosen: Sequence[Linked], place: Place) -> Iterator[Hop]:
    """What goes one way has to find its way back: the router has to hear of the tier."""
    if any(here in each for link in chosen for each in link.announces):
        return
    link = chosen[0]
    sentence = f"{here} is not announced over it: your router learns no way to it. Announce its tier."
    others = [each for each in place.links if each not in chosen and not each.is_off]
    is_heard = any(here in each for link in others for each in link.announces)
    is_sure = not is_heard and all(each.is_at_rest for each in (*chosen, *others))
    # What is public may come and go by a public IP, if the router does not announce it.
    if is_sure and (is_private(there) or not _has_way_out(place)):
        yield Hop(link.what, Verdict.BLOCKED, sentence, link.url)
        return
    if is_heard:
        sentence = f"{here} is not announced over it, but over another virtual interface: the way back is another one."
    yield Hop(link.what, Verdict.UNKNOWN, sentence, link.url)


def _unlinked(there: IPv4Address, place: Place) -> list[Hop]:
    """Those that could lead to an address, and do not now."""
    return [
        Hop(each.what, Verdict.UNKNOWN, f"It gives no way to {there} now. {each.trouble}".strip(), each.url)
        for each in place.links
        if each.is_off and each.leads_to(there)
    ]


def has_no_other_way(sender: IPv4Address, place: Place) -> bool:
    """Than over a virtual interface: what is public comes by a public IP as well."""
    return is_private(sender) or any(each.leads_to(sender) or sender in each.link for each in place.links)


def not_linked(address: IPv4Address, place: Place) -> Iterator[Hop]:
    """Why no virtual interface leads there, where one could: what is private has no other way."""
    is_only_way = is_private(address) or not _has_way_out(place)
    for each in place.links:
        if each.is_off and (each.leads_to(address) or (is_only_way and each.leads_everywhere)):
            verdict = Verdict.BLOCKED if is_only_way else Verdict.UNKNOWN
            yield Hop(each.what, verdict, f"It gives no way to {address} now. {each.trouble}".strip(), each.url)


def answered(sender: IPv4Address | None, links: Sequence[Linked]) -> Iterator[Hop]:
    """What came in by a public IP is answered by the routes of the VPC, which may lead elsewhere."""
    for each in links:
        if each.is_off:
            continue
        if sender is not None and (each.leads_to(sender) or sender in each.link):
            sentence = f"It may lead to {sender}: what answers would leave by it, and not as the public IP."
        elif each.leads_everywhere:
            sentence = "It accepts a default route: what answers may leave by it, and not as the public IP."
        else:
            continue
        yield Hop(each.what, Verdict.UNKNOWN, sentence, each.url)
        return


def _has_way_out(place: Place) -> bool:
    return any(way.kind == "source_nat" for way in place.ways)


def is_private(address: IPv4Address) -> bool:
    return any(address in each for each in PRIVATE)
