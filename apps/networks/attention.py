"""What of a tenant's things needs somebody. Other apps register theirs here: nothing here knows them.

A need names one thing, says what is wrong with it, and has the one step that helps next. What is found was read
lately: what nobody has looked at for too long needs nobody yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.networks.models import Vpc
from apps.tenancy.models import Tenant

#: Needs of one kind that are told; of more than these it is said that there are.
MOST = 10


@dataclass(frozen=True)
class Step:
    """What helps next: a page to look at, or with `is_done_at_once` what a POST to the address does."""

    label: str
    url: str
    is_done_at_once: bool = False


@dataclass(frozen=True)
class Need:
    #: One of its `Source`.
    kind: str
    resource_id: UUID
    #: None where it lies in none yet.
    vpc_id: UUID | None
    subject: str
    sentence: str
    #: Of the page that shows it.
    url: str
    step: Step
    #: Since when it is so, or None where only the reading is known.
    since: datetime | None = None
    #: When that was read; None for what no remote tells.
    read_at: datetime | None = None


@dataclass(frozen=True)
class Source:
    """A kind of needs. `found` gives at most one more than `MOST`, in as many queries however much there is."""

    kind: str
    #: In the badge.
    label: str
    found: Callable[[Tenant, Vpc | None], Sequence[Need]]


@dataclass(frozen=True)
class Found:
    needs: Sequence[tuple[Source, Need]]
    has_more: bool

    def __bool__(self) -> bool:
        return bool(self.needs)


_registered: list[Source] = []


def register(*sources: Source) -> None:
    """Apps call this from `AppConfig.ready`."""
    _registered.extend(source for source in sources if source not in _registered)


def kinds() -> list[str]:
    return [source.kind for source in _registered]


def found_of(tenant: Tenant, vpc: Vpc | None = None) -> Found:
    """All that is known of the tenant's things, or of what lies in one VPC."""
    told: list[tuple[Source, Need]] = []
    has_more = False
    for source in _registered:
        some = source.found(tenant, vpc)
        has_more |= len(some) > MOST
        told += [(source, need) for need in some[:MOST]]
    return Found(told, has_more)
