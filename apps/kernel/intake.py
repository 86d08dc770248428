"""The way in. Every request is read and judged here, once, before anything else sees it.

    what comes in                                               refused when                               status
    path, query, form, headers, cookies                         a NUL, or bytes that are no UTF-8          400
    path, query, one parameter                                  longer than `PATH`, `QUERY`, `TEXT`       414
    headers                                                     more than `HEADERS` bytes or lines         431
    body, one field of a form                                   longer than the limit, `TEXT`             413
    a field that holds a document                               longer than `DOCUMENTS` has it             413
    parameters, fields of a form                                more than `PARAMETERS` of them             414, 413
    fields of a form's rows                                     more than `ROW_FIELDS` of them             413
    a form with files                                           always: nothing in Weft takes an upload    415

So whoever reads a parameter, a cookie or a header may take it for text of a bounded length. A body is read whole,
however it is sent, and handed on with its length: Django would write one of unknown length to a file before looking at
its address, and REST framework takes one without a length for none.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from django.conf import settings
from django.http.cookie import parse_cookie

from apps.kernel.limits import DOCUMENTS, HEADER_LINES, HEADERS, PARAMETERS, PATH, QUERY, ROW_FIELDS, ROWS, TEXT
from apps.kernel.middleware import POLICY
from apps.kernel.views import refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FORM = "application/x-www-form-urlencoded"
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

#: What Django's middleware gives every answer, for those that never get there.
GUARDS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


@dataclass(eq=False)
class Fault(Exception):  # noqa: N818 - a finding about a request
    status: int
    code: str
    message: str
    field: str | None = None


class Intake:
    """The ASGI application around all others."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            judge(scope)
            body = await _read(scope, receive)
        except Fault as fault:
            await _refuse(scope, send, fault)
        else:
            if body is not None:
                await self.app(_with_length(scope, len(body)), _again(body, receive), send)


def judge(scope: Scope) -> None:
    """Raises `Fault` for whatever stands before the body."""
    path = scope.get("raw_path") or scope["path"].encode()
    if len(path) > PATH:
        raise Fault(414, "address-too-long", f"An address has at most {PATH:,} characters.")
    _text(unquote_to_bytes(path), "address", None)
    _judge_headers(scope["headers"])
    query = scope.get("query_string", b"")
    if len(query) > QUERY:
        raise Fault(414, "address-too-long", f"What follows the question mark has at most {QUERY:,} characters.")
    _judge_pairs(query, 414, "An address", "parameter")


def _judge_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    lines = list(headers)
    if len(lines) > HEADER_LINES or sum(len(name) + len(value) for name, value in lines) > HEADERS:
        message = f"The headers have at most {HEADER_LINES} lines and {HEADERS // 1024} KiB."
        raise Fault(431, "headers-too-large", message)
    for name, value in lines:
        words = value.decode("latin-1")
        if CONTROL.search(words):
            shown = name.decode("latin-1").title()
            raise Fault(400, "header-unprintable", f"The header {shown} holds a control character.", shown)
        # A cookie may spell a control character without holding one: "\000".
        if name == b"cookie" and any(CONTROL.search(each) for each in parse_cookie(words).values()):
            raise Fault(400, "cookie-unprintable", "A cookie holds a control character. Remove it.", "Cookie")


def _judge_pairs(content: bytes, too_much: int, whole: str, noun: str) -> None:
    """The parameters of an address, or the fields of a form."""
    is_form = noun == "field"
    too_many = Fault(too_much, f"too-many-{noun}s", f"{whole} has at most {PARAMETERS} {noun}s.")
    if content.count(b"&") >= PARAMETERS + is_form * ROW_FIELDS:
        raise too_many
    text = _text(content, noun, None)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    except ValueError:
        raise _no_text(noun, None) from None
    if sum(not (is_form and name.startswith(ROWS)) for name, _ in pairs) > PARAMETERS:
        raise too_many
    for name, value in pairs:
        shown = _shown(name)
        longest = DOCUMENTS.get(name, TEXT) if is_form else TEXT
        if len(name) > TEXT or len(value) > longest:
            raise Fault(too_much, f"{noun}-too-long", f"A {noun} has at most {longest:,} characters.", shown)
        for each in (name, value):
            _text(each.encode("utf-8", "surrogateescape"), noun, shown)


def _text(content: bytes, noun: str, field: str | None) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _no_text(noun, field) from None
    if "\0" in text:
        raise _no_text(noun, field)
    return text


def _no_text(noun: str, field: str | None) -> Fault:
    return Fault(
        400, f"{noun}-unprintable", f"The {noun} holds what is no text: a NUL, or bytes that are not UTF-8.", field
    )


def _shown(name: str) -> str:
    """As it may be repeated in an answer."""
    return name[:63].encode("utf-8", "replace").decode().replace("\0", "?")


# --- bodies -----------------------------------------------------------------------------------------------------------


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when the caller is gone before its end. Raises `Fault` at the first byte over the limit."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    too_large = Fault(413, "body-too-large", f"The request's body may hold at most {limit // 1024} KiB.")
    declared = _header(scope, b"content-length")
    if declared and (not declared.isdecimal() or len(declared) > 15 or int(declared) > limit):
        raise too_large
    parts: list[bytes] = []
    has_more, size = True, 0
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise too_large
        has_more = message.get("more_body", False)
    body = b"".join(parts)
    _judge_body(_header(scope, b"content-type").partition(";")[0].strip().lower(), body)
    return body


def _judge_body(media_type: str, body: bytes) -> None:
    if media_type.startswith("multipart/"):
        raise Fault(415, "unsupported-media-type", f"Nothing here takes an upload. Send a form as {FORM}.")
    if media_type == FORM:
        _judge_pairs(body, 413, "A form", "field")


def _with_length(scope: Scope, length: int) -> Scope:
    headers = [line for line in scope["headers"] if line[0] not in (b"content-length", b"transfer-encoding")]
    if length or len(headers) < len(scope["headers"]):
        headers.append((b"content-length", str(length).encode()))
    return {**scope, "headers": headers}


def _again(body: bytes, receive: Receive) -> Receive:
    """Tells of the body once, and then of what comes after it."""
    is_told = False

    async def tell() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return tell


def _header(scope: Scope, wanted: bytes) -> str:
    found: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return b",".join(found).decode("latin-1")


# --- refusing ---------------------------------------------------------------------------------------------------------


async def _refuse(scope: Scope, send: Send, fault: Fault) -> None:
    is_part = _header(scope, b"hx-request") == "true" and _header(scope, b"hx-boosted") != "true"
    answer = refusal(scope["path"], fault.status, fault.code, fault.message, field=fault.field, is_part=is_part)
    if fault.field == "Cookie":
        answer["Clear-Site-Data"] = '"cookies"'  # a browser would send it again for ever
    # What is left of the body is not read: the connection ends with the answer.
    headers = {**GUARDS, **answer.headers, "Content-Length": str(len(answer.content)), "Connection": "close"}
    lines = [(name.lower().encode(), str(value).encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.content})
