"""The five questions that every recipe must answer, asked at every single call it makes.

    refused         the remote says no                          -> everything is undone, nothing is left
    reply lost      it happened, nobody heard                   -> exactly one of everything
    late            it happens long after the answer is given up -> exactly one of everything
    run twice       each part ensured again                     -> exactly one of everything
    worker killed   before or after the call                    -> exactly one of everything

Which calls there are is found out by watching an undisturbed run, so a part that makes a new call is asked as well.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from time_machine import Traveller

from apps.kernel.remote import Hooks
from apps.operations import parts
from apps.operations.models import Operation
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress
from apps.operations.state import Phase
from apps.zones.clouds import Clouds, connect, hooks_for
from apps.zones.models import Zone
from tests import branches

Call = tuple[str, str]
Run = Callable[[Operation], Operation]


#: Seconds: longer than any pause between two looks, shorter than a request may be held back.
LATE = 75
#: How a statement begins that changes nothing.
READS = ("SELECT", "SAVEPOINT", "RELEASE")
#: How a call begins that changes nothing there.
LOOKS = ("GET ", "list", "query")


class Killed(BaseException):
    """The worker is gone: not even `except Exception` sees it."""


def survived(run: Run, operation: Operation) -> Operation:
    """As it is at rest: when its worker is killed, another one goes on."""
    try:
        return run(operation)
    except Killed:
        return run(operation)


def at_every_call(
    scene: Any,
    ready: Callable[[], Callable[[], Operation]],
    how: str,
    then: Callable[[], object],
    *,
    numbers: range = range(1, 1000),
) -> Iterator[tuple[Operation, str]]:
    """Does something once, and from just before each of its calls once more with that call disturbed: yields the
    operation at rest, and the call. `ready` gives what starts it; `then` looks at what it has left. The scene has a
    `watch`, a `clock` and the worker's `run`. What is done with what is yielded happens in a copy of the process, as
    `then` does (`tests.branches`): nothing of it is there at the next call."""
    start = ready()
    scene.watch.disturb_each(numbers, how)
    with scene.watch.counting_writes():
        operation = survived(scene.run, start())
    if branches.is_copy():
        yield operation, scene.watch.struck
        scene.watch.let_everything_late_happen(scene.clock)
        then()
        branches.end()
    assert operation.phase == Phase.SUCCEEDED
    assert len(scene.watch.calls) >= numbers.start, "it makes no calls"
    assert len(scene.watch.calls) < numbers.stop, "it makes too many calls"


class Watch:
    """Opens clients that note every call, and disturbs the n-th: `disturb(n, how)`, counted from then on.

    `meanwhile(call, happens)` lets something happen behind everybody's back, just before such a call is made next.

    how             the n-th call
    killed before   the worker dies and the call is never made
    killed after    the call takes effect and the worker dies
    reply lost      the call takes effect and the answer is lost
    late            the answer is lost, and the call takes effect `LATE` seconds later
    refused         the remote says no

    Where a worker dies at several calls between which nothing was written, neither here nor there, the next one finds
    the same: `disturb_each` tries the first of them. The rate limit alone has moved, and has forgotten that before the
    dead worker's lease is over. So it is with reads of one system whose answers are lost: whichever it was, the engine
    alone hears of it, and the part begins anew.
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self.calls: list[Call] = []
        self.struck = ""
        self._how = ""
        self._left = 0
        self._each = range(0)
        self._writes = 0
        self._found: dict[str, object] = {}
        self._open: dict[Any, Clouds] = {}
        self._meanwhile: dict[str, Callable[[], object]] = {}

    def disturb(self, nth: int, how: str) -> None:
        self.calls.clear()
        self._how, self._left, self._each = how, nth, range(0)

    def disturb_each(self, numbers: range, how: str) -> None:
        """Each of these calls, every one in a copy of the process."""
        self.disturb(numbers.stop, how)
        self._each = numbers
        self._found.clear()

    @contextmanager
    def counting_writes(self) -> Iterator[None]:
        def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            self._writes += not sql.lstrip().startswith(READS)
            return execute(sql, *rest)

        with connection.execute_wrapper(count):
            yield

    def _would_be_found(self) -> object:
        """By a worker that goes on from here."""
        stores = [table.rows for store in self.world.stores for table in store.tables]
        return timezone.now(), self._writes, marshal.dumps(stores)

    def _tries_out(self, alike: str = "") -> bool:
        """True in a copy that is disturbed at the call that was noted last. Of disturbances that are `alike`, one is
        tried where the next worker, or the next turn, finds the same."""
        if len(self.calls) not in self._each:
            return False
        if alike:
            found, before = self._would_be_found(), self._found.get(alike)
            self._found[alike] = found
            if found == before:
                return False
        writes = self._writes
        if not branches.tried_out():
            self._writes = writes  # all was put back
            return False
        self._each, self._left = range(0), 0
        self.struck = self.calls[-1][1]
        return True

    def meanwhile(self, call: str, happens: Callable[[], object]) -> None:
        self._meanwhile[call] = happens

    @property
    def has_struck(self) -> bool:
        return self._left <= 0

    def _before(self, system: str, call: str) -> None:
        self.calls.append((system, call))
        if happens := self._meanwhile.pop(call, None):
            happens()
        self._left -= 1
        if self._how == "killed before":
            self._tries_out("deaths")
        elif self._how in ("reply lost", "late") and call.startswith(LOOKS):
            self._tries_out(f"lost looks at {system}")
        elif self._how != "killed after":
            self._tries_out()
        if self._left != 0:
            return
        self.struck = call
        match self._how:
            case "killed before":
                raise Killed
            case "reply lost":
                self._faults(system).order("lose_reply", call, times=1)
            case "late":
                self._faults(system).order("late", call, seconds=LATE, times=1)
            case "refused":
                self._faults(system).order("refuse", call, times=1)

    def _after(self, _system: str, _call: str, _status: int | None, _milliseconds: float) -> None:
        if self._how != "killed after":
            return
        if self._left == 0 or self._tries_out("deaths"):
            self._left = -1
            raise Killed

    def let_everything_late_happen(self, clock: Traveller) -> None:
        """Half an hour for what is held back to begin, and another for the jobs that this starts."""
        for _ in range(2):
            clock.shift(timedelta(minutes=30))
            self.world.cloudstack.held_back.let_go()
            self.world.netris.held_back.let_go()
            self.world.cloudstack.run_due_jobs()

    def _faults(self, system: str) -> Any:
        return (self.world.cloudstack if system == "cloudstack" else self.world.netris).faults

    def clouds_of(self, zone: Zone) -> Clouds:
        """The zone's clients, opened once as in a worker."""
        if zone.pk not in self._open:
            self._open[zone.pk] = self._connect(zone)
        return self._open[zone.pk]

    def _connect(self, zone: Zone) -> Clouds:
        ours = hooks_for(zone)

        def before(system: str, call: str) -> None:
            self._before(system, call)
            ours.before(system, call)

        def after(system: str, call: str, status: int | None, milliseconds: float) -> None:
            ours.after(system, call, status, milliseconds)
            self._after(system, call, status, milliseconds)

        hooks = Hooks(before=before, after=after)
        return connect(zone, hooks, transports=(self.world.cloudstack_transport(), self.world.netris_transport()))


