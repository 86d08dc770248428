"""Two guards that every request passes: the content security policy, and the limit on a request's body."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

Next = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class ContentSecurityPolicy:
    """Only our own files run. A view that needs more (the API's documentation) sets the header itself."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class BodyLimit:
    """Refuse a body over the limit before anything reads it. Nothing in Weft takes an upload."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        try:
            length = int(request.headers.get("Content-Length") or 0)
        except ValueError:
            length = limit + 1
        if length <= limit:
            return self.get_response(request)
        message = f"The request's body may hold at most {limit // 1024} KiB."
        if request.path.startswith("/api/"):
            error = {"code": "body-too-large", "field": None, "detail": message}
            problem = {"type": "about:blank", "title": "Body too large", "status": 413, "detail": message}
            return JsonResponse(
                problem | {"code": "body-too-large", "field": None, "errors": [error]},
                status=413,
                content_type="application/problem+json",
            )
        return render(request, "400.html", {"message": message}, status=413)
