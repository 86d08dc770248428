"""What a recipe author works with: parts, what they answer, and the recipe that lists them.

A part makes one thing real in another system, and takes it away again. Both ways look before they act, both may run
twice, and neither writes to Weft's database: what a part learns it hands back in `Done`.

What `ensure` and `remove` answer:

    Done(**facts)           this part is as wanted; the facts are saved on its subject
    Wait(why, **memo)       somebody else is at work; call me again in a while with this memo
    Again(**memo)           save this memo, then call me again at once: intent before effect
    raise Rejected          the remote refuses; the walk turns round
    raise Unavailable       look again later, more and more slowly

Memos belong to one part and one direction. They are small JSON and survive every crash.

Before each order that CloudStack's Netris plugin has to carry out, a part enters the turnstile of its clouds. What the
plugin could not do is sent again once it can: the part is called with an empty memo, and looks before it acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from django.conf import settings
from django.db import models

from apps.kernel.locks import hold_row
from apps.zones.clouds import Clouds
from apps.zones.models import System
from apps.zones.turnstile import Sent

S = TypeVar("S", bound=models.Model)
R = TypeVar("R", bound=models.Model)


class Done:
    """`facts` are fields of the part's subject."""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts


class Wait:
    def __init__(self, why: str, **memo: Any) -> None:
        self.why = why
        self.memo = memo


class Again:
    def __init__(self, **memo: Any) -> None:
        self.memo = memo


Progress = Done | Wait | Again


@dataclass(frozen=True)
class Memo:
    """What the part noted last time, with the time and the fence of this turn."""

    values: Mapping[str, Any]
    now: datetime
    fence: int
    #: What the part noted last in the other direction: an order of the way there may still be at work.
    there: Mapping[str, Any] = field(default_factory=dict)

    #: The longest between saving an intent and giving up on its answer: no call leaves after the lease (see `clouds`).
    SENDING_LASTS: ClassVar[timedelta] = settings.OPERATION_LEASE + settings.ANSWER_AWAITED

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    @property
    def sent(self) -> Sent | None:
        """The order that passed the turnstile, until it is answered for."""
        return Sent.of(self.get("order", {}))

    @property
    def is_sent_again(self) -> bool:
        """The plugin could not carry out this order before: what that try has left behind may be cleared away."""
        return bool(self.get("order", {}).get("tries"))

    @property
    def is_cleared_to_send(self) -> bool:
        """The intent was saved in this very turn: nothing can have been sent since the part looked."""
        return "job" not in self and bool(self.get("intent", {}).get("fence") == self.fence)

    @property
    def has_lost_an_answer(self) -> bool:
        """A write was announced in an earlier turn, and what came of it is not known."""
        return "intent" in self and "job" not in self and not self.is_cleared_to_send

    def before_sending(self, why: str, **notes: Any) -> Progress:
        """The answer of a part that has looked, found nothing, and wants to send a write.

        1. The intent is saved first, with the notes, so that a worker killed between sending and noting leaves a trace.
        2. The part is called again in the same turn, finds itself cleared to send, and sends. That is all it sends.
        3. A later turn that finds the intent of an earlier one cannot know whether the write is still on its way:
           something between here and the remote may hold it back long after its caller has given up. "Not found" is
           believed when it can no longer take effect, and then it starts over at 1.
        """
        if self.has_lost_an_answer and self.may_take_effect:
            return Wait(why, **self.values)
        return Again(intent={"fence": self.fence, "at": self.now.isoformat()}, **notes)

    @property
    def given_up_at(self) -> datetime:
        """When its sender stopped waiting for the answer. One that died did so while it could still send."""
        intent = self["intent"]
        if "given_up" in intent:
            return datetime.fromisoformat(intent["given_up"])
        return datetime.fromisoformat(intent["at"]) + self.SENDING_LASTS

    @property
    def may_take_effect(self) -> bool:
        """The write whose answer was lost could still begin."""
        return self.now < self.given_up_at + settings.REQUEST_HELD

    def answered(self) -> dict[str, Any]:
        """The notes without the intent, for when the write of this turn was refused, or certainly never left."""
        return {name: value for name, value in self.values.items() if name != "intent" or not self.is_cleared_to_send}

    def unanswered(self, now: datetime) -> dict[str, Any]:
        """The notes, with the moment at which the answer to the write of this turn was given up."""
        if not self.is_cleared_to_send:
            return dict(self.values)
        return {**self.values, "intent": {**self["intent"], "given_up": now.isoformat()}}

    @property
    def way_there(self) -> Memo:
        """The notes of the other direction, as of now."""
        return replace(self, values=self.there, there={})

    def may_still_arrive(self, lasts: timedelta = timedelta()) -> bool:
        """For removals: an order of the way there could still take effect, so "not found" proves nothing yet. It may go
        on for as long as it `lasts` once it has begun."""
        there = self.way_there
        return there.has_lost_an_answer and self.now < there.given_up_at + settings.REQUEST_HELD + lasts


