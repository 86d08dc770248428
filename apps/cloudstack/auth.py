"""CloudStack's request signature, version 3.

All parameters travel in the form body of a POST, so no key and no signature ever stands in an address that a proxy
might log, and `enforce.post.requests.and.timestamps` may be on or off.

An order expires: whatever holds a request back until nobody waits for it any more, CloudStack then refuses it itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import httpx
from pydantic import SecretStr

#: With `enforce.post.requests.and.timestamps` the server allows at most 15 minutes.
LIFETIME = timedelta(minutes=10)
#: What only reads, as the server tells it apart (cloudstack-api.md 1).
READS = ("list", "get", "query", "find")


def string_to_sign(parameters: Mapping[str, str]) -> str:
    """Names as sent and in plain order, values percent-encoded as Java does it, then all of it in lower case."""
    return "&".join(f"{name}={_encoded(value)}" for name, value in sorted(parameters.items())).lower()


def signature(parameters: Mapping[str, str], secret_key: SecretStr) -> str:
    key = secret_key.get_secret_value().encode()
    return base64.b64encode(hmac.digest(key, string_to_sign(parameters).encode(), hashlib.sha1)).decode()


def _encoded(value: str) -> str:
    # Java leaves `*` bare and encodes `~`; Python does the reverse.
    return quote(value, safe="*-._").replace("~", "%7E")


def machine_time() -> datetime:
    return datetime.now(UTC)


class KeyAuth(httpx.Auth):
    """Adds key, expiry and signature to the form of a request. A repeated request is signed anew."""

    requires_request_body = True

    def __init__(
        self,
        api_key: SecretStr,
        secret_key: SecretStr,
        *,
        now: Callable[[], datetime] = machine_time,
        order_lifetime: timedelta = LIFETIME,
    ) -> None:
        self._api_key = api_key
        self._secret_key = secret_key
        self._now = now
        self._order_lifetime = order_lifetime

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        is_read = form.get("command", "").startswith(READS)
        expires = (self._now() + (LIFETIME if is_read else self._order_lifetime)).astimezone(UTC)
        form |= {
            "apikey": self._api_key.get_secret_value(),
            "response": "json",
            "signatureversion": "3",
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        }
        form["signature"] = signature(form, self._secret_key)
        headers = request.headers.copy()
        del headers["Content-Length"]
        yield httpx.Request(request.method, request.url, headers=headers, data=form, extensions=request.extensions)
