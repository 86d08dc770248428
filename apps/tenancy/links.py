"""Links that are shown once. What opens something stands behind their #."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse


def link_of(request: HttpRequest, secret: str, *, to: str = "join") -> str:
    """Behind the # it is seen by nobody but the browser: by no server's log, and by no site that the page links to."""
    return f"{request.build_absolute_uri(reverse(to))}#{secret}"
