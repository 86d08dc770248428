"""A CloudStack that answers by rote, for the oddities that a real one shows seldom. It remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
from pydantic import SecretStr

from apps.cloudstack import CloudStack, connect
from apps.kernel.remote import Hooks

URL = "https://cloud.example/client/api"
API_KEY = "the-api-key"
SECRET_KEY = "the-secret-key"

Answer = httpx.Response | Exception | dict[str, Any]


class Scripted:
    """Gives the answers in order, the last one for ever; or lets a function answer each form."""

    def __init__(self, *answers: Answer, by: Callable[[dict[str, str]], Answer] | None = None) -> None:
        self._answers = list(answers)
        self._by = by
        self.forms: list[dict[str, str]] = []
        self.requests: list[httpx.Request] = []

    def client(self, hooks: Hooks | None = None) -> CloudStack:
        transport = httpx.MockTransport(self._handle)
        return connect(URL, SecretStr(API_KEY), SecretStr(SECRET_KEY), transport=transport, hooks=hooks)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        self.forms.append(form)
        self.requests.append(request)
        answer = self._by(form) if self._by else self._next()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def _next(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def refusal(code: int, text: str = "no", **more: Any) -> httpx.Response:
    body = {"createvpcresponse": {"uuidList": [], "errorcode": code, "errortext": text, **more}}
    return httpx.Response(code, content=json.dumps(body).encode())
