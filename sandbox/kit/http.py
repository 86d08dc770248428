"""How an emulator meets its callers: in process through an httpx transport, or on a loopback port.

The port is served by threads of the standard library rather than ASGI, because ASGI servers lower-case header names and
the Netris Java SDK looks for the exact spelling `Set-Cookie` (netris-api.md 1.2).
"""

from __future__ import annotations

import _thread
import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

MAX_BODY = 4 * 1024 * 1024


class ReplyLost(Exception):  # noqa: N818 - it is an event on the wire, not a mistake
    """The call took effect, but its answer never reaches the caller."""


class Unreachable(Exception):  # noqa: N818
    """The service is down: nobody takes the call."""


@dataclass(frozen=True)
class Request:
    """One call. `query` keeps repeated keys and their order; header names are lower-cased.

    `peer` is the address that a call on a port comes from, and None in process.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    raw_query: str = ""
    peer: str | None = None

    def json(self) -> Any:
        return json.loads(self.body) if self.body.strip() else None


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=(("Content-Type", "application/json"),))

    @classmethod
    def of_json(cls, status: int, content: Any, *headers: tuple[str, str], media: str = "application/json") -> Response:
        return cls(status, json.dumps(content, ensure_ascii=False).encode(), (("Content-Type", media), *headers))


class App(Protocol):
    """An emulated service. `handle` may block (a slow fault, a slow command) and raise `ReplyLost` or `Unreachable`."""

    def handle(self, request: Request) -> Response: ...


def request_of(
    method: str, target: str, headers: Mapping[str, str], body: bytes, *, peer: str | None = None
) -> Request:
    parts = urlsplit(target)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    names = {name.lower(): value for name, value in headers.items()}
    return Request(method.upper(), unquote(parts.path), query, names, body, parts.query, peer)


def transport(app: App) -> httpx.MockTransport:
    """Mount an emulator inside a client: `httpx.Client(transport=transport(app))`."""

    def answer(call: httpx.Request) -> httpx.Response:
        request = request_of(call.method, str(call.url), dict(call.headers), call.read())
        try:
            response = app.handle(request)
        except ReplyLost as lost:
            raise httpx.ReadError("the connection closed before an answer", request=call) from lost
        except Unreachable as down:
            raise httpx.ConnectError("connection refused", request=call) from down
        return httpx.Response(response.status, headers=list(response.headers), content=response.body)

    return httpx.MockTransport(answer)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, app: App, port: int, host: str = "127.0.0.1") -> None:
        self.app = app
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def _handle_request_noblock(self) -> None:
        """Take every caller that waits. One per turn would let busy connections keep new ones out for seconds."""
        self.socket.setblocking(False)
        while True:
            try:
                connection, address = self.get_request()
            except OSError:
                return
            connection.setblocking(True)
            self.process_request(connection, address)

    def process_request(self, request: Any, client_address: Any) -> None:
        # not threading.Thread: its start() waits until the new thread has run, behind all the others
        _thread.start_new_thread(self.process_request_thread, (request, client_address))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers hang up whenever they like; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one buffered write per answer
    timeout = 120  # seconds that a caller may take over half a request, or keep a silent connection
    server: Server

    def _answer(self) -> None:
        try:
            body = self._body()
        except EOFError:
            self._hang_up()
            return
        except OverflowError:
            self._send(Response.of_json(413, {"message": "unreadable body length"}), close=True)
            return
        except ValueError:
            self._send(Response.of_json(400, {"message": "unreadable body length"}), close=True)
            return
        try:
            headers, peer = dict(self.headers.items()), str(self.client_address[0])
            response = self.server.app.handle(request_of(self.command, self.path, headers, body, peer=peer))
        except (ReplyLost, Unreachable):
            self._hang_up()
            return
        self._send(response)

    def _body(self) -> bytes:
        """All of it, of a length told before or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self._line().partition(b";")[0], 16):
            body += self._read(size, MAX_BODY - len(body))
            if self._line():
                raise ValueError("a chunk is longer than it says")
        while self._line():
            pass  # trailers
        return body

    def _read(self, length: int, most: int = MAX_BODY) -> bytes:
        if length < 0:
            raise ValueError("a negative length")
        if length > most:
            raise OverflowError
        found = self.rfile.read(length)
        if len(found) < length:
            raise EOFError
        return found

    def _line(self) -> bytes:
        line = self.rfile.readline(1024)
        if not line.endswith(b"\n"):
            raise EOFError
        return line.strip()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the caller may have left first
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, response: Response, *, close: bool = False) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: Any) -> None:
        """Access lines would carry API keys and signatures."""


def serve(app: App, port: int = 0) -> Server:
    """Serve on loopback in a daemon thread; `server.url` says where, `server.shutdown()` stops it."""
    server = Server(app, port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return server
