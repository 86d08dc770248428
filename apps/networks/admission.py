"""From where the instances of a tier may be reached at some ports. The app of the access lists says so, and lets more
in: it registers itself here, and nothing here knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from apps.networks.models import Tier
from apps.operations.models import Operation
from apps.tenancy.actors import Actor
from apps.tenancy.door import Door


class Ports(NamedTuple):
    """Ports of the instances themselves: of what is forwarded to them, those are looked at (netris-api.md 2.4, 2.6)."""

    protocol: str
    first: int
    last: int

    def __str__(self) -> str:
        return (
            f"{self.protocol} {self.first}" if self.first == self.last else f"{self.protocol} {self.first}-{self.last}"
        )


@dataclass(frozen=True)
class Admission:
    """What the list of a tier, as it is in force, lets in at some ports."""

    #: Its id and its name; None and blank where the tier has none, so that the site's default decides.
    acl_id: UUID | None
    acl: str
    #: As few as possible, of the sources that may reach each of the ports.
    cidrs: Sequence[IPv4Network]
    #: False where some may reach a part of the ports alone, or Netris may decide one way or the other.
    is_exact: bool
    #: Whether both systems have the list so, by a fresh reading.
    is_applied: bool | None = None

    @property
    def admits(self) -> bool | None:
        """Whether everybody is let in, or nobody; None for some of them, and where it is not known."""
        if not self.is_exact or (self.cidrs and self.cidrs[0].prefixlen):
            return None
        return bool(self.cidrs)

    @property
    def words(self) -> str:
        if not self.acl:
            return "as the site's default has it"
        if self.admits is not None:
            return "everybody" if self.admits else "nobody"
        if not self.cidrs:
            return "in part: see the list"
        named = ", ".join(map(str, self.cidrs[:3]))
        return f"{named} and {len(self.cidrs) - 3} more" if len(self.cidrs) > 3 else named


Asked = tuple[Tier, Ports]


@dataclass(frozen=True)
class Gate:
    #: Of each that is asked about; `through` leads to the lists that who asks may see. One query, and none for none.
    known: Callable[[Sequence[Asked], Callable[[Door[Any]], QuerySet[Any]]], Mapping[Asked, Admission]]
    #: Has the tier's list let in the sources that somebody wrote, from nowhere else, inside the caller's transaction,
    #: which holds the tenant's use and the VPC. The operation on the list; None where it does so already. The note is
    #: for who reads the list. Raises `Refused`, at the field that is given.
    let_in: Callable[[Tier, Ports, Sequence[object], str, str, Actor], Operation | None]


_registered: list[Gate] = []


def register(gate: Gate) -> None:
    """The app calls this from `AppConfig.ready`."""
    _registered[:] = [gate]


def gate() -> Gate:
    return _registered[0]
