"""One queue for all that waits for the platform's decision. An app whose things do registers its kind.

Nothing of its own is kept here: what waits is what a kind says now, and a decision is a change of the kind's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant

VERDICTS = ("approve", "reject")


@dataclass(frozen=True)
class Waiting:
    """`asks` says what is wanted. `id` is that of the row; `label` says what it is to people, `kind` to scripts."""

    id: UUID
    kind: str
    name: str
    tenant: Tenant
    asks: str
    since: datetime
    label: str = ""
    #: Of a page of the platform that tells more; blank where there is none.
    url: str = ""


@dataclass(frozen=True)
class Kind:
    """`rows` are those that wait. `decide(id, verdict, reason, by)` is False for what is none of its that waits; it
    raises `Refused`."""

    name: str
    rows: Callable[[Platform], QuerySet[Any]]
    waiting: Callable[[Platform], Sequence[Waiting]]
    decide: Callable[[UUID, str, str, Platform], bool]


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """From `AppConfig.ready`."""
    _kinds[kind.name] = kind


def waiting(by: Platform) -> list[Waiting]:
    """The oldest first. As many queries as there are kinds."""
    return sorted((each for kind in _kinds.values() for each in kind.waiting(by)), key=lambda each: each.since)


def count(by: Platform) -> int:
    """How many wait. One query."""
    first, *others = (kind.rows(by).order_by().values_list("pk") for kind in _kinds.values())
    return first.union(*others, all=True).count() if others else first.count()


def decide(pk: UUID, verdict: str, reason: str, by: Platform) -> bool:
    """False where nothing of this id waits."""
    return any(kind.decide(pk, verdict, reason, by) for kind in _kinds.values())
