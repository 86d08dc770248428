"""The root admin of a cloud, calling the API in process: signed as any caller is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.http import Request, Response
from sandbox.kit.store import Row


class Server(Protocol):
    @property
    def cloud(self) -> Cloud: ...

    def handle(self, request: Request) -> Response: ...


class OrderRefusedError(RuntimeError):
    """What the API said no to."""


class Operator:
    """`api("createVPC", name=...)` is what stands in the envelope."""

    def __init__(self, cloudstack: Server) -> None:
        self._cloudstack = cloudstack
        user = cloudstack.cloud.table("user").find(username="admin")
        if user is None:
            raise LookupError("the cloud has lost its root admin")
        self._key, self._secret = user["apikey"], user["secretkey"]

    def __call__(self, command: str, **parameters: Any) -> Row:
        sent = {name: str(value) for name, value in parameters.items()}
        sent |= {"command": command, "response": "json", "apikey": self._key}
        text = "&".join(f"{name}={quote(sent[name], safe='*-._')}" for name in sorted(sent)).lower()
        digest = hmac.new(self._secret.encode(), text.encode(), hashlib.sha1).digest()
        query = urlencode(sent | {"signature": base64.b64encode(digest).decode()})
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        response = self._cloudstack.handle(Request("GET", "/client/api", pairs, {}, b"", query))
        (body,) = json.loads(response.body).values()
        if response.status != 200:
            raise OrderRefusedError(f"{command}: {body}")
        return dict(body)

    def one(self, command: str, **parameters: Any) -> Row:
        """The object of a synchronous command, or the first of a list."""
        body = self(command, **parameters)
        found = next(value for name, value in body.items() if name != "count")
        return dict(found[0] if isinstance(found, list) else found)

    def done(self, command: str, **parameters: Any) -> Row:
        job = self("queryAsyncJobResult", jobid=self(command, **parameters)["jobid"])
        if job["jobstatus"] != 1:
            raise OrderRefusedError(f"{command}: {job['jobresult']}")
        return next((dict(each) for each in job["jobresult"].values() if isinstance(each, dict)), {})
