"""One store for everything an emulated service remembers: named tables of JSON rows, optionally kept in a file.

A row is a plain dict. `table.put(row)` is the only way to write, and writes through to SQLite at once, so a killed
process forgets nothing; without a path the store lives in memory. The store's lock is held by whoever serves a request.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Key = int | str


class Table:
    """Rows by key, in order of insertion. Keys come from the `id` field, or from `next_id` (1, 2, 3 ...)."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self.rows: dict[Key, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self.rows.values()))

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, key: Key | None) -> Row | None:
        return None if key is None else self.rows.get(key)

    def find(self, **fields: Any) -> Row | None:
        """The first row whose fields equal all of these."""
        return next(self.where(**fields), None)

    def where(self, **fields: Any) -> Iterator[Row]:
        wanted = fields.items()
        return (row for row in list(self.rows.values()) if all(row.get(name) == value for name, value in wanted))

    def put(self, row: Row) -> Row:
        self.rows[row["id"]] = row
        self._store.write(self.name, row["id"], row)
        return row

    def change(self, row: Row, **fields: Any) -> Row:
        row.update(fields)
        return self.put(row)

    def drop(self, key: Key) -> Row | None:
        row = self.rows.pop(key, None)
        if row is not None:
            self._store.write(self.name, key, None)
        return row

    def next_id(self) -> int:
        """The table's own sequence. It never hands out a number twice, even after rows are dropped or a restart."""
        return self._store.count(f"sequence:{self.name}")


class Store:
    """All tables of one service: `store["vpc"]`. Small facts that are no table live in `store.facts`."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, Table] = {}
        self._db: sqlite3.Connection | None = None
        if path is not None:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")  # survives a killed process; a lost machine loses a sandbox
            self._db.execute("CREATE TABLE IF NOT EXISTS row (tab TEXT, key TEXT, body TEXT, PRIMARY KEY (tab, key))")
            for name, key, body in self._db.execute("SELECT tab, key, body FROM row ORDER BY rowid"):
                self[name].rows[json.loads(key)] = json.loads(body)

    def __getitem__(self, name: str) -> Table:
        table = self._tables.get(name)
        if table is None:
            table = self._tables.setdefault(name, Table(self, name))
        return table

    @property
    def is_empty(self) -> bool:
        return not any(self._tables.values())

    @property
    def facts(self) -> Table:
        return self["fact"]

    def count(self, name: str) -> int:
        """Add one to a named counter and return it."""
        row = self.facts.get(name) or {"id": name, "value": 0}
        return int(self.facts.change(row, value=row["value"] + 1)["value"])

    def write(self, table: str, key: Key, row: Row | None) -> None:
        if self._db is None:
            return
        if row is None:
            self._db.execute("DELETE FROM row WHERE tab = ? AND key = ?", (table, json.dumps(key)))
        else:
            self._db.execute(
                "INSERT INTO row VALUES (?, ?, ?) ON CONFLICT (tab, key) DO UPDATE SET body = excluded.body",
                (table, json.dumps(key), json.dumps(row)),
            )

    def clear(self) -> None:
        self._tables.clear()
        if self._db is not None:
            self._db.execute("DELETE FROM row")

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
