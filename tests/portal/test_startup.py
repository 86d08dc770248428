"""What web, worker and beat refuse to start with, each as a process of its own: a sentence, no traceback, not 0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from tests import builders
from tests.portal.conftest import Valkey, database_url
from tests.processes import ROOT, free_port

COMMANDS = {
    "web": ["-m", "uvicorn", "portal.asgi:application", "--port"],
    "worker": ["-m", "celery", "-A", "portal", "worker", "-P", "threads"],
    "beat": ["-m", "celery", "-A", "portal", "beat", "-s"],
}


def start(name: str, directory: Path, **env: str) -> subprocess.CompletedProcess[str]:
    last = {"web": [str(free_port())], "beat": [str(directory / "beat")]}.get(name, [])
    argv = [sys.executable, *COMMANDS[name], *last]
    return subprocess.run(argv, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=90)


def assert_refused(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert done.returncode not in (0, None)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


BROKEN = {
    "an empty key": ({"WEFT_SECRET_KEY": ""}, "WEFT_SECRET_KEY needs 32 characters and has 0: python3 -c"),
    "a short key": ({"WEFT_SECRET_KEY": "short"}, "WEFT_SECRET_KEY needs 32 characters and has 5"),
    "no seal key": ({"WEFT_SEAL_KEYS": " , "}, "WEFT_SEAL_KEYS is empty"),
    "half a seal key": (
        {"WEFT_SEAL_KEYS": f"{Fernet.generate_key().decode()},abc"}, "WEFT_SEAL_KEYS holds no Fernet key in place 2"
    ),
    "another database": ({"DATABASE_URL": "mysql://x@y/z"}, "DATABASE_URL must read postgresql://user"),
    "no name of a database": ({"DATABASE_URL": "postgresql://x@y/"}, "DATABASE_URL must read postgresql://user"),
    "no broker": ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must read redis://host:6379/0"),
    "a lease that is no number": ({"WEFT_LEASE_SECONDS": "long"}, "WEFT_LEASE_SECONDS"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("broken", ["an empty key", "half a seal key", "no broker", "another database"])
def test_nothing_starts_with_what_is_no_key_and_no_address(tmp_path: Path, name: str, broken: str) -> None:
    env, sentence = BROKEN[broken]
    assert_refused(start(name, tmp_path, **env), sentence)


@pytest.mark.parametrize("broken", BROKEN)
def test_every_wrong_variable_has_its_sentence(tmp_path: Path, broken: str) -> None:
    env, sentence = BROKEN[broken]
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=os.environ | env, capture_output=True, text=True
    )
    assert_refused(done, sentence)
    assert len(done.stderr.splitlines()) == 1


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "WEFT_SECRET_KEY")}
    env |= {"WEFT_SECRET_KEY_FILE": str(tmp_path / "gone")}
    argv = [sys.executable, "manage.py", "check"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    assert_refused(done, "DATABASE_URL is not set")
    assert f"{tmp_path / 'gone'} cannot be read (No such file or directory)" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.django_db(transaction=True)
def test_nothing_starts_with_keys_that_do_not_open_what_is_sealed(tmp_path: Path, name: str) -> None:
    builders.a_zone()
    done = start(name, tmp_path, DATABASE_URL=database_url(), WEFT_SEAL_KEYS=Fernet.generate_key().decode())
    assert_refused(done, "WEFT_SEAL_KEYS cannot open what is sealed in zones_zone.")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("django_db_setup")
def test_nothing_starts_with_the_name_of_a_database_that_is_not_there(tmp_path: Path, name: str) -> None:
    url = urlsplit(database_url())._replace(path="/nowhere").geturl()
    done = start(name, tmp_path, DATABASE_URL=url)
    assert_refused(done, 'The database refuses what DATABASE_URL names (database "nowhere" does not exist)')


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_starts_with_a_broker_that_refuses_it(tmp_path: Path, name: str, valkey: Valkey) -> None:
    done = start(name, tmp_path, REDIS_URL=valkey.url.replace("db=0", "db=4711"))
    assert_refused(done, "Redis refuses what REDIS_URL names (DB index is out of range)")
