from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from apps.operations import doorbell
from apps.operations.models import Operation
from apps.tenancy.models import Membership, Role, Tenant, User
from portal import events
from tests import builders
from tests.portal.conftest import Valkey, WebServer, session_of, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def an_operation(tenant: Tenant) -> Operation:
    zone = builders.a_zone(f"zone-{uuid4().hex[:6]}")
    return Operation.unscoped.create(
        tenant=tenant,
        zone=zone,
        kind="vpc",
        goal="present",
        resource_type="vpc",
        resource_id=uuid4(),
        resource_name="prod",
        lock_key=str(uuid4()),
        requested_by="ann",
        size=1,
    )


class Stream:
    """An open stream; `next()` is its next event or comment."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> str:
        block: list[str] = []
        for line in self._lines:
            if line:
                block.append(line)
            elif block and not block[0].startswith("retry"):
                return block[0]
            else:
                block = []
        raise AssertionError("the stream has ended")


@contextlib.contextmanager
def stream(web: WebServer, path: str, user: User, *, seconds: float = 10) -> Iterator[Stream]:
    with (
        httpx.Client(timeout=seconds, cookies=session_of(user)) as client,
        client.stream("GET", f"{web.url}{path}") as response,
    ):
        assert response.status_code == 200, response.status_code
        yield Stream(response)


def status_of(web: WebServer, path: str, user: User | None) -> int:
    cookies = session_of(user) if user else {}
    with httpx.Client(timeout=5, cookies=cookies) as client, client.stream("GET", f"{web.url}{path}") as response:
        return response.status_code


def test_a_page_hears_that_its_operation_has_changed(
    web: WebServer, valkey: Valkey, acme: Tenant, engineer: User
) -> None:
    operation = an_operation(acme)
    with stream(web, f"/events/operations/{operation.pk}", engineer) as heard:
        assert heard.next() == "event: changed"  # it may have moved since the page was drawn
        started = time.monotonic()
        assert valkey.client().publish(doorbell.channel(operation.pk), "changed") == 1
        assert heard.next() == "event: changed"
        assert time.monotonic() - started < 1

        headers = heard.response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


def test_an_operation_is_heard_by_its_id_in_capital_letters(web: WebServer, acme: Tenant, engineer: User) -> None:
    assert status_of(web, f"/events/operations/{str(an_operation(acme).pk).upper()}", engineer) == 200


def test_a_tenants_pages_hear_of_the_tenant(web: WebServer, valkey: Valkey, acme: Tenant, engineer: User) -> None:
    with stream(web, "/events/t/acme", engineer) as heard:
        heard.next()
        valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        assert heard.next() == "event: changed"


def test_nobody_hears_of_others(web: WebServer, valkey: Valkey, acme: Tenant, engineer: User) -> None:
    with stream(web, "/events/t/acme", engineer, seconds=1) as heard:
        heard.next()
        valkey.client().publish(f"weft:tenant:{uuid4()}", "changed")
        with pytest.raises(httpx.ReadTimeout):
            heard.next()


def test_a_burst_is_one_event_and_one_more(web: WebServer, valkey: Valkey, acme: Tenant, engineer: User) -> None:
    with stream(web, "/events/t/acme", engineer, seconds=1) as heard:
        heard.next()
        for _ in range(50):
            valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        assert heard.next() == "event: changed"
        with contextlib.suppress(httpx.ReadTimeout):
            heard.next()
        with pytest.raises(httpx.ReadTimeout):
            heard.next()


def test_strangers_find_nothing(web: WebServer, acme: Tenant, globex: Tenant, engineer: User, stranger: User) -> None:
    operation = f"/events/operations/{an_operation(acme).pk}"
    nobody = builders.a_user("nobody")

    for path in (operation, "/events/t/acme"):
        assert status_of(web, path, stranger) == 404
        assert status_of(web, path, nobody) == 404
        assert status_of(web, path, None) == 404
        assert status_of(web, path, engineer) == 200
    for path in (f"/events/operations/{uuid4()}", "/events/t/nowhere", "/events/", "/events/operations/1"):
        assert status_of(web, path, engineer) == 404


def test_a_platform_admin_hears_every_tenant(web: WebServer, acme: Tenant, admin: User) -> None:
    assert status_of(web, f"/events/operations/{an_operation(acme).pk}", admin) == 200
    assert status_of(web, "/events/t/acme", admin) == 200


def test_a_dead_session_opens_nothing(web: WebServer, acme: Tenant, engineer: User) -> None:
    cookies = session_of(engineer)
    engineer.set_password("another long password")
    engineer.save()
    inactive = builders.a_member(acme, username="gone")
    gone = session_of(inactive)
    User.objects.filter(pk=inactive.pk).update(is_active=False)

    assert httpx.get(f"{web.url}/events/t/acme", cookies=cookies).status_code == 404
    assert httpx.get(f"{web.url}/events/t/acme", cookies=gone).status_code == 404


def test_who_lost_the_membership_is_not_let_in_again(web: WebServer, acme: Tenant, engineer: User) -> None:
    assert status_of(web, "/events/t/acme", engineer) == 200
    Membership.objects.filter(user=engineer).delete()
    assert status_of(web, "/events/t/acme", engineer) == 404


def test_members_of_several_tenants_hear_each(web: WebServer, acme: Tenant, globex: Tenant, engineer: User) -> None:
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    assert status_of(web, f"/events/operations/{an_operation(globex).pk}", engineer) == 200


def test_fifty_open_pages_hold_no_database_connection(
    web: WebServer, valkey: Valkey, acme: Tenant, engineer: User
) -> None:
    with contextlib.ExitStack() as open_pages:
        streams = [open_pages.enter_context(stream(web, "/events/t/acme", engineer)) for _ in range(50)]
        for one in streams:
            one.next()
        # Listening costs Redis one connection, whoever listens.
        assert valkey.client().pubsub_numpat() == 2
        wait_until(lambda: connections_of_the_server() <= 2)
        started = time.monotonic()
        valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        for one in streams:
            assert one.next() == "event: changed"
        assert time.monotonic() - started < 2


def connections_of_the_server() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weft-under-test'")
        return int(cursor.fetchone()[0])


def test_streams_survive_a_restart_of_redis(web: WebServer, valkey: Valkey, acme: Tenant, engineer: User) -> None:
    with stream(web, "/events/t/acme", engineer, seconds=20) as heard:
        heard.next()
        valkey.stop()
        time.sleep(0.5)
        valkey.start()
        assert heard.next() == "event: changed"  # something may have been missed

        wait_until(lambda: valkey.client().pubsub_numpat() == 2)
        valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        assert heard.next() == "event: changed"


def test_a_page_can_be_opened_while_redis_is_away(web: WebServer, valkey: Valkey, acme: Tenant, engineer: User) -> None:
    valkey.stop()
    try:
        assert status_of(web, "/events/t/acme", engineer) == 200
    finally:
        valkey.start()


def test_a_quiet_stream_pings_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PING_SECONDS", 0.05), ("READY_SECONDS", 0.01), ("LIFE_SECONDS", 0.3)):
        monkeypatch.setattr(events, name, seconds)
    monkeypatch.setattr(events, "HUB", events.Hub())
    sent: list[events.Message] = []

    async def send(message: events.Message) -> None:
        sent.append(message)

    async def receive() -> events.Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    asyncio.run(events._stream(asyncio.Event(), receive, send))

    bodies = [message.get("body", b"") for message in sent[1:]]
    assert bodies[:2] == [b"retry: 2000\n\n", b"event: changed\ndata:\n\n"]
    assert set(bodies[2:-1]) == {b": ping\n\n"}
    assert not sent[-1].get("more_body")