class Twice(Part[Any]):
    """Ensures or removes, and when that is done, does it all over again with an empty memo."""

    def __init__(self, inner: Part[Any]) -> None:
        self.inner = inner
        self.title, self.undo_title = inner.title, inner.undo_title
        self.systems, self.deadline = inner.systems, inner.deadline

    def ensure(self, subject: Any, clouds: Clouds, memo: Memo) -> Progress:
        return self._twice(self.inner.ensure, subject, clouds, memo)

    def remove(self, subject: Any, clouds: Clouds, memo: Memo) -> Progress:
        return self._twice(self.inner.remove, subject, clouds, memo)

    def _twice(self, act: Callable[..., Progress], subject: Any, clouds: Clouds, memo: Memo) -> Progress:
        progress = act(subject, clouds, memo)
        if not isinstance(progress, Done):
            return progress
        for name, value in progress.facts.items():
            setattr(subject, name, value)
        again = act(subject, clouds, replace(memo, values={}))
        assert isinstance(again, Done), f"{self.title}: done, and the second time {again.__dict__}"
        return again


@contextmanager
def every_part_twice(kind: str) -> Iterator[None]:
    recipe = parts.recipe_of(kind)

    def doubled(resource: Any) -> list[BoundPart]:
        return [replace(bound, part=Twice(bound.part)) for bound in recipe.parts(resource)]

    def doubled_changes(resource: Any, wanted: Any) -> list[BoundPart]:
        assert recipe.changes is not None, "it is called where there are changes"
        return [replace(bound, part=Twice(bound.part)) for bound in recipe.changes(resource, wanted)]

    parts._recipes[kind] = replace(recipe, parts=doubled, changes=recipe.changes and doubled_changes)
    try:
        yield
    finally:
        parts._recipes[kind] = recipe
