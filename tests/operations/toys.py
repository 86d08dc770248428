"""A recipe of scripted parts, for tests of the engine alone. Each part keeps one thing in a remote that never fails by
itself, and answers as the test told it to."""

from __future__ import annotations

from collections import deque
from typing import Any

from apps.accounts.models import Account
from apps.accounts.recipes import settle_account
from apps.operations import parts
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress, Recipe

KIND = "toy"


class Toy(Part[Account]):
    systems = ()

    def __init__(self, name: str, remote: list[str]) -> None:
        self.title = f"Make {name}"
        self.undo_title = f"Remove {name}"
        self.name = name
        self.remote = remote
        #: What to answer instead of acting: exceptions are raised, progress is returned, callables are called.
        self.script: deque[Any] = deque()
        self.memos: list[dict[str, Any]] = []

    def _answer(self, memo: Memo) -> Progress | None:
        self.memos.append(dict(memo.values))
        if not self.script:
            return None
        entry = self.script.popleft()
        if isinstance(entry, Exception):
            raise entry
        return entry(memo) if callable(entry) else entry

    def ensure(self, subject: Account, clouds: Any, memo: Memo) -> Progress:
        if (scripted := self._answer(memo)) is not None:
            return scripted
        if self.name not in self.remote:
            self.remote.append(self.name)
        return Done()

    def remove(self, subject: Account, clouds: Any, memo: Memo) -> Progress:
        if (scripted := self._answer(memo)) is not None:
            return scripted
        if self.name in self.remote:
            self.remote.remove(self.name)
        return Done()


class ToyBox:
    """Three parts over one remote."""

    def __init__(self, *, unwinds: bool = True) -> None:
        self.remote: list[str] = []
        self.parts = [Toy(name, self.remote) for name in ("one", "two", "three")]
        self.recipe = Recipe(
            KIND,
            Account,
            lambda account: [BoundPart(part, account) for part in self.parts],
            settle_account,
            unwinds=unwinds,
            changes=lambda account, wanted: [BoundPart(part, account) for part in self.parts],
            titles={"present": "Make toys", "absent": "Remove toys", "changed": "Change toys"},
        )
        parts._recipes[KIND] = self.recipe

    def __getitem__(self, index: int) -> Toy:
        return self.parts[index]