@dataclass(frozen=True)
class Left:
    """Something that may be left behind in a system, by the name that it has there."""

    system: System
    what: str

    def __str__(self) -> str:
        return f"{self.system.label}: {self.what}"


class Part(Generic[S]):
    """One thing in another system. Subclasses say what it is called and which systems it talks to."""

    title: str
    undo_title: str
    systems: tuple[System, ...] = (System.CLOUDSTACK,)
    #: How long the part may answer `Wait` before it counts as failed.
    deadline = timedelta(minutes=15)

    def ensure(self, subject: S, clouds: Clouds, memo: Memo) -> Progress:
        raise NotImplementedError

    def remove(self, subject: S, clouds: Clouds, memo: Memo) -> Progress:
        raise NotImplementedError

    def has_got_through(self, subject: S, clouds: Clouds, *, is_removal: bool) -> bool:
        """After a refusal in words that say nothing: whether the remotes show that the plugin reached Netris, so that
        the order was refused for a reason of its own."""
        return False

    def leaves(self, subject: S) -> Sequence[Left]:
        """What may be there of it when its removal is given up. Nothing is asked of the remotes."""
        return ()

    def explain(self, text: str) -> str:
        """A refusal for people, where the remote's own words would tell them nothing."""
        return text


class ReadBack(Part[S]):
    """A part that only looks. There is nothing to take away, and no line for it in a removal."""

    undo_title = ""

    def remove(self, subject: S, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


@dataclass(frozen=True)
class BoundPart:
    """A part together with the row it works for: the VPC, or one of its tiers."""

    part: Part[Any]
    subject: models.Model
    label: str = ""

    @property
    def title(self) -> str:
        return f"{self.part.title}{self._suffix}"

    @property
    def undo_title(self) -> str:
        return self.part.undo_title and f"{self.part.undo_title}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f": {self.label}" if self.label else ""


def take_values(row: models.Model, wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        setattr(row, name, value)
    row.save(update_fields=list(wanted))


@dataclass(frozen=True)
class Recipe(Generic[R]):
    """How one kind of resource is made real. `parts` must give the same list for as long as an operation runs.

    `unwinds` False is for what cannot be put back: a refusal leaves the operation stuck for a person to decide, and
    nothing is taken away.
    """

    kind: str
    model: type[R]
    parts: Callable[[R], Sequence[BoundPart]]
    #: Called in the transaction in which an operation comes to rest or gets stuck: sets the rows' own status.
    settle: Callable[[R, str, str], None]
    #: Locks the rows that `settle` writes, in the order that `apps.kernel.locks` tells.
    hold: Callable[[R], None] = hold_row
    unwinds: bool = True
    #: Rows that the parts need beside the resource: read with it, in one query.
    related: tuple[str, ...] = ()
    #: The parts of a change, from the row as it is and the values that are wanted. `ensure` makes the remotes as they
    #: are wanted, and `remove` as the row has it.
    changes: Callable[[R, Mapping[str, Any]], Sequence[BoundPart]] | None = None
    #: Gives the row the values that were wanted, in the transaction in which their change succeeds.
    take: Callable[[R, Mapping[str, Any]], None] = take_values
    #: What the operation is called for people: {"present": "Create VPC", "absent": "Delete VPC"}.
    titles: dict[str, str] = field(default_factory=dict)


_recipes: dict[str, Recipe[Any]] = {}


def register(recipe: Recipe[Any]) -> None:
    """Apps call this from `AppConfig.ready`."""
    if recipe.kind in _recipes and _recipes[recipe.kind] is not recipe:
        raise ValueError(f"two recipes are called {recipe.kind}")
    _recipes[recipe.kind] = recipe


def kinds() -> list[str]:
    return sorted(_recipes)


def recipe_of(kind: str) -> Recipe[Any]:
    return _recipes[kind]
