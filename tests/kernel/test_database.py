"""Sessions beside Django's are what `DATABASE_URL` asks for, too."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection

from apps.health import looks
from apps.kernel.database import connect_aside
from portal import startup
from portal.settings import VANISHED, _database

NO_TLS, SAY_YOUR_PASSWORD = b"N", b"R" + struct.pack("!ii", 8, 3)


@pytest.fixture
def heard() -> Iterator[tuple[int, bytearray]]:
    """The port of somebody who is not the database, has no TLS, and asks for the password. All that it is told."""
    told = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            caller, _ = listener.accept()
            with caller, contextlib.suppress(OSError):
                caller.settimeout(5)
                caller.recv(8)
                caller.sendall(NO_TLS)
                for answer in (SAY_YOUR_PASSWORD, b""):
                    told.extend(caller.recv(1000))
                    caller.sendall(answer)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield listener.getsockname()[1], told
        thread.join(5)


@pytest.mark.parametrize("look", [looks._database, startup._database])
def test_no_look_at_the_database_tells_the_password_to_whom_tls_would_have_found_out(
    look: Callable[[], object], heard: tuple[int, bytearray], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, told = heard
    theirs = {"HOST": "127.0.0.1", "PORT": port, "PASSWORD": "a secret", "OPTIONS": {"sslmode": "require"}}
    for name, value in theirs.items():
        monkeypatch.setitem(connection.settings_dict, name, value)

    with contextlib.suppress(psycopg.OperationalError):
        look()

    assert told == b""


@pytest.mark.django_db
def test_a_session_aside_has_the_settings_of_the_url_and_those_of_whoever_opens_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"options": "-c search_path=elsewhere", "application_name": "weft"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    with connect_aside(seconds=2, options="-c statement_timeout=500") as own:
        said = [
            own.execute(f"SHOW {name}").fetchone() for name in ("search_path", "statement_timeout", "application_name")
        ]

    assert said == [("elsewhere",), ("500ms",), ("weft",)]


def test_a_database_whose_machine_vanishes_is_found_out_within_a_minute_unless_the_url_says_otherwise() -> None:
    found = _database("postgresql://weft@db.example.net/weft?keepalives_idle=90&sslmode=verify-full")["OPTIONS"]
    assert isinstance(found, dict)
    assert {name: value for name, value in found.items() if name != "pool"} == {
        **VANISHED, "keepalives_idle": "90", "sslmode": "verify-full",
    }  # fmt: skip
    unanswered = VANISHED["keepalives_idle"] + VANISHED["keepalives_count"] * VANISHED["keepalives_interval"]
    assert unanswered <= 60 and VANISHED["tcp_user_timeout"] <= 60_000
    said = connection.get_connection_params()  # and libpq knows each of these names
    with connect_aside(seconds=3) as aside:
        known = aside.info.get_parameters()
    assert {name: str(said[name]) for name in VANISHED if name != "connect_timeout"}.items() <= known.items()
