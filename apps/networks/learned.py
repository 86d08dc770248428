"""What a VPC learns from elsewhere: ranges that lead out of it because somebody at the other end has them. Other apps
register theirs in `AppConfig.ready`, as nothing here knows them.

Nothing in a VPC may overlap what it has learned, nor may two that it learns from tell of the same range: which of them
an address belongs to would be up to the length of prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from apps.kernel.errors import Refused
from apps.networks.models import Vpc


@dataclass(frozen=True)
class Learned:
    prefix: IPv4Network
    #: From whom, for people of the VPC's tenant: "the peering shared".
    source: str
    #: The row that it comes from, by which one's own are told from others.
    key: object


Known = Callable[[Vpc], Iterable[Learned]]
_registered: list[Known] = []


def register(known: Known) -> None:
    """Apps call this from `AppConfig.ready`. It costs the same number of queries whatever the VPC holds."""
    if known not in _registered:
        _registered.append(known)


def learned_by(vpc: Vpc) -> list[Learned]:
    return [each for known in _registered for each in known(vpc)]


def need_apart(vpc: Vpc, ranges: Sequence[IPv4Network], field: str) -> None:
    """Raises `Refused` when one of these ranges overlaps what the VPC has learned."""
    for each in learned_by(vpc):
        for cidr in ranges:
            if cidr.overlaps(each.prefix):
                text = (
                    f"{cidr} overlaps {each.prefix}, which the VPC has learned from {each.source}. Take another range."
                )
                raise Refused("learned-overlap", text, field)
