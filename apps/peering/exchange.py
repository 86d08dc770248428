"""What passes between two VPCs that are peered. Knows no database.

    offered      what a VPC shows of itself: parts of its own range
    accepted     what the other one takes of that: parts of what was offered
    exchanged    what is in both, and nothing else: what the inbound list of the other VPC lets through

A prefix stands for itself and every part of it, since what a VPC has are the ranges of its tiers. A list that is empty
means to Netris that it may fill it with all that the other VPC has (netris-api.md 2.12), so none is ever sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

#: Of each side and direction. No limit is documented; each is a line of what is sent.
MOST_PREFIXES = 50
NOTHING = "deny 0.0.0.0/0 le 32"


def networks(texts: Iterable[str]) -> list[IPv4Network]:
    return [IPv4Network(each) for each in texts]


def exchanged(offered: Iterable[IPv4Network], accepted: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Of two CIDRs that overlap one lies in the other: what they share is the smaller one."""
    wanted = list(accepted)
    shared = [
        offer if offer.prefixlen >= want.prefixlen else want
        for offer in offered
        for want in wanted
        if offer.overlaps(want)
    ]
    return sorted(collapse_addresses(shared)) if shared else []


def list_of(prefixes: Sequence[IPv4Network]) -> str:
    """As Netris takes it: an entry on each line, of which the first that matches decides."""
    return "\n".join(f"permit {each}{'' if each.prefixlen == 32 else ' le 32'}" for each in prefixes) or NOTHING


def entries(text: str) -> list[str]:
    """The entries of a list as Netris shows it, in one way of writing. Of those about IPv6 a peering has none: what is
    denied there is passed over, what is permitted is not."""
    found = []
    for line in text.replace("\r", "\n").split("\n"):
        words = line.lower().split()
        if words and not (":" in line and words[0] == "deny"):
            found.append(" ".join(words))
    return found


def lets_the_same(meant: str, there: str) -> bool:
    """The order of entries that only permit is no matter."""
    return sorted(entries(meant)) == sorted(entries(there))


@dataclass(frozen=True)
class Exchange:
    """What a peering is to let through, at both of its ends."""

    offered: tuple[IPv4Network, ...]
    peer_offered: tuple[IPv4Network, ...]
    accepted: tuple[IPv4Network, ...]
    peer_accepted: tuple[IPv4Network, ...]

    @property
    def learned(self) -> list[IPv4Network]:
        """What the VPC that asked learns."""
        return exchanged(self.peer_offered, self.accepted)

    @property
    def peer_learned(self) -> list[IPv4Network]:
        return exchanged(self.offered, self.peer_accepted)


FIELDS = ("offered", "peer_offered", "accepted", "peer_accepted")
