"""The link of an invitation."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse


def link_of(request: HttpRequest, secret: str) -> str:
    """Behind the # it is seen by nobody but the browser: by no server's log, and by no site that the page links to."""
    return f"{request.build_absolute_uri(reverse('join'))}#{secret}"
