"""What every test would do anew, at a cost that is felt in thousands of them, and does only once or in a cheaper way.

What a test sees is the same: `install` changes how Django's tests clean up and load, and nothing of Weft.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

#: Filled by migrating, and written by nobody else.
KEPT = {"django_content_type", "auth_permission"}
#: Bytes of a table from which on new files are cheaper than deleting its rows and leaving their space behind.
LARGE = 1_000_000

Case: Any = TransactionTestCase
flush = Case._fixture_teardown
list_static_files = WhiteNoiseMiddleware.add_files_from_finders
static_files: dict[str, Any] = {}


def add_static_files(middleware: Any) -> None:
    """Each client loads the middleware, which would list all the files and open them."""
    if not static_files:
        list_static_files(middleware)
        static_files.update(middleware.files)
    middleware.files.update(static_files)


def empty_tables(case: TransactionTestCase) -> None:
    """Django truncates: each table and each index gets a new file, which takes longer than most tests do."""
    tables = {*connection.introspection.django_table_names(only_existing=True, include_views=False)} - KEPT
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relname = ANY(%s)", [[*tables]])
        is_large = cursor.fetchone()[0] > LARGE
        if not is_large:
            deletions = (f'DELETE FROM "{name}"' for name in tables)  # noqa: S608 - names out of the catalogue
            cursor.execute("; ".join(("SET CONSTRAINTS ALL DEFERRED", *deletions)))
    if is_large:
        flush(case)


@contextmanager
def kept() -> Iterator[None]:
    """What is written meanwhile is there for all tests of a module: each of them puts back its own writes alone."""
    block: Any = transaction.atomic()
    block._from_testcase = True  # a transaction that has to be the outermost is told so, as in each test
    with block:
        yield
        transaction.set_rollback(True)


def install() -> None:
    WhiteNoiseMiddleware.add_files_from_finders = add_static_files
    Case._fixture_teardown = empty_tables
