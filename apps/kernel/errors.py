"""What a service says when it will not do a thing.

Refused                 the request breaks a rule; nothing was changed
├── Invalid             several rules at once, each with its field
├── Busy                another operation has the object; try again when it is over
└── Forbidden           the caller's role does not allow it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Refused(Exception):  # noqa: N818 - services refuse, they do not err
    """A rule, in words that tell the way out. `field` names the input at fault, None when it is the whole request.

    A field inside a list is written with dots: `tiers.0.cidr`.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field

    @property
    def all(self) -> Sequence[Refused]:
        """Every rule that is broken; for a single refusal, itself."""
        return (self,)


class Invalid(Refused):
    """All that is wrong with an input at once. Its own code, message and field are those of the first."""

    def __init__(self, refusals: Sequence[Refused]) -> None:
        first = refusals[0]
        super().__init__(first.code, first.message, first.field)
        self._all = tuple(refusals)

    @property
    def all(self) -> Sequence[Refused]:
        return self._all


def collect(problems: list[Refused], parse: Callable[[object, str], T], value: object, field: str) -> T | None:
    """What `parse` makes of an input; None when it refuses, and what it says is then among the problems."""
    try:
        return parse(value, field)
    except Refused as refusal:
        problems.extend(refusal.all)
        return None


#: So many are told one by one: nobody mends more before trying again.
TOLD = 20


def shortened(refusals: Sequence[Refused]) -> Sequence[Refused]:
    """The first of them, and a line that says how many more there are."""
    if len(refusals) <= TOLD:
        return refusals
    return [*refusals[:TOLD], Refused("more-errors", f"And {len(refusals) - TOLD:,} more.")]


class Never(str):
    """A reason that no waiting changes: it lies in who asks. What it stands in the way of is not shown at all, and each
    page says it once."""

    is_never = True


class Busy(Refused):
    pass


class Forbidden(Refused):
    def __init__(self, message: str) -> None:
        super().__init__("forbidden", message)
