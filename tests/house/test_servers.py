from pathlib import Path

import psycopg
import pytest
import redis

from house.checkout import Trouble
from house.processes import Process
from house.services import Postgres, Valkey


@pytest.fixture
def postgres(directory):
    server = Postgres(directory / "postgresql")
    yield server
    server.stop()


def execute(server, statement):
    with psycopg.connect(server.url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_postgresql_starts_without_a_port(postgres):
    postgres.start()

    assert execute(postgres, "SHOW listen_addresses") == [("",)]
    assert execute(postgres, "SHOW max_connections") == [("200",)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_survives_a_restart(postgres, mode):
    postgres.start()
    execute(postgres, "CREATE TABLE kept AS SELECT 1 AS value")
    postgres.restart(mode)

    assert execute(postgres, "SELECT value FROM kept") == [(1,)]


def test_a_half_made_cluster_is_made_again(postgres):
    partial = postgres.guise.home / "pgdata.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    postgres.start()

    assert execute(postgres, "SELECT current_database()") == [("portal",)]


def test_the_pid_file_of_a_crash_does_not_keep_it_from_starting(postgres):
    postgres.start()
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text("1\n" * 8)
    postgres.start()

    assert execute(postgres, "SELECT 1") == [(1,)]


def test_a_long_path_gets_its_sockets_elsewhere(directory):
    deep = directory / ("deep-" * 20)
    server = Valkey(deep)
    server.start()
    try:
        assert len(str(server.socket)) < 100
        assert redis.Redis.from_url(server.url).ping()
    finally:
        server.stop()


def test_valkey_forgets_over_a_restart(directory):
    server = Valkey(directory / "valkey")
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("doorbell", "rung")
        server.restart()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("doorbell") is None
    finally:
        server.stop()


def test_a_server_that_cannot_start_says_where_its_log_is(directory):
    process = Process("web", ["sh", "-c", "echo no such table; exit 3"], log=directory / "web.log", ready=lambda: False)

    with pytest.raises(Trouble, match=r"(?s)web ended \(status 3\).*web\.log.*no such table"):
        process.start()


def test_the_logs_are_private(directory):
    process = Process("migrate", ["true"], log=directory / "log" / "migrate.log")
    process.spawn()
    process.finish()

    assert Path(directory, "log", "migrate.log").stat().st_mode & 0o077 == 0
    assert Path(directory, "log").stat().st_mode & 0o077 == 0
