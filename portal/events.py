"""Live updates: server-sent events, served before Django so that an open page holds no thread and no connection.

    GET /events/operations/<uuid>    "changed" whenever the operation moves
    GET /events/t/<slug>             "changed" whenever anything of the tenant does

An event carries nothing: the page asks for itself again, through Django and its permissions. So a listener needs no
queue, only a flag: any number of changes while it was busy are one. Each process has one reader of Redis for all its
streams; when Redis comes back after an absence every page is told to look, because what happened meanwhile is unknown.

A stream begins with `changed` once Redis is listened to: something may have happened since the page was drawn. It ends
by itself after a while; the browser comes back, and whoever has lost the right meanwhile is told 404.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import operator
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from uuid import UUID

import redis.asyncio
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError, connection
from django.http import HttpRequest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from apps.operations import doorbell
from apps.operations.models import Operation
from apps.tenancy.actors import platform_of
from apps.tenancy.models import Tenant, User

logger = logging.getLogger("weft.events")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX = "/events/"
PATTERNS = ("weft:operation:*", "weft:tenant:*")

PING_SECONDS = 15.0
#: At most this often; a burst of changes is one event and one more at its end.
GAP_SECONDS = 0.25
LIFE_SECONDS = 15 * 60.0
READY_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0

CHANGED = b"event: changed\ndata:\n\n"
PING = b": ping\n\n"
RETRY = b"retry: 2000\n\n"
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)


class Hub:
    """The process's one ear at Redis, and the flags of those who listen to a channel."""

    def __init__(self) -> None:
        self._flags: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        #: Set while Redis is listened to.
        self.is_listening = asyncio.Event()

    @contextlib.contextmanager
    def listen(self, channel: str) -> Iterator[asyncio.Event]:
        """A flag that is raised whenever the channel speaks. The listener lowers it."""
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_for_ever())
        flag = asyncio.Event()
        self._flags[channel].add(flag)
        try:
            yield flag
        finally:
            self._flags[channel].discard(flag)
            if not self._flags[channel]:
                del self._flags[channel]

    async def _read_for_ever(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for channel in _spoken():
                    pause = FIRST_PAUSE
                    self.is_listening.set()
                    self._raise(channel)
            except (redis.RedisError, OSError) as error:
                logger.warning("no live updates, trying again in %.1f s: %s", pause, error)
            self.is_listening.clear()
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  # so that processes do not march
            pause = min(2 * pause, LONGEST_PAUSE)

    def _raise(self, channel: str | None) -> None:
        heard = self._flags.get(channel, ()) if channel else [flag for flags in self._flags.values() for flag in flags]
        for flag in heard:
            flag.set()


async def _spoken() -> AsyncIterator[str | None]:
    """The channels that speak, as they do; None at the start, for all that may have been missed. Ends by an error."""
    client = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2.0, retry=Retry(NoBackoff(), 0), decode_responses=True
    )
    async with client, client.pubsub() as pubsub:
        await pubsub.psubscribe(*PATTERNS)
        yield None
        is_silent = False
        while True:
            message = await pubsub.get_message(timeout=PING_SECONDS)
            if message is not None:
                is_silent = False
                if message["type"] == "pmessage":
                    yield message["channel"]
            elif is_silent:
                # Not even an answer to the ping: the connection is dead and nobody has said so.
                raise redis.ConnectionError("Redis has fallen silent")
            else:
                is_silent = True
                await pubsub.ping()


HUB = Hub()
#: Two, so that a thousand pages that come back at once after a restart cost the database two connections.
DOORKEEPERS = ThreadPoolExecutor(2, thread_name_prefix="events")


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of everything under /events/."""
    try:
        channel = await asyncio.get_running_loop().run_in_executor(DOORKEEPERS, channel_for, scope)
    except DatabaseError as error:
        logger.warning("nobody can be let in: %s", error)
        await _refuse(send, 503)
        return
    if channel is None:
        await _refuse(send, 404)
        return
    with HUB.listen(channel) as flag:
        await _stream(flag, receive, send)


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def _stream(flag: asyncio.Event, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await _say(send, RETRY)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(HUB.is_listening.wait(), READY_SECONDS)
    flag.clear()
    await _say(send, CHANGED)
    ends_at = asyncio.get_running_loop().time() + LIFE_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311  # not all at once
    gone = asyncio.create_task(_until_gone(receive))
    try:
        while not gone.done() and asyncio.get_running_loop().time() < ends_at:
            raised = asyncio.create_task(flag.wait())
            await asyncio.wait((raised, gone), timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            raised.cancel()
            if gone.done():
                return
            if flag.is_set():
                flag.clear()
                await _say(send, CHANGED)
                await asyncio.sleep(GAP_SECONDS)
            else:
                await _say(send, PING)
        await send({"type": "http.response.body"})
    finally:
        gone.cancel()


async def _say(send: Send, words: bytes) -> None:
    await send({"type": "http.response.body", "body": words, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


# --- who may listen ---------------------------------------------------------------------------------------------------


def channel_for(scope: Scope) -> str | None:
    """The channel behind a path for the person behind a session; None for strangers. Runs in a thread of its own."""
    if scope["method"] != "GET":
        return None
    path = scope["path"].removeprefix(PREFIX)
    try:
        user = _user(scope)
        if user is None:
            return None
        if match := re.fullmatch(r"operations/([0-9a-fA-F-]{36})", path):
            return _operation_channel(user, match[1])
        if match := re.fullmatch(r"t/([a-z0-9-]{1,32})", path):
            return _tenant_channel(user, match[1])
        return None
    finally:
        # The thread would keep its connection for as long as it lives.
        connection.close()


def _user(scope: Scope) -> User | None:
    """As Django's middleware does it, the check of the session's hash included."""
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            with contextlib.suppress(CookieError):
                cookies.load(value.decode("latin-1"))
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    if morsel is None:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _operation_channel(user: User, text: str) -> str | None:
    try:
        operation_id = UUID(text)
    except ValueError:
        return None
    if platform := platform_of(user):
        visible = Operation.objects.across(platform)
    else:
        tenants = [membership.tenant for membership in user.memberships.select_related("tenant")]
        if not tenants:
            return None
        visible = functools.reduce(operator.or_, (Operation.objects.of(tenant) for tenant in tenants))
    return doorbell.channel(operation_id) if visible.filter(pk=operation_id).exists() else None


def _tenant_channel(user: User, slug: str) -> str | None:
    tenants = Tenant.objects.filter(slug=slug)
    if platform_of(user) is None:
        tenants = tenants.filter(memberships__user=user)
    tenant = tenants.first()
    return None if tenant is None else f"weft:tenant:{tenant.pk}"
