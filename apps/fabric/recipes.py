"""What recipes share that write Netris' inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction

from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.operations.parts import Done, Memo, Part, Progress, Wait
from apps.operations.state import AT_REST, Phase
from apps.zones.clouds import Clouds
from apps.zones.models import System

T = TypeVar("T", bound=models.Model)


def read_again(*lists: Kind) -> Callable[[Any, str, str], None]:
    """How a recipe settles whose subject is not told by our rows: the inventory tells how it is, and is read again at
    once, however it has ended."""

    def settle(subject: Any, _goal: str, phase: str) -> None:
        if phase in AT_REST or phase == Phase.STUCK:
            transaction.on_commit(lambda: request_refresh(subject.zone, *lists))

    return settle


class Changed(Part[T]):
    """One update, which takes all or nothing. `ensure` brings a thing to what is wanted, `remove` to what it was."""

    title = "Change it in Netris"
    undo_title = "Put it back in Netris"
    systems = (System.NETRIS,)
    at_work: ClassVar[str] = "Netris is at work on it."
    #: While something that was sent before may still take effect.
    arriving: ClassVar[str] = at_work

    def __init__(self, wanted: Mapping[str, Any], was: Mapping[str, Any]) -> None:
        """`was` tells at least what is wanted otherwise."""
        self.wanted = dict(wanted)
        self.was = {name: was[name] for name in wanted}

    def ensure(self, subject: T, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.wanted)

    def remove(self, subject: T, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.was)

    def _bring(self, subject: T, clouds: Clouds, memo: Memo, target: Mapping[str, Any]) -> Progress:
        if memo.is_cleared_to_send:
            self.write(subject, clouds, target)
            return Wait(self.at_work, **memo.answered())
        if not self.differs(subject, clouds, target):
            return Wait(self.arriving, **memo.values) if memo.may_still_arrive() else Done()
        return memo.before_sending(self.at_work)

    def differs(self, subject: T, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        """Raises `Rejected` when it is gone."""
        raise NotImplementedError

    def write(self, subject: T, clouds: Clouds, target: Mapping[str, Any]) -> None:
        raise NotImplementedError
