"""Guessing is slow, and nobody is kept out by who guesses."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from apps.kernel import hashing
from apps.kernel.hashing import InTurns, TooManyAtOnce, Turns
from apps.tenancy import tries
from apps.tenancy.models import Tenant, Tries, User
from tests import builders
from tests.web.conftest import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "engineer")]

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.9"


class Counting(MD5PasswordHasher):
    """Counts how often a password is looked at."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        Counting.hashed += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def hashes(settings: Any, engineer: User) -> type[Counting]:
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.hashed = 0
    return Counting


def sign_in(client: Client, password: str, *, name: str = "ann", source: str = HERE, **more: str) -> HttpResponse:
    answer: Any = client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR=source, **more)
    return answer


def guess(times: int, *, name: str = "ann", source: str = HERE) -> list[int]:
    return [sign_in(Client(), "guess", name=name, source=source).status_code for _ in range(times)]


def is_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302


def test_of_sixty_tries_five_are_looked_at(hashes: type[Counting]) -> None:
    assert guess(60) == [200] * 5 + [429] * 55
    assert hashes.hashed == 5


def test_the_page_says_how_long_to_wait_and_then_one_try_is_free(clock: time_machine.Traveller) -> None:
    guess(5)
    answer = sign_in(Client(), builders.PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "120")
    assert "Too many tries have failed. Wait 2 minutes, then try again." in words(answer)
    clock.shift(timedelta(seconds=40))
    assert "Wait 80 seconds" in words(sign_in(Client(), builders.PASSWORD))

    clock.shift(timedelta(seconds=80))
    assert is_in(sign_in(Client(), builders.PASSWORD))
    assert guess(6) == [200] * 5 + [429]  # the right password has emptied the count


def test_however_the_name_is_spelt_it_is_one_account() -> None:
    assert [status for name in ("ann", "ANN", "\u0430nn", " ann") for status in guess(2, name=name)] == [200] * 5 + [
        429
    ] * 3


def test_nobody_is_kept_out_by_who_guesses_their_password_elsewhere() -> None:
    for number in range(30):
        guess(2, source=f"198.51.100.{number}")

    assert is_in(sign_in(Client(), builders.PASSWORD))  # a new browser, in a place that nobody has tried from


def test_an_account_that_many_try_leaves_each_new_address_one_try(clock: time_machine.Traveller) -> None:
    for number in range(4):
        assert guess(5, source=f"198.51.100.{number}") == [200] * 5
    assert guess(3, source="203.0.113.7") == [200, 429, 429]
    assert guess(3, source="203.0.113.8") == [200, 429, 429]

    assert guess(2, name="bob", source="203.0.113.8") == [200, 200]  # of others no less than before
    clock.shift(timedelta(hours=2))
    assert guess(6, source="203.0.113.9") == [200] * 5 + [429]


def test_a_browser_that_is_known_is_not_kept_out_by_its_own_neighbour(hashes: type[Counting]) -> None:
    known = Client()
    assert is_in(sign_in(known, builders.PASSWORD))
    known.post("/logout/")
    guess(40)  # from the same address
    for number in range(40):
        guess(1, name=f"somebody-{number}")
    assert not is_in(sign_in(Client(), builders.PASSWORD))

    assert is_in(sign_in(known, builders.PASSWORD))
    known.post("/logout/")
    assert [sign_in(known, "guess").status_code for _ in range(12)] == [200] * 10 + [429] * 2


