"""What the recipes of the inventory share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import transaction

from apps.inventory.bodies import explained
from apps.inventory.models import Thing
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.operations.parts import Done, Memo, Part, Progress, Wait
from apps.operations.state import Phase
from apps.zones.clouds import Clouds
from apps.zones.models import System

T = TypeVar("T", bound=Thing)

ARRIVING = "Making sure that nothing sent before is still on its way."
#: What is read again once something was written.
LISTS = (Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_PORT)
ENDED = (Phase.SUCCEEDED, Phase.STUCK, Phase.CANCELLED, Phase.ROLLED_BACK)


class OnNetris(Part[T]):
    systems = (System.NETRIS,)

    def explain(self, text: str) -> str:
        return explained(text)


class Changed(OnNetris[T]):
    """One update, which takes all or nothing. `ensure` brings it to what is wanted, `remove` to what it was."""

    title = "Change it in Netris"
    undo_title = "Put it back as it was in Netris"
    why = "Netris is changing it."

    def __init__(self, wanted: Mapping[str, Any], was: Mapping[str, Any]) -> None:
        self.wanted = dict(wanted)
        self.was = {name: was[name] for name in wanted}

    def ensure(self, subject: T, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.wanted)

    def remove(self, subject: T, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.was)

    def _bring(self, subject: T, clouds: Clouds, memo: Memo, target: Mapping[str, Any]) -> Progress:
        if memo.is_cleared_to_send:
            self.write(subject, clouds, target)
            return Wait(self.why, **memo.answered())
        if not self.differs(subject, clouds, target):
            return Wait(ARRIVING, **memo.values) if memo.may_still_arrive() else Done()
        return memo.before_sending(self.why)

    def differs(self, subject: T, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        """Raises `Rejected` when it is gone."""
        raise NotImplementedError

    def write(self, subject: T, clouds: Clouds, target: Mapping[str, Any]) -> None:
        raise NotImplementedError


def settle(subject: Thing, _goal: str, phase: str) -> None:
    """The inventory tells how it is; it is read again at once."""
    if phase in ENDED:
        transaction.on_commit(lambda: request_refresh(subject.zone, *LISTS))


def take(subject: Thing, wanted: Mapping[str, Any]) -> None:
    subject.values = subject.values | dict(wanted)
    subject.name = wanted.get("name", subject.name)
    subject.save(update_fields=["values", "name"])
