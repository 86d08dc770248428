"""A migrated database that is made once per run and copied whenever a test process or a stack needs one of its own.

In a server of a stack's own it is written anew out of its dump, which takes a second, and migrating fifteen."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from portal.settings import ENV
from tests.processes import ROOT

NAME = "weft_migrated"
HALF_MADE = f"{NAME}_partial"
#: Of the advisory lock behind which one of the test processes makes it, and the others wait.
LOCK = 7_301_955


def url_of(name: str) -> str:
    """A database of that name beside the one that the environment gives."""
    return urlsplit(ENV.database_url.get_secret_value())._replace(path=f"/{name}").geturl()


def connected() -> psycopg.Connection:
    return psycopg.connect(ENV.database_url.get_secret_value(), autocommit=True)


def template() -> str:
    """The name of the migrated database."""
    with connected() as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
            server.execute(f"DROP DATABASE IF EXISTS {HALF_MADE}")
            server.execute(f"CREATE DATABASE {HALF_MADE}")
            migrate(url_of(HALF_MADE))
            server.execute(f"ALTER DATABASE {HALF_MADE} RENAME TO {NAME}")
    return NAME


def migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)


@contextmanager
def copy() -> Iterator[str]:
    """The URL of a database that is there for as long as it is needed."""
    name = f"weft_copy_{secrets.token_hex(8)}"
    with connected() as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template()}")
    try:
        yield url_of(name)
    finally:
        drop(name)


def fill(programs: Path, url: str) -> None:
    """Bring the migrated database into an empty one of another server, with the PostgreSQL of `programs`."""
    dump = subprocess.run([programs / "pg_dump", url_of(template())], check=True, stdout=subprocess.PIPE).stdout
    load = [programs / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url]
    subprocess.run(load, check=True, input=dump, stdout=subprocess.DEVNULL)


def drop(name: str) -> None:
    """Whoever is still connected to it."""
    with connected() as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
