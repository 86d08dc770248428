from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.operations import doorbell
from apps.operations.models import Operation
from apps.tenancy.models import Membership, Role, Session, Tenant, User
from portal import events
from portal.env import Env
from portal.passes import Pass, good_of, pass_for
from tests import builders
from tests.portal.conftest import Valkey, WebServer, session_of, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


PATTERNS = len(events.PATTERNS)
POOL = Env.model_fields["db_pool"].default


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
    """An open stream; `next()` is its next event. That it is only quiet is passed over."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> str:
        block: list[str] = []
        for line in self._lines:
            if line:
                block.append(line)
            elif block and not block[0].startswith(("retry", ":")):
                return block[0]
            else:
                block = []
        raise StopIteration


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
    heard_of = 0
    with stream(web, "/events/t/acme", engineer, seconds=2) as heard, valkey.client() as client:
        heard.next()
        started = time.monotonic()
        with client.pipeline(transaction=False) as burst:
            for _ in range(500):
                burst.publish(f"weft:tenant:{acme.pk}", "changed")
            burst.execute()
        with contextlib.suppress(httpx.ReadTimeout):
            while heard.next() == "event: changed":
                heard_of += 1
                lasted = time.monotonic() - started
    assert 1 <= heard_of <= 2 + lasted / events.TENANT_GAP_SECONDS, "one for each gap in which something came"


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


def until_it_ends(heard: Stream) -> float:
    started = time.monotonic()
    with contextlib.suppress(StopIteration):
        while True:
            heard.next()
    return time.monotonic() - started


def test_a_stream_ends_within_seconds_of_the_right_to_it(
    web: WebServer, valkey: Valkey, acme: Tenant, globex: Tenant, engineer: User, admin: User
) -> None:
    """Nobody says so here: that is found out by itself, and costs the others nothing."""
    closed = builders.a_tenant("Closed")
    removed, disabled, changed, expired, demoted, of_globex, of_closed = (
        builders.a_member({"of-globex": globex, "of-closed": closed}.get(name, acme), username=name)
        for name in ("removed", "disabled", "changed", "expired", "demoted", "of-globex", "of-closed")
    )
    Membership.objects.filter(user=demoted).delete()
    User.objects.filter(pk=demoted.pk).update(is_platform_admin=True)
    on_operation = builders.a_member(acme, username="on-operation")
    operation = f"/events/operations/{an_operation(acme).pk}"
    paths = {of_globex: "/events/t/globex", of_closed: "/events/t/closed", on_operation: operation}
    with contextlib.ExitStack() as pages:

        def opened(user: User, path: str) -> Stream:
            heard = pages.enter_context(stream(web, path, user, seconds=15))
            assert heard.next() == "event: changed"
            return heard

        losers = [removed, disabled, changed, expired, demoted, of_globex, of_closed, on_operation]
        ending = [opened(user, paths.get(user, "/events/t/acme")) for user in losers]
        ending.append(opened(admin, "/events/t/globex"))
        staying = [opened(engineer, "/events/t/acme"), opened(admin, operation), opened(admin, "/events/t/closed")]
        Membership.objects.filter(user__in=(removed, on_operation)).delete()
        User.objects.filter(pk=disabled.pk).update(is_active=False)
        changed.set_password("another long password")
        changed.save()
        Session.objects.filter(user=expired).update(expire_date=timezone.now())
        User.objects.filter(pk=demoted.pk).update(is_platform_admin=False)
        globex.delete()
        Tenant.objects.filter(pk=closed.pk).update(disabled_at=timezone.now())

        started = time.monotonic()
        for heard in ending:
            until_it_ends(heard)
        assert time.monotonic() - started < events.RECHECK_SECONDS + 5
        valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        assert staying[0].next() == "event: changed"
        assert not staying[1].response.is_closed and not staying[2].response.is_closed
    assert status_of(web, "/events/t/closed", of_closed) == 404
    assert status_of(web, f"/events/operations/{an_operation(closed).pk}", of_closed) == 404


def test_a_stream_ends_at_once_when_somebody_takes_the_right_to_it(
    web: WebServer, acme: Tenant, globex: Tenant, engineer: User
) -> None:
    """Of the other tenant's nothing ends, though it is the same person's."""
    owner = builders.a_token(acme, created_by=builders.a_member(acme, Role.OWNER))
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    mine = Membership.objects.get(user=engineer, tenant=acme).pk
    with stream(web, "/events/t/acme", engineer) as here, stream(web, "/events/t/globex", engineer) as there:
        for heard in (here, there):
            heard.next()
        removed = httpx.delete(f"{web.url}/api/v1/members/{mine}/", headers={"Authorization": f"Bearer {owner}"})
        assert removed.status_code == 204
        assert here.next() == "event: changed"
        assert until_it_ends(here) < 2
        assert not there.response.is_closed


def test_signing_out_ends_the_streams_of_that_session_at_once(web: WebServer, acme: Tenant, engineer: User) -> None:
    with stream(web, "/events/t/acme", engineer) as elsewhere, httpx.Client(timeout=10) as browser:
        elsewhere.next()
        cookies = session_of(engineer)
        page = httpx.get(f"{web.url}/t/acme/", cookies=cookies)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token
        cookies |= dict(page.cookies)
        with browser.stream("GET", f"{web.url}/events/t/acme", cookies=cookies) as response:
            heard = Stream(response)
            heard.next()
            left = httpx.post(f"{web.url}/logout/", cookies=cookies, data={"csrfmiddlewaretoken": token[1]})
            assert left.headers["location"] == "/login/"
            assert heard.next() == "event: changed"  # so that the page looks, and is told why
            assert until_it_ends(heard) < 2
        assert not elsewhere.response.is_closed


def test_a_person_has_a_few_dozen_streams_and_is_told_so(web: WebServer, acme: Tenant, engineer: User) -> None:
    other = builders.a_member(acme, username="other")
    with contextlib.ExitStack() as pages:
        streams = [pages.enter_context(stream(web, "/events/t/acme", engineer)) for _ in range(events.MOST)]
        for one in streams:
            one.next()

        refused = httpx.get(f"{web.url}/events/t/acme", cookies=session_of(engineer))
        assert refused.status_code == 429
        assert refused.text == "You have 24 pages open that listen for changes. Close some of them."
        assert status_of(web, "/events/t/acme", other) == 200
    for _ in range(50):  # what has been closed is noticed in a moment
        if (status := status_of(web, "/events/t/acme", engineer)) == 200:
            break
        time.sleep(0.1)
    assert status == 200


def test_any_number_of_passes_is_looked_at_with_one_question(acme: Tenant, engineer: User, admin: User) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in session_of(engineer).items())
    scope = {"method": "GET", "path": "/events/t/acme", "headers": [(b"cookie", cookie.encode())]}
    mine = pass_for(scope)
    assert mine

    with CaptureQueriesContext(connection) as asked:
        found = good_of([mine, replace(mine, tenant_id=uuid4()), replace(mine, tenant_id=None)] * 100)
    assert found == [True, False, False] * 100
    assert len(asked) == 1


def test_members_of_several_tenants_hear_each(web: WebServer, acme: Tenant, globex: Tenant, engineer: User) -> None:
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    assert status_of(web, f"/events/operations/{an_operation(globex).pk}", engineer) == 200


def test_fifty_open_pages_hold_no_database_connection(
    web: WebServer, valkey: Valkey, acme: Tenant, engineer: User
) -> None:
    people = [engineer, *(builders.a_member(acme, username=f"member-{number}") for number in range(4))]
    with contextlib.ExitStack() as open_pages:
        streams = [open_pages.enter_context(stream(web, "/events/t/acme", one)) for one in people * 10]
        for one in streams:
            one.next()
        # Listening costs Redis one connection, whoever listens.
        assert valkey.client().pubsub_numpat() == PATTERNS
        # Those of the pool, which may have grown while all came at once: it has fewer than there are streams.
        assert connections_of_the_server() <= POOL < len(streams)
        started = time.monotonic()
        valkey.client().publish(f"weft:tenant:{acme.pk}", "changed")
        for one in streams:
            assert one.next() == "event: changed"
        assert time.monotonic() - started < 5


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

        wait_until(lambda: valkey.client().pubsub_numpat() == PATTERNS)
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

    async def run() -> None:
        pass_ = Pass("weft:tenant:x", 1, "key", "hash", None)
        await events._stream(events.Listener(pass_, asyncio.Event()), receive, send)

    asyncio.run(run())

    bodies = [message.get("body", b"") for message in sent[1:]]
    assert bodies[:2] == [b"retry: 2000\n\n", b"event: changed\ndata:\n\n"]
    assert set(bodies[2:-1]) == {b": ping\n\n"}
    assert not sent[-1].get("more_body")
