"""What a browser gets beside the words of a page: files that it may keep for good, and all of it compressed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.tenancy.models import Tenant, User
from tests import builders
from tests.portal.conftest import (
    ROOT,
    Valkey,
    WebServer,
    database_url,
    session_of,
    start_web_server,
    stop_web_server,
)

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = "collectstatic --clear --noinput --verbosity 0"


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("static")
    env = {**os.environ, "WEFT_STATIC_ROOT": str(root), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    subprocess.run([sys.executable, "manage.py", *COMMAND.split()], cwd=ROOT, env=env, check=True)
    return root


@pytest.fixture(scope="module")
def server(
    collected: Path, valkey: Valkey, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    env = {"DATABASE_URL": database_url(), "REDIS_URL": valkey.url, "WEFT_STATIC_ROOT": str(collected)}
    started = start_web_server(tmp_path_factory.mktemp("web"), **env)
    yield started
    stop_web_server(started)


@pytest.fixture
def ann(server: WebServer, engineer: User) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, cookies=session_of(engineer)) as client:
        yield client


def files_of(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/static/[^"]+)"', page)


def test_every_file_of_a_page_has_its_digest_in_its_name_and_may_be_kept_for_good(ann: httpx.Client) -> None:
    files = {file for path in ("/login/", "/t/acme/", "/api/v1/docs/") for file in files_of(ann.get(path).text)}
    assert len(files) > 8
    for file in files:
        answer = ann.get(file)
        assert answer.status_code == 200, file
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", file), file
        assert "immutable" in answer.headers["Cache-Control"] and "public" in answer.headers["Cache-Control"], file
        assert int(re.findall(r"max-age=(\d+)", answer.headers["Cache-Control"])[0]) >= 365 * 86400, file


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_files_are_sent_compressed(ann: httpx.Client, encoding: str) -> None:
    for file in files_of(ann.get("/t/acme/").text):
        with ann.stream("GET", file, headers={"Accept-Encoding": encoding}) as answer:
            compressed = sum(map(len, answer.iter_raw()))
            assert answer.headers["Content-Encoding"] == encoding, file
            assert answer.headers["Vary"] == "Accept-Encoding", file
        assert compressed < 0.8 * len(ann.get(file).content), file


def test_the_documentation_of_the_api_is_small(ann: httpx.Client) -> None:
    wire = whole = 0
    calls = ann.get("/api/v1/docs/").text.count("data-method=")
    for path in ("/api/v1/docs/", *files_of(ann.get("/api/v1/docs/").text)):
        with ann.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200, path
            wire += sum(map(len, answer.iter_raw()))
        whole += len(ann.get(path).content)
    assert wire < 700 * calls
    assert whole < 7_000 * calls


def test_every_file_that_a_template_names_is_there(collected: Path) -> None:
    known = json.loads((collected / "staticfiles.json").read_text())["paths"]
    named = {
        name
        for template in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"{% static ['\"]([^'\"]+)['\"]", template.read_text())
    }
    assert named and named <= set(known)


def test_a_page_is_compressed_unless_something_of_the_request_comes_back_in_it(ann: httpx.Client, acme: Tenant) -> None:
    builders.a_vpc(acme, builders.a_zone(), "prod")
    gzip = {"Accept-Encoding": "gzip"}

    for path in ("/t/acme/", "/t/acme/vpcs/", "/api/v1/docs/", "/api/v1/schema/"):
        answer = ann.get(path, headers=gzip)
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, "gzip"), path
        assert "Accept-Encoding" in answer.headers["Vary"], path
    token = ann.get("/t/acme/vpcs/new/").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    reflecting = (
        ann.get("/t/acme/vpcs/?q=guess", headers=gzip),
        ann.get("/t/acme/guess/", headers=gzip),
        ann.post("/t/acme/vpcs/new/", data={"name": "guess", "csrfmiddlewaretoken": token}, headers=gzip),
    )
    assert [answer.status_code for answer in reflecting] == [200, 404, 422]
    for answer in reflecting:
        assert "Content-Encoding" not in answer.headers, answer.url


def test_the_token_of_a_form_differs_from_answer_to_answer(ann: httpx.Client) -> None:
    """Compressed beside anything, it cannot be guessed letter by letter."""
    tokens = {
        token for _ in range(3) for token in re.findall(r'X-CSRFToken&?\w*;?"?: ?"?(\w{64})', ann.get("/t/acme/").text)
    }
    assert len(tokens) == 3


def test_the_tag_of_an_object_stays_good_for_conditions(ann: httpx.Client, acme: Tenant) -> None:
    vpc = builders.a_vpc(acme, builders.a_zone(), "prod", description="long " * 30)
    token = {"Authorization": f"Bearer {builders.a_token(acme)}", "Accept-Encoding": "gzip"}
    seen = ann.get(f"/api/v1/vpcs/{vpc.pk}/", headers=token)
    assert seen.headers["ETag"].startswith('"')
