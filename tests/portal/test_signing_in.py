"""Many who sign in at once, at a real web server that hashes passwords in earnest."""

from __future__ import annotations

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from apps.tenancy.models import Tenant, User
from tests import builders
from tests.portal.conftest import WebServer, session_of

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 60


def try_to_sign_in(web: WebServer, name: str, source: str) -> tuple[int, float]:
    with httpx.Client(base_url=web.url, timeout=120, headers={"X-Forwarded-For": source}) as client:
        form = client.get("/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token
        started = time.monotonic()
        fields = {"username": name, "password": "guess", "csrfmiddlewaretoken": token[1]}
        return client.post("/login/", data=fields).status_code, time.monotonic() - started


def time_of_a_page(web: WebServer, cookies: dict[str, str]) -> float:
    started = time.monotonic()
    assert httpx.get(f"{web.url}/t/globex/", cookies=cookies, timeout=120).status_code == 200
    return time.monotonic() - started


@pytest.fixture
def ann(acme: Tenant) -> User:
    """With a password that is hashed as in production, where other tests have a cheap one."""
    user = builders.a_member(acme, username="ann")
    user.password = PBKDF2PasswordHasher().encode(builders.PASSWORD, "salt")
    user.save()
    return user


def test_a_crowd_at_the_door_does_not_keep_others_from_their_pages(web: WebServer, ann: User, stranger: User) -> None:
    cookies = session_of(stranger)
    alone = min(time_of_a_page(web, cookies) for _ in range(3))

    with ThreadPoolExecutor(CROWD) as crowd:
        tries = [crowd.submit(try_to_sign_in, web, "ann", f"203.0.113.{number}") for number in range(CROWD)]
        time.sleep(0.3)
        pages = []
        while not all(one.done() for one in tries):
            pages.append(time_of_a_page(web, cookies))
        statuses = Counter(one.result()[0] for one in tries)

    assert pages
    assert set(statuses) <= {200, 429, 503}
    # Hashed all at once, sixty take some twenty processor seconds, and the page takes as long.
    assert sorted(pages)[len(pages) // 2] < alone + 1
    assert max(pages) < alone + 4


def test_sixty_tries_at_once_are_no_more_than_sixty_in_a_row(web: WebServer, ann: User) -> None:
    with ThreadPoolExecutor(CROWD) as crowd:
        statuses = Counter(
            status for status, _ in crowd.map(lambda _: try_to_sign_in(web, "ann", "203.0.113.200"), range(CROWD))
        )

    assert statuses[200] <= 5
    assert statuses[200] + statuses[429] + statuses[503] == CROWD
    assert statuses[429] >= CROWD - 20


def test_the_proxy_on_this_machine_is_believed_about_who_asks(web: WebServer, ann: User) -> None:
    """As documented: uvicorn takes the last address in the header that no trusted proxy has."""
    in_a_row = [try_to_sign_in(web, "ann", f"192.0.2.{number}, 203.0.113.77")[0] for number in range(6)]
    assert in_a_row == [200] * 5 + [429]
    assert try_to_sign_in(web, "ann", "203.0.113.78")[0] == 200
