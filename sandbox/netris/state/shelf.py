"""A table of the store with its rows as ready-made JSON, and with those that follow its changes.

All writes go through a shelf. Whatever is derived from rows (the address tree, the ledger of numbers) follows it, so a
restart, a handler and an order of the sandbox all leave the derived world in step with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any, Protocol

from sandbox.kit.clock import Clock
from sandbox.kit.store import Field, Row, Table
from sandbox.netris.wire import dumps

SPELLS_KEPT = 32


class Follower(Protocol):
    def put(self, row: Row) -> None: ...

    def drop(self, row: Row) -> None: ...


class Subset:
    """Keeps those rows at hand that answer to a question."""

    def __init__(self, belongs: Callable[[Row], bool]) -> None:
        self._belongs = belongs
        self.rows: dict[int, Row] = {}

    def put(self, row: Row) -> None:
        if self._belongs(row):
            self.rows[row["id"]] = row
        else:
            self.drop(row)

    def drop(self, row: Row) -> None:
        self.rows.pop(row["id"], None)


class Spells:
    """When rows were in a state, and since when they are: their own fields only tell whether they are.

    Kept in a table of its own, for a restart. A row that never was in the state has no entry.
    """

    def __init__(self, table: Table, clock: Clock, is_in_it: Callable[[Row], bool]) -> None:
        self._table = table
        self._clock = clock
        self._is_in_it = is_in_it

    def __len__(self) -> int:
        return len(self._table)

    @property
    def ids(self) -> list[int]:
        """Of the rows that are in the state now."""
        return [int(number) for number, entry in list(self._table.rows.items()) if entry["since"] is not None]

    def since(self, row: Row) -> float | None:
        entry = self._table.get(row["id"])
        return entry["since"] if entry else None

    def of(self, row: Row) -> list[tuple[float, float]]:
        """From when to when, the oldest first; one that lasts ends never."""
        entry = self._table.get(row["id"])
        if entry is None:
            return []
        lasting = [] if entry["since"] is None else [(entry["since"], inf)]
        return [(since, until) for since, until in entry["past"]] + lasting

    def covers(self, row: Row, at: float) -> bool:
        return any(since <= at < until for since, until in self.of(row))

    def put(self, row: Row) -> None:
        entry, is_in_it = self._table.get(row["id"]), self._is_in_it(row)
        since = entry["since"] if entry else None
        if is_in_it == (since is not None):
            return
        past = entry["past"] if entry else []
        if is_in_it:
            self._table.put({"id": row["id"], "since": self._clock.now(), "past": past})
        else:
            past = [*past, [since, self._clock.now()]][-SPELLS_KEPT:]
            self._table.put({"id": row["id"], "since": None, "past": past})

    def drop(self, row: Row) -> None:
        self._table.drop(row["id"])


class Cables:
    """Which cable is in a port. Every list of devices or ports asks for each of them."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self._ends: dict[int, tuple[int, int]] = {}

    def put(self, row: Row) -> None:
        ends = row["local"], row["remote"]
        if self._ends.get(row["id"]) != ends:
            self.drop(row)
        self._ends[row["id"]] = ends
        for port in ends:
            self.rows[port] = row

    def drop(self, row: Row) -> None:
        for port in self._ends.pop(row["id"], ()):
            if self.rows.get(port, {}).get("id") == row["id"]:
                del self.rows[port]


class Shelf:
    """`fields` are the fields that rows are found by: `shelf.by("vpc", 5)`."""

    def __init__(self, table: Table, *fields: Field, follow: tuple[Follower, ...] = ()) -> None:
        self.table = table.index(*fields)
        self._follow = follow
        self._json: dict[Any, str] = {}
        for row in table:
            for follower in follow:
                follower.put(row)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)

    def get(self, key: int | None) -> Row | None:
        return self.table.get(key)

    def by(self, field: str, value: Any) -> list[Row]:
        return self.table.by(field, value)

    def one(self, field: str, value: Any) -> Row | None:
        return next(iter(self.table.by(field, value)), None)

    def add(self, **fields: Any) -> Row:
        return self.put({"id": self.table.next_id(), **fields})

    def put(self, row: Row) -> Row:
        self.table.put(row)
        self._json.pop(row["id"], None)
        for follower in self._follow:
            follower.put(row)
        return row

    def change(self, row: Row, **fields: Any) -> Row:
        row.update(fields)
        return self.put(row)

    def drop(self, key: int) -> Row | None:
        row = self.table.drop(key)
        if row is not None:
            self._json.pop(key, None)
            for follower in self._follow:
                follower.drop(row)
        return row

    def json(self, row: Row, render: Callable[[Row], Any]) -> str:
        """The row as JSON, rendered once and kept until the row (or a name it shows) changes."""
        text = self._json.get(row["id"])
        if text is None:
            text = self._json[row["id"]] = dumps(render(row))
        return text

    def render_again(self, rows: Iterable[Row] | None = None) -> None:
        """Some rows, or all of them."""
        if rows is None:
            self._json.clear()
            return
        for row in rows:
            self._json.pop(row["id"], None)
