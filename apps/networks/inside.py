"""What the map and the tiers of a VPC show of what other apps know. They register it here: nothing here knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from apps.networks.models import Tier, Vpc
from apps.networks.vpc_map import Machines, PublicIpNode


@dataclass(frozen=True)
class ListOfTier:
    """The access list of a tier; the name is blank without one. `url` leads to where it is chosen."""

    name: str
    url: str


@dataclass(frozen=True)
class Inside:
    """One app's part of it, or all of it. What is by tiers, is so by their ids."""

    public_ips: Sequence[PublicIpNode] = ()
    more_public_ips: int = 0
    machines: Mapping[UUID, Machines] = field(default_factory=dict)
    #: When the instances were read; None where they were not.
    machines_read_at: datetime | None = None
    #: Until when all of it that was read will do; None where nothing was.
    fresh_until: datetime | None = None
    lists: Mapping[UUID, ListOfTier] = field(default_factory=dict)

    def __or__(self, other: Inside) -> Inside:
        return Inside(
            public_ips=[*self.public_ips, *other.public_ips],
            more_public_ips=self.more_public_ips + other.more_public_ips,
            machines={**self.machines, **other.machines},
            machines_read_at=self.machines_read_at or other.machines_read_at,
            fresh_until=earliest(self.fresh_until, other.fresh_until),
            lists={**self.lists, **other.lists},
        )


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min(filter(None, moments), default=None)


NOTHING = Inside()
Known = Callable[[Vpc, Sequence[Tier]], Inside]

#: Whether each is about the tiers themselves.
_registered: dict[Known, bool] = {}


def register(known: Known, *, of_tiers: bool) -> None:
    """Apps call this from `AppConfig.ready`. It costs the same number of queries whatever the VPC holds."""
    _registered[known] = of_tiers


def inside_of(vpc: Vpc, tiers: Sequence[Tier], *, tiers_alone: bool = False) -> Inside:
    found = NOTHING
    for known, of_tiers in _registered.items():
        if of_tiers or not tiers_alone:
            found |= known(vpc, tiers)
    return found
