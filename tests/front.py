"""Requests as a web server hands them on: raw bytes, in pieces if one likes, through the intake and Django."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from apps.kernel.intake import App, Intake


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    #: How much of the request's body was asked for.
    bytes_read: int

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Django(ASGIHandler):
    """Works in the thread of the test, and so within its transaction."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        try:
            await self.handle(scope, receive, send)
        finally:
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)


def behind_intake(django: Django) -> App:
    django.load_middleware(is_async=True)
    return Intake(django)


@cache
def weft() -> App:
    return behind_intake(Django())


def ask(
    method: str,
    target: str | bytes,
    body: bytes | Iterable[bytes] = b"",
    headers: Iterable[tuple[str | bytes, str | bytes]] = (),
    *,
    app: App | None = None,
) -> Answer:
    """`body` in pieces is sent as HTTP sends one of unknown length. `target` and headers are sent as they stand."""
    path, _, query = _bytes(target).partition(b"?")
    lines = [(_bytes(name).lower(), _bytes(value)) for name, value in headers]
    names = {name for name, _ in lines}
    lines += [(b"host", b"testserver")] * (b"host" not in names)
    if not isinstance(body, bytes):
        lines.append((b"transfer-encoding", b"chunked"))
    elif body and b"content-length" not in names:
        lines.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": _path(path), "raw_path": path, "query_string": query, "root_path": "", "headers": lines,
        "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    pieces = iter([body] if isinstance(body, bytes) else body)
    said: list[Any] = []
    read, is_over = 0, False

    async def receive() -> dict[str, Any]:
        nonlocal read, is_over
        if is_over:
            await asyncio.Event().wait()  # the caller stays, and waits for its answer
        piece = next(pieces, b"")
        read, is_over = read + len(piece), not piece
        return {"type": "http.request", "body": piece, "more_body": not is_over}

    async def send(message: Any) -> None:
        said.append(message)

    async_to_sync(app or weft())(scope, receive, send)
    start = said[0]
    return Answer(
        start["status"],
        {name.decode(): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in said[1:]),
        read,
    )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _path(raw: bytes) -> str:
    """As uvicorn decodes it."""
    return unquote(raw.decode("latin-1"))
