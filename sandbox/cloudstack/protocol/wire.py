"""CloudStack's side of HTTP: parameters in, signatures checked, JSON or XML out (cloudstack-api.md 1.1, 1.2).

Knows bytes and names, no commands and no state.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_plus
from xml.sax.saxutils import escape

from sandbox.kit.http import Request, Response

JSON = "application/json;charset=utf-8"
XML = "text/xml;charset=utf-8"
VERSION = "4.22.0.0"

_EXPIRES = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|\+00:00|\+0000)", re.ASCII)


def parameters(request: Request) -> dict[str, str]:
    """Query and form merged, the last of equal keys wins, the query over the form. A pair without `=` is dropped."""
    form = ""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = request.body.decode("utf-8", "replace")
    return {**dict(_pairs(form)), **dict(_pairs(request.raw_query))}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split("&"):
        name, equals, value = pair.partition("=")
        if equals:
            yield unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")


def string_to_sign(sent: Mapping[str, str]) -> str:
    """Names sorted as sent and left bare, values percent-encoded with `~` as %7E, all of it in lower case."""
    pairs = sorted((name, value) for name, value in sent.items() if name.lower() != "signature")
    return "&".join(f"{name}={quote(value, safe='*-._').replace('~', '%7E')}" for name, value in pairs).lower()


def signature(sent: Mapping[str, str], secret: str) -> str:
    digest = hmac.new(secret.encode(), string_to_sign(sent).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(sent: Mapping[str, str], secret: str) -> bool:
    given = next((value for name, value in sent.items() if name.lower() == "signature"), "")
    return hmac.compare_digest(given.encode(), signature(sent, secret).encode())


def expiry(text: str) -> float | None:
    """The moment that `expires` names, or None when it cannot be read."""
    match = _EXPIRES.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def answer(status: int, envelope: str, body: Any, *headers: tuple[str, str], as_json: bool) -> Response:
    safe = (("X-Content-Type-Options", "nosniff"), ("X-XSS-Protection", "1;mode=block"), *headers)
    if as_json:
        text = json.dumps({envelope: body}, ensure_ascii=False, separators=(",", ":"))
        return Response(status, text.encode("utf-8", "replace"), (("Content-Type", JSON), *safe))
    text = '<?xml version="1.0" encoding="UTF-8"?>' + _element(envelope, body, f' cloud-stack-version="{VERSION}"')
    return Response(status, text.encode("utf-8", "replace"), (("Content-Type", XML), *safe))


def _element(name: str, content: Any, attributes: str = "") -> str:
    match content:
        case Mapping():
            inner = "".join(_element(key, value) for key, value in content.items())
        case list() | tuple():
            return "".join(_element(name, each) for each in content)
        case bool():
            inner = str(content).lower()
        case _:
            inner = escape(str(content))
    return f"<{name}{attributes}>{inner}</{name}>"
