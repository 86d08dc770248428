from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apps.kernel.remote import Hooks, Unauthorized, Unavailable
from tests.netris.scripted import PASSWORD, Scripted


def test_the_first_request_logs_in_and_the_next_ones_do_not():
    controller = Scripted()
    client = controller.client()

    client.vpcs()
    client.vpcs()

    assert controller.calls == ["POST /api/auth", "GET /api/v2/vpc", "GET /api/v2/vpc"]


def test_a_dead_session_is_renewed_once_and_the_request_repeated():
    controller = Scripted()
    client = controller.client()
    client.vpcs()
    controller.sessions.clear()

    client.vpcs()

    assert controller.calls[2:] == ["GET /api/v2/vpc", "POST /api/auth", "GET /api/v2/vpc"]
    assert controller.requests[-1].headers.get_list("Cookie") == ["connect.sid=s%3A2"]


def test_a_fresh_session_that_is_not_accepted_is_the_end_of_it():
    controller = Scripted(login=httpx.Response(200, headers=[("Set-Cookie", "connect.sid=stale; HttpOnly")]))

    with pytest.raises(Unauthorized, match="just opened"):
        controller.client().vpcs()

    assert controller.calls == ["POST /api/auth", "GET /api/v2/vpc"]


def test_403_is_no_reason_to_log_in_again():
    controller = Scripted(httpx.Response(403, json={"message": "Must have required property 'tenant'"}))

    with pytest.raises(Exception, match="required property"):
        controller.client().vpcs()

    assert controller.logins == 1


@pytest.mark.parametrize("threads", [10])
def test_threads_that_need_a_session_together_log_in_once(threads):
    controller = Scripted()
    client = controller.client()
    start = threading.Barrier(threads)

    def read(_):
        start.wait()
        return client.vpcs()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, range(threads)))
        assert controller.logins == 1

        controller.sessions.clear()
        list(pool.map(read, range(threads)))
        assert controller.logins == 2


def test_threads_that_are_refused_together_ask_once():
    """A wrong password must not lock the account by sheer number of workers."""
    threads = 10
    start = threading.Barrier(threads)
    tried = threading.Event()
    controller = Scripted(login=httpx.Response(401, json={"message": "Authentication failed"}))

    def before(_system, call):
        if call == "POST /api/auth":
            tried.wait(1)  # the other threads have arrived by then

    client = controller.client(Hooks(before=before))

    def read(_):
        start.wait()
        with pytest.raises(Unauthorized, match="refused the login"):
            client.vpcs()

    with ThreadPoolExecutor(threads) as pool:
        waiting = pool.map(read, range(threads))
        threading.Timer(0.2, tried.set).start()
        list(waiting)

    assert controller.logins == 1


def test_a_refused_login_is_tried_again_by_the_next_request():
    controller = Scripted(login=httpx.Response(401))
    client = controller.client()
    with pytest.raises(Unauthorized):
        client.vpcs()
    controller.login = None

    assert client.vpcs() == []


@pytest.mark.parametrize(
    "login", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(500)]
)
def test_a_login_that_breaks_off_does_not_block_the_others(login):
    controller = Scripted(login=login)
    client = controller.client()
    with pytest.raises(Unavailable) as caught:
        client.vpcs()
    assert not isinstance(caught.value, Unauthorized)
    controller.login = None

    assert client.vpcs() == []


def test_a_login_without_a_cookie_is_a_refused_one():
    with pytest.raises(Unauthorized):
        Scripted(login=httpx.Response(200, json={})).client().vpcs()


def test_every_cookie_of_the_login_is_sent_along():
    cookies = [("Set-Cookie", "lb=node2; Path=/"), ("Set-Cookie", "connect.sid=abc; HttpOnly")]
    controller = Scripted(login=httpx.Response(200, headers=cookies))
    controller.sessions = {"lb=node2; connect.sid=abc"}

    assert controller.client().vpcs() == []


def test_a_login_has_the_timeouts_of_its_request():
    controller = Scripted()

    controller.client().sites()

    assert [request.extensions["timeout"]["connect"] for request in controller.requests] == [5.0, 5.0]
    assert [request.extensions["timeout"]["read"] for request in controller.requests] == [30.0, 30.0]


def test_hooks_see_the_login_too():
    seen = []

    Scripted().client(Hooks(after=lambda system, call, status, _: seen.append((system, call, status)))).get_vpc(5)

    assert seen == [("netris", "POST /api/auth", 200), ("netris", "GET /api/v2/vpc/{id}", 200)]


def test_neither_password_nor_cookie_shows(caplog):
    caplog.set_level(logging.DEBUG)
    controller = Scripted(httpx.Response(500))
    client = controller.client()

    with pytest.raises(Unavailable) as caught:
        client.vpcs()

    told = caplog.text + repr(caught.value) + str(vars(caught.value)) + repr(client) + repr(vars(client))
    assert PASSWORD not in told
    assert "connect.sid" not in told
    lines = [record.getMessage() for record in caplog.records if record.name == "weft.remote"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "netris POST /api/auth '' 200",
        "netris GET /api/v2/vpc '' 500",
    ]
