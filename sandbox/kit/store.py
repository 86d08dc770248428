"""One store for everything an emulated service remembers: named tables of JSON rows, optionally kept in a file.

A row is a plain dict. `table.put(row)` is the only way to write, and writes through to SQLite at once, so a killed
process forgets nothing; without a path the store lives in memory. The store's lock is held by whoever serves a request.

A file is only read by the version that wrote it: raise `SCHEMA` with every change of the tables or their rows' fields.

A table may be told to `index` some of its fields, or several together. `find`, `where`, `by` and `count_by` then look
rows up instead of walking over all of them. Change an indexed field through `change` or follow it with `put`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Key = int | str
Field = str | tuple[str, ...]  # `by(("networkid", "ipaddress"), (network, address))`

SCHEMA = 8

_ABSENT = object()
_BATCH = 10_000


class OtherSchemaError(Exception):
    """The file is no store of this version."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was not written by this version of the sandbox: delete {path.parent} to start anew")


class Table:
    """Rows by key, in order of insertion. Keys come from the `id` field, or from `next_id` (1, 2, 3 ...)."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self.rows: dict[Key, Row] = {}
        self._indexes: dict[Field, dict[Any, dict[Key, Row]]] = {}
        self._filed: dict[Key, dict[Field, Any]] = {}  # the values under which a row stands in the indexes

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self.rows.values()))

    def __len__(self) -> int:
        return len(self.rows)

    def index(self, *fields: Field) -> Table:
        for field in fields:
            self._indexes.setdefault(field, {})
        for row in self.rows.values():
            self._file(row)
        return self

    def get(self, key: Key | None) -> Row | None:
        return None if key is None else self.rows.get(key)

    def by(self, field: Field, value: Any) -> list[Row]:
        """The rows of one value of an indexed field, oldest first."""
        return list(self._indexes[field].get(value, {}).values())

    def count_by(self, field: Field, value: Any) -> int:
        return len(self._indexes[field].get(value, ()))

    def find(self, **fields: Any) -> Row | None:
        """The first row whose fields equal all of these."""
        return next(self.where(**fields), None)

    def where(self, **fields: Any) -> Iterator[Row]:
        wanted = fields.items()
        indexed = next((name for name in fields if name in self._indexes), None)
        rows = list(self.rows.values()) if indexed is None else self.by(indexed, fields[indexed])
        return (row for row in rows if all(row.get(name) == value for name, value in wanted))

    def put(self, row: Row) -> Row:
        self.rows[row["id"]] = row
        if self._indexes:
            self._file(row)
        self._store.write(self.name, row["id"], row)
        return row

    def change(self, row: Row, **fields: Any) -> Row:
        row.update(fields)
        return self.put(row)

    def drop(self, key: Key) -> Row | None:
        row = self.rows.pop(key, None)
        if row is not None:
            for field, value in self._filed.pop(key, {}).items():
                self._unfile(field, value, key)
            self._store.write(self.name, key, None)
        return row

    def next_id(self) -> int:
        """The table's own sequence. It never hands out a number twice, even after rows are dropped or a restart."""
        return self._store.count(f"sequence:{self.name}")

    def _file(self, row: Row) -> None:
        key = row["id"]
        filed = self._filed.setdefault(key, {})
        for field, buckets in self._indexes.items():
            value, before = _value(row, field), filed.get(field, _ABSENT)
            if before is not _ABSENT and before == value and buckets[value].get(key) is row:
                continue
            if before is not _ABSENT and before != value:
                self._unfile(field, before, key)
            buckets.setdefault(value, {})[key] = row
            filed[field] = value

    def _unfile(self, field: Field, value: Any, key: Key) -> None:
        bucket = self._indexes[field][value]
        bucket.pop(key, None)
        if not bucket:
            del self._indexes[field][value]


def _decoded(texts: Iterable[str]) -> Any:
    """Decoded together, rows have the names of their fields in common."""
    return json.loads(f"[{','.join(texts)}]")


def _value(row: Row, field: Field) -> Any:
    return row.get(field) if isinstance(field, str) else tuple(row.get(name) for name in field)


class Store:
    """All tables of one service: `store["vpc"]`. Small facts that are no table live in `store.facts`."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, Table] = {}
        self._db: sqlite3.Connection | None = None
        self._held: dict[tuple[str, Key], Row] | None = None  # what is in one go is written when it ends, once
        if path is not None:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            try:
                self._read()
            except sqlite3.DatabaseError as mistake:
                self.close()
                raise OtherSchemaError(path) from mistake
            if not self._is_current():
                self.close()
                raise OtherSchemaError(path)

    def _read(self) -> None:
        assert self._db is not None
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # survives a killed process; a lost machine loses a sandbox
        self._db.execute("CREATE TABLE IF NOT EXISTS row (tab TEXT, key TEXT, body TEXT, PRIMARY KEY (tab, key))")
        found = self._db.execute("SELECT tab, key, body FROM row ORDER BY rowid")
        while batch := found.fetchmany(_BATCH):
            tables, keys, bodies = zip(*batch, strict=True)
            for table, key, row in zip(tables, _decoded(keys), _decoded(bodies), strict=True):
                self[table].rows[key] = row

    def _is_current(self) -> bool:
        """A new file becomes one of this version."""
        if not any(self._tables.values()):
            self.facts.put({"id": "schema", "version": SCHEMA})
        return (self.facts.get("schema") or {}).get("version") == SCHEMA

    def __getitem__(self, name: str) -> Table:
        table = self._tables.get(name)
        if table is None:
            table = self._tables.setdefault(name, Table(self, name))
        return table

    @property
    def tables(self) -> list[Table]:
        return list(self._tables.values())

    @property
    def is_empty(self) -> bool:
        """Nothing but facts."""
        return not any(table for table in self.tables if table is not self.facts)

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
            self._write_held()
            self._db.execute("DELETE FROM row WHERE tab = ? AND key = ?", (table, json.dumps(key)))
        elif self._held is not None:
            self._held[table, key] = row
        else:
            self._upsert({(table, key): row})

    def _upsert(self, rows: dict[tuple[str, Key], Row]) -> None:
        assert self._db is not None
        self._db.executemany(
            "INSERT INTO row VALUES (?, ?, ?) ON CONFLICT (tab, key) DO UPDATE SET body = excluded.body",
            ((table, json.dumps(key), json.dumps(row)) for (table, key), row in rows.items()),
        )

    def _write_held(self) -> None:
        if self._held:
            self._upsert(self._held)
            self._held.clear()

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        """One transaction for many rows, instead of one for each. What fails leaves the file as it was."""
        if self._db is None:
            yield
            return
        self._db.execute("BEGIN")
        self._held = {}
        try:
            yield
            self._write_held()
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        finally:
            self._held = None
        self._db.execute("COMMIT")

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
