"""What other apps make together with a tier or take away with it. They register it here: nothing here knows them.

    before      parts that come before the tier is made, and go after it is gone
    after       parts that come when it is there
    list_of     the id of the CloudStack list that it is made with, or None
    choice      what the form of a new tier lets one choose among for it; None where it lets nothing
    settle      sets the status of their rows with that of the tiers, and of the VPC where it is settled itself

All of them give the same for as long as an operation on the tier or its VPC runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.networks.models import Tier, Vpc
from apps.operations.parts import BoundPart


@dataclass(frozen=True)
class Choice:
    """Something of a VPC that a new tier can be made with, or without."""

    #: Of the form, and of the refusal of what cannot be chosen.
    field: str
    label: str
    #: What it means to choose nothing.
    nothing: str
    help_text: str
    #: By their ids, each with its name.
    options: Sequence[tuple[str, str]]
    #: Makes what belongs to the tier, for the id that was chosen (`services.create_tier`).
    beside: Callable[[str], Callable[[Tier], None]]


def no_parts(_tier: Tier) -> Sequence[BoundPart]:
    return ()


def no_list(_tier: Tier) -> str | None:
    return None


def no_rows(_vpc: Vpc, _tiers: Iterable[UUID], _goal: str, _phase: str, _is_of_vpc: bool, /) -> None:
    return None


@dataclass(frozen=True)
class Alongside:
    before: Callable[[Tier], Sequence[BoundPart]]
    after: Callable[[Tier], Sequence[BoundPart]] = no_parts
    list_of: Callable[[Tier], str | None] = no_list
    settle: Callable[[Vpc, Iterable[UUID], str, str, bool], None] = no_rows
    choice: Callable[[Vpc], Choice] | None = None


_registered: list[Alongside] = []


def register(alongside: Alongside) -> None:
    """Apps call this from `AppConfig.ready`."""
    if alongside not in _registered:
        _registered.append(alongside)


def around(tier: Tier, parts: Sequence[BoundPart]) -> list[BoundPart]:
    before = [part for each in _registered for part in each.before(tier)]
    after = [part for each in _registered for part in each.after(tier)]
    return [*before, *parts, *after]


def list_of(tier: Tier) -> str | None:
    return next((found for each in _registered if (found := each.list_of(tier))), None)


def choices_in(vpc: Vpc) -> list[Choice]:
    return [each.choice(vpc) for each in _registered if each.choice]


def settle(vpc: Vpc, tiers: Iterable[UUID], goal: str, phase: str, *, is_of_vpc: bool = False) -> None:
    ids = list(tiers)
    for each in _registered:
        each.settle(vpc, ids, goal, phase, is_of_vpc)