def test_a_known_browser_is_known_for_its_own_account_alone(globex: Tenant) -> None:
    builders.a_member(globex, username="bob")
    known = Client()
    assert is_in(sign_in(known, builders.PASSWORD, name="bob"))
    known.post("/logout/")
    guess(5)

    assert sign_in(known, builders.PASSWORD).status_code == 429
    cookie = known.cookies[tries.COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    known.cookies[tries.COOKIE] = cookie.value.replace(cookie.value[:4], "0000")
    guess(5, name="bob")
    assert sign_in(known, builders.PASSWORD, name="bob").status_code == 429  # a forged one


def test_an_address_that_tries_name_after_name_is_stopped(clock: time_machine.Traveller) -> None:
    assert [guess(1, name=f"somebody-{number}")[0] for number in range(40)] == [200] * 30 + [429] * 10
    assert guess(1, source=ELSEWHERE) == [200]
    clock.shift(timedelta(seconds=20))
    assert guess(2) == [200, 429]


def test_who_signs_in_themselves_gets_no_more_guesses_by_that(globex: Tenant) -> None:
    builders.a_member(globex, username="bob")
    guess(5)
    assert is_in(sign_in(Client(), builders.PASSWORD, name="bob"))
    assert guess(1) == [429]


def test_names_that_do_not_exist_are_held_back_alike() -> None:
    assert guess(7, name="nobody") == guess(7)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        (HERE, HERE),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", HERE),
        ("", "unknown"),
        ("x" * 500, "unknown"),
    ],
)
def test_the_source_is_an_address_or_a_network(address: str, source: str) -> None:
    assert tries.source_of(RequestFactory().post("/login/", REMOTE_ADDR=address)) == source


def test_a_header_does_not_change_the_source() -> None:
    """Whom to believe is the web server's matter, which has then put the address where the connection's was."""
    statuses = [
        sign_in(Client(), "guess", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}").status_code for number in range(6)
    ]
    assert statuses == [200] * 5 + [429]


def test_a_flush_of_redis_forgets_no_try() -> None:
    guess(5)
    cache.clear()
    assert guess(1) == [429]


def test_what_is_full_no_longer_is_forgotten(clock: time_machine.Traveller) -> None:
    guess(30)
    clock.shift(timedelta(days=1))
    guess(1, name="bob", source=ELSEWHERE)
    assert Tries.objects.count() == 3


def test_no_name_and_no_address_is_kept() -> None:
    guess(1)
    assert not [row for row in Tries.objects.all() if HERE in row.pk or "ann" in row.pk]


def test_a_wrong_token_costs_one_question_and_no_hash(client: Client, hashes: type[Counting]) -> None:
    with CaptureQueriesContext(connection) as asked:
        answers = {
            client.get("/api/v1/vpcs/", headers={"Authorization": f"Bearer weft_{n}"}).status_code for n in range(60)
        }
    assert (answers, len(asked), hashes.hashed) == ({401}, 60, 0)


# --- hashing in turns -------------------------------------------------------------------------------------------------


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns(1, 2, patience=0.05)
    monkeypatch.setattr(hashing, "TURNS", turns)
    return turns


def test_when_too_many_sign_in_at_once_one_is_told_to_come_again(
    settings: Any, one_at_a_time: Turns, engineer: User
) -> None:
    settings.PASSWORD_HASHERS = ["apps.kernel.hashing.InTurns"]
    with one_at_a_time.turn():
        answers = [sign_in(Client(), "guess") for _ in range(8)]

    assert {answer.status_code for answer in answers} == {503}  # and none of them was counted
    assert answers[0].headers["Retry-After"] == "3"
    assert "Many people are signing in just now. Try again in 3 seconds." in words(answers[0])
    assert 'value="ann"' in answers[0].content.decode()


def test_hashes_are_made_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, at_once, most = Turns(2, 100, patience=30), 0, 0
    lock = threading.Lock()

    def one(_: int) -> None:
        nonlocal at_once, most
        with turns.turn():
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.005)
            with lock:
                at_once -= 1

    with ThreadPoolExecutor(20) as people:
        list(people.map(one, range(40)))
    assert most == 2


def test_nobody_waits_in_a_long_line() -> None:
    turns = Turns(1, 0, patience=60)
    with turns.turn(), pytest.raises(TooManyAtOnce), turns.turn():
        pass
    with turns.turn():  # all is as before
        pass


def test_passwords_are_hashed_as_django_does_it(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    user = User(username="eve")
    user.set_password(builders.PASSWORD)
    assert InTurns().verify(builders.PASSWORD, user.password)
    assert InTurns.iterations >= 1_000_000
