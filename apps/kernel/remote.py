"""What the clients of CloudStack and Netris share: one way to call over HTTP, one way to fail, one way to be watched.

    RemoteError             .system, .call
    ├── Unavailable         look again later; .maybe_sent says whether the call may have taken effect
    │   └── Unauthorized    the remote does not accept the credentials; work waits until a person mends them
    └── Rejected            the remote understood and refused: .text (its own words), .code, .field

This module knows HTTP and nothing of either remote: what an answer means is for the clients to say. It logs one line
per request to "weft.remote", never an address with its query, a header or a body: those carry keys, cookies, passwords.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import BaseModel, ConfigDict, model_validator

logger = logging.getLogger("weft.remote")

TITLES = {"cloudstack": "CloudStack", "netris": "Netris"}

CONNECT_TIMEOUT = 5.0
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=15.0)

# The connection did not come to be, so nothing was sent over it.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
# Worth one more try when reading: typically a kept-alive connection that the remote has closed meanwhile.
# A timeout is not: whoever waited that long should not wait twice.
CONNECTION_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)


class RemoteError(Exception):
    """A remote did not do as asked. `call` is a CloudStack command, or a Netris method and path without ids."""

    def __init__(self, text: str, *, system: str = "", call: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.system = system
        self.call = call


class Unavailable(RemoteError):  # noqa: N818 - exceptions say what to do: look again later
    """No usable answer: a timeout, a broken connection, a crash, a dead session, an answer that cannot be read.

    `is_late`: the call went out, and its answer did not come within the time that it was given.
    """

    def __init__(
        self, text: str, *, maybe_sent: bool = True, is_late: bool = False, system: str = "", call: str = ""
    ) -> None:
        super().__init__(text, system=system, call=call)
        self.maybe_sent = maybe_sent
        self.is_late = is_late


class Unauthorized(Unavailable):
    """The credentials are refused. Nothing took effect, and nothing will until they are mended."""

    def __init__(self, text: str, *, maybe_sent: bool = False, system: str = "", call: str = "") -> None:
        super().__init__(text, maybe_sent=maybe_sent, system=system, call=call)


class Rejected(RemoteError):  # noqa: N818 - exceptions say what to do: give up
    """The remote's own refusal. `code` is CloudStack's error code or Netris's HTTP status."""

    def __init__(self, text: str, code: int = 0, field: str | None = None, *, system: str = "", call: str = "") -> None:
        super().__init__(text, system=system, call=call)
        self.code = code
        self.field = field


class Wire(BaseModel):
    """A row as a remote sends it: frozen, fields that nobody uses left out, null and blank the same as absent."""

    # A validation error would otherwise quote the value that it could not read.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_blanks(cls, row: Any) -> Any:
        return {key: value for key, value in row.items() if value not in (None, "")} if isinstance(row, dict) else row


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Hooks:
    """Called around every request on the wire, logins and repeated reads included.

    `before` may raise, and then nothing is sent. `after` must not raise: by then the call may have taken effect. Its
    status is None when no answer came.
    """

    before: Callable[[str, str], None] = _nothing
    after: Callable[[str, str, int | None, float], None] = _nothing


class Channel:
    """One connection pool to one remote. Threads may share it."""

    def __init__(
        self,
        system: str,
        *,
        auth: httpx.Auth,
        transport: httpx.BaseTransport | None,
        hooks: Hooks | None,
        read_timeout: float,
    ) -> None:
        self._system = system
        self._timeout = httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT)
        self._client = httpx.Client(
            auth=auth,
            headers={"Accept": "application/json", "User-Agent": "weft"},
            transport=_Watched(system, transport or httpx.HTTPTransport(limits=LIMITS), hooks or Hooks()),
        )

    def close(self) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        call: str,
        subject: str,
        is_read: bool,
        query: Sequence[tuple[str, str]] = (),
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        read_timeout: float | None = None,
    ) -> httpx.Response:
        """One call, whatever its answer. A read whose connection breaks is sent once more; a write never is.
        `read_timeout` is for a call that may take longer than the others, in seconds."""
        timeout = self._timeout if read_timeout is None else httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT)
        for is_last in (False, True) if is_read else (True,):
            try:
                request = self._client.build_request(
                    method,
                    url,
                    params=list(query) or None,
                    data=form,
                    json=json,
                    timeout=timeout,
                    extensions={"call": call, "subject": subject},
                )
                return self._client.send(request)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                if is_last or not isinstance(error, CONNECTION_LOST):
                    raise self._unavailable(call, error) from error
        raise AssertionError("unreachable")

    def _unavailable(self, call: str, error: Exception) -> Unavailable:
        title = TITLES[self._system]
        # Only the text of a failed connection is repeated (refused, unknown host, bad certificate): the texts of other
        # errors may quote headers.
        if isinstance(error, httpx.ConnectError):
            text = f"{title} could not be reached for {call}: {error}"
        elif isinstance(error, httpx.TimeoutException):
            text = f"{title} did not answer {call} in time ({type(error).__name__})"
        else:
            text = f"{title} gave no answer to {call} ({type(error).__name__})"
        maybe_sent, is_late = not isinstance(error, NOT_SENT), isinstance(error, httpx.ReadTimeout)
        return Unavailable(text, maybe_sent=maybe_sent, is_late=is_late, system=self._system, call=call)


class Client:
    """A remote at `url`, through one channel."""

    def __init__(self, url: str, channel: Channel) -> None:
        self._url = url
        self._channel = channel

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Watched(httpx.BaseTransport):
    """The transport below, with hooks and the log line around each request. It reads whole answers."""

    def __init__(self, system: str, transport: httpx.BaseTransport, hooks: Hooks) -> None:
        self._system = system
        self._transport = transport
        self._hooks = hooks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = str(request.extensions["call"])
        self._hooks.before(self._system, call)
        status: int | None = None
        started = time.monotonic()
        try:
            response = self._transport.handle_request(request)
            response.read()
            status = response.status_code
            return response
        finally:
            milliseconds = (time.monotonic() - started) * 1000
            subject = str(request.extensions.get("subject", ""))
            logger.info("%s %s %r %s %d ms", self._system, call, subject, status or "-", milliseconds)
            self._hooks.after(self._system, call, status, milliseconds)

    def close(self) -> None:
        self._transport.close()
