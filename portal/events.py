"""Live updates: server-sent events, served before Django so that an open page holds no thread and no connection.

    GET /events/operations/<uuid>    "changed" whenever the operation moves
    GET /events/t/<slug>             "changed" whenever anything of the tenant does

An event carries nothing: the page asks for itself again, through Django and its permissions. So a listener needs no
queue, only a flag: any number of changes while it was busy are one. Each process has one reader of Redis for all its
streams; when Redis comes back after an absence every page is told to look, because what happened meanwhile is unknown.

A stream begins with `changed` once Redis is listened to: something may have happened since the page was drawn. It ends
by itself after a while; the browser comes back, and whoever has lost the right meanwhile is told 404.

It also ends when that right does: a session that has ended, a person who is disabled or has another password, a
membership or a tenant that is gone. `portal/passes.py` is asked about all streams of the process at once: every few
seconds, and immediately when somebody says so on the person's channel. Only sessions listen, tokens do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis.asyncio
from django.conf import settings
from django.db import DatabaseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from portal.passes import Pass, good_of, pass_for

logger = logging.getLogger("weft.events")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PERSON = "weft:person:"
TENANT = "weft:tenant:"
PATTERNS = ("weft:operation:*", f"{TENANT}*", f"{PERSON}*")

PING_SECONDS = 15.0
#: At most this often; a burst of changes is one event and one more at its end. A tenant with much under way changes all
#: the time, and many pages follow it.
GAP_SECONDS = 0.25
TENANT_GAP_SECONDS = 1.0
LIFE_SECONDS = 15 * 60.0
READY_SECONDS = 2.0
#: How long a right may outlive its end when nobody says so.
RECHECK_SECONDS = 5.0
#: Open streams of one person in one process. More tabs look for themselves every few seconds.
MOST = 24
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
        #: Set when somebody's rights may have changed.
        self.has_news_of_people = asyncio.Event()

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
        if channel is None or channel.startswith(PERSON):
            self.has_news_of_people.set()
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


#: Two, so that a thousand pages that come back at once after a restart cost the database two connections.
DOORKEEPERS = ThreadPoolExecutor(2, thread_name_prefix="events")


class Listener:
    """One open stream. Its flag is also raised when it is over."""

    def __init__(self, pass_: Pass, flag: asyncio.Event) -> None:
        self.pass_ = pass_
        self.flag = flag
        self.is_over = False

    def end(self) -> None:
        self.is_over = True
        self.flag.set()


class Room:
    """The open streams of the process, and the one who looks whether their passes still count."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._listeners: set[Listener] = set()
        self._warden: asyncio.Task[None] | None = None

    def has_room_for(self, user_id: int) -> bool:
        return sum(one.pass_.user_id == user_id for one in self._listeners) < MOST

    @contextlib.contextmanager
    def listen(self, pass_: Pass) -> Iterator[Listener]:
        with self.hub.listen(pass_.channel) as flag:
            listener = Listener(pass_, flag)
            self._listeners.add(listener)
            if self._warden is None or self._warden.done():
                self._warden = asyncio.create_task(self._look_for_ever())
            try:
                yield listener
            finally:
                self._listeners.discard(listener)

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while self._listeners:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hub.has_news_of_people.wait(), RECHECK_SECONDS)
            self.hub.has_news_of_people.clear()
            listeners = list(self._listeners)
            try:
                good = await loop.run_in_executor(DOORKEEPERS, good_of, [one.pass_ for one in listeners])
            except DatabaseError as error:
                logger.warning("nobody's rights can be looked at: %s", error)
                good = [True] * len(listeners)
            for listener, is_good in zip(listeners, good, strict=True):
                if not is_good:
                    listener.end()
            await asyncio.sleep(GAP_SECONDS)


HUB = Hub()
ROOM = Room(HUB)


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of everything under /events/."""
    try:
        pass_ = await asyncio.get_running_loop().run_in_executor(DOORKEEPERS, pass_for, scope)
    except DatabaseError as error:
        logger.warning("nobody can be let in: %s", error)
        await _refuse(send, 503)
        return
    if pass_ is None:
        await _refuse(send, 404)
    elif not ROOM.has_room_for(pass_.user_id):
        await _refuse(send, 429, f"You have {MOST} pages open that listen for changes. Close some of them.")
    else:
        with ROOM.listen(pass_) as listener:
            await _stream(listener, receive, send)


async def _refuse(send: Send, status: int, words: str = "") -> None:
    headers = [(b"content-length", str(len(words)).encode()), (b"content-type", b"text/plain; charset=utf-8")]
    headers += [(b"retry-after", b"60")] * (status == 429)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})


async def _stream(listener: Listener, receive: Receive, send: Send) -> None:
    flag = listener.flag
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await _say(send, RETRY)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(HUB.is_listening.wait(), READY_SECONDS)
    flag.clear()
    await _say(send, CHANGED)
    gap = TENANT_GAP_SECONDS if listener.pass_.channel.startswith(TENANT) else GAP_SECONDS
    ends_at = asyncio.get_running_loop().time() + LIFE_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311  # not all at once
    gone = asyncio.create_task(_until_gone(receive))
    try:
        while not (gone.done() or listener.is_over) and asyncio.get_running_loop().time() < ends_at:
            raised = asyncio.create_task(flag.wait())
            await asyncio.wait((raised, gone), timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            raised.cancel()
            if gone.done():
                return
            if flag.is_set():
                flag.clear()
                await _say(send, CHANGED)  # also at the end: the page looks, and is told why
                await asyncio.sleep(gap)
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
