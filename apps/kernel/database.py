"""A session of one's own beside Django's: for what may not wait for the pool, or for as long as Django would."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection

#: What Django adds for its own sessions; all else is `DATABASE_URL`'s, such as what it says about TLS.
DJANGOS = ("context", "cursor_factory", "prepare_threshold")


def connect_aside(*, seconds: int, options: str = "") -> psycopg.Connection[Any]:
    """Any thread may call it. `seconds` is how long to wait for the database, `options` are settings of the session."""
    parameters = connection.get_connection_params()
    said = {name: value for name, value in parameters.items() if name not in DJANGOS}
    both = f"{said.pop('options', '')} {options}".strip()
    return psycopg.connect(**(said | {"connect_timeout": seconds, "options": both, "autocommit": True}))
