"""Which format a caller can read. There is one, JSON, and whoever takes problems (RFC 9457) reads it as well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from apps.kernel.api.problems import MEDIA_TYPE


class JsonNegotiation(DefaultContentNegotiation):
    #: No `?format=`: that is what the header is for.
    settings: Any = SimpleNamespace(URL_FORMAT_OVERRIDE=None)

    def get_accept_list(self, request: Request) -> list[str]:
        """As REST framework reads it; an empty header asks for nothing in particular."""
        if not request.headers.get("Accept", "").strip():
            return ["*/*"]
        return [token.replace(MEDIA_TYPE, "application/json") for token in super().get_accept_list(request)]
